"""Samplers: which records a `DataLoader` reads, in which order."""

from ._samplers import (
    IndexSampler as IndexSampler,
    PlannedSampler as PlannedSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
)

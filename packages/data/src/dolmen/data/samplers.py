"""Samplers: which records a `DataLoader` reads, in which order."""

from ._samplers import (
    IndexSampler as IndexSampler,
    Sampler as Sampler,
    SequentialSampler as SequentialSampler,
)

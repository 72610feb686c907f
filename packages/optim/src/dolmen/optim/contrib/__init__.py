"""Younger or rarer methods."""

from .._noise import (
    DifferentiallyPrivateAggregateState as DifferentiallyPrivateAggregateState,
    differentially_private_aggregate as differentially_private_aggregate,
)
from ._prodigy import ProdigyState as ProdigyState, prodigy as prodigy

__all__ = [
    "DifferentiallyPrivateAggregateState",
    "ProdigyState",
    "differentially_private_aggregate",
    "prodigy",
]

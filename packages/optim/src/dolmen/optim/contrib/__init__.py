"""Younger or rarer methods."""

from .._noise import (
    DifferentiallyPrivateAggregateState as DifferentiallyPrivateAggregateState,
    differentially_private_aggregate as differentially_private_aggregate,
)

__all__ = [
    "DifferentiallyPrivateAggregateState",
    "differentially_private_aggregate",
]

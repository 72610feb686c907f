"""A fence that XLA's optimizer does not look through."""

from collections.abc import Sequence
from typing import Any

from .._backend import pytree
from .._ir import ArrayType, Primitive
from .._tracing import bind
from . import _creation


def optimization_barrier(operand: Any) -> Any:
    """The same values, which no optimization may trace back to where they came from.

    XLA computes everything before the barrier before anything behind it, and does not
    merge computations across it. Rematerialization uses it so that recomputed values
    are not recognized as the ones already known.

    Args:
        operand: an array or a tree of arrays.

    Returns:
        The same tree.
    """
    leaves, tree = pytree.BOUNDARY.flatten(operand)
    return tree.unflatten(barrier(leaves))


def barrier(values: Sequence[Any]) -> list[Any]:
    """`optimization_barrier` of flat values."""
    return list(bind(OptimizationBarrier(), *values)) if values else []


class OptimizationBarrier(Primitive):
    """The arguments, all of them known before any of them is used."""

    multiple_results = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return arg_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        known = [t for t in tangents if t is not None]
        made = iter(barrier(known))
        return barrier(primals), [None if t is None else next(made) for t in tangents]

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        filled = [
            _creation.full(arg.type.shape, 0, arg.type.dtype) if ct is None else ct
            for ct, arg in zip(cotangents, args, strict=True)
        ]
        return barrier(filled)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        return barrier(args), list(axes)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        made = builder.emit("optimization_barrier", args)
        return [made] if len(args) == 1 else made

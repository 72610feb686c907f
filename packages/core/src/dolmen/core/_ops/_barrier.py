"""A fence that XLA's optimizer does not look through."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._backend import pytree
from .._ir import ArrayType, Primitive, array_type, type_error
from .._tracing import bind, typeof
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.optimization_barrier((jnp.array([1.0]), jnp.array([2])))
        (Array([1.], dtype=float32), Array([2], dtype=int32))
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


# ---- order without values ------------------------------------------------------------

_TOKEN = array_type((0,), np.dtype(bool))


def create_token(_: Any = None) -> Any:
    """A token: a value that carries nothing but order, an empty ``bool[0]``.

    Args:
        _: not used.

    Example:
        >>> from dolmen.core import lax
        >>> lax.create_token().shape
        (0,)
    """
    return _creation.full(_TOKEN.shape, False)


def after_all(*operands: Any) -> Any:
    """A token that is there once all of the given ones are.

    Args:
        *operands: tokens of `create_token` or `after_all`.

    Raises:
        TypeError: one of them is no token.

    Example:
        >>> from dolmen.core import lax
        >>> lax.after_all(lax.create_token(), lax.create_token()).shape
        (0,)
    """
    for operand in operands:
        if typeof(operand) is not _TOKEN:
            raise type_error(
                f"after_all: expected tokens, got {typeof(operand)!r}.",
                "Make one with `lax.create_token()`.",
            )
    return barrier(operands)[0] if operands else create_token()

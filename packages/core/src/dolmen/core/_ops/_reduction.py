"""Reduction of square matrices by unitary similarity: Hessenberg and tridiagonal."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type
from .._tracing import bind
from ._matrices import (
    INT32,
    MatrixFunction,
    call_lapack,
    check_matrices,
    check_square,
    nan_where_failed,
)


def hessenberg(a: Any) -> list[Any]:
    """Reduce square matrices to upper Hessenberg form, as LAPACK's `gehrd` packs it.

    Args:
        a: float32, float64 or complex ``[..., n, n]``.

    Returns:
        A list of two arrays: ``[..., n, n]`` with the Hessenberg matrix in the upper
        triangle and the diagonal below it, and the Householder reflections below that
        diagonal; ``[..., n - 1]``, the scales of the reflections. Both have the dtype
        of `a`; the product of the reflections is
        ``householder_product(packed[..., 1:, :-1], taus)``.

    Raises:
        TypeError: `a` has another dtype.
        ValueError: the last two sizes of `a` differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> packed, taus = lax.linalg.hessenberg(jnp.eye(3))
        >>> taus
        Array([0., 0.], dtype=float32)
    """
    return list(bind(Hessenberg(), a))


class Hessenberg(MatrixFunction):
    """The Hessenberg matrix and the reflections in one matrix, and their scales."""

    multiple_results = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (a,) = arg_types
        batch = check_matrices("hessenberg", arg_types)
        check_square("hessenberg", a)
        taus = array_type((*batch, max(a.shape[-1] - 1, 0)), a.dtype)
        return [a.strengthened(), taus]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (a,), types = builder.in_types, builder.out_types
        info = array_type(a.shape[:-2], INT32)
        *made, info = call_lapack(
            builder, "gehrd", args, [*types, info], low=1, high=a.shape[-1]
        )
        return nan_where_failed(builder, info, made, types)

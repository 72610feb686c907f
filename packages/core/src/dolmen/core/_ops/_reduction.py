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
    real_type,
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


def tridiagonal(a: Any, *, lower: bool = True) -> list[Any]:
    """Reduce Hermitian matrices to tridiagonal form, as LAPACK's `sytrd` packs it.

    Args:
        a: float32, float64 or complex ``[..., n, n]``; one triangle is read.
        lower: which one.

    Returns:
        A list of four arrays: ``[..., n, n]`` with the tridiagonal matrix on the
        diagonal and beside it, in the triangle that is read, and the Householder
        reflections beyond; the diagonal ``[..., n]`` and the one beside it
        ``[..., n - 1]``, both real; the scales of the reflections ``[..., n - 1]``.

    Raises:
        TypeError: `a` has another dtype.
        ValueError: the last two sizes of `a` differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> _, d, e, _ = lax.linalg.tridiagonal(jnp.array([[2.0, 1.0], [1.0, 3.0]]))
        >>> d, e
        (Array([2., 3.], dtype=float32), Array([1.], dtype=float32))
    """
    return list(bind(Tridiagonal(bool(lower)), a))


class Tridiagonal(MatrixFunction):
    """The tridiagonal matrix and the reflections; diagonals; scales."""

    multiple_results = True

    reads_lower: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (a,) = arg_types
        batch = check_matrices("tridiagonal", arg_types)
        check_square("tridiagonal", a)
        n = a.shape[-1]
        beside = (*batch, max(n - 1, 0))
        diagonals = real_type((*batch, n), a.dtype), real_type(beside, a.dtype)
        return [a.strengthened(), *diagonals, array_type(beside, a.dtype)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (a,), types = builder.in_types, builder.out_types
        info = array_type(a.shape[:-2], INT32)
        uplo = "L" if self.reads_lower else "U"
        *made, info = call_lapack(builder, "sytrd", args, [*types, info], uplo=uplo)
        return nan_where_failed(builder, info, made, types)

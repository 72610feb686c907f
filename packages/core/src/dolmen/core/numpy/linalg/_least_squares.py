"""Ranks, pseudo-inverses and least squares, by singular values."""

from typing import Any

import ml_dtypes

from ... import lax
from ..._higher_order import custom_jvp
from ..._ir import ArrayType, type_error, value_error
from ..._ops._matrices import (
    adjoint,
    along_rows,
    as_dtype_of,
    conjugated,
    hermitian_part,
    matmul,
    real_part,
)
from ..._tracing import concrete, not_concrete, typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._promotion import convert, promote_args_inexact, type_of
from .._reductions import count_nonzero, min as amin, sum
from ._factors import svd
from ._systems import alike


def _rounding(type: ArrayType) -> float:
    """How far rounding moves singular values of matrices, beside the greatest."""
    return max(type.shape[-2:]) * float(ml_dtypes.finfo(type.dtype).eps)


def _cutoffs(values: Any, rtol: Any) -> Any:
    """Singular values up to which they count as zero; they descend."""
    rank = typeof(values).ndim
    greatest = lax.slice_in_dim(
        values, 0, min(1, typeof(values).shape[-1]), axis=rank - 1
    )
    type = typeof(greatest)
    rtol = convert(rtol, type.dtype)
    own = typeof(rtol).ndim
    factor = lax.broadcast_in_dim(rtol, type.shape, range(rank - 1 - own, rank - 1))
    bound = lax.mul(greatest, factor)
    return lax.broadcast_in_dim(bound, typeof(values).shape, range(rank))


@jit_when_eager(static_argnames=("hermitian",))
def matrix_rank(
    M: ArrayLike,
    rtol: ArrayLike | None = None,
    *,
    hermitian: bool = False,
    tol: ArrayLike | None = None,
) -> Array:
    """Number of singular values greater than ``rtol`` times the greatest.

    Args:
        M: ``[..., m, n]``; of fewer axes the rank is 1 unless all elements are zero.
        rtol: scalar or ``[...]``; by default ``max(m, n)`` times the dtype's epsilon.
        hermitian: a promise that `M` is Hermitian: see `svd`.
        tol: another name of `rtol`.

    Returns:
        Integers ``[...]``.

    Raises:
        ValueError: both `rtol` and `tol` are given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.matrix_rank(jnp.array([[1.0, 2.0], [2.0, 4.0]]))
        Array(1, dtype=int32)
    """
    rtol = _one_of("matrix_rank", "tol", rtol, tol)
    (x,) = promote_args_inexact("matrix_rank", M)
    if typeof(x).ndim < 2:
        return amin(count_nonzero(x), initial=1)
    if rtol is None:
        rtol = _rounding(typeof(x))
    values = svd(x, compute_uv=False, hermitian=hermitian)
    return count_nonzero(lax.gt(values, _cutoffs(values, rtol)), -1)


def _one_of(function: str, other: str, rtol: Any, same: Any) -> Any:
    if rtol is not None and same is not None:
        raise value_error(
            f"{function}: `rtol` and `{other}` are the same; got both.",
            f"Leave `{other}` out.",
        )
    return same if rtol is None else rtol


@jit_when_eager(static_argnames=("hermitian",))
def pinv(
    a: ArrayLike,
    rtol: ArrayLike | None = None,
    hermitian: bool = False,
    *,
    rcond: ArrayLike | None = None,
) -> Array:
    """The Moore-Penrose pseudo-inverses of matrices.

    Args:
        a: ``[..., m, n]``.
        rtol: scalar or ``[...]``: singular values up to this times the greatest count
            as zero; by default ``10 max(m, n)`` times the dtype's epsilon.
        hermitian: a promise that `a` is Hermitian: see `svd`.
        rcond: another name of `rtol`.

    Returns:
        ``[..., n, m]``. The derivative is that at constant rank.

    Raises:
        ValueError: both `rtol` and `rcond` are given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.pinv(jnp.array([[2.0, 0.0], [0.0, 0.0]]))
        Array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32)
    """
    rtol = _one_of("pinv", "rcond", rtol, rcond)
    (x,) = promote_args_inexact("pinv", a)
    if rtol is None:
        rtol = 10 * _rounding(typeof(x))
    if hermitian:
        x = hermitian_part(x)
    return _inverted(x, rtol, hermitian)[0]


def _inverted(a: Any, rtol: Any, hermitian: bool = False) -> tuple[Any, Any, Any]:
    """Pseudo-inverses, singular values, and which of these don't count as zero."""
    left, values, right = svd(a, full_matrices=False, hermitian=hermitian)
    kept = lax.gt(values, _cutoffs(values, rtol))
    ones = lax.full_like(values, 1)
    inverse = lax.div(ones, lax.select(kept, values, ones))
    inverse = lax.select(kept, inverse, lax.full_like(values, 0))
    factors = map(lax.stop_gradient, (left, inverse, right))
    return _product(a, *factors), values, kept


@custom_jvp
def _product(a: Any, left: Any, inverse: Any, right: Any) -> Any:
    """The pseudo-inverse of `a` by its singular vectors and inverse values."""
    v = adjoint(right)
    scale = as_dtype_of(along_rows(inverse, typeof(v).shape[-2]), v)
    return matmul(lax.mul(v, scale), adjoint(left))


@_product.defjvp
def _product_jvp(primals: Any, tangents: Any) -> Any:
    """The derivative at constant rank.

    Source: Golub & Pereyra (1973), "The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate", equation 4.12.
    """
    (a, *factors), (da, *_) = primals, tangents
    p = _product(a, *factors)
    ph, dah = adjoint(p), adjoint(da)
    # Only products as small as the smaller side of the matrix, never its square.
    if typeof(a).shape[-2] < typeof(a).shape[-1]:
        back = matmul(ph, dah)
        rows = matmul(p, lax.sub(back, matmul(matmul(back, a), p)))
        columns = matmul(dah, matmul(ph, p))
    else:
        back = matmul(dah, ph)
        rows = matmul(matmul(p, ph), lax.sub(dah, matmul(matmul(dah, a), p)))
        columns = matmul(back, p)
    columns = lax.sub(columns, matmul(p, matmul(a, columns)))
    dp = lax.sub(lax.add(rows, columns), matmul(p, matmul(da, p)))
    return p, dp


# ---- least squares -------------------------------------------------------------------


def lstsq(
    a: ArrayLike,
    b: ArrayLike,
    rcond: float | None = None,
    *,
    numpy_resid: bool = False,
) -> tuple[Array, Array, Array, Array]:
    """The shortest of the vectors that minimize ``norm(a @ x - b)``.

    Args:
        a: ``[m, n]``.
        b: ``[m]``, or ``[m, k]`` for a problem in each column.
        rcond: singular values of `a` up to this times the greatest count as zero; by
            default ``max(m, n)`` times the dtype's epsilon, which itself is taken
            for a negative `rcond`.
        numpy_resid: give no residuals where NumPy gives none: when `a` has fewer rows
            than columns or not full rank. Then `a` and `b` can't be traced.

    Returns:
        The solution ``[n]`` or ``[n, k]``; sums of squared residuals ``[1]`` or
        ``[k]``; the rank, an integer; the singular values ``[min(m, n)]``. The
        derivative of the solution is that at constant rank.

    Raises:
        TypeError: `a` has not two axes, or `b` not one or two.
        ValueError: the numbers of rows differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> a, b = jnp.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]]), jnp.array([1, 3, 5])
        >>> x, _, rank, _ = jnp.linalg.lstsq(a, b)
        >>> x.round(4).tolist(), int(rank)
        ([1.0, 2.0], 2)
    """
    types = type_of("lstsq", "a", a), type_of("lstsq", "b", b)
    if types[0].ndim != 2 or types[1].ndim not in (1, 2):
        raise type_error(
            "lstsq: expected `a` with two axes and `b` with one or two, got "
            f"{types[0]!r} and {types[1]!r}."
        )
    if types[0].shape[0] != types[1].shape[0]:
        raise value_error(
            f"lstsq: expected `b` with as many rows as `a`, got {types[0]!r} and "
            f"{types[1]!r}."
        )
    x, residuals, rank, values = _lstsq(a, b, rcond)
    if numpy_resid and _has_no_residuals(types[0], rank):
        residuals = residuals[:0]
    return x, residuals, rank, values


def _has_no_residuals(type: ArrayType, rank: Any) -> bool:
    rows, columns = type.shape
    if rows <= columns:
        return True
    known = concrete(rank)
    if known is None:
        raise not_concrete(
            rank,
            "bool",
            "lstsq (whether it has residuals)",
            "Leave `numpy_resid` out.",
        )
    return int(known) < columns


@jit_when_eager(name="lstsq")
def _lstsq(a: Any, b: Any, rcond: Any) -> Any:
    a, b = alike("lstsq", a, b)
    vector = typeof(b).ndim == 1
    if vector:
        b = lax.expand_dims(b, (1,))
    real = typeof(lax.abs(a)).dtype
    if rcond is None:
        rcond = _rounding(typeof(a))
    else:
        rcond = convert(rcond, real)
        tiny = lax.full_like(rcond, ml_dtypes.finfo(real).eps)
        rcond = lax.select(lax.lt(rcond, lax.full_like(rcond, 0)), tiny, rcond)
    inverse, values, kept = _inverted(a, rcond)
    x = matmul(inverse, b)
    rest = lax.sub(b, matmul(a, x))
    squares = real_part(lax.mul(rest, conjugated(rest)))
    residuals = sum(squares, 0)
    if vector:
        x = lax.squeeze(x, (1,))
    return x, residuals, count_nonzero(kept), values

"""Determinants, by LU factors."""

import itertools
from typing import Any, NamedTuple

from ... import lax
from ..._higher_order import custom_jvp
from ..._ir import value_error
from ..._ops._lu import lu_solve
from ..._ops._matrices import (
    INT32,
    adjoint,
    along_rows,
    as_dtype_of,
    diagonal,
    identity_like,
    matmul,
    one_for_zero,
    transposed,
)
from ..._ops._qr import householder_qr
from ..._tracing import typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._promotion import promote_args_inexact
from ._systems import square_type

# Up to this size the sum over all permutations is the fastest way.
_SMALL = 3


class SlogdetResult(NamedTuple):
    """Sign (or phase) and logarithm of the absolute value, both ``[...]``."""

    sign: Array
    logabsdet: Array


@jit_when_eager
def det(a: ArrayLike) -> Array:
    """The determinants ``[...]`` of square matrices ``[..., n, n]``.

    First and second derivatives are finite and accurate also where `a` is singular.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.det(jnp.array([[3.0, 1.0], [0.0, 4.0]]))
        Array(12., dtype=float32)
    """
    square_type("det", a)
    (x,) = promote_args_inexact("det", a)
    return _by_permutations(x) if typeof(x).shape[-1] <= _SMALL else _by_pivots(x)


def _by_permutations(x: Any) -> Any:
    """Leibniz's formula."""
    *batch, n, _ = typeof(x).shape
    total = lax.full(batch, 0, typeof(x).dtype)
    for columns in itertools.permutations(range(n)):
        term = lax.full_like(total, 1)
        for row, column in enumerate(columns):
            term = lax.mul(term, x[..., row, column])
        inversions = [a > b for a, b in itertools.combinations(columns, 2)]
        total = (lax.sub if inversions.count(True) % 2 else lax.add)(total, term)
    return total


@custom_jvp
def _by_pivots(x: Any) -> Any:
    pivots, parity = _pivots(x)
    return lax.mul(lax.reduce_prod(pivots, (typeof(pivots).ndim - 1,)), parity)


@_by_pivots.defjvp
def _by_pivots_jvp(primals: Any, tangents: Any) -> Any:
    """Jacobi's formula: the trace of the adjugate times the tangent."""
    (x,), (dx,) = primals, tangents
    product = lax.mul(_adjugate(x), transposed(dx))
    axes = typeof(x).ndim - 2, typeof(x).ndim - 1
    return _by_pivots(x), lax.reduce_sum(product, axes)


@custom_jvp
def _adjugate(x: Any) -> Any:
    """The matrices with ``x @ adjugate == det(x) * eye``."""
    pivots, _ = _pivots(x)
    is_singular = lax.eq(pivots, lax.full_like(pivots, 0))
    any_singular = lax.reduce_or(is_singular, tuple(range(typeof(pivots).ndim)))
    return lax.cond(any_singular, _adjugate_by_svd, _adjugate_by_lu, x)


def _adjugate_by_lu(x: Any) -> Any:
    return lax.mul(lu_solve(x, identity_like(x)), _spread(_by_pivots(x), x))


def _adjugate_by_svd(x: Any) -> Any:
    """The adjugate is that of the singular values, turned: accurate at every rank.

    Source: Stewart (1998), "On the adjugate matrix", Linear Algebra and its
    Applications 283.
    """
    left, values, right = lax.linalg.svd(x)
    others = along_rows(as_dtype_of(_products_of_others(values, 1), x), x.shape[-1])
    return _turned_back(lax.mul(identity_like(x), others), left, right)


@_adjugate.defjvp
def _adjugate_jvp(primals: Any, tangents: Any) -> Any:
    """The adjugate of a diagonal matrix and a change, to first order, turned.

    With `E = U^H dX V` and `p_ij` the product of the singular values but the `i`-th and
    the `j`-th, off the diagonal it is `-p_ij E_ij`, and on it the sum of `p_ik E_kk`
    over `k` other than `i`.
    """
    (x,), (dx,) = primals, tangents
    left, values, right = lax.linalg.svd(x)
    inner = matmul(adjoint(left), matmul(dx, adjoint(right)))
    eye, n = identity_like(x), x.shape[-1]
    products = as_dtype_of(_products_of_others(values, 2), x)
    products = lax.mul(products, lax.sub(lax.full_like(eye, 1), eye))
    sums = lax.mul(products, along_rows(diagonal(inner), n))
    sums = along_rows(lax.reduce_sum(sums, (x.ndim - 1,)), n)
    middle = lax.sub(lax.mul(eye, sums), lax.mul(products, inner))
    return _adjugate(x), _turned_back(middle, left, right)


def _turned_back(middle: Any, left: Any, right: Any) -> Any:
    """``V middle U^H`` times the determinant of ``U V^H``, a sign or phase."""
    turned = matmul(adjoint(right), matmul(middle, adjoint(left)))
    return lax.mul(turned, _spread(_by_pivots(matmul(left, right)), turned))


def _products_of_others(values: Any, count: int) -> Any:
    """Of all values of vectors but `count` of them, the indices; without division."""
    *batch, n = typeof(values).shape
    rank = len(batch) + count
    shape = (*batch, *[n] * (count + 1))
    factor = lax.broadcasted_iota(INT32, shape, rank)
    spread = lax.broadcast_in_dim(values, shape, (*range(len(batch)), rank))
    ones = lax.full_like(spread, 1)
    for axis in range(len(batch), rank):
        is_left_out = lax.eq(factor, lax.broadcasted_iota(INT32, shape, axis))
        spread = lax.select(is_left_out, ones, spread)
    return lax.reduce_prod(spread, (rank,))


def _spread(scalars: Any, x: Any) -> Any:
    """One number for each matrix, as an array like `x`."""
    shape = typeof(x).shape
    return lax.broadcast_in_dim(scalars, shape, range(len(shape) - 2))


@jit_when_eager(static_argnames=("method",))
def slogdet(a: ArrayLike, *, method: str | None = None) -> SlogdetResult:
    """Sign and logarithm of the absolute value of determinants.

    Args:
        a: ``[..., n, n]``.
        method: "lu" (the default) or "qr", the factors to take the determinants of.

    Returns:
        The sign ``[...]``, a phase for complex `a`, and the logarithm ``[...]``, real;
        0 and -inf where `a` is singular.

    Raises:
        ValueError: the last two sizes differ, or another `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.slogdet(jnp.array([[0.0, 1.0], [1.0, 0.0]])).sign
        Array(-1., dtype=float32)
    """
    if method not in (None, "lu", "qr"):
        raise value_error(
            f"slogdet: `method` must be None, 'lu' or 'qr', got {method!r}."
        )
    square_type("slogdet", a)
    (x,) = promote_args_inexact("slogdet", a)
    pivots, parity = _reflected_pivots(x) if method == "qr" else _pivots(x)
    axes = (typeof(pivots).ndim - 1,)
    sign = lax.mul(lax.reduce_prod(lax.sign(pivots), axes), parity)
    return SlogdetResult(sign, lax.reduce_sum(lax.log(lax.abs(pivots)), axes))


def _reflected_pivots(x: Any) -> tuple[Any, Any]:
    """The diagonals of the triangular QR factors, and determinants of the others.

    ``I - t v vᴴ`` is unitary where ``t vᴴv = 2 Re(t) / t̄``, with the determinant
    ``-t / t̄``.
    """
    factors, scales = householder_qr(x)
    one, safe = lax.full_like(scales, 1), one_for_zero(scales)
    turned = lax.neg(lax.div(safe, lax.conj(safe)) if _is_complex(x) else one)
    each = lax.select(lax.eq(scales, lax.full_like(scales, 0)), one, turned)
    return diagonal(factors), lax.reduce_prod(each, (typeof(each).ndim - 1,))


def _is_complex(x: Any) -> bool:
    return typeof(x).dtype.kind == "c"


def _pivots(x: Any) -> tuple[Any, Any]:
    """The diagonals of the triangular factors, and the signs of the permutations."""
    factors, swaps, _ = lax.linalg.lu(x)
    type = typeof(swaps)
    axis = type.ndim - 1
    place = lax.broadcasted_iota(type.dtype, type.shape, axis)
    moved = lax.convert_element_type(lax.ne(swaps, place), type.dtype)
    odd = lax.rem(lax.reduce_sum(moved, (axis,)), type.dtype.type(2))
    parity = lax.sub(type.dtype.type(1), lax.mul(odd, type.dtype.type(2)))
    return diagonal(factors), lax.convert_element_type(parity, typeof(x).dtype)

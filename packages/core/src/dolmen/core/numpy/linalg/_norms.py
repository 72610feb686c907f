"""Norms, condition numbers, ranks and pseudo-inverses."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax
from ..._higher_order import custom_jvp
from ..._ir import dtypes, type_error, value_error
from ..._ops._matrices import adjoint, along_rows, as_dtype_of, identity_like, matmul
from ..._tracing import typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._manipulation import as_axes, moveaxis
from .._promotion import convert, promote_args_inexact, type_of
from .._reductions import count_nonzero, max as amax, min as amin, sum
from ._factors import svdvals
from ._systems import inv

Ord = int | float | str | None


@jit_when_eager(static_argnames=("ord", "axis", "keepdims"))
def norm(
    x: ArrayLike,
    ord: Ord = None,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
) -> Array:
    """The norm of vectors or matrices.

    Args:
        x: an array.
        ord: of vectors a number, see `vector_norm`; of matrices see `matrix_norm`. None
            is the root of the sum of squares.
        axis: one axis for vectors, two for matrices; None for all: of `x` with other
            than one or two axes, `ord` must be None then.
        keepdims: keep the axes, with size one.

    Returns:
        A real array without these axes.

    Raises:
        ValueError: `ord` is none of these, or `axis` names more than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.norm(jnp.array([3.0, 4.0]))
        Array(5., dtype=float32)
    """
    type = type_of("norm", "x", x)
    (x,) = promote_args_inexact("norm", x)
    if axis is None and (ord is None or type.ndim not in (1, 2)):
        if ord is not None:
            raise value_error(
                f"norm: with ord={ord!r} expected one or two axes, got {type!r}.",
                "Name them with `axis`.",
            )
        return _vector_norm("norm", x, 2, tuple(range(type.ndim)), keepdims)
    axes = as_axes(
        "norm", tuple(range(type.ndim)) if axis is None else axis, type.ndim, "axis"
    )
    if len(axes) == 1:
        return _vector_norm("norm", x, 2 if ord is None else ord, axes, keepdims)
    if len(axes) != 2:
        raise value_error(f"norm: `axis` must name one or two axes, got {axis!r}.")
    made = _matrix_norm("norm", moveaxis(x, axes, (-2, -1)), ord)
    return lax.expand_dims(made, sorted(axes)) if keepdims else made


def _vector_norm(
    function: str, x: Any, ord: Any, axes: tuple[int, ...], keepdims: bool
) -> Any:
    if isinstance(ord, str):
        raise value_error(
            f"{function}: `ord` of vectors must be a number, got {ord!r}."
        )
    size = lax.abs(x)
    if ord == 0:
        return convert(count_nonzero(x, axes, keepdims), typeof(size).dtype)
    if ord in (np.inf, -np.inf):
        return (amax if ord > 0 else amin)(size, axes, keepdims=keepdims)
    if ord == 1:
        return sum(size, axes, keepdims=keepdims)
    if ord == 2:
        # Of real and imaginary parts: the absolute value has no derivative at zero.
        parts = [lax.real(x), lax.imag(x)] if dtypes.kind(x.dtype) == "c" else [x]
        sums = [sum(lax.square(part), axes, keepdims=keepdims) for part in parts]
        return lax.sqrt(lax.add(*sums) if len(sums) == 2 else sums[0])
    power = convert(float(ord), typeof(size).dtype)
    inverse = convert(1 / ord, typeof(size).dtype)
    return lax.pow(sum(lax.pow(size, power), axes, keepdims=keepdims), inverse)


def _matrix_norm(function: str, x: Any, ord: Any) -> Any:
    """Norms of the last two axes."""
    if ord in (None, "fro"):
        return _vector_norm(function, x, 2, (-2, -1), False)
    if ord == "nuc":
        return sum(svdvals(x), -1)
    if isinstance(ord, str) or abs(ord) not in (1, 2, np.inf):
        raise value_error(
            f"{function}: `ord` of matrices must be 'fro', 'nuc', 1, -1, 2, -2, inf or "
            f"-inf, got {ord!r}."
        )
    extreme: Callable[..., Any] = amax if ord > 0 else amin
    if abs(ord) == 2:
        return extreme(svdvals(x), -1)
    return extreme(sum(lax.abs(x), -2 if abs(ord) == 1 else -1), -1)


@jit_when_eager(static_argnames=("axis", "keepdims", "ord"))
def vector_norm(
    x: ArrayLike,
    /,
    *,
    axis: int | tuple[int, ...] | None = None,
    keepdims: bool = False,
    ord: Any = 2,
) -> Array:
    """Norms of vectors: the `ord`-th root of the sum of `ord`-th powers.

    Args:
        x: an array.
        axis: the axis of the vectors' elements, or several; None for all.
        keepdims: keep these axes, with size one.
        ord: a number; inf and -inf give the extreme absolute values, 0 the number of
            elements that are not zero.

    Returns:
        A real array without these axes. At zero the derivative is NaN for `ord` 2.

    Raises:
        ValueError: `ord` is no number.
    """
    type = type_of("vector_norm", "x", x)
    axes = tuple(range(type.ndim)) if axis is None else axis
    (x,) = promote_args_inexact("vector_norm", x)
    axes = as_axes("vector_norm", axes, type.ndim, "axis")
    return _vector_norm("vector_norm", x, ord, axes, keepdims)


@jit_when_eager(static_argnames=("keepdims", "ord"))
def matrix_norm(
    x: ArrayLike, /, *, keepdims: bool = False, ord: int | float | str = "fro"
) -> Array:
    """Norms of matrices ``[..., m, n]``.

    Args:
        x: ``[..., m, n]``.
        keepdims: keep two axes of size one.
        ord: 'fro', the root of the sum of squares; 'nuc', the sum of singular values;
            2 and -2, the greatest and least singular value; 1 and -1, the greatest and
            least sum of absolute values of a column, inf and -inf of a row.

    Returns:
        A real array ``[...]``.

    Raises:
        ValueError: another `ord`, or fewer than two axes.
    """
    return norm(x, ord, (-2, -1), keepdims)


@jit_when_eager(static_argnames=("p",))
def cond(x: ArrayLike, p: Ord = None) -> Array:
    """Condition numbers of matrices ``[..., n, n]`` for inversion.

    Args:
        x: ``[..., n, n]``; for `p` None, 2 and -2 also ``[..., m, n]``.
        p: the norm, see `matrix_norm`; None is 2.

    Returns:
        ``norm(x) * norm(inv(x))``, real, ``[...]``.
    """
    (x,) = promote_args_inexact("cond", x)
    if p in (None, 2, -2):
        values = svdvals(x)
        n = typeof(values).ndim - 1
        greatest = lax.index_in_dim(values, 0, n, keepdims=False)
        least = lax.index_in_dim(values, -1, n, keepdims=False)
        pair = (least, greatest) if p == -2 else (greatest, least)
        return lax.div(*pair)
    return lax.mul(_matrix_norm("cond", x, p), _matrix_norm("cond", inv(x), p))


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
        hermitian: a promise that `M` is Hermitian; the result is the same without it.
        tol: another name of `rtol`.

    Returns:
        Integers ``[...]``.

    Raises:
        TypeError: both `rtol` and `tol` are given.
    """
    rtol = _one_of("matrix_rank", "tol", rtol, tol)
    (x,) = promote_args_inexact("matrix_rank", M)
    if typeof(x).ndim < 2:
        return amin(count_nonzero(x), initial=1)
    if rtol is None:
        rtol = max(typeof(x).shape[-2:]) * float(np.finfo(typeof(x).dtype).eps)
    values = svdvals(x)
    return count_nonzero(lax.gt(values, _cutoffs(values, rtol)), -1)


def _one_of(function: str, other: str, rtol: Any, same: Any) -> Any:
    if rtol is not None and same is not None:
        raise type_error(
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
        hermitian: a promise that `a` is Hermitian; the result is the same without it.
        rcond: another name of `rtol`.

    Returns:
        ``[..., n, m]``. The derivative is that at constant rank.

    Raises:
        TypeError: both `rtol` and `rcond` are given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.pinv(jnp.array([[2.0, 0.0], [0.0, 0.0]]))
        Array([[0.5, 0. ],
               [0. , 0. ]], dtype=float32)
    """
    rtol = _one_of("pinv", "rcond", rtol, rcond)
    (x,) = promote_args_inexact("pinv", a)
    if rtol is None:
        rtol = 10 * max(typeof(x).shape[-2:]) * float(np.finfo(typeof(x).dtype).eps)
    return _pinv(x, rtol)


@custom_jvp
def _pinv(a: Any, rtol: Any) -> Any:
    left, values, right = lax.linalg.svd(a, full_matrices=False)
    kept = lax.gt(values, _cutoffs(values, rtol))
    ones = lax.full_like(values, 1)
    inverse = lax.div(ones, lax.select(kept, values, ones))
    inverse = lax.select(kept, inverse, lax.full_like(values, 0))
    v = adjoint(right)
    scale = as_dtype_of(along_rows(inverse, typeof(v).shape[-2]), v)
    return matmul(lax.mul(v, scale), adjoint(left))


@_pinv.defjvp
def _pinv_jvp(primals: Any, tangents: Any) -> Any:
    """The derivative at constant rank.

    Source: Golub & Pereyra (1973), "The differentiation of pseudo-inverses and
    nonlinear least squares problems whose variables separate", equation 4.12.
    """
    (a, rtol), (da, _) = primals, tangents
    p = _pinv(a, rtol)
    outside_left, outside_right = matmul(a, p), matmul(p, a)
    outside_left = lax.sub(identity_like(outside_left), outside_left)
    outside_right = lax.sub(identity_like(outside_right), outside_right)
    dp = lax.neg(matmul(p, matmul(da, p)))
    ph, dah = adjoint(p), adjoint(da)
    dp = lax.add(dp, matmul(matmul(p, ph), matmul(dah, outside_left)))
    return p, lax.add(dp, matmul(matmul(outside_right, dah), matmul(ph, p)))

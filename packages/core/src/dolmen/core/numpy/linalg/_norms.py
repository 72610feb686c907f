"""Norms and condition numbers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax
from ..._ir import dtypes, value_error
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.vector_norm(jnp.array([3.0, 4.0]))
        Array(5., dtype=float32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.matrix_norm(jnp.array([[3.0, 0.0], [0.0, 4.0]]))
        Array(5., dtype=float32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.cond(jnp.array([[2.0, 0.0], [0.0, 1.0]]))
        Array(2., dtype=float32)
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

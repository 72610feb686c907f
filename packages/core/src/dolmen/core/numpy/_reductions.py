"""Reductions over axes, and cumulative ones.

Sums and products of small integers are taken in 32 (or 64) bits, those of 16-bit
floating point in float32 and rounded once at the end. Results are never weakly typed.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._ir import ArrayType, dtypes, type_error, value_error
from .._ops import _limits, _reductions as _ops_reductions, _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike, Axis, DTypeLike
from ._eager import body, jit_when_eager
from ._logic import no_out, truth
from ._manipulation import as_axes, as_axis
from ._promotion import broadcast_args, convert, literal, to_inexact, type_of

_BOOL = np.dtype(bool)
_INT = np.dtype("int64")
_UNSIGNED = np.dtype("uint64")
_SINGLE = np.dtype("float32")

# ---- axes and dtypes ---------------------------------------------------------------


def reduced_axes(function: str, axis: Any, type: ArrayType) -> tuple[int, ...]:
    """The axes that `axis` (None, a number or a tuple) means, counted from the front.

    Raises:
        TypeError: `axis` holds something else than integers.
        ValueError: one is out of range or named twice.
    """
    if axis is None:
        return tuple(range(type.ndim))
    return as_axes(function, axis, type.ndim)


def _wide_integer(dtype: np.dtype) -> np.dtype:
    """The dtype in which integers are summed: at least the default width."""
    kind = dtypes.kind(dtype)
    if kind not in ("b", "i", "u"):
        return dtype
    default = dtypes.default(_UNSIGNED if kind == "u" else _INT)
    return default if default.itemsize > dtype.itemsize or kind == "b" else dtype


def _accumulator(dtype: np.dtype) -> np.dtype:
    """Narrow floating point is accumulated in float32."""
    narrow = dtypes.kind(dtype) == "f" and dtype.itemsize < 4
    return _SINGLE if narrow else dtype


def _cast(x: Any, dtype: np.dtype) -> Any:
    """`x` in exactly this dtype, strongly typed."""
    return lax.convert_element_type(x, dtype)


def _finish(
    x: Any, axes: tuple[int, ...], keepdims: bool, dtype: np.dtype | None = None
) -> Any:
    if dtype is not None:
        x = _cast(x, dtype)
    return lax.expand_dims(x, axes) if keepdims and axes else x


def _masked(function: str, x: Any, where: Any, otherwise: Any) -> Any:
    """`x` with the neutral element where it does not take part."""
    if where is None:
        return x
    mask = type_of(function, "where", where)
    if mask.dtype != _BOOL:
        raise type_error(
            f"{function}: `where` must be boolean, got {mask!r}.",
            "Compare it with something, for example `where != 0`.",
        )
    where, x = broadcast_args(function, where, x)
    return _selection.choose(where, x, otherwise)


def _scalar_initial(function: str, initial: Any, dtype: np.dtype) -> Any:
    type = type_of(function, "initial", initial)
    if type.shape:
        raise value_error(f"{function}: `initial` must be a scalar, got {type!r}.")
    return convert(initial, dtype)


# ---- sums and products -------------------------------------------------------------


def _accumulated(
    function: str,
    reduce: Callable[[Any, tuple[int, ...]], Any],
    combine: Callable[[Any, Any], Any],
    neutral: int,
    a: Any,
    axis: Any,
    dtype: Any,
    out: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
    promote_integers: bool,
) -> Any:
    no_out(function, out)
    type = type_of(function, "a", a)
    axes = reduced_axes(function, axis, type)
    if dtype is not None:
        result = dtypes.as_dtype(dtype, function=function)
    else:
        result = _wide_integer(type.dtype) if promote_integers else type.dtype
    inner = _accumulator(result)
    a = _masked(function, a, where, literal(neutral, type.dtype))
    inner = _wide_integer(inner) if inner == _BOOL else inner
    made = reduce(_cast(a, inner), axes)
    if initial is not None:
        made = combine(_scalar_initial(function, initial, inner), made)
    return _finish(made, axes, keepdims, result)


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims", "promote_integers"))
def sum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
    promote_integers: bool = True,
) -> Array:
    """Sum over axes.

    Args:
        a: any dtype.
        axis: an axis or a tuple of axes; None for all.
        dtype: of the result, and of the summation unless it is narrow floating point.
        out: not supported.
        keepdims: keep the summed axes with size 1.
        initial: a scalar added to the sum.
        where: boolean, broadcast against `a`: which elements take part.
        promote_integers: sum narrow integers in the default integer dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sum(jnp.arange(6).reshape(2, 3), axis=1)
        Array([ 3, 12], dtype=int32)
    """
    options = out, keepdims, initial, where, promote_integers
    return _accumulated("sum", lax.reduce_sum, lax.add, 0, a, axis, dtype, *options)


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims", "promote_integers"))
def prod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
    promote_integers: bool = True,
) -> Array:
    """Product over axes; the arguments are those of `sum`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.prod(jnp.array([[1, 2], [3, 4]]), axis=0)
        Array([3, 8], dtype=int32)
    """
    options = out, keepdims, initial, where, promote_integers
    return _accumulated("prod", lax.reduce_prod, lax.mul, 1, a, axis, dtype, *options)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def count_nonzero(a: ArrayLike, axis: Axis = None, keepdims: bool = False) -> Array:
    """Number of elements other than zero, over axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.count_nonzero(jnp.array([[0, 5], [3, 2]]), axis=1)
        Array([1, 2], dtype=int32)
    """
    type = type_of("count_nonzero", "a", a)
    axes = reduced_axes("count_nonzero", axis, type)
    counted = _cast(truth(a), dtypes.default(_INT))
    return _finish(lax.reduce_sum(counted, axes), axes, keepdims)


# ---- means -------------------------------------------------------------------------


def _mean_dtypes(
    function: str, type: ArrayType, dtype: Any
) -> tuple[np.dtype, np.dtype]:
    """Dtype of the computation and of the result."""
    result = (
        to_inexact(type.dtype)
        if dtype is None
        else dtypes.as_dtype(dtype, function=function)
    )
    return _accumulator(to_inexact(result)), result


def _count(where: Any, type: ArrayType, axes: tuple[int, ...], dtype: np.dtype) -> Any:
    """How many elements take part: a constant unless there is a mask."""
    if where is None:
        return literal(_size(type, axes), dtype)
    mask = lax.broadcast_in_dim(
        where, type.shape, tuple(range(type.ndim - typeof(where).ndim, type.ndim))
    )
    return lax.reduce_sum(_cast(mask, dtype), axes)


def _size(type: ArrayType, axes: tuple[int, ...]) -> int:
    size = 1
    for axis in axes:
        size *= type.shape[axis]
    return size


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims"))
def mean(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
) -> Array:
    """Arithmetic mean over axes; NaN of no elements.

    Args:
        a: any dtype; integers are taken as floating point.
        axis: an axis or a tuple of axes; None for all.
        dtype: of the result.
        out: not supported.
        keepdims: keep the axes with size 1.
        where: boolean, broadcast against `a`: which elements take part.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.mean(jnp.array([[1.0, 2.0], [3.0, 6.0]]), axis=0)
        Array([2., 4.], dtype=float32)
    """
    no_out("mean", out)
    type = type_of("mean", "a", a)
    axes = reduced_axes("mean", axis, type)
    inner, result = _mean_dtypes("mean", type, dtype)
    made = _mean("mean", _cast(a, inner), axes, where)
    return _finish(made, axes, keepdims, result)


def _mean(function: str, x: Any, axes: tuple[int, ...], where: Any) -> Any:
    type = typeof(x)
    total = lax.reduce_sum(_masked(function, x, where, literal(0, type.dtype)), axes)
    return lax.div(total, _count(where, type, axes, type.dtype))


@jit_when_eager(static_argnames=("axis", "dtype", "ddof", "keepdims", "correction"))
def var(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Array:
    """Variance over axes: the mean squared distance from the mean.

    Args:
        a: any dtype; of complex numbers the variance is real.
        axis: an axis or a tuple of axes; None for all.
        dtype: of the result.
        out: not supported.
        ddof: taken off the number of elements in the divisor; NaN if nothing is left.
        keepdims: keep the axes with size 1.
        where: boolean, broadcast against `a`: which elements take part.
        mean: the mean, if it is known already, with axes kept.
        correction: another name for `ddof`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.var(jnp.array([1.0, 3.0])), jnp.var(jnp.array([1.0, 3.0]), ddof=1)
        (Array(1., dtype=float32), Array(2., dtype=float32))
    """
    return _variance(
        "var", a, axis, dtype, out, ddof, keepdims, where, mean, correction
    )


@jit_when_eager(static_argnames=("axis", "dtype", "ddof", "keepdims", "correction"))
def std(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    correction: float | None = None,
) -> Array:
    """Standard deviation over axes: the square root of `var`, with its arguments.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.std(jnp.array([1.0, 3.0])), jnp.std(jnp.array([1.0, 3.0]), ddof=1)
        (Array(1., dtype=float32), Array(1.4142135, dtype=float32))
    """
    return lax.sqrt(
        _variance("std", a, axis, dtype, out, ddof, keepdims, where, mean, correction)
    )


def _variance(
    function: str,
    a: Any,
    axis: Any,
    dtype: Any,
    out: Any,
    ddof: float,
    keepdims: bool,
    where: Any,
    mean: Any,
    correction: float | None,
) -> Any:
    no_out(function, out)
    if correction is not None and ddof != 0:
        raise value_error(
            f"{function}: `ddof` and `correction` mean the same, got {ddof} and "
            f"{correction}.",
            "Give one of them.",
        )
    delta = ddof if correction is None else correction
    type = type_of(function, "a", a)
    axes = reduced_axes(function, axis, type)
    inner, result = _mean_dtypes(function, type, dtype)
    x = _cast(a, inner)
    if mean is None:
        center = _mean(function, x, axes, where)
        if typeof(center).ndim:
            center = _ops_reductions.spread(center, type.shape, axes)
    else:
        x, center = broadcast_args(function, x, _cast(mean, inner))
    squared = _squared_magnitude(lax.sub(x, center))
    real = typeof(squared)
    total = lax.reduce_sum(
        _masked(function, squared, where, literal(0, real.dtype)), axes
    )
    count = _count(where, real, axes, real.dtype)
    if where is None:
        divisor = literal(_size(type, axes) - delta, real.dtype)
        made = lax.div(total, divisor if divisor > 0 else literal(np.nan, real.dtype))
    else:
        divisor = lax.sub(count, literal(delta, real.dtype))
        positive = lax.gt(divisor, literal(0, real.dtype))
        quotient = lax.div(total, divisor)
        made = _selection.choose(positive, quotient, literal(np.nan, real.dtype))
    if dtypes.kind(result) == "c":
        result = lax.real(literal(0, result)).dtype
    return _finish(made, axes, keepdims, result)


def _squared_magnitude(x: Any) -> Any:
    if dtypes.kind(typeof(x).dtype) == "c":
        return lax.add(lax.square(lax.real(x)), lax.square(lax.imag(x)))
    return lax.square(x)


@jit_when_eager(static_argnames=("axis", "returned", "keepdims"))
def average(
    a: ArrayLike,
    axis: Axis = None,
    weights: ArrayLike | None = None,
    returned: bool = False,
    keepdims: bool = False,
) -> Any:
    """Weighted mean over axes.

    Args:
        a: any dtype.
        axis: an axis or a tuple of axes; None for all.
        weights: of the shape of `a`, or of the one axis in `axis`; None for equal.
        returned: return also the sum of the weights.
        keepdims: keep the axes with size 1.

    Raises:
        ValueError: the shape of `weights` does not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.average(jnp.array([1.0, 3.0]), weights=jnp.array([3.0, 1.0]))
        Array(1.5, dtype=float32)
    """
    type = type_of("average", "a", a)
    axes = reduced_axes("average", axis, type)
    if weights is None:
        made = body(mean)(a, axis, keepdims=keepdims)
        total = lax.full_like(made, _size(type, axes))
        return (made, total) if returned else made
    weight = type_of("average", "weights", weights)
    dtype, _ = dtypes.promote([_operand(type), _operand(weight)])
    dtype = to_inexact(dtype)
    x, w = _cast(a, dtype), _cast(weights, dtype)
    if weight.shape != type.shape:
        if len(axes) != 1 or weight.shape != (type.shape[axes[0]],):
            raise value_error(
                "average: `weights` must have the shape of `a`, or that of the one "
                f"axis in `axis`, got {weight!r} for {type!r} and axis={axis!r}."
            )
        w = lax.broadcast_in_dim(w, type.shape, axes)
    total = lax.reduce_sum(w, axes)
    made = lax.div(lax.reduce_sum(lax.mul(x, w), axes), total)
    made, total = (_finish(v, axes, keepdims) for v in (made, total))
    return (made, total) if returned else made


def _operand(type: ArrayType) -> tuple[np.dtype, bool]:
    return type.dtype, type.weak_type


# ---- extremes ----------------------------------------------------------------------


def _extreme(
    function: str,
    reduce: Callable[[Any, tuple[int, ...]], Any],
    combine: Callable[[Any, Any], Any],
    neutral: Callable[[np.dtype], Any],
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Any:
    no_out(function, out)
    type = type_of(function, "a", a)
    axes = reduced_axes(function, axis, type)
    if initial is None:
        if where is not None:
            raise value_error(
                f"{function}: `where` may leave no elements, and those have no "
                f"{function}.",
                "Give `initial`, the result for no elements.",
            )
        if 0 in [type.shape[i] for i in axes]:
            raise value_error(
                f"{function}: no elements to reduce in {type!r} over axes {axes}.",
                "Give `initial`, the result for no elements.",
            )
    otherwise = literal(neutral(type.dtype), type.dtype)
    x = _masked(function, _cast(a, type.dtype), where, otherwise)
    made = reduce(x, axes)
    if initial is not None:
        made = combine(_scalar_initial(function, initial, type.dtype), made)
    return _finish(made, axes, keepdims)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def max(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """Largest element over axes; NaN if there is one.

    Args:
        a: any dtype.
        axis: an axis or a tuple of axes; None for all.
        out: not supported.
        keepdims: keep the axes with size 1.
        initial: a scalar that takes part; needed where there may be no elements.
        where: boolean, broadcast against `a`: which elements take part.

    Raises:
        ValueError: there may be no elements, and no `initial`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.max(jnp.array([[1, 5], [3, 2]]), axis=0)
        Array([3, 5], dtype=int32)
    """
    options = a, axis, out, keepdims, initial, where
    return _extreme("max", lax.reduce_max, lax.max, _limits.lowest, *options)


amax = max


@jit_when_eager(static_argnames=("axis", "keepdims"))
def min(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """Least element over axes; NaN if there is one. Arguments as of `max`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.min(jnp.array([[1, 5], [3, 2]]), axis=0)
        Array([1, 2], dtype=int32)
    """
    options = a, axis, out, keepdims, initial, where
    return _extreme("min", lax.reduce_min, lax.min, _limits.highest, *options)


amin = min


@jit_when_eager(static_argnames=("axis", "keepdims"))
def ptp(
    a: ArrayLike, axis: Axis = None, out: None = None, keepdims: bool = False
) -> Array:
    """Distance between the largest and the least element, over axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ptp(jnp.array([3.0, 9.0, 5.0]))
        Array(6., dtype=float32)
    """
    no_out("ptp", out)
    type_of("ptp", "a", a)
    largest = body(max)(a, axis, keepdims=keepdims)
    return lax.sub(largest, body(min)(a, axis, keepdims=keepdims))


@jit_when_eager(static_argnames=("axis", "keepdims"))
def argmax(
    a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool = False
) -> Array:
    """Index of the first largest element along an axis, or of the first NaN.

    Args:
        a: any dtype but complex.
        axis: None for the index into the flattened array.
        out: not supported.
        keepdims: keep the axis with size 1.

    Raises:
        ValueError: there are no elements along the axis.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.argmax(jnp.array([[1, 5], [3, 2]]), axis=1)
        Array([1, 0], dtype=int32)
    """
    return _arg_extreme("argmax", lax.argmax, a, axis, out, keepdims)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def argmin(
    a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool = False
) -> Array:
    """Index of the first least element along an axis; arguments as of `argmax`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.argmin(jnp.array([[1, 5], [3, 2]]), axis=1)
        Array([0, 1], dtype=int32)
    """
    return _arg_extreme("argmin", lax.argmin, a, axis, out, keepdims)


def _arg_extreme(
    function: str,
    find: Callable[[Any, int, Any], Any],
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
) -> Any:
    no_out(function, out)
    type = type_of(function, "a", a)
    if axis is None:
        x, index, kept = lax.reshape(a, (type.size,)), 0, tuple(range(type.ndim))
    else:
        x, index = a, as_axis(function, axis, type.ndim)
        kept = (index,)
    if typeof(x).shape[index] == 0:
        raise value_error(f"{function}: no elements along axis {index} of {type!r}.")
    made = find(x, index, dtypes.default(_INT))
    return lax.expand_dims(made, kept) if keepdims and kept else made


# ---- logic -------------------------------------------------------------------------


def _logical(
    function: str,
    reduce: Callable[[Any, tuple[int, ...]], Any],
    neutral: bool,
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
    where: Any,
) -> Any:
    no_out(function, out)
    axes = reduced_axes(function, axis, type_of(function, "a", a))
    x = _masked(function, truth(a), where, np.bool_(neutral))
    return _finish(reduce(x, axes), axes, keepdims)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def all(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
) -> Array:
    """Whether all elements over axes are true (not zero); true of none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.all(jnp.array([[True, False], [True, True]]), axis=1)
        Array([False,  True], dtype=bool)
    """
    return _logical("all", lax.reduce_and, True, a, axis, out, keepdims, where)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def any(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    *,
    where: ArrayLike | None = None,
) -> Array:
    """Whether an element over axes is true (not zero); false of none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.any(jnp.array([[False, False], [True, False]]), axis=1)
        Array([False,  True], dtype=bool)
    """
    return _logical("any", lax.reduce_or, False, a, axis, out, keepdims, where)


# ---- leaving out NaN ---------------------------------------------------------------


def _without_nan(function: str, a: Any, value: Callable[[np.dtype], Any]) -> Any:
    """`a` with `value` in place of NaN."""
    type = type_of(function, "a", a)
    if not dtypes.is_inexact(type.dtype):
        return a
    otherwise = literal(value(type.dtype), type.dtype)
    return _selection.choose(lax.ne(a, a), otherwise, a)


def _is_number(function: str, a: Any, where: Any) -> Any:
    """Which elements of `a` take part and are not NaN."""
    numbers = lax.eq(a, a)
    if where is None:
        return numbers
    numbers, where = broadcast_args(function, numbers, where)
    return lax.bitwise_and(numbers, where)


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims"))
def nansum(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """`sum` of the elements that are not NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nansum(jnp.array([2.0, jnp.nan, 3.0]))
        Array(5., dtype=float32)
    """
    numbers = _without_nan("nansum", a, lambda _: 0)
    return body(sum)(numbers, axis, dtype, out, keepdims, initial, where)


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims"))
def nanprod(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """`prod` of the elements that are not NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanprod(jnp.array([2.0, jnp.nan, 3.0]))
        Array(6., dtype=float32)
    """
    numbers = _without_nan("nanprod", a, lambda _: 1)
    return body(prod)(numbers, axis, dtype, out, keepdims, initial, where)


@jit_when_eager(static_argnames=("axis", "dtype", "keepdims"))
def nanmean(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    keepdims: bool = False,
    where: ArrayLike | None = None,
) -> Array:
    """`mean` of the elements that are not NaN; NaN where there are none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanmean(jnp.array([2.0, jnp.nan, 4.0]))
        Array(3., dtype=float32)
    """
    type_of("nanmean", "a", a)
    numbers = _is_number("nanmean", a, where)
    return body(mean)(a, axis, dtype, out, keepdims, where=numbers)


@jit_when_eager(static_argnames=("axis", "dtype", "ddof", "keepdims"))
def nanvar(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
) -> Array:
    """`var` of the elements that are not NaN; NaN where too few are left.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanvar(jnp.array([2.0, jnp.nan, 4.0]))
        Array(1., dtype=float32)
    """
    type_of("nanvar", "a", a)
    numbers = _is_number("nanvar", a, where)
    options = a, axis, dtype, out, ddof, keepdims, numbers, mean, None
    return _variance("nanvar", *options)


@jit_when_eager(static_argnames=("axis", "dtype", "ddof", "keepdims"))
def nanstd(
    a: ArrayLike,
    axis: Axis = None,
    dtype: DTypeLike = None,
    out: None = None,
    ddof: float = 0,
    keepdims: bool = False,
    where: ArrayLike | None = None,
    mean: ArrayLike | None = None,
) -> Array:
    """Square root of `nanvar`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanstd(jnp.array([2.0, jnp.nan, 4.0]))
        Array(1., dtype=float32)
    """
    return lax.sqrt(body(nanvar)(a, axis, dtype, out, ddof, keepdims, where, mean))


def _nan_extreme(
    function: str,
    of: Any,
    neutral: Callable[[np.dtype], Any],
    a: Any,
    axis: Any,
    out: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Any:
    """The extreme of the numbers, NaN where there are none and no `initial`."""
    type = type_of(function, "a", a)
    made = body(of)(
        _without_nan(function, a, neutral), axis, out, keepdims, initial, where
    )
    if not dtypes.is_inexact(type.dtype) or initial is not None:
        return made
    none_left = body(all)(lax.ne(a, a), axis, keepdims=keepdims, where=where)
    return _selection.choose(none_left, literal(np.nan, type.dtype), made)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def nanmax(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """`max` of the elements that are not NaN; NaN where there are none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanmax(jnp.array([2.0, jnp.nan, 3.0]))
        Array(3., dtype=float32)
    """
    options = a, axis, out, keepdims, initial, where
    return _nan_extreme("nanmax", max, _limits.lowest, *options)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def nanmin(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    keepdims: bool = False,
    initial: ArrayLike | None = None,
    where: ArrayLike | None = None,
) -> Array:
    """`min` of the elements that are not NaN; NaN where there are none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanmin(jnp.array([2.0, jnp.nan, 3.0]))
        Array(2., dtype=float32)
    """
    options = a, axis, out, keepdims, initial, where
    return _nan_extreme("nanmin", min, _limits.highest, *options)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def nanargmax(
    a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool = False
) -> Array:
    """Index of the first largest element that is not NaN; -1 where there is none.

    Args:
        a: an array of any shape.
        axis: None for the index into the flattened array.
        out: not supported.
        keepdims: keep the axis with size 1.

    Raises:
        ValueError: there are no elements along the axis.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanargmax(jnp.array([[1.0, jnp.nan], [jnp.nan, jnp.nan]]), axis=1)
        Array([ 0, -1], dtype=int32)
    """
    return _nan_arg_extreme("nanargmax", lax.argmax, nanmax, a, axis, out, keepdims)


@jit_when_eager(static_argnames=("axis", "keepdims"))
def nanargmin(
    a: ArrayLike, axis: int | None = None, out: None = None, keepdims: bool = False
) -> Array:
    """Index of the first least element that is not NaN, as of `nanargmax`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanargmin(jnp.array([3.0, jnp.nan, 1.0]))
        Array(2, dtype=int32)
    """
    return _nan_arg_extreme("nanargmin", lax.argmin, nanmin, a, axis, out, keepdims)


def _nan_arg_extreme(
    function: str, find: Any, of: Any, a: Any, axis: Any, out: Any, keepdims: bool
) -> Any:
    place = _arg_extreme(function, find, a, axis, out, keepdims)
    if not dtypes.is_inexact(typeof(a).dtype):
        return place
    # NaN equals nothing, so it is never where the extreme is.
    extreme = body(of)(a, axis, keepdims=True)
    is_it = lax.eq(*broadcast_args(function, a, extreme))
    place = _arg_extreme(function, lax.argmax, is_it, axis, out, keepdims)
    found = body(any)(is_it, axis, keepdims=keepdims)
    return _selection.choose(found, place, literal(-1, typeof(place).dtype))


# ---- cumulative --------------------------------------------------------------------


def _cumulative(
    function: str,
    accumulate: Callable[..., Any],
    a: Any,
    axis: Any,
    dtype: Any,
    out: Any,
    argument: str = "a",
) -> Any:
    no_out(function, out)
    type = type_of(function, argument, a)
    if axis is None:
        a, index = lax.reshape(a, (type.size,)), 0
    else:
        index = as_axis(function, axis, type.ndim)
    if dtype is not None:
        result = dtypes.as_dtype(dtype, function=function)
    else:
        result = dtypes.default(_INT) if type.dtype == _BOOL else type.dtype
    return accumulate(_cast(a, result), index)


@jit_when_eager(static_argnames=("axis", "dtype"))
def cumsum(
    a: ArrayLike, axis: int | None = None, dtype: DTypeLike = None, out: None = None
) -> Array:
    """Sums of the first elements along an axis, in the dtype of `a`.

    Args:
        a: any dtype; booleans are counted.
        axis: None for the flattened array.
        dtype: of the result.
        out: not supported.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cumsum(jnp.array([1, 2, 3]))
        Array([1, 3, 6], dtype=int32)
    """
    return _cumulative("cumsum", lax.cumsum, a, axis, dtype, out)


@jit_when_eager(static_argnames=("axis", "dtype"))
def cumprod(
    a: ArrayLike, axis: int | None = None, dtype: DTypeLike = None, out: None = None
) -> Array:
    """Products of the first elements along an axis, with the arguments of `cumsum`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cumprod(jnp.array([1, 2, 3, 4]))
        Array([ 1,  2,  6, 24], dtype=int32)
    """
    return _cumulative("cumprod", lax.cumprod, a, axis, dtype, out)


@jit_when_eager(static_argnames=("axis", "dtype"))
def nancumsum(
    a: ArrayLike, axis: int | None = None, dtype: DTypeLike = None, out: None = None
) -> Array:
    """`cumsum` that takes NaN as zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nancumsum(jnp.array([2.0, jnp.nan, 3.0]))
        Array([2., 2., 5.], dtype=float32)
    """
    numbers = _without_nan("nancumsum", a, lambda _: 0)
    return body(cumsum)(numbers, axis, dtype, out)


@jit_when_eager(static_argnames=("axis", "dtype"))
def nancumprod(
    a: ArrayLike, axis: int | None = None, dtype: DTypeLike = None, out: None = None
) -> Array:
    """`cumprod` that takes NaN as one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nancumprod(jnp.array([2.0, jnp.nan, 3.0]))
        Array([2., 2., 6.], dtype=float32)
    """
    numbers = _without_nan("nancumprod", a, lambda _: 1)
    return body(cumprod)(numbers, axis, dtype, out)


def _standard_cumulative(
    function: str,
    accumulate: Callable[..., Any],
    neutral: int,
    x: Any,
    axis: int | None,
    dtype: Any,
    include_initial: bool,
) -> Any:
    type = type_of(function, "x", x)
    if axis is None and type.ndim != 1:
        raise value_error(
            f"{function}: `axis` must be given for an array with {type.ndim} axes, got "
            f"{type!r}."
        )
    (index,) = reduced_axes(function, 0 if axis is None else axis, type)
    wide = _wide_integer(type.dtype) if dtype is None else dtype
    made = _cumulative(function, accumulate, x, index, wide, None, "x")
    if not include_initial:
        return made
    shape = typeof(made).shape
    first = lax.full(
        (*shape[:index], 1, *shape[index + 1 :]), neutral, typeof(made).dtype
    )
    return lax.concatenate([first, made], index)


@jit_when_eager(static_argnames=("axis", "dtype", "include_initial"))
def cumulative_sum(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike = None,
    include_initial: bool = False,
) -> Array:
    """Sums of the first elements along an axis, as the array API standard has it.

    Args:
        x: any dtype; narrow integers are summed in the default integer dtype.
        axis: may be None for one axis.
        dtype: of the result.
        include_initial: begin with the sum of no elements.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cumulative_sum(jnp.array([2, 3, 4]), include_initial=True)
        Array([0, 2, 5, 9], dtype=int32)
    """
    options = x, axis, dtype, include_initial
    return _standard_cumulative("cumulative_sum", lax.cumsum, 0, *options)


@jit_when_eager(static_argnames=("axis", "dtype", "include_initial"))
def cumulative_prod(
    x: ArrayLike,
    /,
    *,
    axis: int | None = None,
    dtype: DTypeLike = None,
    include_initial: bool = False,
) -> Array:
    """Products of the first elements along an axis, as `cumulative_sum`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cumulative_prod(jnp.array([2, 3, 4]), include_initial=True)
        Array([ 1,  2,  6, 24], dtype=int32)
    """
    options = x, axis, dtype, include_initial
    return _standard_cumulative("cumulative_prod", lax.cumprod, 1, *options)

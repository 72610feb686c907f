"""Order statistics and differences."""

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._ir import ArrayType, dtypes, value_error
from .._ops import _selection
from .._ops._shape import sharding_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike, Axis
from ._creation import asarray
from ._eager import body, jit_when_eager
from ._logic import no_out
from ._promotion import convert, literal, to_inexact, type_of
from ._reductions import reduced_axes
from ._taking import take_along_axis

_METHODS = ("linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf")


def _quantile_body(
    a: Any,
    q: Any,
    weights: Any,
    axis: Any,
    method: str,
    keepdims: bool,
    skip_nan: bool,
) -> Any:
    """Quantiles from sorted elements; NaN sorts last, so the numbers come first."""
    type, wanted = typeof(a), typeof(q)
    axes = reduced_axes("quantile", axis, type)
    dtype = to_inexact(type.dtype)
    x = _merged(lax.convert_element_type(a, dtype), axes)
    q = lax.reshape(convert(q, dtype), (wanted.size,))
    if weights is None:
        w = lax.full_like(x, 1)
        ordered = lax.sort(x, dimension=-1)
    else:
        w = _merged(_spread_weights(weights, type, axes, dtype), axes)
        ordered, w = lax.sort((x, w), dimension=-1, num_keys=1)
    is_nan = lax.ne(ordered, ordered)
    rows = typeof(x).shape[:-1]
    full = (*rows, wanted.size)

    def at(place: Any) -> Any:
        index = lax.convert_element_type(place, np.int32)
        return take_along_axis(ordered, index, axis=-1, mode="clip")

    if method == "inverted_cdf":
        if skip_nan:
            w = _selection.choose(is_nan, literal(0, dtype), w)
        made = at(_first_reaching(q, w))
    else:
        made = _interpolated(at, q, is_nan, full, method, skip_nan)
    if not skip_nan:
        spoiled = lax.reduce_or(is_nan, (len(rows),))
        spoiled = lax.broadcast_in_dim(spoiled, full, range(len(rows)))
        made = _selection.choose(spoiled, literal(np.nan, dtype), made)
    made = lax.transpose(made, (len(rows), *range(len(rows))))
    kept = rows
    if keepdims:
        kept = tuple(1 if i in axes else n for i, n in enumerate(type.shape))
    return lax.reshape(made, (*wanted.shape, *kept))


def _spread_weights(
    weights: Any, type: ArrayType, axes: tuple[int, ...], dtype: np.dtype
) -> Any:
    """Weights of all elements: given for each, or along the one axis."""
    own = typeof(weights).shape
    at = range(type.ndim) if own == type.shape else axes
    return lax.broadcast_in_dim(convert(weights, dtype), type.shape, at)


def _first_reaching(q: Any, weights: Any) -> Any:
    """Where along the last axis the sum of weights first reaches each share of it all.

    Elements without weight are passed over, at the share 0 too.
    """
    sums = lax.cumsum(weights, weights.ndim - 1)
    reached = q[:, None] * sums[..., None, -1:]
    before = sums[..., None, :]
    return ((before < reached) | (before <= 0)).sum(-1)


def _interpolated(
    at: Callable[[Any], Any],
    q: Any,
    is_nan: Any,
    full: tuple[int, ...],
    method: str,
    skip_nan: bool,
) -> Any:
    """Between the sorted elements on both sides of each share of the way along them."""
    rows, dtype = full[:-1], typeof(q).dtype
    if skip_nan:
        numbers = lax.convert_element_type(lax.bitwise_not(is_nan), dtype)
        count = lax.reduce_sum(numbers, (len(rows),))
        last = lax.sub(count, literal(1, dtype))
        last = lax.broadcast_in_dim(last, full, range(len(rows)))
    else:
        last = literal(typeof(is_nan).shape[-1] - 1, dtype)
    places = lax.mul(lax.broadcast_in_dim(q, full, (len(rows),)), last)
    places = lax.max(places, literal(0, dtype))
    low, high = lax.floor(places), lax.ceil(places)
    return _between(at(low), at(high), places, low, method)


def _between(below: Any, above: Any, places: Any, low: Any, method: str) -> Any:
    dtype = typeof(below).dtype
    share = lax.sub(places, low)
    half = literal(0.5, dtype)
    if method == "lower":
        return below
    if method == "higher":
        return above
    if method == "midpoint":
        return lax.mul(lax.add(below, above), half)
    if method == "nearest":
        # Halves go to the even place, as `numpy.round` has it.
        nearest = lax.round(places, lax.RoundingMethod.TO_NEAREST_EVEN)
        return _selection.choose(lax.eq(nearest, low), below, above)
    rest = lax.sub(literal(1, dtype), share)
    return lax.add(lax.mul(below, rest), lax.mul(above, share))


def _merged(x: Any, axes: tuple[int, ...]) -> Any:
    """The axes to reduce, as one last axis."""
    shape = typeof(x).shape
    kept = [i for i in range(len(shape)) if i not in axes]
    moved = lax.transpose(x, (*kept, *axes))
    size = math.prod(shape[i] for i in axes)
    return lax.reshape(moved, (*(shape[i] for i in kept), size))


_quantile = jit_when_eager(
    _quantile_body,
    name="quantile",
    static_argnames=("axis", "method", "keepdims", "skip_nan"),
)


def _checked_quantile(
    function: str,
    a: Any,
    q: Any,
    axis: Any,
    out: Any,
    method: str,
    keepdims: bool,
    weights: Any,
    skip_nan: bool,
    scale: float = 1.0,
) -> Any:
    no_out(function, out)
    type = type_of(function, "a", a)
    if isinstance(q, list | tuple):
        q = asarray(q)
    type_of(function, "q", q)
    if method not in _METHODS:
        raise value_error(
            f"{function}: `method` must be one of {', '.join(map(repr, _METHODS))}, "
            f"got {method!r}."
        )
    if dtypes.kind(type.dtype) == "c":
        raise value_error(f"{function}: complex numbers have no order, got {type!r}.")
    axes = reduced_axes(function, axis, type)
    if 0 in [type.shape[i] for i in axes]:
        raise value_error(f"{function}: no elements in {type!r} over axes {axes}.")
    if weights is not None:
        _check_weights(function, type_of(function, "weights", weights), type, axes)
        if method != "inverted_cdf":
            raise value_error(
                f"{function}: only the method 'inverted_cdf' takes weights, got "
                f"{method!r}."
            )
    if scale != 1.0:
        q = asarray(q, to_inexact(type.dtype)) / scale
    return _quantile(
        a, q, weights, axis=axes, method=method, keepdims=keepdims, skip_nan=skip_nan
    )


def _check_weights(
    function: str, weights: ArrayType, type: ArrayType, axes: tuple[int, ...]
) -> None:
    along = len(axes) == 1 and weights.shape == (type.shape[axes[0]],)
    if weights.shape != type.shape and not along:
        raise value_error(
            f"{function}: `weights` must have the shape of `a`, or that of the one "
            f"axis in `axis`, got {weights!r} for {type!r} and axes {axes}."
        )


def quantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Array:
    """Values below which a share `q` of the elements lies; NaN if there is one.

    Args:
        a: real numbers.
        q: shares from 0 to 1, of any shape, which leads in the result.
        axis: an axis or a tuple of axes; None for all.
        out: not supported.
        overwrite_input: for NumPy's sake.
        method: what to take between two elements: ``"linear"``, ``"lower"``,
            ``"higher"``, ``"midpoint"`` or ``"nearest"``; with ``"inverted_cdf"`` the
            first element up to which at least that share of the elements lies.
        keepdims: keep the axes with size 1.
        weights: how much each element counts, for ``"inverted_cdf"``: in the shape of
            `a`, or along the one axis in `axis`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.quantile(jnp.array([1.0, 2.0, 4.0]), 0.75)
        Array(3., dtype=float32)
    """
    del overwrite_input
    options = axis, out, method, keepdims, weights, False
    return _checked_quantile("quantile", a, q, *options)


def nanquantile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Array:
    """`quantile` of the elements that are not NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanquantile(jnp.array([1.0, jnp.nan, 3.0]), 0.25)
        Array(1.5, dtype=float32)
    """
    del overwrite_input
    options = axis, out, method, keepdims, weights, True
    return _checked_quantile("nanquantile", a, q, *options)


def percentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
    out_sharding: None = None,
) -> Array:
    """`quantile` with `q` in percent; `out_sharding` must be None.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.percentile(jnp.array([1.0, 2.0, 3.0]), 75)
        Array(2.5, dtype=float32)
    """
    del overwrite_input
    if out_sharding is not None:
        raise sharding_error("percentile", "out_sharding", out_sharding)
    options = axis, out, method, keepdims, weights, False, 100.0
    return _checked_quantile("percentile", a, q, *options)


def nanpercentile(
    a: ArrayLike,
    q: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: ArrayLike | None = None,
) -> Array:
    """`percentile` of the elements that are not NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanpercentile(jnp.array([1.0, jnp.nan, 3.0]), 25)
        Array(1.5, dtype=float32)
    """
    del overwrite_input
    options = axis, out, method, keepdims, weights, True, 100.0
    return _checked_quantile("nanpercentile", a, q, *options)


def median(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:
    """The middle element over axes, or the mean of the middle two; NaN if there is one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.median(jnp.array([3, 1, 2, 10]))
        Array(2.5, dtype=float32)
    """
    del overwrite_input
    options = axis, out, "midpoint", keepdims, None, False
    return _checked_quantile("median", a, 0.5, *options)


def nanmedian(
    a: ArrayLike,
    axis: Axis = None,
    out: None = None,
    overwrite_input: bool = False,
    keepdims: bool = False,
) -> Array:
    """`median` of the elements that are not NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nanmedian(jnp.array([1.0, jnp.nan, 3.0]))
        Array(2., dtype=float32)
    """
    del overwrite_input
    options = axis, out, "midpoint", keepdims, None, True
    return _checked_quantile("nanmedian", a, 0.5, *options)


@jit_when_eager(static_argnames=("n", "axis"))
def diff(
    a: ArrayLike,
    n: int = 1,
    axis: int = -1,
    prepend: ArrayLike | None = None,
    append: ArrayLike | None = None,
) -> Array:
    """Differences of neighbors along an axis, `n` times over.

    Args:
        a: with at least one axis; booleans give where neighbors differ.
        n: how often.
        axis: along which.
        prepend: put before `a` first; scalars are repeated.
        append: put after `a` first; scalars are repeated.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diff(jnp.array([1, 4, 9]))
        Array([3, 5], dtype=int32)
    """
    type = type_of("diff", "a", a)
    if operator.index(n) < 0:
        raise value_error(f"diff: `n` must not be negative, got {n}.")
    if not type.ndim:
        raise value_error(f"diff: `a` must have at least one axis, got {type!r}.")
    (index,) = reduced_axes("diff", axis, type)
    parts = [_edge(x, type, index) for x in (prepend, a, append) if x is not None]
    if len(parts) > 1:
        from ._joining import concatenate

        a = concatenate(parts, axis=index)
    made: Any = a
    for _ in range(n):
        size = typeof(made).shape[index]
        later = lax.slice_in_dim(made, min(1, size), size, axis=index)
        earlier = lax.slice_in_dim(made, 0, max(size - 1, 0), axis=index)
        is_bool = typeof(made).dtype == np.dtype(bool)
        made = lax.ne(later, earlier) if is_bool else lax.sub(later, earlier)
    return made


def _edge(x: Any, type: Any, axis: int) -> Any:
    given = type_of("diff", "prepend", x)
    if given.shape:
        return x
    shape = (*type.shape[:axis], 1, *type.shape[axis + 1 :])
    return lax.broadcast_in_dim(x, shape, ())


@jit_when_eager(static_argnames=("axis",))
def trapezoid(
    y: ArrayLike, x: ArrayLike | None = None, dx: ArrayLike = 1.0, axis: int = -1
) -> Array:
    """Integral along an axis by the trapezoidal rule.

    Args:
        y: values of the integrand.
        x: places of the values, of the shape of `y` or one axis, or None.
        dx: the distance, if `x` is None.
        axis: along which.

    Returns:
        A floating-point array without that axis; 0 for fewer than two values.

    Raises:
        TypeError: an argument is no array.
        ValueError: there is no such axis, or the shape of `x` does not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.trapezoid(jnp.array([1, 2, 4]), dx=2).item()
        9.0
    """
    type = type_of("trapezoid", "y", y)
    (index,) = reduced_axes("trapezoid", axis, type)
    dtype = to_inexact(type.dtype)
    places = None if x is None else type_of("trapezoid", "x", x)
    if places is not None:
        operands = [(t.dtype, t.weak_type) for t in (type, places)]
        dtype = to_inexact(dtypes.promote(operands)[0])
    values = _last(convert(y, dtype), index)
    size = typeof(values).shape[-1]
    if places is None:
        width = convert(dx, dtype)
    else:
        where = convert(x, dtype)
        width = body(diff)(where if places.ndim == 1 else _last(where, index))
        width = lax.expand_dims(width, range(type.ndim - typeof(width).ndim))
    last = typeof(values).ndim - 1
    pairs = lax.add(
        lax.slice_in_dim(values, min(size, 1), size, axis=last),
        lax.slice_in_dim(values, 0, max(size - 1, 0), axis=last),
    )
    area = pairs * width if typeof(width).ndim else lax.mul(pairs, width)
    return lax.mul(lax.reduce_sum(area, (last,)), literal(0.5, dtype))


def _last(x: Any, axis: int) -> Any:
    order = [i for i in range(typeof(x).ndim) if i != axis]
    return lax.transpose(x, (*order, axis))

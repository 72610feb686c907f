"""Padding: arrays surrounded by further elements, and freed of zeros around them."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .._ir import ArrayType, dtypes, type_error, value_error
from .._tracing import concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._indexing import getitem
from ._manipulation import as_array, as_axes, as_axis
from ._promotion import convert, type_of
from ._vectorizing import apply_along_axis

_PAD_OPTIONS = {
    "constant": ("constant_values",),
    "linear_ramp": ("end_values",),
    "maximum": ("stat_length",),
    "mean": ("stat_length",),
    "minimum": ("stat_length",),
    "reflect": ("reflect_type",),
    "symmetric": ("reflect_type",),
    "edge": (),
    "empty": (),
    "wrap": (),
}


def pad(
    array: ArrayLike,
    pad_width: Any,
    mode: str | Callable[..., Any] = "constant",
    **kwargs: Any,
) -> Array:
    """Surround an array with further elements.

    Args:
        array: an array of any shape.
        pad_width: how many elements before and after: a number for all, a pair for all
            axes, a pair for each axis, or a dictionary from axes to those.
        mode: where the elements come from. "constant": `constant_values`, by default 0;
            "edge": the outermost element; "reflect" and "symmetric": the array mirrored
            at (behind) its outermost element; "wrap": the other end; "linear_ramp": a
            ramp to `end_values`; "maximum", "mean", "minimum": that of the axis, or of
            its outermost `stat_length` elements, given like `pad_width`; "empty":
            zeros. Or a function from a vector along an axis, surrounded by zeros, the
            pair of widths, the axis and `kwargs` to the vector to put there.
        **kwargs: the option of the mode.

    Returns:
        An array in the dtype of `array`, larger by `pad_width`.

    Raises:
        ValueError: `mode` or an option is unknown, or `pad_width` does not fit the
            axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.pad(jnp.array([1, 2, 3]), (1, 2), mode="reflect").tolist()
        [2, 1, 2, 3, 2, 1]
    """
    type = type_of("pad", "array", array)
    widths = _pad_widths(pad_width, type.ndim)
    if callable(mode):
        return _pad_by_function(array, widths, mode, kwargs)
    if mode not in _PAD_OPTIONS:
        raise value_error(
            f"pad: `mode` must be one of {', '.join(sorted(_PAD_OPTIONS))} or a "
            f"function; got {mode!r}."
        )
    unknown = [name for name in kwargs if name not in _PAD_OPTIONS[mode]]
    if unknown:
        raise value_error(f"pad: mode {mode!r} has no option {unknown[0]!r}.")
    if kwargs.get("reflect_type", "even") not in ("even", "odd"):
        raise value_error("pad: `reflect_type` must be 'even' or 'odd'.")
    if mode in ("constant", "linear_ramp"):
        name = _PAD_OPTIONS[mode][0]
        ends = _pad_ends(kwargs[name], type, name) if name in kwargs else []
        make = _pad_constant if mode == "constant" else _pad_ramp
        return make(array, ends, widths=widths)
    odd = kwargs.get("reflect_type") == "odd"
    given = kwargs.get("stat_length")
    lengths = None if given is None else _pad_widths(given, type.ndim, "stat_length")
    if lengths and not all(min(pair) for pair in lengths):
        raise value_error(f"pad: `stat_length` must be positive, got {given!r}.")
    return _pad_from_array(array, widths=widths, mode=mode, odd=odd, lengths=lengths)


def _pad_by_function(
    array: Any, widths: Any, function: Callable[..., Any], options: dict[str, Any]
) -> Any:
    padded = _pad_constant(array, [], widths=widths)
    for axis, pair in enumerate(widths):
        padded = apply_along_axis(function, axis, padded, pair, axis, options)
    return padded


def _pad_widths(
    pad_width: Any, ndim: int, argument: str = "pad_width"
) -> tuple[tuple[int, int], ...]:
    # The usual forms first: NumPy's broadcasting takes longer than padding.
    if type(pad_width) is int and pad_width >= 0:
        return ((pad_width, pad_width),) * ndim
    is_sequence = isinstance(pad_width, list | tuple)
    if is_sequence and len(pad_width) == ndim and all(map(_is_pair, pad_width)):
        return tuple(pad_width)
    if isinstance(pad_width, dict):
        widths = [(0, 0)] * ndim
        for axis, width in pad_width.items():
            pair = np.broadcast_to(np.asarray(width), (2,))
            widths[as_axis("pad", axis, ndim)] = (int(pair[0]), int(pair[1]))
    else:
        given = np.asarray(pad_width)
        if given.size and given.dtype.kind not in "iu":
            raise type_error(
                f"pad: `{argument}` must hold integers, got {pad_width!r:.60}."
            )
        try:
            pairs = np.broadcast_to(given, (ndim, 2))
        except ValueError:
            raise value_error(
                f"pad: `{argument}` must be a number, a pair, or a pair for each of "
                f"the {ndim} axes, got {pad_width!r:.60}."
            ) from None
        widths = [(int(low), int(high)) for low, high in pairs]
    if any(low < 0 or high < 0 for low, high in widths):
        raise value_error(f"pad: `{argument}` must not be negative, got {pad_width!r}.")
    return tuple(widths)


def _is_pair(pair: Any) -> bool:
    """Whether it is a tuple of two natural numbers of Python."""
    return (
        type(pair) is tuple
        and len(pair) == 2
        and all(type(width) is int and width >= 0 for width in pair)
    )


def _pad_ends(values: Any, type: ArrayType, name: str) -> list[Any]:
    """Scalars of the array's dtype: one for all sides, or low and high of each axis.

    None at all means zeros.
    """
    if isinstance(values, list | tuple):
        values = np.asarray(values)
    given = typeof(values)
    if given.ndim == 0:
        return [convert(values, type.dtype)]
    try:
        np.broadcast_shapes(given.shape, (type.ndim, 2))
        wide = lax.broadcast_in_dim(
            convert(values, type.dtype), (type.ndim, 2), tuple(range(2 - given.ndim, 2))
        )
    except ValueError:
        raise value_error(
            f"pad: `{name}` must be a number, a pair, or a pair for each of the "
            f"{type.ndim} axes, got {given!r}."
        ) from None
    return [getitem(wide, (axis, side)) for axis in range(type.ndim) for side in (0, 1)]


@jit_when_eager(static_argnames=("widths",))
def _pad_constant(array: Any, ends: list[Any], *, widths: Any) -> Any:
    ends = ends or [lax.full((), 0, typeof(array).dtype)]
    if len(ends) == 1:
        return lax.pad(array, ends[0], [(low, high, 0) for low, high in widths])
    for axis, (low, high) in enumerate(widths):
        for end, side in ((ends[2 * axis], (low, 0)), (ends[2 * axis + 1], (0, high))):
            config = [(0, 0, 0)] * len(widths)
            config[axis] = (side[0], side[1], 0)
            array = lax.pad(array, end, config)
    return array


@jit_when_eager(static_argnames=("widths",))
def _pad_ramp(array: Any, ends: list[Any], *, widths: Any) -> Any:
    dtype = typeof(array).dtype
    ends = ends or [lax.full((), 0, dtype)]
    ends = ends * (2 * len(widths)) if len(ends) == 1 else ends
    work = dtype if dtypes.is_inexact(dtype) else dtypes.default(np.dtype("float64"))
    for axis, (low, high) in enumerate(widths):
        size = typeof(array).shape[axis]
        first = lax.slice_in_dim(array, 0, 1, axis=axis)
        last = lax.slice_in_dim(array, size - 1, size, axis=axis)
        before = _ramp(ends[2 * axis], first, low, axis, work, dtype)
        after = _ramp(ends[2 * axis + 1], last, high, axis, work, dtype)
        array = lax.concatenate([before, array, lax.rev(after, (axis,))], axis)
    return array


def _ramp(end: Any, edge: Any, count: int, axis: int, work: Any, dtype: Any) -> Any:
    """`count` values that rise from `end` towards `edge`, without reaching it."""
    shape = list(typeof(edge).shape)
    shape[axis] = count
    edge = lax.convert_element_type(edge, work)
    edge = lax.broadcast_in_dim(edge, shape, tuple(range(len(shape))))
    end = lax.convert_element_type(end, work)
    step = lax.div(lax.sub(edge, end), np.asarray(max(count, 1), work))
    ramp = lax.add(lax.mul(lax.broadcasted_iota(work, shape, axis), step), end)
    if dtypes.kind(dtype) in ("i", "u"):
        ramp = lax.floor(ramp)
    return lax.convert_element_type(ramp, dtype)


@jit_when_eager(static_argnames=("widths", "mode", "odd", "lengths"))
def _pad_from_array(
    array: Any, *, widths: Any, mode: str, odd: bool, lengths: Any = None
) -> Any:
    for axis, (low, high) in enumerate(widths):
        if not (low or high):
            continue
        size = typeof(array).shape[axis]
        if mode == "empty":
            config = [(0, 0, 0)] * len(widths)
            config[axis] = (low, high, 0)
            zero = np.zeros((), typeof(array).dtype)
            array = lax.pad(array, zero, config)
            continue
        if not size:
            raise value_error(
                f"pad: mode {mode!r} can't extend axis {axis} of {typeof(array)!r}, "
                "which is empty."
            )
        if mode in ("maximum", "mean", "minimum"):
            most = lengths[axis] if lengths else (size, size)
            array = _pad_statistic(array, axis, (low, high), most, mode)
        elif odd:
            array = _pad_odd(array, axis, low, high, mode)
        else:
            array = _taken(array, _sources(size, low, high, mode), axis)
    return array


def _sources(size: int, low: int, high: int, mode: str) -> np.ndarray:
    """For each element of the padded axis, which element of the old one it repeats."""
    index = np.arange(-low, size + high)
    if mode == "edge" or size == 1:
        return np.clip(index, 0, size - 1).astype(np.int32)
    if mode == "wrap":
        return (index % size).astype(np.int32)
    period = 2 * size - (2 if mode == "reflect" else 0)
    index = index % period
    mirrored = period - index - (0 if mode == "reflect" else 1)
    return np.where(index < size, index, mirrored).astype(np.int32)


def _pad_odd(x: Any, axis: int, low: int, high: int, mode: str) -> Any:
    """Mirror about the outermost element in value too: twice the edge minus it."""
    skip = mode == "reflect"
    while low or high:
        size = typeof(x).shape[axis]
        most = size - skip
        if not most:
            return _taken(x, _sources(size, low, high, mode), axis)
        before, after = min(low, most), min(high, most)
        parts = [x]
        if before:
            mirrored = lax.slice_in_dim(x, skip, before + skip, axis=axis)
            edge = lax.slice_in_dim(x, 0, 1, axis=axis)
            parts.insert(0, _reflected(edge, mirrored, axis))
        if after:
            start = size - skip - after
            mirrored = lax.slice_in_dim(x, start, start + after, axis=axis)
            edge = lax.slice_in_dim(x, size - 1, size, axis=axis)
            parts.append(_reflected(edge, mirrored, axis))
        x = lax.concatenate(parts, axis)
        low, high = low - before, high - after
    return x


def _reflected(edge: Any, values: Any, axis: int) -> Any:
    shape = typeof(values).shape
    twice = lax.mul(edge, np.asarray(2, typeof(edge).dtype))
    twice = lax.broadcast_in_dim(twice, shape, tuple(range(len(shape))))
    return lax.sub(twice, lax.rev(values, (axis,)))


def _pad_statistic(x: Any, axis: int, widths: Any, lengths: Any, mode: str) -> Any:
    size = typeof(x).shape[axis]
    ends = [(0, min(lengths[0], size)), (size - min(lengths[1], size), size)]
    values = [_statistic(x, axis, end, mode) for end in dict.fromkeys(ends)]
    sides = []
    for count, value in zip(widths, (values[0], values[-1]), strict=True):
        shape = list(typeof(x).shape)
        shape[axis] = count
        sides.append(lax.broadcast_in_dim(value, shape, tuple(range(len(shape)))))
    return lax.concatenate([sides[0], x, sides[1]], axis)


def _statistic(x: Any, axis: int, part: tuple[int, int], mode: str) -> Any:
    """The statistic of a part of an axis, which stays with one element."""
    from ._reductions import max as amax, mean, min as amin

    reduce = {"maximum": amax, "minimum": amin, "mean": mean}[mode]
    value = reduce(lax.slice_in_dim(x, *part, axis=axis), axis=axis, keepdims=True)
    dtype = typeof(x).dtype
    if mode == "mean" and not dtypes.is_inexact(dtype):
        value = lax.round(value, lax.RoundingMethod.TO_NEAREST_EVEN)
    return convert(value, dtype)


def _taken(x: Any, places: np.ndarray, axis: int) -> Any:
    return getitem(as_array(x), (slice(None),) * axis + (places,))


def trim_zeros(
    filt: ArrayLike, trim: str = "fb", axis: int | Sequence[int] | None = None
) -> Array:
    """An array without the zeros at its ends.

    Args:
        filt: an array of any shape.
        trim: "f" if zeros at the front are dropped, "b" those at the back; or both.
        axis: an axis or several along which to drop them; None for all. Along more
            than one, what is left is the smallest box around the elements that are not
            zero.

    Returns:
        A part of `filt`, empty along `axis` if all is zero.

    Raises:
        ConcretizationTypeError: `filt` is traced: values decide about the shape.
        ValueError: an axis is out of range or named twice, or `trim` is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.trim_zeros(jnp.array([0, 0, 3, 0, 4, 0])).tolist()
        [3, 0, 4]
    """
    type = type_of("trim_zeros", "filt", filt)
    axes = range(type.ndim) if axis is None else as_axes("trim_zeros", axis, type.ndim)
    known = concrete(filt)
    if known is None:
        raise not_concrete(
            filt,
            "array",
            "trim_zeros (the size of its result)",
            "Trim outside the traced function, or cut to a size that is known.",
        )
    ends = str(trim).lower()
    if ends not in ("f", "b", "fb", "bf"):
        raise value_error(f"trim_zeros: `trim` must be 'f', 'b' or 'fb', got {trim!r}.")
    nonzero = np.argwhere(np.asarray(known) != 0)
    part = [slice(None)] * type.ndim
    for at in axes:
        places = nonzero[:, at]
        start = int(places.min(initial=type.shape[at])) if "f" in ends else 0
        stop = int(places.max(initial=-1)) + 1 if "b" in ends else None
        part[at] = slice(start, stop)
    return getitem(as_array(filt), tuple(part))

"""Sampled functions: differences, derivatives, interpolation, continuous phases."""

import math
import operator
from collections.abc import Sequence
from typing import Any

from .. import lax
from .._ir import dtypes, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._joining import concatenate
from ._logic import where
from ._manipulation import as_array, as_axes, as_axis, moveaxis, ravel
from ._promotion import (
    convert,
    promote_args,
    promote_args_inexact,
    to_inexact,
    type_of,
)
from ._sorting import insertion_places
from ._statistics import diff

# ---- differences -------------------------------------------------------------------


@jit_when_eager
def ediff1d(
    ary: ArrayLike, to_end: ArrayLike | None = None, to_begin: ArrayLike | None = None
) -> Array:
    """Differences of neighbors in the flattened array.

    Args:
        ary: numbers; they are flattened.
        to_end: put behind the differences, in the dtype of `ary`.
        to_begin: put before them.

    Returns:
        ``[n - 1]`` differences, more with what is put around them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ediff1d(jnp.array([1, 4, 6]), to_end=9).tolist()
        [3, 2, 9]
    """
    dtype = type_of("ediff1d", "ary", ary).dtype
    parts = [to_begin, diff(ravel(as_array(ary))), to_end]
    names = ("to_begin", "ary", "to_end")
    for name, part in zip(names, parts, strict=True):
        if part is not None:
            type_of("ediff1d", name, part)
    return concatenate(
        [ravel(as_array(convert(part, dtype))) for part in parts if part is not None]
    )


def gradient(
    f: ArrayLike,
    *varargs: ArrayLike,
    axis: int | Sequence[int] | None = None,
    edge_order: int | None = None,
) -> Any:
    """Derivatives of a sampled function, by central differences inside.

    Args:
        f: samples; integers are taken as floating point.
        varargs: distances of the samples: none for 1, one number for all axes, or one
            number or array of coordinates ``[n]`` for each axis.
        axis: along which; None for all axes.
        edge_order: 1 or 2, the order of the differences at the boundaries, 1 by
            default.

    Returns:
        An array in the shape of `f`, or a list with one for each of several axes.

    Raises:
        ValueError: an axis has fewer than ``edge_order + 1`` samples, or the distances
            don't fit the axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.gradient(jnp.array([0.0, 1.0, 4.0, 9.0])).tolist()
        [1.0, 2.0, 4.0, 5.0]
    """
    type = type_of("gradient", "f", f)
    axes = as_axes("gradient", range(type.ndim) if axis is None else axis, type.ndim)
    spacing = varargs or (1.0,)
    if len(spacing) == 1 and not type_of("gradient", "varargs", spacing[0]).ndim:
        spacing = spacing * len(axes)
    order = 1 if edge_order is None else operator.index(edge_order)
    if order not in (1, 2):
        raise value_error(f"gradient: `edge_order` must be 1 or 2, got {order}.")
    if len(spacing) != len(axes):
        raise value_error(
            f"gradient: expected no distance, one number, or one for each of "
            f"{len(axes)} axes, got {len(spacing)}."
        )
    for at, step in zip(axes, spacing, strict=True):
        if type.shape[at] <= order:
            raise value_error(
                f"gradient: expected at least {order + 1} samples along axis {at}, "
                f"got {type!r}."
            )
        given = type_of("gradient", "varargs", step)
        if given.shape not in ((), (type.shape[at],)):
            raise value_error(
                f"gradient: coordinates along axis {at} must be a number or have shape "
                f"{(type.shape[at],)}, got {given!r}."
            )
    made = _gradient(f, spacing, axes=axes, order=order)
    return made[0] if len(made) == 1 else made


@jit_when_eager(static_argnames=("axes", "order"))
def _gradient(
    f: Any, spacing: tuple[Any, ...], *, axes: tuple[int, ...], order: int
) -> list[Any]:
    made = []
    for axis, step in zip(axes, spacing, strict=True):
        x, step = _separate(f, step)
        x = moveaxis(x, axis, -1)
        derivative = _derivative(x, diff(step) if typeof(step).ndim else step, order)
        made.append(moveaxis(derivative, -1, axis))
    return made


def _separate(f: Any, step: Any) -> tuple[Any, Any]:
    """Both in a common dtype; their shapes have nothing to do with each other."""
    f = convert(as_array(f), to_inexact(typeof(f).dtype))
    dtype, weak_type = dtypes.promote(
        [(typeof(x).dtype, typeof(x).weak_type) for x in (f, step)]
    )
    return tuple(as_array(convert(x, dtype, weak_type)) for x in (f, step))


def _derivative(x: Any, step: Any, order: int) -> Any:
    """Along the last axis; `step` is the distance, or one for each interval.

    Fornberg (1988), "Generation of finite difference formulas on arbitrarily spaced
    grids": each result is the slope of the parabola (or, at an edge of order 1, the
    line) through the nearest samples.
    """
    slopes = diff(x) / step
    if typeof(step).ndim:
        before, after = step[:-1], step[1:]
    else:
        before = after = step
    left, right = slopes[..., :-1], slopes[..., 1:]
    inner = (after * left + before * right) / (before + after)
    if order == 1:
        return concatenate([slopes[..., :1], inner, slopes[..., -1:]], -1)
    bend = (right - left) / (before + after)
    first, last = (step[:1], step[-1:]) if typeof(step).ndim else (step, step)
    low = slopes[..., :1] - first * bend[..., :1]
    high = slopes[..., -1:] + last * bend[..., -1:]
    return concatenate([low, inner, high], -1)


# ---- interpolation -----------------------------------------------------------------


def interp(
    x: ArrayLike,
    xp: ArrayLike,
    fp: ArrayLike,
    left: ArrayLike | str | None = None,
    right: ArrayLike | str | None = None,
    period: ArrayLike | None = None,
) -> Array:
    """Piecewise linear interpolation between samples of a function.

    Args:
        x: real numbers of any shape, the places wanted.
        xp: ``[n]`` real numbers in increasing order, the places known.
        fp: ``[n]`` real or complex numbers, the values there.
        left: for places before the first, by default its value; "extrapolate" goes on
            with the first line.
        right: for places behind the last, likewise.
        period: of the function, if it is periodic; `xp` need not be in order then, and
            `left` and `right` play no part.

    Returns:
        Values in the shape of `x`; NaN where `x` is NaN.

    Raises:
        ValueError: `xp` and `fp` don't have one axis of one size, at least 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> places, values = jnp.array([0.0, 1.0]), jnp.array([10.0, 20.0])
        >>> jnp.interp(jnp.array([0.5, 3.0]), places, values).tolist()
        [15.0, 20.0]
    """
    types = [type_of("interp", n, v) for n, v in (("xp", xp), ("fp", fp))]
    type_of("interp", "x", x)
    if types[0].ndim != 1 or types[0].shape != types[1].shape or not types[0].size:
        raise value_error(
            "interp: `xp` and `fp` must have one axis of equal size, at least 1: `xp` "
            f"is {types[0]!r}, `fp` is {types[1]!r}."
        )
    extends = []
    for name, outside in (("left", left), ("right", right)):
        if isinstance(outside, str) and outside != "extrapolate":
            raise value_error(
                f"interp: `{name}` must be a number or 'extrapolate', got {outside!r}."
            )
        extends.append(isinstance(outside, str) or period is not None)
    outer = [None if e else v for v, e in zip((left, right), extends, strict=True)]
    return _interp(x, xp, fp, outer, period, extends=tuple(extends))


@jit_when_eager(static_argnames=("extends",))
def _interp(
    x: Any, xp: Any, fp: Any, outer: list[Any], period: Any, extends: tuple[bool, ...]
) -> Any:
    shape = typeof(x).shape
    flat = ravel(as_array(x))
    real = dtypes.promote([(typeof(v).dtype, typeof(v).weak_type) for v in (x, xp)])[0]
    (probe,) = promote_args_inexact("interp", lax.full((), 0, real))
    flat, xp = (as_array(convert(v, typeof(probe).dtype)) for v in (flat, xp))
    values, _ = promote_args_inexact("interp", as_array(fp), probe)
    if period is not None:
        period = abs(convert(period, typeof(flat).dtype))
        flat, xp = flat % period, xp % period
        xp, values = lax.sort_key_val(xp, values)
        xp = concatenate([xp[-1:] - period, xp, xp[:1] + period])
        values = concatenate([values[-1:], values, values[:1]])
    if typeof(xp).size == 1:
        xp, values = concatenate([xp, xp]), concatenate([values, values])
    last = typeof(xp).size - 1
    places = insertion_places(xp, flat, True, False).clip(1, last)
    low, high = values[places - 1], values[places]
    width = xp[places] - xp[places - 1]
    # A division by zero, though not chosen, would spoil the derivative.
    safe = where(width == 0, 1, width)
    share = (flat - xp[places - 1]) / safe
    made = where(width == 0, high, low + share * (high - low))
    ends = ((flat < xp[0], values[0]), (flat > xp[last], values[last]))
    for (is_outside, end), given, extend in zip(ends, outer, extends, strict=True):
        if not extend:
            made = where(is_outside, end if given is None else given, made)
    return lax.reshape(made, shape)


# ---- phases ------------------------------------------------------------------------


@jit_when_eager(static_argnames=("axis",))
def unwrap(
    p: ArrayLike,
    discont: ArrayLike | None = None,
    axis: int = -1,
    period: ArrayLike = 2 * math.pi,
) -> Array:
    """A phase without jumps: neighbors differ by at most half a period.

    Args:
        p: real numbers with at least one axis.
        discont: the least difference that counts as a jump; never less than half a
            period, which is the default.
        axis: along which.
        period: by default the full circle in radians. With integers `p` and `period`
            the result is integer.

    Returns:
        `p` plus multiples of `period`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unwrap(jnp.array([0, 3, 1, 2, 0]), period=4).tolist()
        [0, -1, -3, -2, -4]
    """
    ndim = type_of("unwrap", "p", p).ndim
    at = as_axis("unwrap", axis, ndim)
    p, period = promote_args("unwrap", p, period)
    p = moveaxis(as_array(p), at, -1)
    integer = not dtypes.is_inexact(typeof(p).dtype)
    half = period // 2 if integer else period / 2
    steps = diff(p)
    nearest = (steps + half) % period - half
    # Half a period up or down are the same jump: it keeps its direction.
    tie = (nearest == -half) & (steps > 0)
    if integer:
        tie = tie & (period % 2 == 0)
    nearest = where(tie, half, nearest)
    limit = period / 2 if discont is None else discont
    correction = where(abs(steps) < limit, 0, nearest - steps)
    made = concatenate([p[..., :1], p[..., 1:] + correction.cumsum(-1)], -1)
    return moveaxis(made, -1, at)

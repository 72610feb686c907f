"""Statistics of samples: the most common value, ranks, the error of a mean."""

import math
from typing import Any, NamedTuple

from ... import lax, numpy as jnp
from ..._ir import message, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike, Axis
from ...numpy._eager import jit_when_eager
from ...numpy._manipulation import as_axis
from ...numpy._promotion import promote_args_inexact, to_inexact, type_of

_POLICIES = ("propagate", "omit", "raise")
_METHODS = ("average", "min", "max", "dense", "ordinal")


class ModeResult(NamedTuple):
    """What `mode` returns.

    Attributes:
        mode: the most common values.
        count: how often they occur.
    """

    mode: Array
    count: Array  # type: ignore[assignment]  # SciPy's name hides that of tuples


def mode(
    a: ArrayLike, axis: Axis = 0, nan_policy: str = "propagate", keepdims: bool = False
) -> ModeResult:
    """The most common value along an axis; of several equally common ones the least.

    Args:
        a: an array.
        axis: which axis; None for all elements.
        nan_policy: "propagate" counts NaN as one value, "omit" leaves it out.
        keepdims: keep `axis`, with size 1.

    Returns:
        The values, in the dtype of `a`, and their counts, integers. Where there are no
        elements the value is NaN and the count zero, both floating point.

    Raises:
        NotImplementedError: `nan_policy` is "raise", which values would have to decide.
        ValueError: `axis` or `nan_policy` does not exist.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import stats
        >>> stats.mode(jnp.array([3, 1, 3, 2])).count
        Array(2, dtype=int32)
    """
    axis = _checked("mode", a, axis, nan_policy)
    return _mode(a, axis=axis, omit=nan_policy == "omit", keepdims=bool(keepdims))


@jit_when_eager(static_argnames=("axis", "omit", "keepdims"))
def _mode(a: Any, axis: int | None, omit: bool, keepdims: bool) -> ModeResult:
    x, restore = _rows(a, axis, keepdims)
    size = x.shape[-1]
    if not size:
        empty = jnp.full(x.shape[:-1], math.nan, to_inexact(x.dtype))
        return ModeResult(restore(empty), restore(jnp.zeros_like(empty)))
    x = jnp.sort(x, axis=-1)
    starts = _first_of_run(_is_new(x))
    counts = lax.iota("int32", size) - starts + 1
    if omit:
        counts = jnp.where(x != x, 0, counts)
    best = jnp.argmax(counts, axis=-1, keepdims=True)
    value, count = (jnp.take_along_axis(v, best, -1)[..., 0] for v in (x, counts))
    if omit:
        value = jnp.where(count == 0, math.nan, value)
    return ModeResult(restore(value), restore(count))


def rankdata(
    a: ArrayLike,
    method: str = "average",
    *,
    axis: Axis = None,
    nan_policy: str = "propagate",
) -> Array:
    """Ranks of elements, counted from 1.

    Args:
        a: an array.
        method: what equal elements get: the "average", the "min" or the "max" of the
            ranks they take up; "dense": like "min", but the next greater one gets the
            next number; "ordinal": different ranks, in order.
        axis: along which axis; None ranks all elements.
        nan_policy: with "propagate" a NaN makes all ranks NaN, with "omit" its own.

    Returns:
        Floating point, of the shape of `a`; with one axis where `axis` is None.

    Raises:
        NotImplementedError: `nan_policy` is "raise", which values would have to decide.
        ValueError: `axis`, `method` or `nan_policy` does not exist.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import stats
        >>> stats.rankdata(jnp.array([30, 10, 30, 20]))
        Array([3.5, 1. , 3.5, 2. ], dtype=float32)
    """
    axis = _checked("rankdata", a, axis, nan_policy)
    if method not in _METHODS:
        listed = ", ".join(map(repr, _METHODS))
        raise value_error(
            f"rankdata: `method` must be one of {listed}, got {method!r}."
        )
    return _rankdata(a, method=method, axis=axis, omit=nan_policy == "omit")


@jit_when_eager(static_argnames=("method", "axis", "omit"))
def _rankdata(a: Any, method: str, axis: int | None, omit: bool) -> Any:
    x, restore = _rows(a, axis, keepdims=None)
    order = jnp.argsort(x, axis=-1, stable=True)
    ranks = _sorted_ranks(jnp.take_along_axis(x, order, -1), method)
    made = jnp.take_along_axis(ranks, jnp.argsort(order, axis=-1), -1)
    nan = x != x
    if not omit:
        nan = jnp.any(nan, axis=-1, keepdims=True)
    return restore(jnp.where(nan, math.nan, made.astype(float)))


def _sorted_ranks(x: Any, method: str) -> Any:
    """Ranks of elements that are in order along the last axis."""
    place = lax.broadcasted_iota("int32", x.shape, x.ndim - 1)
    new = _is_new(x)
    if method == "ordinal":
        return place + 1
    if method == "dense":
        return jnp.cumsum(new, axis=-1)
    first = _first_of_run(new) + 1
    if method == "min":
        return first
    ends = jnp.concatenate([new[..., 1:], jnp.ones_like(new[..., :1])], axis=-1)
    last = lax.cummin(jnp.where(ends, place, x.shape[-1]), x.ndim - 1, reverse=True) + 1
    return last if method == "max" else 0.5 * (first + last)


def sem(
    a: ArrayLike,
    axis: Axis = 0,
    ddof: int = 1,
    nan_policy: str = "propagate",
    *,
    keepdims: bool = False,
) -> Array:
    """Standard error of the mean: the standard deviation over the root of the count.

    Args:
        a: numbers; integers are taken as floating point.
        axis: along which axis; None for all elements.
        ddof: what is subtracted from the count within the standard deviation.
        nan_policy: "omit" leaves NaN out, "propagate" does not.
        keepdims: keep `axis`, with size 1.

    Returns:
        Floating point, without `axis`; NaN where at most `ddof` elements are.

    Raises:
        NotImplementedError: `nan_policy` is "raise", which values would have to decide.
        ValueError: `axis` or `nan_policy` does not exist.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import stats
        >>> stats.sem(jnp.array([1.0, 2.0, 4.0, 5.0])).round(4)
        Array(0.9129, dtype=float32)
    """
    axis = _checked("sem", a, axis, nan_policy)
    omit, keepdims = nan_policy == "omit", bool(keepdims)
    return _sem(a, ddof, axis=axis, omit=omit, keepdims=keepdims)


@jit_when_eager(static_argnames=("axis", "omit", "keepdims"))
def _sem(a: Any, ddof: Any, axis: int | None, omit: bool, keepdims: bool) -> Any:
    x, restore = _rows(promote_args_inexact("sem", a)[0], axis, keepdims)
    here = x == x if omit else jnp.ones(x.shape, bool)
    count = jnp.sum(here, axis=-1).astype(x.real.dtype)
    mean = jnp.sum(jnp.where(here, x, 0), axis=-1) / count
    squares = jnp.square(jnp.abs(jnp.where(here, x - mean[..., None], 0)))
    return restore(jnp.sqrt(jnp.sum(squares, axis=-1) / (count - ddof) / count))


# ---- rows of elements --------------------------------------------------------------


def _checked(function: str, a: Any, axis: Any, nan_policy: Any) -> int | None:
    """The axis as a nonnegative integer; None for all elements of a row.

    Raises:
        NotImplementedError: errors are wanted for NaN.
        ValueError: the axis or the policy does not exist.
    """
    if nan_policy not in _POLICIES:
        listed = ", ".join(map(repr, _POLICIES))
        raise value_error(
            f"{function}: `nan_policy` must be one of {listed}, got {nan_policy!r}."
        )
    if nan_policy == "raise":
        raise NotImplementedError(
            message(
                f"{function}: `nan_policy` 'raise' is not supported: compiled programs "
                "don't raise.",
                "Look for NaN with `jnp.isnan(a).any()` first.",
            )
        )
    type = type_of(function, "a", a)
    if axis is None or not type.ndim:
        return None
    return as_axis(function, axis, type.ndim)


def _rows(a: Any, axis: int | None, keepdims: bool | None) -> tuple[Any, Any]:
    """`a` with the axis in question last, and what brings results into place.

    Results have lost that axis, unless `keepdims` is None.
    """
    if axis is None:
        ones = (1,) * typeof(a).ndim
        flat = jnp.ravel(a)
        return flat, lambda made: jnp.reshape(made, ones) if keepdims else made
    x = jnp.moveaxis(a, axis, -1)
    if keepdims is None:
        return x, lambda made: jnp.moveaxis(made, -1, axis)
    return x, lambda made: jnp.expand_dims(made, axis) if keepdims else made


def _is_new(x: Any) -> Any:
    """Whether sorted elements differ from the one before; NaN equals NaN."""
    a, b = x[..., 1:], x[..., :-1]
    differs = (a != b) & ~((a != a) & (b != b))
    return jnp.concatenate([jnp.ones_like(x[..., :1], bool), differs], axis=-1)


def _first_of_run(new: Any) -> Any:
    """For each element the place of the first one of its run of equal elements."""
    place = lax.broadcasted_iota("int32", new.shape, new.ndim - 1)
    return lax.cummax(jnp.where(new, place, 0), new.ndim - 1)

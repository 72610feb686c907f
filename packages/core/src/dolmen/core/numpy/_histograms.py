"""Histograms: how many samples lie in each bin of a line, a plane or a space.

A bin holds its left edge, the last one also its right edge. Samples outside of all bins
are not counted, NaN neither.
"""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .._ir import ArrayType, dtypes, type_error, value_error
from .._tracing import concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike
from ._at import At
from ._creation import asarray, linspace
from ._eager import jit_when_eager
from ._joining import stack, unstack
from ._logic import where
from ._manipulation import as_array, ravel
from ._promotion import convert, to_inexact, type_of
from ._reductions import max, min
from ._sorting import alike, index_dtype, insertion_places
from ._statistics import diff

# ---- edges -------------------------------------------------------------------------


def histogram_bin_edges(
    a: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    weights: ArrayLike | None = None,
) -> Array:
    """The edges of the bins of `histogram`.

    Args:
        a: samples of any shape.
        bins: how many bins of equal width, ``[n + 1]`` edges, or the name of a rule of
            NumPy's that finds their number, such as "auto", which takes concrete `a`.
        range: the least and the largest edge; by default of the samples.
        weights: for NumPy's sake; it changes nothing.

    Returns:
        ``[n + 1]`` edges in the dtype of `a`, integers taken as floating point.

    Raises:
        TypeError: `bins` is neither an integer nor edges.
        ValueError: `bins` is less than 1, or `range` not a pair.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.histogram_bin_edges(jnp.array([1.0, 5.0, 3.0]), 4).tolist()
        [1.0, 2.0, 3.0, 4.0, 5.0]
    """
    del weights
    dtype = to_inexact(_real("histogram_bin_edges", "a", a).dtype)
    return _edges("histogram_bin_edges", a, bins, range, dtype)


def _edges(function: str, a: Any, bins: Any, range: Any, dtype: np.dtype) -> Any:
    if isinstance(bins, str):
        bins = _number_by_rule(function, a, bins, range)
    type = type_of(function, "bins", bins)
    if type.ndim > 1:
        raise type_error(
            f"{function}: `bins` must be a number or have one axis, got {type!r}."
        )
    if type.ndim:
        return as_array(convert(bins, dtype))
    count = _count(function, bins)
    if range is not None and np.shape(range) != (2,):
        raise value_error(
            f"{function}: `range` must be a pair of edges, got {range!r:.60}."
        )
    if range is not None:
        for end in range:
            type_of(function, "range", end)
        low, high = (convert(x, dtype) for x in range)
    elif typeof(a).size:
        low, high = convert(min(a), dtype), convert(max(a), dtype)
    else:
        low, high = dtype.type(0), dtype.type(1)
    # A single value lies in the middle of a range of width 1.
    half = where(low == high, dtype.type(0.5), dtype.type(0))
    return linspace(low - half, high + half, count + 1, dtype=dtype)


def _count(function: str, bins: Any) -> int:
    known = concrete(bins)
    if known is None:
        raise not_concrete(bins, "int", f"{function}: `bins`")
    try:
        count = operator.index(np.asarray(known)[()])
    except TypeError:
        raise type_error(
            f"{function}: `bins` must be an integer or edges, got {bins!r:.60}."
        ) from None
    if count < 1:
        raise value_error(f"{function}: `bins` must be at least 1, got {count}.")
    return count


def _number_by_rule(function: str, a: Any, rule: str, range: Any) -> int:
    known = concrete(a)
    if known is None:
        raise not_concrete(
            a,
            "array",
            f"{function} (the number of its bins)",
            "Pass `bins` as a number or as edges.",
        )
    try:
        return len(np.histogram_bin_edges(np.asarray(known), rule, range)) - 1
    except ValueError as error:
        raise value_error(f"{function}: `bins`: {error}.") from None


# ---- counts ------------------------------------------------------------------------


def histogram(
    a: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, Array]:
    """How many samples lie in each bin.

    Args:
        a: samples of any shape.
        bins: as of `histogram_bin_edges`.
        range: as of `histogram_bin_edges`.
        weights: of the shape of `a`, added up instead of ones.
        density: divide by the sum and by the widths, so that the integral is 1.

    Returns:
        ``[n]`` counts and ``[n + 1]`` edges. The counts are floating point, in the
        dtype of `a`, or in that which `a` and `weights` promote to.

    Raises:
        TypeError: `bins` is neither an integer nor edges.
        ValueError: `bins`, `range` or the shape of `weights` is wrong.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> counts, edges = jnp.histogram(jnp.array([0.0, 1.0, 1.0, 4.0]), bins=2)
        >>> counts.tolist(), edges.tolist()
        ([3.0, 1.0], [0.0, 2.0, 4.0])
    """
    type = _real("histogram", "a", a)
    dtype = result = to_inexact(type.dtype)
    if weights is not None:
        weight = type_of("histogram", "weights", weights)
        if weight.shape != type.shape:
            raise value_error(
                f"histogram: `weights` must have the shape of `a`: `a` is {type!r}, "
                f"`weights` is {weight!r}."
            )
        result = _promoted(type, weight)
        weights = ravel(as_array(convert(weights, result)))
    edges = _edges("histogram", a, bins, range, dtype)
    counts = convert(_counts([ravel(as_array(a))], [edges], weights), result)
    return (_density(counts, [edges]) if density else counts), edges


def histogram2d(
    x: ArrayLike,
    y: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, Array, Array]:
    """How many points lie in each bin of a plane.

    Args:
        x: ``[n]`` first coordinates.
        y: ``[n]`` second coordinates.
        bins: how many bins, or edges, for both axes; or a pair of these.
        range: a pair of ranges, each a pair of edges or None.
        weights: ``[n]``, added up instead of ones.
        density: divide by the sum and by the areas, so that the integral is 1.

    Returns:
        ``[i, j]`` counts, ``[i + 1]`` and ``[j + 1]`` edges; as of `histogramdd`.

    Raises:
        ValueError: `x` and `y` have not one axis of equal size; as of `histogramdd`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([0.0, 1.0, 2.0])
        >>> jnp.histogram2d(x, x[::-1], bins=2)[0].tolist()
        [[0, 1], [1, 1]]
    """
    types = type_of("histogram2d", "x", x), type_of("histogram2d", "y", y)
    if types[0].ndim != 1 or types[0].shape != types[1].shape:
        raise value_error(
            f"histogram2d: `x` and `y` must have one axis of equal size: `x` is "
            f"{types[0]!r}, `y` is {types[1]!r}."
        )
    # More than two are the edges along both axes, as in NumPy.
    if _is_listed(bins) and len(bins) > 2:
        bins = [asarray(bins)] * 2
    points = stack([as_array(x), as_array(y)], axis=1)
    counts, (first, second) = histogramdd(points, bins, range, weights, density)
    return counts, first, second


def histogramdd(
    sample: ArrayLike,
    bins: Any = 10,
    range: Any = None,
    weights: ArrayLike | None = None,
    density: bool | None = None,
) -> tuple[Array, list[Array]]:
    """How many points lie in each bin of a space.

    Args:
        sample: ``[n, d]`` points.
        bins: how many bins along each axis; or `d` of these or of edges.
        range: `d` ranges, each a pair of edges or None.
        weights: ``[n]``, added up instead of ones.
        density: divide by the sum and by the volumes, so that the integral is 1.

    Returns:
        Counts with `d` axes, and a list of the edges along each. The counts are
        integers, or with `weights` or `density` floating point.

    Raises:
        TypeError: `bins` is neither an integer nor edges.
        ValueError: `sample` has not two axes; `bins`, `range` or the shape of `weights`
            is wrong.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> points = jnp.array([[0.0, 0.0], [1.0, 3.0]])
        >>> jnp.histogramdd(points, bins=(1, 3))[0].tolist()
        [[1, 0, 1]]
    """
    type = _real("histogramdd", "sample", sample)
    if type.ndim != 2:
        raise value_error(f"histogramdd: `sample` must have two axes, got {type!r}.")
    count, width = type.shape
    dtype = result = to_inexact(type.dtype)
    if weights is not None:
        weight = type_of("histogramdd", "weights", weights)
        if weight.shape != (count,):
            raise value_error(
                f"histogramdd: `weights` must have the shape ({count},), one for each "
                f"point, got {weight!r}."
            )
        result = _promoted(type, weight)
        weights = as_array(convert(weights, result))
    points = unstack(as_array(sample), axis=1)
    asked = [
        _for_each_axis("bins", bins if _is_listed(bins) else [bins] * width, width),
        _for_each_axis("range", [None] * width if range is None else range, width),
    ]
    edges = [
        _edges("histogramdd", x, bins, range, dtype)
        for x, bins, range in zip(points, *asked, strict=True)
    ]
    counts = _counts(list(points), edges, weights)
    return (_density(convert(counts, result), edges) if density else counts), edges


def _real(function: str, argument: str, x: Any) -> ArrayType:
    type = type_of(function, argument, x)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"{function}: `{argument}` must be real, got {type!r}.")
    return type


def _promoted(*types: ArrayType) -> np.dtype:
    return to_inexact(dtypes.promote([(t.dtype, t.weak_type) for t in types])[0])


def _is_listed(bins: Any) -> bool:
    """Whether `bins` are several; one name or number stands for itself."""
    if isinstance(bins, str):
        return False
    return isinstance(bins, Sequence) or typeof(bins).ndim > 0


def _for_each_axis(argument: str, given: Any, width: int) -> Sequence[Any]:
    if len(given) != width:
        raise value_error(
            f"histogramdd: `{argument}` must have one entry for each of {width} axes, "
            f"got {len(given)}."
        )
    return given


@jit_when_eager
def _counts(points: list[Any], edges: list[Any], weights: Any) -> Any:
    """The weight in each bin; `points` are the coordinates along each axis."""
    flat, inside = np.int32(0), True
    sizes = [typeof(e).size - 1 for e in edges]
    for x, e, size in zip(points, edges, sizes, strict=True):
        x, e = alike("histogram", x, e)
        place = insertion_places(e, x, True, False) - 1
        place = where(x == e[-1], size - 1, place)
        inside = inside & (place >= 0) & (place < size)
        flat = flat * size + place
    one = np.asarray(1, index_dtype()) if weights is None else weights
    zeros = lax.full((math.prod(sizes),), 0, typeof(one).dtype)
    flat = where(inside, flat, len(zeros))
    counts = At(zeros)[flat].add(one, mode="drop")
    return lax.reshape(counts, sizes)


@jit_when_eager
def _density(counts: Any, edges: list[Any]) -> Any:
    made = counts / counts.sum()
    for axis, e in enumerate(edges):
        shape = [1] * len(edges)
        shape[axis] = -1
        made = made / diff(e).reshape(shape)
    return made

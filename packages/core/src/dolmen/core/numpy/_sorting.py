"""Sorting, and searching what is sorted."""

import functools
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import dtypes, value_error
from .._tracing import Tracer, typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._indexing import Access, Plan, Points, Simple, execute, getitem
from ._logic import compared
from ._manipulation import as_array, as_axis, flip, ravel
from ._promotion import convert, type_of
from ._taking import take

_INT32 = np.dtype("int32")
_INT64 = np.dtype("int64")


def index_dtype() -> np.dtype:
    """The dtype of indices that functions return."""
    return dtypes.default(_INT64)


@jit_when_eager(static_argnames=("axis", "kind", "order", "stable", "descending"))
def sort(
    a: ArrayLike,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
) -> Array:
    """The elements along an axis in increasing order; NaN come last.

    Args:
        a: an array.
        axis: None flattens the array.
        kind: must be None.
        order: must be None.
        stable: equal elements keep their order.
        descending: in decreasing order instead; NaN come first.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sort(jnp.array([3, 1, 2])), jnp.sort(jnp.array([3, 1, 2]),
        ...     descending=True)
        (Array([1, 2, 3], dtype=int32), Array([3, 2, 1], dtype=int32))
    """
    _no_kind("sort", kind, order)
    if axis is None:
        a, axis = ravel(a), 0
    at = as_axis("sort", axis, type_of("sort", "a", a).ndim)
    a = lax.sort(a, dimension=at, is_stable=bool(stable))
    return flip(a, at) if descending else as_array(a)


@jit_when_eager(
    static_argnames=("axis", "kind", "order", "stable", "descending", "dtype")
)
def argsort(
    a: ArrayLike,
    axis: int | None = -1,
    *,
    kind: None = None,
    order: None = None,
    stable: bool = True,
    descending: bool = False,
    dtype: DTypeLike | None = None,
) -> Array:
    """The places of the elements along an axis in increasing order.

    Args:
        a: an array.
        axis: None flattens the array.
        kind: must be None.
        order: must be None.
        stable: equal elements keep their order.
        descending: in decreasing order instead.
        dtype: of the result, an integer one.

    Returns:
        Integers with the shape of `a`: ``take_along_axis(a, argsort(a))`` is sorted.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.argsort(jnp.array([3, 1, 2]))
        Array([1, 2, 0], dtype=int32)
    """
    _no_kind("argsort", kind, order)
    if axis is None:
        a, axis = ravel(a), 0
    at = as_axis("argsort", axis, type_of("argsort", "a", a).ndim)
    wanted = dtypes.as_dtype(dtype or int, function="argsort")
    # Twice reversed, equal elements keep their order also when it is descending.
    a = flip(a, at) if descending else as_array(a)
    places = lax.broadcasted_iota(wanted, typeof(a).shape, at)
    _, places = lax.sort((a, places), dimension=at, is_stable=bool(stable), num_keys=1)
    if not descending:
        return places
    last = np.asarray(typeof(a).shape[at] - 1, wanted)
    return lax.sub(last, flip(places, at))


def _no_kind(function: str, kind: Any, order: Any) -> None:
    if kind is not None or order is not None:
        raise value_error(
            f"{function}: `kind` and `order` are not supported.",
            "Use `stable=True` or `stable=False`.",
        )


def lexsort(keys: Any, axis: int = -1) -> Array:
    """Places that sort by several keys; the last key is the most important.

    Args:
        keys: a sequence of arrays of one shape, or an array whose rows they are.
        axis: the axis to sort along.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.lexsort((jnp.array([2, 1, 2]), jnp.array([0, 1, 0])))
        Array([0, 2, 1], dtype=int32)
    """
    if isinstance(keys, ArrayImpl | Tracer | np.ndarray):
        keys = [getitem(as_array(keys), i) for i in range(typeof(keys).shape[0])]
    keys = list(keys)
    if not keys:
        raise value_error("lexsort: expected at least one key, got none.")
    shapes = {type_of("lexsort", "keys", key).shape for key in keys}
    if len(shapes) > 1:
        raise value_error(f"lexsort: keys must have equal shapes, got {shapes}.")
    if not typeof(keys[0]).ndim:
        return lax.full((), 0, index_dtype())
    return _lexsort(keys, axis=as_axis("lexsort", axis, typeof(keys[0]).ndim))


@jit_when_eager(static_argnames=("axis",))
def _lexsort(keys: list[Any], *, axis: int) -> Any:
    places = lax.broadcasted_iota(index_dtype(), typeof(keys[0]).shape, axis)
    operands = (*(as_array(key) for key in reversed(keys)), places)
    return lax.sort(operands, dimension=axis, num_keys=len(keys))[-1]


@jit_when_eager
def sort_complex(a: ArrayLike) -> Array:
    """The elements along the last axis as complex numbers in increasing order.

    Args:
        a: an array with at least one axis.

    Returns:
        Complex numbers in the shape of `a`, ordered by real, then imaginary part.

    Raises:
        ValueError: `a` has no axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sort_complex(jnp.array([2 + 1j, 1, 2 - 1j])).tolist()
        [(1+0j), (2-1j), (2+1j)]
    """
    type = type_of("sort_complex", "a", a)
    at = as_axis("sort_complex", -1, type.ndim)
    dtype, _ = dtypes.promote([(type.dtype, False), (np.dtype("complex64"), False)])
    return lax.sort(lax.convert_element_type(a, dtype), dimension=at)


def partition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """Elements with the `kth` smallest in its place, smaller ones before it.

    Here the result is sorted.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.partition(jnp.array([5, 1, 4, 2]), 1)[:2]
        Array([1, 2], dtype=int32)
    """
    at, _ = _partition_place("partition", a, kth, axis)
    return sort(a, at)


def argpartition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """Places of the elements as `partition` orders them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.argpartition(jnp.array([5, 1, 4, 2]), 1)[:2]
        Array([1, 3], dtype=int32)
    """
    at, _ = _partition_place("argpartition", a, kth, axis)
    return argsort(a, at)


def _partition_place(function: str, a: Any, kth: int, axis: int) -> tuple[int, int]:
    type = type_of(function, "a", a)
    at = as_axis(function, axis, type.ndim)
    return at, as_axis(function, kth, type.shape[at], "kth")


@jit_when_eager(static_argnames=("side", "method"))
def searchsorted(
    a: ArrayLike,
    v: ArrayLike,
    side: str = "left",
    sorter: ArrayLike | None = None,
    *,
    method: str = "scan",
) -> Array:
    """Places at which values would be inserted into a sorted array.

    Args:
        a: ``[n]``, sorted.
        v: values of any shape.
        side: "left" of equal elements or "right" of them.
        sorter: ``[n]``, the order that sorts `a`.
        method: "scan" halves the range repeatedly, "compare_all" compares every pair,
            "sort" sorts both arrays together. The results are the same.

    Returns:
        Integers from 0 to n in the shape of `v`. NaN count as larger than any number.

    Raises:
        ValueError: `a` has not one axis, or an option is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.searchsorted(jnp.array([1, 3, 5]), jnp.array([0, 3, 9]))
        Array([0, 1, 3], dtype=int32)
    """
    types = type_of("searchsorted", "a", a), type_of("searchsorted", "v", v)
    if types[0].ndim != 1:
        raise value_error(f"searchsorted: `a` must have one axis, got {types[0]!r}.")
    if side not in ("left", "right"):
        raise value_error(
            f"searchsorted: `side` must be 'left' or 'right', got {side!r}."
        )
    if method not in ("scan", "scan_unrolled", "sort", "compare_all", "default"):
        raise value_error(
            "searchsorted: `method` must be 'scan', 'scan_unrolled', 'sort' or "
            f"'compare_all', got {method!r}."
        )
    if sorter is not None:
        a = take(a, sorter)
    return insertion_places(a, v, side == "right", method == "compare_all")


def insertion_places(a: Any, v: Any, right: bool, compare_all: bool) -> Any:
    """Where in the sorted `a` each of `v` belongs.

    Args:
        right: after elements that are equal, not before.
        compare_all: compare every pair, rather than halve an interval.
    """
    # Without axes `v` must not stretch: it is compared with elements of `a`.
    a, v = alike("searchsorted", a, v)
    (size,), shape = typeof(a).shape, typeof(v).shape
    before = functools.partial(_is_before, or_equal=right)
    dtype = index_dtype()
    if compare_all:
        wide = (size, *shape)
        elements = lax.broadcast_in_dim(a, wide, (0,))
        values = lax.broadcast_in_dim(v, wide, tuple(range(1, len(wide))))
        is_before = lax.convert_element_type(before(elements, values), dtype)
        return lax.reduce_sum(is_before, (0,))
    low = lax.full(shape, 0, _INT32)
    high = lax.full(shape, size, _INT32)
    plan = Plan((Points(True) if shape else Simple.POINT,))
    for _ in range(size.bit_length()):
        middle = lax.div(lax.add(low, high), np.int32(2))
        # Where the search has ended `middle` may be `size`; nothing moves then.
        element = execute(plan, Access("clip"), a, lax.min(middle, np.int32(size - 1)))
        moves = lax.bitwise_and(before(element, v), lax.lt(low, high))
        low = lax.select(moves, lax.add(middle, np.int32(1)), low)
        high = lax.select(moves, high, middle)
    return lax.convert_element_type(low, dtype)


def alike(function: str, *args: Any) -> list[Any]:
    """Operands of one dtype in their own shapes."""
    types = [typeof(x) for x in args]
    dtype, _ = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    return [convert(x, dtype) for x in args]


def _is_before(element: Any, value: Any, *, or_equal: bool) -> Any:
    """Whether an element comes before a value, NaN being last."""
    result = compared(lax.le if or_equal else lax.lt, element, value)
    if dtypes.kind(typeof(value).dtype) != "f":
        return result
    is_nan = lax.ne(value, value)
    if not or_equal:
        is_nan = lax.bitwise_and(is_nan, lax.eq(element, element))
    return lax.bitwise_or(result, is_nan)


@jit_when_eager(static_argnames=("right", "method"))
def digitize(
    x: ArrayLike, bins: ArrayLike, right: bool = False, *, method: str | None = None
) -> Array:
    """The bin of each value.

    Args:
        x: values of any shape.
        bins: ``[n]``, the edges, increasing or decreasing.
        right: whether bins include their right edge rather than their left one.
        method: of `searchsorted`.

    Returns:
        Integers from 0 (before the first edge) to n (behind the last).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.digitize(jnp.array([0.5, 1.5, 9.0]), jnp.array([0.0, 1.0, 2.0]))
        Array([1, 2, 3], dtype=int32)
    """
    type = type_of("digitize", "bins", bins)
    type_of("digitize", "x", x)
    if type.ndim != 1:
        raise value_error(f"digitize: `bins` must have one axis, got {type!r}.")
    if not type.shape[0]:
        return lax.full(typeof(x).shape, 0, index_dtype())
    (size,) = type.shape
    bins, compare_all = as_array(bins), method == "compare_all"
    up = insertion_places(bins, x, not right, compare_all)
    down = insertion_places(flip(bins), x, not right, compare_all)
    down = lax.sub(np.asarray(size, typeof(down).dtype), down)
    increases = compared(lax.le, getitem(bins, 0), getitem(bins, size - 1))
    return lax.select(increases, up, down)

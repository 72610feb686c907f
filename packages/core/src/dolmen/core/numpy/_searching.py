"""Finding, ordering and counting elements."""

import functools
import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import dtypes, type_error, value_error
from .._tracing import Tracer, concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._indexing import Access, Plan, Points, Simple, as_int32, execute, getitem
from ._joining import concatenate, stack
from ._manipulation import as_array, as_axis, broadcast_to, flip, moveaxis, ravel
from ._promotion import convert, promote_args, type_of

_INT32 = np.dtype("int32")
_INT64 = np.dtype("int64")


def _index_dtype() -> np.dtype:
    return dtypes.canonical(_INT64)


# ---- taking ------------------------------------------------------------------------

_TAKE_MODES = (None, "fill", "clip", "wrap", "promise_in_bounds")


@jit_when_eager(
    static_argnames=(
        "axis",
        "out",
        "mode",
        "unique_indices",
        "indices_are_sorted",
        "fill_value",
    )
)
def take(
    a: ArrayLike,
    indices: ArrayLike,
    axis: int | None = None,
    out: None = None,
    mode: str | None = None,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    fill_value: Any = None,
) -> Array:
    """Elements at the given places along an axis.

    Args:
        a: an array.
        indices: integers of any shape; negative ones count from the end.
        axis: by default the flattened array is read.
        out: must be None.
        mode: out of bounds, "fill" (the default) reads `fill_value`, "clip" the nearest
            element (and 0 for negative indices), "wrap" counts round and round.
        unique_indices: a promise that no index occurs twice.
        indices_are_sorted: a promise that the indices are in order.
        fill_value: by default NaN, or for integers the extreme value.

    Returns:
        An array whose axis `axis` is replaced by the axes of `indices`.

    Raises:
        TypeError: `indices` are not integers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.take(jnp.array([5.0, 6.0]), jnp.array([1, 0, 7])).tolist()
        [6.0, 5.0, nan]
    """
    if out is not None:
        raise NotImplementedError("take: `out` is not supported; arrays never change.")
    type_of("take", "a", a)
    index_type = type_of("take", "indices", indices)
    if dtypes.kind(index_type.dtype) not in ("i", "u"):
        raise type_error(f"take: `indices` must be integers, got {index_type!r}.")
    if mode not in _TAKE_MODES:
        raise value_error(
            f"take: `mode` must be 'fill', 'clip', 'wrap' or None, got {mode!r}.",
            "Mode 'raise' can't exist: errors depend on values.",
        )
    if axis is None:
        a, axis = ravel(a), 0
    axis = as_axis("take", axis, typeof(a).ndim)
    access = Access(mode or "fill", fill_value, mode != "clip")
    access = access._replace(is_sorted=indices_are_sorted, is_unique=unique_indices)
    type = typeof(a)
    if access.mode == "wrap":
        size = type.shape[axis]
        indices = _wrapped(as_int32(as_array(indices), size, False), size)
        access = access._replace(mode="promise_in_bounds")
    entries: list[Any] = [Simple.WHOLE] * type.ndim
    entries[axis] = Points(False) if typeof(indices).ndim else Simple.SCALAR
    return execute(Plan(tuple(entries)), access, a, indices)


def _wrapped(index: Any, size: int) -> Any:
    """The remainder between 0 and `size`."""
    rest = lax.rem(index, np.int32(max(size, 1)))
    below = lax.lt(rest, np.int32(0))
    return lax.select(below, lax.add(rest, np.int32(size)), rest)


@jit_when_eager(static_argnames=("axis", "mode", "fill_value", "wrap_negative_indices"))
def take_along_axis(
    arr: ArrayLike,
    indices: ArrayLike,
    axis: int | None = -1,
    mode: Any = None,
    fill_value: Any = None,
    *,
    wrap_negative_indices: bool | None = None,
) -> Array:
    """Elements at places along an axis that differ between the other axes.

    The counterpart of `argsort` and `argmax`: ``take_along_axis(x, argsort(x))`` is
    sorted.

    Args:
        arr: an array.
        indices: integers with as many axes as `arr`; the axes other than `axis`
            broadcast against those of `arr`.
        axis: None flattens `arr`.
        mode: out of bounds, "fill" (the default) reads `fill_value`, "clip" the nearest
            element.
        fill_value: by default NaN, or for integers the extreme value.
        wrap_negative_indices: negative indices count from the end (the default).

    Raises:
        ValueError: the numbers of axes differ, or the other axes don't broadcast.
        TypeError: `indices` are not integers.
    """
    if axis is None:
        arr, axis = ravel(arr), 0
    types = type_of("take_along_axis", "arr", arr), typeof(indices)
    if dtypes.kind(types[1].dtype) not in ("i", "u"):
        raise type_error(
            f"take_along_axis: `indices` must be integers, got {types[1]!r}."
        )
    if types[0].ndim != types[1].ndim:
        raise value_error(
            "take_along_axis: `indices` must have as many axes as `arr`: `arr` is "
            f"{types[0]!r}, `indices` is {types[1]!r}."
        )
    axis = as_axis("take_along_axis", axis, types[0].ndim)
    mode = "fill" if mode in (None, "drop") else mode
    access = Access(mode, fill_value, wrap_negative_indices is not False)
    return _take_along_axis(arr, indices, axis=axis, access=access)


def _take_along_axis(arr: Any, indices: Any, *, axis: int, access: Access) -> Any:
    """One gather: the other axes are its batch axes, those of size 1 its windows."""
    type, index_shape = typeof(arr), typeof(indices).shape
    sizes = [list(type.shape), list(index_shape)]
    sizes[0][axis] = sizes[1][axis] = 1
    common = list(lax.broadcast_shapes(*sizes))
    common[axis] = index_shape[axis]
    if not (math.prod(common) and type.size):
        return lax.full(common, 0, type.dtype)
    others = [i for i in range(type.ndim) if i != axis]
    batch = [i for i in others if type.shape[i] == index_shape[i] != 1]
    # Where only the array is large a window takes the whole axis; where only the
    # indices are, all of them read its one element.
    windows = [i for i in others if index_shape[i] == 1]
    ones = [i for i in others if index_shape[i] != 1 and type.shape[i] == 1]
    index = as_int32(as_array(indices), type.shape[axis], access.wrap)
    index = lax.squeeze(index, windows)
    index = lax.expand_dims(index, (typeof(index).ndim,))
    kept = [i for i in range(type.ndim) if i not in windows]
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(windows),
        collapsed_slice_dims=tuple(sorted((axis, *ones))),
        start_index_map=(axis,),
        operand_batching_dims=tuple(batch),
        start_indices_batching_dims=tuple(kept.index(i) for i in batch),
    )
    window = tuple(type.shape[i] if i in windows else 1 for i in range(type.ndim))
    return lax.gather(
        arr,
        index,
        numbers,
        window,
        mode=access.mode,
        fill_value=access.fill_value,
    )


def put_along_axis(
    arr: ArrayLike,
    indices: ArrayLike,
    values: ArrayLike,
    axis: int | None,
    inplace: bool = True,
    *,
    mode: str | None = None,
) -> Array:
    """A copy of `arr` with `values` at places along an axis; see `take_along_axis`.

    Args:
        arr: an array.
        indices: integers with as many axes as `arr`.
        values: broadcast to the shape of `indices`.
        axis: None flattens `arr` (the result has its shape again).
        inplace: must be False: arrays never change.
        mode: of `x.at[...].set`.

    Raises:
        ValueError: `inplace` is True, or the axes don't match.
    """
    if inplace:
        raise value_error(
            "put_along_axis: arrays never change in place.",
            "Pass `inplace=False` and use the result.",
        )
    from ._at import At

    type = type_of("put_along_axis", "arr", arr)
    if axis is None:
        flat = put_along_axis(ravel(arr), indices, values, 0, False, mode=mode)
        return lax.reshape(flat, type.shape)
    at = as_axis("put_along_axis", axis, type.ndim)
    index_type = type_of("put_along_axis", "indices", indices)
    if index_type.ndim != type.ndim:
        raise value_error(
            "put_along_axis: `indices` must have as many axes as `arr`: `arr` is "
            f"{type!r}, `indices` is {index_type!r}."
        )
    key: list[Any] = []
    for i, size in enumerate(type.shape):
        shape = [1] * type.ndim
        shape[i] = size
        key.append(indices if i == at else np.arange(size).reshape(shape))
    return At(as_array(arr))[tuple(key)].set(values, mode=mode)


# ---- sorting -----------------------------------------------------------------------


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
        return lax.full((), 0, _index_dtype())
    return _lexsort(keys, axis=as_axis("lexsort", axis, typeof(keys[0]).ndim))


@jit_when_eager(static_argnames=("axis",))
def _lexsort(keys: list[Any], *, axis: int) -> Any:
    places = lax.broadcasted_iota(_index_dtype(), typeof(keys[0]).shape, axis)
    operands = (*(as_array(key) for key in reversed(keys)), places)
    return lax.sort(operands, dimension=axis, num_keys=len(keys))[-1]


def partition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """Elements with the `kth` smallest in its place, smaller ones before it.

    Here the result is sorted.
    """
    at, _ = _partition_place("partition", a, kth, axis)
    return sort(a, at)


def argpartition(a: ArrayLike, kth: int, axis: int = -1) -> Array:
    """Places of the elements as `partition` orders them."""
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
    return _searchsorted(a, v, side == "right", method == "compare_all")


def _searchsorted(a: Any, v: Any, right: bool, compare_all: bool) -> Any:
    # Without axes `v` must not stretch: it is compared with elements of `a`.
    a, v = _alike("searchsorted", a, v)
    (size,), shape = typeof(a).shape, typeof(v).shape
    before = functools.partial(_is_before, or_equal=right)
    dtype = _index_dtype()
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


def _alike(function: str, *args: Any) -> list[Any]:
    """Operands of one dtype in their own shapes."""
    types = [typeof(x) for x in args]
    dtype, _ = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    return [convert(x, dtype) for x in args]


def _is_before(element: Any, value: Any, *, or_equal: bool) -> Any:
    """Whether an element comes before a value, NaN being last."""
    result = (lax.le if or_equal else lax.lt)(element, value)
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
    """
    type = type_of("digitize", "bins", bins)
    type_of("digitize", "x", x)
    if type.ndim != 1:
        raise value_error(f"digitize: `bins` must have one axis, got {type!r}.")
    if not type.shape[0]:
        return lax.full(typeof(x).shape, 0, _index_dtype())
    (size,) = type.shape
    bins, compare_all = as_array(bins), method == "compare_all"
    up = _searchsorted(bins, x, not right, compare_all)
    down = _searchsorted(flip(bins), x, not right, compare_all)
    down = lax.sub(np.asarray(size, typeof(down).dtype), down)
    increases = lax.le(getitem(bins, 0), getitem(bins, size - 1))
    return lax.select(increases, up, down)


# ---- finding -----------------------------------------------------------------------


def nonzero(
    a: ArrayLike, *, size: int | None = None, fill_value: Any = None
) -> tuple[Array, ...]:
    """Indices of the elements that are not zero, in row-major order.

    Args:
        a: an array with at least one axis.
        size: how many indices to return. Needed if `a` is traced; the result is cut
            there, or filled up.
        fill_value: index that fills up, by default 0; or one for each axis.

    Returns:
        One integer array for each axis of `a`.

    Raises:
        ConcretizationTypeError: `a` is traced and `size` not given.
        ValueError: `a` has no axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [i.tolist() for i in jnp.nonzero(jnp.array([0, 3, 4]), size=3)]
        [[1, 2, 0]]
    """
    type = type_of("nonzero", "a", a)
    if not type.ndim:
        raise value_error(
            "nonzero: `a` must have at least one axis, got a scalar.",
            "Use `jnp.atleast_1d(a)` first.",
        )
    if size is None:
        known = concrete(a)
        if known is None:
            raise not_concrete(a, "int", "nonzero (the size of its result)")
        dtype = _index_dtype()
        return tuple(as_array(i.astype(dtype)) for i in np.nonzero(np.asarray(known)))
    if fill_value is None:
        fill_value = 0
    fills = (
        tuple(fill_value)
        if isinstance(fill_value, tuple | list)
        else (fill_value,) * type.ndim
    )
    if len(fills) != type.ndim:
        raise value_error(
            f"nonzero: `fill_value` must be one number or one for each of {type.ndim} "
            f"axes, got {fill_value!r}."
        )
    return tuple(_nonzero(a, fills, size=operator.index(size)))


@jit_when_eager(static_argnames=("size",))
def _nonzero(a: Any, fills: tuple[Any, ...], *, size: int) -> list[Any]:
    shape, count = typeof(a).shape, typeof(a).size
    dtype = _index_dtype()
    if not (count and size):
        return [lax.broadcast(convert(fill, dtype), (size,)) for fill in fills]
    flat = lax.reshape(lax.ne(a, np.zeros((), typeof(a).dtype)), (count,))
    ranks = lax.cumsum(lax.convert_element_type(flat, _INT32), 0)
    # The k-th nonzero element is the first whose running count is k + 1.
    wanted = lax.add(lax.iota(_INT32, size), np.int32(1))
    places = _searchsorted(ranks, wanted, False, False)
    exists = lax.le(wanted, getitem(ranks, count - 1))
    made = []
    step = count
    for length, fill in zip(shape, fills, strict=True):
        step //= length
        part = lax.rem(
            lax.div(places, np.asarray(step, dtype)), np.asarray(length, dtype)
        )
        filler = lax.broadcast_in_dim(convert(fill, dtype), (size,), ())
        made.append(lax.select(exists, part, filler))
    return made


def flatnonzero(
    a: ArrayLike, *, size: int | None = None, fill_value: Any = None
) -> Array:
    """Indices of the nonzero elements of the flattened array; see `nonzero`."""
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a: ArrayLike, *, size: int | None = None, fill_value: Any = None) -> Array:
    """Indices of the nonzero elements as rows ``[n, a.ndim]``; see `nonzero`."""
    type = type_of("argwhere", "a", a)
    if not type.ndim:
        found = nonzero(lax.reshape(a, (1,)), size=size, fill_value=fill_value)[0]
        return lax.full((typeof(found).shape[0], 0), 0, typeof(found).dtype)
    return stack(nonzero(a, size=size, fill_value=fill_value), axis=1)


def unique(
    ar: ArrayLike,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    size: int | None = None,
    fill_value: Any = None,
    sorted: bool = True,
) -> Any:
    """The distinct elements, sorted.

    Args:
        ar: an array; it is flattened.
        return_index: also return where each first occurs.
        return_inverse: also return for each element of `ar` its place in the result.
        return_counts: also return how often each occurs.
        axis: must be None, or 0 for an array with one axis.
        equal_nan: all NaN count as one element.
        size: how many to return. Needed if `ar` is traced; the result is cut there, or
            filled up.
        fill_value: fills up, by default the least element.
        sorted: accepted for compatibility; the result is always sorted.

    Returns:
        The elements, or a tuple of them and what was asked for in that order.

    Raises:
        ConcretizationTypeError: `ar` is traced and `size` not given.
    """
    type = type_of("unique", "ar", ar)
    if axis is not None and not (type.ndim == 1 and axis in (0, -1)):
        raise NotImplementedError("unique: `axis` is not supported.")
    if size is None:
        known = concrete(ar)
        if known is None:
            raise not_concrete(ar, "int", "unique (the size of its result)")
        values = _sorted_groups(ar, bool(equal_nan))[1]
        size = int(np.sum(np.asarray(values))) if type.size else 0
    made: list[Any] = list(
        _unique(ar, fill_value, size=size, equal_nan=bool(equal_nan))
    )
    inverse = lax.reshape(made[2], type.shape)
    asked = (True, return_index, return_inverse, return_counts)
    made[2] = inverse
    chosen = [x for x, wanted in zip(made, asked, strict=True) if wanted]
    return tuple(chosen) if len(chosen) > 1 else chosen[0]


@jit_when_eager(static_argnames=("equal_nan",))
def _sorted_groups(ar: Any, equal_nan: bool) -> Any:
    """Sorted elements, whether each differs from the one before it, and its place."""
    flat = lax.reshape(as_array(ar), (typeof(ar).size,))
    places = lax.iota(_INT32, typeof(flat).size)
    values, places = lax.sort((flat, places), dimension=0, num_keys=1)
    (count,) = typeof(values).shape
    if count < 2:
        return values, lax.full((count,), True, np.dtype(bool)), places
    left = lax.slice(values, (0,), (count - 1,))
    right = lax.slice(values, (1,), (count,))
    differs = lax.ne(left, right)
    if equal_nan and dtypes.is_inexact(typeof(values).dtype):
        both = lax.bitwise_and(lax.ne(left, left), lax.ne(right, right))
        differs = lax.bitwise_and(differs, lax.bitwise_not(both))
    first = lax.full((1,), True, np.dtype(bool))
    return values, lax.concatenate([first, differs], 0), places


@jit_when_eager(static_argnames=("size", "equal_nan"))
def _unique(ar: Any, fill_value: Any, *, size: int, equal_nan: bool) -> Any:
    values, starts, places = _sorted_groups(ar, equal_nan)
    (count,) = typeof(values).shape
    dtype = _index_dtype()
    if not (count and size):
        empty = lax.full((size,), 0, dtype)
        filled = lax.full((size,), 0, typeof(values).dtype)
        return filled, empty, lax.full((count,), 0, dtype), empty
    (heads,) = nonzero(starts, size=size + 1, fill_value=count)
    heads, nexts = lax.slice(heads, (0,), (size,)), lax.slice(heads, (1,), (size + 1,))
    exists = lax.lt(heads, np.asarray(count, dtype))
    inside = lax.min(heads, np.asarray(count - 1, dtype))
    chosen = getitem(values, inside)
    if fill_value is None:
        filler = getitem(values, 0)
    else:
        filler = convert(fill_value, typeof(values).dtype)
    filler = lax.broadcast_in_dim(filler, (size,), ())
    first = lax.convert_element_type(getitem(places, inside), dtype)
    zeros = lax.full((size,), 0, dtype)
    padding = lax.broadcast_in_dim(getitem(first, 0), (size,), ())
    groups = lax.cumsum(lax.convert_element_type(starts, dtype), 0)
    groups = lax.sub(groups, np.asarray(1, dtype))
    # Sorting the places back undoes the sort.
    _, inverse = lax.sort((places, groups), dimension=0, num_keys=1)
    counts = lax.sub(nexts, heads)
    return (
        lax.select(exists, chosen, filler),
        lax.select(exists, first, padding),
        inverse,
        lax.select(exists, counts, zeros),
    )


# ---- counting and choosing ---------------------------------------------------------


def bincount(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    minlength: int = 0,
    *,
    length: int | None = None,
) -> Array:
    """How often each non-negative integer occurs.

    Args:
        x: ``[n]`` integers; negative ones count as 0.
        weights: ``[n]``, added up instead of ones.
        minlength: the least size of the result.
        length: its size. Needed if `x` is traced; larger integers are dropped.

    Raises:
        ConcretizationTypeError: `x` is traced and `length` not given.
        TypeError: `x` are not integers.
    """
    type = type_of("bincount", "x", x)
    if dtypes.kind(type.dtype) not in ("i", "u"):
        raise type_error(f"bincount: `x` must be integers, got {type!r}.")
    if type.ndim != 1:
        raise value_error(f"bincount: `x` must have one axis, got {type!r}.")
    if weights is not None and typeof(weights).shape != type.shape:
        raise value_error(
            f"bincount: `weights` must have the shape of `x`: `x` is {type!r}, "
            f"`weights` is {typeof(weights)!r}."
        )
    if length is None:
        known = concrete(x)
        if known is None:
            raise not_concrete(x, "int", "bincount (the size of its result)")
        length = max(int(np.max(np.asarray(known), initial=-1)) + 1, minlength)
    length = max(operator.index(length), operator.index(minlength))
    return _bincount(x, weights, length=length)


@jit_when_eager(static_argnames=("length",))
def _bincount(x: Any, weights: Any, *, length: int) -> Any:
    from ._at import At

    one = np.asarray(1, _index_dtype()) if weights is None else as_array(weights)
    zeros = lax.full((length,), 0, typeof(one).dtype)
    x = as_array(x)
    if dtypes.kind(typeof(x).dtype) == "i":
        x = lax.max(x, np.asarray(0, typeof(x).dtype))
    return At(zeros)[x].add(one, wrap_negative_indices=False) if length else zeros


def select(
    condlist: Sequence[ArrayLike], choicelist: Sequence[ArrayLike], default: Any = 0
) -> Array:
    """Elements of the first choice whose condition holds.

    Args:
        condlist: boolean arrays.
        choicelist: as many arrays; all broadcast together.
        default: where no condition holds.

    Raises:
        ValueError: the lists are empty or of different lengths.
        TypeError: a condition is not boolean.
    """
    conditions, choices = list(condlist), list(choicelist)
    if len(conditions) != len(choices) or not conditions:
        raise value_error(
            "select: `condlist` and `choicelist` must be equally long and not empty, "
            f"got {len(conditions)} and {len(choices)}."
        )
    for i, condition in enumerate(conditions):
        type = type_of("select", f"condlist[{i}]", condition)
        if type.dtype != bool:
            raise type_error(f"select: `condlist[{i}]` must be boolean, got {type!r}.")
    return _select(conditions, choices, default)


@jit_when_eager
def _select(conditions: list[Any], choices: list[Any], default: Any) -> Any:
    *choices, default = promote_args("select", *choices, default)
    shapes = [typeof(x).shape for x in (*conditions, *choices, default)]
    shape = lax.broadcast_shapes(*shapes)
    result = broadcast_to(default, shape)
    pairs = zip(reversed(conditions), reversed(choices), strict=True)
    for condition, choice in pairs:
        condition = broadcast_to(condition, shape)
        result = lax.select(condition, broadcast_to(choice, shape), result)
    return result


def choose(a: ArrayLike, choices: Any, out: None = None, mode: str = "raise") -> Array:
    """Elements of `choices[a]`, elementwise.

    Args:
        a: integers.
        choices: arrays; they and `a` broadcast together.
        out: must be None.
        mode: "wrap" or "clip" indices out of range; "raise" needs a concrete `a`.

    Raises:
        ValueError: an index is out of range and `mode` is "raise".
    """
    if out is not None:
        raise NotImplementedError(
            "choose: `out` is not supported; arrays never change."
        )
    type = type_of("choose", "a", a)
    if dtypes.kind(type.dtype) not in ("i", "u"):
        raise type_error(f"choose: `a` must be integers, got {type!r}.")
    if isinstance(choices, ArrayImpl | Tracer | np.ndarray):
        count = typeof(choices).shape[0]
        choices = [getitem(as_array(choices), i) for i in range(count)]
    choices = list(choices)
    if mode not in ("raise", "wrap", "clip"):
        raise value_error(
            f"choose: `mode` must be 'raise', 'wrap' or 'clip', got {mode!r}."
        )
    if mode == "raise":
        known = concrete(a)
        if known is None:
            raise not_concrete(a, "int", "choose(mode='raise')")
        wrong = np.asarray(known)
        if wrong.size and not (wrong.min() >= 0 and wrong.max() < len(choices)):
            raise value_error(
                f"choose: `a` must be between 0 and {len(choices) - 1}, got values "
                f"from {wrong.min()} to {wrong.max()}."
            )
    return _choose(a, choices, wrap=mode == "wrap")


@jit_when_eager(static_argnames=("wrap",))
def _choose(a: Any, choices: list[Any], *, wrap: bool) -> Any:
    choices = list(promote_args("choose", *choices))
    shape = lax.broadcast_shapes(*(typeof(x).shape for x in (a, *choices)))
    index = as_int32(as_array(a), len(choices), False)
    index = _wrapped(index, len(choices)) if wrap else index
    cases = [broadcast_to(choice, shape) for choice in choices]
    return lax.select_n(broadcast_to(index, shape), *cases)


def extract(
    condition: ArrayLike,
    arr: ArrayLike,
    *,
    size: int | None = None,
    fill_value: Any = 0,
) -> Array:
    """Elements of the flattened `arr` where the flattened `condition` holds.

    Args:
        condition: an array.
        arr: an array with as many elements.
        size: how many to return; needed if `condition` is traced.
        fill_value: fills up.
    """
    return compress(ravel(condition), arr, size=size, fill_value=fill_value)


def compress(
    condition: ArrayLike,
    a: ArrayLike,
    axis: int | None = None,
    *,
    size: int | None = None,
    fill_value: Any = 0,
    out: None = None,
) -> Array:
    """The slices along an axis for which a condition holds.

    Args:
        condition: ``[n]``; what lies behind it along `axis` is dropped.
        a: an array.
        axis: None flattens the array.
        size: how many slices to return; needed if `condition` is traced.
        fill_value: fills up.
        out: must be None.
    """
    if out is not None:
        raise NotImplementedError(
            "compress: `out` is not supported; arrays never change."
        )
    type = type_of("compress", "condition", condition)
    if type.ndim != 1:
        raise value_error(f"compress: `condition` must have one axis, got {type!r}.")
    if axis is None:
        a, axis = ravel(a), 0
    at = as_axis("compress", axis, type_of("compress", "a", a).ndim)
    size_along = typeof(a).shape[at]
    (places,) = nonzero(condition, size=size, fill_value=size_along)
    return take(a, places, at, mode="fill", fill_value=fill_value)


def delete(
    arr: ArrayLike,
    obj: Any,
    axis: int | None = None,
    *,
    assume_unique_indices: bool = False,
) -> Array:
    """`arr` without the slices at some indices.

    Args:
        arr: an array.
        obj: an integer, a slice, or concrete integers or booleans.
        axis: None flattens the array.
        assume_unique_indices: accepted for compatibility.
    """
    type_of("delete", "arr", arr)
    if axis is None:
        arr, axis = ravel(arr), 0
    at = as_axis("delete", axis, typeof(arr).ndim)
    kept = np.delete(np.arange(typeof(arr).shape[at]), _host_indices("delete", obj))
    return take(arr, kept.astype(np.int32), at, mode="promise_in_bounds")


def insert(
    arr: ArrayLike, obj: Any, values: ArrayLike, axis: int | None = None
) -> Array:
    """`arr` with `values` inserted before some indices.

    Args:
        arr: an array.
        obj: an integer, a slice, or concrete integers.
        values: broadcast to the slices that are inserted, converted to the dtype of
            `arr`.
        axis: None flattens the array.
    """
    type_of("insert", "arr", arr)
    if axis is None:
        arr, axis = ravel(arr), 0
    at = as_axis("insert", axis, typeof(arr).ndim)
    places = _host_indices("insert", obj)
    size = typeof(arr).shape[at]
    # NumPy says where everything goes: old elements are numbered, new ones negative.
    count = np.insert(np.zeros(size), places, 1).size - size
    scalar = np.ndim(places) == 0 and not isinstance(places, slice)
    values = _inserted(arr, values, at, None if scalar else count)
    count = typeof(values).shape[at]
    new = -1 - np.arange(count)
    order = np.insert(
        np.arange(size), np.full(count, places) if scalar else places, new
    )
    sources = np.where(order < 0, size - 1 - order, order).astype(np.int32)
    joined = concatenate([arr, values], at)
    return take(joined, sources, at, mode="promise_in_bounds")


def _inserted(arr: Any, values: Any, axis: int, count: int | None) -> Any:
    values = convert(values, typeof(arr).dtype)
    shape = list(typeof(arr).shape)
    if count is None:
        # As in NumPy, one place takes a whole slice whose axis `axis` stands in front.
        own = typeof(values)
        if own.ndim == len(shape) and own.ndim:
            values = moveaxis(values, 0, axis)
            count = typeof(values).shape[axis]
        else:
            count = 1
            if own.ndim:
                values = lax.expand_dims(values, (0,))
                values = (
                    moveaxis(values, 0, axis) if typeof(values).ndim > axis else values
                )
    shape[axis] = count
    return broadcast_to(values, shape)


def _host_indices(function: str, obj: Any) -> Any:
    if isinstance(obj, slice):
        return obj
    known = concrete(obj)
    if known is None:
        raise not_concrete(obj, "int", f"{function}(obj=...)")
    return np.asarray(known)

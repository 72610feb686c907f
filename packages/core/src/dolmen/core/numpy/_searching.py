"""Finding, counting and choosing elements."""

import math
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import dtypes, type_error, value_error
from .._ops._shape import sharding_error
from .._tracing import Tracer, concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._indexing import as_int32, getitem
from ._joining import concatenate, stack
from ._manipulation import as_array, as_axis, broadcast_to, moveaxis, ravel
from ._promotion import convert, literal, promote_args, type_of
from ._sorting import index_dtype, insertion_places
from ._taking import take, wrapped_index

_INT32 = np.dtype("int32")
_BOOL = np.dtype(bool)

# Up to so many columns, rows are sorted by all of them at once.
_FEW_COLUMNS = 16

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
            raise not_concrete(
                a,
                "int",
                "nonzero (the size of its result)",
                "Pass `size`, the number of elements of the result.",
            )
        dtype = index_dtype()
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
    return tuple(_nonzero(a, fills, size=_known_size("nonzero", size)))


def _known_size(function: str, size: Any) -> int:
    """The user's `size` of a result.

    Raises:
        TypeError: it is no integer, or traced.
        ValueError: it is negative.
    """
    try:
        known = operator.index(size)
    except TypeError as error:
        if isinstance(size, Tracer):
            raise
        raise type_error(
            f"{function}: `size` must be an integer, got {size!r:.60}."
        ) from error
    if known < 0:
        raise value_error(f"{function}: `size` must not be negative, got {known}.")
    return known


@jit_when_eager(static_argnames=("size",))
def _nonzero(a: Any, fills: tuple[Any, ...], *, size: int) -> list[Any]:
    shape, count = typeof(a).shape, typeof(a).size
    dtype = index_dtype()
    if not (count and size):
        return [lax.broadcast(convert(fill, dtype), (size,)) for fill in fills]
    flat = lax.reshape(lax.ne(a, np.zeros((), typeof(a).dtype)), (count,))
    ranks = lax.cumsum(lax.convert_element_type(flat, _INT32), 0)
    # The k-th nonzero element is the first whose running count is k + 1.
    wanted = lax.add(lax.iota(_INT32, size), np.int32(1))
    places = insertion_places(ranks, wanted, False, False)
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
    """Indices of the nonzero elements of the flattened array; see `nonzero`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.flatnonzero(jnp.array([[0, 1], [1, 0]]))
        Array([1, 2], dtype=int32)
    """
    return nonzero(ravel(a), size=size, fill_value=fill_value)[0]


def argwhere(a: ArrayLike, *, size: int | None = None, fill_value: Any = None) -> Array:
    """Indices of the nonzero elements as rows ``[n, a.ndim]``; see `nonzero`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.argwhere(jnp.array([[0, 1], [1, 0]]))
        Array([[0, 1],
               [1, 0]], dtype=int32)
    """
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
    """The distinct elements, or slices along an axis, sorted.

    Args:
        ar: an array.
        return_index: also return where each first occurs.
        return_inverse: also return for each element of `ar` its place in the result.
        return_counts: also return how often each occurs.
        axis: along which slices are compared, the first elements of a slice deciding
            first; None compares the elements of the flattened array.
        equal_nan: all NaN count as one element.
        size: how many to return. Needed if `ar` is traced; the result is cut there, or
            filled up.
        fill_value: fills up, by default the least element or slice.
        sorted: accepted for compatibility; the result is always sorted.

    Returns:
        The elements, or a tuple of them and what was asked for in that order.

    Raises:
        ConcretizationTypeError: `ar` is traced and `size` not given.
        ValueError: `axis` is out of range, or there is nothing to fill up with.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([[1, 2], [0, 3], [1, 2]])
        >>> rows, counts = jnp.unique(x, axis=0, return_counts=True)
        >>> rows.tolist(), counts.tolist()
        ([[0, 3], [1, 2]], [1, 2])
    """
    type = type_of("unique", "ar", ar)
    at = None if axis is None else as_axis("unique", axis, type.ndim)
    slices = ravel(as_array(ar)) if at is None else moveaxis(as_array(ar), at, 0)
    count = typeof(slices).shape[0]
    groups = sorted_groups(slices, bool(equal_nan))
    if size is None:
        known = concrete(ar)
        if known is None:
            raise not_concrete(
                ar,
                "int",
                "unique (the size of its result)",
                "Pass `size`, the number of elements of the result.",
            )
        size = int(np.sum(np.asarray(groups[1])))
    size = _known_size("unique", size)
    if size and not count and fill_value is None:
        raise value_error(
            f"unique: {size} elements are asked for, but {type!r} has none.",
            "Pass `fill_value`.",
        )
    values, first, counts = _unique(*groups, fill_value, size=size)
    inverse = _inverse(*groups[1:]) if return_inverse else None
    if at is not None:
        values = moveaxis(values, 0, at)
    elif return_inverse:
        inverse = lax.reshape(inverse, type.shape)
    asked = (return_index, return_inverse, return_counts)
    more = zip((first, inverse, counts), asked, strict=True)
    chosen = (values, *(x for x, wanted in more if wanted))
    return chosen if len(chosen) > 1 else values


@jit_when_eager(static_argnames=("equal_nan",))
def sorted_groups(slices: Any, equal_nan: bool) -> Any:
    """Sorted slices along axis 0, whether each differs from the last, and its place."""
    shape = typeof(slices).shape
    rows = lax.reshape(as_array(slices), (shape[0], math.prod(shape[1:])))
    values, places = _sorted_rows(rows)
    if shape[0] < 2:
        differs = lax.full(shape[:1], True, _BOOL)
    else:
        left, right = values[:-1], values[1:]
        differs = lax.ne(left, right)
        if equal_nan and dtypes.is_inexact(typeof(rows).dtype):
            differs &= ~(lax.ne(left, left) & lax.ne(right, right))
        differs = lax.reduce_or(differs, (1,))
        differs = lax.concatenate([lax.full((1,), True, _BOOL), differs], 0)
    return lax.reshape(values, shape), differs, places


def _sorted_rows(rows: Any) -> Any:
    """Rows sorted by their first column, then the second, ...; and their places.

    A sort by many keys takes long to compile, so many columns become a loop: each
    stable sort, from the last column on, leaves rows that are equal in its column in
    the order of the columns behind it.
    """
    count, width = typeof(rows).shape
    places = lax.iota(_INT32, count)
    if not (count and width):
        return rows, places
    if width <= _FEW_COLUMNS:
        columns = [rows[:, i] for i in range(width)]
        *columns, places = lax.sort((*columns, places), num_keys=width)
        return stack(columns, 1), places

    def by_column(places: Any, column: Any) -> Any:
        return lax.sort((getitem(column, places), places), num_keys=1)[1], None

    places, _ = lax.scan(by_column, places, rows.T, reverse=True)
    return getitem(rows, places), places


@jit_when_eager(static_argnames=("size",))
def _unique(
    values: Any, starts: Any, places: Any, fill_value: Any, *, size: int
) -> Any:
    """The first slice of each group, where it came from, and the group's size."""
    count, *rest = typeof(values).shape
    dtype = index_dtype()
    if fill_value is not None:
        fill = convert(fill_value, typeof(values).dtype)
    else:
        fill = values[0] if count else literal(0, typeof(values).dtype)
    filler = broadcast_to(fill, (size, *rest))
    if not count:
        none = lax.full((0,), 0, dtype)
        return filler, none, none
    (heads,) = nonzero(starts, size=size + 1, fill_value=count)
    heads, nexts = heads[:-1], heads[1:]
    exists = lax.lt(heads, np.asarray(count, dtype))
    inside = lax.min(heads, np.asarray(count - 1, dtype))
    chosen = getitem(values, inside)
    kept = lax.broadcast_in_dim(exists, (size, *rest), (0,))
    origins = lax.convert_element_type(places, dtype)
    first = getitem(origins, inside)
    padding = broadcast_to(origins[0], (size,))
    return (
        lax.select(kept, chosen, filler),
        lax.select(exists, first, padding),
        lax.sub(nexts, heads),
    )


@jit_when_eager
def _inverse(starts: Any, places: Any) -> Any:
    """For each slice the number of its group."""
    dtype = index_dtype()
    groups = lax.cumsum(lax.convert_element_type(starts, dtype), 0)
    groups = lax.sub(groups, np.asarray(1, dtype))
    # Sorting the places back undoes the sort.
    return lax.sort((places, groups), dimension=0, num_keys=1)[1]


def bincount(
    x: ArrayLike,
    weights: ArrayLike | None = None,
    minlength: int = 0,
    *,
    length: int | None = None,
    out_sharding: None = None,
) -> Array:
    """How often each non-negative integer occurs.

    Args:
        x: ``[n]`` integers or booleans; negative ones count as 0.
        weights: ``[n]``, added up instead of ones.
        minlength: the least size of the result.
        length: its size. Needed if `x` is traced; larger integers are dropped.
        out_sharding: must be None.

    Raises:
        ConcretizationTypeError: `x` is traced and `length` not given.
        TypeError: `x` are not integers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bincount(jnp.array([0, 1, 1, 3]))
        Array([1, 2, 0, 1], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("bincount", "out_sharding", out_sharding)
    type = type_of("bincount", "x", x)
    if dtypes.kind(type.dtype) not in ("b", "i", "u"):
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
            raise not_concrete(
                x,
                "int",
                "bincount (the size of its result)",
                "Pass `length`, the number of elements of the result.",
            )
        values = np.asarray(known)
        length = max(int(values.max()) + 1 if values.size else 0, minlength)
    length = max(operator.index(length), operator.index(minlength))
    return _bincount(x, weights, length=length)


@jit_when_eager(static_argnames=("length",))
def _bincount(x: Any, weights: Any, *, length: int) -> Any:
    from ._at import At

    one = np.asarray(1, index_dtype()) if weights is None else as_array(weights)
    zeros = lax.full((length,), 0, typeof(one).dtype)
    x = as_array(x)
    if dtypes.kind(typeof(x).dtype) == "b":
        x = lax.convert_element_type(x, "int32")
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.arange(5)
        >>> jnp.select([x < 2, x > 3], [x, 10 * x], default=-1)
        Array([ 0,  1, -1, -1, 40], dtype=int32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.choose(jnp.array([0, 1, 0]), [jnp.array([1, 2, 3]), jnp.array([10, 20,
        ...     30])])
        Array([ 1, 20,  3], dtype=int32)
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
            raise not_concrete(
                a,
                "int",
                "choose(mode='raise')",
                "Pass `mode='clip'` or `mode='wrap'`.",
            )
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
    index = wrapped_index(index, len(choices)) if wrap else index
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.extract(jnp.array([True, False, True]), jnp.array([1, 2, 3]))
        Array([1, 3], dtype=int32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.compress(jnp.array([True, False, True]), jnp.array([1, 2, 3]))
        Array([1, 3], dtype=int32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.delete(jnp.array([1, 2, 3]), 1)
        Array([1, 3], dtype=int32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.insert(jnp.array([1, 3]), 1, 2)
        Array([1, 2, 3], dtype=int32)
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

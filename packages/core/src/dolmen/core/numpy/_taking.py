"""Elements along an axis by their index: taking them, putting others in place."""

import math
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._indexing import Access, Plan, Points, Simple, as_int32, execute
from ._manipulation import as_array, as_axis, ravel
from ._promotion import type_of

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
        indices = wrapped_index(as_int32(as_array(indices), size, False), size)
        access = access._replace(mode="promise_in_bounds")
    entries: list[Any] = [Simple.WHOLE] * type.ndim
    entries[axis] = Points(False) if typeof(indices).ndim else Simple.SCALAR
    return execute(Plan(tuple(entries)), access, a, indices)


def wrapped_index(index: Any, size: int) -> Any:
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([[1, 2], [3, 4]])
        >>> jnp.take_along_axis(x, jnp.array([[1], [0]]), axis=1)
        Array([[2],
               [3]], dtype=int32)
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

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.array([[1, 2], [3, 4]])
        >>> jnp.put_along_axis(x, jnp.array([[1], [0]]), 9, axis=1, inplace=False)
        Array([[1, 9],
               [9, 4]], dtype=int32)
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

"""Arrays written as index expressions, and index arrays made of arrays.

`mgrid`, `ogrid`, `r_` and `c_` read slices as ranges: a third part that is imaginary,
as in ``0:1:5j``, counts the points, and then the stop belongs to them.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy import index_exp as index_exp, s_ as s_

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._creation import (
    arange,
    array,
    diag_indices,
    linspace,
    meshgrid,
    ones,
    tril_indices,
    triu_indices,
)
from ._eager import jit_when_eager
from ._joining import concatenate, stack
from ._logic import where
from ._manipulation import as_array, as_shape, ravel, resize
from ._promotion import type_of
from ._searching import nonzero
from ._sorting import alike, index_dtype

# ---- ranges ------------------------------------------------------------------------


def _range(part: slice) -> Any:
    """The numbers a slice stands for."""
    start = 0 if part.start is None else part.start
    if isinstance(part.step, complex):
        return linspace(start, part.stop, int(abs(part.step)))
    return arange(start, part.stop, 1 if part.step is None else part.step)


class _Grid:
    """What `mgrid` and `ogrid` are: index them with slices."""

    def __init__(self, name: str, made: Callable[[list[Any]], Any]) -> None:
        self._name, self._made = name, made

    def __getitem__(self, key: slice | tuple[slice, ...]) -> Any:
        parts = key if isinstance(key, tuple) else (key,)
        if not parts or not all(isinstance(part, slice) for part in parts):
            raise type_error(f"{self._name}[...]: expected slices, got {key!r:.60}.")
        ranges = alike(self._name, *map(_range, parts))
        return self._made(ranges) if isinstance(key, tuple) else ranges[0]

    def __repr__(self) -> str:
        return f"<dolmen.core.numpy.{self._name}>"


# Dense coordinates, all in one array: `mgrid[0:2, 0:3]` has shape (2, 2, 3).
mgrid = _Grid("mgrid", lambda axes: stack(meshgrid(*axes, indexing="ij")))
# Coordinates that broadcast, in a list: those of `ogrid[0:2, 0:3]` are (2, 1), (1, 3).
ogrid = _Grid("ogrid", lambda axes: meshgrid(*axes, indexing="ij", sparse=True))


# ---- joins -------------------------------------------------------------------------


class _Join:
    """What `r_` and `c_` are: index them with arrays, lists, scalars and slices.

    A string that comes first, as in ``r_['0,2,-1', x, y]``, says along which axis to
    join, how many axes each part has at least, and where its own axes begin among them;
    'r' and 'c' give a row and a column.
    """

    def __init__(self, name: str, axis: int, ndmin: int, place: int) -> None:
        self._name, self._how = name, (axis, ndmin, place)

    def __getitem__(self, key: Any) -> Array:
        parts = list(key) if isinstance(key, tuple) else [key]
        axis, ndmin, place = self._how
        form = ""
        if parts and isinstance(parts[0], str):
            form = parts.pop(0)
            if form not in ("r", "c"):
                axis, ndmin, place = self._directive(form)
        if not parts:
            raise value_error(f"{self._name}[...]: expected something to join.")
        made = concatenate([_with_axes(part, ndmin, place) for part in parts], axis)
        if form in ("r", "c"):
            return made.reshape((1, -1) if form == "r" else (-1, 1))
        return made

    def _directive(self, text: str) -> tuple[int, int, int]:
        given = text.split(",")
        try:
            numbers = [int(number) for number in given]
        except ValueError:
            numbers = []
        if not 1 <= len(numbers) <= 3:
            raise value_error(
                f"{self._name}[...]: expected 'r', 'c', or up to three integers "
                f"(axis, axes at least, first axis), got {text!r}."
            )
        axis, ndmin, place = (*numbers, *self._how[len(numbers) :])
        return axis, ndmin, place

    def __repr__(self) -> str:
        return f"<dolmen.core.numpy.{self._name}>"


def _with_axes(part: Any, ndmin: int, place: int) -> Any:
    """`part` with at least `ndmin` axes, its own ones beginning at `place`."""
    x = _range(part) if isinstance(part, slice) else part
    x = array(x) if isinstance(x, list | tuple) else as_array(x)
    ndim, missing = typeof(x).ndim, ndmin - typeof(x).ndim
    if missing <= 0:
        return x
    before = place if place >= 0 else place + missing + 1
    return lax.expand_dims(x, [*range(before), *range(before + ndim, ndmin)])


r_ = _Join("r_", 0, 1, -1)
c_ = _Join("c_", -1, 2, 0)


# ---- indices -----------------------------------------------------------------------


def ix_(*args: ArrayLike) -> tuple[Array, ...]:
    """Index arrays that select the cross product of indices along each axis.

    Args:
        args: ``[n]`` integers, or concrete booleans that stand for the places of True.

    Returns:
        One array for each argument; they broadcast together.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.arange(6).reshape(2, 3)
        >>> x[jnp.ix_(jnp.array([1, 0]), jnp.array([0, 2]))].tolist()
        [[3, 5], [0, 2]]
    """
    made = []
    for i, given in enumerate(args):
        type = type_of("ix_", f"args[{i}]", given)
        if type.ndim != 1:
            raise value_error(f"ix_: `args[{i}]` must have one axis, got {type!r}.")
        x = nonzero(given)[0] if type.dtype == np.dtype(bool) else as_array(given)
        if not type.size:  # an empty list has floating-point elements
            x = lax.full((0,), 0, index_dtype())
        others = [axis for axis in range(len(args)) if axis != i]
        made.append(lax.expand_dims(x, others))
    return tuple(made)


def diag_indices_from(arr: ArrayLike) -> tuple[Array, ...]:
    """Indices of the main diagonal of an array with at least two axes of equal size.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diag_indices_from(jnp.zeros((2, 2)))
        (Array([0, 1], dtype=int32), Array([0, 1], dtype=int32))
    """
    shape = type_of("diag_indices_from", "arr", arr).shape
    if len(shape) < 2 or len(set(shape)) > 1:
        raise value_error(
            "diag_indices_from: `arr` must have at least two axes of equal size, got "
            f"{typeof(arr)!r}."
        )
    return diag_indices(shape[0], len(shape))


def tril_indices_from(arr: ArrayLike, k: int = 0) -> tuple[Array, Array]:
    """Row and column indices of the lower triangle of a matrix; see `tril_indices`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tril_indices_from(jnp.zeros((2, 2)))
        (Array([0, 1, 1], dtype=int32), Array([0, 0, 1], dtype=int32))
    """
    rows, columns = _matrix("tril_indices_from", arr)
    return tril_indices(rows, k, columns)


def triu_indices_from(arr: ArrayLike, k: int = 0) -> tuple[Array, Array]:
    """Row and column indices of the upper triangle of a matrix; see `triu_indices`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.triu_indices_from(jnp.zeros((2, 2)))
        (Array([0, 0, 1], dtype=int32), Array([0, 1, 1], dtype=int32))
    """
    rows, columns = _matrix("triu_indices_from", arr)
    return triu_indices(rows, k, columns)


def _matrix(function: str, arr: Any) -> tuple[int, int]:
    type = type_of(function, "arr", arr)
    if type.ndim != 2:
        raise value_error(f"{function}: `arr` must have two axes, got {type!r}.")
    return type.shape[0], type.shape[1]


def mask_indices(
    n: int, mask_func: Callable[..., Any], k: int = 0, *, size: int | None = None
) -> tuple[Array, Array]:
    """Indices where a function such as `triu` leaves a matrix of ones nonzero.

    Args:
        n: rows and columns of the matrix.
        mask_func: called with the matrix and `k`.
        k: second argument of `mask_func`.
        size: how many indices to return; needed if the mask is traced.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [i.tolist() for i in jnp.mask_indices(2, jnp.triu)]
        [[0, 0, 1], [0, 1, 1]]
    """
    rows, columns = nonzero(mask_func(ones((n, n), int), k), size=size)
    return rows, columns


def unravel_index(indices: ArrayLike, shape: Any) -> tuple[Array, ...]:
    """Index along each axis of elements counted in row-major order.

    Args:
        indices: integers of any shape; negative ones count from the end, and those out
            of bounds are taken to the nearest element.
        shape: of the array they index.

    Returns:
        One array for each axis, in the shape and dtype of `indices`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [int(i) for i in jnp.unravel_index(5, (2, 3))]
        [1, 2]
    """
    sizes = as_shape("unravel_index", shape)
    type_of("unravel_index", "indices", indices)
    _integers("unravel_index", "indices", indices)
    return tuple(_unraveled(indices, shape=sizes))


@jit_when_eager(static_argnames=("shape",))
def _unraveled(indices: Any, shape: tuple[int, ...]) -> list[Any]:
    rest, size = as_array(indices), math.prod(shape)
    rest = where(rest < 0, rest + size, rest).clip(0, max(size - 1, 0))
    made = []
    for length in reversed(shape):
        rest, index = divmod(rest, length)
        made.append(index)
    return made[::-1]


def ravel_multi_index(
    multi_index: Sequence[ArrayLike],
    dims: Any,
    mode: str = "raise",
    order: str = "C",
    *,
    dtype: DTypeLike | None = None,
) -> Array:
    """Place of elements, counted through the array, from their index along each axis.

    Args:
        multi_index: one integer array for each axis; they broadcast together.
        dims: sizes of the axes.
        mode: "wrap" or "clip" indices out of bounds, "ignore" that there might be some;
            "raise" needs concrete indices.
        order: "C" counts row by row, "F" column by column.
        dtype: of the result, an integer one; by default that of the indices.

    Raises:
        ValueError: an index is out of bounds and `mode` is "raise".

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> int(jnp.ravel_multi_index((jnp.array(1), jnp.array(2)), (2, 3)))
        5
    """
    sizes, parts = as_shape("ravel_multi_index", dims, "dims"), list(multi_index)
    if len(parts) != len(sizes) or not parts:
        raise value_error(
            "ravel_multi_index: `multi_index` must have an array for each axis, got "
            f"{len(parts)} for {len(sizes)} axes."
        )
    if mode not in ("raise", "wrap", "clip", "ignore"):
        raise value_error(
            "ravel_multi_index: `mode` must be 'raise', 'wrap', 'clip' or 'ignore', "
            f"got {mode!r}."
        )
    if order not in ("C", "F"):
        raise value_error(
            f"ravel_multi_index: `order` must be 'C' or 'F', got {order!r}."
        )
    for i, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        _integers("ravel_multi_index", f"multi_index[{i}]", part)
        if mode == "raise":
            _check_bounds(i, part, size)
    made: Any = 0
    pairs = list(zip(parts, sizes, strict=True))
    for part, size in pairs if order == "C" else reversed(pairs):
        index = as_array(part)
        if mode == "wrap":
            index = index % size
        elif mode == "clip":
            index = index.clip(0, size - 1)
        made = made * size + index
    return made if dtype is None else made.astype(dtype)


def _check_bounds(axis: int, index: Any, size: int) -> None:
    known = concrete(index)
    if known is None:
        raise not_concrete(
            index,
            "int",
            "ravel_multi_index(mode='raise')",
            "Pass `mode='clip'`, `mode='wrap'` or `mode='ignore'`.",
        )
    values = np.asarray(known)
    if values.size and not (values.min() >= 0 and values.max() < size):
        raise value_error(
            f"ravel_multi_index: `multi_index[{axis}]` must be between 0 and "
            f"{size - 1}, got values from {values.min()} to {values.max()}."
        )


def _integers(function: str, name: str, x: Any) -> None:
    type = type_of(function, name, x)
    if dtypes.kind(type.dtype) not in "iu":
        raise type_error(f"{function}: `{name}` must be integers, got {type!r}.")


# ---- new arrays with some elements replaced ----------------------------------------


def fill_diagonal(
    a: ArrayLike, val: ArrayLike, wrap: bool = False, *, inplace: bool = True
) -> Array:
    """`a` with other elements on the main diagonal.

    Args:
        a: at least two axes; of equal size if there are more.
        val: the elements, repeated as needed.
        wrap: in a tall matrix, begin again below a row left out.
        inplace: must be False: arrays never change.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fill_diagonal(jnp.zeros((2, 2)), 1.0, inplace=False).tolist()
        [[1.0, 0.0], [0.0, 1.0]]
    """
    _not_in_place("fill_diagonal", inplace)
    type = type_of("fill_diagonal", "a", a)
    type_of("fill_diagonal", "val", val)
    if type.ndim < 2 or (type.ndim > 2 and len(set(type.shape)) > 1):
        raise value_error(
            "fill_diagonal: `a` must have two axes, or more of equal size, got "
            f"{type!r}."
        )
    # From one element of the diagonal to the next, one step along every axis.
    step = sum(math.prod(type.shape[axis + 1 :]) for axis in range(type.ndim))
    end = type.size if wrap or type.ndim > 2 else min(type.size, type.shape[1] ** 2)
    places = np.arange(0, end, step)
    values = resize(ravel(as_array(val)), places.shape)
    return ravel(as_array(a)).at[places].set(values).reshape(type.shape)


def put(
    a: ArrayLike,
    ind: ArrayLike,
    v: ArrayLike,
    mode: str | None = None,
    *,
    inplace: bool = True,
) -> Array:
    """`a` with other elements at some places of the flattened array.

    Args:
        a: an array.
        ind: integers of any shape; negative ones count from the end.
        v: the elements, repeated as needed.
        mode: out of bounds, "clip" (the default) means the nearest element, "wrap"
            counts round and round.
        inplace: must be False: arrays never change.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.put(jnp.zeros(3), jnp.array([0, 5]), 1.0, inplace=False).tolist()
        [1.0, 0.0, 1.0]
    """
    _not_in_place("put", inplace)
    type = type_of("put", "a", a)
    _integers("put", "ind", ind)
    type_of("put", "v", v)
    if mode not in (None, "clip", "wrap"):
        raise value_error(
            f"put: `mode` must be 'clip', 'wrap' or None, got {mode!r}.",
            "Mode 'raise' can't exist: errors depend on values.",
        )
    if 0 in (type.size, typeof(ind).size, typeof(v).size):
        return as_array(a)
    index = ravel(as_array(ind))
    index = index % type.size if mode == "wrap" else index
    values = resize(ravel(as_array(v)), typeof(index).shape)
    flat = ravel(as_array(a)).at[index].set(values, mode="clip")
    return flat.reshape(type.shape)


def place(
    arr: ArrayLike, mask: ArrayLike, vals: ArrayLike, *, inplace: bool = True
) -> Array:
    """`arr` with other elements where a mask holds.

    Args:
        arr: an array.
        mask: an array of as many elements.
        vals: the elements, in the order of the places, repeated as needed.
        inplace: must be False: arrays never change.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = jnp.arange(4)
        >>> jnp.place(x, x % 2 == 1, jnp.array([7, 8]), inplace=False).tolist()
        [0, 7, 2, 8]
    """
    _not_in_place("place", inplace)
    type = type_of("place", "arr", arr)
    if type_of("place", "mask", mask).size != type.size:
        raise value_error(
            "place: `arr` and `mask` must have equally many elements: `arr` is "
            f"{type!r}, `mask` is {typeof(mask)!r}."
        )
    if not type_of("place", "vals", vals).size:
        raise value_error("place: `vals` must not be empty.")
    return _placed(arr, mask, vals)


@jit_when_eager
def _placed(arr: Any, mask: Any, vals: Any) -> Any:
    arr, chosen, values = as_array(arr), ravel(as_array(mask)) != 0, ravel(vals)
    rank = chosen.cumsum() - 1
    new = as_array(values)[rank % typeof(values).size].astype(arr.dtype)
    return where(chosen, new, ravel(arr)).reshape(arr.shape)


def _not_in_place(function: str, inplace: bool) -> None:
    if inplace:
        raise value_error(
            f"{function}: arrays never change in place.",
            f"Write `x = jnp.{function}(x, ..., inplace=False)`.",
        )

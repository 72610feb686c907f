"""Joining arrays and cutting them apart."""

import itertools
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import ArrayType, dtypes, message, shown, type_error, value_error
from .._tracing import (
    Tracer,
    as_array,
    concrete,
    is_array_like,
    not_concrete,
    typeof,
)
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._manipulation import as_axis, as_shape, atleast_2d, atleast_3d, ravel
from ._promotion import convert, type_of

# ---- joining -----------------------------------------------------------------------


def concatenate(
    arrays: Any, axis: int | None = 0, dtype: DTypeLike | None = None
) -> Array:
    """Join arrays along an existing axis.

    Args:
        arrays: a sequence of arrays of equal shape but for the size of axis `axis`.
        axis: None flattens the arrays first.
        dtype: of the result; by default the one the arrays promote to.

    Returns:
        One array.

    Raises:
        TypeError: `arrays` is not a sequence of arrays.
        ValueError: there is none, one has no axes, or the other sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.concatenate([jnp.zeros((1, 2)), jnp.ones((2, 2))]).shape
        (3, 2)
    """
    return _joined("concatenate", arrays, axis, dtype)


def _joined(function: str, arrays: Any, axis: Any, dtype: Any) -> Any:
    """`concatenate` under the name of the function that the user called."""
    if axis is None:
        arrays = [ravel(x) for x in _sequence(function, arrays)]
        axis = 0
    arrays, types = _arrays(function, arrays)
    if not types[0].ndim:
        raise value_error(
            f"{function}: arrays must have an axis to be joined along, got "
            f"{types[0]!r}.",
            "Use `stack` to join scalars.",
        )
    at = _axis_of_joining(function, axis, types[0].ndim)
    shapes = {(*t.shape[:at], None, *t.shape[at + 1 :]) for t in types}
    if len({t.ndim for t in types}) > 1 or len(shapes) > 1:
        raise value_error(
            f"{function}: arrays must have equal sizes except along axis {at}, got "
            f"{_listed(types)}."
        )
    return _concatenate(arrays, axis=at, dtype=_result_dtype(function, dtype))


def concat(arrays: Any, /, *, axis: int | None = 0) -> Array:
    """`concatenate` under its name in the array API standard.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.concat([jnp.array([1, 2]), jnp.array([3])])
        Array([1, 2, 3], dtype=int32)
    """
    return _joined("concat", arrays, axis, None)


@jit_when_eager(static_argnames=("axis", "dtype"))
def _concatenate(arrays: list[Any], *, axis: int, dtype: Any) -> Any:
    return lax.concatenate(_promoted("concatenate", arrays, dtype), axis)


def stack(
    arrays: Any, axis: int = 0, out: None = None, dtype: DTypeLike | None = None
) -> Array:
    """Join arrays of equal shape along a new axis.

    Args:
        arrays: a sequence of arrays or scalars.
        axis: where the new axis stands in the result.
        out: must be None.
        dtype: of the result; by default the one the arrays promote to.

    Raises:
        ValueError: there is no array, or the shapes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.stack([jnp.zeros(3), jnp.ones(3)], axis=1).shape
        (3, 2)
    """
    _no_out("stack", out)
    arrays, types = _arrays("stack", arrays)
    if len({t.shape for t in types}) > 1:
        raise value_error(
            f"stack: arrays must have equal shapes, got {_listed(types)}.",
            "Use `concatenate` to join along an existing axis.",
        )
    at = _axis_of_joining("stack", axis, types[0].ndim + 1, of="a result")
    return _stack(arrays, axis=at, dtype=_result_dtype("stack", dtype))


@jit_when_eager(static_argnames=("axis", "dtype"))
def _stack(arrays: list[Any], *, axis: int, dtype: Any) -> Any:
    parts = [lax.expand_dims(x, (axis,)) for x in _promoted("stack", arrays, dtype)]
    return lax.concatenate(parts, axis)


def vstack(tup: Any, dtype: DTypeLike | None = None) -> Array:
    """Join along axis 0; arrays with one axis become rows.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.vstack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 2],
               [3, 4]], dtype=int32)
    """
    return _joined(
        "vstack", [atleast_2d(x) for x in _sequence("vstack", tup)], 0, dtype
    )


def hstack(tup: Any, dtype: DTypeLike | None = None) -> Array:
    """Join along axis 1, or along axis 0 if the arrays have only one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.hstack([jnp.array([1, 2]), jnp.array([3])])
        Array([1, 2, 3], dtype=int32)
    """
    arrays = [_with_axes("hstack", x, 1) for x in _sequence("hstack", tup)]
    one = bool(arrays) and typeof(arrays[0]).ndim == 1
    return _joined("hstack", arrays, 0 if one else 1, dtype)


def dstack(tup: Any, dtype: DTypeLike | None = None) -> Array:
    """Join along axis 2; arrays with fewer axes gain them as with `atleast_3d`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.dstack([jnp.zeros((2, 3)), jnp.ones((2, 3))]).shape
        (2, 3, 2)
    """
    return _joined(
        "dstack", [atleast_3d(x) for x in _sequence("dstack", tup)], 2, dtype
    )


def column_stack(tup: Any) -> Array:
    """Join along axis 1; arrays with one axis become columns.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.column_stack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    arrays = []
    for x in _sequence("column_stack", tup):
        ndim = type_of("column_stack", "tup", x).ndim
        arrays.append(lax.reshape(x, (typeof(x).size, 1)) if ndim < 2 else x)
    return _joined("column_stack", arrays, 1, None)


def append(arr: ArrayLike, values: ArrayLike, axis: int | None = None) -> Array:
    """`values` behind `arr`; both are flattened unless `axis` is given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.append(jnp.array([1, 2]), jnp.array([3]))
        Array([1, 2, 3], dtype=int32)
    """
    type_of("append", "arr", arr)
    type_of("append", "values", values)
    return _joined("append", [arr, values], axis, None)


def block(arrays: Any) -> Array:
    """Join nested lists of blocks: the innermost along the last axis, and so on out.

    Args:
        arrays: arrays in lists of equal depth.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> one = jnp.ones((1, 1))
        >>> jnp.block([[one, 2 * one], [3 * one, 4 * one]]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]
    """
    depth = _depth(arrays)
    rank = max(_rank(arrays), depth)
    return _block(arrays, depth, rank)


def _depth(arrays: Any) -> int:
    if not isinstance(arrays, list):
        return 0
    depths = {_depth(part) for part in arrays}
    if len(depths) != 1:
        raise value_error(
            "block: all lists must be equally deep and not empty, got depths "
            f"{sorted(depths)}."
        )
    return depths.pop() + 1


def _rank(arrays: Any) -> int:
    if isinstance(arrays, list):
        return max(_rank(part) for part in arrays)
    return type_of("block", "arrays", arrays).ndim


def _block(arrays: Any, depth: int, rank: int) -> Any:
    if not depth:
        return _with_axes("block", arrays, rank)
    parts = [_block(part, depth - 1, rank) for part in arrays]
    return _joined("block", parts, -depth, None)


def _with_axes(function: str, x: Any, rank: int) -> Any:
    """`x` with leading axes of size 1 up to `rank`."""
    missing = rank - type_of(function, "arrays", x).ndim
    return lax.expand_dims(x, tuple(range(missing))) if missing > 0 else x


def _sequence(function: str, arrays: Any) -> list[Any]:
    """The arrays to be joined: a sequence of them, or the rows of one."""
    if isinstance(arrays, ArrayImpl | Tracer | np.ndarray):
        rows: Any = arrays
        return list(unstack(rows)) if typeof(rows).ndim else [rows]
    if isinstance(arrays, Sequence) and not isinstance(arrays, str):
        return list(arrays)
    raise type_error(
        f"{function}: expected a sequence of arrays, got {type(arrays).__name__}.",
        "Put the arrays into a list.",
    )


def _arrays(function: str, arrays: Any) -> tuple[list[Any], list[ArrayType]]:
    made = [as_array(x) for x in _sequence(function, arrays)]
    if not made:
        raise value_error(f"{function}: expected at least one array, got none.")
    return made, [type_of(function, f"arrays[{i}]", x) for i, x in enumerate(made)]


def _promoted(function: str, arrays: list[Any], dtype: Any) -> list[Any]:
    """Arrays of one dtype."""
    types = [typeof(x) for x in arrays]
    if dtype is not None:
        return [_strong(x, dtype) for x in arrays]
    try:
        dtype, weak = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    except TypeError as error:
        raise type(error)(message(f"{function}: {error}")) from None
    if weak:
        return [convert(x, dtype, True) for x in arrays]
    return [convert(x, dtype) for x in arrays]


def _strong(x: Any, dtype: np.dtype) -> Any:
    type = typeof(x)
    if type.dtype == dtype and not type.weak_type:
        return x
    return lax.convert_element_type(x, dtype)


def _result_dtype(function: str, dtype: Any) -> Any:
    if dtype is None:
        return None
    instead = "Put the arrays into one list; `x.dtype` is the dtype of an array `x`."
    return dtypes.as_dtype(dtype, function=function, instead=instead)


def _axis_of_joining(
    function: str, axis: Any, ndim: int, *, of: str = "an array"
) -> int:
    if (
        is_array_like(axis) and typeof(axis).ndim
    ):  # the second of the arrays to be joined
        raise type_error(
            f"{function}: `axis` must be an integer, got {shown(axis)}.",
            "Put the arrays into one list.",
        )
    return as_axis(function, axis, ndim, of=of)


def _no_out(function: str, out: Any) -> None:
    if out is not None:
        raise NotImplementedError(
            f"{function}: `out` is not supported; arrays never change."
        )


def _listed(types: Sequence[ArrayType]) -> str:
    return ", ".join(map(repr, types))


# ---- cutting -----------------------------------------------------------------------


def split(ary: ArrayLike, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """Cut an array into pieces along an axis.

    Args:
        ary: an array of any shape.
        indices_or_sections: how many equal pieces, or the places of the cuts.
        axis: the axis to cut.

    Returns:
        A list of arrays.

    Raises:
        ValueError: the pieces would not be equal (`array_split` allows that).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [x.tolist() for x in jnp.split(jnp.arange(5), [1, 3])]
        [[0], [1, 2], [3, 4]]
    """
    return _split("split", ary, indices_or_sections, axis)


def array_split(ary: ArrayLike, indices_or_sections: Any, axis: int = 0) -> list[Array]:
    """`split`, where the first pieces may be larger by one than the last.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [part.tolist() for part in jnp.array_split(jnp.arange(5), 2)]
        [[0, 1, 2], [3, 4]]
    """
    return _split("array_split", ary, indices_or_sections, axis)


def hsplit(ary: ArrayLike, indices_or_sections: Any) -> list[Array]:
    """`split` along axis 1, or along axis 0 of an array that has only one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [part.shape for part in jnp.hsplit(jnp.zeros((2, 4)), 2)]
        [(2, 2), (2, 2)]
    """
    ndim = type_of("hsplit", "ary", ary).ndim
    return _split("hsplit", ary, indices_or_sections, 0 if ndim == 1 else 1)


def vsplit(ary: ArrayLike, indices_or_sections: Any) -> list[Array]:
    """`split` along axis 0.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [part.shape for part in jnp.vsplit(jnp.zeros((4, 2)), 2)]
        [(2, 2), (2, 2)]
    """
    return _split("vsplit", ary, indices_or_sections, 0)


def dsplit(ary: ArrayLike, indices_or_sections: Any) -> list[Array]:
    """`split` along axis 2.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [part.shape for part in jnp.dsplit(jnp.zeros((2, 3, 4)), 2)]
        [(2, 3, 2), (2, 3, 2)]
    """
    return _split("dsplit", ary, indices_or_sections, 2)


def _split(function: str, ary: Any, cuts: Any, axis: int) -> list[Any]:
    type = type_of(function, "ary", ary)
    at = as_axis(function, axis, type.ndim)
    size = type.shape[at]
    if concrete(cuts) is None:
        raise not_concrete(cuts, "int", f"{function}(indices_or_sections=...)")
    if isinstance(cuts, Sequence) or (hasattr(cuts, "ndim") and cuts.ndim):
        places = as_shape(function, cuts, "indices_or_sections")
        bounds = [slice(None, p).indices(size)[1] for p in places]
        bounds = [0, *bounds, size]
        sizes = [max(0, b - a) for a, b in itertools.pairwise(bounds)]
        if sum(sizes) != size:  # cuts out of order: pieces overlap
            starts = zip(bounds, sizes, strict=False)
            return [_piece(ary, a, min(a + n, size), at) for a, n in starts]
        return list(lax.split(ary, sizes, at))
    count = operator.index(cuts)
    if count <= 0:
        raise value_error(f"{function}: expected at least one piece, got {count}.")
    each, rest = divmod(size, count)
    if rest and function != "array_split":
        raise value_error(
            f"{function}: axis {at} of {type!r} has size {size}, which {count} equal "
            f"pieces don't divide (rest {rest}).",
            "Use `array_split` for pieces of unequal sizes.",
        )
    return list(lax.split(ary, [each + (i < rest) for i in range(count)], at))


def _piece(x: Any, start: int, stop: int, axis: int) -> Any:
    return lax.slice_in_dim(x, start, stop, axis=axis)


def unstack(x: ArrayLike, /, *, axis: int = 0) -> tuple[Array, ...]:
    """The arrays along an axis, as a tuple: the inverse of `stack`.

    Raises:
        ValueError: `x` has no axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unstack(jnp.array([[1, 2], [3, 4]]))
        (Array([1, 2], dtype=int32), Array([3, 4], dtype=int32))
    """
    type = type_of("unstack", "x", x)
    if not type.ndim:
        raise value_error(f"unstack: `x` must have an axis, got {type!r}.")
    at = as_axis("unstack", axis, type.ndim)
    if not type.shape[at]:
        return ()
    return tuple(_unstack(x, at))


@jit_when_eager(static_argnames=("axis",))
def _unstack(x: Any, axis: int) -> Any:
    pieces = lax.split(x, [1] * typeof(x).shape[axis], axis)
    return [lax.squeeze(piece, (axis,)) for piece in pieces]

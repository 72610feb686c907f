"""Shapes and the order of elements: reshape, transpose, repeat, diagonals."""

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl
from .._ir import ArrayType, as_integer, shown, type_error, value_error
from .._ops._shape import sharding_error
from .._tracing import Tracer, concrete, not_concrete, typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._promotion import type_of

# ---- arguments ---------------------------------------------------------------------


def as_axis(
    function: str, axis: Any, ndim: int, argument: str = "axis", *, of: str = "an array"
) -> int:
    """`axis` counted from the front.

    Args:
        of: what has the `ndim` axes.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not an axis of an array with `ndim` axes.
    """
    try:
        made = operator.index(axis)
    except TypeError:
        if isinstance(axis, Tracer):
            raise not_concrete(axis, "int", f"{function}: `{argument}`") from None
        raise type_error(
            f"{function}: `{argument}` must be an integer, got {shown(axis)}."
        ) from None
    if not -ndim <= made < ndim:
        expected = f"between {-ndim} and {ndim - 1}" if ndim else "absent"
        raise value_error(
            f"{function}: `{argument}` must be {expected} for {of} with {ndim} "
            f"axes, got {made}."
        )
    return made + ndim if made < 0 else made


def as_axes(
    function: str, axes: Any, ndim: int, argument: str = "axis", *, of: str = "an array"
) -> tuple[int, ...]:
    """One axis or several distinct ones, counted from the front."""
    several = isinstance(axes, Sequence | np.ndarray | ArrayImpl) and np.ndim(axes)
    given = tuple(axes) if several else (axes,)
    try:
        made = tuple([as_axis(function, axis, ndim, argument, of=of) for axis in given])
    except TypeError as error:
        if type(error) is not TypeError:  # a tracer says more
            raise
        raise type_error(
            f"{function}: `{argument}` must be an integer or a tuple of them, got "
            f"{shown(axes)}."
        ) from None
    if len(set(made)) != len(made):
        raise value_error(f"{function}: `{argument}` names an axis twice: {given}.")
    return made


def hashable_axes(axes: Any) -> Any:
    """One or several axes as a static argument of a compiled function."""
    if type(axes) is int:
        return axes
    if isinstance(axes, np.ndarray | ArrayImpl):
        axes = axes.tolist()
    return tuple(axes) if isinstance(axes, list | range) else axes


def as_shape(function: str, shape: Any, argument: str = "shape") -> tuple[int, ...]:
    """A user's shape as a tuple of integers.

    Raises:
        TypeError: a size is not an integer, or is traced.
    """
    if isinstance(shape, Tracer) or (
        not isinstance(shape, Sequence | np.ndarray | ArrayImpl)
    ):
        shape = (shape,)
    for size in shape:
        if isinstance(size, Tracer) and concrete(size) is None:
            raise not_concrete(size, "int", function)
    try:
        return tuple([operator.index(size) for size in shape])
    except TypeError:
        raise type_error(
            f"{function}: `{argument}` must be integers, got {shown(shape)}."
        ) from None


def as_array(x: Any) -> Any:
    """`x` as an array of ours: one that is known to be one is returned as it is."""
    if isinstance(x, ArrayImpl | Tracer):
        return x
    type = typeof(x)
    if type.weak_type:
        return lax.broadcast_in_dim(x, (), ())
    return lax.convert_element_type(x, type.dtype)


# ---- reshape -----------------------------------------------------------------------


def reshape(
    a: ArrayLike,
    shape: Any,
    order: str = "C",
    *,
    copy: bool | None = None,
    out_sharding: None = None,
) -> Array:
    """The same elements under another shape.

    Args:
        a: an array of any shape and dtype.
        shape: sizes of the result; one of them may be -1 and is then computed.
        order: "C" reads and writes row by row, "F" column by column.
        copy: makes no difference, because arrays never change.
        out_sharding: must be None.

    Returns:
        An array of shape `shape`.

    Raises:
        ValueError: the numbers of elements differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.reshape(jnp.arange(6), (2, -1)).tolist()
        [[0, 1, 2], [3, 4, 5]]
    """
    if out_sharding is not None:
        raise sharding_error("reshape", "out_sharding", out_sharding)
    type = type_of("reshape", "a", a)
    sizes = _resolved(type, as_shape("reshape", shape))
    if order == "C":
        return lax.reshape(a, sizes)
    if order != "F":
        raise value_error(f"reshape: `order` must be 'C' or 'F', got {order!r}.")
    return _reshape_by_columns(a, sizes)


def _resolved(type: ArrayType, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """`sizes` with -1 replaced, checked against the number of elements."""
    unknown = sizes.count(-1)
    known = math.prod(size for size in sizes if size != -1)
    if unknown == 1 and known and type.size % known == 0:
        return tuple([type.size // known if size == -1 else size for size in sizes])
    if unknown > 1 or any(size < -1 for size in sizes):
        raise value_error(
            f"reshape: `shape` may hold one -1 and no other negative size, got {sizes}."
        )
    if unknown or known != type.size:
        relation = f"{type.size} is no multiple of {known}"
        if not unknown:
            relation = f"{type.size} != {known}"
        raise value_error(
            f"reshape: {type!r} with {type.size} elements can't take the shape {sizes} "
            f"({relation})."
        )
    return sizes


@jit_when_eager(static_argnames=("sizes",))
def _reshape_by_columns(a: Any, sizes: tuple[int, ...]) -> Any:
    backwards = lax.reshape(transpose(a), sizes[::-1])
    return transpose(backwards)


@jit_when_eager(static_argnames=("order", "out_sharding"))
def ravel(a: ArrayLike, order: str = "C", *, out_sharding: None = None) -> Array:
    """All elements in one axis, as `reshape(a, -1)`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ravel(jnp.array([[1, 2], [3, 4]]))
        Array([1, 2, 3, 4], dtype=int32)
    """
    type = type_of("ravel", "a", a)
    return reshape(a, (type.size,), order, out_sharding=out_sharding)


def resize(a: ArrayLike, new_shape: Any) -> Array:
    """An array of another shape, filled with the elements of `a` again and again.

    Args:
        a: an array of any shape; it is read row by row.
        new_shape: shape of the result.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.resize(jnp.array([1, 2, 3]), (2, 2))
        Array([[1, 2],
               [3, 1]], dtype=int32)
    """
    sizes = as_shape("resize", new_shape, "new_shape")
    type = type_of("resize", "a", a)
    if any(size < 0 for size in sizes):
        raise value_error(f"resize: sizes must not be negative, got {sizes}.")
    size = math.prod(sizes)
    if not size or not type.size:
        return lax.full(sizes, 0, type.dtype)
    return _resize(a, sizes)


@jit_when_eager(static_argnames=("sizes",))
def _resize(a: Any, sizes: tuple[int, ...]) -> Any:
    size = math.prod(sizes)
    flat = lax.reshape(a, (typeof(a).size,))
    repeated = _tile_leading(flat, -(-size // typeof(a).size))
    return lax.reshape(lax.slice(repeated, (0,), (size,)), sizes)


def _tile_leading(x: Any, count: int) -> Any:
    shape = typeof(x).shape
    return lax.reshape(lax.broadcast(x, (count,)), (count * shape[0], *shape[1:]))


# ---- axes --------------------------------------------------------------------------


def transpose(a: ArrayLike, axes: Any = None) -> Array:
    """Permute the axes of an array; reverse their order by default.

    Args:
        a: an array of any shape.
        axes: axis `i` of the result is axis `axes[i]` of `a`.

    Raises:
        ValueError: `axes` is no permutation of the axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.transpose(jnp.array([[1, 2], [3, 4]]))
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    ndim = type_of("transpose", "a", a).ndim
    if axes is None:
        return lax.transpose(a, tuple(range(ndim))[::-1])
    order = as_axes("transpose", axes, ndim, "axes")
    if len(order) != ndim:
        raise value_error(
            f"transpose: `axes` must name each of the {ndim} axes of {typeof(a)!r} "
            f"once, got {tuple(axes)}."
        )
    return lax.transpose(a, order)


def permute_dims(a: ArrayLike, /, axes: Any) -> Array:
    """`transpose` under its name in the array API standard.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.permute_dims(jnp.zeros((1, 2, 3)), (2, 0, 1)).shape
        (3, 1, 2)
    """
    return transpose(a, axes)


def matrix_transpose(x: ArrayLike, /) -> Array:
    """Swap the last two axes.

    Raises:
        ValueError: `x` has fewer than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.matrix_transpose(jnp.zeros((5, 2, 3))).shape
        (5, 3, 2)
    """
    ndim = type_of("matrix_transpose", "x", x).ndim
    if ndim < 2:
        raise value_error(
            f"matrix_transpose: `x` must have at least two axes, got {typeof(x)!r}."
        )
    return swapaxes(x, -1, -2)


def swapaxes(a: ArrayLike, axis1: int, axis2: int) -> Array:
    """Exchange two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.swapaxes(jnp.zeros((1, 2, 3)), 0, 2).shape
        (3, 2, 1)
    """
    return _swapaxes(a, hashable_axes(axis1), hashable_axes(axis2))


@jit_when_eager(name="swapaxes", static_argnames=("axis1", "axis2"))
def _swapaxes(a: Any, axis1: Any, axis2: Any) -> Any:
    ndim = type_of("swapaxes", "a", a).ndim
    first = as_axis("swapaxes", axis1, ndim, "axis1")
    second = as_axis("swapaxes", axis2, ndim, "axis2")
    order = list(range(ndim))
    order[first], order[second] = second, first
    return lax.transpose(a, order)


def moveaxis(a: ArrayLike, source: Any, destination: Any) -> Array:
    """Move axes to other places; the others stay in order.

    Args:
        a: an array of any shape.
        source: the axes to move, one or several.
        destination: where each of them stands in the result.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.moveaxis(jnp.zeros((2, 3, 4)), 0, -1).shape
        (3, 4, 2)
    """
    return _moveaxis(a, hashable_axes(source), hashable_axes(destination))


@jit_when_eager(name="moveaxis", static_argnames=("source", "destination"))
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    ndim = type_of("moveaxis", "a", a).ndim
    sources = as_axes("moveaxis", source, ndim, "source")
    destinations = as_axes("moveaxis", destination, ndim, "destination")
    if len(sources) != len(destinations):
        raise value_error(
            "moveaxis: `source` and `destination` must name equally many axes, got "
            f"{source} and {destination}."
        )
    order = [axis for axis in range(ndim) if axis not in sources]
    for to, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(to, axis)
    return lax.transpose(a, order)


def rollaxis(a: ArrayLike, axis: int, start: int = 0) -> Array:
    """Move an axis to stand before the axis that is now at `start`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.rollaxis(jnp.zeros((1, 2, 3)), 2).shape
        (3, 1, 2)
    """
    ndim = type_of("rollaxis", "a", a).ndim
    source = as_axis("rollaxis", axis, ndim)
    if not -ndim <= start <= ndim:
        raise value_error(
            f"rollaxis: `start` must be between {-ndim} and {ndim}, got {start}."
        )
    target = start + ndim if start < 0 else start
    return moveaxis(a, source, target - (source < target))


def squeeze(a: ArrayLike, axis: Any = None) -> Array:
    """Remove axes of size 1, all of them by default.

    Raises:
        ValueError: an axis to be removed has another size.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.squeeze(jnp.zeros((1, 3, 1))).shape
        (3,)
    """
    type = type_of("squeeze", "a", a)
    if axis is None:
        axes = tuple(i for i, size in enumerate(type.shape) if size == 1)
    else:
        axes = as_axes("squeeze", axis, type.ndim)
    wrong = [i for i in axes if type.shape[i] != 1]
    if wrong:
        raise value_error(
            f"squeeze: axis {wrong[0]} of {type!r} has size {type.shape[wrong[0]]}; "
            "only axes of size 1 can be removed."
        )
    return lax.squeeze(a, axes)


def expand_dims(a: ArrayLike, axis: Any) -> Array:
    """Insert axes of size 1.

    Args:
        a: an array of any shape.
        axis: where the new axes, one or several, stand in the result.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.expand_dims(jnp.array([1, 2]), 0)
        Array([[1, 2]], dtype=int32)
    """
    given = tuple(axis) if isinstance(axis, Sequence) else (axis,)
    rank = type_of("expand_dims", "a", a).ndim + len(given)
    return lax.expand_dims(a, as_axes("expand_dims", given, rank, of="a result"))


def _at_least(function: str, rank: int, pad: Callable[[int], Sequence[int]]) -> Any:
    def apply(*arys: Any) -> Any:
        made = []
        for array in arys:
            ndim = type_of(function, "arys", array).ndim
            new = pad(ndim) if ndim < rank else ()
            made.append(lax.expand_dims(array, new) if new else as_array(array))
        return made[0] if len(made) == 1 else made

    return apply


_with_one_axis = _at_least("atleast_1d", 1, lambda ndim: (0,))
_with_two_axes = _at_least("atleast_2d", 2, lambda ndim: (0, 1) if not ndim else (0,))
_with_three_axes = _at_least("atleast_3d", 3, lambda n: ((0, 1, 2), (0, 2), (2,))[n])


def atleast_1d(*arys: ArrayLike) -> Array | list[Array]:
    """Arrays with at least one axis; one array, or a list of several.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.atleast_1d(jnp.array(3.0))
        Array([3.], dtype=float32, weak_type=True)
    """
    return _with_one_axis(*arys)


def atleast_2d(*arys: ArrayLike) -> Array | list[Array]:
    """Arrays with at least two axes; the new ones stand in front.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.atleast_2d(jnp.array([1, 2]))
        Array([[1, 2]], dtype=int32)
    """
    return _with_two_axes(*arys)


def atleast_3d(*arys: ArrayLike) -> Array | list[Array]:
    """Arrays with at least three axes: ``[n]`` becomes ``[1, n, 1]``, as in NumPy.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.atleast_3d(jnp.array([1, 2])).shape
        (1, 2, 1)
    """
    return _with_three_axes(*arys)


# ---- broadcast ---------------------------------------------------------------------


def broadcast_to(array: ArrayLike, shape: Any, *, out_sharding: None = None) -> Array:
    """Repeat an array along new leading axes and axes of size 1.

    Args:
        array: an array of any dtype.
        shape: sizes of the result.
        out_sharding: must be None.

    Raises:
        ValueError: a size of `array`, counted from the last, is neither 1 nor that of
            `shape`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.broadcast_to(jnp.array([1, 2]), (2, 2))
        Array([[1, 2],
               [1, 2]], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("broadcast_to", "out_sharding", out_sharding)
    type = type_of("broadcast_to", "array", array)
    sizes = as_shape("broadcast_to", shape)
    fits = type.ndim <= len(sizes) and all(
        a in (1, b) for a, b in zip(type.shape[::-1], sizes[::-1], strict=False)
    )
    if not fits:
        raise value_error(
            f"broadcast_to: {type!r} does not broadcast to the shape {sizes}.",
            "Sizes of an axis, counted from the last, must be equal or 1.",
        )
    first = len(sizes) - type.ndim
    return lax.broadcast_in_dim(array, sizes, tuple(range(first, len(sizes))))


def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of these shapes broadcast to.

    Raises:
        ValueError: they don't.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    return lax.broadcast_shapes(
        *[as_shape("broadcast_shapes", shape, "shapes") for shape in shapes]
    )


def broadcast_arrays(*args: ArrayLike) -> list[Array]:
    """The arrays, each broadcast to their common shape.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [x.shape for x in jnp.broadcast_arrays(jnp.zeros(3), jnp.zeros((2, 1)))]
        [(2, 3), (2, 3)]
    """
    shapes = [type_of("broadcast_arrays", "args", x).shape for x in args]
    shape = broadcast_shapes(*shapes)
    return [broadcast_to(x, shape) for x in args]


# ---- order -------------------------------------------------------------------------


def flip(m: ArrayLike, axis: Any = None) -> Array:
    """Reverse the order of the elements along all axes, or the given ones.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.flip(jnp.array([[1, 2], [3, 4]]), axis=1)
        Array([[2, 1],
               [4, 3]], dtype=int32)
    """
    ndim = type_of("flip", "m", m).ndim
    axes = range(ndim) if axis is None else as_axes("flip", axis, ndim)
    return lax.rev(m, tuple(axes))


def fliplr(m: ArrayLike) -> Array:
    """Reverse the order along axis 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fliplr(jnp.array([[1, 2], [3, 4]]))
        Array([[2, 1],
               [4, 3]], dtype=int32)
    """
    if type_of("fliplr", "m", m).ndim < 2:
        raise value_error(f"fliplr: `m` must have two axes, got {typeof(m)!r}.")
    return flip(m, 1)


def flipud(m: ArrayLike) -> Array:
    """Reverse the order along axis 0.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.flipud(jnp.array([[1, 2], [3, 4]]))
        Array([[3, 4],
               [1, 2]], dtype=int32)
    """
    if type_of("flipud", "m", m).ndim < 1:
        raise value_error(f"flipud: `m` must have an axis, got {typeof(m)!r}.")
    return flip(m, 0)


def rot90(m: ArrayLike, k: int = 1, axes: Any = (0, 1)) -> Array:
    """Rotate by `k` quarter turns in the plane of two axes.

    The rotation goes from the first of `axes` towards the second.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.rot90(jnp.array([[1, 2], [3, 4]]))
        Array([[2, 4],
               [1, 3]], dtype=int32)
    """
    ndim = type_of("rot90", "m", m).ndim
    first, second = as_axes("rot90", axes, ndim, "axes")
    return _rot90(m, as_integer("rot90", "k", k) % 4, first, second)


@jit_when_eager(static_argnames=("k", "first", "second"))
def _rot90(m: Any, k: int, first: int, second: int) -> Any:
    if k == 0:
        return m
    if k == 2:
        return flip(m, (first, second))
    swapped = swapaxes(m, first, second)
    return flip(swapped, first if k == 1 else second)


def roll(a: ArrayLike, shift: Any, axis: Any = None) -> Array:
    """Shift elements along axes; what leaves at the end comes back at the start.

    Args:
        a: an array of any shape.
        shift: by how many places, one number or one for each axis; may be traced.
        axis: one axis or several; by default the flattened array is rolled.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.roll(jnp.arange(4), 1)
        Array([3, 0, 1, 2], dtype=int32)
    """
    type = type_of("roll", "a", a)
    if axis is None:
        return reshape(roll(ravel(a), shift, 0), type.shape)
    axes = [axis] if not isinstance(axis, Sequence) else list(axis)
    axes = [as_axis("roll", i, type.ndim) for i in axes]
    if isinstance(shift, ArrayImpl | Tracer | np.ndarray) and typeof(shift).ndim:
        from ._indexing import getitem

        shifts = [getitem(shift, i) for i in range(typeof(shift).shape[0])]
    else:
        shifts = list(shift) if isinstance(shift, Sequence) else [shift]
    if len(shifts) != len(axes) and 1 in (len(shifts), len(axes)):
        count = max(len(shifts), len(axes))
        shifts = shifts * (count // len(shifts))
        axes = axes * (count // len(axes))
    if len(shifts) != len(axes):
        raise value_error(
            f"roll: `shift` and `axis` must match, got {len(shifts)} shifts and "
            f"{len(axes)} axes."
        )
    return _roll(a, shifts, axes=tuple(axes))


@jit_when_eager(static_argnames=("axes",))
def _roll(a: Any, shifts: list[Any], *, axes: tuple[int, ...]) -> Any:
    shape = typeof(a).shape
    for shift, axis in zip(shifts, axes, strict=True):
        size = shape[axis]
        if not size:
            continue
        if isinstance(shift, int):
            start = -shift % size
            if start:
                tail = lax.slice_in_dim(a, start, size, axis=axis)
                head = lax.slice_in_dim(a, 0, start, axis=axis)
                a = lax.concatenate([tail, head], axis)
            continue
        turns = lax.convert_element_type(shift, np.dtype("int32"))
        # The truncating remainder of a negative shift is negative; bring it above 0.
        back = lax.rem(turns, np.int32(size))
        start = lax.rem(lax.sub(np.int32(size), back), np.int32(size))
        twice = lax.concatenate([a, a], axis)
        a = lax.dynamic_slice_in_dim(twice, start, size, axis)
    return a


# ---- repetition --------------------------------------------------------------------


def tile(A: ArrayLike, reps: Any) -> Array:
    """Repeat an array as a whole, `reps[i]` times along axis `i`.

    Args:
        A: an array of any shape.
        reps: one number, or one for each axis; the shorter of shape and `reps` is
            filled with ones in front.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tile(jnp.arange(2), (2, 2)).tolist()
        [[0, 1, 0, 1], [0, 1, 0, 1]]
    """
    type_of("tile", "A", A)
    counts = as_shape("tile", reps, "reps")
    if any(count < 0 for count in counts):
        raise value_error(f"tile: `reps` must not be negative, got {counts}.")
    return _tile(A, counts)


@jit_when_eager(static_argnames=("counts",))
def _tile(a: Any, counts: tuple[int, ...]) -> Any:
    shape = typeof(a).shape
    rank = max(len(shape), len(counts))
    shape = (1,) * (rank - len(shape)) + shape
    counts = (1,) * (rank - len(counts)) + counts
    if all(count == 1 for count in counts):
        return lax.reshape(a, shape)
    pairs = [n for pair in zip(counts, shape, strict=True) for n in pair]
    placed = range(2 * rank - 2 * typeof(a).ndim + 1, 2 * rank, 2)
    spread = lax.broadcast_in_dim(a, pairs, tuple(placed))
    return lax.reshape(spread, tuple(c * n for c, n in zip(counts, shape, strict=True)))


def repeat(
    a: ArrayLike,
    repeats: Any,
    axis: int | None = None,
    *,
    total_repeat_length: int | None = None,
    out_sharding: None = None,
) -> Array:
    """Repeat each element along an axis.

    Args:
        a: an array of any shape.
        repeats: how often, one number or an integer array with one for each element
            along `axis`.
        axis: by default the array is flattened first.
        total_repeat_length: size of the result along `axis`. Needed if `repeats` is
            traced; the result is cut there, or filled with the last element.
        out_sharding: must be None.

    Raises:
        ConcretizationTypeError: `repeats` is traced and no total is given.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.repeat(jnp.array([3, 4]), jnp.array([1, 2])).tolist()
        [3, 4, 4]
    """
    if out_sharding is not None:
        raise sharding_error("repeat", "out_sharding", out_sharding)
    type = type_of("repeat", "a", a)
    if axis is None:
        return repeat(ravel(a), repeats, 0, total_repeat_length=total_repeat_length)
    if type.ndim == 0:
        raise value_error("repeat: `axis` must be None for an array without axes.")
    axis = as_axis("repeat", axis, type.ndim)
    size = type.shape[axis]
    if isinstance(repeats, list | tuple):
        repeats = np.asarray(repeats, None if repeats else np.int32)
    known = concrete(repeats)
    if known is not None and total_repeat_length is None:
        counts = np.asarray(known)
        if counts.dtype.kind not in "iu":
            raise type_error(f"repeat: `repeats` must be integers, got {counts.dtype}.")
        if np.any(counts < 0):
            raise value_error(
                "repeat: `repeats` must not be negative, got "
                f"{', '.join(map(str, counts[counts < 0][:3]))}."
            )
        if counts.size == 1:
            return _repeat_each(a, int(counts.reshape(())), axis)
        if counts.shape != (size,):
            raise value_error(
                f"repeat: `repeats` must hold one number for each of the {size} "
                f"elements along axis {axis} of {type!r}, got shape {counts.shape}."
            )
        places = np.repeat(np.arange(size, dtype=np.int32), counts)
        return _take_along(a, places, axis)
    if total_repeat_length is None:
        raise not_concrete(
            repeats,
            "int",
            "repeat: `repeats`",
            "Pass `total_repeat_length`, the size of the result along `axis`.",
        )
    total = as_integer("repeat", "total_repeat_length", total_repeat_length)
    return _repeat_total(a, repeats, axis=axis, total=total)


@jit_when_eager(static_argnames=("count", "axis"))
def _repeat_each(a: Any, count: int, axis: int) -> Any:
    shape = typeof(a).shape
    spread = (*shape[: axis + 1], count, *shape[axis + 1 :])
    kept = (*range(axis + 1), *range(axis + 2, len(spread)))
    wide = lax.broadcast_in_dim(a, spread, kept)
    return lax.reshape(wide, (*shape[:axis], shape[axis] * count, *shape[axis + 1 :]))


def _take_along(a: Any, places: Any, axis: int) -> Any:
    from ._indexing import getitem

    key = (slice(None),) * axis + (places,)
    return getitem(as_array(a), key)


@jit_when_eager(static_argnames=("axis", "total"))
def _repeat_total(a: Any, repeats: Any, *, axis: int, total: int) -> Any:
    size = typeof(a).shape[axis]
    counts = lax.convert_element_type(repeats, np.dtype("int32"))
    if typeof(counts).shape != (size,):
        counts = lax.broadcast_in_dim(lax.reshape(counts, ()), (size,), ())
    # Element i of the result comes from the first place whose ends exceed i.
    ends = lax.cumsum(counts, 0)
    index = lax.broadcasted_iota("int32", (total, size), 0)
    below = lax.le(lax.broadcast_in_dim(ends, (total, size), (1,)), index)
    places = lax.reduce_sum(lax.convert_element_type(below, np.dtype("int32")), (1,))
    return _take_along(a, places, axis)


# ---- diagonals ---------------------------------------------------------------------


def diagonal(a: ArrayLike, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Array:
    """Diagonals of the matrices in two axes.

    Args:
        a: ``[..., n, m]`` with the two axes anywhere.
        offset: how far above the main diagonal; negative is below.
        axis1: the axis of rows.
        axis2: the axis of columns.

    Returns:
        ``[..., k]``: the diagonal is the last axis, the other axes keep their order.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diagonal(jnp.arange(9).reshape(3, 3), 1).tolist()
        [1, 5]
    """
    ndim = type_of("diagonal", "a", a).ndim
    if ndim < 2:
        raise value_error(
            f"diagonal: `a` must have at least two axes, got {typeof(a)!r}."
        )
    rows = as_axis("diagonal", axis1, ndim, "axis1")
    columns = as_axis("diagonal", axis2, ndim, "axis2")
    if rows == columns:
        raise value_error(f"diagonal: `axis1` and `axis2` are both axis {rows}.")
    return _diagonal(a, as_integer("diagonal", "offset", offset), rows, columns)


@jit_when_eager(static_argnames=("offset", "rows", "columns"))
def _diagonal(a: Any, offset: int, rows: int, columns: int) -> Any:
    a = moveaxis(a, (rows, columns), (-2, -1))
    *outer, n, m = typeof(a).shape
    start = offset if offset >= 0 else -offset * m
    count = max(0, min(n, m - offset) if offset >= 0 else min(n + offset, m))
    # In row-major order the elements of a diagonal are m + 1 apart.
    flat = lax.reshape(a, (*outer, n * m))
    axis = len(outer)
    if not count:
        return lax.slice_in_dim(flat, 0, 0, axis=axis)
    stop = start + (count - 1) * (m + 1) + 1
    return lax.slice_in_dim(flat, start, stop, m + 1, axis)


def diag(v: ArrayLike, k: int = 0) -> Array:
    """The diagonal of a matrix, or the matrix with a given diagonal.

    Args:
        v: ``[n, m]``, or ``[n]``.
        k: how far above the main diagonal; negative is below.

    Returns:
        ``[j]``, or a square matrix with `v` on diagonal `k` and zeros elsewhere.

    Raises:
        ValueError: `v` has neither one nor two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diag(jnp.array([1, 2])), jnp.diag(jnp.array([[1, 2], [3, 4]]))
        (Array([[1, 0],
               [0, 2]], dtype=int32), Array([1, 4], dtype=int32))
    """
    ndim, offset = type_of("diag", "v", v).ndim, as_integer("diag", "k", k)
    if ndim == 2:
        return diagonal(v, offset)
    if ndim == 1:
        return _diag(v, offset)
    raise value_error(f"diag: `v` must have one or two axes, got {typeof(v)!r}.")


@jit_when_eager(static_argnames=("k",))
def _diag(v: Any, k: int) -> Any:
    (n,) = typeof(v).shape
    size = n + abs(k)
    zero = np.zeros((), typeof(v).dtype)
    if not n:
        return lax.full((size, size), 0, typeof(v).dtype)
    # Element i stands at row-major place start + i * (size + 1).
    start = k if k >= 0 else -k * size
    end = size * size - (start + (n - 1) * (size + 1) + 1)
    flat = lax.pad(v, zero, [(start, end, size)])
    return lax.reshape(flat, (size, size))


def diagflat(v: ArrayLike, k: int = 0) -> Array:
    """The matrix with the elements of `v`, flattened, on diagonal `k`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.diagflat(jnp.array([1, 2]), 1)
        Array([[0, 1, 0],
               [0, 0, 2],
               [0, 0, 0]], dtype=int32)
    """
    type_of("diagflat", "v", v)
    return diag(ravel(v), k)


def trace(
    a: ArrayLike,
    offset: int = 0,
    axis1: int = 0,
    axis2: int = 1,
    dtype: Any = None,
    out: None = None,
) -> Array:
    """Sum of a diagonal.

    Args:
        a: ``[..., n, m]`` with the two axes anywhere.
        offset: how far above the main diagonal.
        axis1: the axis of rows.
        axis2: the axis of columns.
        dtype: in which to sum; by default as for `sum`.
        out: must be None.

    Returns:
        The sums, in the shape of the other axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.trace(jnp.array([[1, 2], [3, 4]]))
        Array(5, dtype=int32)
    """
    from ._reductions import sum as asum

    if out is not None:
        raise NotImplementedError("trace: `out` is not supported; arrays never change.")
    return asum(diagonal(a, offset, axis1, axis2), axis=-1, dtype=dtype)

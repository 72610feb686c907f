"""Operations that move elements without computing: broadcast, reshape, transpose.

Each linear operation stands beside the one that transposes it.
"""

import itertools
import math
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from .._backend import ArrayImpl
from .._ir import (
    ArrayType,
    Primitive,
    as_integer,
    as_integers,
    not_integers,
    value_error,
)
from .._lowering import mlir
from .._tracing import Tracer, bind, typeof

# ---- arguments ---------------------------------------------------------------------


def as_axis(function: str, axis: Any, ndim: int, argument: str = "dimension") -> int:
    """`axis` counted from the front.

    Raises:
        TypeError: it is not an integer.
        ValueError: it is not an axis of an array with `ndim` axes.
    """
    made = axis if type(axis) is int else as_integer(function, argument, axis)
    if not -ndim <= made < ndim:
        if not ndim:
            raise value_error(
                f"{function}: `{argument}` is {made}, but the operand has no axes."
            )
        raise value_error(
            f"{function}: `{argument}` must be between {-ndim} and {ndim - 1} for an "
            f"operand with {ndim} axes, got {made}."
        )
    return made + ndim if made < 0 else made


def as_axes(
    function: str, axes: Any, ndim: int, argument: str = "dimensions"
) -> tuple[int, ...]:
    """Distinct axes counted from the front, in the order given.

    Raises:
        TypeError: it is no sequence of integers.
        ValueError: one is out of range or given twice.
    """
    if not isinstance(axes, Iterable):
        raise not_integers(function, argument, axes)
    made = tuple([as_axis(function, axis, ndim, argument) for axis in axes])
    if len(set(made)) != len(made):
        raise value_error(
            f"{function}: `{argument}` must be distinct, got {tuple(axes)}."
        )
    return made


def is_array(x: Any) -> bool:
    """Whether `x` is an array of ours already, so a no-op may return it as it is."""
    return type(x) is ArrayImpl or isinstance(x, Tracer)


def batch_size(args: Sequence[Any], axes: Sequence[int | None]) -> int:
    """Size of the batch axis."""
    return next(
        typeof(arg).shape[axis]
        for arg, axis in zip(args, axes, strict=True)
        if axis is not None
    )


def batched_first(x: Any, axis: int | None, size: int) -> Any:
    """`x` with its batch axis in front, added by broadcasting where there is none."""
    if axis is None:
        return broadcast(x, (size,))
    return move_axis(x, axis, 0)


def sharding_error(function: str, argument: str, sharding: Any) -> ValueError:
    """What an operation answers that is asked for a sharding."""
    return value_error(
        f"{function}: `{argument}` must be None, as arrays lie on one device each, "
        f"got {sharding!r}.",
        "Place the result with `dolmen.core.device_put`.",
    )


# ---- broadcast ---------------------------------------------------------------------


def broadcast(operand: Any, sizes: Sequence[int], *, out_sharding: None = None) -> Any:
    """Repeat an array along new leading axes.

    Args:
        operand: any shape and dtype.
        sizes: sizes of the new axes.
        out_sharding: must be None.

    Returns:
        An array of shape ``(*sizes, *operand.shape)``.

    Example:
        >>> from dolmen.core import lax
        >>> lax.broadcast(1.0, (2, 3)).shape
        (2, 3)
    """
    if out_sharding is not None:
        raise sharding_error("broadcast", "out_sharding", out_sharding)
    leading = as_integers("broadcast", "sizes", sizes)
    if not leading and is_array(operand):
        return operand
    shape = typeof(operand).shape
    dimensions = tuple(range(len(leading), len(leading) + len(shape)))
    return bind(BroadcastInDim(leading + shape, dimensions), operand)


def broadcast_in_dim(
    operand: Any,
    shape: Sequence[int],
    broadcast_dimensions: Sequence[int],
    *,
    out_sharding: None = None,
) -> Any:
    """Repeat an array along new axes and axes of size 1.

    Args:
        operand: any shape and dtype.
        shape: shape of the result.
        broadcast_dimensions: for each axis of `operand`, in increasing order, the axis
            of the result it becomes; sizes must agree or be 1 in the operand.
        out_sharding: must be None.

    Returns:
        An array of shape `shape`.

    Raises:
        ValueError: an axis is missing, out of order or of the wrong size.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.broadcast_in_dim(jnp.array([1, 2]), (2, 3), (0,))
        Array([[1, 1, 1],
               [2, 2, 2]], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("broadcast_in_dim", "out_sharding", out_sharding)
    shape, dimensions = (
        as_integers("broadcast_in_dim", "shape", shape),
        as_integers("broadcast_in_dim", "broadcast_dimensions", broadcast_dimensions),
    )
    if is_array(operand) and operand.shape == shape and len(dimensions) == len(shape):
        return operand
    return bind(BroadcastInDim(shape, dimensions), operand)


class BroadcastInDim(Primitive):
    """Axis `i` of the operand becomes axis `broadcast_dimensions[i]` of `shape`."""

    shape: tuple[int, ...]
    broadcast_dimensions: tuple[int, ...]

    cheap: ClassVar[bool] = True

    def fuses(self) -> bool:
        return True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        dims = self.broadcast_dimensions
        given = f"got {x!r}, shape={self.shape}, broadcast_dimensions={dims}."
        if len(dims) != x.ndim:
            raise value_error(
                "broadcast_in_dim: `broadcast_dimensions` must name one result axis "
                f"for each of the operand's {x.ndim} axes, {given}"
            )
        increasing = all(a < b for a, b in itertools.pairwise(dims))
        if not increasing or any(not 0 <= d < len(self.shape) for d in dims):
            raise value_error(
                "broadcast_in_dim: `broadcast_dimensions` must increase and lie within "
                f"the result's {len(self.shape)} axes, {given}",
                "Permute the operand with `transpose` first.",
            )
        if any(n not in (1, self.shape[d]) for n, d in zip(x.shape, dims, strict=True)):
            raise value_error(
                "broadcast_in_dim: each operand axis must have size 1 or the size of "
                f"its result axis, {given}"
            )
        if any(n < 0 for n in self.shape):
            raise value_error(f"broadcast_in_dim: sizes must not be negative, {given}")
        return x.with_shape(self.shape)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        from ._reductions import reduce_sum

        (ct,), (x,) = cotangents, args
        own = {
            d
            for n, d in zip(x.type.shape, self.broadcast_dimensions, strict=True)
            if n == self.shape[d]
        }
        repeated = tuple(d for d in range(len(self.shape)) if d not in own)
        if repeated:
            ct = reduce_sum(ct, repeated)
        return [reshape(ct, x.type.shape)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        x = move_axis(x, axis, 0)
        dimensions = (0, *(d + 1 for d in self.broadcast_dimensions))
        return broadcast_in_dim(x, (x.shape[0], *self.shape), dimensions), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        dimensions = mlir.int_array(self.broadcast_dimensions)
        return builder.emit("broadcast_in_dim", args, broadcast_dimensions=dimensions)


def broadcast_like(arr: Any, like_arr: Any) -> Any:
    """Repeat an array along leading axes and axes of size 1, as NumPy broadcasts.

    Args:
        arr: any shape and dtype.
        like_arr: an array whose shape `arr` is given.

    Returns:
        An array of the dtype of `arr` and the shape of `like_arr`.

    Raises:
        ValueError: `arr` does not broadcast to that shape.

    Example:
        >>> from dolmen.core import lax
        >>> lax.broadcast_like(lax.iota("int32", 2), lax.full((2, 2), 0.0)).tolist()
        [[0, 1], [0, 1]]
    """
    x, shape = typeof(arr), typeof(like_arr).shape
    new = len(shape) - x.ndim
    if new < 0 or any(
        n not in (1, m) for n, m in zip(x.shape, shape[new:], strict=True)
    ):
        raise value_error(
            f"broadcast_like: `arr` must broadcast to the shape of `like_arr`, got "
            f"{x!r} and {typeof(like_arr)!r}."
        )
    return broadcast_in_dim(arr, shape, tuple(range(new, len(shape))))


def broadcast_shapes(*shapes: Sequence[int]) -> tuple[int, ...]:
    """Shape that arrays of these shapes broadcast to, by NumPy's rule.

    Raises:
        ValueError: two sizes of one axis differ and neither is 1.

    Example:
        >>> from dolmen.core import lax
        >>> lax.broadcast_shapes((2, 1), (3,))
        (2, 3)
    """
    if len(shapes) == 1:
        return as_integers("broadcast_shapes", "shapes", shapes[0])
    rank = max(map(len, shapes), default=0)
    sizes = [1] * rank
    for shape in shapes:
        for axis, size in enumerate(
            as_integers("broadcast_shapes", "shapes", shape), rank - len(shape)
        ):
            if sizes[axis] == 1:
                sizes[axis] = size
            elif size not in (1, sizes[axis]):
                raise value_error(
                    "broadcast_shapes: sizes of an axis, counted from the last, must "
                    "be equal or 1, got shapes "
                    f"{', '.join(str(tuple(s)) for s in shapes)}."
                )
    return tuple(sizes)


def broadcast_to_rank(x: Any, rank: int) -> Any:
    """`x` with leading axes of size 1 up to `rank` axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.broadcast_to_rank(jnp.array([1, 2]), 3).shape
        (1, 1, 2)
    """
    ndim = typeof(x).ndim
    if ndim > rank:
        raise value_error(
            f"broadcast_to_rank: `rank` must be at least the {ndim} axes of "
            f"{typeof(x)!r}, got {rank}."
        )
    return expand_dims(x, range(rank - ndim))


# ---- reshape -----------------------------------------------------------------------


def reshape(
    operand: Any,
    new_sizes: Sequence[int],
    dimensions: Sequence[int] | None = None,
    *,
    out_sharding: None = None,
) -> Any:
    """The same elements in row-major order under another shape.

    Args:
        operand: any shape and dtype.
        new_sizes: shape of the result; as many elements as `operand`.
        dimensions: read the axes of `operand` in this order.
        out_sharding: must be None.

    Returns:
        An array of shape `new_sizes`.

    Raises:
        ValueError: the numbers of elements differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reshape(jnp.arange(6), (2, 3))
        Array([[0, 1, 2],
               [3, 4, 5]], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("reshape", "out_sharding", out_sharding)
    if dimensions is not None:
        operand = transpose(operand, dimensions)
    sizes = as_integers("reshape", "new_sizes", new_sizes)
    if is_array(operand) and operand.shape == sizes:
        return operand
    return bind(Reshape(sizes), operand)


class Reshape(Primitive):
    """Row-major elements under the shape `new_sizes`."""

    new_sizes: tuple[int, ...]

    cheap: ClassVar[bool] = True

    def fuses(self) -> bool:
        return True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        sizes = self.new_sizes
        if any(n < 0 for n in sizes):
            raise value_error(
                "reshape: sizes must not be negative, got "
                f"{x!r} and new_sizes={sizes}.",
                "Use `jnp.reshape`, which infers a size given as -1.",
            )
        if math.prod(sizes) != x.size:
            raise value_error(
                f"reshape: the number of elements must stay the same, got {x!r} with "
                f"{x.size} elements and new_sizes={sizes} with {math.prod(sizes)}."
            )
        return x.with_shape(sizes)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x,) = cotangents, args
        return [reshape(ct, x.type.shape)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        x = move_axis(x, axis, 0)
        return reshape(x, (x.shape[0], *self.new_sizes)), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.emit("reshape", args)


def collapse(
    operand: Any, start_dimension: int, stop_dimension: int | None = None
) -> Any:
    """Merge the axes from `start_dimension` up to `stop_dimension` into one.

    Example:
        >>> from dolmen.core import lax
        >>> lax.collapse(lax.full((2, 3, 4), 0.0), 1).shape
        (2, 12)
    """
    shape = typeof(operand).shape
    start, stop, _ = slice(start_dimension, stop_dimension).indices(len(shape))
    if stop < start:
        raise value_error(
            f"collapse: `stop_dimension` must not come before `start_dimension`, got "
            f"{start_dimension} and {stop_dimension} for {typeof(operand)!r}."
        )
    return reshape(
        operand, (*shape[:start], math.prod(shape[start:stop]), *shape[stop:])
    )


def expand_dims(array: Any, dimensions: Sequence[int]) -> Any:
    """Insert axes of size 1.

    Args:
        array: any shape and dtype.
        dimensions: where the new axes stand in the result; negative ones count from
            its end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.expand_dims(jnp.array([1, 2]), (0, 2)).shape
        (1, 2, 1)
    """
    shape = typeof(array).shape
    given = tuple(dimensions)
    if not given and is_array(array):
        return array
    rank = len(shape) + len(given)
    new = set(as_axes("expand_dims", given, rank))
    old = tuple(axis for axis in range(rank) if axis not in new)
    sizes = iter(shape)
    made = tuple(1 if axis in new else next(sizes) for axis in range(rank))
    return bind(BroadcastInDim(made, old), array)


def squeeze(array: Any, dimensions: Sequence[int]) -> Any:
    """Remove axes of size 1.

    Args:
        array: any shape and dtype.
        dimensions: the axes to remove; negative ones count from the end.

    Raises:
        ValueError: an axis to remove is not of size 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.squeeze(jnp.zeros((1, 3, 1)), (0,)).shape
        (3, 1)
    """
    axes = as_axes("squeeze", dimensions, typeof(array).ndim)
    if not axes and is_array(array):
        return array
    return bind(Squeeze(tuple(sorted(axes))), array)


class Squeeze(Primitive):
    """The operand without its axes `dimensions`, all of size 1."""

    dimensions: tuple[int, ...]

    cheap: ClassVar[bool] = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        if any(x.shape[d] != 1 for d in self.dimensions):
            raise value_error(
                f"squeeze: the removed axes must have size 1, got {x!r} and "
                f"dimensions={self.dimensions}."
            )
        kept = (n for d, n in enumerate(x.shape) if d not in self.dimensions)
        return x.with_shape(tuple(kept))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x,) = cotangents, args
        return [reshape(ct, x.type.shape)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None
        dimensions = tuple(d + (d >= axis) for d in self.dimensions)
        return squeeze(x, dimensions), axis - sum(d < axis for d in dimensions)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.emit("reshape", args)


def tile(operand: Any, reps: Sequence[int]) -> Any:
    """Repeat an array as a whole along each of its axes.

    Args:
        operand: any shape and dtype.
        reps: how often along each axis; further numbers in front make new axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.tile(jnp.array([[1, 2]]), (2, 2))
        Array([[1, 2, 1, 2],
               [1, 2, 1, 2]], dtype=int32)
    """
    counts = as_integers("tile", "reps", reps)
    shape = typeof(operand).shape
    if len(counts) < len(shape) or any(count < 0 for count in counts):
        raise value_error(
            "tile: `reps` must hold a non-negative number for each of the operand's "
            f"{len(shape)} axes, got {counts} for {typeof(operand)!r}."
        )
    shape = (1,) * (len(counts) - len(shape)) + shape
    pairs = [size for pair in zip(counts, shape, strict=True) for size in pair]
    places = range(1, 2 * len(shape), 2)
    repeated = broadcast_in_dim(reshape(operand, shape), pairs, places)
    return reshape(repeated, [c * n for c, n in zip(counts, shape, strict=True)])


# ---- order of axes and elements ----------------------------------------------------


def transpose(operand: Any, permutation: Sequence[int]) -> Any:
    """Permute axes.

    Args:
        operand: any shape and dtype.
        permutation: axis `i` of the result is axis `permutation[i]` of `operand`.

    Raises:
        ValueError: `permutation` is no permutation of the axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.transpose(jnp.zeros((1, 2, 3)), (2, 0, 1)).shape
        (3, 1, 2)
    """
    axes = as_integers("transpose", "permutation", permutation)
    if is_array(operand) and axes == tuple(range(operand.ndim)):
        return operand
    return bind(Transpose(axes), operand)


class Transpose(Primitive):
    """Axis `i` of the result is axis `permutation[i]` of the operand."""

    permutation: tuple[int, ...]

    cheap: ClassVar[bool] = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        if sorted(self.permutation) != list(range(x.ndim)):
            raise value_error(
                f"transpose: `permutation` must hold each of the {x.ndim} axes of "
                f"{x!r} once, got {self.permutation}."
            )
        return x.with_shape(tuple([x.shape[axis] for axis in self.permutation]))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,) = cotangents
        return [transpose(ct, inverse(self.permutation))]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None
        permutation = (axis, *(p + (p >= axis) for p in self.permutation))
        return transpose(x, permutation), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        permutation = mlir.int_array(self.permutation)
        return builder.emit("transpose", args, permutation=permutation)


def inverse(permutation: tuple[int, ...]) -> tuple[int, ...]:
    """The permutation that undoes another one."""
    return tuple(sorted(range(len(permutation)), key=permutation.__getitem__))


def move_axis(x: Any, source: int | None, destination: int) -> Any:
    """`x` with one axis moved, the others in order."""
    assert source is not None
    if source == destination:
        return x
    axes = list(range(typeof(x).ndim))
    axes.insert(destination, axes.pop(source))
    return transpose(x, axes)


def rev(operand: Any, dimensions: Sequence[int]) -> Any:
    """Reverse the elements along some axes.

    Args:
        operand: any shape and dtype.
        dimensions: the axes to reverse.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.rev(jnp.array([[1, 2], [3, 4]]), (1,))
        Array([[2, 1],
               [4, 3]], dtype=int32)
    """
    axes = as_axes("rev", dimensions, typeof(operand).ndim)
    if not axes and is_array(operand):
        return operand
    return bind(Rev(axes), operand)


class Rev(Primitive):
    """The operand reversed along `dimensions`."""

    dimensions: tuple[int, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        return x

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return [bind(self, *cotangents)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None
        return rev(x, tuple(d + (d >= axis) for d in self.dimensions)), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.emit("reverse", args, dimensions=mlir.int_array(self.dimensions))

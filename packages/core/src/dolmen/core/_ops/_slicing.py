"""Rectangular pieces of arrays: at fixed places, and at places computed at run time."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    array_type,
    as_integer,
    as_integers,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _creation, _gather, _joining, _pad, _shape
from ._shape import as_axis, is_array

# ---- fixed places ------------------------------------------------------------------


def slice(
    operand: Any,
    start_indices: Sequence[int],
    limit_indices: Sequence[int],
    strides: Sequence[int] | None = None,
) -> Any:
    """The elements from `start_indices` up to `limit_indices` of each axis.

    Args:
        operand: any shape and dtype.
        start_indices: first index of each axis, from 0.
        limit_indices: index behind the last of each axis.
        strides: steps of each axis, by default 1.

    Returns:
        An array with ``ceil((limit - start) / stride)`` elements along each axis.

    Raises:
        ValueError: indices lie outside `operand` or a stride is not positive.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.slice(jnp.arange(6), (1,), (6,), (2,))
        Array([1, 3, 5], dtype=int32)
    """
    starts, limits = (
        as_integers("slice", "start_indices", start_indices),
        as_integers("slice", "limit_indices", limit_indices),
    )
    steps = None if strides is None else as_integers("slice", "strides", strides)
    if steps is not None and all(step == 1 for step in steps):
        steps = None
    if is_array(operand) and not steps and limits == operand.shape and not any(starts):
        return operand
    return bind(Slice(starts, limits, steps), operand)


class Slice(Primitive):
    """Elements from `start_indices` up to `limit_indices` in steps of `strides`."""

    start_indices: tuple[int, ...]
    limit_indices: tuple[int, ...]
    strides: tuple[int, ...] | None = None

    @property
    def steps(self) -> tuple[int, ...]:
        """The strides, spelled out."""
        return self.strides or (1,) * len(self.start_indices)

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        starts, limits, steps = self.start_indices, self.limit_indices, self.steps
        given = (
            f"got {x!r} with start_indices={starts}, limit_indices={limits}, "
            f"strides={self.strides}."
        )
        if not x.ndim == len(starts) == len(limits) == len(steps):
            raise value_error(
                f"slice: expected one index for each of the operand's {x.ndim} axes, "
                f"{given}"
            )
        bounds = zip(starts, limits, x.shape, strict=True)
        if any(not 0 <= start <= limit <= n for start, limit, n in bounds):
            raise value_error(
                "slice: indices must satisfy 0 <= start <= limit <= size on every "
                f"axis, {given}",
                "Use indexing (`x[...]`) or `slice_in_dim`, which accept negative "
                "indices.",
            )
        if any(step < 1 for step in steps):
            raise value_error(
                f"slice: strides must be positive, {given}", "Reverse with `rev`."
            )
        shape = tuple(
            -((start - limit) // step)
            for start, limit, step in zip(starts, limits, steps, strict=True)
        )
        return x.with_shape(shape)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x,) = cotangents, args
        config = []
        for n, start, step, taken in zip(
            x.type.shape, self.start_indices, self.steps, typeof(ct).shape, strict=True
        ):
            stop = start + (taken - 1) * step + 1 if taken else start
            config.append((start, n - stop, step - 1))
        return [_pad.pad(ct, 0, config)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None

        def with_batch(values: tuple[int, ...], own: int) -> tuple[int, ...]:
            return (*values[:axis], own, *values[axis:])

        starts = with_batch(self.start_indices, 0)
        limits = with_batch(self.limit_indices, typeof(x).shape[axis])
        steps = None if self.strides is None else with_batch(self.strides, 1)
        return slice(x, starts, limits, steps), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.emit(
            "slice",
            args,
            start_indices=mlir.int_array(self.start_indices),
            limit_indices=mlir.int_array(self.limit_indices),
            strides=mlir.int_array(self.steps),
        )


def slice_in_dim(
    operand: Any,
    start_index: int | None,
    limit_index: int | None,
    stride: int = 1,
    axis: int = 0,
) -> Any:
    """``operand[start_index:limit_index:stride]`` along one axis.

    Args:
        operand: any shape and dtype.
        start_index: None for the first; negative ones count from the end.
        limit_index: None for the size of the axis; negative ones count from the end.
        stride: a positive step.
        axis: the axis; negative ones count from the last.

    Example:
        >>> from dolmen.core import lax
        >>> lax.slice_in_dim(lax.iota("int32", 6), 1, -1, 2).tolist()
        [1, 3]
    """
    shape = typeof(operand).shape
    axis = as_axis("slice_in_dim", axis, len(shape), "axis")
    n = shape[axis]

    def from_front(argument: str, index: int | None, default: int) -> int:
        if index is None:
            return default
        made = as_integer("slice_in_dim", argument, index)
        return made + n if made < 0 else made

    starts, limits, steps = [0] * len(shape), list(shape), [1] * len(shape)
    starts[axis] = from_front("start_index", start_index, 0)
    limits[axis] = from_front("limit_index", limit_index, n)
    steps[axis] = as_integer("slice_in_dim", "stride", stride)
    return slice(operand, starts, limits, steps)


def index_in_dim(operand: Any, index: int, axis: int = 0, keepdims: bool = True) -> Any:
    """``operand[index]`` along one axis.

    Args:
        operand: any shape and dtype.
        index: a Python integer; negative ones count from the end.
        axis: the axis; negative ones count from the last.
        keepdims: keep the axis, with size 1.

    Raises:
        ValueError: `index` is out of range.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.index_in_dim(jnp.array([1, 2, 3]), 1, keepdims=False)
        Array(2, dtype=int32)
    """
    type = typeof(operand)
    axis = as_axis("index_in_dim", axis, type.ndim, "axis")
    index = as_integer("index_in_dim", "index", index)
    n = type.shape[axis]
    if not -n <= index < n:
        raise value_error(
            f"index_in_dim: `index` must be between {-n} and {n - 1} for axis {axis} "
            f"of {type!r}, got {index}."
        )
    index += n if index < 0 else 0
    made = slice_in_dim(operand, index, index + 1, 1, axis)
    return made if keepdims else _shape.squeeze(made, (axis,))


# ---- places computed at run time ---------------------------------------------------
#
# Starts are scalar arguments. Each is clamped so that the piece lies within the array;
# before that, negative ones count from the end where `wraps` says so. Wrapping belongs
# to the primitives, rather than being computed before them, so that the program of a
# loop that slices by its counter stays one equation.


def dynamic_slice(
    operand: Any,
    start_indices: Any,
    slice_sizes: Sequence[int],
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Any:
    """A piece of fixed size that starts where run-time values say.

    A start that would let the piece reach beyond `operand` is moved back so that it
    does not.

    Args:
        operand: any shape and dtype.
        start_indices: an integer scalar for each axis, or an integer array ``[n]``.
        slice_sizes: shape of the piece.
        allow_negative_indices: let negative starts count from the end of their axis
            (one answer, or one for each axis); otherwise they are moved to 0.

    Returns:
        An array of shape `slice_sizes`.

    Raises:
        TypeError: starts are not integers.
        ValueError: their number is wrong, or the piece is larger than `operand`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.dynamic_slice(lax.iota("int32", 6), (4,), (3,)).tolist()
        [3, 4, 5]
    """
    shape = typeof(operand).shape
    starts, wraps = _starts(
        "dynamic_slice", start_indices, shape, allow_negative_indices
    )
    return bind(
        DynamicSlice(as_integers("dynamic_slice", "slice_sizes", slice_sizes), wraps),
        operand,
        *starts,
    )


def _starts(
    function: str, start_indices: Any, shape: tuple[int, ...], allowed: Any
) -> tuple[list[Any], tuple[bool, ...]]:
    """Start indices as scalars, and which of them may be negative at run time."""
    if not isinstance(start_indices, tuple | list):
        type = typeof(start_indices)
        if type.shape != (len(shape),):
            raise value_error(
                f"{function}: `start_indices` must hold one index for each of the "
                f"operand's {len(shape)} axes, got {type!r}."
            )
        if isinstance(start_indices, np.ndarray):
            start_indices = start_indices.tolist()
        else:
            start_indices = [
                index_in_dim(start_indices, i, keepdims=False)
                for i in range(len(shape))
            ]
    if len(start_indices) != len(shape):
        raise value_error(
            f"{function}: expected one start index for each of the operand's "
            f"{len(shape)} axes, got {len(start_indices)}."
        )
    allows = [allowed] * len(shape) if isinstance(allowed, bool) else list(allowed)
    made, wraps = [], []
    for start, size, allow in zip(start_indices, shape, allows, strict=True):
        fixed = isinstance(start, int | np.integer)
        if fixed and start < 0 and allow:
            start = start + size
        made.append(start)
        wraps.append(allow and not fixed and dtypes.kind(typeof(start).dtype) == "i")
    return made, tuple(wraps)


def _check_starts(function: str, starts: Sequence[ArrayType], ndim: int) -> None:
    if len(starts) != ndim:
        raise value_error(
            f"{function}: expected {ndim} start indices, got {len(starts)}."
        )
    if any(t.shape or dtypes.kind(t.dtype) not in ("i", "u") for t in starts):
        raise type_error(
            f"{function}: start indices must be integer scalars, got "
            f"{', '.join(map(repr, starts))}."
        )


def _lowered_starts(
    builder: Any,
    starts: Sequence[Any],
    types: Sequence[ArrayType],
    shape: tuple[int, ...],
    wraps: tuple[bool, ...],
) -> list[Any]:
    """Start handles of one integer type, negative ones counted from the end."""
    small = all(t.dtype.itemsize < 4 or t.dtype == np.int32 for t in types)
    scalar = array_type((), np.dtype(np.int32 if small else np.int64))
    made = []
    for start, type, size, wrap in zip(starts, types, shape, wraps, strict=True):
        if type.dtype != scalar.dtype:
            start = builder.convert(start, scalar)
        if wrap:
            zero, end = builder.constant(0, scalar), builder.constant(size, scalar)
            negative = builder.compare("LT", start, zero, scalar, "SIGNED")
            from_end = builder.emit("add", (start, end), (scalar,))
            start = builder.emit("select", (negative, from_end, start), (scalar,))
        made.append(start)
    return made


def _start_vectors(
    starts: Sequence[Any],
    axes: Sequence[int | None],
    shape: tuple[int, ...],
    wraps: Sequence[bool],
    which: Sequence[int],
    batch: int,
) -> Any:
    """The start indices `which` as one integer array ``[batch, len(which)]``."""
    from ._arithmetic import add
    from ._comparison import lt
    from ._conversion import convert_element_type
    from ._selection import select

    dtype = dtypes.canonical(np.dtype(np.int64))
    if all(typeof(starts[i]).dtype.itemsize < 4 for i in which) or all(
        typeof(starts[i]).dtype == np.int32 for i in which
    ):
        dtype = np.dtype(np.int32)
    columns = []
    for i in which:
        column = convert_element_type(starts[i], dtype)
        if wraps[i]:
            size = _creation.scalar(shape[i], dtype)
            negative = lt(column, _creation.scalar(0, dtype))
            column = select(negative, add(column, size), column)
        if axes[i] is None:
            column = _shape.broadcast(column, (batch,))
        columns.append(_shape.expand_dims(column, (1,)))
    if not columns:
        return _creation.full((batch, 0), 0, dtype)
    return _joining.concatenate(columns, 1)


class DynamicSlice(Primitive):
    """A piece of the operand, the first argument; the others are its start."""

    slice_sizes: tuple[int, ...]
    wraps: tuple[bool, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, *starts = arg_types
        _check_starts("dynamic_slice", starts, x.ndim)
        sizes = self.slice_sizes
        if len(sizes) != x.ndim or any(
            not 0 <= size <= n for size, n in zip(sizes, x.shape, strict=True)
        ):
            raise value_error(
                "dynamic_slice: `slice_sizes` must be at most the operand's sizes, got "
                f"{x!r} and slice_sizes={sizes}."
            )
        return x.with_shape(sizes)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        starts = primals[1:]
        return bind(self, *primals), bind(self, tangents[0], *starts)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x, *starts) = cotangents, args
        zeros = _creation.full(x.type.shape, 0, x.type.dtype)
        made = bind(DynamicUpdateSlice(self.wraps), zeros, ct, *starts)
        return [made, *(None for _ in starts)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, *starts), (axis, *start_axes) = args, axes
        if all(a is None for a in start_axes):
            assert axis is not None
            return _with_whole_axis(self, x, starts, axis), axis
        size = _shape.batch_size(args, axes)
        shape = list(typeof(x).shape)
        offset = 0
        if axis is not None:
            x = _shape.move_axis(x, axis, 0)
            del shape[axis]
            offset = 1
        # A piece as long as its axis starts at 0 whatever its index says.
        moving = [
            i
            for i, n in enumerate(shape)
            if n != self.slice_sizes[i] and self.slice_sizes[i]
        ]
        numbers = _gather.GatherDimensionNumbers(
            offset_dims=tuple(range(1, len(shape) + 1)),
            collapsed_slice_dims=(),
            start_index_map=tuple(i + offset for i in moving),
            operand_batching_dims=(0,) * offset,
            start_indices_batching_dims=(0,) * offset,
        )
        indices = _start_vectors(
            starts, start_axes, tuple(shape), self.wraps, moving, size
        )
        sizes = (1,) * offset + self.slice_sizes
        out = _gather.gather(x, indices, numbers, sizes, mode="clip")
        return out, 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        x, *starts = args
        x_type, *start_types = builder.in_types
        starts = _lowered_starts(builder, starts, start_types, x_type.shape, self.wraps)
        sizes = mlir.int_array(self.slice_sizes)
        return builder.emit("dynamic_slice", (x, *starts), slice_sizes=sizes)


def _with_whole_axis(
    primitive: DynamicSlice, x: Any, starts: Sequence[Any], axis: int
) -> Any:
    sizes, wraps = list(primitive.slice_sizes), list(primitive.wraps)
    sizes.insert(axis, typeof(x).shape[axis])
    wraps.insert(axis, False)
    starts = [*starts[:axis], np.int32(0), *starts[axis:]]
    return bind(DynamicSlice(tuple(sizes), tuple(wraps)), x, *starts)


def dynamic_update_slice(
    operand: Any,
    update: Any,
    start_indices: Any,
    *,
    allow_negative_indices: bool | Sequence[bool] = True,
) -> Any:
    """`operand` with a piece replaced, starting where run-time values say.

    A start that would let the piece reach beyond `operand` is moved back so that it
    does not.

    Args:
        operand: any shape and dtype.
        update: the new piece: as many axes and the same dtype, no axis larger.
        start_indices: an integer scalar for each axis, or an integer array ``[n]``.
        allow_negative_indices: let negative starts count from the end of their axis
            (one answer, or one for each axis); otherwise they are moved to 0.

    Returns:
        An array like `operand`.

    Raises:
        TypeError: starts are not integers or the dtypes differ.
        ValueError: the number of starts is wrong, or `update` does not fit.

    Example:
        >>> from dolmen.core import lax
        >>> x = lax.iota("int32", 4)
        >>> lax.dynamic_update_slice(x, lax.full((2,), 9), (1,)).tolist()
        [0, 9, 9, 3]
    """
    type = typeof(operand)
    starts, wraps = _starts(
        "dynamic_update_slice", start_indices, type.shape, allow_negative_indices
    )
    if isinstance(update, bool | int | float | complex):
        update = _creation.scalar(update, type.dtype)
    return bind(DynamicUpdateSlice(wraps), operand, update, *starts)


class DynamicUpdateSlice(Primitive):
    """The operand with a piece replaced; arguments are operand, piece and start."""

    wraps: tuple[bool, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, update, *starts = arg_types
        _check_starts("dynamic_update_slice", starts, x.ndim)
        if x.dtype != update.dtype:
            raise type_error(
                f"dynamic_update_slice: `update` must have the operand's dtype, got "
                f"{x!r} and {update!r}.",
                "Convert it with `.astype(...)`.",
            )
        if update.ndim != x.ndim or any(
            m > n for m, n in zip(update.shape, x.shape, strict=True)
        ):
            raise value_error(
                "dynamic_update_slice: `update` must have as many axes as the operand "
                f"and be nowhere larger, got {x!r} and {update!r}."
            )
        return array_type(x.shape, x.dtype, x.weak_type and update.weak_type)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        x, update, *starts = primals
        dx, dupdate = (
            _creation.zeros_like(p) if t is None else t
            for p, t in zip((x, update), tangents[:2], strict=True)
        )
        return bind(self, *primals), bind(self, dx, dupdate, *starts)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x, update, *starts) = cotangents, args
        type = update.type if isinstance(update, Linear) else typeof(update)
        of_x = of_update = None
        if isinstance(x, Linear):
            zeros = _creation.full(type.shape, 0, type.dtype)
            of_x = bind(self, ct, zeros, *starts)
        if isinstance(update, Linear):
            of_update = bind(DynamicSlice(type.shape, self.wraps), ct, *starts)
        return [of_x, of_update, *(None for _ in starts)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, update, *starts), (axis, update_axis, *start_axes) = args, axes
        size = _shape.batch_size(args, axes)
        if all(a is None for a in start_axes):
            if axis is None or update_axis is None:
                at = axis if axis is not None else update_axis
                assert at is not None
                x = x if axis is not None else _new_axis(x, at, size)
                update = (
                    update if update_axis is not None else _new_axis(update, at, size)
                )
            else:
                at = axis
                update = _shape.move_axis(update, update_axis, axis)
            starts = [*starts[:at], np.int32(0), *starts[at:]]
            wraps = (*self.wraps[:at], False, *self.wraps[at:])
            return bind(DynamicUpdateSlice(wraps), x, update, *starts), at
        x = _shape.batched_first(x, axis, size)
        update = _shape.batched_first(update, update_axis, size)
        shape, piece = typeof(x).shape[1:], typeof(update).shape[1:]
        moving = [i for i, n in enumerate(shape) if n != piece[i] and piece[i]]
        numbers = _gather.ScatterDimensionNumbers(
            update_window_dims=tuple(range(1, len(shape) + 1)),
            inserted_window_dims=(),
            scatter_dims_to_operand_dims=tuple(i + 1 for i in moving),
            operand_batching_dims=(0,),
            scatter_indices_batching_dims=(0,),
        )
        indices = _start_vectors(starts, start_axes, shape, self.wraps, moving, size)
        out = _gather.scatter(
            x,
            indices,
            update,
            numbers,
            indices_are_sorted=True,
            unique_indices=True,
            mode="clip",
        )
        return out, 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        x, update, *starts = args
        x_type, _, *start_types = builder.in_types
        starts = _lowered_starts(builder, starts, start_types, x_type.shape, self.wraps)
        return builder.emit("dynamic_update_slice", (x, update, *starts))


def _new_axis(x: Any, axis: int, size: int) -> Any:
    """`x` repeated along a new axis."""
    shape = list(typeof(x).shape)
    own = tuple(i + (i >= axis) for i in range(len(shape)))
    shape.insert(axis, size)
    return _shape.broadcast_in_dim(x, shape, own)


# ---- one axis ----------------------------------------------------------------------


def _at_axis(index: Any, axis: int, ndim: int) -> list[Any]:
    starts: list[Any] = [np.int32(0)] * ndim
    starts[axis] = index
    return starts


def dynamic_slice_in_dim(
    operand: Any,
    start_index: Any,
    slice_size: int,
    axis: int = 0,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`dynamic_slice` along one axis, whole along the others.

    Args:
        operand: any shape and dtype.
        start_index: an integer scalar.
        slice_size: size of the piece along `axis`.
        axis: the axis; negative ones count from the last.
        allow_negative_indices: let a negative start count from the end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.dynamic_slice_in_dim(jnp.arange(5), 2, 2)
        Array([2, 3], dtype=int32)
    """
    sizes = list(typeof(operand).shape)
    axis = as_axis("dynamic_slice_in_dim", axis, len(sizes), "axis")
    starts = _at_axis(start_index, axis, len(sizes))
    sizes[axis] = slice_size
    return dynamic_slice(
        operand, starts, sizes, allow_negative_indices=allow_negative_indices
    )


def dynamic_index_in_dim(
    operand: Any,
    index: Any,
    axis: int = 0,
    keepdims: bool = True,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """The elements at a run-time index of one axis.

    Args:
        operand: any shape and dtype.
        index: an integer scalar; moved to the nearest valid index.
        axis: the axis; negative ones count from the last.
        keepdims: keep the axis, with size 1.
        allow_negative_indices: let a negative index count from the end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.dynamic_index_in_dim(jnp.array([1, 2, 3]), 1, keepdims=False)
        Array(2, dtype=int32)
    """
    axis = as_axis("dynamic_index_in_dim", axis, typeof(operand).ndim, "axis")
    made = dynamic_slice_in_dim(
        operand, index, 1, axis, allow_negative_indices=allow_negative_indices
    )
    return made if keepdims else _shape.squeeze(made, (axis,))


def dynamic_update_slice_in_dim(
    operand: Any,
    update: Any,
    start_index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`dynamic_update_slice` along one axis, from the beginning of the others.

    Args:
        operand: any shape and dtype.
        update: the new piece.
        start_index: an integer scalar.
        axis: the axis; negative ones count from the last.
        allow_negative_indices: let a negative start count from the end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.dynamic_update_slice_in_dim(jnp.arange(5), jnp.array([8, 9]), 1, 0)
        Array([0, 8, 9, 3, 4], dtype=int32)
    """
    ndim = typeof(operand).ndim
    axis = as_axis("dynamic_update_slice_in_dim", axis, ndim, "axis")
    starts = _at_axis(start_index, axis, ndim)
    return dynamic_update_slice(
        operand, update, starts, allow_negative_indices=allow_negative_indices
    )


def dynamic_update_index_in_dim(
    operand: Any,
    update: Any,
    index: Any,
    axis: int,
    *,
    allow_negative_indices: bool = True,
) -> Any:
    """`operand` with the elements at a run-time index of one axis replaced.

    Args:
        operand: any shape and dtype.
        update: the new elements; `axis` has size 1 or is missing.
        index: an integer scalar; moved to the nearest valid index.
        axis: the axis; negative ones count from the last.
        allow_negative_indices: let a negative index count from the end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.dynamic_update_index_in_dim(jnp.array([1, 2, 3]), 9, 1, 0)
        Array([1, 9, 3], dtype=int32)
    """
    ndim = typeof(operand).ndim
    axis = as_axis("dynamic_update_index_in_dim", axis, ndim, "axis")
    if typeof(update).ndim != ndim:
        update = _shape.expand_dims(update, (axis,))
    return dynamic_update_slice_in_dim(
        operand, update, index, axis, allow_negative_indices=allow_negative_indices
    )


__all__ = [
    "dynamic_index_in_dim",
    "dynamic_slice",
    "dynamic_slice_in_dim",
    "dynamic_update_index_in_dim",
    "dynamic_update_slice",
    "dynamic_update_slice_in_dim",
    "index_in_dim",
    "slice",
    "slice_in_dim",
]

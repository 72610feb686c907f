"""Windows of an array at many places: `gather` reads them, `scatter` writes them.

Reading is linear and adding is its transpose, so `gather` and `scatter_add` share this
file. Both describe places in the same way: the last axis of the index array holds start
vectors, the other axes are batch axes.
"""

import dataclasses
import enum
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    Program,
    array_type,
    as_integers,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, record, typeof
from . import _creation, _shape
from ._limits import emit_binary

Axes = tuple[int, ...]


class GatherScatterMode(enum.Enum):
    """What happens where a window does not lie within the array.

    Attributes:
        CLIP: the window is moved back until it does.
        FILL_OR_DROP: reads give the fill value; writes are dropped.
        PROMISE_IN_BOUNDS: it never happens; if it does, the result is unspecified.
    """

    CLIP = "clip"
    FILL_OR_DROP = "fill"
    PROMISE_IN_BOUNDS = "promise_in_bounds"

    def __repr__(self) -> str:
        return self.name

    @staticmethod
    def from_any(mode: Any) -> "GatherScatterMode":
        """A mode from a mode, its name, or None (`FILL_OR_DROP`).

        Raises:
            ValueError: there is no such mode.
        """
        if isinstance(mode, GatherScatterMode):
            return mode
        if mode not in _MODES:
            raise value_error(
                f"`mode` must be 'clip', 'fill', 'drop', 'promise_in_bounds' or a "
                f"`lax.GatherScatterMode`, got {mode!r}."
            )
        return _MODES[mode]


CLIP = GatherScatterMode.CLIP
FILL_OR_DROP = GatherScatterMode.FILL_OR_DROP

_MODES: dict[Any, GatherScatterMode] = {
    None: FILL_OR_DROP,
    "fill": FILL_OR_DROP,
    "drop": FILL_OR_DROP,
    "clip": CLIP,
    "promise_in_bounds": GatherScatterMode.PROMISE_IN_BOUNDS,
}


def _freeze_axes(numbers: Any) -> None:
    for field in dataclasses.fields(numbers):
        axes = as_integers(
            type(numbers).__name__, field.name, getattr(numbers, field.name)
        )
        object.__setattr__(numbers, field.name, axes)


def _up(axes: Axes) -> Axes:
    """Axes after an axis was inserted in front."""
    return tuple([a + 1 for a in axes])


@dataclasses.dataclass(frozen=True)
class GatherDimensionNumbers:
    """Which axes of a `gather` are what.

    Attributes:
        offset_dims: axes of the result that run through a window, in order.
        collapsed_slice_dims: axes of the operand, of window size 1, that the result
            leaves out.
        start_index_map: for each element of a start vector, the axis of the operand.
        operand_batching_dims: axes of the operand that run along with the batch axes
            `start_indices_batching_dims` of the indices; left out like the collapsed.
        start_indices_batching_dims: see `operand_batching_dims`.
    """

    offset_dims: Axes
    collapsed_slice_dims: Axes
    start_index_map: Axes
    operand_batching_dims: Axes = ()
    start_indices_batching_dims: Axes = ()

    def __post_init__(self) -> None:
        _freeze_axes(self)

    def transposed(self) -> "ScatterDimensionNumbers":
        """The places that a gather reads, for a scatter to write."""
        return ScatterDimensionNumbers(
            self.offset_dims,
            self.collapsed_slice_dims,
            self.start_index_map,
            self.operand_batching_dims,
            self.start_indices_batching_dims,
        )


@dataclasses.dataclass(frozen=True)
class ScatterDimensionNumbers:
    """Which axes of a `scatter` are what.

    Attributes:
        update_window_dims: axes of the updates that run through a window, in order.
        inserted_window_dims: axes of the operand, of window size 1, that the updates
            leave out.
        scatter_dims_to_operand_dims: for each element of a start vector, the axis of
            the operand.
        operand_batching_dims: axes of the operand that run along with the batch axes
            `scatter_indices_batching_dims` of the indices.
        scatter_indices_batching_dims: see `operand_batching_dims`.
    """

    update_window_dims: Axes
    inserted_window_dims: Axes
    scatter_dims_to_operand_dims: Axes
    operand_batching_dims: Axes = ()
    scatter_indices_batching_dims: Axes = ()

    def __post_init__(self) -> None:
        _freeze_axes(self)

    def transposed(self) -> GatherDimensionNumbers:
        """The places that a scatter writes, for a gather to read."""
        return GatherDimensionNumbers(
            self.update_window_dims,
            self.inserted_window_dims,
            self.scatter_dims_to_operand_dims,
            self.operand_batching_dims,
            self.scatter_indices_batching_dims,
        )


# ---- gather ------------------------------------------------------------------------


def gather(
    operand: Any,
    start_indices: Any,
    dimension_numbers: GatherDimensionNumbers,
    slice_sizes: Sequence[int],
    *,
    unique_indices: bool = False,
    indices_are_sorted: bool = False,
    mode: str | GatherScatterMode | None = None,
    fill_value: Any = None,
) -> Any:
    """Windows of one size at many places.

    Indexing (`x[i, j]`, `jnp.take`) is the comfortable way to write most gathers.

    Args:
        operand: any shape and dtype.
        start_indices: integers; the last axis holds the start of each window.
        dimension_numbers: what the axes mean.
        slice_sizes: size of the windows along each axis of `operand`.
        unique_indices: promise that windows do not overlap, for a faster derivative.
        indices_are_sorted: promise that starts are sorted.
        mode: what happens outside of `operand`; see `GatherScatterMode`.
        fill_value: what `FILL_OR_DROP` fills with; by default NaN, the smallest signed,
            the largest unsigned integer, or True.

    Returns:
        An array with the batch axes of `start_indices` and, at ``offset_dims``, the
        axes of the windows.

    Raises:
        TypeError: indices are not integers.
        ValueError: the dimension numbers don't fit the shapes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.GatherDimensionNumbers((1,), (0,), (0,))
        >>> lax.gather(jnp.arange(6).reshape(3, 2), jnp.array([[2], [0]]), numbers,
        ...     (1, 2))
        Array([[4, 5],
               [0, 1]], dtype=int32)
    """
    parsed = GatherScatterMode.from_any(mode)
    if parsed is not FILL_OR_DROP or fill_value is None:
        fill_value = None
    else:
        fill_value = _as_fill(typeof(operand), fill_value)
        # One NaN object, so that equal gathers are the same primitive.
        fill_value = np.nan if fill_value != fill_value else fill_value
    primitive = Gather(
        dimension_numbers,
        as_integers("gather", "slice_sizes", slice_sizes),
        bool(unique_indices),
        bool(indices_are_sorted),
        parsed,
        fill_value,
    )
    return bind(primitive, operand, start_indices)


def _as_fill(type: ArrayType, value: Any) -> Any:
    """`fill_value` as the Python number that an element of its value is."""
    if isinstance(value, bool | int | float | complex):
        value = np.asarray(value)
    if dtypes.kind(value.dtype) == "c" and dtypes.kind(type.dtype) != "c":
        raise type_error(
            f"gather: `fill_value` must be real for an operand of type {type!r}, got "
            f"{value[()]}."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return np.asarray(value).astype(type.dtype).item()


def _check_indices(function: str, indices: ArrayType, length: int) -> None:
    if dtypes.kind(indices.dtype) not in ("i", "u"):
        raise type_error(
            f"{function}: indices must be integers, got {indices!r}.",
            "Convert them with `.astype(jnp.int32)`.",
        )
    if not indices.ndim or indices.shape[-1] != length:
        raise value_error(
            f"{function}: the last axis of the indices must hold {length} numbers, one "
            f"for each indexed axis of the operand, got {indices!r}."
        )


def _check_batching(
    function: str, x: ArrayType, indices: ArrayType, own: Axes, theirs: Axes
) -> None:
    sizes = tuple(x.shape[a] for a in own)
    if len(own) != len(theirs) or sizes != tuple(indices.shape[a] for a in theirs):
        raise value_error(
            f"{function}: batching axes must have equal sizes, got axes {own} of {x!r} "
            f"and axes {theirs} of the indices {indices!r}."
        )


class Gather(Primitive):
    """Windows of the operand at the starts that the second argument holds."""

    dimension_numbers: GatherDimensionNumbers
    slice_sizes: Axes
    unique_indices: bool
    indices_are_sorted: bool
    mode: GatherScatterMode
    fill_value: Any

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, indices = arg_types
        numbers, sizes = self.dimension_numbers, self.slice_sizes
        _check_indices("gather", indices, len(numbers.start_index_map))
        if len(sizes) != x.ndim or any(
            not 0 <= size <= n for size, n in zip(sizes, x.shape, strict=True)
        ):
            raise value_error(
                "gather: `slice_sizes` must be at most the operand's sizes, got "
                f"{x!r} and slice_sizes={sizes}."
            )
        own, theirs = numbers.operand_batching_dims, numbers.start_indices_batching_dims
        _check_batching("gather", x, indices, own, theirs)
        left_out = {*numbers.collapsed_slice_dims, *own}
        if any(sizes[a] > 1 for a in left_out):
            raise value_error(
                f"gather: windows must have size 1 along the collapsed and batching "
                f"axes {tuple(sorted(left_out))}, got slice_sizes={sizes}."
            )
        window = [n for a, n in enumerate(sizes) if a not in left_out]
        if len(window) != len(numbers.offset_dims):
            raise value_error(
                f"gather: windows have {len(window)} axes in the result, but "
                f"offset_dims={numbers.offset_dims}."
            )
        shape = _interleaved(indices.shape[:-1], numbers.offset_dims, window)
        return x.with_shape(shape)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        tangent = dataclasses.replace(self, fill_value=self._zero())
        return bind(self, *primals), bind(tangent, tangents[0], primals[1])

    def _zero(self) -> Any:
        return 0 if self.mode is FILL_OR_DROP else None

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x, indices) = cotangents, args
        made = scatter_add(
            _creation.full(x.type.shape, 0, x.type.dtype),
            indices,
            ct,
            self.dimension_numbers.transposed(),
            indices_are_sorted=self.indices_are_sorted,
            unique_indices=self.unique_indices,
            mode=self.mode,
        )
        return [made, None]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, indices), (axis, indices_axis) = args, axes
        d = self.dimension_numbers
        offset, theirs = _up(d.offset_dims), d.start_indices_batching_dims
        collapsed, mapped, own = (
            d.collapsed_slice_dims,
            d.start_index_map,
            d.operand_batching_dims,
        )
        sizes, is_sorted = self.slice_sizes, self.indices_are_sorted
        if axis is not None:
            x = _shape.move_axis(x, axis, 0)
            collapsed, mapped, own = _up(collapsed), _up(mapped), _up(own)
        if indices_axis is None:
            # The windows run through the whole batch.
            offset, sizes = (0, *offset), (typeof(x).shape[0], *sizes)
        else:
            indices = _shape.move_axis(indices, indices_axis, 0)
            theirs, is_sorted = _up(theirs), False
            if axis is not None:
                own, theirs, sizes = (0, *own), (0, *theirs), (1, *sizes)
        numbers = GatherDimensionNumbers(offset, collapsed, mapped, own, theirs)
        made = Gather(
            numbers, sizes, self.unique_indices, is_sorted, self.mode, self.fill_value
        )
        return bind(made, x, indices), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        d = self.dimension_numbers
        x, indices = args
        x_type, indices_type = builder.in_types
        (out_type,) = builder.out_types
        indices, indices_type = _widened(builder, indices, indices_type)
        out = builder.emit(
            "gather",
            (x, indices),
            (out_type,),
            dimension_numbers=mlir.gather_dimension_numbers(
                offset_dims=list(d.offset_dims),
                collapsed_slice_dims=list(d.collapsed_slice_dims),
                operand_batching_dims=list(d.operand_batching_dims),
                start_indices_batching_dims=list(d.start_indices_batching_dims),
                start_index_map=list(d.start_index_map),
                index_vector_dim=indices_type.ndim - 1,
            ),
            slice_sizes=mlir.int_array(self.slice_sizes),
            indices_are_sorted=mlir.boolean(self.indices_are_sorted),
        )
        if self.mode is not FILL_OR_DROP or not d.start_index_map:
            return out
        limits = [x_type.shape[a] - self.slice_sizes[a] for a in d.start_index_map]
        inside = _inside(builder, indices, indices_type, limits)
        batch_dims = [a for a in range(out_type.ndim) if a not in d.offset_dims]
        mask = array_type(out_type.shape, np.dtype(bool))
        inside = builder.broadcast(inside, mask, batch_dims)
        fill = self.fill_value
        fill = default_fill(x_type.dtype) if fill is None else fill
        filled = builder.constant(fill, out_type)
        return builder.emit("select", (inside, out, filled), (out_type,))


def _interleaved(
    batch: Sequence[int], window_dims: Axes, window: Sequence[int]
) -> tuple[int, ...]:
    """A shape with the sizes `window` at the axes `window_dims`, `batch` elsewhere."""
    others, windows = iter(batch), iter(window)
    ndim = len(batch) + len(window)
    return tuple(next(windows if a in window_dims else others) for a in range(ndim))


def default_fill(dtype: np.dtype) -> Any:
    """What `FILL_OR_DROP` reads out of bounds if the caller does not say."""
    kind = dtypes.kind(dtype)
    if kind in ("f", "c"):
        return np.nan
    if kind == "b":
        return True
    bits = int(dtypes.short_name(dtype)[1:])
    return -(2 ** (bits - 1)) if kind == "i" else 2**bits - 1


def _widened(builder: Any, indices: Any, type: ArrayType) -> tuple[Any, ArrayType]:
    """Indices in a dtype that can hold the sizes they are compared with."""
    if type.dtype.itemsize >= 4:
        return indices, type
    wide = array_type(type.shape, np.dtype(np.int32))
    return builder.convert(indices, wide), wide


def _inside(builder: Any, indices: Any, type: ArrayType, limits: Sequence[int]) -> Any:
    """Whether each start lies between 0 and its limit; without the vector axis."""
    mask = array_type(type.shape, np.dtype(bool))
    signed = dtypes.kind(type.dtype) == "i"
    highest = _along_vectors(builder, limits, type)
    inside = builder.compare("LE", indices, highest, type)
    if signed:
        lowest = builder.constant(0, type)
        positive = builder.compare("GE", indices, lowest, type)
        inside = builder.emit("and", (inside, positive), (mask,))
    reduced = array_type(type.shape[:-1], mask.dtype)
    if type.shape[-1] == 1:
        return builder.emit("reshape", (inside,), (reduced,))
    scalar = array_type((), mask.dtype)
    return builder.emit(
        "reduce",
        (inside, builder.scalar(True, mask.dtype)),
        (reduced,),
        regions=[
            ((scalar, scalar), lambda a, b: [builder.emit("and", (a, b), (scalar,))])
        ],
        dimensions=mlir.int_array((type.ndim - 1,)),
    )


def _along_vectors(builder: Any, values: Sequence[int], type: ArrayType) -> Any:
    """One constant for each element of a start vector, for all vectors."""
    if len(set(values)) == 1:
        return builder.constant(values[0], type)
    row = builder.constant(np.asarray(values), array_type((len(values),), type.dtype))
    return builder.broadcast(row, type, (type.ndim - 1,))


# ---- scatter -----------------------------------------------------------------------


class ScatterOperation(Primitive):
    """Combines windows of the operand with updates; the base of all scatters.

    Arguments are the operand, the starts and the updates.
    """

    dimension_numbers: ScatterDimensionNumbers
    indices_are_sorted: bool
    unique_indices: bool
    mode: GatherScatterMode

    combiner: ClassVar[str] = ""  # operation of StableHLO

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One combination for each update."""
        return arg_types[2].size if self.combiner else 0

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, indices, updates = arg_types
        d, name = self.dimension_numbers, self.name
        if x.dtype != updates.dtype:
            raise type_error(
                f"{name}: `updates` must have the operand's dtype, got {x!r} and "
                f"{updates!r}.",
                "Convert them with `.astype(...)`.",
            )
        _check_indices(name, indices, len(d.scatter_dims_to_operand_dims))
        _check_batching(
            name,
            x,
            indices,
            d.operand_batching_dims,
            d.scatter_indices_batching_dims,
        )
        window = [updates.shape[a] for a in d.update_window_dims if a < updates.ndim]
        expected = _interleaved(indices.shape[:-1], d.update_window_dims, window)
        if updates.shape != expected:
            raise value_error(
                f"{name}: `updates` must have the batch axes of the indices, "
                f"{indices.shape[:-1]}, and window axes at {d.update_window_dims}, got "
                f"{updates!r}."
            )
        sizes = self._window(x, updates)
        if len(sizes) != x.ndim or any(
            m > n for m, n in zip(sizes, x.shape, strict=True)
        ):
            raise value_error(
                f"{name}: windows must have one size, at most the operand's, for each "
                f"operand axis that is neither inserted nor batching, got {x!r} and "
                f"{updates!r} with {d}."
            )
        return x

    def _window(self, x: ArrayType, updates: ArrayType) -> tuple[int, ...]:
        """Size of the windows along each axis of the operand."""
        d = self.dimension_numbers
        left_out = {*d.inserted_window_dims, *d.operand_batching_dims}
        window = [updates.shape[a] for a in d.update_window_dims]
        ones = [1] * len(left_out)
        if len(window) + len(ones) != x.ndim:
            return ()
        windows = tuple(a for a in range(x.ndim) if a not in left_out)
        return _interleaved(ones, windows, window)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, indices, updates), (x_axis, axis, updates_axis) = args, axes
        size = _shape.batch_size(args, axes)
        x = _shape.batched_first(x, x_axis, size)
        updates = _shape.batched_first(updates, updates_axis, size)
        d = self.dimension_numbers
        window = _up(d.update_window_dims)
        inserted = _up(d.inserted_window_dims)
        mapped = _up(d.scatter_dims_to_operand_dims)
        own, theirs = _up(d.operand_batching_dims), d.scatter_indices_batching_dims
        is_sorted = self.indices_are_sorted
        if axis is None:
            window = (0, *window)
        else:
            indices = _shape.move_axis(indices, axis, 0)
            own, theirs = (0, *own), (0, *_up(theirs))
            is_sorted = False
        made = dataclasses.replace(
            self,
            dimension_numbers=ScatterDimensionNumbers(
                window, inserted, mapped, own, theirs
            ),
            indices_are_sorted=is_sorted,
        )
        return bind(made, x, indices, updates), 0

    def combine(self, builder: Any, old: Any, new: Any, type: ArrayType) -> Any:
        """What becomes of an element and an update."""
        return emit_binary(builder, self.combiner, old, new, type)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        d = self.dimension_numbers
        x, indices, updates = args
        x_type, indices_type, updates_type = builder.in_types
        (out_type,) = builder.out_types
        indices, indices_type = _widened(builder, indices, indices_type)
        if self.mode is CLIP and d.scatter_dims_to_operand_dims:
            sizes = self._window(x_type, updates_type)
            limits = [
                x_type.shape[a] - sizes[a] for a in d.scatter_dims_to_operand_dims
            ]
            lowest = builder.constant(0, indices_type)
            highest = _along_vectors(builder, limits, indices_type)
            indices = builder.emit("clamp", (lowest, indices, highest), (indices_type,))
        scalar = array_type((), x_type.dtype)
        return builder.emit(
            "scatter",
            (x, indices, updates),
            (out_type,),
            regions=[
                (
                    (scalar, scalar),
                    lambda old, new: [self.combine(builder, old, new, scalar)],
                )
            ],
            scatter_dimension_numbers=mlir.scatter_dimension_numbers(
                update_window_dims=list(d.update_window_dims),
                inserted_window_dims=list(d.inserted_window_dims),
                input_batching_dims=list(d.operand_batching_dims),
                scatter_indices_batching_dims=list(d.scatter_indices_batching_dims),
                scattered_dims_to_operand_dims=list(d.scatter_dims_to_operand_dims),
                index_vector_dim=indices_type.ndim - 1,
            ),
            indices_are_sorted=mlir.boolean(self.indices_are_sorted),
            unique_indices=mlir.boolean(self.unique_indices),
        )

    # ---- the same places, for derivatives ------------------------------------------

    def _added(self, x: Any, indices: Any, updates: Any) -> Any:
        """`updates` added to `x` at these places."""
        return scatter_add(
            x,
            indices,
            updates,
            self.dimension_numbers,
            indices_are_sorted=self.indices_are_sorted,
            unique_indices=self.unique_indices,
            mode=self.mode,
        )

    def _read(self, x: Any, indices: Any, updates: ArrayType) -> Any:
        """The windows of `x` at these places; zero where updates were dropped."""
        return gather(
            x,
            indices,
            self.dimension_numbers.transposed(),
            self._window(typeof(x), updates),
            unique_indices=self.unique_indices,
            indices_are_sorted=self.indices_are_sorted,
            mode=self.mode,
            fill_value=0,
        )


def _scatter(
    cls: type[ScatterOperation],
    operand: Any,
    indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    indices_are_sorted: bool,
    unique_indices: bool,
    mode: Any,
) -> Any:
    if isinstance(updates, bool | int | float | complex):
        updates = _creation.scalar(updates, typeof(operand).dtype)
    parsed = GatherScatterMode.from_any(mode)
    primitive = cls(
        dimension_numbers, bool(indices_are_sorted), bool(unique_indices), parsed
    )
    return bind(primitive, operand, indices, updates)


def scatter_add(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Add windows to an array at many places.

    `x.at[i].add(y)` is the comfortable way to write it. Updates of one element are
    added in no particular order, so floating-point results may differ between runs on
    GPUs.

    Args:
        operand: any shape and dtype.
        scatter_indices: integers; the last axis holds the start of each window.
        updates: the windows, in the dtype of `operand`.
        dimension_numbers: what the axes mean.
        indices_are_sorted: promise that starts are sorted.
        unique_indices: promise that windows do not overlap.
        mode: what happens outside of `operand`; see `GatherScatterMode`.

    Returns:
        An array like `operand`.

    Raises:
        TypeError: indices are not integers or dtypes differ.
        ValueError: the dimension numbers don't fit the shapes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter_add(jnp.zeros(3), jnp.array([[0], [2], [2]]), jnp.ones(3),
        ...     numbers)
        Array([1., 0., 2.], dtype=float32)
    """
    return _scatter(
        ScatterAdd,
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        indices_are_sorted,
        unique_indices,
        mode,
    )


class ScatterAdd(ScatterOperation):
    """The operand plus updates at the given places."""

    combiner = "add"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, indices, _), (dx, _, dupdates) = primals, tangents
        out = bind(self, *primals)
        if dupdates is None:
            return out, dx
        dx = _creation.zeros_like(x) if dx is None else dx
        return out, bind(self, dx, indices, dupdates)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x, indices, updates) = cotangents, args
        return [
            ct if isinstance(x, Linear) else None,
            None,
            self._read(ct, indices, updates.type)
            if isinstance(updates, Linear)
            else None,
        ]


def scatter_sub(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Subtract windows from an array at many places; see `scatter_add`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter_sub(jnp.ones(3), jnp.array([[0], [2]]), jnp.array([5.0, 7.0]),
        ...     numbers)
        Array([-4.,  1., -6.], dtype=float32)
    """
    from ._arithmetic import neg
    from ._elementwise import check_kind

    check_kind("scatter_sub", typeof(updates), "iufc")
    return scatter_add(
        operand,
        scatter_indices,
        neg(updates),
        dimension_numbers,
        indices_are_sorted=indices_are_sorted,
        unique_indices=unique_indices,
        mode=mode,
    )


def scatter(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Replace windows of an array at many places.

    `x.at[i].set(y)` is the comfortable way to write it. Where windows overlap, one of
    them wins, and its update alone gets the derivative. For the arguments see
    `scatter_add`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter(jnp.zeros(3), jnp.array([[0], [2]]), jnp.array([5.0, 7.0]),
        ...     numbers)
        Array([5., 0., 7.], dtype=float32)
    """
    return _scatter(
        Scatter,
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        indices_are_sorted,
        unique_indices,
        mode,
    )


class Scatter(ScatterOperation):
    """The operand with updates at the given places."""

    def combine(self, builder: Any, old: Any, new: Any, type: ArrayType) -> Any:
        return new

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, indices, updates), (dx, _, dupdates) = primals, tangents
        out = bind(self, *primals)
        if dupdates is None:
            return out, bind(self, dx, indices, _creation.zeros_like(updates))
        if not self.unique_indices:
            return out, self._tangent_of_winners(x, indices, dx, dupdates)
        dx = _creation.zeros_like(x) if dx is None else dx
        return out, bind(self, dx, indices, dupdates)

    def _tangent_of_winners(self, x: Any, indices: Any, dx: Any, dupdates: Any) -> Any:
        # Number the updates from 1 and scatter the numbers: each element then tells
        # which update it holds, and 0 if none. Losers' tangents are dropped.
        from ._arithmetic import add
        from ._comparison import eq
        from ._selection import select

        updates = typeof(dupdates)
        numbers = _shape.reshape(_creation.iota(np.int32, updates.size), updates.shape)
        one, zero = np.int32(1), np.int32(0)
        numbers = add(numbers, one)
        blank = _creation.full(typeof(x).shape, 0, np.int32)
        holders = bind(self, blank, indices, numbers)
        won = eq(self._read(holders, indices, updates), numbers)
        dupdates = select(won, dupdates, _creation.zeros_like(dupdates))
        if dx is None:
            kept = _creation.zeros_like(x)
        else:
            kept = select(eq(holders, zero), dx, _creation.zeros_like(x))
        return self._added(kept, indices, dupdates)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x, indices, updates) = cotangents, args
        of_x = of_updates = None
        type = updates.type if isinstance(updates, Linear) else typeof(updates)
        if isinstance(x, Linear):
            zeros = _creation.full(type.shape, 0, type.dtype)
            of_x = bind(self, ct, indices, zeros)
        if isinstance(updates, Linear):
            assert self.unique_indices, "linear in the updates where they are unique"
            of_updates = self._read(ct, indices, type)
        return [of_x, None, of_updates]


def scatter_mul(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Multiply windows of an array at many places; see `scatter_add`.

    Derivatives with respect to `updates` need `unique_indices`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter_mul(jnp.ones(3), jnp.array([[0], [2]]), jnp.array([5.0, 7.0]),
        ...     numbers)
        Array([5., 1., 7.], dtype=float32)
    """
    return _scatter(
        ScatterMul,
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        indices_are_sorted,
        unique_indices,
        mode,
    )


class ScatterMul(ScatterOperation):
    """The operand times updates at the given places."""

    combiner = "multiply"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        from ._arithmetic import mul

        (x, indices, updates), (dx, _, dupdates) = primals, tangents
        out = bind(self, *primals)
        tangent = None if dx is None else bind(self, dx, indices, updates)
        if dupdates is None:
            return out, tangent
        if not self.unique_indices:
            raise NotImplementedError(
                "scatter_mul: the derivative with respect to `updates` is defined for "
                "unique_indices=True only, because repeated places multiply each "
                "other's updates."
            )
        factor = self._read(x, indices, typeof(updates))
        tangent = _creation.zeros_like(x) if tangent is None else tangent
        return out, self._added(tangent, indices, mul(factor, dupdates))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (_, indices, updates) = cotangents, args
        return [bind(self, ct, indices, updates), None, None]


class ScatterExtremum(ScatterOperation):
    """The base of `ScatterMin` and `ScatterMax`: ties share the derivative equally."""

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        from ._arithmetic import div, mul
        from ._comparison import eq
        from ._conversion import convert_element_type

        (x, indices, updates), (dx, _, dupdates) = primals, tangents
        out = bind(self, *primals)
        type, dtype = typeof(updates), typeof(x).dtype
        kept = convert_element_type(eq(x, out), dtype)
        taken = eq(updates, self._read(out, indices, type))
        taken = convert_element_type(taken, dtype)
        sharers = self._added(kept, indices, taken)
        total = _creation.zeros_like(x) if dx is None else mul(kept, dx)
        if dupdates is not None:
            total = self._added(total, indices, mul(taken, dupdates))
        return out, div(total, sharers)


def scatter_min(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Minimum of an array and windows at many places; see `scatter_add`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter_min(jnp.ones(3), jnp.array([[0], [2]]), jnp.array([0.5, 7.0]),
        ...     numbers)
        Array([0.5, 1. , 1. ], dtype=float32)
    """
    return _scatter(
        ScatterMin,
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        indices_are_sorted,
        unique_indices,
        mode,
    )


class ScatterMin(ScatterExtremum):
    """The smaller of operand and updates at the given places."""

    combiner = "minimum"


def scatter_max(
    operand: Any,
    scatter_indices: Any,
    updates: Any,
    dimension_numbers: ScatterDimensionNumbers,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Maximum of an array and windows at many places; see `scatter_add`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> lax.scatter_max(jnp.ones(3), jnp.array([[0], [2]]), jnp.array([0.5, 7.0]),
        ...     numbers)
        Array([1., 1., 7.], dtype=float32)
    """
    return _scatter(
        ScatterMax,
        operand,
        scatter_indices,
        updates,
        dimension_numbers,
        indices_are_sorted,
        unique_indices,
        mode,
    )


class ScatterMax(ScatterExtremum):
    """The larger of operand and updates at the given places."""

    combiner = "maximum"


def scatter_apply(
    operand: Any,
    scatter_indices: Any,
    func: Callable[[Any], Any],
    dimension_numbers: ScatterDimensionNumbers,
    *,
    update_shape: Sequence[int] = (),
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: str | GatherScatterMode | None = None,
) -> Any:
    """Apply a function to the elements of windows; see `scatter_add`.

    `x.at[i].apply(func)` is the comfortable way to write it. An element that lies in
    several windows goes through `func` as many times. There is no derivative.

    Args:
        operand: any shape and dtype.
        scatter_indices: integers; the last axis holds the start of each window.
        func: from a scalar to a scalar of the same dtype; closes over no arrays.
        dimension_numbers: what the axes mean.
        update_shape: the shape that updates would have.
        indices_are_sorted: promise that starts are sorted.
        unique_indices: promise that windows do not overlap.
        mode: what happens outside of `operand`; see `GatherScatterMode`.

    Returns:
        An array like `operand`.

    Raises:
        TypeError: `func` changes the dtype.
        ValueError: `func` closes over arrays, or the numbers don't fit the shapes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> numbers = lax.ScatterDimensionNumbers((), (0,), (0,))
        >>> places = jnp.array([[0], [2]])
        >>> lax.scatter_apply(
        ...     jnp.arange(3.0), places, jnp.exp, numbers, update_shape=(2,))
        Array([1.      , 1.      , 7.389056], dtype=float32)
    """
    dtype = typeof(operand).dtype
    scalar = array_type((), dtype)
    program, captures = record(lambda x: [func(x)], (scalar,), name="scatter_apply")
    if captures:
        raise value_error(
            "scatter_apply: `func` must not close over arrays.",
            "Gather the elements, apply `func` to them and scatter the results.",
        )
    (out,) = program.out_types
    if out.shape or out.dtype != dtype:
        raise type_error(
            f"scatter_apply: `func` must map {scalar!r} to itself, got {out!r}.",
            "Convert the result with `.astype(...)`.",
        )
    primitive = ScatterApply(
        dimension_numbers,
        bool(indices_are_sorted),
        bool(unique_indices),
        GatherScatterMode.from_any(mode),
        program,
    )
    unused = _creation.full(update_shape, 0, dtype)
    return bind(primitive, operand, scatter_indices, unused)


class ScatterApply(ScatterOperation):
    """The operand with a program applied at the given places; updates are zeros."""

    interned = False

    program: Program

    def combine(self, builder: Any, old: Any, new: Any, type: ArrayType) -> Any:
        return builder.inline(self.program, [old])[0]


def index_take(src: Any, idxs: Sequence[Any], axes: Sequence[int]) -> Any:
    """Parts of an array at places along some of its axes.

    Args:
        src: any shape and dtype.
        idxs: for each of `axes` a vector of integers, all of them of the same size `n`;
            they wrap around, so that -1 is the last place.
        axes: the axes that the places are of; they disappear.

    Returns:
        An array ``[n, ...]``, of the other axes of `src` behind the first one.

    Raises:
        ValueError: there are not as many vectors as axes, or an axis is out of range.

    Example:
        >>> from dolmen.core import lax
        >>> x = lax.reshape(lax.iota("int32", 6), (2, 3))
        >>> lax.index_take(x, [lax.full((1,), -1), lax.full((1,), 1)], (0, 1)).tolist()
        [4]
    """
    from . import _arithmetic, _conversion, _joining

    type = typeof(src)
    axes = _shape.as_axes("index_take", axes, type.ndim, "axes")
    if len(idxs) != len(axes):
        raise value_error(
            f"index_take: expected one vector of places for each of the axes {axes}, "
            f"got {len(idxs)} of them."
        )
    sizes = [type.shape[axis] for axis in axes]
    # Narrow integers might not hold the size of their axis.
    dtype = max((np.dtype("int32"), *(typeof(i).dtype for i in idxs)), key=_width)
    columns = []
    for places, size in zip(idxs, sizes, strict=True):
        n = np.asarray(size, dtype)
        places = _conversion.convert_element_type(places, dtype)
        # The remainder has the sign of the place.
        positive = _arithmetic.add(_arithmetic.rem(places, n), n)
        columns.append(_shape.expand_dims(_arithmetic.rem(positive, n), (1,)))
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(range(1, type.ndim - len(axes) + 1)),
        collapsed_slice_dims=tuple(sorted(axes)),
        start_index_map=axes,
    )
    window = [1 if axis in axes else n for axis, n in enumerate(type.shape)]
    return gather(src, _joining.concatenate(columns, 1), numbers, window)


def _width(dtype: np.dtype) -> int:
    return dtype.itemsize

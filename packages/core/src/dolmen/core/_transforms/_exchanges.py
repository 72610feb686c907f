"""Exchanges between the lanes of a named axis: gathers, scatters, permutations.

The primitives take one axis and add or remove whole array axes; the public functions
reduce tuples of names and `tiled` to that.
"""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, value_error
from .._lowering import mlir
from .._ops import _shape
from .._ops._arithmetic import mul
from .._ops._comparison import eq
from .._ops._creation import full_like, zeros_like
from .._ops._gather import GatherDimensionNumbers, gather
from .._ops._reductions import reduce_sum
from .._ops._selection import select
from .._ops._slicing import index_in_dim
from .._tracing import NamedAxis, bind, typeof
from ._batch import to_front
from ._collectives import (
    AxisIndex,
    AxisName,
    Collective,
    Psum,
    axes_of,
    axis_index,
    each_leaf,
    no_groups,
    number_of_lanes,
    varying_over,
)


class Exchange(Collective):
    """A linear operation between the lanes of one axis."""

    axis_name: Hashable

    @property
    def named_axes(self) -> frozenset[Any]:
        """The one axis."""
        return frozenset((self.axis_name,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)


class AllGather(Exchange):
    """Every lane gets the operands of all, stacked along a new axis."""

    axis: int
    size: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """With the new axis."""
        (x,) = arg_types
        return x.with_shape((*x.shape[: self.axis], self.size, *x.shape[self.axis :]))

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """With the new axis already there, of length one, to be filled."""
        (x,), (type,) = args, builder.in_types
        shape = (*type.shape[: self.axis], 1, *type.shape[self.axis :])
        row = builder.emit("reshape", (x,), (type.with_shape(shape),))
        return builder.communicate(
            "all_gather",
            row,
            all_gather_dim=mlir.integer(self.axis),
            **builder.groups((self.axis_name,)),
        )

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Each lane's part of the sum of all cotangents."""
        (ct,) = cotangents
        return [bind(PsumScatter(self.axis_name, self.axis, self.size), ct)]

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """The batch axis becomes the new one."""
        (x,), (axis,) = args, axes
        return _shape.move_axis(to_front(x, axis, named.size), 0, self.axis), None

    def batch_other(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis goes to the front."""
        (x,), (axis,) = args, axes
        gathered = AllGather(self.axis_name, self.axis + 1, self.size)
        return bind(gathered, _shape.move_axis(x, axis, 0)), 0


class PsumScatter(Exchange):
    """Each lane gets its index, along an axis, of the sum over all lanes."""

    axis: int
    size: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Without the axis."""
        (x,) = arg_types
        assert x.shape[self.axis] == self.size, (x, self)
        return x.with_shape(x.shape[: self.axis] + x.shape[self.axis + 1 :])

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """The axis becomes one of length one, and goes."""
        (x,), (type,) = args, builder.in_types
        shape = (*type.shape[: self.axis], 1, *type.shape[self.axis + 1 :])
        row = builder.communicate(
            "reduce_scatter",
            x,
            (type.with_shape(shape),),
            reducing=("add", type),
            scatter_dimension=mlir.integer(self.axis),
            **builder.groups((self.axis_name,)),
        )
        return builder.emit("reshape", (row,))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Every lane's operand reaches all results."""
        (ct,) = cotangents
        return [bind(AllGather(self.axis_name, self.axis, self.size), ct)]

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """Sum over the batch axis; the scattered axis becomes the batch axis."""
        (x,), (axis,) = args, axes
        if axis is None:
            return mul(x, full_like(x, named.size)), self.axis
        return reduce_sum(x, (axis,)), self.axis

    def batch_other(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis goes to the front."""
        (x,), (axis,) = args, axes
        scattered = PsumScatter(self.axis_name, self.axis + 1, self.size)
        return bind(scattered, _shape.move_axis(x, axis, 0)), 0


class AllToAll(Exchange):
    """Lane i's index j along `split_axis` becomes lane j's index i along a new axis."""

    split_axis: int
    concat_axis: int
    size: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """The split axis removed, the new one inserted."""
        (x,) = arg_types
        shape = list(x.shape)
        assert shape.pop(self.split_axis) == self.size, (x, self)
        shape.insert(self.concat_axis, self.size)
        return x.with_shape(tuple(shape))

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """Along the split axis, which then moves."""
        (x,), (type,) = args, builder.in_types
        # This operation alone knows no numbers that are those of the whole program.
        groups = builder.groups((self.axis_name,))["replica_groups"]
        exchanged = builder.communicate(
            "all_to_all",
            x,
            (type,),
            split_dimension=mlir.integer(self.split_axis),
            concat_dimension=mlir.integer(self.split_axis),
            split_count=mlir.integer(self.size),
            replica_groups=groups,
        )
        order = [axis for axis in range(type.ndim) if axis != self.split_axis]
        order.insert(self.concat_axis, self.split_axis)
        if order == sorted(order):
            return exchanged
        permutation = mlir.int_array(order)
        return builder.emit("transpose", (exchanged,), permutation=permutation)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """The way back."""
        (ct,) = cotangents
        back = AllToAll(self.axis_name, self.concat_axis, self.split_axis, self.size)
        return [bind(back, ct)]

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """The batch axis and the split axis change places."""
        (x,), (axis,) = args, axes
        x = _shape.move_axis(to_front(x, axis, named.size), self.split_axis + 1, 0)
        return _shape.move_axis(x, 1, self.concat_axis + 1), 0

    def batch_other(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis goes to the front."""
        (x,), (axis,) = args, axes
        split, concat = self.split_axis + 1, self.concat_axis + 1
        made = AllToAll(self.axis_name, split, concat, self.size)
        return bind(made, _shape.move_axis(x, axis, 0)), 0


class Ppermute(Exchange):
    """Lanes send to others; zeros where nothing arrives."""

    permutation: tuple[tuple[int, int], ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand."""
        (x,) = arg_types
        return x

    def alone(self, builder: Any, args: Sequence[Any]) -> Any:
        """It sends to itself, or nothing arrives."""
        return (
            args[0] if self.permutation else builder.constant(0, builder.out_types[0])
        )

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """The same within each group of devices."""
        groups = builder.manual.groups((self.axis_name,))
        pairs = [groups[:, [source, target]] for source, target in self.permutation]
        if not pairs:
            return builder.constant(0, builder.out_types[0])
        return builder.communicate(
            "collective_permute",
            args[0],
            source_target_pairs=mlir.dense(np.concatenate(pairs)),
        )

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Everything goes back."""
        (ct,) = cotangents
        back = tuple((target, source) for source, target in self.permutation)
        return [bind(Ppermute(self.axis_name, back), ct)]

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """Rows of the batch change places."""
        (x,), (axis,) = args, axes
        x = to_front(x, axis, named.size)
        return _rows(x, _sources(self.permutation, named.size)), 0


class Pbroadcast(Exchange):
    """Every lane gets the operand of one."""

    source: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand."""
        (x,) = arg_types
        return x

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """The source gets the sum of all cotangents, the others nothing."""
        (ct,) = cotangents
        total = bind(Psum((self.axis_name,)), ct)
        varies = self.axis_name in typeof(ct).varying
        position = bind(AxisIndex(self.axis_name, varies))
        return [select(eq(position, np.int32(self.source)), total, zeros_like(total))]

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """All devices' operands, of which all but one are dropped again."""
        (x,), (type,) = args, builder.in_types
        rows = type.with_shape((1, *type.shape))
        every = type.with_shape((builder.manual.size((self.axis_name,)), *type.shape))
        gathered = builder.communicate(
            "all_gather",
            builder.emit("reshape", (x,), (rows,)),
            (every,),
            all_gather_dim=mlir.integer(0),
            **builder.groups((self.axis_name,)),
        )
        row = builder.emit(
            "slice",
            (gathered,),
            (rows,),
            start_indices=mlir.int_array((self.source, *[0] * type.ndim)),
            limit_indices=mlir.int_array((self.source + 1, *type.shape)),
            strides=mlir.int_array([1] * (type.ndim + 1)),
        )
        return builder.emit("reshape", (row,))

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """One row of the batch."""
        (x,), (axis,) = args, axes
        return x if axis is None else index_in_dim(x, self.source, axis, False), None


def _sources(permutation: Sequence[tuple[int, int]], size: int) -> np.ndarray:
    """Which lane sends to each; -1 for none."""
    sources = np.full(size, -1, np.int32)
    for source, target in permutation:
        sources[target] = source
    return sources


def _rows(x: Any, indices: Any) -> Any:
    """Rows of `x`; zeros for negative indices."""
    shape = typeof(x).shape
    numbers = GatherDimensionNumbers(
        offset_dims=tuple(range(1, len(shape))),
        collapsed_slice_dims=(0,),
        start_index_map=(0,),
    )
    where = np.asarray(indices)[:, None]
    sizes = (1, *shape[1:])
    return gather(x, where, numbers, sizes, mode="fill", fill_value=0)


# ---- the public functions ------------------------------------------------------------


def all_gather(
    x: Any,
    axis_name: AxisName,
    *,
    axis_index_groups: Any = None,
    axis: int = 0,
    tiled: bool = False,
    to: str = "varying",
) -> Any:
    """Give every lane the operands of all.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names,
            of which the first varies slowest.
        axis_index_groups: must be None.
        axis: where the new axis goes in the results.
        tiled: join along the existing `axis` instead of making a new one.
        to: `"varying"`; only meshes know other kinds of results.

    Returns:
        Arrays with the new axis, as long as the named one.

    Raises:
        NameError: an axis name is not bound.
        ValueError: `axis` is out of range.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.vmap(lambda x: lax.all_gather(x, "i"), axis_name="i")(jnp.arange(2.0))
        Array([[0., 1.],
               [0., 1.]], dtype=float32)
    """
    no_groups("all_gather", axis_index_groups)
    if to != "varying":
        raise value_error(f"all_gather: expected `to` to be 'varying', got {to!r}.")
    axes = axes_of("all_gather", axis_name)

    def gathered(leaf: Any) -> Any:
        place = _shape.as_axis(
            "all_gather", axis, typeof(leaf).ndim + (not tiled), "axis"
        )
        leaf = _gathered(leaf, axes, place)
        return _merged(leaf, place) if tiled else leaf

    return each_leaf("all_gather", x, gathered)


def _gathered(x: Any, axes: Sequence[NamedAxis], place: int) -> Any:
    """The operands of all lanes of all axes, along one new array axis."""
    x = varying_over(x, axes)
    for index, named in enumerate(reversed(axes)):
        x = bind(AllGather(named.name, place, named.size), x)
        if index:
            x = _merged(x, place)
    return x if axes else _shape.expand_dims(x, (place,))


def _merged(x: Any, axis: int) -> Any:
    """`axis` and the one after it as one."""
    shape = typeof(x).shape
    merged = shape[axis] * shape[axis + 1]
    return _shape.reshape(x, (*shape[:axis], merged, *shape[axis + 2 :]))


def _divided(x: Any, axis: int, size: int) -> Any:
    """`axis` as two, the first of length `size`."""
    shape = typeof(x).shape
    parts = (size, shape[axis] // size)
    return _shape.reshape(x, (*shape[:axis], *parts, *shape[axis + 1 :]))


def _check_size(function: str, x: Any, axis: int, lanes: int, tiled: bool) -> None:
    size = typeof(x).shape[axis]
    if size % lanes if tiled else size != lanes:
        raise value_error(
            f"{function}: the size of axis {axis} must be "
            f"{'a multiple of ' if tiled else ''}{lanes}, the number of lanes, got "
            f"{typeof(x)!r}.",
            "" if tiled else "Pass `tiled=True` to give each lane several indices.",
        )


def psum_scatter(
    x: Any,
    axis_name: AxisName,
    *,
    scatter_dimension: int = 0,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """Sum over a named axis, of which each lane gets its own part.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names,
            of which the first varies slowest.
        scatter_dimension: the axis whose index i is for lane i.
        axis_index_groups: must be None.
        tiled: keep the axis, and give each lane an equal slice of it.

    Returns:
        Arrays without the axis, or with a shorter one if `tiled`.

    Raises:
        NameError: an axis name is not bound.
        ValueError: the size of the axis does not fit the number of lanes.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> x = jnp.array([[1.0, 2.0], [10.0, 20.0]])
        >>> dc.vmap(lambda row: lax.psum_scatter(row, "i"), axis_name="i")(x)
        Array([11., 22.], dtype=float32)
    """
    no_groups("psum_scatter", axis_index_groups)
    axes = axes_of("psum_scatter", axis_name)
    size = number_of_lanes(axes)

    def scattered(leaf: Any) -> Any:
        place = _shape.as_axis(
            "psum_scatter", scatter_dimension, typeof(leaf).ndim, "scatter_dimension"
        )
        _check_size("psum_scatter", leaf, place, size, tiled)
        leaf = varying_over(leaf, axes)
        for named in axes:
            leaf = _divided(leaf, place, named.size)
            leaf = bind(PsumScatter(named.name, place, named.size), leaf)
        return leaf if tiled else _shape.squeeze(leaf, (place,))

    return each_leaf("psum_scatter", x, scattered)


def all_to_all(
    x: Any,
    axis_name: AxisName,
    split_axis: int,
    concat_axis: int,
    *,
    axis_index_groups: Any = None,
    tiled: bool = False,
) -> Any:
    """Transpose lanes with an array axis: lane i's index j becomes lane j's index i.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names,
            of which the first varies slowest.
        split_axis: the axis whose index j goes to lane j. It disappears.
        concat_axis: where the new axis goes in the results.
        axis_index_groups: must be None.
        tiled: split into and join equal slices of axes that stay.

    Returns:
        Arrays with the split axis moved, or resized if `tiled`.

    Raises:
        NameError: an axis name is not bound.
        ValueError: the size of the axis does not fit the number of lanes.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> x = jnp.array([[1, 2], [3, 4]])
        >>> dc.vmap(lambda row: lax.all_to_all(row, "i", 0, 0), axis_name="i")(x)
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    no_groups("all_to_all", axis_index_groups)
    axes = axes_of("all_to_all", axis_name)
    size = number_of_lanes(axes)

    def exchanged(leaf: Any) -> Any:
        ndim = typeof(leaf).ndim
        split = _shape.as_axis("all_to_all", split_axis, ndim, "split_axis")
        concat = _shape.as_axis("all_to_all", concat_axis, ndim, "concat_axis")
        _check_size("all_to_all", leaf, split, size, tiled)
        leaf = varying_over(leaf, axes)
        # The index of each named axis is exchanged on its own.
        for place, named in enumerate(axes, split):
            leaf = _divided(leaf, place, named.size)
            leaf = bind(AllToAll(named.name, place, place, named.size), leaf)
        for _ in axes[1:]:
            leaf = _merged(leaf, split)
        if not tiled:
            leaf = _shape.squeeze(leaf, (split + 1,))
        leaf = _shape.move_axis(leaf, split, concat)
        return _merged(leaf, concat) if tiled else leaf

    return each_leaf("all_to_all", x, exchanged)


def pswapaxes(
    x: Any, axis_name: AxisName, axis: int, *, axis_index_groups: Any = None
) -> Any:
    """Transpose lanes with an array axis as long as the named one.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        axis: the array axis.
        axis_index_groups: must be None.

    Returns:
        Arrays of the same shapes.

    Raises:
        NameError: an axis name is not bound.
        ValueError: the size of the axis is not the number of lanes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax, vmap
        >>> vmap(lambda x: lax.pswapaxes(x, "i", 0), axis_name="i")(jnp.array([[1, 2],
        ...     [3, 4]]))
        Array([[1, 3],
               [2, 4]], dtype=int32)
    """
    return all_to_all(x, axis_name, axis, axis, axis_index_groups=axis_index_groups)


def ppermute(x: Any, axis_name: AxisName, perm: Sequence[tuple[int, int]]) -> Any:
    """Send each lane's operand to another lane.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names,
            of which the first varies slowest.
        perm: pairs `(source, target)`; no source and no target twice.

    Returns:
        What arrived, zeros where nothing did.

    Raises:
        NameError: an axis name is not bound.
        ValueError: an index is out of range or given twice.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> def shift(x):
        ...     return lax.ppermute(x, "i", [(0, 1), (1, 2)])
        >>> dc.vmap(shift, axis_name="i")(jnp.arange(3.0))
        Array([0., 0., 1.], dtype=float32)
    """
    axes = axes_of("ppermute", axis_name)
    size = number_of_lanes(axes)
    pairs = tuple((int(source), int(target)) for source, target in perm)
    for side in zip(*pairs, strict=True):
        if len(set(side)) < len(side) or not all(0 <= index < size for index in side):
            raise value_error(
                f"ppermute: sources and targets must be distinct and between 0 and "
                f"{size - 1}, got {list(pairs)}."
            )

    def permuted(leaf: Any) -> Any:
        if len(axes) == 1:
            return bind(Ppermute(axes[0].name, pairs), varying_over(leaf, axes))
        everything = _rows(_gathered(leaf, axes, 0), _sources(pairs, size))
        return _own_row(everything, axis_name)

    return each_leaf("ppermute", x, permuted)


def _own_row(x: Any, axis_name: AxisName) -> Any:
    from .._ops._slicing import dynamic_index_in_dim

    return dynamic_index_in_dim(x, axis_index(axis_name), 0, keepdims=False)


def pshuffle(x: Any, axis_name: AxisName, perm: Sequence[int]) -> Any:
    """Give each lane the operand of another: lane i gets that of lane `perm[i]`.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        perm: a permutation of the lanes.

    Returns:
        Arrays of the same shapes.

    Raises:
        NameError: an axis name is not bound.
        ValueError: `perm` is no permutation of the lanes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax, vmap
        >>> vmap(lambda x: lax.pshuffle(x, "i", [2, 0, 1]),
        ...     axis_name="i")(jnp.arange(3))
        Array([2, 0, 1], dtype=int32)
    """
    size = number_of_lanes(axes_of("pshuffle", axis_name))
    if sorted(perm) != list(range(size)):
        raise value_error(
            f"pshuffle: expected a permutation of range({size}), got {list(perm)}."
        )
    return ppermute(x, axis_name, list(zip(perm, range(size), strict=True)))


def pbroadcast(x: Any, axis_name: AxisName, source: int) -> Any:
    """Give every lane the operand of one.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`.
        source: index of the lane that sends.

    Returns:
        Arrays of the same shapes, equal in all lanes.

    Raises:
        NameError: the axis name is not bound.
        ValueError: `source` is no lane.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.vmap(lambda x: lax.pbroadcast(x, "i", 1), axis_name="i")(jnp.arange(3.0))
        Array([1., 1., 1.], dtype=float32)
    """
    axes = axes_of("pbroadcast", axis_name)
    size = number_of_lanes(axes)
    if not 0 <= source < size:
        raise value_error(
            f"pbroadcast: `source` must be between 0 and {size - 1}, got {source}."
        )

    def sent(leaf: Any) -> Any:
        rest, leaf = source, varying_over(leaf, axes)
        for named in reversed(axes):
            rest, here = divmod(rest, named.size)
            leaf = bind(Pbroadcast(named.name, here), leaf)
        return leaf

    return each_leaf("pbroadcast", x, sent)

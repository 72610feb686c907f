"""Reductions over named axes: `psum`, `pmean`, `pmax`, `pmin`; `axis_index`.

A collective stays in the program as an operation that names its axis. Whoever maps over
the axis resolves it: `vmap` by its batch rule, which knows the axis as
`batched_axis()`; a mesh by lowering it to a communication.
"""

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Any, ClassVar, cast

import numpy as np

from .._backend import pytree
from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._ops._arithmetic import add, div, mul
from .._ops._comparison import eq
from .._ops._conversion import convert_element_type
from .._ops._creation import full_like, iota
from .._ops._reductions import reduce_max, reduce_min, reduce_sum
from .._ops._varying import set_sum, vary
from .._tracing import (
    NamedAxis,
    batched_axis,
    bind,
    find_axis,
    is_array_like,
    typeof,
    unbound_axis,
)

AxisName = Hashable | Sequence[Hashable]

_INT32 = np.dtype(np.int32)
_PYTHON_NUMBERS = (bool, int, float, complex)


class Collective(Primitive):
    """An operation between the lanes of named axes."""

    infers_varying = True

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """The batch rule along an axis that this operation names."""
        raise self._missing("resolve")

    def batch_other(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch rule along any other axis: here for elementwise operations."""
        (x,), (axis,) = args, axes
        return bind(self, x), axis

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Removes the batch axis if the operation names it."""
        named = batched_axis()
        if named is not None and named.name in self.named_axes:
            return self.resolve(args, axes, named)
        return self.batch_other(args, axes)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """What devices do that run by themselves along the axes."""
        if not builder.runs_along(self.named_axes):
            raise unbound_axis(self.name, *sorted(self.named_axes, key=str)[:1])
        if builder.manual.size(self.named_axes) == 1:
            return self.alone(builder, args)
        return self.communicate(builder, args)

    def alone(self, builder: Any, args: Sequence[Any]) -> Any:
        """The operation where there is one device along the axes."""
        (x,), (out,) = args, builder.out_types
        if builder.in_types[0].shape == out.shape:
            return x
        return builder.emit("reshape", (x,))

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """The operation between several devices."""
        raise self._missing("communicate")


class Reduce(Collective):
    """A reduction over axes; every lane gets the result."""

    axis_names: tuple[Hashable, ...]

    @property
    def named_axes(self) -> frozenset[Any]:
        """All of them."""
        return frozenset(self.axis_names)

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand, and the same along the axes."""
        (x,) = arg_types
        return x.with_varying(x.varying.difference(self.axis_names))

    operation: ClassVar[str]  # of StableHLO, that makes one value of two

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """One value from those of the devices."""
        (type,) = builder.in_types
        return builder.communicate(
            "all_reduce",
            args[0],
            reducing=(self.operation, type),
            **builder.groups(self.axis_names),
        )

    def one_axis(self, x: Any, axis: int | None, size: int) -> Any:
        """The reduction over an array's axis, or over `size` equal lanes for None."""
        raise self._missing("one_axis")

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """Reduce over the batch axis, then over the other names."""
        (x,), (axis,) = args, axes
        rest = tuple(name for name in self.axis_names if name != named.name)
        reduced = self.one_axis(x, axis, named.size)
        return bind(type(self)(rest), reduced) if rest else reduced, None


class Psum(Reduce):
    """Sum over named axes."""

    operation = "add"

    def one_axis(self, x: Any, axis: int | None, size: int) -> Any:
        return mul(x, full_like(x, size)) if axis is None else reduce_sum(x, (axis,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Each lane's operand reaches the result of every lane.

        Where types say that the result is one for all lanes, so is its cotangent.
        """
        (ct,), (x,) = cotangents, args
        once = x.type.varying.intersection(self.axis_names)
        rest = tuple([name for name in self.axis_names if name not in once])
        return [vary(sum_over(ct, rest) if rest else ct, once)]


class Extremum(Reduce):
    """The largest or smallest lane."""

    one_array: ClassVar[Callable[..., Any]]

    def one_axis(self, x: Any, axis: int | None, size: int) -> Any:
        return x if axis is None else type(self).one_array(x, (axis,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The mean tangent of the lanes that attain it."""
        (x,), (dx,) = primals, tangents
        out, total = bind(self, x), Psum(self.axis_names)
        attains = convert_element_type(eq(x, out), typeof(dx).dtype)
        return out, div(bind(total, mul(attains, dx)), bind(total, attains))


class Pmax(Extremum):
    """Maximum over named axes."""

    operation = "maximum"
    one_array = staticmethod(reduce_max)


class Pmin(Extremum):
    """Minimum over named axes."""

    operation = "minimum"
    one_array = staticmethod(reduce_min)


def sum_over(x: Any, names: tuple[Hashable, ...]) -> Any:
    """The sum over named axes, for rules."""
    return bind(Psum(names), x)


set_sum(sum_over)


class AxisIndex(Collective):
    """The lane's own position along an axis; `varies` as that of `NamedAxis`."""

    axis_name: Hashable
    varies: bool = False

    @property
    def named_axes(self) -> frozenset[Any]:
        """The one axis."""
        return frozenset((self.axis_name,))

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """An int32 scalar."""
        type = array_type((), _INT32)
        return type.with_varying(self.named_axes) if self.varies else type

    def alone(self, builder: Any, args: Sequence[Any]) -> Any:
        """There is but one."""
        return builder.constant(0, builder.out_types[0])

    def communicate(self, builder: Any, args: Sequence[Any]) -> Any:
        """Found from the number of the device, where it has one."""
        manual, size = builder.manual, builder.manual.size(self.named_axes)
        if manual.is_full:
            return _position_in_table(builder, self.axis_name)
        # XLA knows no number where it divides work as well. But the sum of what all
        # devices count, of which each gets its own, is the position, `size` times.
        counted = array_type((size,), _INT32)
        counts = builder.emit("iota", (), (counted,), iota_dimension=mlir.integer(0))
        total = builder.communicate(
            "reduce_scatter",
            counts,
            (counted.with_shape((1,)),),
            reducing=("add", counted),
            scatter_dimension=mlir.integer(0),
            **builder.groups((self.axis_name,)),
        )
        scalar = builder.emit("reshape", (total,))
        return builder.emit("divide", (scalar, builder.scalar(size, _INT32)))

    def resolve(
        self, args: Sequence[Any], axes: Sequence[int | None], named: NamedAxis
    ) -> Any:
        """Each lane counts."""
        return iota(_INT32, named.size), 0


def _position_in_table(builder: Any, name: Hashable) -> Any:
    """The position along an axis of the device that runs this."""
    groups = builder.manual.groups((name,))
    table = np.empty(groups.size, np.int32)
    table[groups] = np.arange(groups.shape[1], dtype=np.int32)
    number_type = array_type((), np.dtype(np.uint32))
    number = builder.emit("partition_id", (), (number_type,))
    positions = array_type(table.shape, _INT32)
    row = builder.emit(
        "dynamic_slice",
        (builder.constant(table, positions), number),
        (positions.with_shape((1,)),),
        slice_sizes=mlir.int_array((1,)),
    )
    return builder.emit("reshape", (row,))


# ---- arguments -----------------------------------------------------------------------


def axes_of(function: str, axis_name: AxisName) -> tuple[NamedAxis, ...]:
    """The bound axes that a user named.

    Raises:
        NameError: one of them is not bound.
    """
    several = isinstance(axis_name, tuple | list)
    names = cast(Sequence[Hashable], axis_name) if several else (axis_name,)
    return tuple([find_axis(function, name) for name in names])


def varying_over(x: Any, axes: Sequence[NamedAxis]) -> Any:
    """`x`, to be exchanged over axes: where types say what varies, it does."""
    names = frozenset([axis.name for axis in axes if axis.varies])
    return vary(x, names) if names else x


def number_of_lanes(axes: Sequence[NamedAxis]) -> int:
    """How many lanes the axes have together."""
    return math.prod(axis.size for axis in axes)


def names_of(axes: Sequence[NamedAxis]) -> tuple[Hashable, ...]:
    """Their names."""
    return tuple([axis.name for axis in axes])


def no_groups(function: str, groups: Any) -> None:
    """Refuse `axis_index_groups`.

    Raises:
        NotImplementedError: groups are given.
    """
    if groups is not None:
        raise NotImplementedError(
            f"{function}: expected axis_index_groups=None, got {groups!r}: collectives "
            "within groups of lanes are not supported.\nReshape the batch to two axes "
            "and nest two `vmap` with a name each."
        )


def each_leaf(function: str, tree: Any, apply: Callable[[Any], Any]) -> Any:
    """`apply` to every array of a tree.

    Raises:
        TypeError: a leaf is no array.
    """
    leaves, structure = pytree.PUBLIC.flatten(tree)
    for leaf in leaves:
        if not is_array_like(leaf):
            raise type_error(
                f"{function}: expected arrays or Python numbers as leaves, got "
                f"{type(leaf).__name__} {leaf!r:.60}."
            )
    return structure.unflatten([apply(leaf) for leaf in leaves])


# ---- the public functions ------------------------------------------------------------


def psum(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Sum over named axes.

    Args:
        x: arrays of any shape in a tree; booleans count as int32.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        axis_index_groups: must be None.

    Returns:
        The sums, in the shapes and dtypes of `x`. A Python number gives a Python
        number: itself times the number of lanes.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> share = dc.vmap(lambda x: x / lax.psum(x, "i"), axis_name="i")
        >>> share(jnp.array([1.0, 3.0]))
        Array([0.25, 0.75], dtype=float32)
    """
    no_groups("psum", axis_index_groups)
    axes = axes_of("psum", axis_name)

    def total(leaf: Any) -> Any:
        if isinstance(leaf, _PYTHON_NUMBERS):
            return leaf * number_of_lanes(axes)
        if typeof(leaf).dtype == np.bool_:
            leaf = convert_element_type(leaf, _INT32)
        leaf = varying_over(leaf, axes)
        return bind(Psum(names_of(axes)), leaf) if axes else leaf

    return each_leaf("psum", x, total)


def pmean(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Mean over named axes.

    Args:
        x: arrays of any shape in a tree; integers become floats.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        axis_index_groups: must be None.

    Returns:
        The means, in the shapes of `x`.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> center = dc.vmap(lambda x: x - lax.pmean(x, "i"), axis_name="i")
        >>> center(jnp.array([1.0, 3.0]))
        Array([-1.,  1.], dtype=float32)
    """
    no_groups("pmean", axis_index_groups)
    count = number_of_lanes(axes_of("pmean", axis_name))

    def mean(total: Any) -> Any:
        if isinstance(total, _PYTHON_NUMBERS):
            return total / count
        if not typeof(total).is_differentiable:
            total = convert_element_type(total, dtypes.scalar_dtype(0.0))
        return div(total, full_like(total, count))

    return each_leaf("pmean", psum(x, axis_name), mean)


def pmax(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Maximum over named axes.

    Differentiable, unlike JAX's: the derivative is shared by the lanes that attain the
    maximum.

    Args:
        x: real arrays of any shape in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        axis_index_groups: must be None.

    Returns:
        The maxima, in the shapes and dtypes of `x`; NaN where a lane is NaN.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.vmap(lambda x: lax.pmax(x, "i"), axis_name="i")(jnp.array([1.0, 3.0]))
        Array([3., 3.], dtype=float32)
    """
    no_groups("pmax", axis_index_groups)
    return _extremum("pmax", Pmax, x, axis_name)


def pmin(x: Any, axis_name: AxisName, *, axis_index_groups: Any = None) -> Any:
    """Minimum over named axes; otherwise like `pmax`.

    Args:
        x: real arrays of any shape in a tree.
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.
        axis_index_groups: must be None.

    Returns:
        The minima, in the shapes and dtypes of `x`; NaN where a lane is NaN.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax, vmap
        >>> vmap(lambda x: lax.pmin(x, "i"), axis_name="i")(jnp.array([3, 1, 2]))
        Array([1, 1, 1], dtype=int32)
    """
    no_groups("pmin", axis_index_groups)
    return _extremum("pmin", Pmin, x, axis_name)


def _extremum(function: str, cls: type[Extremum], x: Any, axis_name: AxisName) -> Any:
    axes = axes_of(function, axis_name)
    if not axes:
        return x
    reduction = cls(names_of(axes))
    return each_leaf(function, x, lambda x: bind(reduction, varying_over(x, axes)))


def axis_index(axis_name: AxisName) -> Any:
    """This lane's position along a named axis.

    Args:
        axis_name: name of an axis bound by `vmap` or `shard_map`; of several, the first
            varies slowest.

    Returns:
        An int32 scalar.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.vmap(lambda x: lax.axis_index("i"), axis_name="i")(jnp.ones(3))
        Array([0, 1, 2], dtype=int32)
    """
    axes = axes_of("axis_index", axis_name)
    index: Any = np.zeros((), _INT32)
    for axis in axes:
        index = mul(index, np.asarray(axis.size, _INT32))
        index = add(index, bind(AxisIndex(axis.name, axis.varies)))
    return index


def axis_size(axis_name: AxisName) -> int:
    """Length of a named axis, or of several together; a Python integer.

    Args:
        axis_name: name of an axis bound by `vmap` or `shard_map`, or a tuple of names.

    Raises:
        NameError: an axis name is not bound.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> dc.vmap(lambda x: x / lax.axis_size("i"), axis_name="i")(jnp.ones(2))
        Array([0.5, 0.5], dtype=float32)
    """
    return number_of_lanes(axes_of("axis_size", axis_name))


def pcast(x: Any, axis_name: AxisName, *, to: str) -> Any:
    """Cast values to vary over axes of a mesh, inside `shard_map`.

    Values are what they were; their type says that they may differ from device to
    device, and their derivative is that of one device. Where operands of an operation
    vary over different axes, the cast is made by itself.

    Args:
        x: arrays in a tree.
        axis_name: name of an axis bound by `shard_map`, or a tuple of names.
        to: `"varying"`.

    Returns:
        The same arrays, of other types.

    Raises:
        NameError: an axis name is not bound.
        ValueError: `to` is something else.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> mesh = dc.make_mesh((1,), ("x",))
        >>> @dc.shard_map(mesh=mesh, in_specs=dc.P(), out_specs=dc.P("x"))
        ... def f(x):
        ...     print(dc.typeof(x), dc.typeof(lax.pcast(x, "x", to="varying")))
        ...     return x
        >>> f(jnp.zeros(2))
        f32[2] f32[2]{V:x}
        Array([0., 0.], dtype=float32)
    """
    if to != "varying":
        raise value_error(f"pcast: expected `to` to be 'varying', got {to!r}.")
    axes = axes_of("pcast", axis_name)
    return each_leaf("pcast", x, lambda leaf: varying_over(leaf, axes))

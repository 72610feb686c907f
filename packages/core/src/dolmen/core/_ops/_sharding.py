"""How a value inside a program is laid out over a mesh of devices."""

from collections.abc import Sequence
from typing import Any

from .. import _backend
from .._ir import ArrayType, Primitive
from .._tracing import batched_axis, bind, device_array


def constrained(value: Any, sharding: Any) -> Any:
    """`value`, laid out by a `NamedSharding`."""
    return bind(ShardingConstraint(sharding), value)


class ShardingConstraint(Primitive):
    """The argument, which the compiler has to lay out by a `NamedSharding`."""

    sharding: Any

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        return arg_types[0]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return [bind(self, *cotangents)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        [value], [axis] = args, axes
        assert axis is not None  # it is the only argument
        named = batched_axis()
        over = named.spmd_name if named is not None else None
        free = _backend.PartitionSpec.UNCONSTRAINED
        parts = list(self.sharding.spec)
        parts += [None] * (axis - len(parts))
        parts.insert(axis, free if over is None else over)
        spec = _backend.PartitionSpec(*parts)
        return constrained(value, self.sharding.update(spec=spec)), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.constrain(args[0], self.sharding)

    def eager(self) -> Any:
        sharding = _backend.settled(self.sharding)
        return lambda value: _backend.move(device_array(value), sharding)

    def fuses(self) -> bool:
        return True

"""How a value inside a program is laid out over a mesh of devices."""

from collections.abc import Sequence
from typing import Any

from .. import _backend
from .._ir import ArrayType, Primitive
from .._tracing import (
    Tracer,
    batched_axis,
    bind,
    compiled,
    device_array,
    device_of,
    is_staging,
)


def constrained(value: Any, sharding: Any) -> Any:
    """`value`, laid out by a `NamedSharding`."""
    return bind(ShardingConstraint(sharding), value)


def at_place(value: Any, place: Any, type: ArrayType | None = None) -> Any:
    """`value` as an array on a device or laid out by a sharding; None: where it is.

    What is traced is where its program runs, but can be laid out there.
    """
    if place is None:
        return device_array(value, type)
    place = device_of(place)
    if isinstance(place, _backend.NamedSharding) and (
        is_staging() or isinstance(value, Tracer) or _goes_by_program(value, place)
    ):
        return constrained(device_array(value, type), place)
    return device_array(value, type, place)


def _goes_by_program(value: Any, sharding: Any) -> bool:
    """Whether devices exchange the parts of an array; else it goes through the host.

    That is shorter on the CPU, where the host's memory is the devices', but only if
    this process can see all parts.
    """
    if not isinstance(value, _backend.ArrayImpl):
        return False
    held = value.sharding
    if not isinstance(held, _backend.NamedSharding):
        return False
    near = _backend.default_backend() == "cpu" and value.is_fully_addressable
    same = _backend.devices_of(held) == _backend.devices_of(sharding)
    return same and not near


class ShardingConstraint(Primitive):
    """The argument, which the compiler has to lay out by a `NamedSharding`."""

    sharding: Any

    @property
    def shardings(self) -> tuple[Any, ...]:
        return (self.sharding,)

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
        by_program = compiled(self)

        def lay_out(value: Any) -> Any:
            array = device_array(value)
            if _goes_by_program(array, sharding):
                array = by_program(array)
            return _backend.move(array, sharding)

        return lay_out

    def fuses(self) -> bool:
        return True

"""How arrays lie on devices: on a single one, or split over a mesh.

The classes are jaxlib's; what Python has to add to them is here.
"""

import functools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import jaxlib._jax as _jax
import numpy as np
from jaxlib import xla_client

from . import _stubs
from ._mesh import Mesh, PartitionSpec, axes_of_part

Sharding = _jax.Sharding
SingleDeviceSharding = _jax.SingleDeviceSharding
NamedSharding = _jax.NamedSharding

_REPLICATED = xla_client.OpSharding.Type.REPLICATED


@functools.cache
def device_sharding(device: Any, memory_kind: str | None = None) -> Any:
    """The one sharding object for a single device (C++ compares by identity)."""
    return SingleDeviceSharding(device, memory_kind=memory_kind)


def whole_on(mesh: Mesh) -> Any:
    """The sharding that puts a copy of an array on each device of a mesh."""
    return NamedSharding(mesh, PartitionSpec())


def devices_of(sharding: Any) -> tuple[Any, ...]:
    """The devices of a sharding, in the order in which programs number them."""
    if isinstance(sharding, SingleDeviceSharding):
        return (sharding._device,)
    return tuple(sharding.mesh.devices.flat)


# ---- parts ---------------------------------------------------------------------------


def axes_by_dimension(sharding: Any, ndim: int) -> list[tuple[str, ...]]:
    """For each axis of an array, the axes of the mesh that it is split over.

    Raises:
        ValueError: the array has fewer axes than the specification.
    """
    spec = sharding.spec
    if len(spec) > ndim:
        raise ValueError(
            f"{spec!r} is for arrays of at least {len(spec)} axes, got one of {ndim}."
        )
    found = [axes_of_part(part) for part in spec]
    return found + [()] * (ndim - len(found))


def parts_of_axes(sharding: Any, ndim: int) -> list[int]:
    """In how many parts each axis of an array is to be split.

    Raises:
        ValueError: the array has fewer axes than the specification.
    """
    if isinstance(sharding, SingleDeviceSharding):
        return [1] * ndim
    sizes = sharding.mesh.shape
    groups = axes_by_dimension(sharding, ndim)
    return [math.prod(sizes[name] for name in group) for group in groups]


def counts(sharding: Any, shape: Sequence[int]) -> list[int]:
    """In how many parts each axis of an array of this shape is split.

    Raises:
        ValueError: the array has too few axes, or one can't be split evenly.
    """
    found = parts_of_axes(sharding, len(shape))
    for axis, (size, count) in enumerate(zip(shape, found, strict=True)):
        if size % count:
            raise ValueError(
                f"axis {axis} of shape {tuple(shape)} has {size} elements, which "
                f"{sharding.spec!r} splits in {count} equal parts over "
                f"{sharding.mesh!r}. Pad it to a multiple of {count}, or leave it "
                "whole."
            )
    return found


def part_of(sharding: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of the part that each device has of an array, which splits evenly."""
    parts = parts_of_axes(sharding, len(shape))
    return tuple([size // count for size, count in zip(shape, parts, strict=True)])


def whole_of(sharding: Any, shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of an array of which each device has a part of this shape."""
    parts = parts_of_axes(sharding, len(shape))
    return tuple([size * count for size, count in zip(shape, parts, strict=True)])


def indices(sharding: Any, shape: Sequence[int]) -> Iterator[tuple[Any, tuple]]:
    """Each device with the part that it holds of an array, one slice for each axis."""
    if isinstance(sharding, SingleDeviceSharding):
        yield sharding._device, (slice(None),) * len(shape)
        return
    if is_open(sharding):
        raise ValueError(
            f"{sharding.spec!r} leaves an axis to the compiler, which says nothing of "
            "where an array is. Name its axes, or None."
        )
    mesh, names = sharding.mesh, axes_by_dimension(sharding, len(shape))
    parts = counts(sharding, shape)
    axes = [[mesh.axis_names.index(name) for name in group] for group in names]
    for place, device in np.ndenumerate(mesh.devices):
        index = []
        for size, count, group in zip(shape, parts, axes, strict=True):
            number = 0
            for axis in group:
                number = number * mesh.devices.shape[axis] + place[axis]
            length = size // count
            whole = count == 1
            index.append(
                slice(None) if whole else slice(number * length, (number + 1) * length)
            )
        yield device, tuple(index)


def key_of(index: tuple[slice, ...]) -> tuple[Any, ...]:
    """Equal for equal indices, as slices can't be hashed before Python 3.12."""
    return tuple([(part.start, part.stop) for part in index])


def is_fully_replicated(sharding: Any) -> bool:
    """Whether every device holds the whole array."""
    if isinstance(sharding, SingleDeviceSharding):
        return True
    sizes = sharding.mesh.shape
    return all(
        sizes[name] == 1 for part in sharding.spec for name in axes_of_part(part)
    )


def is_fully_addressable(sharding: Any) -> bool:
    """Whether all its devices are those of this process."""
    return isinstance(sharding, SingleDeviceSharding) or not (
        sharding.mesh.is_multi_process
    )


def is_open(sharding: Any) -> bool:
    """Whether it leaves an axis to the compiler."""
    return PartitionSpec.UNCONSTRAINED in tuple(sharding.spec)


def settled(sharding: Any) -> Any:
    """The sharding with axes that it leaves to the compiler left whole."""
    free = PartitionSpec.UNCONSTRAINED
    spec = PartitionSpec(*(None if part is free else part for part in sharding.spec))
    return sharding.update(spec=spec)


# ---- XLA's form ----------------------------------------------------------------------


def hlo_sharding(sharding: Any, ndim: int) -> Any:
    """The sharding as XLA writes it: a grid of parts, and which device holds each."""
    if is_fully_replicated(sharding):
        return xla_client.HloSharding.replicate()
    mesh: Mesh = sharding.mesh
    groups = axes_by_dimension(sharding, ndim)
    used = [mesh.axis_names.index(name) for group in groups for name in group]
    rest = [axis for axis in range(mesh.devices.ndim) if axis not in used]
    copies = math.prod(mesh.devices.shape[axis] for axis in rest)
    dims = parts_of_axes(sharding, ndim)
    return xla_client.HloSharding.iota_tile(
        dims=[*dims, copies] if copies > 1 else dims,
        reshape_dims=mesh.devices.shape,
        transpose_perm=[*used, *rest],
        subgroup_types=[_REPLICATED] if copies > 1 else [],
    )


def named_sharding(mesh: Mesh, hlo: Any, ndim: int) -> Any:
    """The sharding over `mesh` that XLA writes as `hlo`; None where there is none."""
    if hlo.is_replicated():
        return whole_on(mesh)
    if not hlo.is_tiled():
        return None
    grid = list(hlo.tile_assignment_dimensions())
    devices = np.asarray(hlo.tile_assignment_devices(), np.int64)
    # Where in the grid each device of the mesh is.
    places = np.empty((devices.size, len(grid)), np.int64)
    places[devices] = np.stack(np.unravel_index(np.arange(devices.size), grid), -1)
    places = places[:, :ndim].reshape(*mesh.devices.shape, ndim)
    parts: list[Any] = []
    for axis in range(ndim):
        names = _axes_that_number(places[..., axis], mesh.axis_names)
        if names is None:
            return None
        parts.append(names)
    while parts and not parts[-1]:
        parts.pop()
    return NamedSharding(mesh, PartitionSpec(*parts))


def _axes_that_number(
    numbers: np.ndarray, names: tuple[str, ...]
) -> tuple[str, ...] | None:
    """The axes whose indices, the first slowest, count up to `numbers`, if any do."""
    origin = (0,) * numbers.ndim
    strides = {}
    for axis, size in enumerate(numbers.shape):
        if size > 1:
            step = int(numbers[(*origin[:axis], 1, *origin[axis + 1 :])])
            if step:
                strides[axis] = step
    order = sorted(strides, key=lambda axis: -strides[axis])
    counted = np.zeros_like(numbers)
    index = np.indices(numbers.shape)
    for axis in order:
        counted = counted * numbers.shape[axis] + index[axis]
    return tuple(names[a] for a in order) if (counted == numbers).all() else None


def hlo_sharding_of(proto: Any) -> Any:
    """The sharding in the form that compiled programs report."""
    return xla_client.HloSharding.from_proto(proto)


def grid_sharding(devices: Sequence[Any], hlo: Any, ndim: int) -> Any:
    """The sharding over a mesh shaped as XLA's grid, if it has the devices in order.

    XLA may split an array over a part of an axis, which no mesh but its own expresses.
    """
    if not hlo.is_tiled():
        return None
    grid = list(hlo.tile_assignment_dimensions())
    if list(hlo.tile_assignment_devices()) != list(range(len(devices))):
        return None
    names = [f"grid_{axis}" for axis in range(len(grid))]
    mesh = Mesh(np.array(devices, object).reshape(grid), names)
    return NamedSharding(mesh, PartitionSpec(*names[:ndim]))


def is_equivalent(one: Any, other: Any, ndim: int) -> bool:
    """Whether two shardings place arrays of `ndim` axes alike."""
    if one is other or one == other:
        return True
    if devices_of(one) != devices_of(other) or one.memory_kind != other.memory_kind:
        return False
    return one._to_xla_hlo_sharding(ndim) == other._to_xla_hlo_sharding(ndim)


# ---- what Python adds to the classes -------------------------------------------------


def _check_spec(mesh: Any, spec: Any) -> None:
    """What C++ calls for each new `NamedSharding`.

    Raises:
        TypeError: mesh or specification is something else.
        ValueError: the specification names an axis that the mesh has not.
    """
    if not isinstance(mesh, Mesh):
        raise TypeError(f"NamedSharding: mesh must be a Mesh, got {mesh!r:.60}.")
    if not isinstance(spec, PartitionSpec):
        raise TypeError(
            f"NamedSharding: spec must be a PartitionSpec, got {spec!r:.60}. Write "
            "`PartitionSpec('name', None)`."
        )
    for part in spec:
        for name in axes_of_part(part):
            if name not in mesh.axis_names:
                raise ValueError(
                    f"NamedSharding: {spec!r} names the axis {name!r}, but the axes of "
                    f"the mesh are {', '.join(map(repr, mesh.axis_names))}."
                )


def _devices_indices_map(self: Any, global_shape: Sequence[int]) -> dict[Any, tuple]:
    """Each device with the part that it holds, one slice for each axis."""
    return dict(indices(self, tuple(global_shape)))


def _addressable_indices_map(
    self: Any, global_shape: Sequence[int]
) -> dict[Any, tuple]:
    """The same for the devices of this process."""
    here = self.addressable_devices
    found = indices(self, tuple(global_shape))
    return {device: index for device, index in found if device in here}


def _shard_shape(self: Any, global_shape: Sequence[int]) -> tuple[int, ...]:
    """Shape of the part that each device holds."""
    parts = counts(self, global_shape)
    return tuple(s // count for s, count in zip(global_shape, parts, strict=True))


def _addressable_devices(self: Any) -> set[Any]:
    """The devices of this process that it names."""
    here = self._internal_device_list.addressable_device_list
    return set(here)


def _single_repr(self: Any) -> str:
    kind = f", memory_kind={self._memory_kind}" * (self._memory_kind is not None)
    return f"SingleDeviceSharding(device={self._device!r}{kind})"


def _has_kind(sharding: Any) -> bool:
    """Whether it names a memory that is not the device's own."""
    return sharding._memory_kind not in (None, "device")


def _named_repr(self: Any) -> str:
    kind = f", memory_kind={self._memory_kind}" * _has_kind(self)
    return f"NamedSharding(mesh={self.mesh!r}, spec={self.spec!r}{kind})"


def _named_reduce(self: Any) -> tuple[Any, ...]:
    return NamedSharding, (self.mesh, self.spec, self._memory_kind)


def _update(self: Any, **changes: Any) -> Any:
    """This sharding with another `mesh`, `spec` or `memory_kind`."""
    fields = {"mesh": self.mesh, "spec": self.spec, "memory_kind": self._memory_kind}
    unknown = sorted(set(changes) - set(fields))
    if unknown:
        raise TypeError(
            f"NamedSharding.update: expected mesh, spec or memory_kind, got {unknown}."
        )
    return NamedSharding(**{**fields, **changes})


def install() -> None:
    """Add what Python has to, once."""
    for cls in (SingleDeviceSharding, NamedSharding):
        cls.memory_kind = property(lambda self: self._memory_kind)
        cls.device_set = property(lambda self: set(devices_of(self)))
        cls.num_devices = property(lambda self: len(devices_of(self)))
        cls.addressable_devices = property(_addressable_devices)
        cls.is_fully_replicated = property(is_fully_replicated)
        cls.is_fully_addressable = property(is_fully_addressable)
        cls.devices_indices_map = _devices_indices_map
        cls.addressable_devices_indices_map = _addressable_indices_map
        cls.shard_shape = _shard_shape
        cls.is_equivalent_to = is_equivalent
    SingleDeviceSharding._to_xla_hlo_sharding = lambda self, ndim: (
        xla_client.HloSharding.replicate()
    )
    SingleDeviceSharding.__repr__ = _single_repr
    NamedSharding._to_xla_hlo_sharding = hlo_sharding
    NamedSharding.__repr__ = _named_repr
    NamedSharding.__reduce__ = _named_reduce
    NamedSharding.update = _update
    # C++ looks the check up at the first sharding and keeps it.
    with _stubs.lookups():
        NamedSharding(Mesh((), "none"), PartitionSpec())


_stubs.provide(
    "jax._src.sharding_impls",
    make_single_device_sharding=lambda device, memory_kind=None: device_sharding(
        device, memory_kind
    ),
)
_stubs.provide("jax._src.named_sharding", check_pspec=_check_spec)

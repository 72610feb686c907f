"""Meshes of devices, and specifications of how arrays are laid over them.

Both are plain values: equal ones are interchangeable. C++ compares the meshes of two
shardings by identity, so equal meshes are one object.
"""

import enum
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import jaxlib._jax as _jax
import numpy as np

from . import _flag


class AxisType(enum.Enum):
    """Who decides how arrays are laid over an axis of a mesh.

    `Auto`: the compiler, from the shardings of arguments and from constraints.
    """

    Auto = enum.auto()

    def __repr__(self) -> str:
        return self.name


class _Unconstrained:
    """What `PartitionSpec.UNCONSTRAINED` is."""

    def __repr__(self) -> str:
        return "UNCONSTRAINED"

    def __reduce__(self) -> str:
        return "_UNCONSTRAINED"


_UNCONSTRAINED = _Unconstrained()

Part = str | tuple[str, ...] | _Unconstrained | None


class PartitionSpec:
    """For each axis of an array, the axes of a mesh that it is split over.

    Args:
        *partitions: for each axis of the array the name of an axis of the mesh, a tuple
            of names (split over all of them, the first varying slowest), None (not
            split) or `PartitionSpec.UNCONSTRAINED` (the compiler decides). Axes beyond
            the last one are not split.

    Raises:
        TypeError: something else is given.
        ValueError: a name is given twice.

    Example:
        >>> from dolmen.core.sharding import PartitionSpec as P
        >>> P("data", None, ("x", "y"))
        P('data', None, ('x', 'y'))
    """

    __slots__ = ("_parts",)

    UNCONSTRAINED = _UNCONSTRAINED

    _parts: tuple[Part, ...]

    def __init__(self, *partitions: Any) -> None:
        parts = tuple(map(_checked_part, partitions))
        names = [name for part in parts for name in axes_of_part(part)]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"PartitionSpec: {name!r} is given twice in {partitions!r}; an "
                    "axis of a mesh can split one axis of an array."
                )
        object.__setattr__(self, "_parts", parts)

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("PartitionSpec can't be changed; make another one.")

    def __iter__(self) -> Iterator[Part]:
        return iter(self._parts)

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, index: Any) -> Any:
        return self._parts[index]

    def __add__(self, other: Any) -> "PartitionSpec":
        return PartitionSpec(*self._parts, *other)

    def __radd__(self, other: Any) -> "PartitionSpec":
        return PartitionSpec(*other, *self._parts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PartitionSpec):
            return self._parts == other._parts
        return isinstance(other, tuple) and self._parts == other

    def __hash__(self) -> int:
        return hash(self._parts)

    def __repr__(self) -> str:
        return f"P({', '.join(map(repr, self._parts))})"

    def __reduce__(self) -> tuple[Any, ...]:
        return PartitionSpec, self._parts


def _checked_part(part: Any) -> Part:
    if part is None or part is _UNCONSTRAINED or isinstance(part, str):
        return part
    if isinstance(part, tuple | list) and all(isinstance(n, str) for n in part):
        # One name alone and none at all have a form of their own.
        return tuple(part) if len(part) > 1 else part[0] if part else None
    raise TypeError(
        "PartitionSpec: expected for each axis a name, a tuple of names, None or "
        f"UNCONSTRAINED, got {part!r:.60}."
    )


def axes_of_part(part: Part) -> tuple[str, ...]:
    """The axes of the mesh that one axis of an array is split over."""
    if isinstance(part, str):
        return (part,)
    return part if isinstance(part, tuple) else ()


class Mesh:
    """Devices in an array whose axes have names.

    Args:
        devices: an array of devices, or nested sequences of them.
        axis_names: a name for each axis, or one name alone.
        axis_types: `AxisType.Auto` for each axis, or None; there are no other ones.

    Raises:
        TypeError: something is no device, or no name.
        ValueError: names and axes are not one to one, or a device comes twice.

    Attributes:
        devices: array of the devices.
        axis_names: names of its axes.
        axis_types: `AxisType.Auto` for each axis.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.sharding import Mesh
        >>> Mesh(dc.devices()[:1], "data")
        Mesh('data': 1)
    """

    devices: np.ndarray
    axis_names: tuple[str, ...]
    axis_types: tuple[AxisType, ...]

    def __new__(cls, devices: Any, axis_names: Any, axis_types: Any = None) -> "Mesh":
        """The one mesh with these devices and names."""
        names = (axis_names,) if isinstance(axis_names, str) else tuple(axis_names)
        array = _device_array(devices)
        _check_axes(array, names, axis_types)
        key = (tuple(array.flat), array.shape, names)
        found = _meshes.get(key)
        if found is None:
            made = object.__new__(cls)
            array.flags.writeable = False
            made.devices = array
            made.axis_names = names
            made.axis_types = (AxisType.Auto,) * len(names)
            found = _meshes.setdefault(key, made)
        return found

    @property
    def axis_sizes(self) -> tuple[int, ...]:
        """Sizes of the axes."""
        return self.devices.shape

    @property
    def shape(self) -> dict[str, int]:
        """Sizes of the axes by name."""
        return dict(self.shape_tuple)

    @property
    def shape_tuple(self) -> tuple[tuple[str, int], ...]:
        """Pairs of a name and a size."""
        return tuple(zip(self.axis_names, self.devices.shape, strict=True))

    @property
    def size(self) -> int:
        """How many devices there are."""
        return self.devices.size

    @property
    def empty(self) -> bool:
        """Whether it has no axes."""
        return not self.axis_names

    @property
    def device_ids(self) -> np.ndarray:
        """Numbers of the devices."""
        ids = [device.id for device in self.devices.flat]
        return np.array(ids, np.int64).reshape(self.devices.shape)

    @property
    def local_devices(self) -> list[Any]:
        """The devices of this process."""
        here = self._internal_device_list.addressable_device_list
        return list(here)

    @property
    def is_multi_process(self) -> bool:
        """Whether devices of other processes belong to it."""
        return len(self.local_devices) != self.size

    @property
    def _internal_device_list(self) -> Any:  # C++ reads it
        return device_list(tuple(self.devices.flat))

    def __enter__(self) -> "Mesh":
        """Make it the current mesh until the block ends, as `set_mesh` does."""
        _entered.before.append(_flag.swap_mesh(self))
        return self

    def __exit__(self, *error: Any) -> None:
        _flag.swap_mesh(_entered.before.pop())

    def __repr__(self) -> str:
        axes = ", ".join(f"{name!r}: {size}" for name, size in self.shape_tuple)
        return f"Mesh({axes})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _mesh_of_ids, (self.device_ids, self.axis_names)


_meshes: dict[Any, Mesh] = {}


class _Entered(threading.local):
    """The meshes to go back to at the ends of this thread's `with mesh:` blocks."""

    def __init__(self) -> None:
        self.before: list[Any] = []


_entered = _Entered()


_device_lists: dict[tuple[Any, ...], Any] = {}


def device_list(devices: tuple[Any, ...]) -> Any:
    """Devices in the form that C++ takes."""
    found = _device_lists.get(devices)
    if found is None:
        found = _device_lists[devices] = _jax.DeviceList(devices)
    return found


def _device_array(devices: Any) -> np.ndarray:
    array = np.array(devices, dtype=object)
    for device in array.flat:
        if not isinstance(device, _jax.Device):
            raise TypeError(
                f"Mesh: expected an array of devices, got {device!r:.60} in it. "
                "Devices are those of `dolmen.core.devices()`."
            )
    if len(set(array.flat)) != array.size:
        raise ValueError(f"Mesh: a device comes twice in {list(array.flat)!r:.200}.")
    return array


def _check_axes(array: np.ndarray, names: tuple[Any, ...], types: Any) -> None:
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"Mesh: axis_names must be strings, got {names!r:.80}.")
    if len(set(names)) != len(names):
        raise ValueError(f"Mesh: axis_names must differ, got {names!r:.80}.")
    if len(names) != array.ndim:
        raise ValueError(
            f"Mesh: expected a name for each of the {array.ndim} axes of `devices` "
            f"{array.shape}, got {names!r:.80}."
        )
    if types is None:
        return
    given = types if isinstance(types, Sequence) else (types,)
    if len(given) != len(names) or any(type is not AxisType.Auto for type in given):
        raise ValueError(
            "Mesh: axis_types must be AxisType.Auto for each axis or None, got "
            f"{types!r:.80}."
        )


def _mesh_of_ids(ids: np.ndarray, names: tuple[str, ...]) -> Mesh:
    """The mesh of devices by their numbers; for `pickle`."""
    from . import _client

    known = {device.id: device for device in _client.client().devices()}
    missing = sorted({int(i) for i in ids.flat} - set(known))
    if missing:
        raise ValueError(
            f"Mesh: it has devices number {missing}, but this process knows the "
            f"{len(known)} devices {sorted(known)}."
        )
    devices = np.array([known[int(i)] for i in ids.flat], object)
    return Mesh(devices.reshape(ids.shape), names)

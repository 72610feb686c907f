"""How arrays are laid over devices.

A `Mesh` is an array of devices whose axes have names. A `NamedSharding` says with a
`PartitionSpec` which axes of an array are split over which axes of a mesh. Programs
follow their arguments: what is computed from arrays on a mesh is computed on all its
devices, and the compiler inserts the communication.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core.sharding import NamedSharding, PartitionSpec as P
    >>> mesh = dc.make_mesh((1,), ("data",))  # as many devices as there are
    >>> batch = dc.device_put(jnp.ones((8, 4)), NamedSharding(mesh, P("data")))
    >>> dc.jit(lambda x: x @ x.T)(batch).sharding
    NamedSharding(mesh=Mesh('data': 1), spec=P())
"""

from typing import Any

from ._backend import (
    AxisType as AxisType,
    Device,
    Mesh as Mesh,
    NamedSharding as NamedSharding,
    PartitionSpec as PartitionSpec,
    Sharding as Sharding,
    SingleDeviceSharding as SingleDeviceSharding,
    device_sharding,
)
from ._ir import ManualAxisType as ManualAxisType
from ._tracing import get_mesh as get_mesh, set_mesh as set_mesh

__all__ = [
    "AxisType",
    "ManualAxisType",
    "Mesh",
    "NamedSharding",
    "PartitionSpec",
    "Sharding",
    "SingleDeviceSharding",
    "get_mesh",
    "make_single_device_sharding",
    "set_mesh",
]
__dir__ = __all__.copy


def make_single_device_sharding(device: Device, memory_kind: str | None = None) -> Any:
    """The sharding that puts a whole array on one device.

    Args:
        device: one of `dolmen.core.devices()`.
        memory_kind: one of the device's memories; None for its own.

    Returns:
        The `SingleDeviceSharding`, the same object for equal arguments.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.sharding import make_single_device_sharding
        >>> make_single_device_sharding(dc.devices()[0]).device_set
        {CpuDevice(id=0)}
    """
    return device_sharding(device, memory_kind)

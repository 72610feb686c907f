"""How arrays are laid over devices; for now, on which single device they are.

Example:
    >>> import dolmen.core as dc, dolmen.core.numpy as jnp
    >>> from dolmen.core.sharding import SingleDeviceSharding
    >>> here = SingleDeviceSharding(dc.devices()[0])
    >>> dc.jit(jnp.sin, out_shardings=here)(0.0).committed
    True
"""

from typing import Any

from ._backend import (
    Device,
    Sharding as Sharding,
    SingleDeviceSharding as SingleDeviceSharding,
    device_sharding,
)

__all__ = ["Sharding", "SingleDeviceSharding", "make_single_device_sharding"]
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

"""Elements on their way to devices, ahead of their use."""

from typing import Any, TypeVar

from ._arguments import at_least
from ._device_stage import on_device
from ._iter_dataset import IterDataset

T = TypeVar("T")


def device_put(
    ds: IterDataset[T],
    device: Any,
    *,
    cpu_buffer_size: int = 4,
    device_buffer_size: int = 2,
) -> IterDataset[T]:
    """Puts every element on a device, ahead of its use.

    A thread makes elements, another one puts them on the device. Neither elements nor
    states change: a state is that of `ds`.

    Args:
        ds: the dataset; its elements are trees of arrays.
        device: a device or a sharding, as `device_put` of `dolmen.core` takes it.
        cpu_buffer_size: elements that may wait for their transfer.
        device_buffer_size: elements that may wait on the device for their use.

    Raises:
        RuntimeError: the program has not imported `dolmen.core`.
    """
    cpu_size = at_least("device_put", "cpu_buffer_size", cpu_buffer_size, 1)
    device_size = at_least("device_put", "device_buffer_size", device_buffer_size, 1)
    return IterDataset(on_device(ds._stage, device, cpu_size, device_size))

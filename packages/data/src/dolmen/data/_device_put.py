"""Elements on their way to devices, ahead of their use."""

from dataclasses import dataclass
from typing import Any, TypeVar

from ._frameworks import array_library
from ._iter_dataset import IterDataset
from ._stages import Cursor, MapCursor, OneParent

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
    library = array_library("device_put")
    waiting = ds.prefetch(cpu_buffer_size)
    stage = DevicePut(waiting._stage, library, device)
    return IterDataset[T](stage).prefetch(device_buffer_size)


@dataclass(frozen=True, eq=False)
class DevicePut(OneParent):
    """Puts elements on a device and waits until they are there."""

    library: Any
    device: Any

    @property
    def depth(self) -> int:
        # Where elements lie must not change random numbers, which depend on the depth.
        return self.parent.depth

    def describe(self) -> str:
        return "device_put"

    def describe_all(self) -> list[str]:
        return self.parent.describe_all()

    def open(self) -> Cursor:
        return MapCursor(self.parent.open(), self._put, self.describe())

    def _put(self, element: Any) -> Any:
        # The memory that it comes from may be used again for the next element.
        return self.library.block_until_ready(
            self.library.device_put(element, self.device)
        )

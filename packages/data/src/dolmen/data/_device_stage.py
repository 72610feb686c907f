"""A stage that puts elements on a device."""

from dataclasses import dataclass
from typing import Any

from ._frameworks import array_library
from ._stages import Cursor, MapCursor, OneParent, Prefetch, Stage


def on_device(
    stage: Stage, device: Any, cpu_buffer_size: int, device_buffer_size: int
) -> Stage:
    """The pipeline with its elements on a device, two buffers ahead of their use."""
    library = array_library("device_put")
    waiting = Prefetch(stage, cpu_buffer_size)
    return Prefetch(DevicePut(waiting, library, device), device_buffer_size)


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

"""The parts of an array that single devices hold."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Shard:
    """What one device holds of an array.

    Attributes:
        device: the device.
        index: the part, one slice for each axis of the whole array.
        replica_id: number among the devices that hold the same part.
        data: the part, as an array on that device.
    """

    device: Any
    index: tuple[slice, ...]
    replica_id: int
    data: Any


def shards(array: Any) -> list[Shard]:
    """The parts of an array on one device: the whole."""
    return [Shard(array.device, (slice(None),) * array.ndim, 0, array)]

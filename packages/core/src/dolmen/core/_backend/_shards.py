"""The parts of an array that single devices hold."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _shardings, _stubs


@dataclass(frozen=True)
class Shard:
    """What one device holds of an array.

    Attributes:
        device: the device.
        index: the part, one slice for each axis of the whole array.
        replica_id: number among the devices that hold the same part.
        data: the part, as an array on that device; None if it is another process's.
    """

    device: Any
    index: tuple[slice, ...]
    replica_id: int
    data: Any


def part_arrays(array: Any) -> Sequence[Any]:
    """What each device of this process holds, as arrays on single devices."""
    if isinstance(array._sharding, _shardings.SingleDeviceSharding):
        return [array]
    with _stubs.lookups():
        return array._arrays


def global_shards(array: Any) -> list[Shard]:
    """The parts of an array on all its devices, those of other processes too."""
    parts = {part.device: part for part in part_arrays(array)}
    seen: dict[Any, int] = {}
    found = []
    for device, index in _shardings.indices(array._sharding, array.shape):
        key = _shardings.key_of(index)
        number = seen[key] = seen.get(key, -1) + 1
        found.append(Shard(device, index, number, parts.get(device)))
    return found


def shards(array: Any) -> list[Shard]:
    """The parts of an array on the devices of this process."""
    return [shard for shard in global_shards(array) if shard.data is not None]

"""Samplers: which records a `DataLoader` reads, in which order."""

import abc
import functools
import sys
from typing import Any, Protocol, runtime_checkable

from ._arguments import at_least, checked_seed
from ._map_dataset import MapDataset
from ._record import RecordMetadata
from ._sharding import NoSharding, ShardOptions
from ._streams import RecordStreams


@runtime_checkable
class Sampler(Protocol):
    """Says which record comes at which place.

    Any class with this method will do. It needs ``__len__`` too if it has an end, and
    must give the same answer whenever it is asked.
    """

    def __getitem__(self, index: int, /) -> RecordMetadata:
        """The record at a place in the order of all epochs and shards."""
        ...


@runtime_checkable
class PlannedSampler(Protocol):
    """Chooses and orders all records at once, as the samplers here do."""

    @property
    def num_records(self) -> int:
        """Number of records that the source must have."""
        ...

    def sample(self, records: MapDataset[Any]) -> MapDataset[Any]:
        """The records to read, of all records of the source."""
        ...


class _ByIndex(abc.ABC):
    """Answers for single places, as Grain's samplers do."""

    _shard: ShardOptions
    _seed: int | None

    def __getitem__(self, index: int, /) -> RecordMetadata:
        """The record at a place in the order of all epochs and shards."""
        if not 0 <= index < len(self):
            raise IndexError(
                f"{type(self).__name__}: index {index} is out of range, there are "
                f"{len(self)}."
            )
        key = self._keys[index // self._shard.shard_count]
        if self._seed is None:
            return RecordMetadata(index=index, record_key=key)
        # Streams of their own, because these are kept by whoever asked.
        rng = RecordStreams(self._seed, 0).at(0, index)
        return RecordMetadata(index=index, record_key=key, rng=rng)

    def __len__(self) -> int:
        """Number of places in all shards."""
        return min(len(self._keys) * self._shard.shard_count, sys.maxsize)

    @functools.cached_property
    def _keys(self) -> MapDataset[int]:
        return self.sample(MapDataset.range(self.num_records))

    @property
    @abc.abstractmethod
    def num_records(self) -> int: ...

    @abc.abstractmethod
    def sample(self, records: MapDataset[Any]) -> MapDataset[Any]: ...


class SequentialSampler(_ByIndex):
    """All records of a shard once, in order.

    Shard ``i`` of ``n`` reads the records ``i``, ``i + n``, ``i + 2 * n`` and so on.

    Args:
        num_records: number of records of the source.
        shard_options: the part to read.
        seed: for random maps.

    Example:
        >>> from dolmen.data import DataLoader, sharding
        >>> sampler = SequentialSampler(5, sharding.ShardOptions(1, 2))
        >>> list(DataLoader(data_source="abcde", sampler=sampler))
        ['b', 'd']
    """

    def __init__(
        self,
        num_records: int,
        shard_options: ShardOptions | None = None,
        seed: int | None = None,
    ):
        self._seed = None if seed is None else checked_seed("SequentialSampler", seed)
        self._num_records = at_least("SequentialSampler", "num_records", num_records, 1)
        self._shard = NoSharding() if shard_options is None else shard_options

    def __repr__(self) -> str:
        """The arguments."""
        return (
            f"SequentialSampler(num_records={self._num_records}, "
            f"shard_options={self._shard!r})"
        )

    @property
    def num_records(self) -> int:
        """Number of records that the source must have."""
        return self._num_records

    def sample(self, records: MapDataset[Any]) -> MapDataset[Any]:
        """The records of the shard: in turn with those of the others."""
        count = self._shard.shard_count
        if count > 1:
            left_out = self._num_records % count if self._shard.drop_remainder else 0
            stop = self._num_records - left_out
            records = records[self._shard.shard_index : stop : count]
        return records if self._seed is None else records.seed(self._seed)


class IndexSampler(_ByIndex):
    """The records of a shard in any order, over several epochs.

    A shard holds consecutive records.

    Args:
        num_records: number of records of the source.
        shard_options: the part to read; each part is shuffled within itself.
        shuffle: another random order in every epoch.
        num_epochs: how many; None for as many as are asked for.
        seed: for shuffling and for random maps.

    Raises:
        ValueError: a number is out of range, or shuffling lacks a seed.

    Example:
        >>> from dolmen.data import DataLoader
        >>> sampler = IndexSampler(4, shuffle=True, num_epochs=1, seed=0)
        >>> sorted(DataLoader(data_source="abcd", sampler=sampler))
        ['a', 'b', 'c', 'd']
    """

    def __init__(
        self,
        num_records: int,
        shard_options: ShardOptions | None = None,
        shuffle: bool = False,
        num_epochs: int | None = None,
        seed: int | None = None,
    ):
        if num_epochs is not None:
            num_epochs = at_least("IndexSampler", "num_epochs", num_epochs, 1)
        if shuffle and seed is None:
            raise ValueError("IndexSampler: `shuffle` needs a `seed`, got none.")
        self._part = SequentialSampler(num_records, shard_options, seed)
        self._shard, self._seed = self._part._shard, self._part._seed
        self._shuffle = shuffle
        self._num_epochs = num_epochs

    def __repr__(self) -> str:
        """The arguments."""
        return (
            f"IndexSampler(num_records={self.num_records}, "
            f"shard_options={self._shard!r}, shuffle={self._shuffle}, "
            f"num_epochs={self._num_epochs}, seed={self._seed})"
        )

    @property
    def num_records(self) -> int:
        """Number of records that the source must have."""
        return self._part.num_records

    def sample(self, records: MapDataset[Any]) -> MapDataset[Any]:
        """The records of the shard, shuffled and repeated."""
        part = self._shard.records_of(self.num_records)
        if len(part) < self.num_records:
            records = records[part.start : part.stop]
        if self._seed is not None:
            records = records.seed(self._seed)
        if self._shuffle:
            records = records.shuffle()
        return records if self._num_epochs == 1 else records.repeat(self._num_epochs)

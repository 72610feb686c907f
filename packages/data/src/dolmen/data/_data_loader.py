"""A pipeline put together from a source, a sampler and a list of operations."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from ._arguments import at_least
from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._map_dataset import MapDataset
from ._options import MultiprocessingOptions, ReadOptions, usable_cpus
from ._sampled import SampledRecords
from ._samplers import PlannedSampler, Sampler
from ._sharding import ShardOptions
from ._sources import RandomAccessDataSource
from ._transforms import Batch, Filter, Transformation

T = TypeVar("T")


class DataLoader(Iterable[T], Generic[T]):
    """Reads what a sampler chooses of a source, and transforms it.

    Its iterators resume exactly, with any number of threads and workers.

    Args:
        data_source: anything with ``__len__`` and ``__getitem__``.
        sampler: the records to read, and their order; see `dolmen.data.samplers`.
        operations: instances of the classes in `dolmen.data.transforms`.
        worker_count: processes that make elements; 0 for this one, None for as many as
            there are processors. It changes speed only.
        worker_buffer_size: elements that each worker may make ahead.
        shard_options: the part of what the sampler chooses: every ``shard_count``-th
            record of it. Random maps before a batch depend on a record's place among
            all of them, not on the shard.
        read_options: threads and buffer; they change speed only.
        enable_profiling: log what each worker did.

    Raises:
        ValueError: the source has not as many records as the sampler says, or a number
            is negative.

    Example:
        >>> from dolmen.data import samplers, transforms
        >>> loader = DataLoader(
        ...     data_source=range(100, 106),
        ...     sampler=samplers.SequentialSampler(6),
        ...     operations=[transforms.Batch(4)],
        ... )
        >>> list(loader)
        [array([100, 101, 102, 103]), array([104, 105])]
    """

    def __init__(
        self,
        *,
        data_source: RandomAccessDataSource[Any] | Any,
        sampler: Sampler | PlannedSampler,
        operations: Sequence[Transformation] = (),
        worker_count: int | None = 0,
        worker_buffer_size: int = 1,
        shard_options: ShardOptions | None = None,
        read_options: ReadOptions | None = None,
        enable_profiling: bool = False,
    ):
        count = usable_cpus() if worker_count is None else worker_count
        self._multiprocessing_options = MultiprocessingOptions(
            num_workers=at_least("DataLoader", "worker_count", count, 0),
            per_worker_buffer_size=max(
                at_least("DataLoader", "worker_buffer_size", worker_buffer_size, 0), 1
            ),
            enable_profiling=enable_profiling,
        )
        records = _sampled(data_source, sampler)
        # Plan as much as possible by index, where threads can share the work; and take
        # the shard after the random maps, whose numbers belong to places in the whole.
        alone, planned = _count_alone(operations), _count_planned(operations)
        by_index = _shard(records.apply(operations[:alone]), shard_options)
        by_index = by_index.apply(operations[alone:planned])
        in_order = by_index.to_iter_dataset(read_options).apply(operations[planned:])
        if self._multiprocessing_options.num_workers:
            in_order = in_order.mp_prefetch(self._multiprocessing_options)
        self._dataset: IterDataset[T] = in_order

    @property
    def multiprocessing_options(self) -> MultiprocessingOptions:
        """Worker processes and their buffers."""
        return self._multiprocessing_options

    def __iter__(self) -> "DataLoaderIterator[T]":
        """An iterator before the first element."""
        return DataLoaderIterator(self)

    def __repr__(self) -> str:
        """The calls that made the pipeline."""
        return repr(self._dataset).replace("IterDataset", "DataLoader", 1)


class DataLoaderIterator(DatasetIterator[T]):
    """Iterates over the elements of a `DataLoader`.

    Like every `DatasetIterator`, but for its state, which is bytes, as in Grain.

    Args:
        data_loader: what to iterate over.
        state: where to begin; None for the start.
        validate_state: refuse the state of another pipeline.
    """

    def __init__(
        self,
        data_loader: DataLoader[T],
        state: bytes | dict[str, Any] | None = None,
        validate_state: bool = True,
    ):
        super().__init__(data_loader._dataset._stage)
        self._validate_state = validate_state
        if state is not None:
            self.set_state(state)

    def get_state(self) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] - as Grain
        """The position after the last element that was given out, as JSON."""
        return json.dumps(super().get_state()).encode()

    def set_state(self, state: bytes | dict[str, Any]) -> None:
        """Goes to a position.

        Args:
            state: what `get_state` returned, or the dictionary that it stands for.

        Raises:
            TypeError: `state` is neither.
            ValueError: `state` was saved by another pipeline, or lies beyond the end.
        """
        known = json.loads(state) if isinstance(state, bytes) else state
        if not self._validate_state:
            known = {key: value for key, value in known.items() if key != "hash"}
        super().set_state(known)


def _sampled(source: Any, sampler: Sampler | PlannedSampler) -> MapDataset[Any]:
    """The records that a sampler chooses, in its order."""
    if not hasattr(sampler, "__getitem__") and not isinstance(sampler, PlannedSampler):
        raise TypeError(
            "DataLoader: `sampler` must be one of `dolmen.data.samplers`, or have "
            f"`__getitem__`, got {type(sampler).__name__}."
        )
    if not isinstance(sampler, PlannedSampler):
        return MapDataset.source(SampledRecords(source, sampler))
    records = MapDataset.source(source)
    if len(records) != sampler.num_records:
        raise ValueError(
            "DataLoader: `sampler` must be made for as many records as "
            f"`data_source` has: {sampler.num_records} != {len(records)}."
        )
    return sampler.sample(records)


def _shard(records: MapDataset[Any], options: ShardOptions | None) -> MapDataset[Any]:
    """Every ``shard_count``-th record."""
    if options is None or options.shard_count == 1:
        return records
    stop = len(records)
    if options.drop_remainder:
        stop -= stop % options.shard_count
    return records[options.shard_index : stop : options.shard_count]


def _count_alone(operations: Sequence[Transformation]) -> int:
    """How many operations treat every record by itself."""
    batches = [isinstance(operation, Batch) for operation in operations]
    return batches.index(True) if True in batches else len(operations)


def _count_planned(operations: Sequence[Transformation]) -> int:
    """How many operations an index can plan: those before a batch after a filter."""
    is_filtered = False
    for number, operation in enumerate(operations):
        if isinstance(operation, Batch) and is_filtered:
            return number
        is_filtered |= isinstance(operation, Filter)
    return len(operations)

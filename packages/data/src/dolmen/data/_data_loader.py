"""A pipeline put together from a source, a sampler and a list of operations."""

from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._map_dataset import MapDataset
from ._options import ReadOptions
from ._samplers import Sampler
from ._sources import RandomAccessDataSource
from ._transforms import Batch, Filter, Transformation

T = TypeVar("T")


class DataLoader(Iterable[T], Generic[T]):
    """Reads what a sampler chooses of a source, and transforms it.

    Args:
        data_source: anything with ``__len__`` and ``__getitem__``.
        sampler: the records to read, and their order; see `dolmen.data.samplers`.
        operations: instances of the classes in `dolmen.data.transforms`.
        read_options: threads and buffer; they change speed only.

    Raises:
        ValueError: the source has not as many records as the sampler says.

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
        sampler: Sampler,
        operations: Sequence[Transformation] = (),
        read_options: ReadOptions | None = None,
    ):
        records = MapDataset.source(data_source)
        if len(records) != sampler.num_records:
            raise ValueError(
                "DataLoader: `sampler` must be made for as many records as "
                f"`data_source` has: {sampler.num_records} != {len(records)}."
            )
        # Plan as much as possible by index, where threads can share the work.
        planned = _count_planned(operations)
        by_index = sampler.sample(records).apply(operations[:planned])
        in_order = by_index.to_iter_dataset(read_options)
        self._dataset: IterDataset[T] = in_order.apply(operations[planned:])

    def __iter__(self) -> DatasetIterator[T]:
        """An iterator before the first element."""
        return iter(self._dataset)

    def __repr__(self) -> str:
        """The calls that made the pipeline."""
        return repr(self._dataset).replace("IterDataset", "DataLoader", 1)


def _count_planned(operations: Sequence[Transformation]) -> int:
    """How many operations an index can plan: those before a batch after a filter."""
    is_filtered = False
    for number, operation in enumerate(operations):
        if isinstance(operation, Batch) and is_filtered:
            return number
        is_filtered |= isinstance(operation, Filter)
    return len(operations)

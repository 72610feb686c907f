"""An iterator that goes on when hosts or the size of batches change."""

from typing import Any, TypeVar

from ._arguments import at_least
from ._global_batches import part_of
from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._map_dataset import MapDataset
from ._options import MultiprocessingOptions, ReadOptions
from ._sharding import ShardOptions

T = TypeVar("T")


class ElasticIterator(IterDataset[T]):
    """Batches of a dataset for one of several hosts, by their number of records.

    It is dataset and iterator at once. Its state is the number of records that all
    hosts have seen together, so it goes on with other hosts and with another size of
    batches. At a constant size, `MapDataset.loader` does the same and checks that the
    pipeline is the same too.

    Each host makes a range of consecutive rows of the global batch, as even as
    possible. Records at the end that fill no batch are left out.

    Args:
        ds: the dataset, without batches, shards and filters.
        global_batch_size: records of all hosts together.
        shard_options: which host this is, of how many.
        read_options: threads and buffer; they change speed only.
        multiprocessing_options: worker processes; they change speed only.

    Raises:
        ValueError: there is a filter in the dataset, or there are more hosts than rows.

    Example:
        >>> from dolmen.data.sharding import ShardOptions
        >>> iterator = ElasticIterator(MapDataset.range(9), 4, ShardOptions(1, 2))
        >>> next(iterator), iterator.get_state()
        (array([2, 3]), {'global_next_index': 4})
        >>> iterator.close()
        >>> other = ElasticIterator(MapDataset.range(9), 3, ShardOptions(0, 1))
        >>> other.set_state({"global_next_index": 4})
        >>> next(other)
        array([4, 5, 6])
        >>> other.close()
    """

    def __init__(
        self,
        ds: MapDataset[Any],
        global_batch_size: int,
        shard_options: ShardOptions,
        *,
        read_options: ReadOptions | None = None,
        multiprocessing_options: MultiprocessingOptions | None = None,
    ):
        call = "ElasticIterator"
        if ds._operation.drops_records:
            raise ValueError(
                f"{call}: `ds` must not filter, because dropped records are not "
                "counted. Use `to_iter_dataset().filter(...).batch(...)` with `loader`."
            )
        self._ds = ds
        self._size = at_least(call, "global_batch_size", global_batch_size, 1)
        self._shard = shard_options
        self._read_options = read_options
        self._multiprocessing_options = multiprocessing_options
        self._go_to(0)

    def __iter__(self) -> "ElasticIterator[T]":  # pyright: ignore[reportIncompatibleMethodOverride] - as Grain
        """Itself."""
        return self

    def __next__(self) -> T:
        """This host's rows of the next batch."""
        element = next(self._iterator)
        self._next_index += self._size
        return element

    def get_state(self) -> dict[str, Any]:
        """The number of records that all hosts have seen."""
        return {"global_next_index": self._next_index}

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes to a number of records.

        Raises:
            ValueError: `state` is not from `get_state`.
        """
        if state.keys() != {"global_next_index"}:
            raise ValueError(
                "ElasticIterator.set_state: `state` must have the key "
                f"'global_next_index' alone, got {', '.join(state) or 'none'}."
            )
        index = state["global_next_index"]
        at_least("ElasticIterator.set_state", "global_next_index", index, 0)
        self.close()
        self._go_to(index)

    def close(self) -> None:
        """Ends threads and workers. May be called twice."""
        self._iterator.close()

    def _go_to(self, index: int) -> None:
        self._next_index = index
        batches = self._ds[index:].batch(self._size, drop_remainder=True)
        dataset = batches.to_iter_dataset(self._read_options)
        part = IterDataset[T](part_of(dataset._stage, self._shard))
        if self._multiprocessing_options is not None:
            part = part.mp_prefetch(self._multiprocessing_options)
        super().__init__(part._stage)
        self._iterator: DatasetIterator[T] = DatasetIterator(part._stage)

"""Threads that make elements ahead of their use, under the names Grain has for them."""

import copy
from typing import Any, Protocol, TypeVar

from ._arguments import TO_ITER, at_least, check_kind, refuse_sequential_slice
from ._custom import IteratorCursor
from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._stages import PrefetchCursor
from ._threaded import ThreadedPrefetch

T = TypeVar("T")
Element = TypeVar("Element", covariant=True)


def multithread_prefetch(
    ds: IterDataset[T],
    num_threads: int,
    buffer_size: int,
    sequential_slice: bool = False,
) -> IterDataset[T]:
    """Makes elements in several threads, ahead of their use.

    Changes neither elements nor states, whatever the number of threads. It does what
    `IterDataset.mp_prefetch` does, without processes: for functions that release
    Python's lock, and for Python without one. `ReadOptions` are threads for the indexed
    part alone.

    Args:
        ds: what to make.
        num_threads: how many threads; 0 makes elements in the caller's thread.
        buffer_size: elements (batches, after `batch`) that each thread may have made
            before they are asked for; 0 makes elements in the caller's thread.
        sequential_slice: False; see `IterDataset.mp_prefetch`.

    Raises:
        TypeError: a number is not an integer.
        ValueError: a number is negative, or `sequential_slice` is true.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.range(6).to_iter_dataset().filter(lambda x: x % 3)
        >>> list(multithread_prefetch(ds, num_threads=2, buffer_size=4))
        [1, 2, 4, 5]
    """
    call = "multithread_prefetch"
    check_kind(call, "ds", ds, IterDataset, TO_ITER)
    threads = at_least(call, "num_threads", num_threads, 0)
    size = at_least(call, "buffer_size", buffer_size, 0)
    refuse_sequential_slice(call, sequential_slice)
    if not threads or not size:
        return ds
    return IterDataset(ThreadedPrefetch(ds._stage, threads, size))


class CheckpointableIterator(Protocol[Element]):
    """An iterator that can tell where it stands, and go there again."""

    def __next__(self) -> Element: ...

    def get_state(self) -> dict[str, Any]: ...

    def set_state(self, state: dict[str, Any]) -> None: ...


class ThreadPrefetchDatasetIterator(DatasetIterator[T]):
    """Lets any iterator with a state run in a thread, ahead of what is asked for.

    Elements and states are those of the iterator, which belongs to this one from then
    on. After an error, both stand before the element that it belongs to.

    Args:
        parent: a `DatasetIterator`, or any object with ``__next__``, ``get_state`` and
            ``set_state``.
        prefetch_buffer_size: elements that may be made before they are asked for; 0
            makes each in the caller's thread when it is asked for.

    Raises:
        TypeError: `parent` lacks a method, or the size is not an integer.
        ValueError: the size is negative.

    Example:
        >>> from dolmen.data import MapDataset
        >>> numbers = iter(MapDataset.range(4))
        >>> with ThreadPrefetchDatasetIterator(numbers, 2) as iterator:
        ...     next(iterator), iterator.get_state()["step"]
        (0, 1)
    """

    def __init__(self, parent: CheckpointableIterator[T], prefetch_buffer_size: int):
        call = type(self).__name__
        size = at_least(call, "prefetch_buffer_size", prefetch_buffer_size, 0)
        missing = [name for name in _NEEDED if not hasattr(parent, name)]
        if missing:
            raise TypeError(
                f"{call}: `parent` must be an iterator with {', '.join(_NEEDED)}, got "
                f"{type(parent).__name__}, which lacks {', '.join(missing)}."
            )
        super().__init__()
        self._iterator = parent
        cursor = IteratorCursor(call, parent)
        self._cursor = PrefetchCursor(cursor, size) if size else cursor
        # Not the integers that a position is elsewhere, but a state.
        self._position: Any = self._cursor.position()

    def __next__(self) -> T:
        """The next element."""
        self._check_open()
        try:
            element = self._cursor.next()
        except StopIteration:
            raise
        except BaseException:
            self._cursor.seek(self._position)
            raise
        self._position = self._cursor.position()
        return element

    def get_state(self) -> dict[str, Any]:
        """The state of the iterator after the last element that was given out."""
        (state,) = self._position
        return copy.deepcopy(state)  # the caller may change it

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes to a state of the iterator."""
        self._check_open()
        position: Any = (state,)
        self._cursor.seek(position)
        self._position = self._cursor.position()

    def planned_index(self) -> int:
        """Where the indexed part of the pipeline stands.

        Raises:
            TypeError: the iterator is no `DatasetIterator`.
        """
        if not isinstance(self._iterator, DatasetIterator):
            raise TypeError(
                "get_next_index: an iterator of the type "
                f"{type(self._iterator).__name__} does not tell an index."
            )
        self._cursor.seek(self._position)  # the iterator may be ahead
        return self._iterator.planned_index()


_NEEDED = ("__next__", "get_state", "set_state")

"""Iterators with an exact, small, portable position."""

import json
import os
import pathlib
from collections.abc import Awaitable, Iterator, Sequence
from typing import Any, Generic, Self, TypeVar

from ._custom import as_parents, check_defined
from ._errors import without_our_frames
from ._settings import config
from ._stages import Stage
from ._state import from_state, to_state

T = TypeVar("T")

# Every process writes the same: a state belongs to the pipeline, not to a process.
_FILE = "dataset_iterator.json"


class DatasetIterator(Iterator[T], Generic[T]):
    """Iterates over the elements of a pipeline, from any position.

    Use it in a ``with`` statement, or call `close`, to end its threads at a known
    moment; otherwise they end when it is garbage collected. One thread at a time
    may use it.

    An exception of a user function arrives at the element it belongs to, with a
    note that names the record. The iterator then stays before that element.

    A class of your own derives from this one, hands the iterators that it reads from to
    ``super().__init__`` and defines ``__next__``, ``get_state`` and ``set_state``.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.range(100).seed(0).shuffle().repeat().batch(3)
        >>> with iter(ds.to_iter_dataset()) as iterator:
        ...     first = next(iterator)
        ...     state = iterator.get_state()
        ...     second = next(iterator)
        >>> iterator = iter(ds)
        >>> iterator.set_state(state)
        >>> (next(iterator) == second).all()
        np.True_
    """

    def __init__(
        self,
        parents: "Stage | DatasetIterator[Any] | Sequence[DatasetIterator[Any]]" = (),
    ):
        self._is_closed = False
        self._parents: tuple[DatasetIterator[Any], ...] = ()
        if not isinstance(parents, Stage):
            check_defined(self, DatasetIterator, ["__next__", "get_state", "set_state"])
            self._parents = as_parents(type(self).__name__, DatasetIterator, parents)
            return
        self._pipeline = parents.describe_all()
        self._numbering = parents.numbering()
        self._cursor = parents.open()
        self._step = 0
        self._position = self._cursor.position()

    @property
    def _parent(self) -> "DatasetIterator[Any]":
        """The only iterator that this one reads from: for classes of your own."""
        (parent,) = self._parents
        return parent

    def __iter__(self) -> Self:
        """The iterator itself."""
        return self

    def __next__(self) -> T:
        """The next element."""
        self._check_open()
        try:
            element = self._cursor.next()
        except StopIteration:
            self._cursor.close()  # what is left unread below would keep its threads
            raise
        except BaseException as error:
            self._cursor.seek(self._position)
            if config.py_traceback_filtering != "off":
                error.with_traceback(without_our_frames(error.__traceback__))
            raise
        self._position = self._cursor.position()
        self._step += 1
        return element

    def __enter__(self) -> Self:
        """The iterator itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the iterator."""
        self.close()

    def get_state(self) -> dict[str, Any]:
        """The position after the last element that was given out.

        Whatever was read ahead, the number of threads and the size of buffers are
        no part of it.

        Returns:
            ``{"step": elements given out, "pipeline": ..., "hash": ...}``, and
            ``"at"``, a list of integers, where filters make the position differ
            from the step. JSON keeps it exactly, in at most 200 bytes.
        """
        return to_state(self._step, self._position, self._pipeline)

    def set_state(self, state: dict[str, Any]) -> None:
        """Goes to a position, in a time that does not depend on where it is.

        Args:
            state: what `get_state` returned, for the same pipeline but any
                `ReadOptions`, prefetching and workers; or ``{"step": n}`` to go to
                step ``n`` of a pipeline without filters.

        Raises:
            TypeError: `state` is no dictionary or its numbers are no integers.
            ValueError: `state` was saved by another pipeline, or lies beyond the end.
        """
        self._check_open()
        step, position = from_state(state, self._pipeline)
        if "at" not in state and self._numbering and self._numbering.is_gapless:
            position = self._numbering.position_of_step(step)
        if "at" not in state and len(position) != len(self._position):
            raise ValueError(
                f"set_state: this pipeline's position has {len(self._position)} "
                f"numbers, `state` has {len(position)}: a step alone does not say "
                "where its counting stages stand. Use a state of `get_state`."
            )
        self._cursor.seek(position)
        self._step, self._position = step, self._cursor.position()

    def planned_index(self) -> int:
        """Where the indexed part of the pipeline stands."""
        return self._position[0]

    async def save(self, directory: Any) -> Awaitable[None]:
        """Saves the state in a directory, by the interface of Orbax.

        Args:
            directory: a path that is being made, with an `await_creation`.

        Returns:
            What writes the state of this moment when it is awaited.
        """
        text = json.dumps(DatasetIterator.get_state(self))

        async def write() -> None:
            import asyncio  # slow to load, and whoever awaits this has it

            path = pathlib.Path(await directory.await_creation())
            await asyncio.to_thread((path / _FILE).write_text, text)

        return write()

    async def load(self, directory: str | os.PathLike[str]) -> Awaitable[None]:
        """Goes to the state that `save` wrote in a directory.

        Args:
            directory: where.

        Returns:
            What reads the state when it is awaited.
        """

        async def read() -> None:
            import asyncio  # as in `save`

            path = pathlib.Path(directory) / _FILE
            self.set_state(json.loads(await asyncio.to_thread(path.read_text)))

        return read()

    def start_prefetch(self) -> None:
        """Starts to read ahead before the first element is asked for."""
        self._check_open()
        for parent in self._parents:
            parent.start_prefetch()
        if hasattr(self, "_cursor"):
            self._cursor.start()

    def close(self) -> None:
        """Ends the iterator's threads and waits for them. May be called twice."""
        self._is_closed = True
        for parent in self._parents:
            parent.close()
        if hasattr(self, "_cursor"):
            self._cursor.close()

    def _check_open(self) -> None:
        if self._is_closed:
            raise ValueError(
                "DatasetIterator: it is closed. Make another one with `iter(dataset)`."
            )

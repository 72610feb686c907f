"""Stages whose elements worker processes make.

Where the place of every candidate is known beforehand, workers make any part of a
pipeline by number. What must see all elements in order, such as a batch after a
filter, takes what they make in the program itself, in a thread. So neither the number
of workers nor their speed can change an element, and no worker has a state to save.
"""

import collections
import contextlib
import dataclasses
import logging
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._numbering import Numbering, Position
from ._options import MultiprocessingOptions, ReadOptions
from ._stages import (
    Cursor,
    OneParent,
    OneParentCursor,
    Planned,
    Prefetch,
    Stage,
)

if TYPE_CHECKING:
    from ._pool import Pool

_LOG = logging.getLogger("dolmen.data")
WorkerInit = Callable[[int, int], None]

# A task should take about so long: then handing it over costs little beside it, and
# the first element does not wait for many others.
_SECONDS_OF_A_TASK = 0.005
_RECORDS_OF_A_TASK = 256


@dataclass(frozen=True, eq=False)
class MpPrefetch(OneParent):
    """Has processes make the elements below."""

    options: MultiprocessingOptions
    worker_init_fn: WorkerInit | None

    @property
    def depth(self) -> int:
        # Speed must not change random numbers, which depend on the depth.
        return self.parent.depth

    def numbering(self) -> Numbering | None:
        return self.parent.numbering()

    def describe(self) -> str:
        return f"mp_prefetch({self.options.num_workers})"

    def describe_all(self) -> list[str]:
        return self.parent.describe_all()

    def open(self) -> Cursor:
        crew = Crew(self.options, self.worker_init_fn)
        stage = _hand_over(self.parent, crew)
        if not isinstance(stage, Stream):
            stage = Prefetch(stage, self.options.per_worker_buffer_size)
        return MpPrefetchCursor(stage.open(), crew)


class MpPrefetchCursor(OneParentCursor):
    def __init__(self, parent: Cursor, crew: "Crew"):
        super().__init__(parent)
        self._crew = crew

    def next(self) -> Any:
        return self._parent.next()

    def close(self) -> None:
        super().close()
        self._crew.close()


def _hand_over(stage: Stage, crew: "Crew") -> Stage:
    """The stage with everything that has numbers made by the crew."""
    if stage.numbering() is not None:
        return Stream(stage, crew, crew.add(_bare(stage)))
    return _map_parents(stage, lambda parent: _hand_over(parent, crew))


def _bare(stage: Stage) -> Stage:
    """The stage as workers run it: without threads and processes of its own."""
    if isinstance(stage, Prefetch | MpPrefetch):
        return _bare(stage.parent)
    if isinstance(stage, Planned):
        return dataclasses.replace(stage, options=ReadOptions(0, 0))
    return _map_parents(stage, _bare)


def _map_parents(stage: Any, function: Callable[[Stage], Stage]) -> Any:
    changed = {}
    for field in dataclasses.fields(stage):
        value = getattr(stage, field.name)
        if isinstance(value, Stage):
            changed[field.name] = function(value)
        elif isinstance(value, tuple) and any(isinstance(x, Stage) for x in value):
            changed[field.name] = tuple(map(function, value))
    return dataclasses.replace(stage, **changed)


class Crew:
    """The workers of one iterator. They start when the first element is asked for."""

    def __init__(
        self, options: MultiprocessingOptions, worker_init_fn: WorkerInit | None
    ):
        self._options = options
        self._worker_init_fn = worker_init_fn
        self._streams: list[Stage] = []
        self._pool: Pool | None = None

    def add(self, stage: Stage) -> int:
        """Adds a stream of elements to make; returns its number."""
        self._streams.append(stage)
        return len(self._streams) - 1

    @property
    def tasks_of_a_stream(self) -> int:
        """How many tasks of each stream may be in the making or wait to be taken."""
        options = self._options
        most = options.num_workers * (options.per_worker_buffer_size + 1)
        return max(1, most // len(self._streams))

    def pool(self) -> "Pool":
        """The workers."""
        if self._pool is None:
            # Imported here because most programs need none of what it imports.
            from ._pool import Pool

            self._pool = Pool(
                (tuple(self._streams), self._worker_init_fn),
                num_workers=self._options.num_workers,
                most_tasks=self.tasks_of_a_stream * len(self._streams),
                restart=self._options.on_worker_death == "restart",
                name_candidate=_Namer(self._streams),
            )
            # Also when an iterator is forgotten, and at the end of the program.
            self._finalizer = weakref.finalize(self, self._pool.close)
        return self._pool

    @property
    def running(self) -> "Pool | None":
        """The workers, if they run."""
        return self._pool

    @contextlib.contextmanager
    def ended_by_errors(self) -> Iterator[None]:
        """Ends the workers when something interrupts the exchange with them."""
        try:
            yield
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends the workers; they start again if an element is asked for."""
        if self._pool is not None:
            if self._options.enable_profiling:
                for line in self._pool.profile():
                    _LOG.info("mp_prefetch: %s", line)
            self._finalizer()
            self._pool = None


class _Namer:
    """Names the record that a candidate is made of."""

    def __init__(self, streams: Sequence[Stage]):
        self._streams = streams

    def __call__(self, stream: int, candidate: int) -> str:
        stage = self._streams[stream]
        numbering = stage.numbering()
        assert numbering is not None, stage
        return stage.open().origin(numbering.position_before(candidate + 1))


@dataclass(frozen=True, eq=False)
class Stream(OneParent):
    """Elements that a crew makes; `parent` describes them."""

    crew: Crew
    number: int

    @property
    def depth(self) -> int:
        return self.parent.depth

    def describe(self) -> str:
        return f"stream({self.number})"

    def describe_all(self) -> list[str]:
        return self.parent.describe_all()

    def open(self) -> "StreamCursor":
        return StreamCursor(self)


@dataclass(frozen=True)
class _Sent:
    number: int
    stop: int


class StreamCursor(Cursor):
    """Sends tasks ahead of what is asked for, and takes their results in order."""

    def __init__(self, stage: Stream):
        numbering = stage.parent.numbering()
        assert numbering is not None, stage
        self._numbering = numbering
        self._crew, self._stream = stage.crew, stage.number
        self._below = stage.parent.open()  # for names only: nothing is read by it
        self._most_tasks = stage.crew.tasks_of_a_stream
        self._most_candidates = _most_candidates(stage.parent, numbering)
        self._pool: Pool | None = None
        self._sent: collections.deque[_Sent] = collections.deque()
        self._width = 1
        self._go_to(0)

    def next(self) -> Any:
        while not self._ready:
            self._refill()
        element, self._position = self._ready.popleft()
        return element

    def position(self) -> Position:
        return self._position

    def seek(self, position: Sequence[int]) -> None:
        self._below.seek(position)  # or tells what is wrong with it
        number = self._numbering.number_at(tuple(position))
        if number is None:
            raise ValueError(
                f"set_state: the position {list(position)} lies within an element, "
                "use a state of `get_state`."
            )
        self._forget()
        self._go_to(number)

    def origin(self, position: Position) -> str:
        return self._below.origin(position)

    def close(self) -> None:
        self._forget()
        self._ready.clear()

    def start(self) -> None:
        with self._crew.ended_by_errors():
            self._send()

    def _go_to(self, candidate: int) -> None:
        self._taken = self._next = candidate
        self._ready: collections.deque[tuple[Any, Position]] = collections.deque()
        self._error: BaseException | None = None
        self._position = self._numbering.position_before(candidate)

    def _forget(self) -> None:
        if self._pool is not None and self._pool is self._crew.running:
            self._pool.forget(sent.number for sent in self._sent)
        self._sent.clear()

    def _refill(self) -> None:
        if self._error is not None:
            raise self._error
        if self._taken == self._numbering.count:
            self._position = self._numbering.position_before(self._taken)
            raise StopIteration
        with self._crew.ended_by_errors():
            pool = self._send()
            made, seconds = pool.take(self._sent[0].number)
        self._taken = self._sent.popleft().stop
        self._ready.extend(made.elements)
        self._error = made.error
        self._adapt(seconds)

    def _send(self) -> "Pool":
        pool = self._crew.pool()
        if pool is not self._pool:  # the workers have started anew
            self._pool = pool
            self._sent.clear()
            self._next = self._taken
        while len(self._sent) < self._most_tasks and self._next < self._numbering.count:
            stop = min(self._next + self._width, self._numbering.count)
            number = pool.send(self._stream, self._next, stop)
            self._sent.append(_Sent(number, stop))
            self._next = stop
        return pool

    def _adapt(self, seconds: float) -> None:
        """Makes tasks larger or smaller. How elements are grouped changes none."""
        if seconds < _SECONDS_OF_A_TASK / 2:
            self._width = min(2 * self._width, self._most_candidates)
        elif seconds > 2 * _SECONDS_OF_A_TASK:
            self._width = max(1, self._width // 2)


def _most_candidates(stage: Stage, numbering: Numbering) -> int:
    """Candidates that are made of about `_RECORDS_OF_A_TASK` records, at least one."""
    (first, *_), (second, *_) = map(numbering.position_before, (0, 1))
    leaf = stage
    while isinstance(leaf, OneParent):
        leaf = leaf.parent
    assert isinstance(leaf, Planned), leaf
    records = leaf.operation.source_records * (second - first)
    return max(1, _RECORDS_OF_A_TASK // max(1, records))

"""Stages whose elements worker processes make.

Where the place of every candidate is known beforehand, workers make any part of a
pipeline by number. What must see all elements in order, such as a batch after a
filter, takes what they make in the program itself, in a thread. So neither the number
of workers nor their speed can change an element, and no worker has a state to save.
"""

import collections
import contextlib
import logging
import weakref
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ._candidates import (
    CandidatesCursor,
    bare,
    numbering_of,
    records_of_candidate,
)
from ._options import MultiprocessingOptions
from ._parts import with_parts
from ._read_ahead import Made, Pace
from ._stages import Cursor, OneParentCursor, Prefetch, SpeedOnly, Stage

if TYPE_CHECKING:
    from ._pool import Pool

_LOG = logging.getLogger("dolmen.data")
WorkerInit = Callable[[int, int], None]

# A task should take about so long: then handing it over costs little beside it, and
# the first element does not wait for many others.
_SECONDS_OF_A_TASK = 0.005
_RECORDS_OF_A_TASK = 256


@dataclass(frozen=True, eq=False)
class MpPrefetch(SpeedOnly):
    """Has processes make the elements below."""

    options: MultiprocessingOptions
    worker_init_fn: WorkerInit | None

    def describe(self) -> str:
        return f"mp_prefetch({self.options.num_workers})"

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
        return Stream(stage, crew, crew.add(bare(stage)))
    return with_parts(stage, Stage, lambda parent: _hand_over(parent, crew))


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
        after = numbering_of(stage).position_before(candidate + 1)
        return stage.open().origin(after)


@dataclass(frozen=True, eq=False)
class Stream(SpeedOnly):
    """Elements that a crew makes; `parent` describes them."""

    crew: Crew
    number: int

    def describe(self) -> str:
        return f"stream({self.number})"

    def open(self) -> "StreamCursor":
        return StreamCursor(self)


@dataclass(frozen=True)
class _Sent:
    number: int
    stop: int


class StreamCursor(CandidatesCursor):
    """Sends tasks ahead of what is asked for, and takes their results in order."""

    def __init__(self, stage: Stream):
        self._crew, self._stream = stage.crew, stage.number
        self._most_tasks = stage.crew.tasks_of_a_stream
        records = records_of_candidate(stage.parent)
        most = max(1, _RECORDS_OF_A_TASK // records)
        self._pace = Pace(1, most, _SECONDS_OF_A_TASK)
        self._pool: Pool | None = None
        self._sent: collections.deque[_Sent] = collections.deque()
        super().__init__(stage.parent)

    def start(self) -> None:
        with self._crew.ended_by_errors():
            self._send()

    def _go_to(self, candidate: int) -> None:
        super()._go_to(candidate)
        self._next = candidate

    def _forget(self) -> None:
        if self._pool is not None and self._pool is self._crew.running:
            self._pool.forget(sent.number for sent in self._sent)
        self._sent.clear()

    def _take(self) -> tuple[Made, int]:
        with self._crew.ended_by_errors():
            pool = self._send()
            made, seconds = pool.take(self._sent[0].number)
        stop = self._sent.popleft().stop
        self._pace.adapt(stop - self._taken, seconds)
        return made, stop

    def _send(self) -> "Pool":
        pool = self._crew.pool()
        if pool is not self._pool:  # the workers have started anew
            self._pool = pool
            self._sent.clear()
            self._next = self._taken
        while len(self._sent) < self._most_tasks and self._next < self._numbering.count:
            stop = min(self._next + self._pace.width, self._numbering.count)
            number = pool.send(self._stream, self._next, stop)
            self._sent.append(_Sent(number, stop))
            self._next = stop
        return pool

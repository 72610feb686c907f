"""Measures a pipeline by putting a clock around each of its parts.

The parts stay as they are: every operation and stage is wrapped in one that notes how
long the inner one took and asks it for everything else. So a pipeline that is not
measured costs nothing, and a measured one about a microsecond per part and call.
"""

import collections
import functools
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from . import _stages
from ._block import Block
from ._custom import CustomOperation, CustomStage
from ._interleaving import ManyParents
from ._mp_prefetch import MpPrefetch
from ._operations import Below, Operation
from ._parts import with_parts
from ._proportions import Proportions
from ._threaded import ThreadedPrefetch

# Calls that are kept for the trace; older ones are forgotten.
_CALLS_KEPT = 50_000


@dataclass(frozen=True)
class Call:
    """One call of a part: who, by which thread, when (ns), and how many elements."""

    name: str
    thread: str
    start: int
    stop: int
    elements: int


class Calls:
    """The last calls of all parts of a pipeline."""

    def __init__(self) -> None:
        self.last: collections.deque[Call] = collections.deque(maxlen=_CALLS_KEPT)


@dataclass(eq=False)
class Clock:
    """How long a part took, and those below it.

    Attributes:
        name: the part, as it is described.
        below: the parts that it reads from.
        is_ahead: the parts below run in other threads, so that its time is waiting.
        is_one_by_one: it calls Python once for every record.
        proportions: of the parts below, if it mixes them.
        calls: how often it was asked.
        elements: what it gave.
        wall: nanoseconds until it gave them, with those of the parts below.
        busy: nanoseconds of these in which a processor worked.
    """

    name: str
    below: list["Clock"]
    kept: Calls
    is_ahead: bool = False
    is_one_by_one: bool = False
    proportions: Proportions | None = None
    calls: int = 0
    elements: int = 0
    wall: int = 0
    busy: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, start: int, busy_start: int, elements: int) -> None:
        """Adds a call that began at these two times."""
        stop, busy = time.perf_counter_ns(), time.thread_time_ns() - busy_start
        with self._lock:
            self.calls += 1
            self.elements += elements
            self.wall += stop - start
            self.busy += busy
        thread = threading.current_thread().name
        self.kept.last.append(Call(self.name, thread, start, stop, elements))


@dataclass(frozen=True, eq=False)
class TimedOperation(Operation):
    """An operation with a clock around it."""

    inner: Operation
    clock: Clock

    @property
    def parents(self) -> tuple[Operation, ...]:
        return self.inner.parents

    def count(self) -> int:
        return self.inner.length

    def fetch(self, positions: np.ndarray) -> Block:
        start, busy = time.perf_counter_ns(), time.thread_time_ns()
        try:
            return self.inner.fetch(positions)
        finally:
            self.clock.note(start, busy, len(positions))

    def below(self, positions: np.ndarray) -> list[Below]:
        return self.inner.below(positions)

    def describe(self) -> str:
        return self.inner.describe()

    def describe_all(self) -> list[str]:
        return self.inner.describe_all()

    def origin(self, position: int) -> str:
        return self.inner.origin(position)

    @functools.cached_property
    def depth(self) -> int:
        return self.inner.depth

    @property
    def default_seed(self) -> int | None:
        return self.inner.default_seed

    @property
    def source_records(self) -> int:
        return self.inner.source_records

    @property
    def drops_records(self) -> bool:
        return self.inner.drops_records


@dataclass(frozen=True, eq=False)
class TimedStage(_stages.OneParent):
    """A stage with a clock around it; its parent is the stage itself."""

    clock: Clock

    @property
    def depth(self) -> int:
        return self.parent.depth

    def describe(self) -> str:
        return self.describe_alone(self.parent)

    @staticmethod
    def describe_alone(stage: _stages.Stage) -> str:
        """The call that made a stage."""
        if isinstance(stage, _stages.OneParent | ManyParents):
            return stage.describe()
        return stage.describe_all()[-1]

    def describe_all(self) -> list[str]:
        return self.parent.describe_all()

    def open(self) -> _stages.Cursor:
        return _TimedCursor(self.parent.open(), self.clock)


class _TimedCursor(_stages.OneParentCursor):
    def __init__(self, parent: _stages.Cursor, clock: Clock):
        super().__init__(parent)
        self._clock = clock

    def next(self) -> Any:
        start, busy = time.perf_counter_ns(), time.thread_time_ns()
        elements = 0
        try:
            element = self._parent.next()
            elements = 1
            return element
        finally:
            self._clock.note(start, busy, elements)


def measured(stage: _stages.Stage) -> tuple[_stages.Stage, Clock]:
    """The same pipeline with clocks, and the clock of its last stage."""
    return _timed_stage(stage, Calls())


def _timed_stage(stage: _stages.Stage, kept: Calls) -> tuple[_stages.Stage, Clock]:
    clocks: list[Clock] = []
    is_opaque = _is_elsewhere(stage) or isinstance(stage, CustomStage)
    inner = stage if is_opaque else _with_clocks(stage, kept, clocks)
    is_planned = isinstance(stage, _stages.Planned)
    is_ahead = isinstance(stage, _stages.Prefetch) or _is_elsewhere(stage)
    clock = Clock(
        "to_iter_dataset" if is_planned else TimedStage.describe_alone(stage),
        clocks,
        kept,
        is_ahead=is_ahead or (is_planned and stage.options.num_threads > 0),
        is_one_by_one=isinstance(stage, _ONE_BY_ONE),
        proportions=getattr(stage, "proportions", None),
    )
    return TimedStage(inner, clock), clock


_ONE_BY_ONE = (
    _stages.Map,
    _stages.Filter,
    _stages.MapWithIndex,
    _stages.RandomMap,
)


def _is_elsewhere(stage: _stages.Stage) -> bool:
    """Whether other threads or processes do the work, where no clock of ours is."""
    return isinstance(stage, MpPrefetch | ThreadedPrefetch)


def _timed_operation(operation: Operation, kept: Calls) -> tuple[Operation, Clock]:
    clocks: list[Clock] = []
    is_opaque = isinstance(operation, CustomOperation)
    inner = operation if is_opaque else _with_clocks(operation, kept, clocks)
    clock = Clock(
        operation.describe(),
        clocks,
        kept,
        is_one_by_one=operation.calls_one_by_one,
        proportions=getattr(operation, "proportions", None),
    )
    return TimedOperation(inner, clock), clock


def _with_clocks(node: Any, kept: Calls, clocks: list[Clock]) -> Any:
    """The same part, with clocks around those that it reads from."""

    def timed(part: Any) -> Any:
        if isinstance(part, Operation):
            inner, clock = _timed_operation(part, kept)
        else:
            inner, clock = _timed_stage(part, kept)
        clocks.append(clock)
        return inner

    return with_parts(node, _stages.Stage | Operation, timed)

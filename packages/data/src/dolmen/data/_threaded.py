"""Stages whose elements threads of the program make.

A stage is shared out as `mp_prefetch` does: whatever has numbers is made by any thread,
and what must see all elements in order has a thread of its own.
"""

import threading
from dataclasses import dataclass
from typing import Any

from ._candidates import (
    Candidates,
    CandidatesCursor,
    bare,
    records_of_candidate,
)
from ._numbering import Position
from ._options import ReadOptions
from ._parts import with_parts
from ._read_ahead import Made, ReadAhead
from ._stages import Cursor, Prefetch, SpeedOnly, Stage, plan_reading


@dataclass(frozen=True, eq=False)
class ThreadedPrefetch(SpeedOnly):
    """Has threads make the elements below."""

    num_threads: int
    buffer_size: int

    def describe(self) -> str:
        return f"multithread_prefetch({self.num_threads})"

    def open(self) -> Cursor:
        stage = self._shared_out(self.parent)
        if not isinstance(stage, _ByThreads):
            stage = Prefetch(stage, self.buffer_size)
        return stage.open()

    def _shared_out(self, stage: Stage) -> Stage:
        if stage.numbering() is not None:
            return _ByThreads(bare(stage), self.num_threads, self.buffer_size)
        return with_parts(stage, Stage, self._shared_out)


@dataclass(frozen=True, eq=False)
class _ByThreads(SpeedOnly):
    """A stage with numbers whose candidates are made by threads."""

    num_threads: int
    buffer_size: int

    def describe(self) -> str:
        return f"threads({self.num_threads})"

    def open(self) -> Cursor:
        return _ByThreadsCursor(self)


class _ByThreadsCursor(CandidatesCursor):
    def __init__(self, stage: _ByThreads):
        self._stage = stage
        self._buffer = stage.num_threads * stage.buffer_size
        options = ReadOptions(stage.num_threads, self._buffer)
        self._pace = plan_reading(options, records_of_candidate(stage.parent))
        self._read_ahead: ReadAhead | None = None
        super().__init__(stage.parent)

    def start(self) -> None:
        if self._read_ahead is None:
            self._read_ahead = ReadAhead(
                _Maker(self._stage.parent),
                range(self._taken, self._numbering.count),
                buffer=self._buffer,
                num_threads=self._stage.num_threads,
                pace=self._pace,
            )
            self._read_ahead.start_for(self)

    def _take(self) -> tuple[Made, int]:
        self.start()
        assert self._read_ahead is not None
        made = self._read_ahead.take()
        return made, self._read_ahead.stop

    def _forget(self) -> None:
        if self._read_ahead is not None:
            self._read_ahead.end()
            self._read_ahead = None


class _Maker:
    """Makes candidates in any thread; each has a cursor of its own."""

    def __init__(self, stage: Stage):
        self._stage = stage
        self._own = threading.local()

    def __call__(self, numbers: range) -> list[tuple[Any, Position]]:
        if not hasattr(self._own, "candidates"):
            self._own.candidates = Candidates(self._stage)
        return list(self._own.candidates.between(numbers.start, numbers.stop))

"""Makes the candidates of a stage by number, whoever does it and in whatever order."""

import abc
import collections
import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

from ._numbering import Numbering, Position
from ._options import ReadOptions
from ._parts import with_parts
from ._read_ahead import Made
from ._stages import (
    Cursor,
    OneParent,
    OneParentCursor,
    Planned,
    PlannedCursor,
    SpeedOnly,
    Stage,
)


def numbering_of(stage: Stage) -> Numbering:
    """The numbering of a stage that has one."""
    numbering = stage.numbering()
    assert numbering is not None, stage
    return numbering


class Candidates:
    """Makes any candidates of a stage, for one thread at a time."""

    def __init__(self, stage: Stage):
        self._numbering = numbering_of(stage)
        self._cursor = leaf = stage.open()
        while isinstance(leaf, OneParentCursor):
            leaf = leaf.parent
        assert isinstance(leaf, PlannedCursor), leaf
        self._leaf = leaf

    def between(self, start: int, stop: int) -> Iterator[tuple[Any, Position]]:
        """The elements of some candidates, each with the position after it."""
        first, end = map(self._numbering.position_before, (start, stop))
        self._leaf.limit(end[0], width=end[0] - first[0])
        self._cursor.seek(first)
        while True:
            try:
                element = self._cursor.next()
            except StopIteration:
                return
            yield element, self._cursor.position()


class CandidatesCursor(Cursor):
    """A cursor over what others make by number, ahead of what is asked for."""

    def __init__(self, stage: Stage):
        self._numbering = numbering_of(stage)
        self._below = stage.open()  # for names only: nothing is read by it
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

    @abc.abstractmethod
    def _take(self) -> tuple[Made, int]:
        """What came of the candidates from `_taken` on, and the one after them."""

    @abc.abstractmethod
    def _forget(self) -> None:
        """Lets go of what is being made."""

    def _go_to(self, candidate: int) -> None:
        self._taken = candidate
        self._ready: collections.deque[tuple[Any, Position]] = collections.deque()
        self._error: BaseException | None = None
        self._position = self._numbering.position_before(candidate)

    def _refill(self) -> None:
        if self._error is not None:
            raise self._error
        if self._taken == self._numbering.count:
            self._position = self._numbering.position_before(self._taken)
            raise StopIteration
        made, self._taken = self._take()
        self._ready.extend(made.elements)
        self._error = made.error


def bare(stage: Stage) -> Stage:
    """The stage without threads and processes of its own."""
    if isinstance(stage, SpeedOnly):
        return bare(stage.parent)
    if isinstance(stage, Planned):
        return dataclasses.replace(stage, options=ReadOptions(0, 0))
    return with_parts(stage, Stage, bare)


def records_of_candidate(stage: Stage) -> int:
    """How many records of the sources one candidate is made of, about."""
    (first, *_), (second, *_) = map(numbering_of(stage).position_before, (0, 1))
    leaf = stage
    while isinstance(leaf, OneParent):
        leaf = leaf.parent
    assert isinstance(leaf, Planned), leaf
    return max(1, leaf.operation.source_records * (second - first))

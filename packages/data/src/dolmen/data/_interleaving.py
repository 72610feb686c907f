"""Stages that read from several others.

Positions of what they read from are joined into one, each with its size before it.
"""

import abc
import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ._numbering import Position
from ._operations import Operation
from ._proportions import Proportions
from ._read_ahead import ReadAhead
from ._stages import Cursor, Prefetch, Stage
from ._streams import combined_seed

# Turns of a mixture that are worked out at once.
_TURNS = 256


@dataclass(frozen=True, eq=False)
class ManyParents(Stage):
    """A stage above several others."""

    parts: tuple[Stage, ...]

    @property
    def depth(self) -> int:
        return 1 + max(part.depth for part in self.parts)

    @property
    def default_seed(self) -> int | None:
        return combined_seed([part.default_seed for part in self.parts])

    def describe_all(self) -> list[str]:
        below = (" > ".join(part.describe_all()) for part in self.parts)
        return [f"{self.describe()} of [{'; '.join(below)}]"]

    @abc.abstractmethod
    def describe(self) -> str:
        """The call that made this stage."""


class ManyParentsCursor(Cursor):
    """Reads from several cursors; its position has a number of its own besides."""

    def __init__(self, parents: Sequence[Cursor]):
        self._parents = parents
        self._number = 0

    def position(self) -> Position:
        below = _joined([parent.position() for parent in self._parents])
        return (self._number, *below)

    def seek(self, position: Sequence[int]) -> None:
        self._number, *below = position
        for parent, own in zip(self._parents, _parted(below), strict=True):
            parent.seek(own)

    def close(self) -> None:
        for parent in self._parents:
            parent.close()

    def start(self) -> None:
        for parent in self._parents:
            parent.start()


@dataclass(frozen=True, eq=False)
class Zip(ManyParents):
    """Tuples of one element of every part."""

    strict: bool

    def describe(self) -> str:
        return "zip" if self.strict else "zip(strict=False)"

    def open(self) -> Cursor:
        return ZipCursor([part.open() for part in self.parts], self.strict)


class ZipCursor(ManyParentsCursor):
    """The number is how many tuples were given."""

    def __init__(self, parents: Sequence[Cursor], strict: bool):
        super().__init__(parents)
        self._strict = strict

    def next(self) -> Any:
        elements = []
        for number, parent in enumerate(self._parents):
            try:
                elements.append(parent.next())
            except StopIteration:
                if self._strict:
                    self._check_ends(number)
                raise
        self._number += 1
        return tuple(elements)

    def origin(self, position: Position) -> str:
        below = zip(self._parents, _parted(position[1:]), strict=True)
        return " with ".join(parent.origin(own) for parent, own in below)

    def _check_ends(self, ended: int) -> None:
        others = [
            number
            for number, parent in enumerate(self._parents)
            if number < ended or (number > ended and not _is_at_end(parent))
        ]
        if others:
            raise ValueError(
                f"zip: datasets must have as many elements as each other, but dataset "
                f"{ended} ends after {self._number}, and dataset {others[0]} goes on. "
                "Pass `strict=False` to end with the shortest."
            )


def _is_at_end(cursor: Cursor) -> bool:
    try:
        cursor.next()
    except StopIteration:
        return True
    return False


@dataclass(frozen=True, eq=False)
class Mix(ManyParents):
    """One element of one part in turn, each as often as its share says."""

    proportions: Proportions

    def describe(self) -> str:
        return f"mix({self.proportions.describe()})"

    def open(self) -> Cursor:
        return MixCursor([part.open() for part in self.parts], self.proportions)


class MixCursor(ManyParentsCursor):
    """The number is how many elements were given."""

    def __init__(self, parents: Sequence[Cursor], proportions: Proportions):
        super().__init__(parents)
        self._proportions = proportions
        self._known: tuple[int, list[int]] = -1, []

    def next(self) -> Any:
        element = self._parents[self._turn(self._number)].next()
        self._number += 1
        return element

    def origin(self, position: Position) -> str:
        number, *below = position
        turn = self._turn(number - 1)
        return self._parents[turn].origin(list(_parted(below))[turn])

    def _turn(self, number: int) -> int:
        """The part that gives an element."""
        block, place = divmod(number, _TURNS)
        known, turns = self._known
        if known != block:
            places = np.arange(block * _TURNS, (block + 1) * _TURNS)
            turns = self._proportions.choose(places)[0].tolist()
            self._known = block, turns
        return turns[place]


class Stages(Protocol):
    """The stages that an interleaving reads, by number."""

    def __len__(self) -> int: ...

    def __getitem__(self, number: int, /) -> Stage: ...

    def describe(self) -> str:
        """What they are."""
        ...


@dataclass(frozen=True, eq=False)
class GivenStages:
    """Stages in a list."""

    stages: Sequence[Stage]

    def __len__(self) -> int:
        return len(self.stages)

    def __getitem__(self, number: int, /) -> Stage:
        return self.stages[number]

    def describe(self) -> str:
        return "; ".join(" > ".join(stage.describe_all()) for stage in self.stages)


@dataclass(frozen=True)
class InterleaveOptions:
    """How an interleaving reads ahead. Changes speed, never elements."""

    num_opening_threads: int = 0
    opened_ahead: int = 0
    buffer_size: int = 0


@dataclass(frozen=True, eq=False)
class Interleave(Stage):
    """Elements of several stages in turn; when one ends, the next takes its slot."""

    stages: Stages
    maker: Operation | None  # of an indexed pipeline that makes the stages
    slots: int
    options: "InterleaveOptions"

    @property
    def depth(self) -> int:
        if self.maker is not None:
            return self.maker.depth + 1
        return 1 + max((stage.depth for stage in self._given), default=0)

    @property
    def default_seed(self) -> int | None:
        if self.maker is not None:
            return self.maker.default_seed
        return combined_seed([stage.default_seed for stage in self._given])

    def describe_all(self) -> list[str]:
        name = f"interleave({self.slots})" if self.slots > 1 else "concatenate"
        return [f"{name} of [{self.stages.describe()}]"]

    def open(self) -> Cursor:
        return InterleaveCursor(self)

    @property
    def _given(self) -> Iterator[Stage]:
        return (self.stages[number] for number in range(len(self.stages)))


class InterleaveCursor(Cursor):
    """Visits its slots in turn.

    A slot whose stage has ended is passed over once and takes the next stage when it is
    visited again.

    The position is the stage that is taken next, the slot that is visited next, and for
    each slot nothing or its stage and the position there.
    """

    def __init__(self, stage: Interleave):
        self._stage = stage
        self._opening: ReadAhead | None = None
        self._waiting: list[Cursor] = []  # opened ahead, and not yet in a slot
        self._clear(0, 0)

    def next(self) -> Any:
        while self._upcoming < len(self._stage.stages) or any(self._slots):
            turn = self._turn
            self._turn = (turn + 1) % len(self._slots)
            slot = self._slots[turn] or self._fill(turn)
            if slot is None:
                continue
            try:
                return slot[1].next()
            except StopIteration:
                slot[1].close()
                self._slots[turn] = None
        raise StopIteration

    def position(self) -> Position:
        slots = [(s[0], *s[1].position()) if s else () for s in self._slots]
        return (self._upcoming, self._turn, *_joined(slots))

    def seek(self, position: Sequence[int]) -> None:
        upcoming, turn, *slots = position
        self.close()
        self._clear(upcoming, turn)
        for place, own in enumerate(_parted(slots)):
            if own:
                number, *below = own
                cursor = _open(self._stage, number)
                cursor.seek(below)
                self._slots[place] = number, cursor

    def origin(self, position: Position) -> str:
        _, turn, *slots = position
        number, *below = list(_parted(slots))[turn - 1]
        kept = self._slots[turn - 1]
        # Read ahead, the slot may hold the next stage already.
        is_kept = kept is not None and kept[0] == number
        cursor = kept[1] if kept and is_kept else self._stage.stages[number].open()
        return cursor.origin(tuple(below))

    def close(self) -> None:
        for slot in self._slots:
            if slot:
                slot[1].close()
        if self._opening is not None:
            self._opening.end()
            self._opening = None
            for cursor in self._waiting:
                cursor.close()
            self._waiting.clear()

    def start(self) -> None:
        for slot in self._slots:
            if slot:
                slot[1].start()
        options = self._stage.options
        if self._opening is None and options.num_opening_threads:
            self._opening = ReadAhead(
                functools.partial(_open_ahead, self._stage, self._waiting),
                range(self._upcoming, len(self._stage.stages)),
                buffer=options.opened_ahead,
                num_threads=options.num_opening_threads,
            )
            self._opening.start_for(self)

    def _clear(self, upcoming: int, turn: int) -> None:
        self._upcoming, self._turn = upcoming, turn
        self._slots: list[tuple[int, Cursor] | None] = [None] * self._stage.slots

    def _fill(self, turn: int) -> tuple[int, Cursor] | None:
        """Takes the next stage into a slot, if there is one left."""
        if self._upcoming >= len(self._stage.stages):
            return None
        slot = self._upcoming, self._open_upcoming()
        self._slots[turn] = slot
        self._upcoming += 1
        return slot

    def _open_upcoming(self) -> Cursor:
        if not self._stage.options.num_opening_threads:
            return _open(self._stage, self._upcoming)
        self.start()
        assert self._opening is not None
        made = self._opening.take()
        if made.error is not None:
            raise made.error
        (cursor,) = made.elements
        self._waiting.remove(cursor)
        return cursor


def _open(stage: Interleave, number: int) -> Cursor:
    parent = stage.stages[number]
    if stage.options.buffer_size:
        parent = Prefetch(parent, stage.options.buffer_size)
    return parent.open()


def _open_ahead(
    stage: Interleave, waiting: list[Cursor], numbers: range
) -> list[Cursor]:
    cursors = [_open(stage, number) for number in numbers]
    waiting.extend(cursors)
    for cursor in cursors:
        cursor.start()
    return cursors


def _joined(positions: Sequence[Position]) -> Position:
    return tuple(n for position in positions for n in (len(position), *position))


def _parted(numbers: Sequence[int]) -> Iterator[Position]:
    start = 0
    while start < len(numbers):
        stop = start + 1 + numbers[start]
        yield tuple(numbers[start + 1 : stop])
        start = stop

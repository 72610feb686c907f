"""Stages that give the elements below again, or not all of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ._numbering import Position
from ._stages import Cursor, OneParent, OneParentCursor


@dataclass(frozen=True, eq=False)
class Limit(OneParent):
    """The first elements."""

    count: int

    def describe(self) -> str:
        return f"limit({self.count})"

    def open(self) -> Cursor:
        return LimitCursor(self.parent.open(), self.count)


class NumberedCursor(OneParentCursor):
    """A cursor whose position has a number of its own."""

    def __init__(self, parent: Cursor):
        super().__init__(parent)
        self._number = 0

    def position(self) -> Position:
        return (*self._parent.position(), self._number)

    def seek(self, position: Sequence[int]) -> None:
        *below, self._number = position
        self._parent.seek(below)

    def origin(self, position: Position) -> str:
        return self._parent.origin(position[:-1])


class LimitCursor(NumberedCursor):
    """The number is how many elements were given."""

    def __init__(self, parent: Cursor, count: int):
        super().__init__(parent)
        self._count = count

    def next(self) -> Any:
        if self._number >= self._count:
            raise StopIteration
        element = self._parent.next()
        self._number += 1
        return element


@dataclass(frozen=True, eq=False)
class Repeat(OneParent):
    """The same elements several times, or without end."""

    epochs: int | None

    def describe(self) -> str:
        return "repeat" if self.epochs is None else f"repeat({self.epochs})"

    def open(self) -> Cursor:
        return RepeatCursor(self.parent.open(), self.epochs)


class RepeatCursor(NumberedCursor):
    """The number is that of the epoch."""

    def __init__(self, parent: Cursor, epochs: int | None):
        super().__init__(parent)
        self._epochs = epochs
        self._start = parent.position()

    def next(self) -> Any:
        try:
            return self._parent.next()
        except StopIteration:
            if self._number + 1 == self._epochs:
                raise
        self._parent.seek(self._start)
        # Nothing at its start is nothing for ever: this ends an endless repetition.
        element = self._parent.next()
        self._number += 1
        return element


@dataclass(frozen=True, eq=False)
class Cache(OneParent):
    """Elements are made once, and kept for all iterators."""

    # By number: the element, and the position below after it.
    known: dict[int, tuple[Any, Position]] = field(default_factory=dict, init=False)

    def describe(self) -> str:
        return "cache"

    def open(self) -> Cursor:
        return CacheCursor(self.parent.open(), self.known)

    def __reduce__(self) -> Any:
        return Cache, (self.parent,)


class CacheCursor(NumberedCursor):
    """The number is how many elements were given.

    The parent stands where it was last read from; `_below` says where it would have to
    stand.
    """

    def __init__(self, parent: Cursor, known: dict[int, tuple[Any, Position]]):
        super().__init__(parent)
        self._known = known
        self._below = parent.position()

    def next(self) -> Any:
        if self._number not in self._known:
            if self._parent.position() != self._below:
                self._parent.seek(self._below)
            element = self._parent.next()
            self._known[self._number] = element, self._parent.position()
        element, self._below = self._known[self._number]
        self._number += 1
        return element

    def position(self) -> Position:
        return (*self._below, self._number)

    def seek(self, position: Sequence[int]) -> None:
        *below, self._number = position
        self._below = tuple(below)

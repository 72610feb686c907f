"""Stages that read a group of elements and give out others made of it, one by one."""

import abc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._numbering import Position
from ._stages import Cursor, OneParent, OneParentCursor


@dataclass(frozen=True, eq=False)
class Grouping(OneParent):
    """A stage that reads groups."""

    @abc.abstractmethod
    def make(self, parent: Cursor, number: int) -> Sequence[Any]:
        """What the next group is made into: may be empty, then the next one follows.

        Raises StopIteration when there is no group left.

        Args:
            parent: to read the group from.
            number: of the group, from 0.
        """

    def open(self) -> Cursor:
        return GroupCursor(self.parent.open(), self)


class GroupCursor(OneParentCursor):
    """Stands within a group; to go there, the group is made again.

    The position is that below before the group, the number of the group, and how much
    of it was given.
    """

    def __init__(self, parent: Cursor, stage: Grouping):
        super().__init__(parent)
        self._stage = stage
        self._start = parent.position()
        self._number = 0
        self._given = 0
        self._made: Sequence[Any] | None = None

    def next(self) -> Any:
        while True:
            if self._made is None:
                self._made = self._stage.make(self._parent, self._number)
            if self._given < len(self._made):
                self._given += 1
                return self._made[self._given - 1]
            self._go_to(self._parent.position(), self._number + 1, 0)

    def position(self) -> Position:
        if self._made is not None and self._given == len(self._made):
            return (*self._parent.position(), self._number + 1, 0)
        return (*self._start, self._number, self._given)

    def seek(self, position: Sequence[int]) -> None:
        *below, number, given = position
        self._parent.seek(below)
        self._go_to(self._parent.position(), number, given)

    def origin(self, position: Position) -> str:
        *_, number, given = position
        which = f"element {given}" if given else "the last element"
        group = number if given else number - 1
        return f"{which} of group {group} of {self._stage.describe()}"

    def _go_to(self, start: Position, number: int, given: int) -> None:
        self._start, self._number, self._given = start, number, given
        self._made = None

"""Batches of another size than those that arrive."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._numbering import Position
from ._stages import Cursor, OneParent, OneParentCursor
from ._tree import concatenate, leaves_with_paths, map_leaves, outline_leaf


@dataclass(frozen=True, eq=False)
class Rebatch(OneParent):
    """Rows of elements, in batches of one size."""

    size: int
    drop_remainder: bool

    def describe(self) -> str:
        options = ", drop_remainder=True" if self.drop_remainder else ""
        return f"rebatch({self.size}{options})"

    def open(self) -> Cursor:
        return RebatchCursor(self.parent.open(), self)


class RebatchCursor(OneParentCursor):
    """Stands within an element; to go there, it is read again.

    The position is that below before the element whose rows come next, and how many of
    these were given.
    """

    def __init__(self, parent: Cursor, stage: Rebatch):
        super().__init__(parent)
        self._stage = stage
        self._go_to(0)

    def next(self) -> Any:
        pieces, missing = [], self._stage.size
        while missing:
            if self._used == self._rows and not self._read():
                break
            taken = min(missing, self._rows - self._used)
            part = slice(self._used, self._used + taken)
            pieces.append(map_leaves(lambda leaf, part=part: leaf[part], self._element))
            self._used += taken
            missing -= taken
        if not pieces or (missing and self._stage.drop_remainder):
            raise StopIteration
        return concatenate(pieces)

    def position(self) -> Position:
        used = self._used + self._skipped
        if used == self._rows:
            return (*self._parent.position(), 0)
        return (*self._start, used)

    def seek(self, position: Sequence[int]) -> None:
        *below, used = position
        self._parent.seek(below)
        self._go_to(used)

    def origin(self, position: Position) -> str:
        if position[-1] == 0:
            return f"the batch that ends with {self._parent.origin(position[:-1])}"
        return f"a batch of {self._stage.describe()}"

    def _go_to(self, used: int) -> None:
        self._start = self._parent.position()
        self._skipped = used  # once the element is read
        self._element: Any = None
        self._used = self._rows = 0

    def _read(self) -> bool:
        """Whether there is an element; its rows come next."""
        start = self._parent.position()
        try:
            element = self._parent.next()
        except StopIteration:
            return False
        self._rows = _count_rows(element, self._stage, self._parent)
        self._start, self._element = start, element
        self._used, self._skipped = self._skipped, 0
        return True


def _count_rows(element: Any, stage: Rebatch, parent: Cursor) -> int:
    leaves = leaves_with_paths(element, "element")
    shapes = [getattr(leaf, "shape", ()) for _, leaf in leaves]
    sizes = {shape[0] if shape else None for shape in shapes}
    if len(sizes) != 1 or None in sizes:
        listed = "\n".join(f"  {path}: {outline_leaf(leaf)}" for path, leaf in leaves)
        raise ValueError(
            f"{stage.describe()}: the leaves of an element must be arrays with leading "
            f"axes of one size, got, for {parent.origin(parent.position())}:\n{listed}"
        )
    (size,) = sizes
    assert isinstance(size, int | np.integer)
    return int(size)

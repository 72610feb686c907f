"""A block is many records at once, in the layout that was cheapest to make.

Operations ask a block for what suits them: `rows` for functions of one record,
`stacked` for whole arrays. Columns pass from source to batch without ever being
taken apart.
"""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np

from ._tree import map_leaves, stack, unstack


class Block(Protocol):
    """Some records, in order. A record that a filter dropped is ``None``."""

    def rows(self) -> list[Any]:
        """One object per record."""
        ...

    def stacked(self) -> Any:
        """One tree of arrays with the records along the leading axis."""
        ...

    def split(self, sizes: Sequence[int]) -> "Block":
        """Consecutive groups of records, each stacked to one record."""
        ...


class Rows:
    """Records as separate objects."""

    def __init__(self, rows: list[Any]):
        self._rows = rows

    def rows(self) -> list[Any]:
        return self._rows

    def stacked(self) -> Any:
        return stack(self._rows)

    def split(self, sizes: Sequence[int]) -> Block:
        stops = np.cumsum(sizes).tolist()
        return Rows(
            [
                stack(self._rows[stop - size : stop])
                for size, stop in zip(sizes, stops, strict=True)
            ]
        )


class Columns:
    """Records as one tree of arrays with a leading axis of `size`."""

    def __init__(self, tree: Any, size: int):
        self._tree = tree
        self._size = size

    def rows(self) -> list[Any]:
        return unstack(self._tree, self._size)

    def stacked(self) -> Any:
        return self._tree

    def split(self, sizes: Sequence[int]) -> Block:
        first = sizes[0]
        if all(size == first for size in sizes):
            shape = (len(sizes), first)
            tree = map_leaves(lambda a: a.reshape(*shape, *a.shape[1:]), self._tree)
            return Columns(tree, len(sizes))
        stops = np.cumsum(sizes).tolist()
        return Rows(
            [
                map_leaves(lambda a, part=slice(stop - size, stop): a[part], self._tree)
                for size, stop in zip(sizes, stops, strict=True)
            ]
        )


class Integers(Columns):
    """A column of integers whose records are Python's own ``int``."""

    def rows(self) -> list[int]:
        return self._tree.tolist()


class Zipped:
    """Tuples of one record of each of several blocks."""

    def __init__(self, blocks: Sequence[Block]):
        self._blocks = blocks

    def rows(self) -> list[Any]:
        rows = zip(*(block.rows() for block in self._blocks), strict=True)
        return [None if any(part is None for part in row) else row for row in rows]

    def stacked(self) -> Any:
        return tuple(block.stacked() for block in self._blocks)

    def split(self, sizes: Sequence[int]) -> Block:
        return Zipped([block.split(sizes) for block in self._blocks])

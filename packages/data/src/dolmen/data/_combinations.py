"""Operations on the records of several pipelines."""

import abc
import functools
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._block import Block, Columns, Rows, Zipped
from ._operations import Below, Operation
from ._proportions import Proportions
from ._streams import combined_seed
from ._tree import concatenate, map_leaves, structure_of_rows


@dataclass(frozen=True, eq=False)
class Combination(Operation):
    """An operation on several others."""

    parts: tuple[Operation, ...]

    @property
    def parents(self) -> tuple[Operation, ...]:
        return self.parts

    @property
    def default_seed(self) -> int | None:
        return combined_seed([part.default_seed for part in self.parts])

    @property
    def source_records(self) -> int:
        return max(part.source_records for part in self.parts)

    def describe_all(self) -> list[str]:
        below = (" > ".join(part.describe_all()) for part in self.parts)
        return [f"{self.describe()} of [{'; '.join(below)}]"]


@dataclass(frozen=True, eq=False)
class Zip(Combination):
    """Tuples of one record of every part; all are of the same length."""

    def count(self) -> int:
        return self.parts[0].length

    @property
    def source_records(self) -> int:
        return sum(part.source_records for part in self.parts)

    def fetch(self, positions: np.ndarray) -> Block:
        return Zipped([part.fetch(positions) for part in self.parts])

    def below(self, positions: np.ndarray) -> list[Below]:
        return [Below(part, positions) for part in self.parts]

    def describe(self) -> str:
        return "zip"

    def origin(self, position: int) -> str:
        return " with ".join(part.origin(position) for part in self.parts)


@dataclass(frozen=True, eq=False)
class Selection(Combination):
    """One record of one part at every position."""

    @abc.abstractmethod
    def choose(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The part, and the position in it, for every position."""

    def fetch(self, positions: np.ndarray) -> Block:
        by_part = self._by_part(positions)
        blocks = [self.parts[index].fetch(own) for index, own, _ in by_part]
        return _merged(blocks, np.concatenate([places for _, _, places in by_part]))

    def below(self, positions: np.ndarray) -> list[Below]:
        by_part = self._by_part(positions)
        return [Below(self.parts[index], own) for index, own, _ in by_part]

    def _by_part(
        self, positions: np.ndarray
    ) -> list[tuple[int, np.ndarray, np.ndarray]]:
        """For each part that is touched: positions in it, and for which of ours."""
        parts, own = self.choose(positions)
        chosen = [(i, np.flatnonzero(parts == i)) for i in np.unique(parts).tolist()]
        return [(index, own[places], places) for index, places in chosen]

    def origin(self, position: int) -> str:
        parts, own = self.choose(np.array([position]))
        return self.parts[int(parts[0])].origin(int(own[0]))


@dataclass(frozen=True, eq=False)
class Concatenation(Selection):
    """One part after another; each epoch holds the same epoch of all parts."""

    def count(self) -> int:
        # The last part may be endless.
        return min(sum(part.length for part in self.parts), sys.maxsize)

    def choose(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        epochs, places = np.divmod(positions, self.length)
        starts, lengths = self._spans
        parts = np.searchsorted(starts, places, side="right") - 1
        return parts, places - starts[parts] + epochs * lengths[parts]

    def describe(self) -> str:
        return "concatenate"

    @functools.cached_property
    def _spans(self) -> tuple[np.ndarray, np.ndarray]:
        lengths = np.array([part.length for part in self.parts])
        return np.concatenate([[0], np.cumsum(lengths[:-1])]), lengths


@dataclass(frozen=True, eq=False)
class Mixture(Selection):
    """Parts in turn, each as often as its share says, on through all epochs."""

    proportions: Proportions

    def count(self) -> int:
        lengths = (part.length for part in self.parts)
        ends = itertools.starmap(self.proportions.end_of, enumerate(lengths))
        return min(*ends, sys.maxsize)

    def choose(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return self.proportions.choose(positions)

    def describe(self) -> str:
        return f"mix({self.proportions.describe()})"


@dataclass(frozen=True, eq=False)
class TableSelection(Selection):
    """Records by a table of parts and positions in them, of one epoch."""

    table: Any
    name: str

    def count(self) -> int:
        return len(self.table)

    def choose(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        epochs, places = np.divmod(positions, self.length)
        entries = [self._entry(place) for place in places.tolist()]
        parts, own = np.array(entries, np.int64).T
        return parts, own + epochs * self._lengths[parts]

    def describe(self) -> str:
        return f"select_from_datasets({self.name})"

    @functools.cached_property
    def _lengths(self) -> np.ndarray:
        return np.array([part.length for part in self.parts])

    def _entry(self, place: int) -> tuple[int, int]:
        part, own = self.table[place]
        if not 0 <= part < len(self.parts) or own < 0:
            raise IndexError(
                f"{self.describe()}: entry {place} must name one of the "
                f"{len(self.parts)} datasets and an index that is not negative, got "
                f"({part}, {own})."
            )
        return part, own


def _merged(blocks: Sequence[Block], places: np.ndarray) -> Block:
    """The records of several blocks as one, record `i` of all at ``places[i]``."""
    if len(blocks) == 1:
        return blocks[0]
    (kind, *others) = {type(block) for block in blocks}
    if issubclass(kind, Columns) and not others:
        trees = [block.stacked() for block in blocks]
        if len({structure_of_rows(tree) for tree in trees}) == 1:
            order = np.argsort(places)
            merged = map_leaves(lambda leaf: leaf[order], concatenate(trees))
            return kind(merged, len(places))
    rows: list[Any] = [None] * len(places)
    records = itertools.chain.from_iterable(block.rows() for block in blocks)
    for place, record in zip(places.tolist(), records, strict=True):
        rows[place] = record
    return Rows(rows)

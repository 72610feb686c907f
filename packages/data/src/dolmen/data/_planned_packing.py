"""Packing by index: which examples make which row is planned from their sizes alone."""

import functools
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from . import _operations
from ._block import Block
from ._packed_rows import RowLayout
from ._window_shuffle import WindowShuffle


@dataclass(frozen=True, eq=False)
class PackedPlan(_operations.OneParent):
    """Rows of whole examples, the same ones in every epoch.

    Attributes:
        layout: of a row; all features have the same length.
        sizes: of every example, along its leading axis.
        most: examples in a row at most.
        window: consecutive examples that are packed together.
    """

    layout: RowLayout
    sizes: np.ndarray
    most: int | None
    window: int

    def count(self) -> int:
        return len(self._plan[1]) - 1

    @property
    def source_records(self) -> int:
        _, starts = self._plan
        return int(np.diff(starts).max(initial=1)) * self.parent.source_records

    def fetch(self, positions: np.ndarray) -> Block:
        below, owners = self._examples_of(positions)

        def name(number: int) -> str:
            return self.parent.origin(int(below[number]))

        elements = self.parent.fetch(below).rows()
        features = self.layout.read_all("pack", elements, name)
        planned = self.sizes[below % self.parent.length]
        for key in self.layout.lengths:
            sizes = np.fromiter(map(len, features[key]), np.int64, len(planned))
            if not np.array_equal(sizes, planned):
                number = int(np.flatnonzero(sizes != planned)[0])
                found = {key: len(features[key][number]) for key in self.layout.lengths}
                raise ValueError(
                    f"pack: `lengths` says {planned[number]} of an example, but its "
                    f"features have {found} entries, for {name(number)}."
                )
        return self.layout.make_all(features, planned, np.bincount(owners))

    def below(self, positions: np.ndarray) -> list[_operations.Below]:
        return [_operations.Below(self.parent, self._examples_of(positions)[0])]

    def _examples_of(self, positions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Positions below of all examples of some rows, and the number of its row."""
        epochs, rows = np.divmod(positions, self.length)
        order, starts = self._plan
        counts = starts[rows + 1] - starts[rows]
        owners = np.repeat(np.arange(len(rows)), counts)
        within = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        records = order[starts[rows][owners] + within]
        offsets = epochs[owners] * self.parent.length
        return records + offsets, owners

    def describe(self) -> str:
        parts = [str(dict(self.layout.lengths))]
        for name, value in (
            ("at most", self.most),
            ("padded with", dict(self.layout.padding)),
            ("meta", sorted(self.layout.meta_features)),
            ("window", self.window),
        ):
            if value:
                parts.append(f"{name} {value}")
        return f"pack({', '.join(parts)}, lengths {self._digest})"

    @functools.cached_property
    def _digest(self) -> str:
        # Other sizes make other rows, which a state must not be mistaken for.
        return hashlib.blake2b(self.sizes.tobytes(), digest_size=4).hexdigest()

    def origin(self, position: int) -> str:
        below, _ = self._examples_of(np.array([position]))
        first = self.parent.origin(int(below[0]))
        return f"a row of {len(below)} examples from {first}"

    @functools.cached_property
    def _plan(self) -> tuple[np.ndarray, np.ndarray]:
        """All examples, row by row, and where in them each row starts."""
        length = next(iter(self.layout.lengths.values()))
        orders, counts = [], []
        for start in range(0, len(self.sizes), self.window):
            part = self.sizes[start : start + self.window]
            bins = np.array(best_fit_decreasing(part, length, self.most))
            orders.append(start + np.argsort(bins, kind="stable"))
            counts.append(np.bincount(bins))
        order = np.concatenate([np.empty(0, np.int64), *orders])
        ends = np.cumsum(np.concatenate([np.empty(0, np.int64), *counts]))
        return order, np.concatenate([[0], ends])


def best_fit_decreasing(
    sizes: np.ndarray, length: int, most: int | None
) -> Sequence[int]:
    """The bin of each example: the largest first, each into the fullest with room.

    Args:
        sizes: none of them above `length`.
        length: room of a bin.
        most: examples in a bin; None for any number.
    """
    bins = [0] * len(sizes)
    examples: list[int] = []  # in each bin
    open_bins: list[list[int]] = [[] for _ in range(length + 1)]  # by their room
    rooms = 0  # bit `n` is set if a bin has room for exactly `n`
    for number in np.argsort(-sizes, kind="stable").tolist():
        size = int(sizes[number])
        enough = rooms >> size
        if enough:
            room = size + (enough & -enough).bit_length() - 1
            chosen = open_bins[room].pop()
            if not open_bins[room]:
                rooms ^= 1 << room
        else:
            room, chosen = length, len(examples)
            examples.append(0)
        bins[number] = chosen
        examples[chosen] += 1
        if examples[chosen] != most:
            open_bins[room - size].append(chosen)
            rooms |= 1 << (room - size)
    return bins


def shuffles_below(operation: _operations.Operation) -> Iterator[str]:
    """Operations that give every epoch another order."""
    if isinstance(operation, _operations.Shuffle | WindowShuffle):
        yield operation.describe()
    for parent in operation.parents:
        yield from shuffles_below(parent)

"""Bins that examples are put into by their sizes."""

import bisect
from collections.abc import Sequence

import numpy as np

_FULL = np.iinfo(np.int64).max


class Bins:
    """A number of open bins, each with room for all features of its examples.

    As long as all features have the same sizes, one number says what room a bin has,
    and finding a bin takes a time logarithmic in their number.

    Args:
        count: of bins.
        lengths: room of a bin, for each feature.
        alignments: of each feature, what the place of every example is a multiple of.
        is_best_fit: choose the bin that is left with the least room in all, of equal
            ones the first; otherwise the first that has room.
        most: examples in a bin; None for any number.
    """

    def __init__(
        self,
        count: int,
        lengths: Sequence[int],
        alignments: Sequence[int],
        *,
        is_best_fit: bool,
        most: int | None,
    ):
        self._rooms = [lengths[0]] * count
        self._examples = [0] * count
        self._lengths = lengths
        self._alignments = alignments
        self._is_best_fit = is_best_fit
        self._most = most
        self._bins = (_Tightest if is_best_fit else _First)(self._rooms)
        self._columns: np.ndarray | None = None
        if len({*zip(lengths, alignments, strict=True)}) > 1:
            self._part_features()

    def place(self, sizes: Sequence[int]) -> int | None:
        """Puts an example into a bin; None if there is no room in any."""
        if self._columns is None and len(sizes) > 1 and len(set(sizes)) > 1:
            self._part_features()
        if self._columns is not None:
            return self._place_by_columns(self._columns, sizes)
        chosen = self._bins.find(sizes[0])
        if chosen is not None:
            alignment = self._alignments[0]
            left = self._rooms[chosen] - -(-sizes[0] // alignment) * alignment
            self._rooms[chosen] = left
            self._examples[chosen] += 1
            is_closed = self._examples[chosen] == self._most
            self._bins.change(chosen, -1 if is_closed else left)
        return chosen

    def _part_features(self) -> None:
        """From now on, each feature has a room of its own."""
        used = self._lengths[0] - np.array(self._rooms)
        self._columns = np.array(self._lengths)[:, None] - used

    def _place_by_columns(
        self, columns: np.ndarray, sizes: Sequence[int]
    ) -> int | None:
        needed = np.array(sizes)
        left = columns - needed[:, None]
        fits = left.min(axis=0) >= 0
        if self._most is not None:
            fits &= np.array(self._examples) < self._most
        if self._is_best_fit:
            chosen = int(np.where(fits, left.sum(axis=0), _FULL).argmin())
        else:
            chosen = int(fits.argmax())
        if not fits[chosen]:
            return None
        alignments = np.array(self._alignments)
        columns[:, chosen] -= -(-needed // alignments) * alignments
        self._examples[chosen] += 1
        return chosen


class _First:
    """Finds the first bin with enough room, by a tree of the most room on either side.

    A bin of room -1 is closed.
    """

    def __init__(self, rooms: Sequence[int]):
        self._leaves = 1 << (len(rooms) - 1).bit_length()
        level = [*rooms, *[-1] * (self._leaves - len(rooms))]
        levels = [level]
        while len(level) > 1:
            level = list(map(max, level[::2], level[1::2]))
            levels.append(level)
        # As in a heap: the children of node `i` are `2 * i` and `2 * i + 1`.
        self._tree = [-1, *(room for level in reversed(levels) for room in level)]

    def find(self, size: int) -> int | None:
        tree = self._tree
        if tree[1] < size:
            return None
        node = 1
        while node < self._leaves:
            node *= 2
            node += tree[node] < size
        return node - self._leaves

    def change(self, which: int, room: int) -> None:
        tree = self._tree
        node = which + self._leaves
        tree[node] = room
        while node > 1:
            node //= 2
            most = max(tree[2 * node], tree[2 * node + 1])
            if tree[node] == most:
                break
            tree[node] = most


class _Tightest:
    """Finds the bin with the least room that is enough, by a list that is sorted."""

    def __init__(self, rooms: Sequence[int]):
        self._count = len(rooms)
        self._keys = sorted(room * self._count + i for i, room in enumerate(rooms))
        self._rooms = list(rooms)

    def find(self, size: int) -> int | None:
        place = bisect.bisect_left(self._keys, size * self._count)
        return self._keys[place] % self._count if place < len(self._keys) else None

    def change(self, which: int, room: int) -> None:
        old = self._rooms[which] * self._count + which
        del self._keys[bisect.bisect_left(self._keys, old)]
        if room >= 0:
            bisect.insort(self._keys, room * self._count + which)
            self._rooms[which] = room

"""Whose turn it is among several parts, so that each keeps to its share at any moment.

The parts are the leaves of a Huffman tree of their shares. At every fork the records
that arrive are divided in two as evenly as whole records allow: among the first `m`
of them, ``m * left / (left + right)`` go left, rounded. So the place of a record within
its part is known without those before it, and so is where any record of a part goes.

Rounding moves a count by at most half a record, and a fork passes on its own error in
proportion. In a Huffman tree at most two thirds of it go on, but for the last fork, so
the count of a part never is two records off; nor one, where parts are two or three.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class _Leaf:
    share: int
    part: int


@dataclass(frozen=True)
class _Fork:
    share: int
    left: "_Fork | _Leaf"
    right: "_Fork | _Leaf"

    def left_of(self, count: Any) -> Any:
        """How many of the first `count` records go left: an integer or an array."""
        rounds, rest = divmod(count, self.share)
        part = (2 * rest * self.left.share + self.share) // (2 * self.share)
        return rounds * self.left.share + part

    def arrival(self, goes_left: bool, count: int) -> int:
        """Number of the record that goes to one side as the `count`-th there."""
        doubled = (2 * count + 1) * self.share
        if goes_left:
            return -(-doubled // (2 * self.left.share)) - 1
        return doubled // (2 * self.right.share)


class Schedule:
    """Assigns the records of a mixture to its parts.

    Args:
        shares: of each part, of a sum from 1 to ``2**30``; parts without a share get
            nothing.
    """

    def __init__(self, shares: Sequence[int]):
        heap: list[tuple[int, int, _Fork | _Leaf]] = [
            (share, part, _Leaf(share, part))
            for part, share in enumerate(shares)
            if share
        ]
        self._number = len(shares)
        heapq.heapify(heap)
        while len(heap) > 1:
            _, first, left = heapq.heappop(heap)
            _, _, right = heapq.heappop(heap)
            share = left.share + right.share
            heapq.heappush(heap, (share, first, _Fork(share, left, right)))
        ((_, _, self._root),) = heap

    def choose(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place, the part and how many of its records come before.

        Args:
            places: int64, not negative.
        """
        parts = np.empty(len(places), np.int64)
        counts = places.copy()
        waiting = [(self._root, np.arange(len(places)))]
        while waiting:
            node, here = waiting.pop()
            if isinstance(node, _Leaf):
                parts[here] = node.part
                continue
            arrived = counts[here]
            left = node.left_of(arrived)
            goes_left = node.left_of(arrived + 1) > left
            counts[here] = np.where(goes_left, left, arrived - left)
            waiting.append((node.left, here[goes_left]))
            waiting.append((node.right, here[~goes_left]))
        return parts, counts

    def counts(self, count: int) -> list[int]:
        """How many of the first `count` records each part gives."""
        counts = [0] * self._number
        waiting = [(self._root, count)]
        while waiting:
            node, arrived = waiting.pop()
            if isinstance(node, _Leaf):
                counts[node.part] = arrived
                continue
            left = node.left_of(arrived)
            waiting += [(node.left, left), (node.right, arrived - left)]
        return counts

    def place_of(self, part: int, count: int) -> int:
        """The place of the record of a part before which `count` others of it come.

        The part must have a share.
        """
        for fork, goes_left in reversed(_path(self._root, part) or []):
            count = fork.arrival(goes_left, count)
        return count


def _path(node: _Fork | _Leaf, part: int) -> list[tuple[_Fork, bool]] | None:
    """The turns that lead from a node to a part, if it is there."""
    if isinstance(node, _Leaf):
        return [] if node.part == part else None
    for child, is_left in ((node.left, True), (node.right, False)):
        path = _path(child, part)
        if path is not None:
            return [(node, is_left), *path]
    return None

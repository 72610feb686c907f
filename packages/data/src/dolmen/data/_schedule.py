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
import math
import numbers
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

# Shares have this sum where the weights are no simple fractions. Products of two
# numbers of that size must fit into 63 bits.
_FINEST_WHOLE = 2**30
# Of floating-point weights that are meant as simple fractions, such as 0.7 and 0.3.
_SIMPLE_DENOMINATOR = 1000
_MEANT_WITHIN = Fraction(1, 10**12)


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
        shares: of each part, positive, of a sum of at most ``2**30``.
    """

    def __init__(self, shares: Sequence[int]):
        heap: list[tuple[int, int, _Fork | _Leaf]] = [
            (share, part, _Leaf(share, part)) for part, share in enumerate(shares)
        ]
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

    def place_of(self, part: int, count: int) -> int:
        """The place of the record of a part before which `count` others of it come."""
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


def shares_of(
    call: str, weights: Sequence[float] | None, parts: int
) -> tuple[int, ...]:
    """Weights as whole numbers in the same proportions.

    Exact where the weights are simple fractions of their sum; otherwise parts of
    ``2**30``, at least one for each.

    Raises:
        ValueError: there is not one weight for each part, or one is not positive or
            not finite.
    """
    if weights is None:
        return (1,) * parts
    given = list(weights) if isinstance(weights, Iterable) else [weights]
    if not all(isinstance(weight, numbers.Real) for weight in given):
        raise TypeError(f"{call}: `weights` must be real numbers, got {given}.")
    if len(given) != parts:
        raise ValueError(
            f"{call}: `weights` must hold one number for each of the {parts} datasets, "
            f"got {len(given)}."
        )
    if not all(math.isfinite(weight) and weight > 0 for weight in given):
        raise ValueError(
            f"{call}: `weights` must be positive and finite, got {given}. Leave out a "
            "dataset that is not to be read."
        )
    total = sum(map(Fraction, given))
    exact = [Fraction(weight) / total for weight in given]
    simple = [share.limit_denominator(_SIMPLE_DENOMINATOR) for share in exact]
    whole = math.lcm(*(share.denominator for share in simple))
    is_meant = all(
        s and abs(s - e) <= _MEANT_WITHIN for s, e in zip(simple, exact, strict=True)
    )
    if is_meant and whole <= _FINEST_WHOLE:
        return tuple(int(share * whole) for share in simple)
    finest = _FINEST_WHOLE - parts  # room for those that are rounded up to one
    return tuple(max(1, round(share * finest)) for share in exact)

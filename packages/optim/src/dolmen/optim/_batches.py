"""Leaves that are alike go through one compiled call together, a batch at a time."""

from collections.abc import Hashable, Iterable, Iterator, Sequence
from itertools import chain
from operator import itemgetter
from typing import Any

# How many leaves one call takes. Each size is traced and compiled apart, so there are
# few; one call for all leaves would be another program for each number of layers.
_SIZES = (16, 4, 1)


class Batches:
    """Batches of leaves of the same kind, in a few sizes.

    Args:
        kinds: of the leaves, in their order.
    """

    def __init__(self, kinds: Iterable[Hashable]) -> None:
        alike: dict[Hashable, list[int]] = {}
        for i, kind in enumerate(kinds):
            alike.setdefault(kind, []).append(i)
        self._kinds: list[Any] = []
        self._picks: list[itemgetter[Any]] = []
        for kind, indices in alike.items():
            done = 0
            for size in _SIZES:
                while len(indices) - done >= size:
                    self._kinds.append(kind)
                    self._picks.append(_pick(indices[done : done + size]))
                    done += size
        order = [i for indices in alike.values() for i in indices]
        # Where each leaf is once the batches are in a row.
        places = sorted(range(len(order)), key=order.__getitem__)
        self._in_order = _pick(places)

    def split(
        self, rows: Iterable[Iterable[Any]]
    ) -> Iterator[tuple[Any, tuple[Any, ...]]]:
        """The kind of each batch, and its parts of rows over all leaves."""
        whole = list(map(tuple, rows))
        for kind, pick in zip(self._kinds, self._picks, strict=True):
            yield kind, tuple(map(pick, whole))

    def join(
        self, parts: Sequence[Sequence[Sequence[Any]]], count: int
    ) -> list[tuple[Any, ...]]:
        """The rows, `count` of them, from their parts in each batch."""
        rows = zip(*parts, strict=True) if parts else [()] * count
        return [self._in_order(tuple(chain.from_iterable(row))) for row in rows]


def _pick(indices: Sequence[int]) -> "itemgetter[Any]":
    """A function that takes a tuple and gives a tuple of the elements there."""
    first = indices[0] if indices else 0
    if list(indices) == list(range(first, first + len(indices))):
        return itemgetter(slice(first, first + len(indices)))  # of one element, too
    return itemgetter(*indices)

"""Random orders within windows of consecutive elements."""

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _operations
from ._groups import Grouping
from ._permutation import EpochOrders, Permutation
from ._stages import Cursor
from ._streams import shuffle_key


@dataclass(frozen=True, eq=False)
class WindowShuffle(_operations.OneParent):
    """Each window in an order of its own; windows end where epochs end."""

    size: int
    seed: int
    explicit: bool

    def down(self, positions: np.ndarray) -> np.ndarray:
        epochs, places = np.divmod(positions, self.length)
        windows, within = np.divmod(places, self.size)
        keys = epochs * -(-self.length // self.size) + windows
        order = np.empty_like(within)
        for key in np.unique(keys).tolist():
            here = keys == key
            is_last = windows[here][0] == self.length // self.size
            orders = self._orders_of_last if is_last else self._orders
            order[here] = orders(key, within[here])
        return positions - within + order

    def describe(self) -> str:
        return describe(self.size, self.seed, self.explicit)

    @functools.cached_property
    def _orders(self) -> EpochOrders:
        return EpochOrders(self.size, self._key)

    @functools.cached_property
    def _orders_of_last(self) -> EpochOrders:
        return EpochOrders(self.length % self.size, self._key)

    def _key(self, window: int) -> bytes:
        return shuffle_key(self.seed, self.depth, window)


@dataclass(frozen=True, eq=False)
class WindowShuffleStage(Grouping):
    """Reads a window, then gives its elements in a random order."""

    size: int
    seed: int
    explicit: bool

    def describe(self) -> str:
        return describe(self.size, self.seed, self.explicit)

    def make(self, parent: Cursor, number: int) -> Sequence[Any]:
        window = take(parent, self.size)
        if not window:
            raise StopIteration
        key = shuffle_key(self.seed, self.depth, number)
        order = Permutation(len(window), key)(np.arange(len(window)))
        return [window[place] for place in order.tolist()]


def take(parent: Cursor, size: int) -> list[Any]:
    """The next `size` elements, or those that are left."""
    taken = []
    try:
        for _ in range(size):
            taken.append(parent.next())
    except StopIteration:
        pass
    return taken


def describe(size: int, seed: int, explicit: bool) -> str:
    """The call of either."""
    return f"window_shuffle({size}, {seed})" if explicit else f"window_shuffle({size})"

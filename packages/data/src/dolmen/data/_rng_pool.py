"""Functions and classes that Grain shows of its random numbers and positions."""

import threading
from typing import Any

import numpy as np

from ._arguments import at_least, checked_seed
from ._iterator import DatasetIterator
from ._permutation import Permutation
from ._streams import RecordStreams, shuffle_key


class RngPool:
    """Random numbers by index, from generators that are used again.

    What a generator draws depends on seed, `op_seed` and index only. Several threads
    may take generators at once.

    Args:
        seed: an integer in ``range(2**64)``.

    Example:
        >>> pool = RngPool(0)
        >>> rng = pool.acquire_rng(7)
        >>> number = rng.random()
        >>> pool.release_rng(rng)
        >>> pool.acquire_rng(7).random() == number
        True
    """

    def __init__(self, seed: int):
        self._seed = checked_seed("RngPool", seed)
        self._free: dict[int, list[RecordStreams]] = {}
        self._lent: dict[int, tuple[int, RecordStreams]] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return RngPool, (self._seed,)

    def acquire_rng(self, index: int, *, op_seed: int = 0) -> np.random.Generator:
        """The generator of an index; give it back with `release_rng`."""
        with self._lock:
            free = self._free.setdefault(op_seed, [])
            streams = free.pop() if free else RecordStreams(self._seed, op_seed)
            rng = streams.at(0, index)
            self._lent[id(rng)] = op_seed, streams
            return rng

    def release_rng(self, rng: np.random.Generator) -> None:
        """Takes a generator back, which must not be used any more.

        Raises:
            ValueError: it is none of this pool.
        """
        with self._lock:
            if id(rng) not in self._lent:
                raise ValueError(
                    "RngPool.release_rng: `rng` must be a generator that this pool has "
                    "lent and not yet taken back."
                )
            op_seed, streams = self._lent.pop(id(rng))
            self._free[op_seed].append(streams)


def index_shuffle(index: int, max_index: int, seed: int, rounds: int) -> int:
    """Where an index stands in a random order of ``range(max_index + 1)``.

    Args:
        index: between 0 and `max_index`.
        max_index: the greatest index.
        seed: chooses the order: an integer in ``range(2**64)``.
        rounds: at least 4, as in Grain. More rounds than asked for are done: 4 leave
            an order that statistical tests tell from a random one.

    Raises:
        ValueError: an argument is out of range.

    Example:
        >>> sorted(index_shuffle(i, 4, seed=0, rounds=4) for i in range(5))
        [0, 1, 2, 3, 4]
    """
    call = "index_shuffle"
    at_least(call, "rounds", rounds, 4)
    at_least(call, "max_index", max_index, at_least(call, "index", index, 0))
    key = shuffle_key(checked_seed(call, seed), 0, 0)
    return Permutation(max_index + 1, key).one(index)


def get_next_index(ds_iter: DatasetIterator[Any]) -> int:
    """The index of the element that an iterator over a `MapDataset` looks at next.

    Args:
        ds_iter: an iterator over a pipeline that is planned by index.

    Example:
        >>> from dolmen.data import MapDataset
        >>> iterator = iter(MapDataset.range(10).filter(lambda x: x % 3 == 2))
        >>> next(iterator), get_next_index(iterator)
        (2, 3)
    """
    return ds_iter.planned_index()


def set_next_index(ds_iter: DatasetIterator[Any], index: int) -> None:
    """Lets an iterator over a `MapDataset` go on at an index.

    Args:
        ds_iter: an iterator over a pipeline that is planned by index.
        index: of the next element to look at.

    Raises:
        ValueError: the index lies beyond the end, or stages that count or drop elements
            in order follow the indexed part.
    """
    at_least("set_next_index", "index", index, 0)
    ds_iter.set_state({"step": index})

"""What sources of records in files share: numbers over all files, what is skipped."""

import itertools
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ._damage import DamageCounter

T = TypeVar("T")


class RecordFiles(Generic[T]):
    """A source of records in files, which follow one another."""

    # Of messages, and what a record is called in them.
    _name: ClassVar[str]
    _noun: ClassVar[str] = "records"

    # Set by subclasses: where damage is counted instead of told, and how many records
    # lie in the files up to each.
    _skipping: DamageCounter | None
    _stops: np.ndarray

    @property
    def damaged(self) -> int:
        """How many damaged places were skipped in this process."""
        return len(self._skipping) if self._skipping is not None else 0

    @property
    def may_skip(self) -> bool:
        """Whether a record may be None."""
        return self._skipping is not None

    def __len__(self) -> int:
        """Number of records in all files."""
        return int(self._stops[-1]) if len(self._stops) else 0

    def __getitem__(self, record_key: int, /) -> T | None:
        """One record; None if it is damaged and skipped."""
        return self.__getitems__([record_key])[0]

    def __getitems__(self, record_keys: Sequence[int], /) -> list[Any]:
        """Many records."""
        raise NotImplementedError(f"{self._name}.__getitems__")

    def __repr__(self) -> str:
        """Number of records."""
        return f"{self._name}({len(self)})"

    def _checked(self, record_keys: Any) -> np.ndarray:
        """Keys of records as numbers from 0.

        Raises:
            IndexError: there is no such record.
        """
        keys, size = np.asarray(record_keys, np.int64), len(self)
        wrong = keys[(keys < -size) | (keys >= size)]
        if wrong.size:
            raise IndexError(
                f"{self._name}: index {wrong[0]} is out of range, there are {size} "
                f"{self._noun}."
            )
        return np.where(keys < 0, keys + size, keys)

    def _located(self, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The file (or other part) of each record, and its number there."""
        parts = np.searchsorted(self._stops, keys, side="right")
        return parts, keys - np.concatenate([[0], self._stops[:-1]])[parts]

    def _by_part(
        self, keys: np.ndarray
    ) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """For each file (or other part) that is touched, the records in it.

        Yields:
            The part, places in `keys`, and the numbers of these records in the part.
        """
        parts, numbers = self._located(keys)
        # Sorted once, because a batch may touch as many files as it has records.
        order = np.argsort(parts, kind="stable")
        in_order = parts[order]
        bounds = np.flatnonzero(in_order[1:] != in_order[:-1]) + 1
        stops = [*bounds.tolist(), len(order)]
        for start, stop in itertools.pairwise([0, *stops] if len(order) else []):
            places = order[start:stop]
            yield int(in_order[start]), places, numbers[places]

    def _located_one(self, key: int) -> tuple[int, int]:
        """The file of one record, and its number there."""
        parts, numbers = self._located(np.asarray([key], np.int64))
        return int(parts[0]), int(numbers[0])

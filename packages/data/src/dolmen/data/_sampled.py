"""Records in the order of a sampler that answers for single places."""

import sys
from typing import Any

from ._samplers import Sampler
from ._sources import as_source


class SampledRecords:
    """The records that a sampler names, as a source of their own.

    Args:
        source: where they come from.
        sampler: says which record comes at which place; it ends at its length, or where
            it raises IndexError.
    """

    def __init__(self, source: Any, sampler: Sampler):
        self._source = as_source(source)
        self._sampler = sampler
        self._length = _length(sampler)

    def __len__(self) -> int:
        """Number of places."""
        return self._length

    def __getitem__(self, record_key: int, /) -> Any:
        """The record at a place."""
        return self._source[self._sampler[record_key].record_key]

    def __repr__(self) -> str:
        """The sampler."""
        return f"{type(self._sampler).__name__}({self._length})"


def _length(sampler: Sampler) -> int:
    if hasattr(sampler, "__len__"):
        return len(sampler)  # pyright: ignore[reportArgumentType] - checked above
    first, last = 0, sys.maxsize
    while first < last:
        middle = (first + last) // 2
        try:
            sampler[middle]
        except IndexError:
            last = middle
        else:
            first = middle + 1
    return first

"""Rows of several examples, one behind another, with what tells them apart."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._arguments import at_least

Example = dict[str, Any]


@dataclass(frozen=True)
class RowLayout:
    """How examples make a row.

    Attributes:
        lengths: of each feature in a row. Others are left out.
        meta_features: those that get no positions and segment ids. One without a length
            is given as a list, with one entry for each example.
        alignments: of each feature, what the place of every example is a multiple of.
        padding: of each feature, what fills the rest of a row.
        starts: of each feature, what the first entry of every example is replaced by.
    """

    lengths: Mapping[str, int]
    meta_features: frozenset[str] = frozenset()
    alignments: Mapping[str, int] = field(default_factory=dict)
    padding: Mapping[str, Any] = field(default_factory=dict)
    starts: Mapping[str, Any] = field(default_factory=dict)

    def read(self, call: str, element: Any, name: Callable[[], str]) -> Example:
        """The features of an element as arrays with an axis at least.

        Raises:
            ValueError: it has no such features.
        """
        example = {}
        try:
            for key in self.lengths:
                value = element[key]
                if type(value) is not np.ndarray or not value.ndim:
                    value = np.atleast_1d(value)
                example[key] = value
            for key in self.listed:
                example[key] = element[key]
        except (KeyError, TypeError, IndexError):
            got = sorted(element) if isinstance(element, Mapping) else type(element)
            wanted = sorted(self.meta_features | self.lengths.keys())
            raise ValueError(
                f"{call}: elements must be dictionaries with the features {wanted}, "
                f"got {got}, for {name()}."
            ) from None
        return example

    @functools.cached_property
    def listed(self) -> frozenset[str]:
        """Meta features without a length."""
        return self.meta_features - self.lengths.keys()

    def make(self, examples: Sequence[Example]) -> dict[str, Any]:
        """The row of some examples, at least one, that have room in it."""
        row: dict[str, Any] = {}
        known: dict[Any, _Places] = {}  # most features have the same
        for key, length in self.lengths.items():
            arrays = [example[key] for example in examples]
            sizes = tuple(map(len, arrays))
            which = sizes, length, self.alignments.get(key, 1)
            if which not in known:
                known[which] = _Places(*which)
            places = known[which]
            row[key] = places.spread(arrays, self.padding.get(key, 0))
            if key in self.starts:
                firsts = [
                    start for start, n in zip(places.starts, sizes, strict=True) if n
                ]
                row[key][firsts] = self.starts[key]
            if key not in self.meta_features:
                row[f"{key}_segment_ids"] = places.segment_ids.copy()
                row[f"{key}_positions"] = places.positions.copy()
        for key in sorted(self.listed):
            row[key] = [example[key] for example in examples]
        return row


class _Places:
    """Where the entries of examples of some sizes stand in a row."""

    def __init__(self, sizes: Sequence[int], length: int, alignment: int):
        ramp = _ramp(length)
        self._length = length
        self.starts: list[int] = []
        self.firsts: list[int] = []  # where an entry stands
        self.segment_ids = np.zeros(length, np.int32)
        self.positions = np.zeros(length, np.int32)
        start = stop = 0
        for number, size in enumerate(sizes, 1):
            stop = start + size
            self.starts.append(start)
            if size:
                self.firsts.append(start)
            self.segment_ids[start:stop] = number
            self.positions[start:stop] = ramp[:size]
            start += -(-size // alignment) * alignment
        self._has_gaps = alignment > 1
        self._stop = stop

    def spread(self, arrays: Sequence[np.ndarray], padding: Any) -> np.ndarray:
        """The arrays in their places, in a row that is filled up with padding."""
        entries = np.concatenate(arrays)  # also tells arrays that don't go together
        row = np.zeros((self._length, *entries.shape[1:]), entries.dtype)
        if not isinstance(padding, int) or padding:  # zeros are there already
            row[...] = padding
        if self._has_gaps:
            for start, array in zip(self.starts, arrays, strict=True):
                row[start : start + len(array)] = array
        else:
            row[: self._stop] = entries
        return row


@functools.lru_cache(maxsize=8)
def _ramp(length: int) -> np.ndarray:
    return np.arange(length, dtype=np.int32)


def checked_lengths(call: str, lengths: Any) -> dict[str, int]:
    """Lengths of features, at least one."""
    if not isinstance(lengths, Mapping):
        raise TypeError(
            f"{call}: `length_struct` must be a dictionary from features to lengths, "
            f"got {type(lengths).__name__}. Put an array into a dictionary before."
        )
    if not lengths:
        raise ValueError(f"{call}: `length_struct` must name a feature, got none.")
    return {
        key: at_least(call, f"length_struct[{key!r}]", length, 1)
        for key, length in lengths.items()
    }


def checked_struct(
    call: str, argument: str, struct: Any, lengths: Mapping[str, int]
) -> dict[str, Any]:
    """Values of some of the features."""
    given = dict(struct or {})
    if not given.keys() <= lengths.keys():
        raise ValueError(
            f"{call}: `{argument}` must name features of `length_struct`, "
            f"{list(lengths)}, got {list(given)}."
        )
    return given

"""Rows of several examples, one behind another, with what tells them apart."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
        if not isinstance(element, Mapping) or not self.wanted <= element.keys():
            got = sorted(element) if isinstance(element, Mapping) else type(element)
            raise ValueError(
                f"{call}: elements must be dictionaries with the features "
                f"{sorted(self.wanted)}, got {got}, for {name()}."
            )
        example = {key: np.atleast_1d(element[key]) for key in self.lengths}
        return example | {key: element[key] for key in self.listed}

    @property
    def listed(self) -> frozenset[str]:
        """Meta features without a length."""
        return self.meta_features - self.lengths.keys()

    @property
    def wanted(self) -> frozenset[str]:
        """All features that an element must have."""
        return self.meta_features | self.lengths.keys()

    def make(self, examples: Sequence[Example]) -> dict[str, Any]:
        """The row of some examples, at least one, that have room in it."""
        row: dict[str, Any] = {}
        places: dict[Any, _Places] = {}  # most features have the same
        for key, length in self.lengths.items():
            arrays = [example[key] for example in examples]
            sizes = tuple(map(len, arrays))
            alignment = self.alignments.get(key, 1)
            which = sizes, length, alignment
            if which not in places:
                places[which] = _Places(*which)
            found = places[which]
            row[key] = found.spread(np.concatenate(arrays), self.padding.get(key, 0))
            if key in self.starts:
                row[key][found.starts[np.array(sizes) > 0]] = self.starts[key]
            if key not in self.meta_features:
                row[f"{key}_segment_ids"] = found.segment_ids.copy()
                row[f"{key}_positions"] = found.positions.copy()
        for key in sorted(self.listed):
            row[key] = [example[key] for example in examples]
        return row


class _Places:
    """Where the entries of examples of some sizes stand in a row."""

    def __init__(self, sizes: Sequence[int], length: int, alignment: int):
        counts = np.array(sizes)
        rounded = -(-counts // alignment) * alignment
        self.starts = np.cumsum(rounded) - rounded
        self._length = length
        total = int(counts.sum())
        within = np.arange(total) - np.repeat(np.cumsum(counts) - counts, counts)
        # Without gaps the entries are the start of the row: no need to index it.
        self._where: Any = slice(total)
        if alignment > 1:
            self._where = within + np.repeat(self.starts, counts)
        ids = np.repeat(np.arange(1, len(counts) + 1, dtype=np.int32), counts)
        self.segment_ids = self.spread(ids, 0)
        self.positions = self.spread(within.astype(np.int32), 0)

    def spread(self, entries: np.ndarray, padding: Any) -> np.ndarray:
        """The entries in their places, in a row that is filled up with padding."""
        row = np.full((self._length, *entries.shape[1:]), padding, entries.dtype)
        row[self._where] = entries
        return row

"""Rows of several examples, one behind another, with what tells them apart."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ._arguments import at_least
from ._block import Block, Columns, Rows

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

    def read_all(
        self, call: str, elements: Sequence[Any], name: Callable[[int], str]
    ) -> dict[str, list[Any]]:
        """What `read` gives for each of many elements, feature by feature.

        Args:
            call: for messages.
            elements: dictionaries.
            name: names an element by its number.
        """
        try:
            columns = {key: [x[key] for x in elements] for key in self.lengths}
            for key, values in columns.items():
                if {type(x) for x in values} != {np.ndarray} or not all(
                    x.ndim for x in values
                ):
                    columns[key] = list(map(np.atleast_1d, values))
            return columns | {key: [x[key] for x in elements] for key in self.listed}
        except (KeyError, TypeError, IndexError):
            for number, element in enumerate(elements):
                self.read(call, element, functools.partial(name, number))
            raise

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

    def make_all(
        self,
        features: Mapping[str, Sequence[Any]],
        sizes: np.ndarray,
        counts: np.ndarray,
    ) -> Block:
        """Many rows at once, of examples whose features all have the same sizes.

        Alignments and starts are not heeded.

        Args:
            features: of all examples, as `read_all` gives them.
            sizes: of all examples.
            counts: how many examples, one behind another, make each row.
        """
        (length,) = {*self.lengths.values()}
        if self.listed or not all(_are_alike(features[key]) for key in self.lengths):
            # A row is not to depend on those that it is made together with.
            examples = [
                dict(zip(features, values, strict=True))
                for values in zip(*features.values(), strict=True)
            ]
            stops = np.cumsum(counts).tolist()
            pairs = zip(counts.tolist(), stops, strict=True)
            return Rows([self.make(examples[stop - n : stop]) for n, stop in pairs])
        places = _PlacesOfRows(sizes, counts, length)
        tree: dict[str, Any] = {}
        for key in self.lengths:
            tree[key] = places.spread(features[key], self.padding.get(key, 0))
            if key not in self.meta_features:
                tree[f"{key}_segment_ids"] = places.segment_ids.copy()
                tree[f"{key}_positions"] = places.positions.copy()
        return Columns(tree, len(counts))


def _are_alike(arrays: Sequence[np.ndarray]) -> bool:
    """Whether they are rows of one array: of one dtype, and of one shape but for it."""
    first = arrays[0]
    dtype, shape = first.dtype, first.shape[1:]
    return all(x.dtype == dtype and x.shape[1:] == shape for x in arrays)


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


class _PlacesOfRows:
    """Where the entries of examples stand in many rows, without gaps."""

    def __init__(self, sizes: np.ndarray, counts: np.ndarray, length: int):
        firsts = np.cumsum(counts) - counts  # examples of rows before
        used = np.add.reduceat(sizes, firsts)
        self._is_used = np.arange(length) < used[:, None]
        numbers = np.arange(len(sizes)) - np.repeat(firsts, counts)
        starts = np.cumsum(sizes) - sizes
        self.segment_ids = self._fill(np.repeat(numbers + 1, sizes))
        self.positions = self._fill(np.arange(sizes.sum()) - np.repeat(starts, sizes))

    def _fill(self, values: np.ndarray) -> np.ndarray:
        filled = np.zeros(self._is_used.shape, np.int32)
        filled[self._is_used] = values
        return filled

    def spread(self, arrays: Sequence[np.ndarray], padding: Any) -> np.ndarray:
        """The arrays in their places, in rows that are filled up with padding."""
        entries = np.concatenate(arrays)
        shape = (*self._is_used.shape, *entries.shape[1:])
        rows = np.zeros(shape, entries.dtype)
        if not isinstance(padding, int) or padding:  # zeros are there already
            rows[...] = padding
        rows[self._is_used] = entries
        return rows


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

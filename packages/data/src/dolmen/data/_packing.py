"""Packing: several examples to a row, whole (bins) or cut where a row is full."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._bins import Bins
from ._groups import GroupCursor, Grouping
from ._numbering import Position
from ._packed_rows import Example, RowLayout
from ._permutation import Permutation
from ._stages import Cursor, OneParent, OneParentCursor
from ._streams import shuffle_key


@dataclass(frozen=True, eq=False)
class Pack(Grouping):
    """Whole examples in bins: when one has no room, all bins are given out."""

    layout: RowLayout
    count: int
    is_best_fit: bool
    most: int | None
    seed: int | None  # None: the bins are not shuffled
    sort_by: str | None

    def describe(self) -> str:
        how = "best" if self.is_best_fit else "first"
        lengths = dict(self.layout.lengths)
        parts = [f"{how}, {lengths}, {self.count} bins"]
        if self.seed is not None:
            parts.append(f"shuffled by {self.seed}")
        for name, value in (
            ("sorted by", self.sort_by),
            ("at most", self.most),
            ("aligned to", dict(self.layout.alignments)),
            ("padded with", dict(self.layout.padding)),
            ("meta", sorted(self.layout.meta_features)),
        ):
            if value:
                parts.append(f"{name} {value}")
        return f"pack({', '.join(parts)})"

    def open(self) -> Cursor:
        return GroupCursor(HoldingCursor(self.parent.open()), self)

    def make(self, parent: Cursor, number: int) -> Sequence[Any]:
        assert isinstance(parent, HoldingCursor)
        layout = self.layout
        alignments = [layout.alignments.get(key, 1) for key in layout.lengths]
        bins = Bins(
            self.count,
            list(layout.lengths.values()),
            alignments,
            is_best_fit=self.is_best_fit,
            most=self.most,
        )
        rows: list[list[Example]] = [[] for _ in range(self.count)]
        for example in _examples(parent, layout):
            sizes = [len(example[key]) for key in layout.lengths]
            chosen = bins.place(sizes)
            if chosen is None:
                _check_sizes(sizes, layout, parent)
                parent.hold()
                break
            rows[chosen].append(example)
        filled = [row for row in rows if row]
        if not filled:
            raise StopIteration
        if self.seed is not None:
            key = shuffle_key(self.seed, self.depth, number)
            order = Permutation(len(filled), key)(np.arange(len(filled)))
            filled = [filled[place] for place in order.tolist()]
        if self.sort_by is not None:
            filled.sort(key=lambda row: _mean_value(row, self.sort_by))
        return PackedRows(layout, filled)


class PackedRows(Sequence[Any]):
    """Rows that are made when they are asked for."""

    def __init__(self, layout: RowLayout, rows: Sequence[Sequence[Example]]):
        self._layout = layout
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: Any) -> Any:
        return self._layout.make(self._rows[number])


class HoldingCursor(OneParentCursor):
    """Can be told to give the last element once more."""

    def __init__(self, parent: Cursor):
        super().__init__(parent)
        self._last: Any = None
        self._before = parent.position()
        self._is_held = False

    def next(self) -> Any:
        if self._is_held:
            self._is_held = False
        else:
            before = self._parent.position()
            self._last = self._parent.next()
            self._before = before
        return self._last

    def hold(self) -> None:
        """The last element comes next again."""
        self._is_held = True

    def position(self) -> Position:
        return self._before if self._is_held else self._parent.position()

    def seek(self, position: Sequence[int]) -> None:
        self._is_held = False
        self._parent.seek(position)


def _examples(parent: Cursor, layout: RowLayout) -> Iterator[Example]:
    def name() -> str:
        return parent.origin(parent.position())

    while True:
        try:
            element = parent.next()
        except StopIteration:
            return
        yield layout.read("pack", element, name)


def _check_sizes(sizes: Sequence[int], layout: RowLayout, parent: Cursor) -> None:
    """Tells an example that has no room even in an empty bin."""
    pairs = zip(layout.lengths.items(), sizes, strict=True)
    for (key, length), size in pairs:
        if size > length:
            raise ValueError(
                f"pack: feature {key!r} has {size} entries, but a row has room for "
                f"{length}, for {parent.origin(parent.position())}. Cut it short "
                "before, or use `ConcatThenSplitIterDataset`."
            )


def _mean_value(row: Sequence[Example], key: str | None) -> float:
    assert key is not None
    values = np.unique(np.concatenate([example[key] for example in row]))
    count = np.count_nonzero(values)
    return float(values.sum() / count) if count else 0.0


@dataclass(frozen=True, eq=False)
class ConcatThenSplit(OneParent):
    """Examples one behind another, cut where a row is full."""

    layout: RowLayout
    split_full: bool

    def describe(self) -> str:
        lengths = dict(self.layout.lengths)
        options = [] if self.split_full else ["full rows whole"]
        if self.layout.starts:
            options.append(f"beginning with {dict(self.layout.starts)}")
        if self.layout.meta_features:
            options.append(f"meta {sorted(self.layout.meta_features)}")
        return f"concat_then_split({', '.join([str(lengths), *options])})"

    def open(self) -> Cursor:
        return ConcatThenSplitCursor(self.parent.open(), self)


class ConcatThenSplitCursor(OneParentCursor):
    """Keeps the examples of the next row until it is full.

    The position is that below before the first of them; how many entries of each of its
    features were given; and how many examples were passed through since it was read.
    """

    def __init__(self, parent: Cursor, stage: ConcatThenSplit):
        super().__init__(parent)
        self._layout = stage.layout
        self._split_full = stage.split_full
        self._split = [
            key for key in stage.layout.lengths if key not in stage.layout.meta_features
        ]
        self._meta = [key for key in stage.layout.lengths if key not in self._split]
        self._forget([0] * len(self._split), 0)

    def next(self) -> Any:
        while not self._is_full():
            before = self._parent.position()
            try:
                element = self._parent.next()
            except StopIteration:
                if not any(self._sizes.values()):
                    raise
                return self._give(len(self._examples))
            example = self._layout.read("pack", element, self._name)
            self._check_meta(example)
            if not self._split_full and self._passes(example):
                if self._passed_again:
                    self._passed_again -= 1
                    continue
                self._passed += bool(self._examples)
                return self._layout.make([example])
            is_limited = bool(
                self._meta and self._examples and not self._has_meta_room(example)
            )
            self._append(self._rest_of(example))
            self._befores.append(before)
            if is_limited:
                return self._give(len(self._examples) - 1)
        return self._give(len(self._examples))

    def position(self) -> Position:
        if not self._examples and not self._is_behind:
            zeros = [0] * len(self._split)
            return (*self._parent.position(), *zeros, 0)
        start = self._befores[0] if self._befores else self._start
        return (*start, *self._offsets, self._passed)

    def seek(self, position: Sequence[int]) -> None:
        count = len(self._split) + 1
        *offsets, passed = position[-count:]
        self._parent.seek(position[:-count])
        self._forget(offsets, passed)

    def origin(self, position: Position) -> str:
        count = len(self._split) + 1
        *offsets, passed = position[-count:]
        if any(offsets) or passed:
            return "a row of concat_then_split"
        return f"the row that ends with {self._parent.origin(position[:-count])}"

    def _forget(self, offsets: Sequence[int], passed: int) -> None:
        """Keeps nothing; the example that is read next was given in part."""
        self._start = self._parent.position()
        self._examples: list[Example] = []
        self._sizes = dict.fromkeys(self._layout.lengths, 0)
        self._befores: list[Position] = []
        self._offsets = list(offsets)
        self._passed = self._passed_again = passed
        self._is_behind = any(offsets) or passed > 0

    def _name(self) -> str:
        return self._parent.origin(self._parent.position())

    def _append(self, example: Example) -> None:
        self._examples.append(example)
        for key in self._sizes:
            self._sizes[key] += len(example[key])

    def _is_full(self) -> bool:
        for key in self._split:  # noqa: SIM110 - twice as fast as `any`
            if self._sizes[key] >= self._layout.lengths[key]:
                return True
        return False

    def _passes(self, example: Example) -> bool:
        """Whether the example is a row by itself that need not be cut."""
        pairs = [(len(example[key]), self._layout.lengths[key]) for key in self._split]
        return all(size <= length for size, length in pairs) and any(
            size == length for size, length in pairs
        )

    def _check_meta(self, example: Example) -> None:
        for key in self._meta:
            length = self._layout.lengths[key]
            if len(example[key]) > length:
                raise ValueError(
                    f"pack: meta feature {key!r} has {len(example[key])} entries, but "
                    f"a row has room for {length}, for {self._name()}."
                )

    def _has_meta_room(self, example: Example) -> bool:
        return all(
            self._sizes[key] + len(example[key]) <= self._layout.lengths[key]
            for key in self._meta
        )

    def _rest_of(self, example: Example) -> Example:
        """What was not given of the first example after a seek; else all of it."""
        if self._examples or not self._is_behind:
            return example
        pairs = zip(self._split, self._offsets, strict=True)
        return example | {key: example[key][offset:] for key, offset in pairs}

    def _give(self, count: int) -> dict[str, Any]:
        """The row of the first `count` examples; what has no room of it stays."""
        given = self._examples[:count]
        last = given[-1]
        cuts = {}
        for key in self._split:
            room = self._layout.lengths[key] - sum(len(e[key]) for e in given[:-1])
            cuts[key] = min(room, len(last[key]))
        row = self._layout.make(
            [*given[:-1], last | {key: last[key][:cut] for key, cut in cuts.items()}]
        )
        before = self._offsets if count == 1 else [0] * len(self._split)
        rest = last | {key: last[key][cut:] for key, cut in cuts.items()}
        has_rest = any(len(rest[key]) for key in self._split)
        kept = count - 1 if has_rest else count
        left = ([rest] if has_rest else []) + self._examples[count:]
        self._examples, self._sizes = [], dict.fromkeys(self._sizes, 0)
        for example in left:
            self._append(example)
        self._befores = self._befores[kept:]
        self._offsets = [0] * len(self._split)
        if has_rest:
            pairs = zip(before, cuts.values(), strict=True)
            self._offsets = [offset + cut for offset, cut in pairs]
        self._passed = self._passed_again = 0
        self._is_behind = False
        return row

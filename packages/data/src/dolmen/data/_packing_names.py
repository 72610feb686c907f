"""Packing under the names that Grain has for it."""

import enum
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ._arguments import at_least, checked_seed
from ._bins import Bins
from ._iter_dataset import IterDataset
from ._packed_rows import RowLayout, checked_lengths, checked_struct
from ._packing import ConcatThenSplit, Pack
from ._record import Record, RecordMetadata
from ._stages import Stage

Row = dict[str, Any]


class _PackIterDataset(IterDataset[Row]):
    """Whole examples in bins."""

    _is_best_fit: bool

    def __init__(
        self,
        parent: IterDataset[Any],
        *,
        length_struct: Mapping[str, int],
        num_packing_bins: int,
        seed: int = 0,
        shuffle_bins: bool = True,
        shuffle_bins_group_by_feature: str | None = None,
        meta_features: Sequence[str] = (),
        pack_alignment_struct: Mapping[str, int] | None = None,
        padding_struct: Mapping[str, Any] | None = None,
        max_sequences_per_bin: int | None = None,
    ):
        call = type(self).__name__
        most = max_sequences_per_bin
        if most is not None:
            most = at_least(call, "max_sequences_per_bin", most, 1)
        layout = RowLayout(
            lengths=checked_lengths(call, length_struct),
            meta_features=frozenset(meta_features),
            alignments=checked_struct(
                call, "pack_alignment_struct", pack_alignment_struct, length_struct
            ),
            padding=checked_struct(
                call, "padding_struct", padding_struct, length_struct
            ),
        )
        for key, alignment in layout.alignments.items():
            at_least(call, f"pack_alignment_struct[{key!r}]", alignment, 1)
        sort_by = shuffle_bins_group_by_feature if shuffle_bins else None
        if sort_by is not None and sort_by not in layout.lengths:
            raise ValueError(
                f"{call}: `shuffle_bins_group_by_feature` must be a feature of "
                f"`length_struct`, {list(layout.lengths)}, got {sort_by!r}."
            )
        seed = checked_seed(call, seed)
        super().__init__(
            Pack(
                _stage_of(call, parent),
                layout,
                at_least(call, "num_packing_bins", num_packing_bins, 1),
                self._is_best_fit,
                most,
                seed if shuffle_bins else None,
                sort_by,
            )
        )


class FirstFitPackIterDataset(_PackIterDataset):
    """Packs whole examples into rows, each into the first that has room.

    Elements are dictionaries of arrays whose leading sizes may differ. A number of rows
    (bins) is open; when an example has no room in any, all are given out, the rest of
    each filled up, and new ones are opened. A state is a handful of integers: to go to
    it, the examples of its open rows are read again.

    A row has ``feature_segment_ids`` beside each feature, int32: which example of the
    row an entry is of, from 1, and 0 where it is padding; and ``feature_positions``,
    int32: the place of the entry in its example.

    Args:
        parent: the examples.
        length_struct: of each feature, how many entries a row has room for. Others are
            left out.
        num_packing_bins: rows that are open at once. More waste less.
        seed: of the order of the rows.
        shuffle_bins: give the rows that were open together in a random order.
        shuffle_bins_group_by_feature: then sort them by the mean of the distinct values
            that this feature has in each, zeros left out.
        meta_features: features without segment ids and positions. Those that
            `length_struct` does not name are given as lists with one entry for each
            example.
        pack_alignment_struct: of features, what the place of every example in the row
            is a multiple of.
        padding_struct: of features, what rows are filled up with instead of 0.
        max_sequences_per_bin: examples in a row at most.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: a number is out of range or a feature unknown; when elements are
            read, one lacks a feature or is longer than a row.

    Example:
        >>> from dolmen.data import MapDataset
        >>> texts = [{"x": np.full(n, n)} for n in (3, 4, 2, 1)]
        >>> ds = MapDataset.source(texts).to_iter_dataset()
        >>> for row in FirstFitPackIterDataset(
        ...     ds, length_struct={"x": 5}, num_packing_bins=2, shuffle_bins=False
        ... ):
        ...     print(row["x"], row["x_segment_ids"], row["x_positions"])
        [3 3 3 2 2] [1 1 1 2 2] [0 1 2 0 1]
        [4 4 4 4 1] [1 1 1 1 2] [0 1 2 3 0]
    """

    _is_best_fit = False


class BestFitPackIterDataset(_PackIterDataset):
    """Packs whole examples into rows, each into the fullest that has room.

    It wastes less than `FirstFitPackIterDataset`, which explains everything else.

    Example:
        >>> from dolmen.data import MapDataset
        >>> texts = [{"x": np.full(n, n)} for n in (2, 4, 1, 3)]
        >>> ds = MapDataset.source(texts).to_iter_dataset()
        >>> for row in BestFitPackIterDataset(
        ...     ds, length_struct={"x": 5}, num_packing_bins=2, shuffle_bins=False
        ... ):
        ...     print(row["x"])
        [2 2 3 3 3]
        [4 4 4 4 1]
    """

    _is_best_fit = True


class BOSHandling(enum.Enum):
    """What `ConcatThenSplitIterDataset` does at the start of every segment.

    Attributes:
        DO_NOTHING: leaves it as it is.
        REPLACE_FIRST_TOKEN_WITH_BOS: replaces its first token by `bos_token_id`.
    """

    DO_NOTHING = enum.auto()
    REPLACE_FIRST_TOKEN_WITH_BOS = enum.auto()


class ConcatThenSplitIterDataset(IterDataset[Row]):
    """Puts examples one behind another and cuts where a row is full.

    Rows are as those of `FirstFitPackIterDataset`. With one feature none but the last
    has padding; with several, a row ends where the first of them is full. What is left
    of an example begins the next row, as a segment of its own with positions from 0.

    Args:
        parent: the examples, dictionaries of arrays whose leading sizes may differ.
        length_struct: of each feature, how many entries a row has room for. Others are
            left out.
        meta_features: features that are never cut and have no segment ids and
            positions; an example of which a part stands in a row has all of them there.
            A row also ends where one of them has no room left.
        split_full_length_features: if false, an example that fills a row by itself is
            given as a row at once, between those that are put together.
        bos_handling: what happens to the first token of every segment.
        bos_features: the features to which it happens.
        bos_token_id: what replaces the token.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: a number is out of range, or arguments for beginnings of segments do
            not go together.

    Example:
        >>> from dolmen.data import MapDataset
        >>> texts = [{"x": np.full(n, n)} for n in (3, 4, 2)]
        >>> ds = MapDataset.source(texts).to_iter_dataset()
        >>> for row in ConcatThenSplitIterDataset(ds, length_struct={"x": 5}):
        ...     print(row["x"], row["x_segment_ids"], row["x_positions"])
        [3 3 3 4 4] [1 1 1 2 2] [0 1 2 0 1]
        [4 4 2 2 0] [1 1 2 2 0] [0 1 0 1 0]
    """

    def __init__(
        self,
        parent: IterDataset[Any],
        *,
        length_struct: Mapping[str, int],
        meta_features: Collection[str] = (),
        split_full_length_features: bool = True,
        bos_handling: BOSHandling = BOSHandling.DO_NOTHING,
        bos_features: Collection[str] = (),
        bos_token_id: int | None = None,
    ):
        call = "ConcatThenSplitIterDataset"
        lengths = checked_lengths(call, length_struct)
        replaces = bos_handling is BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS
        given = {bool(bos_features), bos_token_id is not None}
        if given != {replaces}:
            raise ValueError(
                f"{call}: `bos_features` and `bos_token_id` go together with "
                f"`BOSHandling.REPLACE_FIRST_TOKEN_WITH_BOS`, got {bos_handling}, "
                f"{list(bos_features)} and {bos_token_id}."
            )
        starts = dict.fromkeys(bos_features, bos_token_id)
        known = lengths.keys() - set(meta_features)
        if not known or not starts.keys() <= known:
            raise ValueError(
                f"{call}: `length_struct` must name a feature that is no meta feature, "
                f"and all of `bos_features`, got {list(lengths)}."
            )
        layout = RowLayout(lengths, frozenset(meta_features), starts=starts)
        super().__init__(
            ConcatThenSplit(_stage_of(call, parent), layout, split_full_length_features)
        )


class PackAndBatchOperation:
    """Packs whole examples of a `DataLoader` into batches of rows, first fit.

    Args:
        length_struct: of each feature, how many entries a row has room for.
        batch_size: rows in a batch.
        max_sequences_per_bin: examples in a row at most.

    Called with an iterator of records, it gives one record for each batch, with a tuple
    of three dictionaries: features ``[batch_size, length, ...]``, segment ids and
    positions, int32 ``[batch_size, length]``. Rows that stay empty are zeros.
    """

    def __init__(
        self,
        length_struct: Mapping[str, int],
        batch_size: int,
        max_sequences_per_bin: int | None = None,
        _cur_batch: None = None,
    ):
        call = "PackAndBatchOperation"
        if _cur_batch is not None:
            raise ValueError(
                f"{call}: `_cur_batch` must be None: every call begins with empty rows."
            )
        self._lengths = checked_lengths(call, length_struct)
        self._batch_size = at_least(call, "batch_size", batch_size, 1)
        self.max_sequences_per_bin = max_sequences_per_bin

    def __call__(self, input_iterator: Iterator[Record[Any]]) -> Iterator[Record[Any]]:
        """Packs the records of an iterator."""
        layout = RowLayout(self._lengths)
        bins, rows, last = self._open_bins(), self._no_rows(), 0
        for record in input_iterator:
            name = f"record {record.metadata.index}"
            example = layout.read("pack", record.data, name.__str__)
            sizes = [len(example[key]) for key in self._lengths]
            chosen = bins.place(sizes)
            if chosen is None:
                if any(rows):
                    yield self._batch(layout, rows, last)
                bins, rows = self._open_bins(), self._no_rows()
                chosen = bins.place(sizes)
            if chosen is None:
                raise ValueError(
                    f"PackAndBatchOperation: {name} is longer than a row: {sizes}, "
                    f"with room for {list(self._lengths.values())}. Cut it short "
                    "before."
                )
            rows[chosen].append(example)
            last = record.metadata.index
        if any(rows):
            yield self._batch(layout, rows, last)

    def _open_bins(self) -> Bins:
        return Bins(
            self._batch_size,
            list(self._lengths.values()),
            [1] * len(self._lengths),
            is_best_fit=False,
            most=self.max_sequences_per_bin,
        )

    def _no_rows(self) -> list[list[Row]]:
        return [[] for _ in range(self._batch_size)]

    def _batch(
        self, layout: RowLayout, rows: list[list[Row]], last: int
    ) -> Record[Any]:
        made = [layout.make(row) for row in rows if row]
        parts: list[Row] = [{}, {}, {}]
        for part, suffix in zip(parts, ("", "_segment_ids", "_positions"), strict=True):
            for key in self._lengths:
                filled = np.stack([row[key + suffix] for row in made])
                missing = (self._batch_size - len(made), *filled.shape[1:])
                empty = np.zeros(missing, filled.dtype)
                part[key] = np.concatenate([filled, empty])
        return Record(RecordMetadata(index=last), tuple(parts))


def _stage_of(call: str, parent: Any) -> Stage:
    if not isinstance(parent, IterDataset):
        raise TypeError(
            f"{call}: `parent` must be an IterDataset, got {type(parent).__name__}. "
            "Call `to_iter_dataset()` on a MapDataset."
        )
    return parent._stage

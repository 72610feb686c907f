"""Records of files in the order in which they lie there."""

import bisect
import collections
import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ._damage import (
    DamageCounter,
    DamagedFileError,
    OnDamage,
    damage_counter,
    tell_or_count,
)
from ._files import Path, check_files
from ._iter_dataset import IterDataset
from ._numbering import Position
from ._parquet import Columns, ParquetFile
from ._stages import Cursor, Stage
from ._tfrecord import map_file, next_record, read_record


class TFRecordIterDataset(IterDataset[bytes]):
    """Records, as bytes, of one TFRecord file; needs the package ``google-crc32c``.

    Nothing is read before it is asked for, and every checksum is compared. For records
    in any order see `TFRecordDataSource`.

    Args:
        path: the file.
        on_damage: "error" raises where it is damaged. "skip" leaves out a record whose
            bytes are damaged, and whatever follows a damaged length.

    Raises:
        FileNotFoundError: the file does not exist.
    """

    def __init__(self, path: Path, *, on_damage: OnDamage = "error"):
        (name,) = check_files("TFRecordIterDataset", path)
        self._skipping = damage_counter("TFRecordIterDataset", on_damage)
        super().__init__(TFRecords(name, self._skipping))

    @property
    def damaged(self) -> int:
        """How many damaged places were skipped by iterators of this process."""
        return len(self._skipping) if self._skipping is not None else 0


class ParquetIterDataset(IterDataset[dict[str, Any]]):
    """Rows of Parquet files as dictionaries; needs the package ``pyarrow``.

    Of several files up to 16 are read in turn, a row of each. Values are those of
    `ParquetDataSource`, which gives rows in any order.

    Args:
        path: one path or several, or patterns (``"train-*"``).
        on_damage: "error" raises where a file is damaged; "skip" leaves out a damaged
            row group, and a file whose end is damaged.
        **read_kwargs: for `pyarrow.parquet.ParquetFile`.

    Raises:
        FileNotFoundError: one of the files does not exist.
    """

    def __init__(
        self,
        path: Path | Sequence[Path],
        *,
        on_damage: OnDamage = "error",
        **read_kwargs: Any,
    ):
        self._skipping = damage_counter("ParquetIterDataset", on_damage)
        self._read_kwargs = read_kwargs
        self._set_paths(check_files("ParquetIterDataset", path))

    @property
    def damaged(self) -> int:
        """How many damaged places were skipped by iterators of this process."""
        return len(self._skipping) if self._skipping is not None else 0

    def set_slice(self, sl: slice, sequential_slice: bool = False) -> None:
        """Keep a part of the files only.

        Args:
            sl: which of them.
            sequential_slice: changes nothing here: files stay in order anyway.
        """
        self._set_paths(self._paths[sl])

    def _set_paths(self, paths: list[str]) -> None:
        self._paths = paths
        super().__init__(ParquetRows(tuple(paths), self._read_kwargs, self._skipping))


@dataclass(frozen=True, eq=False)
class FileStage(Stage):
    """A stage with nothing below."""

    @property
    def depth(self) -> int:
        return 0

    @property
    def default_seed(self) -> int | None:
        return None


class FileCursor(Cursor):
    """A cursor that keeps nothing open but files."""

    def close(self) -> None: ...

    def start(self) -> None: ...


@dataclass(frozen=True, eq=False)
class TFRecords(FileStage):
    """The records of a TFRecord file."""

    path: str
    skipping: DamageCounter | None

    def describe_all(self) -> list[str]:
        return [f"TFRecordIterDataset({os.path.basename(self.path)})"]

    def open(self) -> Cursor:
        return TFRecordCursor(self)


class TFRecordCursor(FileCursor):
    """Stands at a byte, after a number of records."""

    def __init__(self, stage: TFRecords):
        self._path, self._skipping = stage.path, stage.skipping
        self._data = map_file(stage.path)
        self._offset = self._count = 0

    def next(self) -> bytes:
        while self._offset < len(self._data):
            start = self._offset
            try:
                record, self._offset = read_record(
                    "TFRecordIterDataset", self._path, self._data, start
                )
            except DamagedFileError as error:
                tell_or_count(self._skipping, error)
                # Behind a damaged length no record can be found.
                is_length = error.offset == start
                size = len(self._data)
                self._offset = size if is_length else next_record(self._data, start)
                continue
            finally:
                self._count += self._offset != start
            return record
        raise StopIteration

    def position(self) -> Position:
        return self._offset, self._count

    def seek(self, position: Sequence[int]) -> None:
        offset, count = position
        if offset > len(self._data):
            raise ValueError(
                f"set_state: byte {offset} lies beyond the end, {self._path} has "
                f"{len(self._data)}."
            )
        self._offset, self._count = offset, count

    def origin(self, position: Position) -> str:
        return f"record {position[1] - 1} of {self._path}"


@dataclass(frozen=True, eq=False)
class ParquetRows(FileStage):
    """The rows of Parquet files, of several in turn."""

    paths: tuple[str, ...]
    read_kwargs: dict[str, Any]
    skipping: DamageCounter | None

    def describe_all(self) -> list[str]:
        names = ", ".join(map(os.path.basename, self.paths))
        return [f"ParquetIterDataset({names})"]

    def open(self) -> Cursor:
        return ParquetCursor(self)


_FILES_IN_TURN = 16


class ParquetCursor(FileCursor):
    """Stands after a number of rows, which says where every file stands.

    Lengths are known from the ends of the files, so that going there reads nothing.
    """

    def __init__(self, stage: ParquetRows):
        self._skipping = stage.skipping
        self._files = [
            _Rows(path, stage.read_kwargs, stage.skipping) for path in stage.paths
        ]
        self._turns = Turns([file.length for file in self._files], _FILES_IN_TURN)

    def next(self) -> dict[str, Any]:
        while True:
            file, row = self._turns.next()
            try:
                found = self._files[file].row(row)
            except DamagedFileError as error:
                tell_or_count(self._skipping, error)
                continue
            return found

    def position(self) -> Position:
        return (self._turns.count,)

    def seek(self, position: Sequence[int]) -> None:
        (count,) = position
        total = sum(file.length for file in self._files)
        if count > total:
            raise ValueError(
                f"set_state: row {count} lies beyond the end, there are {total}."
            )
        self._turns = Turns([file.length for file in self._files], _FILES_IN_TURN)
        self._turns.go_to(count)

    def origin(self, position: Position) -> str:
        turns = Turns([file.length for file in self._files], _FILES_IN_TURN)
        turns.go_to(position[0] - 1)
        file, row = turns.next()
        return f"row {row} of {self._files[file].path}"


class Turns:
    """Whose turn it is, when several of many sequences are taken in turn.

    Up to `width` sequences each give one element in a round; where one ends, the next
    that has not begun takes its place.

    Args:
        lengths: of the sequences.
        width: how many are taken in turn.

    Attributes:
        count: elements taken so far.
    """

    def __init__(self, lengths: Sequence[int], width: int):
        self._lengths = lengths
        self._waiting = collections.deque(i for i, n in enumerate(lengths) if n)
        width = min(width, len(self._waiting))
        self._slots: list[int | None] = [self._waiting.popleft() for _ in range(width)]
        self._taken = [0] * len(lengths)
        self._slot = 0
        self.count = 0

    def next(self) -> tuple[int, int]:
        """A sequence and the number of its element; StopIteration after the last."""
        if all(sequence is None for sequence in self._slots):
            raise StopIteration
        while (sequence := self._slots[self._slot]) is None:
            self._slot = (self._slot + 1) % len(self._slots)
        element = self._taken[sequence]
        self._taken[sequence] += 1
        if self._taken[sequence] == self._lengths[sequence]:
            self._slots[self._slot] = self._waiting.popleft() if self._waiting else None
        self._slot = (self._slot + 1) % len(self._slots)
        self.count += 1
        return sequence, element

    def go_to(self, count: int) -> None:
        """Takes elements until there were `count`: whole rounds in one step each."""
        while self.count < count:
            active = [sequence for sequence in self._slots if sequence is not None]
            left = min(self._lengths[i] - self._taken[i] for i in active)
            # The last element of a sequence is left to `next`, which replaces it.
            rounds = min(left - 1, (count - self.count) // len(active))
            for sequence in active:
                self._taken[sequence] += rounds
            self.count += rounds * len(active)
            for _ in range(min(len(active), count - self.count)):
                self.next()


class _Rows:
    """The rows of one file by number; keeps the row group that was read last."""

    def __init__(
        self, path: str, read_kwargs: dict[str, Any], skipping: DamageCounter | None
    ):
        self.path = path
        self._file = None
        self.length = 0
        try:
            self._file = ParquetFile("ParquetIterDataset", path, **read_kwargs)
        except DamagedFileError as error:
            tell_or_count(skipping, error)
            return
        self._stops = list(itertools.accumulate(self._file.sizes))
        self.length = self._stops[-1] if self._stops else 0
        self._group = -1
        self._columns: Columns = {}

    def row(self, number: int) -> dict[str, Any]:
        assert self._file is not None, "a file that was left out has no rows"
        group = bisect.bisect_right(self._stops, number)
        if group != self._group:
            self._columns = self._file.read(group)
            self._group = group
        place = number - self._stops[group] + self._file.sizes[group]
        return {name: column[place] for name, column in self._columns.items()}

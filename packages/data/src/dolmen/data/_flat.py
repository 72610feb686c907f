"""Records of flat files, read through a memory map."""

import mmap
import os
import zlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._damage import (
    DamageCounter,
    DamagedFileError,
    OnDamage,
    damage_counter,
    tell_or_count,
)
from ._files import check_files
from ._flat_format import BLOCK, MAGIC, PLACES, TAIL, Layout
from ._record_files import RecordFiles


class Flat(RecordFiles[Any]):
    """Records of flat files, which `FlatWriter` writes; the quickest source in files.

    Files are memory-mapped once in each process. Every block of 16 KiB is checked when
    it is first touched.

    Args:
        paths: one path or several, of files with the same kind of records; these follow
            one another in this order.
        on_damage: "error" raises where a file is altered; "skip" gives None for the
            records there, which a pipeline leaves out.

    Attributes:
        damaged: how many damaged blocks were skipped.

    Raises:
        ValueError: `paths` is empty, a file is no flat file, or the files hold
            different kinds of records.
        DamagedFileError: a file was cut short, or its end altered; then nothing of it
            can be read. Other damage is found when it is read.
        FileNotFoundError: one of the files does not exist.
    """

    _name = "Flat"

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        on_damage: OnDamage = "error",
    ):
        self._paths = check_files("Flat", paths)
        self._skipping = damage_counter("Flat", on_damage)
        self._open()

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their records."""
        return list(self._paths)

    def __getitems__(self, record_keys: Sequence[int], /) -> list[Any]:
        """Many records."""
        keys = self._checked(record_keys)
        if len(self._files) == 1:
            return self._files[0].records(keys, self._skipping)
        records: list[Any] = [None] * len(keys)
        for file, places, numbers in self._by_part(keys):
            read = self._files[file].records(numbers, self._skipping)
            for place, record in zip(places.tolist(), read, strict=True):
                records[place] = record
        return records

    @property
    def lengths(self) -> np.ndarray:
        """int64 of every record: its entries, or its bytes if it has no dtype.

        Nothing but the table of records is read: for `MapDataset.pack`, or for the
        weights of `MapDataset.mix` by tokens.

        Raises:
            TypeError: records have fields.
            DamagedFileError: the table is damaged.
        """
        return np.concatenate([file.lengths() for file in self._files])

    @property
    def gather(self) -> Callable[[np.ndarray], dict[str, np.ndarray]]:
        """Reads many records as one dictionary of arrays.

        Only there if records have fields, and none may be left out: `hasattr` tells.
        """
        if self.may_skip or not self._files[0].layout.fields:
            raise AttributeError("Flat: these records can not be stacked unread.")
        return self._gather

    def __getstate__(self) -> dict[str, Any]:
        """Maps stay in the process that made them."""
        return {"_paths": self._paths, "_skip": self.may_skip}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Maps the files again."""
        self._paths = state["_paths"]
        self._skipping = DamageCounter() if state["_skip"] else None
        self._open()

    def origin(self, record_key: int) -> tuple[str, int, int | None]:
        """The file of a record, its number there, and its first byte."""
        file, number = self._located_one(record_key)
        return self._paths[file], number, self._files[file].start_of(number)

    def _open(self) -> None:
        self._files = [FlatFile(path) for path in self._paths]
        first = self._files[0].layout
        for file in self._files[1:]:
            layout = file.layout
            if (layout.dtype, layout.fields) != (first.dtype, first.fields):
                raise ValueError(
                    "Flat: all files must hold the same kind of records, got\n"
                    f"  {self._paths[0]}: {_kind(first)}\n"
                    f"  {file.path}: {_kind(layout)}"
                )
        self._stops = np.cumsum([file.layout.count for file in self._files])

    def _gather(self, positions: np.ndarray) -> dict[str, np.ndarray]:
        """Records with fields, stacked: one copy of each field."""
        keys = self._checked(positions)
        fields = self._files[0].layout.fields
        if len(self._files) == 1:
            rows = self._files[0].rows(keys)
            return {name: rows[name].copy() for name, _, _ in fields}
        rows = np.empty(len(keys), self._files[0].layout.record_dtype)
        for file, places, numbers in self._by_part(keys):
            rows[places] = self._files[file].rows(numbers)
        return {name: rows[name].copy() for name, _, _ in fields}


class FlatFile:
    """One mapped file.

    Raises:
        ValueError: it is no flat file.
        DamagedFileError: its end is damaged.
    """

    def __init__(self, path: str):
        self.path = path
        with open(path, "rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = file.read(len(MAGIC))
            if start != MAGIC[: len(start)] or not start:
                raise ValueError(
                    f"Flat: {path} is no flat file. Write one with `FlatWriter`."
                )
            if size < len(MAGIC) + TAIL.size:
                raise self._cut(size)
            self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        self._array = np.frombuffer(self._bytes, np.uint8)
        checksums, layout, expected, magic = TAIL.unpack(self._bytes[-TAIL.size :])
        end = size - TAIL.size
        if magic != MAGIC or not len(MAGIC) <= checksums <= layout <= end:
            raise self._cut(size)
        if zlib.crc32(self._bytes[checksums : end + PLACES.size]) != expected:
            raise DamagedFileError("Flat", path, checksums, "its directory is altered.")
        self.layout = Layout.from_json(self._bytes[layout:end])
        self._end = checksums
        self._expected = np.frombuffer(
            self._bytes, "<u4", (layout - checksums) // 4, checksums
        )
        self._checked = np.zeros(len(self._expected), bool)
        count, fields = self.layout.count, self.layout.fields
        if fields:
            self._rows = np.frombuffer(
                self._bytes, self.layout.record_dtype, count, len(MAGIC)
            )
        else:
            self._offsets = np.frombuffer(
                self._bytes, "<i8", count + 1, self.layout.offsets
            )

    def lengths(self) -> np.ndarray:
        """Of every record, how many entries it has, or bytes if it has no dtype.

        Raises:
            TypeError: records have fields.
            DamagedFileError: the table of records is damaged.
        """
        if self.layout.fields:
            raise TypeError(
                "Flat.lengths: records with fields have no length, their fields have "
                f"fixed shapes: {self.path} holds {_kind(self.layout)}."
            )
        table = self.layout.offsets
        self._check(np.array([table]), np.array([table + self._offsets.nbytes]))
        return np.diff(self._offsets) // np.dtype(self.layout.dtype or "u1").itemsize

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Records with fields, as a structured array: a copy.

        Raises:
            DamagedFileError: a block of theirs is damaged.
        """
        width = self._rows.dtype.itemsize
        starts = len(MAGIC) + places * width
        self._check(starts, starts + width)
        return self._rows[places]

    def records(self, places: np.ndarray, skipping: DamageCounter | None) -> list[Any]:
        """Records of any kind; None for damaged ones if they are counted.

        Raises:
            DamagedFileError: a record is damaged, and `skipping` is None.
        """
        if skipping is None:
            return self._records(places)
        records: list[Any] = []
        for place in places:
            try:
                records += self._records(place[None])
            except DamagedFileError as error:
                tell_or_count(skipping, error)
                records.append(None)
        return records

    def start_of(self, place: int) -> int:
        """The first byte of a record."""
        if self.layout.fields:
            return len(MAGIC) + place * self._rows.dtype.itemsize
        return int(self._offsets[place])

    def _records(self, places: np.ndarray) -> list[Any]:
        if self.layout.fields:
            rows = self.rows(places)
            names = rows.dtype.names or ()
            return [{name: row[name].copy() for name in names} for row in rows]
        table = self.layout.offsets + places * 8
        self._check(table, table + 16)
        starts, stops = self._offsets[places], self._offsets[places + 1]
        self._check(starts, stops)
        spans = zip(starts.tolist(), stops.tolist(), strict=True)
        records = [self._bytes[start:stop] for start, stop in spans]
        if not self.layout.dtype:
            return records
        dtype = np.dtype(self.layout.dtype)
        return [np.frombuffer(record, dtype).copy() for record in records]

    def _check(self, starts: np.ndarray, stops: np.ndarray) -> None:
        """Compare the blocks that the ranges touch with their checksums, once."""
        first, last = starts // BLOCK, np.maximum(stops - 1, starts) // BLOCK
        at_ends = self._checked[first].all() and self._checked[last].all()
        if at_ends and (last - first <= 1).all():
            return
        touched = [np.unique(np.concatenate([first, last]))]
        touched += [
            np.arange(a, b) for a, b in zip(first, last, strict=True) if b - a > 1
        ]
        for block in np.unique(np.concatenate(touched)).tolist():
            if not self._checked[block]:
                begin = block * BLOCK
                data = self._array[begin : min(begin + BLOCK, self._end)]
                if zlib.crc32(data) != self._expected[block]:
                    problem = f"its {len(data)} bytes from there on are altered."
                    raise DamagedFileError("Flat", self.path, begin, problem)
                self._checked[block] = True

    def _cut(self, size: int) -> DamagedFileError:
        problem = "it ends there without its directory: it was cut short."
        return DamagedFileError("Flat", self.path, size, problem)


def _kind(layout: Layout) -> str:
    if layout.fields:
        return ", ".join(f"{n}: {d}{list(s)}" for n, d, s in layout.fields)
    return f"arrays of {layout.dtype}" if layout.dtype else "bytes"

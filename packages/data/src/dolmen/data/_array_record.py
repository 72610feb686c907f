"""Records of ArrayRecord files.

The format has checksums of its own, for headers and for contents of chunks, and the
reader compares them all. What is added here is that its complaints arrive with file,
byte and record, and that a file without a readable end is not taken for an empty one.
"""

import concurrent.futures
import functools
import importlib
import os
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ._damage import (
    DamagedFileError,
    OnDamage,
    damage_counter,
    tell_or_count,
)
from ._files import Path, check_files
from ._record_files import RecordFiles

_NAME = "ArrayRecordDataSource"
# As the reader's documentation advises for random access.
_RANDOM_ACCESS = {"readahead_buffer_size": "0", "max_parallelism": "0"}
# Files are opened to be counted; on an object store that is waiting, mostly.
_OPENED_AT_ONCE = 16
# A file is a whole number of these, the last of which tells where the index is.
_BLOCK = 1 << 16


@runtime_checkable
class FileInstruction(Protocol):
    """A part of a file: `take` records after the first `skip`."""

    filename: str
    skip: int
    take: int
    examples_in_shard: int


@dataclass(frozen=True)
class _Part:
    """Records from `start` to `stop` of a file; to its end if `stop` is None."""

    path: str
    start: int = 0
    stop: int | None = None


class ArrayRecordDataSource(RecordFiles[bytes]):
    """Records, as bytes, of ArrayRecord files; needs the package ``array-record``.

    Files are opened once in each process, when they are first needed. To shuffle, they
    should have been written with the option ``group_size:1``: a record can only be read
    with the whole group it was written in.

    Args:
        paths: one path or several; their records follow one another in this order. A
            path may be a pattern (``"train-*"``) or end in ``[start:stop]``, and an
            object with the attributes `filename`, `skip` and `take` stands for these
            records of a file; files with such bounds are not opened to be counted.
        reader_options: given to the reader, over those for random access.
        on_damage: "error" raises where a file is damaged. "skip" gives None for a
            record that can't be read, which a pipeline leaves out, and leaves out a
            file whose end is damaged.

    Attributes:
        damaged: how many damaged places were skipped in this process.

    Raises:
        ValueError: `paths` is empty, or asks for more records than a file has.
        DamagedFileError: a file was cut short, or its index is altered.
        FileNotFoundError: one of the files does not exist.
        ImportError: ``array-record`` is not installed.
    """

    _name = _NAME

    def __init__(
        self,
        paths: Path | FileInstruction | Sequence[Path | FileInstruction],
        reader_options: Mapping[str, str] | None = None,
        *,
        on_damage: OnDamage = "error",
    ):
        options = _RANDOM_ACCESS | dict(reader_options or {})
        self._options = ",".join(f"{name}:{value}" for name, value in options.items())
        self._parts = _parts(paths)
        self._skipping = damage_counter(_NAME, on_damage)
        self._prepare()
        self._starts = np.array([part.start for part in self._parts])
        self._stops = np.cumsum(self._count_records())

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their records."""
        return [part.path for part in self._parts]

    def __getitems__(self, record_keys: Sequence[int], /) -> list[bytes | None]:
        """Many records: one batched read for each file they lie in."""
        keys = self._checked(record_keys)
        if len(self._parts) == 1:
            return self._read(0, keys)
        records: list[Any] = [None] * len(keys)
        for file, places, numbers in self._by_part(keys):
            read = self._read(file, numbers)
            for place, record in zip(places.tolist(), read, strict=True):
                records[place] = record
        return records

    def __enter__(self) -> "ArrayRecordDataSource":
        return self

    def __exit__(self, *_: object) -> None:
        """Closes the files; they are opened again if they are needed."""
        for reader in self._readers:
            if reader is not None:
                reader.close()
        self._readers = [None] * len(self._parts)

    def __getstate__(self) -> dict[str, Any]:
        """Readers stay in the process that opened them."""
        return self.__dict__ | {"_readers": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Files are opened again when they are needed."""
        self.__dict__.update(state)
        self._prepare()

    def origin(self, record_key: int) -> tuple[str, int, int | None]:
        """The file of a record, its number there, and its first byte if known."""
        file, number = self._located_one(record_key)
        return self._parts[file].path, number + int(self._starts[file]), None

    def _prepare(self) -> None:
        self._readers: list[Any] = [None] * len(self._parts)
        self._lock = threading.Lock()

    def _count_records(self) -> list[int]:
        with concurrent.futures.ThreadPoolExecutor(_OPENED_AT_ONCE) as pool:
            return list(pool.map(self._count, range(len(self._parts))))

    def _count(self, file: int) -> int:
        part = self._parts[file]
        if part.stop is not None:
            return part.stop - part.start
        try:
            return self._reader(file).num_records()
        except DamagedFileError as error:
            tell_or_count(self._skipping, error)
            return 0

    def _reader(self, file: int) -> Any:
        """The reader of a file, opened by whoever needs it first."""
        if self._readers[file] is None:
            reader = _open(self._parts[file], self._options)
            with self._lock:
                self._readers[file] = self._readers[file] or reader
        return self._readers[file]

    def _read(self, file: int, places: np.ndarray) -> list[bytes | None]:
        """Records of one file, by their places in its part."""
        numbers = (places + self._starts[file]).tolist()
        try:
            reader = self._reader(file)
        except DamagedFileError as error:
            tell_or_count(self._skipping, error)
            return [None] * len(numbers)
        try:
            return reader.read(numbers)
        except RuntimeError as error:
            if not _is_damage(error):
                raise
            # The reader tells where the damage is, but not whose record that was.
            return [self._read_one(file, reader, number) for number in numbers]

    def _read_one(self, file: int, reader: Any, number: int) -> bytes | None:
        try:
            return reader.read([number])[0]
        except RuntimeError as error:
            reason, offset = _explain(error)
        path = self._parts[file].path
        problem = f"record {number} can't be read ({reason})."
        tell_or_count(self._skipping, DamagedFileError(_NAME, path, offset, problem))
        return None


def _parts(
    paths: Path | FileInstruction | Sequence[Path | FileInstruction],
) -> list[_Part]:
    if isinstance(paths, str | os.PathLike | FileInstruction):
        paths = [paths]
    parts: list[_Part] = []
    for path in paths:
        if isinstance(path, FileInstruction):
            (name,) = check_files(_NAME, path.filename)
            parts.append(_Part(name, path.skip, path.skip + path.take))
        elif bounds := re.fullmatch(r"(.*)\[(\d+):(\d+)\]", os.fspath(path)):
            (name,) = check_files(_NAME, bounds[1])
            parts.append(_Part(name, int(bounds[2]), int(bounds[3])))
        else:
            parts += [_Part(name) for name in check_files(_NAME, path)]
    if not parts:
        raise ValueError(f"{_NAME}: `paths` names no file.")
    return parts


def _open(part: _Part, options: str) -> Any:
    reader = _reader_class()(part.path, options)
    if not reader.ok():
        raise _unreadable(part.path, reader)
    count = reader.num_records()
    if part.stop is not None and not part.start <= part.stop <= count:
        raise ValueError(
            f"{_NAME}: asked for records {part.start} to {part.stop} of {part.path}, "
            f"which has {count}."
        )
    return reader


def _unreadable(path: str, reader: Any) -> Exception:
    """Why a reader that is not well could not read the end of its file."""
    offset = size = os.path.getsize(path) if os.path.isfile(path) else 0
    reason = "it ends there without its index"
    try:
        reader.read([0])  # only this tells what `ok` knows
    except RuntimeError as error:
        if not _is_damage(error):
            return error
        if size and size % _BLOCK == 0:
            reason, offset = _explain(error)
    problem = f"its index can't be read ({reason}): it was cut short or altered."
    return DamagedFileError(_NAME, path, offset, problem)


def _is_damage(error: RuntimeError) -> bool:
    return re.match("Corrupted |Invalid |ArrayRecord file", str(error)) is not None


def _explain(error: RuntimeError) -> tuple[str, int]:
    """What the reader found wrong, and at which byte."""
    text = str(error).partition(": ")[2].partition(" (")[0].partition(",")[0]
    place = re.search(r"\b(?:chunk|block) at (\d+)|at byte (\d+)", str(error))
    return text, int(place[1] or place[2]) if place else 0


@functools.cache
def _reader_class() -> Any:
    # Imported here because it is slow to load, and few pipelines need it.
    try:
        module = importlib.import_module("array_record.python.array_record_module")
    except ImportError as error:
        raise ImportError(
            f"{_NAME}: the package array-record is not installed. Install it with "
            "`pip install dolmen-data[array-record]`."
        ) from error
    return module.ArrayRecordReader

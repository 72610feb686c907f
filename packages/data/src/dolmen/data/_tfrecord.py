"""Records of TFRecord files, without TensorFlow.

A record is its length (uint64), a checksum of that, its bytes, and a checksum of
those: each a rotated CRC-32C with a constant added. All integers are little-endian.
There is no index, so opening a file means to walk over the lengths of all its records.

Source: "TFRecords format details" in TensorFlow's guide.
"""

import functools
import importlib
import mmap
import os
import struct
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
from ._record_files import RecordFiles

_NAME = "TFRecordDataSource"
_LENGTH = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")


class TFRecordDataSource(RecordFiles[bytes]):
    """Records, as bytes, of TFRecord files; needs the package ``google-crc32c``.

    The files are walked over once, when the source is made; that takes about a second
    for a million records. Then records are read through a memory map, in any order.

    Args:
        paths: one path or several; their records follow one another in this order.
        on_damage: "error" raises where a file is damaged. "skip" gives None for a
            record whose bytes are damaged, which a pipeline leaves out; behind a
            damaged length no record can be found, so the rest of that file is left out.

    Attributes:
        damaged: how many damaged places were skipped.

    Raises:
        ValueError: `paths` is empty.
        DamagedFileError: a file was cut short, or a length is damaged.
        FileNotFoundError: one of the files does not exist.
        ImportError: ``google-crc32c`` is not installed.
    """

    _name = _NAME

    def __init__(
        self,
        paths: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        on_damage: OnDamage = "error",
    ):
        self._paths = check_files(_NAME, paths)
        self._skipping = damage_counter(_NAME, on_damage)
        self._files = [map_file(path) for path in self._paths]
        places = [
            _walk(path, data, self._skipping)
            for path, data in zip(self._paths, self._files, strict=True)
        ]
        self._places = np.concatenate(places)
        self._stops = np.cumsum([len(p) for p in places])

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their records."""
        return list(self._paths)

    def __getitems__(self, record_keys: Sequence[int], /) -> list[bytes | None]:
        """Many records."""
        keys = self._checked(record_keys)
        files = self._located(keys)[0].tolist()
        starts = self._places[keys].tolist()
        return [self._read(*place) for place in zip(files, starts, strict=True)]

    def __getstate__(self) -> dict[str, Any]:
        """Maps stay in the process that made them."""
        return self.__dict__ | {"_files": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Maps the files again; they are not walked over a second time."""
        self.__dict__.update(state)
        self._files = [map_file(path) for path in self._paths]

    def origin(self, record_key: int) -> tuple[str, int, int | None]:
        """The file of a record, its number there, and its first byte."""
        file, number = self._located_one(record_key)
        return self._paths[file], number, int(self._places[record_key])

    def _read(self, file: int, start: int) -> bytes | None:
        try:
            return read_record(_NAME, self._paths[file], self._files[file], start)[0]
        except DamagedFileError as error:
            tell_or_count(self._skipping, error)
            return None


def read_record(source: str, path: str, data: Any, start: int) -> tuple[bytes, int]:
    """The record that begins at a byte of a mapped file, and where it ends.

    Raises:
        DamagedFileError: its length or its bytes are damaged. If only its bytes are,
            the error's offset lies behind `start`.
    """
    stop, problem = _next(data, start)
    if problem:
        raise DamagedFileError(source, path, start, problem)
    begin, end = start + _LENGTH.size, stop - _CHECKSUM.size
    record = data[begin:end]
    if _masked(record) != _CHECKSUM.unpack_from(data, end)[0]:
        problem = f"its {len(record)} bytes from there on are altered."
        raise DamagedFileError(source, path, begin, problem)
    return record, stop


def next_record(data: Any, start: int) -> int:
    """Where a record ends whose length is not damaged."""
    return _next(data, start)[0]


def map_file(path: str) -> Any:
    with open(path, "rb") as file:
        if not os.fstat(file.fileno()).st_size:  # which can not be mapped
            return b""
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _walk(path: str, data: Any, skipping: DamageCounter | None) -> np.ndarray:
    """Where the records of a file begin."""
    starts, start, size = [], 0, len(data)
    while start < size:
        stop, problem = _next(data, start)
        if problem:
            tell_or_count(skipping, DamagedFileError(_NAME, path, start, problem))
            break
        starts.append(start)
        start = stop
    return np.array(starts, np.int64)


def _next(data: Any, start: int) -> tuple[int, str]:
    """Where the record that begins at `start` ends, or what is wrong with it."""
    if start + _LENGTH.size > len(data):
        return 0, "it ends within the length of a record: it was cut short."
    length, expected = _LENGTH.unpack_from(data, start)
    if _masked(data[start : start + 8]) != expected:
        return 0, "the length of a record is altered."
    stop = start + _LENGTH.size + length + _CHECKSUM.size
    cut = stop > len(data)
    return stop, "it ends within a record: it was cut short." if cut else ""


def _masked(data: bytes) -> int:
    checksum = _crc32c()(data)
    rotated = checksum >> 15 | checksum << 17
    return rotated + 0xA282EAD8 & 0xFFFFFFFF


@functools.cache
def _crc32c() -> Callable[[bytes], int]:
    try:
        return importlib.import_module("google_crc32c").value
    except ImportError as error:
        raise ImportError(
            f"{_NAME}: the package google-crc32c is not installed. Install it with "
            "`pip install dolmen-data[tfrecord]`."
        ) from error

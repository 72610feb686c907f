"""The layout of a flat file, and its writer.

A flat file is made to be memory-mapped: records lie one after the other, and reading
one is a slice. From its start it has

- 16 bytes that name the format;
- the records;
- for records of various sizes, where each begins and the last ends: int64 offsets from
  the start of the file, at a multiple of 64 bytes;
- CRC-32 of every block of 16 KiB of all that: uint32;
- a description as JSON (`Layout`);
- the tail: where the checksums begin and where the description begins (uint64), the
  CRC-32 of checksums, description and these two numbers (uint32), again the 16 bytes.

All integers are little-endian. A reader checks a block when it first touches it, so
opening a file costs no more than its tail, however long it is.
"""

import array
import contextlib
import dataclasses
import json
import os
import struct
import sys
import zlib
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

MAGIC = b"dolmen.flat 1\r\n\x00"
BLOCK = 1 << 14
ALIGNMENT = 64
PLACES = struct.Struct("<QQ")
TAIL = struct.Struct("<QQI16s")


@dataclasses.dataclass(frozen=True)
class Layout:
    """What a flat file holds.

    Attributes:
        count: number of records.
        dtype: of records that are arrays with one axis; empty if they are bytes or
            have fields.
        fields: names, dtypes and shapes of the arrays that a record consists of.
        offsets: where the table of offsets begins; 0 if all records have one size.
    """

    count: int
    dtype: str = ""
    fields: tuple[tuple[str, str, tuple[int, ...]], ...] = ()
    offsets: int = 0

    def to_json(self) -> bytes:
        """The description at the end of a file."""
        return json.dumps(dataclasses.asdict(self)).encode()

    @classmethod
    def from_json(cls, text: bytes) -> "Layout":
        """The reverse of `to_json`."""
        known = json.loads(text)
        fields = tuple((n, d, tuple(shape)) for n, d, shape in known.pop("fields"))
        return cls(fields=fields, **known)

    @property
    def record_dtype(self) -> np.dtype:
        """One record with fields, as one element of a NumPy array, without padding."""
        return np.dtype([(name, dtype, shape) for name, dtype, shape in self.fields])


class FlatWriter:
    """Writes a flat file, which `Flat` reads.

    The file gets its name when it is complete: until then, and if anything fails, there
    is only a file beside it whose name ends in ``.part``. A file that was there before
    is replaced.

    Args:
        path: the file to write.
        dtype: records are arrays of this dtype with one axis of any size, for example
            documents of tokens. Without it, and without `fields`, they are bytes.
        fields: records are dictionaries of arrays of fixed shapes: from a name to an
            example (an array or a scalar). These are the quickest to read in batches.

    Raises:
        ValueError: both `dtype` and `fields` are given, or a dtype holds objects.

    Example:
        >>> import tempfile
        >>> path = os.path.join(tempfile.mkdtemp(), "digits.flat")
        >>> example = {"image": np.zeros((8, 8), np.uint8), "label": np.int32(0)}
        >>> with FlatWriter(path, fields=example) as writer:
        ...     for label in range(10):
        ...         writer.write({"image": np.full((8, 8), label), "label": label})
        >>> from dolmen.data import Flat
        >>> Flat(path)[7]["label"]
        np.int32(7)
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        dtype: Any = None,
        fields: dict[str, Any] | None = None,
    ):
        if dtype is not None and fields is not None:
            raise ValueError("FlatWriter: expected `dtype` or `fields`, got both.")
        self._path = os.fspath(path)
        self._dtype = None if dtype is None else _plain("dtype", np.dtype(dtype))
        self._fields = tuple(
            (name, _plain(name, array.dtype).str, array.shape)
            for name, array in ((n, np.asarray(v)) for n, v in (fields or {}).items())
        )
        self._row = Layout(0, fields=self._fields).record_dtype if fields else None
        self._part = f"{self._path}.part"
        self._file: BinaryIO | None = open(self._part, "wb")  # noqa: SIM115 - `close`
        self._position = 0
        self._checksum, self._checksums = 0, array.array("I")
        self._offsets = array.array("q")
        self._count = 0
        self._append(MAGIC)

    def write(self, record: Any) -> None:
        """Append a record.

        Args:
            record: bytes, an array, or a dictionary of arrays, as the writer was made
                for. Numbers are cast, but never to a kind that can't hold them.

        Raises:
            TypeError: the record is of another kind, or a dtype can't be cast.
            ValueError: the fields or a shape are others.
        """
        data = self._encoded(record)
        if self._row is None:
            self._offsets.append(self._position)
        self._append(data)
        self._count += 1

    def close(self) -> None:
        """Complete the file and give it its name. Does nothing a second time."""
        if self._file is None:
            return
        offsets = 0
        if self._row is None:
            self._offsets.append(self._position)
            self._append(bytes(-self._position % ALIGNMENT))
            offsets = self._position
            self._append(_little_endian(self._offsets))
        if self._position % BLOCK:
            self._checksums.append(self._checksum)
        dtype = "" if self._dtype is None else self._dtype.str
        layout = Layout(self._count, dtype, self._fields, offsets).to_json()
        checksums = _little_endian(self._checksums)
        begin = self._position
        places = begin, begin + len(checksums)
        checksum = zlib.crc32(checksums + layout + PLACES.pack(*places))
        tail = TAIL.pack(*places, checksum, MAGIC)
        self._file.write(checksums + layout + tail)
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._file = None
        os.replace(self._part, self._path)

    def discard(self) -> None:
        """Give up: no file is left. Does nothing after `close`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            with contextlib.suppress(FileNotFoundError):
                os.remove(self._part)

    def __enter__(self) -> "FlatWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Completes the file, or discards it if an exception ends the block."""
        if kind is None:
            self.close()
        else:
            self.discard()

    def _encoded(self, record: Any) -> bytes | memoryview:
        number = self._count
        if self._row is not None:
            return self._encoded_fields(record)
        if self._dtype is None:
            if not isinstance(record, bytes | bytearray | memoryview):
                raise TypeError(
                    f"FlatWriter.write: record {number} must be bytes, got "
                    f"{type(record).__name__}. For arrays pass `dtype` or `fields` to "
                    "FlatWriter."
                )
            return memoryview(record).cast("B")
        return _cast(f"record {number}", record, self._dtype, None).tobytes()

    def _encoded_fields(self, record: Any) -> bytes:
        names = [name for name, _, _ in self._fields]
        if not isinstance(record, dict) or record.keys() != set(names):
            got = sorted(record) if isinstance(record, dict) else type(record).__name__
            raise ValueError(
                f"FlatWriter.write: record {self._count} must be a dictionary with "
                f"{names}, got {got}."
            )
        row = np.empty((), self._row)
        for name, dtype, shape in self._fields:
            place = f"{name!r} of record {self._count}"
            row[name] = _cast(place, record[name], np.dtype(dtype), shape)
        return row.tobytes()

    def _append(self, data: bytes | memoryview) -> None:
        """Write, and sum up the blocks that become full."""
        if self._file is None:
            raise ValueError("FlatWriter.write: the writer is closed.")
        self._file.write(data)
        view, start = memoryview(data), 0
        while start < len(view):
            room = BLOCK - self._position % BLOCK
            piece = view[start : start + room]
            self._checksum = zlib.crc32(piece, self._checksum)
            self._position += len(piece)
            start += len(piece)
            if self._position % BLOCK == 0:
                self._checksums.append(self._checksum)
                self._checksum = 0


def _plain(name: str, dtype: np.dtype) -> np.dtype:
    if dtype.hasobject or dtype.kind == "V":
        raise ValueError(
            f"FlatWriter: {name!r} must have a dtype of numbers, booleans or text of "
            f"fixed length, got {dtype}."
        )
    return dtype.newbyteorder("<")


def _cast(
    place: str, value: Any, dtype: np.dtype, shape: tuple[int, ...] | None
) -> np.ndarray:
    found = np.asarray(value)
    fits = found.ndim == 1 if shape is None else found.shape == shape
    if not fits:
        wanted = "one axis" if shape is None else f"the shape {list(shape)}"
        raise ValueError(
            f"FlatWriter.write: {place} must have {wanted}, got {list(found.shape)}."
        )
    if found.size and not _keeps_kind(found.dtype, dtype):
        raise TypeError(
            f"FlatWriter.write: {place} must be {dtype}, got {found.dtype}. Convert it "
            "with `.astype(...)`."
        )
    cast = found.astype(dtype)
    if dtype.kind in "iu" and not np.array_equal(cast, found):
        raise ValueError(
            f"FlatWriter.write: {place} has values that do not fit into {dtype}."
        )
    return cast


def _keeps_kind(found: np.dtype, wanted: np.dtype) -> bool:
    """Whether a cast stays or goes from booleans to integers, floats, complex."""
    ranks = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
    if {found.kind, wanted.kind} <= ranks.keys():
        return ranks[found.kind] <= ranks[wanted.kind]
    return np.can_cast(found, wanted, "same_kind")


def _little_endian(numbers: "array.array[int]") -> bytes:
    if sys.byteorder == "big":
        numbers = numbers[:]
        numbers.byteswap()
    return numbers.tobytes()

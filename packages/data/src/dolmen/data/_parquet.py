"""Rows of Parquet files.

A row can only be read with its whole row group, so row groups are kept as long as there
is room for them. Pages may have checksums (pyarrow writes them if it is asked to, with
`write_page_checksum`), which are compared here; without them an altered value can not
be told from a true one, in any reader. Nor can an altered name of a column, because the
format has no checksum for the directory at the end of a file.
"""

import collections
import functools
import importlib
import io
import os
import struct
import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._arguments import at_least
from ._damage import (
    DamagedFileError,
    OnDamage,
    damage_counter,
    tell_or_count,
)
from ._files import Path, check_files
from ._record_files import RecordFiles

_NAME = "ParquetDataSource"
_TAIL = struct.Struct("<I4s")
Columns = dict[str, np.ndarray]


class ParquetDataSource(RecordFiles[dict[str, Any]]):
    """Rows of Parquet files as dictionaries; needs the package ``pyarrow``.

    Values are NumPy scalars, or objects for texts, bytes and lists; missing numbers are
    NaN, other missing values None. Where all columns are numbers, rows go to batches
    without being taken apart.

    Shuffling all rows reads a whole row group for each, unless row groups stay in
    memory: let `cache_bytes` hold all of them, or shuffle within windows.

    Args:
        paths: one path or several, or patterns (``"train-*"``); their rows follow one
            another in this order.
        columns: names of the columns to read; all if None.
        cache_bytes: memory for row groups that were read.
        on_damage: "error" raises where a file is damaged. "skip" gives None for the
            rows of a damaged row group, which a pipeline leaves out, and leaves out a
            file whose end is damaged.

    Attributes:
        damaged: how many damaged places were skipped in this process.

    Raises:
        ValueError: `paths` is empty, or there is no such column.
        DamagedFileError: a file was cut short, or its directory is altered.
        FileNotFoundError: one of the files does not exist.
        ImportError: ``pyarrow`` is not installed.
    """

    _name, _noun = _NAME, "rows"

    def __init__(
        self,
        paths: Path | Sequence[Path],
        *,
        columns: Sequence[str] | None = None,
        cache_bytes: int = 1 << 28,
        on_damage: OnDamage = "error",
    ):
        self._cache_bytes = at_least(_NAME, "cache_bytes", cache_bytes, 0)
        self._columns = None if columns is None else list(columns)
        self._paths = check_files(_NAME, paths)
        self._skipping = damage_counter(_NAME, on_damage)
        self._open()
        sizes = [size for file in self._files for size in file.sizes]
        self._groups = [
            (file, group)
            for file, found in enumerate(self._files)
            for group in range(len(found.sizes))
        ]
        self._stops = np.cumsum(sizes, dtype=np.int64)
        self._is_plain = all(file.is_plain for file in self._files)

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their rows."""
        return list(self._paths)

    def __getitems__(self, record_keys: Sequence[int], /) -> list[Any]:
        """Many rows: each row group is looked up once."""
        keys = self._checked(record_keys)
        rows: list[Any] = [None] * len(keys)
        for columns, places, numbers in self._by_group(keys):
            if columns is not None:
                for place, number in zip(
                    places.tolist(), numbers.tolist(), strict=True
                ):
                    rows[place] = {name: c[number] for name, c in columns.items()}
        return rows

    @property
    def gather(self) -> Callable[[np.ndarray], Columns]:
        """Reads many rows as one dictionary of arrays.

        Only there if all columns are numbers, and none may be left out: `hasattr`
        tells.
        """
        if self._skipping is not None or not self._is_plain:
            raise AttributeError(f"{_NAME}: these rows can not be stacked unread.")
        return self._gather

    def __repr__(self) -> str:
        """Number of rows, and the columns if they were chosen."""
        columns = "" if self._columns is None else f", columns={self._columns}"
        return f"{_NAME}({len(self)}{columns})"

    def __getstate__(self) -> dict[str, Any]:
        """Files and what was read of them stay in the process that opened them."""
        return self.__dict__ | {"_files": None, "_cache": None, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Opens the files again."""
        self.__dict__.update(state)
        self._open()

    def origin(self, record_key: int) -> tuple[str, int, int | None]:
        """The file of a row, its number there, and its first byte if known."""
        group = int(np.searchsorted(self._stops, record_key, side="right"))
        file, _ = self._groups[group]
        before = sum(sum(f.sizes) for f in self._files[:file])
        return self._paths[file], record_key - before, None

    def _open(self) -> None:
        self._cache: collections.OrderedDict[int, Columns] = collections.OrderedDict()
        self._lock = threading.Lock()
        self._files = []
        for path in self._paths:
            try:
                self._files.append(ParquetFile(_NAME, path, self._columns))
            except DamagedFileError as error:
                tell_or_count(self._skipping, error)
                self._files.append(_NoFile())

    def _by_group(self, keys: np.ndarray) -> Any:
        """Columns of each row group that is touched; which keys, and which rows."""
        for group, places, numbers in self._by_part(keys):
            yield self._read(group), places, numbers

    def _gather(self, positions: np.ndarray) -> Columns:
        keys = self._checked(positions)
        parts, order = [], []
        for columns, places, numbers in self._by_group(keys):
            parts.append({name: column[numbers] for name, column in columns.items()})
            order.append(places)
        back = np.argsort(np.concatenate(order))
        joined = {name: [part[name] for part in parts] for name in parts[0]}
        return {name: np.concatenate(column)[back] for name, column in joined.items()}

    def _read(self, number: int) -> Columns | None:
        # One reader at a time: pyarrow decodes columns in threads of its own.
        with self._lock:
            if number in self._cache:
                self._cache.move_to_end(number)
                return self._cache[number]
            file, group = self._groups[number]
            try:
                columns = self._files[file].read(group)
            except DamagedFileError as error:
                tell_or_count(self._skipping, error)
                return None
            self._cache[number] = columns
            while _bytes_of(self._cache) > self._cache_bytes and len(self._cache) > 1:
                self._cache.popitem(last=False)
            return columns


class ParquetFile:
    """One file: its row groups as columns of NumPy arrays.

    Args:
        source: named by errors.
        path: the file.
        columns: names of those to read; all if None.
        **read_kwargs: for `pyarrow.parquet.ParquetFile`.

    Raises:
        DamagedFileError: it was cut short, or its directory is altered.
    """

    def __init__(
        self,
        source: str,
        path: str,
        columns: Sequence[str] | None = None,
        **read_kwargs: Any,
    ):
        self.path = path
        self._source = source
        self._options = {"page_checksum_verification": True} | read_kwargs
        self._arrow = arrow = _arrow(source)
        self._errors = (OSError, arrow.ArrowException, UnicodeDecodeError)
        try:
            self._file = arrow.parquet.ParquetFile(path, **self._options)
            schema = self._file.schema_arrow
            known = schema.names
        except self._errors as error:
            raise self._told(error, *_find_directory(path)) from None
        metadata = self._file.metadata
        groups = map(metadata.row_group, range(metadata.num_row_groups))
        self.sizes = [group.num_rows for group in groups]
        if sum(self.sizes) != metadata.num_rows:
            problem = "its directory contradicts itself about the number of rows."
            raise DamagedFileError(source, path, _find_directory(path)[0], problem)
        self._names = known if columns is None else list(columns)
        for name in self._names:
            if name not in known:
                raise ValueError(
                    f"{source}: {path} has no column {name!r}, its columns are "
                    f"{', '.join(known)}."
                )
        types = [schema.field(name).type for name in self._names]
        is_number = (arrow.types.is_integer, arrow.types.is_floating)
        self.is_plain = all(any(check(t) for check in is_number) for t in types)

    def read(self, group: int) -> Columns:
        """The columns of a row group."""
        where = f"row group {group} can't be read"
        try:
            table = self._file.read_row_group(group, columns=self._names)
            columns = {n: table.column(n).to_numpy() for n in table.column_names}
        except self._errors as error:
            raise self._told(error, self._offset(group), where) from None
        sizes = {len(column) for column in columns.values()}
        if sizes != {self.sizes[group]}:
            problem = f"{where} (it has not {self.sizes[group]} rows)."
            raise DamagedFileError(
                self._source, self.path, self._offset(group), problem
            )
        return columns

    def _offset(self, group: int) -> int:
        """Where the damage is: the first byte of the column that can't be read.

        Columns are read once more, one by one, to see which fails: asking the directory
        where they lie would end the process if that is what was altered.
        """
        with _Watched(self.path) as watched:
            options = self._options | {"pre_buffer": False}
            file = self._arrow.parquet.ParquetFile(watched, **options)
            for name in self._names:
                watched.first = None
                try:
                    table = file.read_row_group(group, [name], use_threads=False)
                except self._errors:
                    break
                if len(table) != self.sizes[group]:
                    break
            return watched.first or 0

    def _told(self, error: Exception, offset: int, what: str) -> Exception:
        # What the system refuses has a number; what can't be decoded has none.
        if getattr(error, "errno", None) is not None:
            return error
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        return DamagedFileError(self._source, self.path, offset, f"{what} ({reason}).")


class _Watched(io.FileIO):
    """A file that notes from which byte on it was first read."""

    first: int | None = None

    def read(self, size: int | None = -1, /) -> bytes:
        if self.first is None:
            self.first = self.tell()
        return super().read(size)


class _NoFile:
    """Stands for a file that was left out."""

    sizes: tuple[int, ...] = ()
    is_plain = True


def _find_directory(path: str) -> tuple[int, str]:
    """Where a file's directory begins, or the file ends without one."""
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        file.seek(max(size - _TAIL.size, 0))
        tail = file.read()
    if len(tail) == _TAIL.size and tail[-4:] == b"PAR1":
        begin = size - _TAIL.size - _TAIL.unpack(tail)[0]
        if begin > 0:
            return begin, "its directory can't be read"
    return size, "it ends there without a directory: it was cut short or altered"


def _bytes_of(cache: dict[int, Columns]) -> int:
    return sum(
        column.nbytes for columns in cache.values() for column in columns.values()
    )


@functools.cache
def _arrow(source: str) -> Any:
    # Imported here because it is slow to load, and few pipelines need it.
    try:
        importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise ImportError(
            f"{source}: the package pyarrow is not installed. Install it with "
            "`pip install dolmen-data[parquet]`."
        ) from error
    return importlib.import_module("pyarrow")

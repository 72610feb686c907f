"""Lines of text files, in any order."""

import mmap
import os
import pathlib
import sys
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._damage import (
    DamagedFileError,
    OnDamage,
    damage_counter,
    tell_or_count,
)
from ._files import Path, check_files
from ._record_files import RecordFiles

_NAME = "TextLines"
# Only every so many lines are in the index: looking for the others from there takes
# about a microsecond, and the index stays small enough to be sent to other processes.
_STRIDE = 16
_CHUNK = 1 << 24
_NEWLINE = 10
_SECONDS_UNTIL_TOLD = 2.0


class TextLines(RecordFiles[str | bytes]):
    r"""Lines of text files, without their ends.

    Making it looks once for the ends of all lines, which takes about a second for a
    gigabyte; where it takes longer than two, its progress is told on standard error.

    Args:
        paths: one path or several, or patterns (``"*.txt"``); their lines follow one
            another in this order.
        encoding: of the text; None gives lines as bytes.
        on_damage: "error" raises where a line is no text of this encoding; "skip" gives
            None for it, which a pipeline leaves out.
        progress: whether to tell progress.

    Attributes:
        damaged: how many lines were skipped in this process.

    Raises:
        ValueError: `paths` is empty.
        DamagedFileError: a line can not be decoded, or a file has changed its size.
        FileNotFoundError: one of the files does not exist.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "poem.txt")
        >>> _ = path.write_text("one\ntwo\nthree")
        >>> lines = TextLines(path)
        >>> len(lines), lines[1], lines[-1]
        (3, 'two', 'three')
    """

    _name, _noun = _NAME, "lines"

    def __init__(
        self,
        paths: Path | Sequence[Path],
        *,
        encoding: str | None = "utf-8",
        on_damage: OnDamage = "error",
        progress: bool = True,
    ):
        self._paths = check_files(_NAME, paths)
        self._encoding = encoding
        self._skipping = damage_counter(_NAME, on_damage)
        self._files = [_map(path) for path in self._paths]
        self._sizes = [len(file) for file in self._files]
        told = _Progress(sum(self._sizes)) if progress else None
        found = [_index(file, told) for file in self._files]
        self._starts = [starts for _, starts in found]
        self._stops = np.cumsum([count for count, _ in found])
        if told is not None:
            told.end()

    @property
    def paths(self) -> list[str]:
        """The files, in the order of their lines."""
        return list(self._paths)

    def __getitems__(self, record_keys: Sequence[int], /) -> list[Any]:
        """Many lines."""
        files, places = self._located(self._checked(record_keys))
        return [
            self._read(*at) for at in zip(files.tolist(), places.tolist(), strict=True)
        ]

    def __getstate__(self) -> dict[str, Any]:
        """Maps stay in the process that made them."""
        return self.__dict__ | {"_files": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Maps the files again; their lines are not looked for a second time.

        Raises:
            DamagedFileError: a file has changed its size since.
        """
        self.__dict__.update(state)
        self._files = [_map(path) for path in self._paths]
        for path, file, size in zip(self._paths, self._files, self._sizes, strict=True):
            if len(file) != size:
                problem = f"it had {size} bytes when its lines were looked for."
                raise DamagedFileError(_NAME, path, len(file), problem)

    def origin(self, record_key: int) -> tuple[str, int, int | None]:
        """The file of a line, its number there, and its first byte."""
        file, number = self._located_one(record_key)
        return self._paths[file], number, self._start_of(file, number)

    def _start_of(self, file: int, place: int) -> int:
        start = int(self._starts[file][place // _STRIDE])
        for _ in range(place % _STRIDE):
            start = self._files[file].find(b"\n", start) + 1
        return start

    def _read(self, file: int, place: int) -> str | bytes | None:
        data, start = self._files[file], self._start_of(file, place)
        stop = data.find(b"\n", start)
        line = data[start : len(data) if stop < 0 else stop].removesuffix(b"\r")
        if self._encoding is None:
            return line
        try:
            return line.decode(self._encoding)
        except UnicodeDecodeError as problem:
            error = DamagedFileError(
                _NAME,
                self._paths[file],
                start + problem.start,
                f"line {place} is no text in {self._encoding} ({problem.reason}).",
            )
        tell_or_count(self._skipping, error)
        return None


class _Progress:
    """Tells how far a long search is, at most once in a second."""

    def __init__(self, total: int):
        self._total = total
        self._done = 0
        self._next = time.monotonic() + _SECONDS_UNTIL_TOLD
        self._is_told = False

    def add(self, size: int) -> None:
        self._done += size
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + 1
            self._tell()

    def end(self) -> None:
        if self._is_told:
            self._tell()
            print(file=sys.stderr)  # noqa: T201 - told to whoever waits

    def _tell(self) -> None:
        self._is_told = True
        share = self._done / self._total
        text = f"\r{_NAME}: {share:4.0%} of {self._total / 1e9:.1f} GB indexed"
        print(text, end="", file=sys.stderr, flush=True)  # noqa: T201 - likewise


def _map(path: str) -> Any:
    if not os.path.getsize(path):  # which can not be mapped
        return b""
    with pathlib.Path(path).open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _index(data: Any, progress: _Progress | None) -> tuple[int, np.ndarray]:
    """Number of lines, and where every `_STRIDE`-th of them begins."""
    starts = [np.zeros(min(len(data), 1), np.int64)]
    ends = 0
    for begin in range(0, len(data), _CHUNK):
        chunk = np.frombuffer(data[begin : begin + _CHUNK], np.uint8)
        found = np.flatnonzero(chunk == _NEWLINE)
        # The start after end number n is that of line n + 1.
        first = -(ends + 1) % _STRIDE
        starts.append(found[first::_STRIDE] + begin + 1)
        ends += len(found)
        if progress is not None:
            progress.add(len(chunk))
    is_open = len(data) > 0 and data[len(data) - 1 :] != b"\n"
    return ends + is_open, np.concatenate(starts)

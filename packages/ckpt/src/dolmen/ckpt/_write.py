"""Writing one checkpoint: leaves to blocks, blocks to packs, then the MANIFEST.

The data of a checkpoint is one stream of bytes: leaves end to end, each at a multiple
of 64, cut every 8 MiB into blocks. Whoever holds the arrays produces blocks in order,
whoever writes consumes them, and neither needs to know the other's pace.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy

from . import _format, _leaves
from ._files import Files
from ._format import ALIGNMENT, MANIFEST, ArrayLeaf, Leaf, Manifest, Pack, Stream
from ._structure import Structure, keys, path_text, paths

__all__ = [
    "Contents",
    "Staging",
    "blocks_in_turn",
    "cut",
    "plan",
    "remove",
    "write_checkpoint",
]


@dataclass(frozen=True)
class Contents:
    """What a checkpoint shall hold, with every leaf's place in the stream decided.

    Attributes:
        structure: the tree's containers.
        leaves: records, with shards.
        arrays: (offset, array) of all leaves with data, in stream order.
        step: step number, or None.
        metrics: name to value.
        metadata: the user's value.
    """

    structure: Structure
    leaves: tuple[Leaf, ...]
    arrays: tuple[tuple[int, Any], ...]
    step: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    metadata: Any = None


def plan(
    function: str,
    tree: Any,
    *,
    step: int | None = None,
    metrics: Mapping[str, Any] | None = None,
    metadata: Any = None,
) -> Contents:
    """Decides what will be stored and where; touches neither disk nor data.

    Raises:
        TypeError: a leaf, a metric or the metadata can't be stored.
    """
    structure, values = _leaves.flatten(tree)
    records = _records(function, structure, values)
    problem = _format.value_problem(metadata)
    if problem:
        raise TypeError(
            f"{function}: `metadata` must be made of None, bool, int, float, complex, "
            f"str, bytes, dict, list and tuple; {problem}.\n"
            "Put arrays into the tree."
        )
    numbers = _checked_metrics(function, metrics)
    leaves: list[Leaf] = []
    arrays, end = [], 0
    for value, record in zip(values, records, strict=True):
        if isinstance(record, ArrayLeaf):
            offset = -(-end // ALIGNMENT) * ALIGNMENT
            arrays.append((offset, _leaves.stored_array(value)))
            end = offset + record.bytes_of(record.shape)
            record = record.placed_at(offset)
        leaves.append(record)
    return Contents(structure, tuple(leaves), tuple(arrays), step, numbers, metadata)


def _records(function: str, structure: Structure, values: list[Any]) -> list[Leaf]:
    """The records of all leaves, if all can be stored, and their keys too."""
    records = [_leaves.describe_stored(value) for value in values]
    stored = [record for record in records if record is not None]
    if len(stored) == len(records) and all(map(_format.is_value_key, keys(structure))):
        return stored
    lines = []
    for path, number in paths(structure):
        if records[number] is None:
            lines.append(f"  {path_text(path)}: {_leaves.type_text(values[number])}")
        lines += [
            f"  {path_text(path)}: the key is a {type(key).__name__}"
            for _, key in path
            if not _format.is_value_key(key)
        ]
    raise TypeError(
        f"{function}: the tree holds {len(lines)} leaves or keys that can't be "
        "stored:\n" + "\n".join(lines) + "\n"
        "Leaves may be arrays, PRNG keys, NumPy arrays and scalars of numeric "
        "dtype, int, float, bool, complex, str, bytes and None."
    )


def _checked_metrics(
    function: str, metrics: Mapping[str, Any] | None
) -> dict[str, float]:
    checked = {}
    for name, value in (metrics or {}).items():
        try:
            checked[name] = float(value)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"{function}: `metrics` must map names to numbers, but "
                f"{name!r} is {value!r}."
            ) from error
    return checked


# --- blocks -------------------------------------------------------------------------


class Staging:
    """Host memory that holds blocks between their production and their writing.

    Blocks are kept for the next save, so that memory is taken from the system, and its
    pages are touched, once.
    """

    def __init__(self, limit: int | None = None):
        """Holds at most `limit` bytes, but two blocks at least."""
        self._left = None if limit is None else max(2, limit // _format.BLOCK_BYTES)
        self._free: list[numpy.ndarray] = []
        self._changed = threading.Condition()

    def take(self) -> numpy.ndarray:
        """A block to fill; waits while `limit` is reached."""
        with self._changed:
            while not self._free and self._left == 0:
                self._changed.wait()
            if self._free:
                return self._free.pop()
            if self._left is not None:
                self._left -= 1
        return numpy.empty(_format.BLOCK_BYTES, numpy.uint8)

    def give(self, block: numpy.ndarray) -> None:
        """Returns a block from `take`, or part of one."""
        if block.base is not None:
            block = block.base
        with self._changed:
            self._free.append(block)
            self._changed.notify()


def cut(
    arrays: Iterable[tuple[int, Any]],
    take: Callable[[], numpy.ndarray],
    *,
    in_place: bool = False,
) -> Iterator[tuple[numpy.ndarray, bool]]:
    """Cuts a stream into blocks; yields (block, whether it was taken).

    Args:
        arrays: (offset, array), ascending.
        take: returns memory for one block, into which arrays are copied.
        in_place: leave blocks that lie inside one array where they are.
    """
    size = _format.BLOCK_BYTES
    block, filled, position = None, 0, 0
    for offset, array in arrays:
        # Offsets and block ends are multiples of 64, so padding never crosses blocks.
        padding = numpy.zeros(offset - position, numpy.uint8)
        for raw in (padding, _leaves.raw_bytes(array)):
            position += raw.size
            while raw.size:
                if block is None and in_place and raw.size >= size:
                    yield raw[:size], False
                    raw = raw[size:]
                    continue
                if block is None:
                    block, filled = take(), 0
                count = min(size - filled, raw.size)
                block[filled : filled + count] = raw[:count]
                raw, filled = raw[count:], filled + count
                if filled == size:
                    yield block, True
                    block = None
    if block is not None:
        yield block[:filled], True


def blocks_in_turn(contents: Contents) -> Iterator[numpy.ndarray]:
    """The blocks of `contents`, for a writer in the same thread."""
    staging = Staging()
    for block, taken in cut(contents.arrays, staging.take, in_place=True):
        yield block
        if taken:
            staging.give(block)


# --- packs --------------------------------------------------------------------------


class _PackWriter:
    """Appends blocks to packs, and hashes them."""

    def __init__(self, files: Files, directory: str, attempt: str):
        self._files = files
        self._directory = directory
        self._attempt = attempt
        self._packs: list[Pack] = []
        self._hashes: list[bytes] = []
        self._handle: int | None = None
        self._size = 0

    def write(self, block: numpy.ndarray) -> None:
        if self._handle is None:
            name = _format.pack_name(0, self._attempt, len(self._packs))
            self._handle = self._files.create(f"{self._directory}/{name}")
            self._packs.append(Pack(name, 0))
        self._hashes.append(_format.block_hash(block))
        self._files.write(self._handle, memoryview(block), self._size)
        self._size += block.size
        if self._size >= _format.PACK_BYTES:
            self._finish_pack()

    def finish(self) -> Stream:
        """Makes everything written durable, but for the directory's entries."""
        self._finish_pack()
        return Stream(tuple(self._packs), b"".join(self._hashes))

    def _finish_pack(self) -> None:
        if self._handle is None:
            return
        self._packs[-1] = replace(self._packs[-1], size=self._size)
        self._files.sync(self._handle)
        self.close()

    def close(self) -> None:
        if self._handle is not None:
            handle, self._handle, self._size = self._handle, None, 0
            self._files.close(handle)


# --- commit -------------------------------------------------------------------------


def write_checkpoint(
    files: Files,
    directory: str,
    contents: Contents,
    blocks: Iterable[numpy.ndarray],
) -> None:
    """Writes and commits a checkpoint into an existing directory.

    A checkpoint that is already there stays valid until the new one has replaced it,
    which happens in one rename. After an error of the disk the directory holds what it
    held before; after a crash at any moment one of the two.
    """
    with files.lock(directory):
        _write_locked(files, directory, contents, blocks)


def _write_locked(
    files: Files,
    directory: str,
    contents: Contents,
    blocks: Iterable[numpy.ndarray],
) -> None:
    attempt = secrets.token_hex(8)
    before = set(filter(_format.is_own_file, files.names(directory)))
    temporary = f"{directory}/{MANIFEST}.{attempt}.tmp"
    target = f"{directory}/{MANIFEST}"
    try:
        stream = _write_packs(files, directory, attempt, blocks)
        files.sync_directory(directory)
        manifest = _manifest_of(contents, attempt, stream)
        _write_file(files, temporary, _format.encode_manifest(manifest))
        files.rename(temporary, target)
        files.sync_directory(directory)
        files.sync_directory(directory.rpartition("/")[0] or "/")
    except Exception:
        _withdraw(files, directory, attempt, replaced=MANIFEST in before)
        raise
    for name in before - {MANIFEST}:
        with contextlib.suppress(OSError):  # collected again by the next save
            files.remove(f"{directory}/{name}")


def _write_packs(
    files: Files, directory: str, attempt: str, blocks: Iterable[numpy.ndarray]
) -> Stream:
    writer = _PackWriter(files, directory, attempt)
    try:
        for block in blocks:
            writer.write(block)
        return writer.finish()
    finally:
        writer.close()


def _write_file(files: Files, path: str, data: bytes) -> None:
    handle = files.create(path)
    try:
        files.write(handle, memoryview(data), 0)
        files.sync(handle)
    finally:
        files.close(handle)


def _manifest_of(contents: Contents, attempt: str, stream: Stream) -> Manifest:
    return Manifest(
        attempt=attempt,
        structure=contents.structure,
        leaves=contents.leaves,
        streams=(stream,),
        step=contents.step,
        created=time.time_ns(),
        metrics=contents.metrics,
        metadata=contents.metadata,
        block_bytes=_format.BLOCK_BYTES,
    )


def _withdraw(files: Files, directory: str, attempt: str, *, replaced: bool) -> None:
    """Removes what a failed attempt left, as far as the disk still allows it."""
    with contextlib.suppress(OSError):
        names = files.names(directory)
        if MANIFEST in names and _attempt_at(files, directory) == attempt:
            # The rename happened, syncing it failed. Where it replaced an older
            # checkpoint both sets of packs must stay: either may come up after a crash.
            if replaced:
                return
            files.remove(f"{directory}/{MANIFEST}")
            files.sync_directory(directory)
        for name in names:
            if f".{attempt}." in name:
                files.remove(f"{directory}/{name}")
        if not files.names(directory):
            files.remove_directory(directory)


def _attempt_at(files: Files, directory: str) -> str | None:
    try:
        return _format.decode_manifest(files.read(f"{directory}/{MANIFEST}")).attempt
    except _format.FormatError:
        return None


def remove(files: Files, directory: str) -> None:
    """Deletes a checkpoint: the MANIFEST first, then its packs, never other files."""
    names = [name for name in files.names(directory) if _format.is_own_file(name)]
    if MANIFEST in names:
        files.remove(f"{directory}/{MANIFEST}")
        files.sync_directory(directory)
        names.remove(MANIFEST)
    for name in names:
        files.remove(f"{directory}/{name}")
    if not files.names(directory):
        files.remove_directory(directory)

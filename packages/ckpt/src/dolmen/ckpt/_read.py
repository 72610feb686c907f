"""Reading one checkpoint: the MANIFEST, then blocks, each verified before use."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Iterator
from dataclasses import dataclass

import numpy

from . import _format
from ._errors import CorruptCheckpointError
from ._files import Files
from ._format import MANIFEST, ArrayLeaf, Manifest, Shard, Stream, ValueLeaf
from ._structure import path_text, paths

__all__ = ["Checkpoint", "is_valid", "open_checkpoint", "read_arrays", "verify_blocks"]

READERS = 4


@dataclass(frozen=True)
class Checkpoint:
    """A committed checkpoint whose data has not been read.

    Attributes:
        function: public function on whose behalf it is read, for messages.
        files: its storage.
        directory: where it lies.
        manifest: its records.
    """

    function: str
    files: Files
    directory: str
    manifest: Manifest


def open_checkpoint(function: str, files: Files, directory: str) -> Checkpoint:
    """Reads the MANIFEST and checks that every pack has its size.

    Raises:
        FileNotFoundError: there is no MANIFEST.
        CorruptCheckpointError: it is damaged, or a pack is missing or cut.
    """
    file = f"{directory}/{MANIFEST}"
    try:
        manifest = _format.decode_manifest(files.read(file))
    except _format.FormatError as error:
        raise CorruptCheckpointError(
            f"{function}: {file} is damaged: {error}.\n"
            "Without it this checkpoint can't be read; use another step or a copy.",
            file=file,
        ) from error
    checkpoint = Checkpoint(function, files, directory, manifest)
    _check_sizes(checkpoint)
    return checkpoint


def is_valid(files: Files, directory: str) -> bool:
    """Whether a committed checkpoint with an intact MANIFEST is there."""
    try:
        open_checkpoint("", files, directory)
    except (CorruptCheckpointError, FileNotFoundError, NotADirectoryError):
        return False
    return True


def _check_sizes(checkpoint: Checkpoint) -> None:
    for stream in checkpoint.manifest.streams:
        for pack in stream.packs:
            file = f"{checkpoint.directory}/{pack.name}"
            try:
                size = checkpoint.files.size(file)
            except FileNotFoundError as error:
                raise CorruptCheckpointError(
                    f"{checkpoint.function}: {file} is missing; the MANIFEST lists it "
                    f"with {pack.size} bytes.\nUse another step or a copy.",
                    file=file,
                ) from error
            if size != pack.size:
                raise CorruptCheckpointError(
                    f"{checkpoint.function}: {file} has {size} bytes; the MANIFEST "
                    f"lists it with {pack.size}.\nUse another step or a copy.",
                    file=file,
                    offset=min(size, pack.size),
                )


# --- blocks -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Piece:
    """Where bytes [start, stop) of a block belong."""

    start: int
    stop: int
    target: numpy.ndarray


@dataclass(frozen=True, slots=True)
class _Block:
    """A block, and where it lies on disk."""

    file: str
    handle: int
    offset: int  # in its file
    position: int  # in its stream
    size: int
    hash: bytes


def read_arrays(checkpoint: Checkpoint) -> list[numpy.ndarray | None]:
    """The host arrays of all leaves, 64-byte aligned; None for leaves without data.

    Raises:
        CorruptCheckpointError: blocks do not have their hashes.
    """
    arrays: list[numpy.ndarray | None] = []
    targets: list[list[tuple[int, numpy.ndarray]]] = [
        [] for _ in checkpoint.manifest.streams
    ]
    partial: list[tuple[numpy.ndarray, Shard, numpy.ndarray]] = []
    for leaf in checkpoint.manifest.leaves:
        if isinstance(leaf, ValueLeaf):
            arrays.append(None)
            continue
        array = _aligned_empty(leaf, leaf.shape)
        arrays.append(array)
        for shard in leaf.shards:
            part = array
            if shard.shape != leaf.shape:
                part = _aligned_empty(leaf, shard.shape)
                partial.append((array, shard, part))
            raw = part.reshape(-1).view(numpy.uint8)
            targets[shard.stream].append((shard.offset, raw))
    _read_blocks(checkpoint, targets)
    for array, shard, part in partial:
        box = zip(shard.start, shard.shape, strict=True)
        array[tuple(slice(start, start + size) for start, size in box)] = part
    return arrays


def verify_blocks(checkpoint: Checkpoint) -> None:
    """Reads and verifies every block, keeping nothing."""
    _read_blocks(checkpoint, [[] for _ in checkpoint.manifest.streams])


def _aligned_empty(leaf: ArrayLeaf, shape: tuple[int, ...]) -> numpy.ndarray:
    """Uninitialized, aligned so that a CPU device can use it without a copy."""
    size = leaf.bytes_of(shape)
    raw = numpy.empty(size + _format.ALIGNMENT, numpy.uint8)
    start = -raw.ctypes.data % _format.ALIGNMENT
    dtype = _format.dtype_named(leaf.dtype)
    return raw[start : start + size].view(dtype).reshape(shape)


def _read_blocks(
    checkpoint: Checkpoint, targets: list[list[tuple[int, numpy.ndarray]]]
) -> None:
    damage: list[tuple[int, _Block, str]] = []
    scratch = threading.local()

    def read(block: _Block, pieces: list[_Piece]) -> str | None:
        return _read_block(checkpoint, block, pieces, scratch)

    with concurrent.futures.ThreadPoolExecutor(READERS) as readers:
        for number, stream in enumerate(checkpoint.manifest.streams):
            handles: list[int] = []
            try:
                blocks = list(_blocks(checkpoint, stream, handles))
                pieces = _pieces(blocks, targets[number])
                problems = readers.map(read, blocks, pieces)
                for block, problem in zip(blocks, list(problems), strict=True):
                    if problem:
                        damage.append((number, block, problem))
            finally:
                for handle in handles:
                    checkpoint.files.close(handle)
    if damage:
        raise _damage_error(checkpoint, damage)


def _blocks(
    checkpoint: Checkpoint, stream: Stream, handles: list[int]
) -> Iterator[_Block]:
    """The blocks of a stream; opens its packs and adds their handles to `handles`."""
    block_bytes = checkpoint.manifest.block_bytes
    position = 0
    for pack in stream.packs:
        file = f"{checkpoint.directory}/{pack.name}"
        handle = checkpoint.files.open(file)
        handles.append(handle)
        for offset in range(0, pack.size, block_bytes):
            size = min(block_bytes, pack.size - offset)
            first = position // block_bytes * 8
            digest = stream.hashes[first : first + 8]
            yield _Block(file, handle, offset, position, size, digest)
            position += size


def _pieces(
    blocks: list[_Block], targets: list[tuple[int, numpy.ndarray]]
) -> list[list[_Piece]]:
    """For each block, where its bytes belong."""
    pieces: list[list[_Piece]] = [[] for _ in blocks]
    size = blocks[0].size if blocks else 1  # of all but the last
    for offset, raw in targets:
        done = 0
        while done < raw.size:
            number, start = divmod(offset + done, size)
            count = min(size - start, raw.size - done)
            piece = _Piece(start, start + count, raw[done : done + count])
            pieces[number].append(piece)
            done += count
    return pieces


def _read_block(
    checkpoint: Checkpoint,
    block: _Block,
    pieces: list[_Piece],
    scratch: threading.local,
) -> str | None:
    """Reads, verifies and distributes a block; says what is wrong with it."""
    if len(pieces) == 1 and pieces[0].target.size == block.size:
        buffer, pieces = pieces[0].target, []
    else:
        if not hasattr(scratch, "buffer"):
            scratch.buffer = numpy.empty(checkpoint.manifest.block_bytes, numpy.uint8)
        buffer = scratch.buffer[: block.size]
    view = memoryview(buffer)
    try:
        count = checkpoint.files.read_into(block.handle, view, block.offset)
    except OSError as error:
        return f"reading failed ({error.strerror})"
    if count != block.size:
        return f"the file ends after {block.offset + count} bytes"
    if _format.block_hash(view) != block.hash:
        return "its hash differs from the one in the MANIFEST"
    for piece in pieces:
        piece.target[:] = buffer[piece.start : piece.stop]
    return None


def _damage_error(
    checkpoint: Checkpoint, damage: list[tuple[int, _Block, str]]
) -> CorruptCheckpointError:
    lines = []
    first_leaf = None
    for number, block, problem in damage:
        held = _leaves_in(checkpoint.manifest, number, block)
        first_leaf = first_leaf or (held[0] if held else None)
        if len(held) > 3:
            held = [*held[:3], f"{len(held) - 3} more leaves"]
        lines.append(
            f"  {block.file}, bytes {block.offset} to {block.offset + block.size}: "
            f"{problem}; holds {', '.join(held) or 'only padding'}"
        )
    _, block, _ = damage[0]
    plural = "s are" if len(damage) > 1 else " is"
    return CorruptCheckpointError(
        f"{checkpoint.function}: {len(damage)} block{plural} damaged:\n"
        + "\n".join(lines)
        + "\nNothing was restored; use another step or a copy.",
        file=block.file,
        leaf=first_leaf,
        offset=block.offset,
    )


def _leaves_in(manifest: Manifest, stream: int, block: _Block) -> list[str]:
    found = []
    for path, number in paths(manifest.structure):
        leaf = manifest.leaves[number]
        if isinstance(leaf, ValueLeaf):
            continue
        for shard in leaf.shards:
            inside = (
                shard.stream == stream
                and shard.offset < block.position + block.size
                and shard.offset + leaf.bytes_of(shard.shape) > block.position
            )
            if inside:
                found.append(path_text(path))
    return found

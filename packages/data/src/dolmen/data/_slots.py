"""Slots of shared memory, in which elements travel from process to process.

All slots lie in one file without a name, which only its descriptor reaches: nothing
can be left behind when processes die, whatever the moment. The file is sparse: a slot
grows as far as it must, and takes no more memory than it was once used for.

An element is pickled; its arrays go beside the pickle, each at a multiple of 64 bytes.
The reader's arrays are views of the slot, which is free when all of them are gone.
"""

import mmap
import os
import pickle
import struct
import tempfile
import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

# A range of addresses, not memory: every element must be smaller than this.
_SLOT_BYTES = 1 << 36
_SMALLEST_MAPPING = 1 << 16
# What wide vector instructions like best, and what JAX asks for to take an array as
# it is.
_ALIGNMENT = 64
_HEADER = struct.Struct("<qq")  # bytes of the pickle, number of arrays

# A pickle, and the memory of arrays that it refers to.
Pickled = tuple[memoryview, Sequence[memoryview]]


def open_nameless() -> int:
    """Descriptor of an empty file in memory that has no name."""
    if hasattr(os, "memfd_create"):
        return os.memfd_create("dolmen-data", os.MFD_CLOEXEC)
    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())


class Slots:
    """The slots in a file without a name, as one process sees them.

    Args:
        descriptor: made by `open_nameless`; it stays the caller's to close.
        count: makes room for so many slots; None where another process has done so.
        is_private: what is written to the arrays that were read stays in this process.
    """

    def __init__(
        self, descriptor: int, count: int | None = None, *, is_private: bool = False
    ):
        self._descriptor = descriptor
        self._access = mmap.ACCESS_COPY if is_private else mmap.ACCESS_WRITE
        self._mappings: dict[int, mmap.mmap] = {}
        if count is not None:
            os.ftruncate(descriptor, count * _SLOT_BYTES)

    def write(self, slot: int, pickled: Pickled) -> int:
        """Writes what was pickled into a slot; returns the bytes that it takes."""
        stream, buffers = pickled
        sizes = np.array([buffer.nbytes for buffer in buffers], np.int64)
        starts, total = _lay_out(stream.nbytes, sizes.tolist())
        view = memoryview(self._map(slot, total))
        _HEADER.pack_into(view, 0, stream.nbytes, len(sizes))
        parts = [memoryview(sizes).cast("B"), stream, *buffers]
        for start, part in zip([_HEADER.size, *starts], parts, strict=True):
            view[start : start + part.nbytes] = part
        return total

    def read(
        self,
        slot: int,
        total: int,
        release: Callable[[], object] | None = None,
        load: Callable[..., Any] = pickle.loads,
    ) -> Any:
        """What was pickled and written into a slot.

        Args:
            slot: which slot.
            total: what `write` returned.
            release: called when nothing refers to the slot any more. None: the arrays
                are copies, in one block of memory of their own.
            load: unpickles a view of bytes, with `buffers`.
        """
        memory = np.frombuffer(self._map(slot, total), np.uint8, total)
        length, count = _HEADER.unpack_from(memory)
        if count and release is None:
            memory = _aligned_copy(memory)
        view = memoryview(memory)
        sizes = view[_HEADER.size : _HEADER.size + 8 * count].cast("q").tolist()
        (start, *starts), _ = _lay_out(length, sizes)
        buffers = [view[a : a + size] for a, size in zip(starts, sizes, strict=True)]
        if count and release is not None:
            weakref.finalize(memory, release).atexit = False
        element = load(view[start : start + length], buffers=buffers)
        if not count and release is not None:
            release()
        return element

    def _map(self, slot: int, size: int) -> mmap.mmap:
        mapping = self._mappings.get(slot)
        if mapping is None or len(mapping) < size:
            if size > _SLOT_BYTES:
                raise ValueError(
                    f"mp_prefetch: an element takes {size} bytes, more than the "
                    f"{_SLOT_BYTES} that fit into a slot of shared memory."
                )
            # Doubled, so that elements of growing sizes seldom need another mapping.
            length = max(_SMALLEST_MAPPING, 1 << (size - 1).bit_length())
            mapping = self._mappings[slot] = mmap.mmap(
                self._descriptor, length, access=self._access, offset=slot * _SLOT_BYTES
            )
        return mapping


def _lay_out(stream: int, sizes: Sequence[int]) -> tuple[list[int], int]:
    """Where the pickle and the arrays start, and where they all end."""
    starts = [_HEADER.size + 8 * len(sizes)]
    end = starts[0] + stream
    for size in sizes:
        starts.append(-(-end // _ALIGNMENT) * _ALIGNMENT)
        end = starts[-1] + size
    return starts, end


def _aligned_copy(memory: np.ndarray) -> np.ndarray:
    block = np.empty(memory.size + _ALIGNMENT, np.uint8)
    start = -block.ctypes.data % _ALIGNMENT
    copy = block[start : start + memory.size]
    copy[:] = memory
    return copy

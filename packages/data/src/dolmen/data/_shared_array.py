"""Arrays in shared memory that another process opens by name."""

import contextlib
import math
import operator
import threading
import weakref
from collections.abc import Callable, Iterable
from concurrent import futures
from dataclasses import dataclass
from multiprocessing import shared_memory
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from ._arguments import at_least
from ._shared_names import tracked_name

_NAME = "SharedMemoryArray"


@dataclass(frozen=True, slots=True)
class SharedMemoryArrayMetadata:
    """What another process needs to open a `SharedMemoryArray`.

    Attributes:
        name: of the shared memory.
        shape: of the array.
        dtype: of the array.
    """

    name: str
    shape: Iterable[int]
    dtype: npt.DTypeLike

    def close_and_unlink_shm(self) -> None:
        """Gives the memory back, once no process uses it any more.

        Raises:
            FileNotFoundError: it has been given back already.
        """
        memory = shared_memory.SharedMemory(self.name)
        memory.close()
        memory.unlink()


class SharedMemoryArray(np.ndarray):
    """An array in shared memory, which processes hand over without copying it.

    Pickled, or as its `metadata`, it is a name: the other process reads and writes the
    same memory. Views share the memory and keep it open; results of computations are
    ordinary arrays. Whoever uses the array last calls `unlink_on_del`; what is never
    given back goes, with a warning, when the program ends or is killed.

    Args:
        shape: an integer or several.
        dtype: of numbers or texts of fixed size, not of objects. The memory is zero.

    Attributes:
        shm: the shared memory; None for a copy, which lies in ordinary memory.

    Raises:
        TypeError: `dtype` holds Python objects.

    Example:
        >>> array = SharedMemoryArray((2, 3), np.float32)
        >>> array.unlink_on_del()
        >>> array[:] = 1
        >>> same = SharedMemoryArray.from_metadata(array.metadata)
        >>> float(same.sum())
        6.0
    """

    shm: shared_memory.SharedMemory | None
    # The array that all views are made of: the memory is closed after it.
    _whole: np.ndarray | None

    def __new__(cls, shape: int | Iterable[int], dtype: npt.DTypeLike = float) -> Self:
        """Makes an array in new shared memory."""
        sizes = _as_sizes(shape)
        size = math.prod(sizes) * _checked(dtype).itemsize
        with tracked_name() as name:
            # Shared memory can not be empty, but arrays can.
            memory = shared_memory.SharedMemory(name, create=True, size=max(1, size))
        return cls.from_shared_memory(memory, sizes, dtype)

    @classmethod
    def from_shared_memory(
        cls, shm: shared_memory.SharedMemory, shape: Any, dtype: npt.DTypeLike
    ) -> Self:
        """The array at the start of shared memory, which is closed after it.

        Raises:
            TypeError: `dtype` holds Python objects, or the memory is too small.
        """
        dtype = _checked(dtype)
        whole: np.ndarray = np.ndarray(shm.size, np.uint8, buffer=shm.buf)
        array = super().__new__(cls, _as_sizes(shape), dtype, buffer=whole)
        array.shm, array._whole = shm, whole
        weakref.finalize(whole, _in_turn, shm.close).atexit = False
        return array

    @classmethod
    def from_metadata(cls, metadata: SharedMemoryArrayMetadata) -> Self:
        """Opens the array that `metadata` tells of.

        Raises:
            FileNotFoundError: its memory has been given back.
        """
        memory = shared_memory.SharedMemory(metadata.name)
        return cls.from_shared_memory(memory, metadata.shape, metadata.dtype)

    @property
    def metadata(self) -> SharedMemoryArrayMetadata:
        """How another process opens this array.

        Raises:
            ValueError: this is a copy, or a part of an array in shared memory.
        """
        if self.shm is None or not self._is_at_start():
            raise ValueError(
                f"{_NAME}.metadata: expected an array that begins where its shared "
                "memory does, in C order, got a copy or a view of another kind. Take "
                "the metadata of the array that it was made of."
            )
        return SharedMemoryArrayMetadata(self.shm.name, self.shape, self.dtype)

    def unlink_on_del(self) -> None:
        """Gives the memory back when this array and its views are gone."""
        if self.shm is not None:
            weakref.finalize(self._whole, _in_turn, _unlink, self.shm)

    @classmethod
    def enable_async_del(
        cls, num_threads: int = 1, max_outstanding_requests: int = 50
    ) -> None:
        """Has threads close and give back the memory of arrays that are gone.

        To unmap large memory takes the system a while. Only the first call counts.

        Args:
            num_threads: that do it.
            max_outstanding_requests: what may wait for them at once; what comes then is
                done by the thread in which the array goes.

        Raises:
            TypeError: a number is not an integer.
            ValueError: a number is below 1.
        """
        global _deletion
        call = f"{_NAME}.enable_async_del"
        at_least(call, "num_threads", num_threads, 1)
        most = at_least(call, "max_outstanding_requests", max_outstanding_requests, 1)
        if _deletion is None:
            _deletion = _Deletion(num_threads, max(most, num_threads))

    def __array_finalize__(self, obj: Any) -> None:
        """Views know their memory, copies have none."""
        shares = isinstance(obj, SharedMemoryArray) and np.may_share_memory(self, obj)
        self.shm = obj.shm if shares else None
        self._whole = obj._whole if shares else None

    def __array_wrap__(
        self, array: Any, context: Any = None, return_scalar: bool = False
    ) -> Any:
        """Results are ordinary arrays and scalars."""
        if array is self:
            return array
        return array[()] if return_scalar else array.view(np.ndarray)

    def __reduce_ex__(self, protocol: Any) -> Any:
        """The name of the memory; of a part or a copy, what it holds."""
        if self.shm is None or not self._is_at_start():
            return np.array(self).__reduce_ex__(protocol)
        return type(self).from_metadata, (self.metadata,)

    def _is_at_start(self) -> bool:
        assert self._whole is not None
        return self.flags.c_contiguous and self.ctypes.data == self._whole.ctypes.data


def _checked(dtype: npt.DTypeLike) -> np.dtype:
    checked = np.dtype(dtype)
    if checked.hasobject:
        raise TypeError(
            f"{_NAME}: `dtype` must not hold Python objects, which lie in the memory "
            f"of one process, got {checked}."
        )
    return checked


def _as_sizes(shape: int | Iterable[int]) -> tuple[int, ...]:
    sizes = shape if isinstance(shape, Iterable) else (shape,)
    return tuple(map(operator.index, sizes))


class _Deletion:
    """Threads that close and give back memory."""

    def __init__(self, num_threads: int, most: int):
        self._threads = futures.ThreadPoolExecutor(num_threads, "dolmen-data-deletion")
        self._room = threading.BoundedSemaphore(most)

    def take(self, function: Callable[..., None], *args: Any) -> bool:
        """Calls a function later; returns False where there is no room."""
        if not self._room.acquire(blocking=False):
            return False
        try:
            self._threads.submit(function, *args).add_done_callback(self._make_room)
        except RuntimeError:  # the program ends, and the threads have ended
            self._room.release()
            return False
        return True

    def _make_room(self, done: futures.Future[None]) -> None:
        self._room.release()


_deletion: _Deletion | None = None


def _in_turn(function: Callable[..., None], *args: Any) -> None:
    """Calls a function that ends the use of memory, or has threads call it."""
    if _deletion is None or not _deletion.take(function, *args):
        function(*args)


def _unlink(memory: shared_memory.SharedMemory) -> None:
    with contextlib.suppress(FileNotFoundError):  # another has done so
        memory.unlink()

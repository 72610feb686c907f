"""Records in memory that several processes share."""

import contextlib
import weakref
from collections.abc import Sequence
from multiprocessing import shared_memory
from typing import Any

from ._shared_names import tracked_name

_NAME = "SharedMemoryDataSource"


class SharedMemoryDataSource(shared_memory.ShareableList):
    """A list of numbers, texts, bytes and None in shared memory.

    Another process gets it by its name, or pickled, and then reads the same memory. The
    memory is given back when the object that made it is garbage collected, or at
    `unlink`. For arrays use `Arrays` on memory-mapped files, which all processes share.

    Args:
        elements: what to put there; None attaches to a list that is there already.
        name: of the shared memory; made up if None.

    Raises:
        TypeError: neither `elements` nor `name` is given.
        ValueError: a text or bytes end in a zero, which this kind of list would lose.

    Example:
        >>> source = SharedMemoryDataSource([1, 2.5, "three"])
        >>> source[2], len(source)
        ('three', 3)
        >>> source.close()
        >>> source.unlink()
    """

    def __init__(
        self, elements: Sequence[Any] | None = None, *, name: str | None = None
    ):
        if elements is None and name is None:
            raise TypeError(f"{_NAME}: expected `elements` or `name`, got neither.")
        for number, element in enumerate(elements if elements is not None else ()):
            zero = {bytes: b"\0", str: "\0"}.get(type(element))
            if zero is not None and element.endswith(zero):
                raise ValueError(
                    f"{_NAME}: element {number} ends in a zero, which would be lost. "
                    "Add a byte of your own behind it."
                )
        with contextlib.ExitStack() as naming:
            if name is None:
                name = naming.enter_context(tracked_name())
            super().__init__(elements, name=name)
        if elements is not None:
            self._finalizer = weakref.finalize(self, _give_back, self.shm)

    def __repr__(self) -> str:
        """Number of elements."""
        return f"{_NAME}({len(self)})"

    def close(self) -> None:
        """Ends the use of the memory in this process."""
        self.shm.close()

    def unlink(self) -> None:
        """Gives the memory back, once no process uses it any more."""
        finalizer = getattr(self, "_finalizer", None)
        if finalizer is None:
            self.shm.unlink()
        else:
            finalizer()


def _give_back(memory: shared_memory.SharedMemory) -> None:
    memory.close()
    memory.unlink()

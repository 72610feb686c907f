"""The file operations a checkpoint is made of, on local disks.

Everything this package does to a disk goes through `Files`, so that tests can put a
simulated disk in its place, crash it at any operation and drop what was not yet synced.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from collections.abc import Iterator
from typing import Protocol

__all__ = ["BusyError", "Files", "LocalFiles", "files_of"]


class BusyError(Exception):
    """Another save holds the lock of a directory."""


class Files(Protocol):
    """What a storage must offer; paths are strings, errors are `OSError`."""

    def make_directory(self, path: str) -> None: ...
    def create(self, path: str) -> int: ...
    def write(self, handle: int, data: memoryview, offset: int) -> None: ...
    def sync(self, handle: int) -> None: ...
    def close(self, handle: int) -> None: ...
    def sync_directory(self, path: str) -> None: ...
    def rename(self, source: str, target: str) -> None: ...
    def remove(self, path: str) -> None: ...
    def remove_directory(self, path: str) -> None: ...
    def names(self, path: str) -> list[str]: ...
    def size(self, path: str) -> int: ...
    def read(self, path: str) -> bytes: ...
    def open(self, path: str) -> int: ...
    def read_into(self, handle: int, target: memoryview, offset: int) -> int: ...
    def lock(self, path: str) -> contextlib.AbstractContextManager[None]: ...


class LocalFiles:
    """A mounted file system, by system calls."""

    def make_directory(self, path: str) -> None:
        """Creates `path` and its parents, each durable before the next."""
        if os.path.isdir(path):
            return
        parent = os.path.dirname(path)
        self.make_directory(parent)
        with contextlib.suppress(FileExistsError):
            os.mkdir(path)
        self.sync_directory(parent)

    def create(self, path: str) -> int:
        """Opens a new file for writing; an existing one is an error."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)

    def write(self, handle: int, data: memoryview, offset: int) -> None:
        """Writes all of `data` at `offset`."""
        while data:
            count = os.pwrite(handle, data, offset)
            data, offset = data[count:], offset + count

    def sync(self, handle: int) -> None:
        """Makes the contents of an open file durable."""
        os.fsync(handle)

    def close(self, handle: int) -> None:
        """Closes a file from `create` or `open`."""
        os.close(handle)

    def sync_directory(self, path: str) -> None:
        """Makes the entries of a directory durable."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

    def rename(self, source: str, target: str) -> None:
        """Renames a file, replacing `target` atomically."""
        os.rename(source, target)

    def remove(self, path: str) -> None:
        """Removes a file."""
        os.unlink(path)

    def remove_directory(self, path: str) -> None:
        """Removes an empty directory."""
        os.rmdir(path)

    def names(self, path: str) -> list[str]:
        """Names in a directory, sorted."""
        return sorted(os.listdir(path))

    def size(self, path: str) -> int:
        """Size of a file in bytes."""
        return os.stat(path).st_size

    def read(self, path: str) -> bytes:
        """The whole of a small file."""
        with open(path, "rb") as file:
            return file.read()

    def open(self, path: str) -> int:
        """Opens a file for reading."""
        return os.open(path, os.O_RDONLY)

    def read_into(self, handle: int, target: memoryview, offset: int) -> int:
        """Fills `target` from `offset`; returns the bytes that were there."""
        done = 0
        while done < len(target):
            count = os.preadv(handle, [target[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    @contextlib.contextmanager
    def lock(self, path: str) -> Iterator[None]:
        """Holds an existing directory; `BusyError` while somebody else does."""
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BusyError(path) from error
            except OSError as error:
                # Some network file systems lock no directories; the lock only guards
                # against two writers by mistake, so there we go on without it.
                if error.errno not in (errno.EBADF, errno.ENOLCK, errno.ENOTSUP):
                    raise
            yield
        finally:
            # Unlocked by name: a forked child that shares the handle would keep it.
            with contextlib.suppress(OSError):
                fcntl.flock(handle, fcntl.LOCK_UN)
            os.close(handle)


LOCAL: Files = LocalFiles()


def files_of(path: str | os.PathLike[str], function: str) -> tuple[Files, str]:
    """The storage that holds `path`, and `path` as an absolute string."""
    text = os.fspath(path)
    if not isinstance(text, str):
        raise TypeError(f"{function}: the path must be a string, got {path!r}")
    if "://" in text:
        raise ValueError(
            f"{function}: only local paths can hold checkpoints so far, got {text!r}.\n"
            "Save to a local or mounted directory and copy it: a copy is as valid."
        )
    return LOCAL, os.path.abspath(text)

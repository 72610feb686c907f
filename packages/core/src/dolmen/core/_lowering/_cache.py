"""Compiled programs on disk, shared by the processes of one user.

One file per executable: a header with the format's name, a checksum, and what the
backend serialized. A file that does not check out is a miss and is removed. The
directory is private to its owner; when it grows past its bound, the files unused for
longest go.
"""

import contextlib
import hashlib
import os
import pathlib
import tempfile
from typing import Any

from .. import _backend
from .._backend import flags

_MAGIC = b"dolmen-executable-1\n"
_MIN_COMPILE_SECONDS = 0.05


def enabled() -> bool:
    """Whether executables are kept."""
    return flags.ENABLE_COMPILATION_CACHE.value


def directory() -> pathlib.Path:
    """Where they are kept."""
    chosen = flags.COMPILATION_CACHE_DIR.value
    if chosen:
        return pathlib.Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "dolmen" / "executables"


def key(module_text: str, options: Any) -> str:
    """Name of the entry: everything the compiled code depends on."""
    digest = hashlib.sha256()
    for part in (
        _backend.platform_fingerprint(),
        os.environ.get("XLA_FLAGS", ""),
        _host_processor(),
        module_text,
    ):
        digest.update(part.encode())
        digest.update(b"\0")
    digest.update(options.SerializeAsString())
    return digest.hexdigest()


def _host_processor() -> str:
    """CPU code is compiled for this processor's instruction set."""
    global _processor
    if _processor is None:
        try:
            lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
            _processor = next((x for x in lines if x.startswith(("flags", "Feat"))), "")
        except OSError:
            import platform

            _processor = platform.processor()
    return _processor


_processor: str | None = None


def read(name: str) -> bytes | None:
    """The stored executable, or None; a damaged file is removed."""
    path = directory() / name
    try:
        content = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + 32
    body = content[start:]
    if (
        not content.startswith(_MAGIC)
        or hashlib.sha256(body).digest() != content[len(_MAGIC) : start]
    ):
        with contextlib.suppress(OSError):
            path.unlink()
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # what is used stays when space runs out
    return body


def load(data: bytes, device: Any, options: Any) -> Any:
    """The executable in `data`, or None when this runtime refuses it."""
    try:
        return _backend.deserialize_executable(data, device, options)
    except (_backend.JaxRuntimeError, ValueError):
        return None


def write(name: str, executable: Any, *, seconds: float) -> None:
    """Keep an executable that took `seconds` to compile, if that was worth it.

    A full or read-only disk only means that nothing is kept.
    """
    if seconds < _MIN_COMPILE_SECONDS:
        return
    try:
        body = _backend.serialize_executable(executable)
    except (_backend.JaxRuntimeError, ValueError, NotImplementedError):
        return
    content = _MAGIC + hashlib.sha256(body).digest() + body
    try:
        home = directory()
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=home, prefix=".tmp-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            os.replace(temporary, home / name)
        except OSError:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        bound = flags.COMPILATION_CACHE_MAX_SIZE.value
        if bound >= 0:
            _shrink(home, bound)
    except OSError:
        return


def _shrink(home: pathlib.Path, bound: int) -> None:
    entries = []
    for entry in os.scandir(home):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            status = entry.stat()
            entries.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in entries)
    for _, size, path in sorted(entries):
        if total <= bound:
            return
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        total -= size

"""Compiled programs on disk, shared by the processes of one user.

One file per executable, `<function>-<key>`: a header with the format's name and a
checksum of the rest; what the key was made of, as JSON; and what the backend
serialized. So a miss can say in what it differs from an earlier entry of the same
function. A file that does not check out is a miss and is removed. The directory is
private to its owner; when it grows past its bound, the files unused for longest go.
Files appear whole, by renaming, so processes need no locks.
"""

import contextlib
import dataclasses
import hashlib
import math
import os
import pathlib
import re
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import Any

from .. import _backend
from .._backend import flags

_MAGIC = b"dolmen-executable-2\n"
_START = len(_MAGIC) + 32
_ABANDONED_SECONDS = 600.0


class DamagedEntryError(ValueError):
    """A stored executable is not what was written."""


@dataclasses.dataclass(frozen=True)
class Key:
    """Everything that compiled code depends on.

    Attributes:
        function: name of the module; entries of one function are compared.
        components: what the key is made of, by name: digests of what is long.
    """

    function: str
    components: dict[str, str]

    @property
    def name(self) -> str:
        """Name of the entry's file."""
        return f"{self.function}-{_digest(repr(self.components).encode())}"


def key(
    function: str, module_text: str, signature: str, device: Any, options: Any
) -> Key:
    """The key of a module compiled for `device` with `options`.

    Args:
        signature: types of its arguments and results, for explanations.
    """
    return Key(
        re.sub(r"\W", "_", function)[:100],
        {
            "types": signature[:1000],
            "program": _digest(module_text.encode()),
            "compile options": _digest(options.SerializeAsString()),
            "XLA_FLAGS": os.environ.get("XLA_FLAGS", ""),
            **_backend.platform_fingerprint(device),
        },
    )


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def enabled() -> bool:
    """Whether executables are kept."""
    return flags.ENABLE_COMPILATION_CACHE.value


def directory() -> pathlib.Path:
    """Where they are kept."""
    chosen = flags.COMPILATION_CACHE_DIR.value
    if chosen:
        return pathlib.Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    return pathlib.Path(base) / "dolmen" / "executables"


# ---- failures: a warning, once ----

_warned: set[tuple[str, pathlib.Path]] = set()


def reset() -> None:
    """Forget failures, so that they are complained about again."""
    _warned.clear()


def _failed(what: str, path: pathlib.Path, error: OSError) -> None:
    """Warn, the first time, that the cache does not work; or raise, where asked."""
    if flags.RAISE_PERSISTENT_CACHE_ERRORS.value:
        raise error
    if (what, path.parent) not in _warned:
        _warned.add((what, path.parent))
        warnings.warn(
            f"compiled programs can't be {what} in {path.parent}: {error}. They are "
            "compiled again where they are missing. Choose another directory with "
            "`config.update('compilation_cache_dir', ...)`, or switch the cache off "
            "with `config.update('enable_compilation_cache', False)`.",
            stacklevel=2,
        )


# ---- entries ----


def read(name: str) -> bytes | None:
    """The stored executable, or None; a damaged file is removed."""
    path = directory() / name
    try:
        content = path.read_bytes()
        _check_owner(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        _failed("read", path, error)
        return None
    body = _checked_body(content)
    if body is None:
        with contextlib.suppress(OSError):
            path.unlink()
        if flags.RAISE_PERSISTENT_CACHE_ERRORS.value:
            raise DamagedEntryError(f"compilation cache: {path} is damaged.")
        return None
    with contextlib.suppress(OSError):
        os.utime(path)  # what is used stays when space runs out
    _, executable = _split(body)
    return executable


def _checked_body(content: bytes) -> bytes | None:
    body = content[_START:]
    if not content.startswith(_MAGIC):
        return None
    if hashlib.sha256(body).digest() != content[len(_MAGIC) : _START]:
        return None
    return body


def _split(body: bytes) -> tuple[bytes, bytes]:
    """The JSON of the components, and the executable."""
    size = int.from_bytes(body[:4], "little")
    return body[4 : 4 + size], body[4 + size :]


def load(data: bytes, devices: tuple[Any, ...], options: Any) -> Any:
    """The executable in `data`, or None when this runtime refuses it."""
    try:
        return _backend.deserialize_executable(data, devices, options)
    except (_backend.JaxRuntimeError, ValueError):
        return None


def write(entry: Key, executable: Any, *, seconds: float) -> str:
    """Keep an executable that took `seconds` to compile, if that is worth it.

    A full or read-only disk only means that nothing is kept.

    Returns:
        What became of it, in words.
    """
    least = flags.PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS.value
    if seconds < least:
        return f"not kept: compiled in less than {least} s"
    try:
        executable_bytes = _backend.serialize_executable(executable)
    except (_backend.JaxRuntimeError, ValueError, NotImplementedError) as error:
        return f"not kept: the backend can't serialize it ({error})"
    if len(executable_bytes) < flags.PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES.value:
        return f"not kept: it has only {len(executable_bytes)} bytes"
    import json  # here and below, as most processes never need it

    about = json.dumps(entry.components).encode()
    body = len(about).to_bytes(4, "little") + about + executable_bytes
    content = _MAGIC + hashlib.sha256(body).digest() + body
    bound = flags.COMPILATION_CACHE_MAX_SIZE.value
    if 0 <= bound < len(content):
        return f"not kept: its {len(content)} bytes are more than the cache may take"
    path = directory() / entry.name
    try:
        _prepare(path.parent)
        _write_whole(path, content)
        if bound >= 0:
            _keep_below(bound, path.parent, len(content))
    except OSError as error:
        _failed("kept", path, error)
        return f"not kept: {error}"
    return f"kept in {path}"


def _prepare(home: pathlib.Path) -> None:
    """Make the directory, for its owner only."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(home)


def _check_owner(path: pathlib.Path) -> None:
    """Refuse another user's files, unless this user has chosen the directory.

    Raises:
        PermissionError: who owns it could have put any code there.
    """
    if flags.COMPILATION_CACHE_DIR.value is None and hasattr(os, "getuid"):
        owner = path.stat().st_uid
        if owner != os.getuid():
            raise PermissionError(f"{path} belongs to another user ({owner})")


def _write_whole(path: pathlib.Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".tmp-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


# By directory, how many bytes it held after the last look at it, with what this process
# has written since, and when that was. To look takes longer than most compilations once
# there are tens of thousands of files.
_held: dict[pathlib.Path, tuple[int, float]] = {}
_SECONDS_BETWEEN_LOOKS = 60.0  # others write, too


def _keep_below(bound: int, home: pathlib.Path, written: int) -> None:
    """Let old files go if the directory has grown past its bound, or might have."""
    held, looked = _held.get(home, (0, -math.inf))
    held += written
    now = time.monotonic()
    if held > bound or now - looked > _SECONDS_BETWEEN_LOOKS:
        held, looked = _shrink(home, bound), now
    _held[home] = held, looked


def _shrink(home: pathlib.Path, bound: int) -> int:
    """Remove the files unused for longest, down to 9/10 of a bound that is exceeded.

    Returns:
        How many bytes are left.
    """
    entries = []
    abandoned = time.time() - _ABANDONED_SECONDS
    for entry in os.scandir(home):
        with contextlib.suppress(FileNotFoundError):  # another process removed it
            status = entry.stat()
            if entry.name.startswith(".tmp-") and status.st_mtime > abandoned:
                continue  # another process is writing it
            entries.append((status.st_mtime, status.st_size, entry.path))
    total = sum(size for _, size, _ in entries)
    if total <= bound:
        return total
    for _, size, path in sorted(entries):
        if total <= 0.9 * bound:
            break
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        total -= size
    return total


def keep_xla_caches(options: Any, device: Any) -> None:
    """Let XLA keep what it measures on a GPU beside the entries.

    Only once the key is made: the paths change nothing in the compiled code.
    """
    chosen = flags.PERSISTENT_CACHE_ENABLE_XLA_CACHES.value
    if device.platform != "gpu" or chosen == "none":
        return
    debug = options.executable_build_options.debug_options
    for name in ("xla_gpu_kernel_cache_file", "xla_gpu_per_fusion_autotune_cache_dir"):
        if chosen in ("all", name):
            setattr(debug, name, str(directory() / name))


# ---- explanations ----


def explain_miss(entry: Key) -> str:
    """Why there is no entry: what differs from the nearest earlier one."""
    nearest = min(
        _others(entry), key=lambda other: len(_differing(entry, other)), default=None
    )
    if nearest is None:
        return f"nothing was kept of {entry.function} before"
    names = _differing(entry, nearest)
    if not names:
        return "its entry is damaged, or this runtime refuses it"
    if "types" in names:
        names.remove("program")  # different types make it a different program
    described = [
        f"{name} ({nearest.get(name)} then, {entry.components.get(name)} now)"
        if name in _READABLE
        else name
        for name in names
    ]
    return f"the nearest earlier entry differs in {', '.join(described)}"


# Components that are no digests.
_READABLE = ("types", "XLA_FLAGS", "platform", "device", "jaxlib version")


def _differing(entry: Key, other: dict[str, str]) -> list[str]:
    names = {**entry.components, **other}
    return [n for n in names if entry.components.get(n) != other.get(n)]


def _others(entry: Key) -> Iterator[dict[str, str]]:
    """Components of the entries of the same function."""
    import json

    for path in directory().glob(f"{entry.function}-*"):
        with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                file.seek(_START)
                size = int.from_bytes(file.read(4), "little")
                yield json.loads(file.read(size))

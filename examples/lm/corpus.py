"""Real text that every machine has: the source files of Python's standard library."""

import hashlib
import json
import os
import platform
import sysconfig
from pathlib import Path

import numpy as np

VALIDATION_SHARE = 10  # every tenth file is kept for validation


class EmptyCorpusError(RuntimeError):
    """No text was found to train on."""


def standard_library_files(root: Path | None = None) -> list[Path]:
    """Paths of the library's `.py` files in a fixed order, without installed packages."""
    home = Path(sysconfig.get_path("stdlib")) if root is None else root
    skipped = {"site-packages", "dist-packages", "__pycache__"}
    return sorted(
        path
        for path in home.rglob("*.py")
        if not skipped & set(path.relative_to(home).parts)
    )


def load(
    cache: Path | None = None, root: Path | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Training and validation text as two arrays of bytes.

    Built once and kept in `cache` (by default the user's cache directory) beside a
    checksum; a file that does not match its checksum is built again.

    Raises:
        EmptyCorpusError: `root` holds no source files.
    """
    home = _default_cache() if cache is None else cache
    name = f"stdlib-{platform.python_version()}"
    if root is not None:
        name += "-" + hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    paths = home / f"{name}.train.bin", home / f"{name}.valid.bin"
    sums = home / f"{name}.json"
    if not _checks_out(paths, sums):
        _build(paths, sums, root)
    return tuple(np.fromfile(path, np.uint8) for path in paths)  # type: ignore[return-value]


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dolmen" / "corpus"


def _checks_out(paths: tuple[Path, Path], sums: Path) -> bool:
    try:
        expected = json.loads(sums.read_text())
        return all(_sha256(path.read_bytes()) == expected[path.name] for path in paths)
    except (OSError, ValueError, KeyError):
        return False


def _build(paths: tuple[Path, Path], sums: Path, root: Path | None) -> None:
    files = standard_library_files(root)
    if len(files) < 2:
        where = sysconfig.get_path("stdlib") if root is None else root
        raise EmptyCorpusError(
            f"corpus: expected at least 2 Python source files under {where}, found "
            f"{len(files)}.\nInstall Python's standard library with its sources, or name "
            "another directory of .py files with --corpus."
        )
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for number, path in enumerate(files):
        parts[number % VALIDATION_SHARE == VALIDATION_SHARE - 1].append(path.read_bytes())
    if not parts[1]:
        parts[1].append(parts[0].pop())
    sums.parent.mkdir(parents=True, exist_ok=True)
    contents = [b"\n".join(part) for part in parts]
    for path, content in zip(paths, contents, strict=True):
        _write(path, content)
    table = {p.name: _sha256(c) for p, c in zip(paths, contents, strict=True)}
    _write(sums, json.dumps(table, indent=2).encode())


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that a reader never sees half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

"""Real text that every machine has: the source files of Python's standard library."""

import hashlib
import json
import os
import platform
import sysconfig
from pathlib import Path

import numpy as np

from .config import UsageError

VALIDATION_SHARE = 10  # every tenth file is kept for validation


class EmptyCorpusError(UsageError):
    """There is no text to train on, or too little."""


class Text:
    """What is trained on and what is held out, as arrays of bytes, and a checksum."""

    def __init__(self, train: bytes, validation: bytes) -> None:
        self.train = np.frombuffer(train, np.uint8)
        self.validation = np.frombuffer(validation, np.uint8)
        both = _sha256(train) + _sha256(validation)
        self.checksum = _sha256(both.encode())[:16]

    def require(self, size: int) -> None:
        """Raise `EmptyCorpusError` where a part has fewer than `size` bytes."""
        for name, part in (("training", self.train), ("validation", self.validation)):
            if part.size < size:
                raise EmptyCorpusError(
                    f"--corpus: expected at least {size} bytes of {name} text, for one "
                    f"batch, found {part.size}.\nName a larger directory of .py files, "
                    "or lower --batch or --context."
                )


def source_files(root: Path) -> list[Path]:
    """Paths of the .py files below `root`, sorted, without installed packages."""
    skipped = {"site-packages", "dist-packages", "__pycache__"}
    return sorted(
        path
        for path in root.rglob("*.py")
        if path.is_file() and not skipped & set(path.relative_to(root).parts)
    )


def load(root: Path | None = None, cache: Path | None = None) -> Text:
    """Training and validation text.

    That of the standard library is read once and kept in `cache` (by default the user's
    cache directory) beside a checksum; what does not match its checksum is read again.

    Args:
        root: a directory of .py files; by default the standard library.
        cache: where to keep the standard library's text.

    Raises:
        EmptyCorpusError: `root` holds no source files, or empty ones.
    """
    if root is not None:
        return Text(*_read(root))
    home = _default_cache() if cache is None else cache
    name = f"stdlib-{platform.python_version()}"
    paths = home / f"{name}.train.bin", home / f"{name}.valid.bin"
    sums = home / f"{name}.json"
    if not _checks_out(paths, sums):
        _store(_read(Path(sysconfig.get_path("stdlib"))), paths, sums)
    return Text(*(path.read_bytes() for path in paths))


def _default_cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "dolmen" / "corpus"


def _checks_out(paths: tuple[Path, Path], sums: Path) -> bool:
    try:
        expected = json.loads(sums.read_text())
        return all(_sha256(path.read_bytes()) == expected[path.name] for path in paths)
    except (OSError, ValueError, KeyError):
        return False


def _read(root: Path) -> tuple[bytes, bytes]:
    files = source_files(root)
    parts: tuple[list[bytes], list[bytes]] = ([], [])
    for number, path in enumerate(files):
        held_out = number % VALIDATION_SHARE == VALIDATION_SHARE - 1
        parts[held_out].append(path.read_bytes())
    if len(files) > 1 and not parts[1]:
        parts[1].append(parts[0].pop())
    train, validation = (b"\n".join(part) for part in parts)
    if not train or not validation:
        size = len(train) + len(validation)
        raise EmptyCorpusError(
            f"--corpus: expected at least 2 Python source files under {root}, "
            f"found {len(files)} with {size} bytes in all.\nName another directory of "
            ".py files; without --corpus the standard library is read."
        )
    return train, validation


def _store(text: tuple[bytes, bytes], paths: tuple[Path, Path], sums: Path) -> None:
    sums.parent.mkdir(parents=True, exist_ok=True)
    for path, content in zip(paths, text, strict=True):
        _write(path, content)
    table = {p.name: _sha256(c) for p, c in zip(paths, text, strict=True)}
    _write(sums, json.dumps(table, indent=2).encode())


def _write(path: Path, content: bytes) -> None:
    """Replace a file as a whole, so that a reader never sees half of it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()

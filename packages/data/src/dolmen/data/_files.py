"""Paths of the files that a source reads."""

import glob
import os
from collections.abc import Iterable, Sequence

Path = str | os.PathLike[str]


def check_files(source: str, paths: Path | Sequence[Path]) -> list[str]:
    """Paths of files that exist, as strings.

    A path that is no file but has ``*`` or ``?`` in it stands for all files that match,
    in the order of their names.

    Raises:
        TypeError: `paths` is no path and no sequence of paths.
        ValueError: there is no path.
        FileNotFoundError: a file does not exist, or no file matches.
        IsADirectoryError: a path is that of a folder.
    """
    if isinstance(paths, str | os.PathLike):
        paths = [paths]
    if not isinstance(paths, Iterable):
        raise TypeError(
            f"{source}: `paths` must be a path or several, got {type(paths).__name__}."
        )
    names = [name for path in paths for name in _matching(source, os.fspath(path))]
    if not names:
        raise ValueError(f"{source}: `paths` names no file.")
    return names


def _matching(source: str, path: str) -> list[str]:
    if os.path.isdir(path):
        raise IsADirectoryError(
            f"{source}: {path!r} is a folder. Name its files, as in "
            f"{os.path.join(path, '*')!r}."
        )
    # Object stores are left to the reader.
    if "://" in path or os.path.exists(path):
        return [path]
    is_pattern = not {"*", "?"}.isdisjoint(path)
    names = sorted(glob.glob(path, recursive=True)) if is_pattern else []
    if not names:
        problem = "no file matches" if is_pattern else "there is no file"
        raise FileNotFoundError(f"{source}: {problem} {path!r}.")
    return names

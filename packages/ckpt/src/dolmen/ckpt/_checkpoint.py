"""One checkpoint in one directory: `save`, `load`, `verify`, `tree`, `metadata`."""

from __future__ import annotations

import os
from typing import Any

from . import _format, _leaves, _steps
from ._errors import SaveError
from ._files import BusyError, Files, files_of
from ._format import MANIFEST
from ._read import Checkpoint, open_checkpoint, verify_blocks
from ._restore import restore
from ._structure import build
from ._write import blocks_in_turn, plan, write_checkpoint

__all__ = ["load", "metadata", "save", "tree", "verify"]

PathLike = str | os.PathLike[str]


def save(
    path: PathLike,
    tree: Any,
    *,
    overwrite: bool = False,
    metadata: Any = None,
) -> None:
    """Saves a tree as a checkpoint, and returns when it is durable.

    A crash at any moment leaves either no checkpoint at `path` or a whole one. Where
    one is overwritten, the old one stays valid until the new one is durable.

    Args:
        path: directory of the checkpoint; created, with its parents, if missing.
        tree: containers of arrays, typed PRNG keys, NumPy arrays and scalars, int,
            float, bool, complex, str, bytes and None. Dict keys keep their types.
        overwrite: replace a checkpoint that is already there.
        metadata: None, bool, int, float, complex, str, bytes, or dicts, lists and
            tuples of them; `metadata` gives it back.

    Raises:
        FileExistsError: there is a checkpoint, or there are other files, at `path`.
        TypeError: `tree` or `metadata` hold something that can't be stored.
        SaveError: the disk refused, for example because it is full.

    Example:
        >>> import numpy, tempfile, os
        >>> path = os.path.join(tempfile.mkdtemp(), "final")
        >>> save(path, {"w": numpy.ones((2, 3), "float32"), "step": 7})
        >>> load(path)["step"]
        7
    """
    files, directory = files_of(path, "save")
    contents = plan("save", tree, metadata=metadata)
    names = _names(files, directory)
    _check_free("save", directory, names, overwrite=overwrite)
    try:
        files.make_directory(directory)
        _leaves.start_transfers(contents.arrays)
        write_checkpoint(files, directory, contents, blocks_in_turn(contents))
    except BusyError as error:
        raise SaveError(
            f"save: another save is writing to {directory} right now.\n"
            "Give every writer its own directory."
        ) from error
    except OSError as error:
        kept = "The checkpoint that was there is intact." if MANIFEST in names else ""
        raise SaveError(
            f"save: writing {directory} failed: {error.strerror or error}. "
            f"Nothing was saved. {kept}".rstrip()
        ) from error


def _names(files: Files, directory: str) -> list[str]:
    try:
        return files.names(directory)
    except FileNotFoundError:
        return []


def _check_free(
    function: str, directory: str, names: list[str], *, overwrite: bool
) -> None:
    """Refuses directories that hold a checkpoint, or anything else."""
    foreign = [name for name in names if not _format.is_own_file(name)]
    if foreign:
        raise FileExistsError(
            f"{function}: {directory} holds other things than a checkpoint: "
            f"{_steps.listing(foreign)}.\nSave to a directory of its own."
        )
    if MANIFEST in names and not overwrite:
        raise FileExistsError(
            f"{function}: there is already a checkpoint at {directory}.\n"
            "Pass `overwrite=True` to replace it once the new one is durable."
        )


def load(path: PathLike, like: Any = None) -> Any:
    """Restores a checkpoint, verifying the hash of every block it reads.

    Args:
        path: directory of the checkpoint.
        like: tree with the expected containers, whose leaves are arrays or
            `ShapeDtypeStruct` (restored as arrays), NumPy arrays (restored as NumPy
            arrays), or Python values (restored as values of that type). Leaves, shapes
            and dtypes must be those stored. ``...`` in place of a subtree takes
            whatever is stored there.

    Returns:
        A tree like `like`; without it, dicts, lists and tuples of the stored leaves,
        arrays as arrays and NumPy arrays as NumPy arrays. Containers of other classes
        then come back as dicts or lists.

    Raises:
        FileNotFoundError: there is no checkpoint; the message lists what there is.
        TreeMismatchError: `like` differs; the message lists all differences.
        CorruptCheckpointError: stored bytes are damaged; nothing was restored.

    Example:
        >>> import numpy, tempfile
        >>> path = tempfile.mkdtemp()
        >>> save(path, {"w": numpy.arange(3.0), "layers": {0: "a", "1": None}})
        >>> load(path)
        {'w': array([0., 1., 2.]), 'layers': {0: 'a', '1': None}}
        >>> load(path, like={"w": numpy.zeros(3), "layers": ...})["layers"]
        {0: 'a', '1': None}
    """
    return restore(_open("load", path), like)


def verify(path: PathLike) -> None:
    """Reads a whole checkpoint and checks every hash; nothing is kept in memory.

    Args:
        path: directory of the checkpoint.

    Raises:
        FileNotFoundError: there is no checkpoint; the message lists what there is.
        CorruptCheckpointError: stored bytes are damaged; the message lists all
            damaged blocks and the leaves in them.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp()
        >>> save(path, [1, 2])
        >>> verify(path)
    """
    verify_blocks(_open("verify", path))


def tree(path: PathLike) -> Any:
    """Shapes and dtypes of a checkpoint, without reading its data.

    Args:
        path: directory of the checkpoint.

    Returns:
        The stored tree with a `ShapeDtypeStruct` in place of every array and key, and
        the values of all other leaves. It can serve as `like`.

    Raises:
        FileNotFoundError: there is no checkpoint; the message lists what there is.
        CorruptCheckpointError: the MANIFEST is damaged, or packs are missing.

    Example:
        >>> import numpy, tempfile
        >>> path = tempfile.mkdtemp()
        >>> save(path, {"w": numpy.ones((2, 3), "float32"), "step": 7})
        >>> tree(path)["w"].shape
        (2, 3)
    """
    manifest = _open("tree", path).manifest
    return build(
        manifest.structure, lambda number: _leaves.abstract(manifest.leaves[number])
    )


def metadata(path: PathLike) -> Any:
    """The metadata that was saved with a checkpoint.

    Args:
        path: directory of the checkpoint.

    Returns:
        The value given to `save`, or None.

    Raises:
        FileNotFoundError: there is no checkpoint; the message lists what there is.
        CorruptCheckpointError: the MANIFEST is damaged, or packs are missing.

    Example:
        >>> import tempfile
        >>> path = tempfile.mkdtemp()
        >>> save(path, [1, 2], metadata={"commit": "3f2a", "seeds": (1, 2)})
        >>> metadata(path)
        {'commit': '3f2a', 'seeds': (1, 2)}
    """
    return _open("metadata", path).manifest.metadata


def _open(function: str, path: PathLike) -> Checkpoint:
    files, directory = files_of(path, function)
    try:
        return open_checkpoint(function, files, directory)
    except (FileNotFoundError, NotADirectoryError) as error:
        reason = _steps.explain_absence(files, directory)
        raise FileNotFoundError(
            f"{function}: there is no checkpoint at {directory}: {reason}"
        ) from error

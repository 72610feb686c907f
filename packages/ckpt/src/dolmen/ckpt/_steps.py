"""A directory of checkpoints, one for each step: names, listing, retention."""

from __future__ import annotations

import contextlib
import operator
import re
from typing import Any

from . import _format, _write
from ._files import BusyError, Files
from ._format import MANIFEST
from ._read import is_valid

__all__ = [
    "checked_step",
    "collect_leftovers",
    "committed_steps",
    "explain_absence",
    "listing",
    "step_name",
    "valid_steps",
]

_STEP_NAME = re.compile(r"step_(\d{9}|[1-9]\d{9,})")


def step_name(step: int) -> str:
    """Name of the directory of a step."""
    return f"step_{step:09d}"


def checked_step(function: str, step: Any) -> int:
    """`step` as an int, if it is a number of steps."""
    try:
        number = operator.index(step)
    except TypeError:
        number = -1
    if number < 0 or isinstance(step, bool):
        raise ValueError(
            f"{function}: `step` must be an integer of at least 0, got {step!r}."
        )
    return number


def _step_directories(files: Files, run: str) -> dict[int, str]:
    """Steps by number, ascending, whatever their directories hold."""
    try:
        names = files.names(run)
    except FileNotFoundError:
        return {}
    matches = filter(None, map(_STEP_NAME.fullmatch, names))
    found = {int(match[1]): f"{run}/{match[0]}" for match in matches}
    return dict(sorted(found.items()))


def committed_steps(files: Files, run: str) -> list[int]:
    """Steps that have a MANIFEST, intact or not."""
    directories = _step_directories(files, run)
    return [step for step, path in directories.items() if _is_committed(files, path)]


def valid_steps(files: Files, run: str) -> list[int]:
    """Steps whose MANIFEST is intact and whose packs have their sizes."""
    directories = _step_directories(files, run)
    return [step for step, path in directories.items() if is_valid(files, path)]


def _is_committed(files: Files, directory: str) -> bool:
    try:
        return MANIFEST in files.names(directory)
    except (FileNotFoundError, NotADirectoryError):
        return False


def collect_leftovers(files: Files, run: str, *, but: int) -> None:
    """Removes what crashed saves and deletions left, except in the step `but`.

    Only files with names that saving gives out are removed, and only from directories
    without a MANIFEST that nobody is writing to. What can't be removed now is left for
    the next time.
    """
    for step, directory in _step_directories(files, run).items():
        if step == but or _is_committed(files, directory):
            continue
        with contextlib.suppress(OSError, BusyError), files.lock(directory):
            _write.remove(files, directory)


# --- messages -----------------------------------------------------------------------


def listing(items: list[Any], most: int = 10) -> str:
    """Items for a message, the last ones where there are many."""
    shown = [str(item) for item in items[-most:]]
    if len(items) > most:
        shown.insert(0, f"{len(items) - most} more")
    return ", ".join(shown)


def explain_absence(files: Files, directory: str) -> str:
    """Why there is no checkpoint at `directory`, and what there is instead."""
    try:
        names = files.names(directory)
    except NotADirectoryError:
        return "it is a file.\nPass the directory."
    except FileNotFoundError:
        return _explain_missing(files, directory)
    steps = valid_steps(files, directory)
    if steps:
        example = f"{directory}/{step_name(steps[-1])}"
        return f"it is a run with steps {listing(steps)}.\nPass a step: {example}"
    if not names:
        return "the directory is empty."
    if all(map(_format.is_own_file, names)):
        return "a save was begun there and never finished (no MANIFEST)."
    return f"it holds {listing(names)}."


def _explain_missing(files: Files, directory: str) -> str:
    parent, _, name = directory.rpartition("/")
    parent = parent or "/"
    try:
        names = files.names(parent)
    except (FileNotFoundError, NotADirectoryError):
        return f"neither does {parent} exist."
    if _STEP_NAME.fullmatch(name):
        steps = valid_steps(files, parent)
        return f"{parent} holds steps {listing(steps) or 'none'}."
    return f"{parent} holds {listing(names) or 'nothing'}."

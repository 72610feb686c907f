"""The errors a caller may want to catch.

    CheckpointError
    ├── CorruptCheckpointError    stored bytes are not what was written
    ├── TreeMismatchError         `like` and the checkpoint differ (also a ValueError)
    └── SaveError                 a checkpoint could not be written

A path without a checkpoint is a `FileNotFoundError`, an existing one that must not be
overwritten a `FileExistsError`.
"""

from __future__ import annotations

__all__ = [
    "CheckpointError",
    "CorruptCheckpointError",
    "SaveError",
    "TreeMismatchError",
]


class CheckpointError(Exception):
    """Base of the errors that only checkpoints raise."""


class CorruptCheckpointError(CheckpointError):
    """Stored bytes are not the bytes that were written.

    Attributes:
        file: the damaged file.
        leaf: path of the first damaged leaf, such as ``['params']['w']``; None where
            the damage lies outside every leaf.
        offset: position in `file`, in bytes, where the damaged region starts.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str,
        leaf: str | None = None,
        offset: int | None = None,
    ):
        """Takes the whole message, and where the damage is."""
        super().__init__(message)
        self.file = file
        self.leaf = leaf
        self.offset = offset


class TreeMismatchError(CheckpointError, ValueError):
    """A checkpoint holds other leaves, shapes or dtypes than `like` asks for.

    Attributes:
        differences: one line per difference.
    """

    def __init__(self, message: str, differences: tuple[str, ...]):
        """Takes the whole message, and its differences one by one."""
        super().__init__(message)
        self.differences = differences


class SaveError(CheckpointError):
    """A checkpoint could not be written; the cause is its ``__cause__``.

    Attributes:
        step: the step that was not saved, or None for a one-shot `save`.
    """

    def __init__(self, message: str, *, step: int | None = None):
        """Takes the whole message, and the step that was lost."""
        super().__init__(message)
        self.step = step

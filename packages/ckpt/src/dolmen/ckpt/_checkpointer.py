"""Checkpoints of a training run: asynchronous saves, retention, restoring."""

from __future__ import annotations

import contextlib
import logging
import os
import queue
import threading
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any

import numpy

from . import _leaves, _steps, _write
from ._errors import CheckpointError, SaveError
from ._files import BusyError, files_of
from ._read import Checkpoint, open_checkpoint
from ._restore import restore
from ._steps import checked_step, listing, step_name
from ._write import Contents, Staging, cut, plan, write_checkpoint

__all__ = ["Checkpointer"]

_logger = logging.getLogger("dolmen.ckpt")


class _AbandonedError(Exception):
    """The snapshot failed, so there is nothing to commit."""


# Blocks that were taken from `Staging`; None ends them.
_Blocks = queue.SimpleQueue[numpy.ndarray | _AbandonedError | None]


class Checkpointer:
    """Saves the steps of a run in the background, and restores them.

    `save` returns as soon as it has copied the tree to host memory, so that the next
    training step may overwrite or donate its arrays. A thread then hashes and writes
    the copy and commits it. An error there is raised by the next `save`, `wait` or
    `close`, and the step is not listed.

    A step exists if, and only if, its directory holds an intact MANIFEST, which is
    written last. Leftovers of crashed saves are removed by the next save.

    Args:
        directory: where the steps lie, each in ``step_%09d``; created when needed.
        max_to_keep: steps to keep, the newest ones; None keeps all. An older one is
            deleted only after a newer one is durable.
        keep_period: also keep every step that is a multiple of this.
        host_bytes: most host memory for copies, in bytes; None for as much as the tree
            takes. With less, `save` waits until the rest fits.

    Example:
        >>> import numpy, tempfile
        >>> with Checkpointer(tempfile.mkdtemp(), max_to_keep=2) as checkpointer:
        ...     for step in range(3):
        ...         checkpointer.save(step, {"w": numpy.full(3, float(step))})
        ...     checkpointer.wait()
        ...     checkpointer.all_steps()
        ...     checkpointer.restore()
        [1, 2]
        {'w': array([2., 2., 2.])}
    """

    def __init__(
        self,
        directory: str | os.PathLike[str],
        *,
        max_to_keep: int | None = None,
        keep_period: int | None = None,
        host_bytes: int | None = None,
    ):
        """Touches no disk yet."""
        options = {
            "max_to_keep": max_to_keep,
            "keep_period": keep_period,
            "host_bytes": host_bytes,
        }
        for name, value in options.items():
            if value is not None and (type(value) is not int or value < 1):
                raise ValueError(
                    f"Checkpointer: `{name}` must be None or an integer of at least 1, "
                    f"got {value!r}."
                )
        self._files, self._directory = files_of(directory, "Checkpointer")
        self._max_to_keep = max_to_keep
        self._keep_period = keep_period
        self._staging = Staging(host_bytes)
        self._thread: threading.Thread | None = None
        self._failed: tuple[int, BaseException] | None = None
        self._closed = False

    @property
    def directory(self) -> str:
        """Absolute path of the run."""
        return self._directory

    # --- saving ---

    def save(
        self,
        step: int,
        tree: Any,
        *,
        metrics: Mapping[str, Any] | None = None,
        metadata: Any = None,
        overwrite: bool = False,
    ) -> None:
        """Copies a tree to host memory and writes it in the background.

        Waits first for the save before it to finish, if it has not.

        Args:
            step: number of the step, at least 0.
            tree: what `dolmen.ckpt.save` takes.
            metrics: names to numbers, such as ``{"loss": 0.3}``.
            metadata: what `dolmen.ckpt.save` takes.
            overwrite: replace the step if it exists.

        Raises:
            SaveError: the save before this one failed; this one was not begun.
            FileExistsError: the step exists.
            TypeError: `tree`, `metrics` or `metadata` hold something that can't be
                stored.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, {"w": 1.5}, metrics={"loss": 0.25})
            >>> checkpointer.close()
            >>> checkpointer.all_steps()
            [7]
        """
        self._check_open("save")
        step = checked_step("Checkpointer.save", step)
        self.wait()
        contents = plan(
            "Checkpointer.save", tree, step=step, metrics=metrics, metadata=metadata
        )
        if not overwrite:
            self._check_new(step)
        _leaves.start_transfers(contents.arrays)
        self._write_in_background(step, contents)

    def _check_new(self, step: int) -> None:
        if step in _steps.committed_steps(self._files, self._directory):
            raise FileExistsError(
                f"Checkpointer.save: step {step} already exists in {self._directory}.\n"
                "Pass `overwrite=True` to replace it once the new one is durable."
            )

    def _write_in_background(self, step: int, contents: Contents) -> None:
        blocks: _Blocks = queue.SimpleQueue()
        # Without the arrays: the thread must not keep them from being freed.
        self._thread = threading.Thread(
            target=self._write,
            args=(step, replace(contents, arrays=()), blocks),
            name=f"dolmen-ckpt-{step}",
        )
        self._thread.start()
        try:
            for block, _ in cut(contents.arrays, self._staging.take):
                blocks.put(block)
            blocks.put(None)
        except BaseException:
            blocks.put(_AbandonedError())
            self._thread.join()
            raise

    def _write(self, step: int, contents: Contents, blocks: _Blocks) -> None:
        """Runs in the thread, from the first block to the deletion of old steps."""
        incoming = _Incoming(blocks, self._staging)
        try:
            self._files.make_directory(self._directory)
            with self._files.lock(self._directory):
                self._commit(step, contents, incoming)
                self._delete_old(step)
        except _AbandonedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised by the next call
            self._failed = step, error
            # Also here, since a program that ends now makes no next call.
            _logger.error("step %s was not saved: %r", step, error)
        finally:
            with contextlib.suppress(_AbandonedError):
                for _ in incoming:  # hand back every block, or `take` would wait
                    pass

    def _commit(
        self, step: int, contents: Contents, incoming: Iterator[numpy.ndarray]
    ) -> None:
        path = self._path(step)
        _steps.collect_leftovers(self._files, self._directory, but=step)
        self._files.make_directory(path)
        write_checkpoint(self._files, path, contents, incoming)

    def wait(self) -> None:
        """Waits until the last save is durable.

        Raises:
            SaveError: it failed.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, {"w": 1.5})
            >>> checkpointer.wait()
            >>> checkpointer.is_saving_in_progress()
            False
        """
        self._join()
        if self._failed is not None:
            (step, error), self._failed = self._failed, None
            if isinstance(error, CheckpointError):
                raise error
            raise self._failure(step, error) from error

    wait_until_finished = wait

    def _failure(self, step: int, error: BaseException) -> SaveError:
        if isinstance(error, BusyError):
            reason = "another process is writing to the same run"
        else:
            reason = getattr(error, "strerror", None) or repr(error)
        return SaveError(
            f"Checkpointer.save: step {step} was not saved to {self._directory}: "
            f"{reason}.\nSteps that are there: {listing(self.all_steps()) or 'none'}.",
            step=step,
        )

    def _join(self) -> None:
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def is_saving_in_progress(self) -> bool:
        """Whether a save is still being written.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.is_saving_in_progress()
            False
        """
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Waits for the last save and frees the host memory; may be called twice.

        Raises:
            SaveError: the last save failed.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.close()
            >>> checkpointer.save(8, 1)
            Traceback (most recent call last):
            ...
            ValueError: Checkpointer.save: the checkpointer of ... is closed.
            Make a new one.
        """
        self._closed = True
        self._staging = Staging()
        self.wait()

    def __enter__(self) -> Checkpointer:
        """Returns itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Closes; a failed save does not hide the error that ended the block."""
        try:
            self.close()
        except CheckpointError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    def _check_open(self, method: str) -> None:
        if self._closed:
            raise ValueError(
                f"Checkpointer.{method}: the checkpointer of {self._directory} is "
                "closed.\nMake a new one."
            )

    # --- restoring ---

    def restore(self, step: int | None = None, like: Any = None) -> Any:
        """Restores a step, verifying every hash.

        Waits first for the save in progress, so that its step counts.

        Args:
            step: number of the step; None for the newest valid one. A warning names
                newer steps that are damaged.
            like: what `dolmen.ckpt.load` takes.

        Returns:
            A tree, as from `dolmen.ckpt.load`.

        Raises:
            FileNotFoundError: there is no such step; the message lists those there are.
            TreeMismatchError: `like` differs; the message lists all differences.
            CorruptCheckpointError: stored bytes are damaged; nothing was restored.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, {"w": 1.5, "names": ["a", "b"]})
            >>> checkpointer.restore()
            {'w': 1.5, 'names': ['a', 'b']}
            >>> checkpointer.restore(7, like={"w": 0.0, "names": ...})
            {'w': 1.5, 'names': ['a', 'b']}
        """
        self._join()
        return restore(self._open("restore", step), like)

    def metadata(self, step: int | None = None) -> Any:
        """The metadata saved with a step; None for the newest.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, 1, metadata={"commit": "3f2a"})
            >>> checkpointer.wait()
            >>> checkpointer.metadata(7)
            {'commit': '3f2a'}
        """
        return self._open("metadata", step).manifest.metadata

    def metrics(self, step: int | None = None) -> dict[str, float]:
        """The metrics saved with a step; None for the newest.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, 1, metrics={"loss": 0.25})
            >>> checkpointer.wait()
            >>> checkpointer.metrics(7)
            {'loss': 0.25}
        """
        return self._open("metrics", step).manifest.metrics

    def _open(self, method: str, step: int | None) -> Checkpoint:
        function = f"Checkpointer.{method}"
        if step is None:
            step = self._newest(function)
        step = checked_step(function, step)
        try:
            return open_checkpoint(function, self._files, self._path(step))
        except (FileNotFoundError, NotADirectoryError) as error:
            raise FileNotFoundError(
                f"{function}: {self._directory} has no step {step}; it has steps "
                f"{listing(self.all_steps()) or 'none'}."
            ) from error

    def _newest(self, function: str) -> int:
        committed = _steps.committed_steps(self._files, self._directory)
        valid = self.all_steps()
        if not valid:
            reason = f"steps {listing(committed)} are damaged" if committed else "none"
            raise FileNotFoundError(
                f"{function}: {self._directory} has no valid steps ({reason})."
            )
        damaged = [step for step in committed if step > valid[-1]]
        if damaged:
            warnings.warn(
                f"{function}: using step {valid[-1]} of {self._directory}; newer ones "
                f"are damaged: {listing(damaged)}.",
                stacklevel=4,
            )
        return valid[-1]

    # --- steps ---

    def all_steps(self) -> list[int]:
        """Valid steps on disk, ascending; one that is being written is not among them.

        A step is valid if its MANIFEST is intact and its packs have their sizes.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.all_steps()
            []
        """
        return _steps.valid_steps(self._files, self._directory)

    def latest_step(self) -> int | None:
        """The newest valid step on disk, or None.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.latest_step() is None
            True
        """
        return max(self.all_steps(), default=None)

    def delete(self, step: int) -> None:
        """Deletes a step: first its MANIFEST, so that a crash leaves no broken step.

        Args:
            step: number of the step.

        Raises:
            FileNotFoundError: there is no such step; the message lists those there are.

        Example:
            >>> import tempfile
            >>> checkpointer = Checkpointer(tempfile.mkdtemp())
            >>> checkpointer.save(7, {"w": 1.5})
            >>> checkpointer.delete(7)
            >>> checkpointer.all_steps()
            []
        """
        self._check_open("delete")
        self._join()
        step = checked_step("Checkpointer.delete", step)
        if step not in _steps.committed_steps(self._files, self._directory):
            raise FileNotFoundError(
                f"Checkpointer.delete: {self._directory} has no step {step}; it has "
                f"steps {listing(self.all_steps()) or 'none'}."
            )
        with self._files.lock(self._directory):
            _write.remove(self._files, self._path(step))

    def _path(self, step: int) -> str:
        return f"{self._directory}/{step_name(step)}"

    def _delete_old(self, newest: int) -> None:
        """Deletes what `max_to_keep` does not keep; `newest` was just made durable."""
        if self._max_to_keep is None:
            return
        # Damaged steps don't count, and stay: whoever wants them deletes them.
        others = [step for step in self.all_steps() if step != newest]
        superfluous = others[: max(0, len(others) + 1 - self._max_to_keep)]
        for step in superfluous:
            if self._keep_period is None or step % self._keep_period:
                self._delete_superfluous(step, newest)

    def _delete_superfluous(self, step: int, newest: int) -> None:
        try:
            _write.remove(self._files, self._path(step))
        except OSError as error:
            raise CheckpointError(
                f"Checkpointer.save: step {newest} is saved, but step {step} could not "
                f"be deleted from {self._directory}: {error.strerror or error}."
            ) from error


class _Incoming:
    """Blocks from the queue; each goes back to the staging memory after use."""

    def __init__(self, blocks: _Blocks, staging: Staging):
        self._blocks = blocks
        self._staging = staging
        self._lent: numpy.ndarray | None = None
        self._ended = False

    def __iter__(self) -> Iterator[numpy.ndarray]:
        return self

    def __next__(self) -> numpy.ndarray:
        if self._lent is not None:
            self._staging.give(self._lent)
            self._lent = None
        if self._ended:
            raise StopIteration
        item = self._blocks.get()
        if item is None:
            self._ended = True
            raise StopIteration
        if isinstance(item, _AbandonedError):
            self._ended = True
            raise item
        self._lent = item
        return item

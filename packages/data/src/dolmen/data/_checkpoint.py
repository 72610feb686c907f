"""Saves and restores the position of an iterator as a JSON file."""

import json
import os
import pathlib
from dataclasses import dataclass
from typing import Any

from ._frameworks import process_index_and_count
from ._iterator import DatasetIterator


@dataclass
class CheckpointSave:
    """Asks a checkpoint manager to save an iterator."""

    item: Any


@dataclass
class CheckpointRestore:
    """Asks a checkpoint manager to restore an iterator."""

    item: Any


class CheckpointHandler:
    """Saves and restores the position of an iterator in a directory.

    Each process writes a file of its own. A process restores from its own file, or, if
    the number of processes has changed, from any other: an iterator of `loader` has the
    same state in all of them, and a state of another pipeline is refused.

    Example:
        >>> import tempfile
        >>> from dolmen.data import MapDataset
        >>> dataset = MapDataset.range(10).to_iter_dataset()
        >>> with iter(dataset) as iterator, tempfile.TemporaryDirectory() as directory:
        ...     first = next(iterator)
        ...     CheckpointHandler().save(directory, iterator)
        ...     other = CheckpointHandler().restore(directory, iter(dataset))
        ...     second = next(other)
        ...     other.close()
        >>> first, second
        (0, 1)
    """

    def save(
        self,
        directory: str | os.PathLike[str],
        item: DatasetIterator[Any] | None = None,
        args: CheckpointSave | None = None,
    ) -> None:
        """Writes the state of an iterator.

        Args:
            directory: where; it exists.
            item: the iterator.
            args: holds the iterator instead, as newer managers want it.

        Raises:
            TypeError: there is neither `item` nor `args`.
        """
        state: Any = _item("save", item, args).get_state()
        text = state.decode() if isinstance(state, bytes) else json.dumps(state)
        path = _path(directory)
        part = path.with_suffix(".part")
        part.write_text(text)
        part.replace(path)

    def restore(
        self,
        directory: str | os.PathLike[str],
        item: DatasetIterator[Any] | None = None,
        args: CheckpointRestore | None = None,
    ) -> DatasetIterator[Any]:
        """Takes an iterator to where it was saved, and lets it read ahead.

        Args:
            directory: where `save` wrote.
            item: an iterator over the same pipeline.
            args: holds the iterator instead.

        Returns:
            The iterator.

        Raises:
            TypeError: there is neither `item` nor `args`.
            FileNotFoundError: no state was saved there.
            ValueError: it is the state of another pipeline.
        """
        iterator = _item("restore", item, args)
        path = _path(directory)
        others = sorted(pathlib.Path(directory).glob("process_*-of-*.json"))
        if not path.exists() and not others:
            raise FileNotFoundError(
                f"CheckpointHandler.restore: there is no {path.name} in {directory}."
            )
        saved = path if path.exists() else others[0]
        iterator.set_state(json.loads(saved.read_text()))
        iterator.start_prefetch()
        return iterator

    def structure(self, directory: str | os.PathLike[str]) -> None:
        """None: the state of an iterator is no tree of arrays."""

    def metadata(self, directory: str | os.PathLike[str]) -> None:
        """None: there is nothing to say of a state."""

    def finalize(self, directory: str | os.PathLike[str]) -> None:
        """Does nothing: `save` leaves nothing open."""

    def close(self) -> None:
        """Does nothing: a handler keeps nothing open."""

    @classmethod
    def typestr(cls) -> str:
        """The name that a manager writes down."""
        return f"{cls.__module__}.{cls.__qualname__}"


def _item(call: str, item: Any, args: Any) -> DatasetIterator[Any]:
    if item is None and args is None:
        raise TypeError(
            f"CheckpointHandler.{call}: expected an iterator as `item` or in `args`, "
            "got neither."
        )
    return args.item if item is None else item


def _path(directory: str | os.PathLike[str]) -> pathlib.Path:
    index, count = process_index_and_count()
    return pathlib.Path(directory) / f"process_{index}-of-{count}.json"

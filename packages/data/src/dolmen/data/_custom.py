"""Datasets and iterators that users write as classes of their own.

A class that derives from `MapDataset`, `IterDataset` or `DatasetIterator` and defines
what is special about it becomes part of a pipeline here.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _stages
from ._block import Block, Rows
from ._operations import Below, Operation, call_each
from ._streams import combined_seed


@dataclass(frozen=True, eq=False)
class CustomOperation(Operation):
    """What a class makes of an index, counted on through the epochs."""

    name: str
    inputs: tuple[Operation, ...]
    size: Callable[[], int]
    read: Callable[[int], Any]

    @property
    def parents(self) -> tuple[Operation, ...]:
        return self.inputs

    @property
    def default_seed(self) -> int | None:
        return _common_seed(self.inputs)

    @property
    def drops_records(self) -> bool:
        # Only the class knows, and it gives None for what it drops.
        return any(parent.drops_records for parent in self.inputs)

    @property
    def calls_one_by_one(self) -> bool:
        return True

    def count(self) -> int:
        return self.size()

    def fetch(self, positions: np.ndarray) -> Block:
        places = positions.tolist()
        return Rows(call_each(self, self.read, places, positions))

    def below(self, positions: np.ndarray) -> list[Below]:
        return []  # what it reads is its own affair

    def describe(self) -> str:
        return self.name

    def origin(self, position: int) -> str:
        return f"element {position} of {self.name}"


@dataclass(frozen=True, eq=False)
class CustomStage(_stages.Stage):
    """The elements of an iterator that a class makes."""

    name: str
    inputs: tuple[_stages.Stage, ...]
    iterate: Callable[[], Any]

    @property
    def depth(self) -> int:
        return 1 + max((stage.depth for stage in self.inputs), default=-1)

    @property
    def default_seed(self) -> int | None:
        return _common_seed(self.inputs)

    def describe_all(self) -> list[str]:
        below = [line for stage in self.inputs for line in stage.describe_all()]
        return [*below, self.name]

    def open(self) -> _stages.Cursor:
        return IteratorCursor(self.name, self.iterate())


class IteratorCursor(_stages.Cursor):
    """Its position is the state of an iterator, whatever that is."""

    def __init__(self, name: str, iterator: Any):
        self._name = name
        self._iterator = iterator

    def next(self) -> Any:
        return next(self._iterator)

    def position(self) -> Any:
        # Copied, as the iterator may go on to change it in place, and so may whoever
        # gets it later.
        return (copy.deepcopy(self._iterator.get_state()),)

    def seek(self, position: Sequence[Any]) -> None:
        (state,) = position
        self._iterator.set_state(copy.deepcopy(state))

    def origin(self, position: Any) -> str:
        return f"the element of {self._name} before {position[0]}"

    def close(self) -> None:
        if hasattr(self._iterator, "close"):
            self._iterator.close()

    def start(self) -> None:
        if hasattr(self._iterator, "start_prefetch"):
            self._iterator.start_prefetch()


def as_parents(call: str, kind: type, parents: Any) -> tuple[Any, ...]:
    """The parents that a class hands to its base class, one or several.

    Raises:
        TypeError: one is of another kind.
    """
    listed = (parents,) if isinstance(parents, kind) else tuple(parents)
    for parent in listed:
        if not isinstance(parent, kind):
            raise TypeError(
                f"{call}: `parents` must be instances of {kind.__name__}, got "
                f"{type(parent).__name__}."
            )
    return listed


def check_defined(instance: Any, base: type, methods: Sequence[str]) -> None:
    """Refuses a class that lacks a method of its own.

    Raises:
        TypeError: it has only that of the base class.
    """
    missing = [
        name for name in methods if getattr(type(instance), name) is getattr(base, name)
    ]
    if missing:
        raise TypeError(
            f"{type(instance).__name__}: a class of its own kind of {base.__name__} "
            f"must define {' and '.join(f'`{name}`' for name in missing)}."
        )


def _common_seed(parts: Sequence[Any]) -> int | None:
    if len(parts) == 1:
        return parts[0].default_seed
    return combined_seed([part.default_seed for part in parts]) if parts else None

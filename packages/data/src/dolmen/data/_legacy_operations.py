"""Transformations under the names of Grain's first API: functions in small classes."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ._record import Record
from ._transforms import Batch, Filter, Map, RandomMap


class Operation(Protocol):
    """From an iterator over records to another one.

    The classes below are no iterators over records but transformations, so that a
    pipeline made of them can be planned, shared out and resumed.
    """

    def __call__(self, input_iterator: Iterator[Record[Any]]) -> Iterator[Record[Any]]:
        """Makes records of records."""
        ...


@dataclass(frozen=True)
class MapOperation(Map):
    """A `transforms.Map` of a function.

    Example:
        >>> from dolmen.data import MapDataset
        >>> list(MapDataset.range(3).map(MapOperation(lambda x: x + 1)))
        [1, 2, 3]
    """

    map_function: Callable[[Any], Any]

    def map(self, element: Any) -> Any:
        """Calls the function."""
        return self.map_function(element)


@dataclass(frozen=True)
class RandomMapOperation(RandomMap):
    """A `transforms.RandomMap` of a function ``(element, rng)``."""

    random_map_function: Callable[[Any, np.random.Generator], Any]

    def random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """Calls the function."""
        return self.random_map_function(element, rng)


@dataclass(frozen=True)
class FilterOperation(Filter):
    """A `transforms.Filter` of a function."""

    condition_function: Callable[[Any], bool]

    def filter(self, element: Any) -> bool:
        """Calls the function."""
        return self.condition_function(element)


@dataclass(frozen=True)
class BatchOperation(Batch):
    """`transforms.Batch` under its older name."""

    batch_size: int
    drop_remainder: bool = False
    batch_fn: Callable[[Sequence[Any]], Any] | None = None

    def disable_deprecation_message(self) -> None:
        """Does nothing: there is no such message."""

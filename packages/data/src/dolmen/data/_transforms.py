"""Transformations as classes, for pipelines that are put together from lists."""

import abc
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


class Map(abc.ABC):
    """A transformation of one element, as a class.

    Example:
        >>> from dolmen.data import MapDataset
        >>> class Double(Map):
        ...     def map(self, element):
        ...         return 2 * element
        >>> list(MapDataset.range(3).map(Double()))
        [0, 2, 4]
    """

    @abc.abstractmethod
    def map(self, element: Any) -> Any:
        """Makes one element of another."""


class MapWithIndex(abc.ABC):
    """A transformation of one element that is also given its index."""

    @abc.abstractmethod
    def map_with_index(self, index: int, element: Any) -> Any:
        """Makes one element of another."""


class RandomMap(abc.ABC):
    """A random transformation of one element, as a class."""

    @abc.abstractmethod
    def random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """Makes one element of another; `rng` is valid until it returns."""


class TfRandomMap(RandomMap):
    """A `RandomMap` under an older name, with an older name of its method."""

    def random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """Calls `np_random_map`."""
        return self.np_random_map(element, rng)

    @abc.abstractmethod
    def np_random_map(self, element: Any, rng: np.random.Generator) -> Any:
        """Makes one element of another; `rng` is valid until it returns."""


class Filter(abc.ABC):
    """A choice of elements, as a class."""

    @abc.abstractmethod
    def filter(self, element: Any) -> bool:
        """Whether to keep the element."""


class FlatMap(abc.ABC):
    """A transformation of one element into several, as a class.

    Attributes:
        max_fan_out: how many elements it makes of one at most. An indexed pipeline
            has that much room for each.

    Example:
        >>> from dolmen.data import MapDataset
        >>> class Letters(FlatMap):
        ...     max_fan_out = 4
        ...     def flat_map(self, element):
        ...         return list(element)
        >>> list(MapDataset.source(["ab", "c"]).flat_map(Letters()))
        ['a', 'b', 'c']
    """

    max_fan_out: int

    @abc.abstractmethod
    def flat_map(self, element: Any) -> Sequence[Any]:
        """Makes elements of one."""


@dataclass(frozen=True)
class Batch:
    """Groups consecutive elements; see `MapDataset.batch`."""

    batch_size: int
    drop_remainder: bool = False
    batch_fn: Callable[[Sequence[Any]], Any] | None = None


class DatasetSelectionMap(abc.ABC):
    """Says where each element of a selection comes from.

    See `MapDataset.select_from_datasets`. The same index must always give the same
    pair, in any thread.

    Example:
        >>> from dolmen.data import MapDataset
        >>> class FirstOfEach(DatasetSelectionMap):
        ...     def __len__(self):
        ...         return 2
        ...     def __getitem__(self, index):
        ...         return index, 0
        >>> parts = [MapDataset.source("abc"), MapDataset.source("xyz")]
        >>> list(MapDataset.select_from_datasets(parts, FirstOfEach()))
        ['a', 'x']
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """Number of elements of the selection."""

    @abc.abstractmethod
    def __getitem__(self, index: int) -> tuple[int, int]:
        """Number of a dataset, and an index in it."""


Transformation = Map | MapWithIndex | RandomMap | Filter | FlatMap | Batch


@dataclass(frozen=True)
class batched:
    """Marks a function that takes many records at once, stacked.

    The function is called with whole blocks of records, each leaf with a leading
    axis, and returns them with the same leading axis. That saves the cost of one
    Python call per record. It must treat every record by itself: how many records
    come together may differ from call to call.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.source(np.arange(6)).map(batched(lambda x: x * x))
        >>> ds[3]
        np.int64(9)
        >>> list(ds.batch(3))
        [array([0, 1, 4]), array([ 9, 16, 25])]
    """

    function: Callable[[Any], Any]

    def __call__(self, records: Any) -> Any:
        """Calls the function."""
        return self.function(records)


def function_name(transform: Any) -> str:
    """The name a user knows a transformation by."""
    while hasattr(transform, "func"):  # functools.partial
        transform = transform.func
    if isinstance(transform, batched):
        return function_name(transform.function)
    name = getattr(transform, "__qualname__", type(transform).__name__)
    return name.rpartition("<locals>.")[2]

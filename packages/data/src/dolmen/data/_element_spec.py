"""Shapes and dtypes of the elements of a dataset."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np

from ._map_dataset import MapDataset
from ._tree import map_leaves


@runtime_checkable
class ShapeDtypeStructProtocol(Protocol):
    """Anything with a shape and a dtype."""

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Sizes of the axes; None where it is not known."""
        ...

    @property
    def dtype(self) -> Any:
        """Type of the values."""
        ...


@dataclass(frozen=True, slots=True)
class ShapeDtypeStruct:
    """A shape and a dtype, without values.

    Example:
        >>> ShapeDtypeStruct(shape=(2, None), dtype=np.int32).shape
        (2, None)
    """

    shape: tuple[int | None, ...]
    dtype: Any


def get_element_spec(ds: Iterable[Any]) -> Any:
    """The shapes and dtypes of a dataset's elements.

    They are those of its first element, which is made to see them. What is no array,
    number or truth value is described by its type.

    Args:
        ds: a dataset with at least one element.

    Returns:
        A tree like an element, with a `ShapeDtypeStruct` for every leaf.

    Raises:
        ValueError: the dataset has no elements.

    Example:
        >>> ds = MapDataset.source({"x": np.zeros((6, 3))}).batch(2)
        >>> get_element_spec(ds)
        {'x': ShapeDtypeStruct(shape=(2, 3), dtype=dtype('float64'))}
    """
    if isinstance(ds, MapDataset):
        ds = ds.to_iter_dataset()
    iterator: Any = iter(ds)
    try:
        for element in iterator:
            return map_leaves(_spec, element)
    finally:
        iterator.close()
    raise ValueError("get_element_spec: `ds` has no elements.")


def _spec(leaf: Any) -> ShapeDtypeStruct:
    if isinstance(leaf, str | bytes) or leaf is None:
        return ShapeDtypeStruct((), type(leaf))
    array = np.asarray(leaf)
    return ShapeDtypeStruct(array.shape, array.dtype)

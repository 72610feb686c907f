"""Descriptions of arrays without values."""

import dataclasses
from typing import Any, Protocol, runtime_checkable

import numpy as np

from .._backend import pytree
from .._ir import ArrayType, array_type, as_integers, dtypes, type_error


@runtime_checkable
class OpenedDType(Protocol):
    """A dtype of arrays that transformations open, as they do random keys."""

    def opened(self, shape: tuple[int, ...]) -> Any:
        """An array of this dtype that holds descriptions of the arrays inside it."""
        ...


@dataclasses.dataclass(frozen=True, init=False)
class ShapeDtypeStruct:
    """Shape and dtype of an array that isn't there.

    Accepted wherever only types matter: `eval_shape`, `jit(f).lower`, restoring a
    checkpoint.

    Example:
        >>> import dolmen.core as dc
        >>> dc.ShapeDtypeStruct((2, 3), "float32").size
        6

    The dtype may also be that of typed random keys, `random.key(0).dtype`.
    """

    shape: tuple[int, ...]
    dtype: Any
    weak_type: bool = False
    sharding: Any = None

    def __init__(
        self,
        shape: Any,
        dtype: Any,
        *,
        sharding: Any = None,
        weak_type: bool = False,
    ) -> None:
        sizes = as_integers("ShapeDtypeStruct", "shape", shape)
        object.__setattr__(self, "shape", sizes)
        if not isinstance(dtype, OpenedDType):
            dtype = dtypes.as_dtype(dtype, function="ShapeDtypeStruct", wanted=False)
        object.__setattr__(self, "dtype", dtype)
        object.__setattr__(self, "weak_type", weak_type)
        object.__setattr__(self, "sharding", sharding)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """Number of elements."""
        return int(np.prod(self.shape, dtype=np.int64))

    def as_type(self) -> ArrayType:
        """The array type described.

        Raises:
            TypeError: it describes random keys, which have none.
        """
        if isinstance(self.dtype, OpenedDType):
            raise type_error(f"expected the description of an array, got {self!r}.")
        return array_type(self.shape, self.dtype, self.weak_type)

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype})"


def describe_type(type: ArrayType) -> ShapeDtypeStruct:
    """The description of a type."""
    return ShapeDtypeStruct(type.shape, type.dtype, weak_type=type.weak_type)


def open_descriptions(tree: Any) -> Any:
    """The tree with descriptions of random keys as boundaries take keys."""
    leaves, treedef = pytree.BOUNDARY.flatten(tree)
    if not any(map(_describes_opened, leaves)):
        return tree
    opened = (
        leaf.dtype.opened(leaf.shape) if _describes_opened(leaf) else leaf
        for leaf in leaves
    )
    return treedef.unflatten(opened)


def _describes_opened(leaf: Any) -> bool:
    return isinstance(leaf, ShapeDtypeStruct) and isinstance(leaf.dtype, OpenedDType)


def close_descriptions(tree: Any) -> Any:
    """The inverse of `open_descriptions`: a description for every leaf users see."""
    leaves, treedef = pytree.PUBLIC.flatten(tree)
    closed = (
        leaf
        if isinstance(leaf, ShapeDtypeStruct)
        else ShapeDtypeStruct(leaf.shape, leaf.dtype)
        for leaf in leaves
    )
    return treedef.unflatten(closed)

"""Descriptions of arrays without values."""

import dataclasses
from typing import Any

import numpy as np

from .._ir import ArrayType, array_type, dtypes


@dataclasses.dataclass(frozen=True, init=False)
class ShapeDtypeStruct:
    """Shape and dtype of an array that isn't there.

    Accepted wherever only types matter: `eval_shape`, `jit(f).lower`, restoring a
    checkpoint.

    Example:
        >>> import dolmen.core as dc
        >>> dc.ShapeDtypeStruct((2, 3), "float32").size
        6
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
        object.__setattr__(self, "shape", tuple(int(size) for size in shape))
        made = dtypes.as_dtype(dtype, function="ShapeDtypeStruct")
        object.__setattr__(self, "dtype", made)
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
        """The array type described."""
        return array_type(self.shape, self.dtype, self.weak_type)

    def __repr__(self) -> str:
        return f"ShapeDtypeStruct(shape={self.shape}, dtype={self.dtype})"


def describe_type(type: ArrayType) -> ShapeDtypeStruct:
    """The description of a type."""
    return ShapeDtypeStruct(type.shape, type.dtype, weak_type=type.weak_type)

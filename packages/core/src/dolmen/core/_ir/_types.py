"""Types of values, interned: equal types are the same object."""

import dataclasses
import math
from typing import Any

import numpy as np

from .. import _backend
from ._arguments import as_integers
from ._dtypes import as_dtype, is_inexact, short_name

_NOT_VARYING: frozenset[Any] = frozenset()


@dataclasses.dataclass(frozen=True, kw_only=True)
class ManualAxisType:
    """How an array inside `shard_map` is related to those of other devices.

    Attributes:
        varying: axes of the mesh along which it may be another on each device.
        unreduced: always none: axes along which the sum over all devices is meant.
        reduced: always none: axes along which such a sum has been made.
    """

    varying: frozenset[Any] = frozenset()
    unreduced: frozenset[Any] = frozenset()
    reduced: frozenset[Any] = frozenset()


class ArrayType:
    """Shape, dtype, weakness, sharding and varying mesh axes of an array.

    Equal types are the same object.

    Attributes:
        shape: sizes of the axes.
        dtype: NumPy dtype of the elements.
        weak_type: whether the dtype came from a Python scalar and gives way to others.
        sharding: how the axes are laid over a mesh; None on a single device.
        varying: mesh axes over which values may differ inside `shard_map`.
    """

    __slots__ = (
        "dtype",
        "lowered",
        "shape",
        "sharding",
        "size",
        "varying",
        "weak_type",
    )

    shape: tuple[int, ...]
    dtype: np.dtype
    weak_type: bool
    sharding: Any
    varying: frozenset[Any]
    size: int
    lowered: Any  # the backend's handle for this type, filled in by the lowering

    def __new__(cls, shape: Any, dtype: Any, weak_type: bool = False) -> "ArrayType":
        """The type with this shape and dtype."""
        sizes = as_integers("ShapedArray", "shape", shape)
        return array_type(
            sizes, as_dtype(dtype, function="ShapedArray", wanted=False), weak_type
        )

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of the values."""
        return self.size * self.dtype.itemsize

    @property
    def is_differentiable(self) -> bool:
        """Whether values of this type have non-trivial tangents."""
        return is_inexact(self.dtype)

    @property
    def manual_axis_type(self) -> ManualAxisType:
        """`varying`, in the form that JAX gives it."""
        return ManualAxisType(varying=self.varying)

    @property
    def vma(self) -> frozenset[Any]:
        """`varying`, under an older name of JAX's."""
        return self.varying

    def strengthened(self) -> "ArrayType":
        """This type without weakness."""
        if not self.weak_type:
            return self
        return array_type(self.shape, self.dtype, False, self.sharding, self.varying)

    def with_shape(self, shape: tuple[int, ...]) -> "ArrayType":
        """This type with another shape."""
        return array_type(
            shape, self.dtype, self.weak_type, self.sharding, self.varying
        )

    def with_varying(self, axes: frozenset[Any]) -> "ArrayType":
        """This type, of values that differ along these axes of a mesh."""
        if axes == self.varying:
            return self
        return array_type(self.shape, self.dtype, self.weak_type, self.sharding, axes)

    def __repr__(self) -> str:
        weak = "~" if self.weak_type else ""
        over = f"{{V:{','.join(sorted(self.varying))}}}" if self.varying else ""
        sizes = ",".join(map(str, self.shape))
        return f"{weak}{short_name(self.dtype)}[{sizes}]{over}"

    def __reduce__(self) -> tuple[Any, ...]:
        fields = (self.shape, self.dtype, self.weak_type, self.sharding, self.varying)
        return array_type, fields


_interned: dict[Any, ArrayType] = {}


def array_type(
    shape: tuple[int, ...],
    dtype: np.dtype,
    weak_type: bool = False,
    sharding: Any = None,
    varying: frozenset[Any] = _NOT_VARYING,
) -> ArrayType:
    """The one `ArrayType` with these properties.

    Args:
        shape: a tuple of Python integers.
        dtype: a NumPy dtype, canonical under the current 64-bit setting.
    """
    key = (shape, dtype, weak_type, sharding, varying)
    found = _interned.get(key)
    if found is None:
        made = object.__new__(ArrayType)
        made.shape = tuple(int(size) for size in shape)
        made.dtype = np.dtype(dtype)
        made.weak_type = bool(weak_type)
        made.sharding = sharding
        made.varying = varying
        made.size = math.prod(made.shape)
        made.lowered = None
        # setdefault: two threads may build the same type; all must see one object.
        found = _interned.setdefault(key, made)
    return found


def _type_of_runtime_array(shape: tuple[int, ...], dtype: np.dtype) -> ArrayType:
    # C++ keeps what it is told: it must not depend on the setting for 64-bit types.
    return array_type(shape, dtype)


_backend.set_type_factory(_type_of_runtime_array)

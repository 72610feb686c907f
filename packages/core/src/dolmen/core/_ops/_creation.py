"""Arrays out of nothing: constants and ramps."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import (
    ArrayType,
    Primitive,
    array_type,
    as_integers,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _conversion, _shape

_PYTHON_SCALARS = (bool, int, float, complex)


def scalar(value: Any, dtype: np.dtype) -> Any:
    """A constant of exactly this dtype, written into the equation that uses it."""
    return np.asarray(value).astype(dtype)[()]


def full(
    shape: Sequence[int], fill_value: Any, dtype: Any = None, *, sharding: None = None
) -> Any:
    """An array of equal elements.

    Args:
        shape: shape of the result.
        fill_value: a scalar, concrete or traced.
        dtype: of the result; by default that of `fill_value`.
        sharding: must be None.

    Returns:
        An array of shape `shape`; weakly typed if `dtype` is None and `fill_value` a
        Python scalar.

    Raises:
        ValueError: `fill_value` is not a scalar.

    Example:
        >>> from dolmen.core import lax
        >>> lax.full((2, 2), 7).tolist()
        [[7, 7], [7, 7]]
    """
    if sharding is not None:
        raise _shape.sharding_error("full", "sharding", sharding)
    sizes = as_integers("full", "shape", shape)
    type = typeof(fill_value)
    if type.shape:
        raise value_error(
            f"full: `fill_value` must be a scalar, got {type!r}.",
            "Use `jnp.full`, which broadcasts.",
        )
    if dtype is not None:
        wanted = dtypes.as_dtype(dtype, function="full")
        if isinstance(fill_value, (*_PYTHON_SCALARS, np.generic, np.ndarray)):
            fill_value = scalar(fill_value, wanted)
        elif type.dtype != wanted or type.weak_type:
            fill_value = _conversion.convert_element_type(fill_value, wanted)
    return bind(_shape.BroadcastInDim(sizes, ()), fill_value)


def full_like(
    x: Any,
    fill_value: Any,
    dtype: Any = None,
    shape: Sequence[int] | None = None,
    sharding: None = None,
) -> Any:
    """An array of equal elements with the shape and dtype of `x`.

    Args:
        x: an array, or anything with `shape` and `dtype`.
        fill_value: a scalar, concrete or traced.
        dtype: by default that of `x`.
        shape: by default that of `x`.
        sharding: must be None.

    Returns:
        An array of that shape and dtype; weakly typed if `x` is and `dtype` is None.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.full_like(jnp.array([1.0, 2.0]), 7)
        Array([7., 7.], dtype=float32)
    """
    if sharding is not None:
        raise _shape.sharding_error("full_like", "sharding", sharding)
    like = x if hasattr(x, "shape") and hasattr(x, "dtype") else typeof(x)
    sizes = like.shape if shape is None else shape
    made = full(sizes, fill_value, like.dtype if dtype is None else dtype)
    if dtype is None and getattr(like, "weak_type", False):
        return _conversion.convert_element_type(made, like.dtype, True)
    return made


def zeros_like(x: Any) -> Any:
    """Zeros with the shape and dtype of `x`."""
    type = typeof(x)
    return full(type.shape, 0, type.dtype)


def empty(shape: int | Sequence[int], dtype: Any, *, out_sharding: None = None) -> Any:
    """An array whose elements mean nothing; here they are zeros.

    Args:
        shape: shape of the result; an integer is the size of its one axis.
        dtype: of the result.
        out_sharding: must be None.

    Example:
        >>> from dolmen.core import lax
        >>> lax.empty((2, 3), "float32").shape
        (2, 3)
    """
    if out_sharding is not None:
        raise _shape.sharding_error("empty", "out_sharding", out_sharding)
    return full((shape,) if isinstance(shape, int) else shape, 0, dtype)


def shape_as_value(shape: Sequence[int]) -> np.ndarray:
    """The sizes of a shape as an ``int32`` vector.

    Example:
        >>> from dolmen.core import lax
        >>> lax.shape_as_value((2, 3)).tolist()
        [2, 3]
    """
    sizes = as_integers("shape_as_value", "shape", shape)
    fits = all(size <= np.iinfo(np.int32).max for size in sizes)
    return np.asarray(sizes, np.int32 if fits else np.int64)


def stage(x: Any, /) -> Any:
    """`x` as an array: a traced one while a function is traced.

    Args:
        x: an array, a NumPy array or a Python number.

    Returns:
        The same values; weakly typed if `x` is a Python number.

    Example:
        >>> from dolmen.core import lax
        >>> lax.stage(1.0)
        Array(1., dtype=float32, weak_type=True)
    """
    return _shape.broadcast(x, ())


def iota(dtype: Any, size: int) -> Any:
    """The numbers 0, 1, ..., `size` - 1.

    Example:
        >>> from dolmen.core import lax
        >>> lax.iota("float32", 3).tolist()
        [0.0, 1.0, 2.0]
    """
    return broadcasted_iota(dtype, (size,), 0)


def broadcasted_iota(
    dtype: Any, shape: Sequence[int], dimension: int, *, out_sharding: None = None
) -> Any:
    """The index of each element along one axis.

    Args:
        dtype: of the result; not bool.
        shape: shape of the result.
        dimension: the axis along which the numbers count.
        out_sharding: must be None.

    Raises:
        TypeError: `dtype` holds no numbers.
        ValueError: `dimension` is not an axis of `shape`.

    Example:
        >>> from dolmen.core import lax
        >>> lax.broadcasted_iota("int32", (2, 3), 1)
        Array([[0, 1, 2],
               [0, 1, 2]], dtype=int32)
    """
    if out_sharding is not None:
        raise _shape.sharding_error("broadcasted_iota", "out_sharding", out_sharding)
    sizes = as_integers("broadcasted_iota", "shape", shape)
    axis = _shape.as_axis("broadcasted_iota", dimension, len(sizes))
    return bind(Iota(dtypes.as_dtype(dtype, function="iota"), sizes, axis))


class Iota(Primitive):
    """The index along axis `dimension` in every element of `shape`."""

    dtype: np.dtype
    shape: tuple[int, ...]
    dimension: int

    cheap: ClassVar[bool] = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        if dtypes.kind(self.dtype) not in ("i", "u", "f", "c"):
            raise type_error(
                "iota: expected a dtype of numbers, got "
                f"{dtypes.short_name(self.dtype)}."
            )
        if any(n < 0 for n in self.shape):
            raise value_error(f"iota: sizes must not be negative, got {self.shape}.")
        return array_type(self.shape, self.dtype)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.emit("iota", (), iota_dimension=mlir.integer(self.dimension))

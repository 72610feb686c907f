"""Reductions over axes."""

import operator
from collections.abc import Sequence
from typing import Any, ClassVar

import ml_dtypes
import numpy as np

from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _arithmetic, _comparison, _conversion, _shape
from ._elementwise import check_kind

_BOOL = np.dtype(bool)


def _axes(function: str, operand: Any, axes: Sequence[int]) -> tuple[int, ...]:
    """Sorted, non-negative axes."""
    ndim = typeof(operand).ndim
    found = []
    for axis in axes:
        index = operator.index(axis)
        if not -ndim <= index < ndim:
            raise value_error(
                f"{function}: axis {index} is out of range for {typeof(operand)!r}.",
                f"Use axes from {-ndim} to {ndim - 1}." if ndim else "",
            )
        found.append(index % ndim)
    if len(set(found)) != len(found):
        raise value_error(
            f"{function}: axes must differ, got {tuple(axes)} for "
            f"{typeof(operand)!r}."
        )
    return tuple(sorted(found))


class Reduction(Primitive):
    """A commutative monoid's sum over some axes, which disappear."""

    kinds: ClassVar[str] = "iufc"
    operation: ClassVar[str]  # of StableHLO, combining two scalars

    axes: tuple[int, ...]

    def identity(self, dtype: np.dtype) -> Any:
        """The monoid's neutral element."""
        raise self._missing("identity")

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Handle of the combination of two scalar handles."""
        return builder.emit(self.operation, (a, b), (type,))

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Without the axes."""
        (x,) = arg_types
        check_kind(self.name, x, self.kinds)
        shape = tuple(n for i, n in enumerate(x.shape) if i not in self.axes)
        return x.with_shape(shape)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axes make way for the batch axis."""
        (x,), (axis,) = args, axes
        assert axis is not None
        moved = tuple(a + (a >= axis) for a in self.axes)
        return bind(type(self)(moved), x), axis - sum(a < axis for a in moved)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.reduce`."""
        (x,) = args
        if not self.axes:
            return x
        dtype = builder.in_types[0].dtype
        scalar = array_type((), dtype)
        return builder.emit(
            "reduce",
            (x, builder.constant(self.identity(dtype), scalar)),
            regions=[
                (
                    (scalar, scalar),
                    lambda a, b: [self.combine(builder, a, b, scalar)],
                )
            ],
            dimensions=mlir.int_array(self.axes),
        )


def kept_axes(ndim: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes that a reduction over `axes` leaves."""
    return tuple(axis for axis in range(ndim) if axis not in axes)


def spread(reduced: Any, shape: tuple[int, ...], axes: Sequence[int]) -> Any:
    """A reduction's result repeated over the axes it lost."""
    return _shape.broadcast_in_dim(reduced, shape, kept_axes(len(shape), axes))


def reduce_sum(operand: Any, axes: Sequence[int]) -> Any:
    """Sum over axes, in the dtype of the operand.

    Args:
        operand: any dtype but bool.
        axes: which axes to sum; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Raises:
        TypeError: `operand` is boolean.
        ValueError: an axis is out of range or named twice.
    """
    axes = _axes("reduce_sum", operand, axes)
    return bind(ReduceSum(axes), operand)


class ReduceSum(Reduction):
    """Sum over axes."""

    operation = "add"

    def identity(self, dtype: np.dtype) -> Any:
        """Zero."""
        return 0

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Each summand gets the cotangent of its sum."""
        (ct,), (x,) = cotangents, args
        return [spread(ct, x.type.shape, self.axes)]


class ReduceExtremum(Reduction):
    """The largest or smallest element; equal ones share the derivative."""

    kinds = "biufc"
    direction: ClassVar[str]

    def identity(self, dtype: np.dtype) -> Any:
        """What loses every comparison."""
        return lowest(dtype) if self.direction == "GT" else highest(dtype)

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Complex numbers are compared part by part."""
        if dtypes.kind(type.dtype) != "c":
            return super().combine(builder, a, b, type)
        chosen = _arithmetic.compare_complex(builder, self.direction, a, b, type)
        return builder.emit("select", (chosen, a, b), (type,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The mean of the tangents of the elements equal to the result."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        type = typeof(x)
        chosen = _comparison.eq(x, spread(out, type.shape, self.axes))
        weight = _conversion.convert_element_type(chosen, type.dtype)
        count = reduce_sum(weight, self.axes)
        return out, _arithmetic.div(
            reduce_sum(_arithmetic.mul(dx, weight), self.axes), count
        )


def lowest(dtype: np.dtype) -> Any:
    """The least value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return False
        case "c":
            return complex(-np.inf, -np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return -np.inf if has_infinity(dtype) else about.min
        case _:
            return ml_dtypes.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """The greatest value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return True
        case "c":
            return complex(np.inf, np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return np.inf if has_infinity(dtype) else about.max
        case _:
            return ml_dtypes.iinfo(dtype).max


def has_infinity(dtype: np.dtype) -> bool:
    """Whether a floating-point dtype represents infinity."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.asarray(np.inf, dtype).astype(np.float32)))


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """Largest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the least value of
        the dtype where the axes are empty. Equal elements share the derivative.
    """
    return bind(ReduceMax(_axes("reduce_max", operand, axes)), operand)


class ReduceMax(ReduceExtremum):
    """Maximum over axes."""

    operation = "maximum"
    direction = "GT"


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """Smallest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the greatest value of
        the dtype where the axes are empty. Equal elements share the derivative.
    """
    return bind(ReduceMin(_axes("reduce_min", operand, axes)), operand)


class ReduceMin(ReduceExtremum):
    """Minimum over axes."""

    operation = "minimum"
    direction = "LT"

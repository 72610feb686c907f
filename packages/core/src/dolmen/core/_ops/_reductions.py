"""Reductions over axes."""

import functools
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import (
    ArrayType,
    Primitive,
    array_type,
    dtypes,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _arithmetic, _comparison, _conversion, _cumulative, _nan, _shape
from ._elementwise import check_kind
from ._limits import emit_binary, highest, lowest


def _axes(function: str, operand: Any, axes: Sequence[int]) -> tuple[int, ...]:
    """Sorted, non-negative axes."""
    return tuple(sorted(_shape.as_axes(function, axes, typeof(operand).ndim, "axes")))


class Reduction(Primitive):
    """A commutative monoid's sum over some axes, which disappear."""

    kinds: ClassVar[str] = "iufc"
    operation: ClassVar[str]  # of StableHLO, combining two scalars

    axes: tuple[int, ...]

    def identity(self, dtype: np.dtype) -> Any:
        """The monoid's neutral element."""
        raise self._missing("identity")

    def reduces(self) -> bool:
        return True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Without the axes."""
        (x,) = arg_types
        check_kind(self.name, x, self.kinds)
        shape = tuple(n for i, n in enumerate(x.shape) if i not in self.axes)
        return x.with_shape(shape)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One combination for each element but the first of every sum."""
        (x,) = arg_types
        return max(x.size - self.infer_type(arg_types).size, 0)

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
                    lambda a, b: [emit_binary(builder, self.operation, a, b, scalar)],
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


def reduce_sum(operand: Any, axes: Sequence[int], *, out_sharding: None = None) -> Any:
    """Sum over axes, in the dtype of the operand.

    Args:
        operand: any dtype but bool.
        axes: which axes to sum; they disappear.
        out_sharding: must be None.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Raises:
        TypeError: `operand` is boolean.
        ValueError: an axis is out of range or named twice.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_sum(jnp.array([[1, 5], [3, 2]]), (1,))
        Array([6, 5], dtype=int32)
    """
    if out_sharding is not None:
        raise _shape.sharding_error("reduce_sum", "out_sharding", out_sharding)
    return bind(ReduceSum(_axes("reduce_sum", operand, axes)), operand)


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

    def identity(self, dtype: np.dtype) -> Any:
        """What loses every comparison."""
        return (lowest if self.operation == "maximum" else highest)(dtype)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A reduction that keeps NaN."""
        extrema = super().lower(builder, args)
        if not self.axes:
            return extrema
        reduce = functools.partial(_nan.emit_reduce, builder, axes=self.axes)
        return _nan.with_nan(builder, args[0], extrema, reduce)

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


def reduce_max(operand: Any, axes: Sequence[int]) -> Any:
    """Largest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the least value of
        the dtype where the axes are empty. Equal elements share the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_max(jnp.array([[1, 5], [3, 2]]), (1,))
        Array([5, 3], dtype=int32)
    """
    return bind(ReduceMax(_axes("reduce_max", operand, axes)), operand)


class ReduceMax(ReduceExtremum):
    """Maximum over axes."""

    operation = "maximum"


def reduce_min(operand: Any, axes: Sequence[int]) -> Any:
    """Smallest element over axes; NaN if there is one.

    Args:
        operand: any dtype; complex numbers are ordered by real, then imaginary part.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: the greatest value of
        the dtype where the axes are empty. Equal elements share the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_min(jnp.array([[1, 5], [3, 2]]), (1,))
        Array([1, 2], dtype=int32)
    """
    return bind(ReduceMin(_axes("reduce_min", operand, axes)), operand)


class ReduceMin(ReduceExtremum):
    """Minimum over axes."""

    operation = "minimum"


def reduce_prod(operand: Any, axes: Sequence[int]) -> Any:
    """Product over axes, in the dtype of the operand.

    Args:
        operand: any dtype but bool.
        axes: which axes to multiply; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`: one where the axes
        are empty. Derivatives are exact at zeros too.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_prod(jnp.array([[1, 5], [3, 2]]), (1,))
        Array([5, 6], dtype=int32)
    """
    return bind(ReduceProd(_axes("reduce_prod", operand, axes)), operand)


class ReduceProd(Reduction):
    """Product over axes."""

    operation = "multiply"

    def identity(self, dtype: np.dtype) -> Any:
        """One."""
        return 1

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Each tangent times the product of all other factors.

        That product is the one of the factors before times the one of those behind:
        dividing the whole product by the factor would fail at zeros.
        """
        (x,), (dx,) = primals, tangents
        last = typeof(x).ndim - len(self.axes)
        row = self._as_last_axis(x)
        before = exclusive_product(row, last, reverse=False)
        behind = exclusive_product(row, last, reverse=True)
        others = _arithmetic.mul(before, behind)
        parts = _arithmetic.mul(self._as_last_axis(dx), others)
        return bind(self, x), reduce_sum(parts, (last,))

    def _as_last_axis(self, x: Any) -> Any:
        shape = typeof(x).shape
        kept = kept_axes(len(shape), self.axes)
        size = math.prod(shape[axis] for axis in self.axes)
        moved = _shape.transpose(x, (*kept, *self.axes))
        return _shape.reshape(moved, (*(shape[axis] for axis in kept), size))


def exclusive_product(x: Any, axis: int, *, reverse: bool) -> Any:
    """For each element the product of those before it (behind it with `reverse`)."""
    return _cumulative.previous(_cumulative.cumprod(x, axis, reverse), 1, axis, reverse)


# ---- logic ---------------------------------------------------------------------------


class ReduceLogic(Reduction):
    """A bitwise operation over axes."""

    kinds = "biu"

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Devices on the CPU don't combine integers bit by bit."""
        if builder.platform == "cpu":
            args = [builder.whole(x, self.axes) for x in args]
        return super().lower(builder, args)


def reduce_and(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) conjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_and(jnp.array([[True, False], [True, True]]), (1,))
        Array([False,  True], dtype=bool)
    """
    return bind(ReduceAnd(_axes("reduce_and", operand, axes)), operand)


class ReduceAnd(ReduceLogic):
    """Conjunction over axes."""

    operation = "and"

    def identity(self, dtype: np.dtype) -> Any:
        """All bits set."""
        return -1 if dtypes.kind(dtype) == "i" else highest(dtype)


def reduce_or(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) disjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_or(jnp.array([[True, False], [False, False]]), (1,))
        Array([ True, False], dtype=bool)
    """
    return bind(ReduceOr(_axes("reduce_or", operand, axes)), operand)


class ReduceOr(ReduceLogic):
    """Disjunction over axes."""

    operation = "or"

    def identity(self, dtype: np.dtype) -> Any:
        """No bit set."""
        return 0


def reduce_xor(operand: Any, axes: Sequence[int]) -> Any:
    """Bitwise (for booleans, logical) exclusive disjunction over axes.

    Args:
        operand: integer or boolean.
        axes: which axes to reduce; they disappear.

    Returns:
        An array of the remaining axes and the dtype of `operand`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_xor(jnp.array([[True, False], [True, True]]), (1,))
        Array([ True, False], dtype=bool)
    """
    return bind(ReduceXor(_axes("reduce_xor", operand, axes)), operand)


class ReduceXor(ReduceLogic):
    """Parity over axes."""

    operation = "xor"

    def identity(self, dtype: np.dtype) -> Any:
        """No bit set."""
        return 0

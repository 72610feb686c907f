"""Running sums, products and extrema along an axis, and first-order recurrences.

All are scans of an associative combination. Sums and products of floating-point numbers
narrower than 32 bits are accumulated in float32 and rounded once.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Primitive, array_type, value_error
from .._tracing import bind, typeof
from . import (
    _arithmetic,
    _comparison,
    _creation,
    _gather,
    _pad,
    _reductions,
    _selection,
    _shape,
    _transcendental,
)
from ._elementwise import check_kind, common_dtype, constant_like
from ._limits import emit_binary, highest, lowest
from ._scan_lowering import Handles, lower_scan


class Cumulative(Primitive):
    """A scan of one operand along `axis`, from its end with `reverse`."""

    kinds: ClassVar[str] = "iufc"
    widens: ClassVar[bool] = True
    costly: ClassVar[bool] = False  # to combine

    axis: int
    reverse: bool

    def identity(self, dtype: np.dtype) -> Any:
        """The combination's neutral element."""
        raise self._missing("identity")

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Handle of the elementwise combination of two handles of `type`."""
        raise self._missing("combine")

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand."""
        (x,) = arg_types
        check_kind(self.name, x, self.kinds)
        return x

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One combination for each element."""
        (x,) = arg_types
        return x.size

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The scanned axis makes way for the batch axis."""
        (x,), (axis,) = args, axes
        assert axis is not None
        return bind(type(self)(self.axis + (self.axis >= axis), self.reverse), x), axis

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A scan of single elements."""

        def combine(builder: Any, a: Handles, b: Handles, type: ArrayType) -> Handles:
            return [self.combine(builder, a[0], b[0], type)]

        (result,) = lower_scan(
            builder,
            combine,
            [self.identity],
            args,
            self.axis,
            reverse=self.reverse,
            widens=self.widens,
            costly=self.costly,
        )
        return result


def _bind(cls: type[Cumulative], operand: Any, axis: int, reverse: bool) -> Any:
    function = cls.__name__.lower()
    type = typeof(operand)
    if not type.shape:
        raise value_error(
            f"{function}: expected an operand with at least one axis, got {type!r}.",
            "Reshape it to one axis first.",
        )
    axis = _shape.as_axis(function, axis, type.ndim, "axis")
    return bind(cls(axis, bool(reverse)), operand)


def gather_along(x: Any, indices: Any, axis: int) -> Any:
    """Elements of `x` at `indices` along `axis`; equal sizes of the other axes."""
    others = _reductions.kept_axes(typeof(x).ndim, (axis,))
    numbers = _gather.GatherDimensionNumbers(
        offset_dims=(),
        collapsed_slice_dims=(axis,),
        start_index_map=(axis,),
        operand_batching_dims=others,
        start_indices_batching_dims=others,
    )
    return _gather.gather(
        x,
        _shape.expand_dims(indices, (typeof(x).ndim,)),
        numbers,
        (1,) * typeof(x).ndim,
        mode="promise_in_bounds",
    )


def previous(x: Any, fill: Any, axis: int, reverse: bool) -> Any:
    """For each element the one before it in the scan; `fill` for the first."""
    config = [(0, 0, 0)] * typeof(x).ndim
    config[axis] = (-1, 1, 0) if reverse else (1, -1, 0)
    return _pad.pad(x, constant_like(x, fill), config)


# ---- sum -----------------------------------------------------------------------------


def cumsum(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running sum along an axis.

    Args:
        operand: any dtype but bool, with at least one axis.
        axis: the axis to sum along.
        reverse: start from the end of the axis.

    Returns:
        An array like `operand`: element `i` is the sum of elements 0 to `i` (from `i`
        to the last with `reverse`).

    Example:
        >>> from dolmen.core import lax
        >>> lax.cumsum(lax.iota("int32", 5))
        Array([ 0,  1,  3,  6, 10], dtype=int32)
    """
    return _bind(Cumsum, operand, axis, reverse)


class Cumsum(Cumulative):
    """Running sum."""

    def identity(self, dtype: np.dtype) -> Any:
        """Zero."""
        return 0

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """`a + b`."""
        return builder.emit("add", (a, b), (type,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Linear."""
        (x,), (dx,) = primals, tangents
        return bind(self, x), bind(self, dx)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """The sum from the other end."""
        (ct,) = cotangents
        return [bind(Cumsum(self.axis, not self.reverse), ct)]


# ---- product -------------------------------------------------------------------------


def cumprod(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running product along an axis.

    Args:
        operand: any dtype but bool, with at least one axis.
        axis: the axis to multiply along.
        reverse: start from the end of the axis.

    Returns:
        An array like `operand`. Derivatives are exact at zeros too.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cumprod(jnp.array([1, 2, 3, 4]))
        Array([ 1,  2,  6, 24], dtype=int32)
    """
    return _bind(Cumprod, operand, axis, reverse)


class Cumprod(Cumulative):
    """Running product."""

    def identity(self, dtype: np.dtype) -> Any:
        """One."""
        return 1

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """`a b`."""
        return builder.emit("multiply", (a, b), (type,))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """From `y[i] = y[i-1] x[i]`: `dy[i] = x[i] dy[i-1] + y[i-1] dx[i]`."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        before = previous(out, 1, self.axis, self.reverse)
        inputs = _arithmetic.mul(dx, before)
        return out, linear_recurrence(x, inputs, self.axis, self.reverse)


# ---- extrema -------------------------------------------------------------------------


class CumulativeExtremum(Cumulative):
    """Running maximum or minimum."""

    kinds = "biufc"
    widens = False
    operation: ClassVar[str]

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """The winner of two."""
        return emit_binary(builder, self.operation, a, b, type)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent of the element that was the extremum, of several the latest."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        shape, axis = typeof(x).shape, self.axis
        here = _creation.broadcasted_iota(np.int32, shape, axis)
        record = _comparison.eq(x, out)
        if self.reverse:
            unset = constant_like(here, shape[axis] - 1)
            where = cummin(_selection.choose(record, here, unset), axis, True)
        else:
            where = cummax(
                _selection.choose(record, here, constant_like(here, 0)), axis
            )
        return out, gather_along(dx, where, axis)


def cummax(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running maximum along an axis; NaN from the first NaN on.

    Args:
        operand: any dtype, with at least one axis; complex numbers are ordered by
            real, then imaginary part.
        axis: the axis to go along.
        reverse: start from the end of the axis.

    Returns:
        An array like `operand`. Of equal maxima the latest gets the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cummax(jnp.array([1, 3, 2]))
        Array([1, 3, 3], dtype=int32)
    """
    return _bind(Cummax, operand, axis, reverse)


class Cummax(CumulativeExtremum):
    """Running maximum."""

    operation = "maximum"

    def identity(self, dtype: np.dtype) -> Any:
        """The least value."""
        return lowest(dtype)


def cummin(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Running minimum along an axis; NaN from the first NaN on.

    Args:
        operand: any dtype, with at least one axis; complex numbers are ordered by
            real, then imaginary part.
        axis: the axis to go along.
        reverse: start from the end of the axis.

    Returns:
        An array like `operand`. Of equal minima the latest gets the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cummin(jnp.array([3, 1, 2]))
        Array([3, 1, 1], dtype=int32)
    """
    return _bind(Cummin, operand, axis, reverse)


class Cummin(CumulativeExtremum):
    """Running minimum."""

    operation = "minimum"

    def identity(self, dtype: np.dtype) -> Any:
        """The greatest value."""
        return highest(dtype)


# ---- log-sum-exp ---------------------------------------------------------------------


def cumlogsumexp(operand: Any, axis: int = 0, reverse: bool = False) -> Any:
    """Logarithm of the running sum of exponentials along an axis, without overflow.

    Args:
        operand: floating point, with at least one axis.
        axis: the axis to go along.
        reverse: start from the end of the axis.

    Returns:
        An array like `operand`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.cumlogsumexp(jnp.zeros(3))
        Array([0.       , 0.6931472, 1.0986123], dtype=float32)
    """
    return _bind(Cumlogsumexp, operand, axis, reverse)


class Cumlogsumexp(Cumulative):
    """Running log-sum-exp."""

    kinds = "f"
    costly = True

    def identity(self, dtype: np.dtype) -> Any:
        """The logarithm of zero."""
        return lowest(dtype)

    def combine(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """`max(a, b) + log1p(exp(-abs(a - b)))`; equal infinities stay themselves."""

        def emit(operation: str, *operands: Any) -> Any:
            return builder.emit(operation, operands, (type,))

        difference = emit("subtract", a, b)
        decay = emit("exponential", emit("negate", emit("abs", difference)))
        result = emit("add", emit("maximum", a, b), emit("log_plus_one", decay))
        is_nan = builder.compare("NE", difference, difference, type, "FLOAT")
        return emit("select", is_nan, emit("add", a, b), result)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dy[i] = exp(y[i-1] - y[i]) dy[i-1] + exp(x[i] - y[i]) dx[i]`."""
        (x,), (dx,) = primals, tangents
        out = bind(self, x)
        before = previous(out, lowest(typeof(x).dtype), self.axis, self.reverse)
        # Where y is -inf both factors shall be zero instead of NaN.
        finite = _comparison.is_finite(out)
        scale = _selection.choose(finite, out, constant_like(out, 0))
        decay = _transcendental.exp(_arithmetic.sub(before, scale))
        weight = _transcendental.exp(_arithmetic.sub(x, scale))
        inputs = _arithmetic.mul(dx, weight)
        return out, linear_recurrence(decay, inputs, self.axis, self.reverse)


# ---- first-order linear recurrence ---------------------------------------------------


def linear_recurrence(a: Any, b: Any, axis: int, reverse: bool = False) -> Any:
    """Solves `h[i] = a[i] h[i-1] + b[i]` along an axis, from zero.

    Args:
        a: floating point or complex; `a[0]` plays no part.
        b: shape and dtype of `a`.
        axis: the axis that `i` counts, non-negative.
        reverse: `h[i] = a[i] h[i+1] + b[i]` instead.

    Returns:
        An array like `b`.
    """
    return bind(LinearRecurrence(axis, reverse), a, b)


class LinearRecurrence(Primitive):
    """Solution of `h[i] = a[i] h[i-1] + b[i]`; derivatives are of the same form."""

    axis: int
    reverse: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operands."""
        a, b = arg_types
        check_kind(self.name, a, "fc")
        dtype = common_dtype(self.name, arg_types)
        if a.shape != b.shape:
            raise value_error(
                f"linear_recurrence: `a` and `b` must have equal shapes, got {a!r} and "
                f"{b!r}.",
                "Broadcast them first.",
            )
        return array_type(a.shape, dtype, a.weak_type and b.weak_type)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """A product and a sum for each element."""
        a, _ = arg_types
        return 2 * a.size

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dh[i] = a[i] dh[i-1] + (da[i] h[i-1] + db[i])`."""
        (a, b), (da, db) = primals, tangents
        out = bind(self, a, b)
        inputs = db
        if da is not None:
            before = previous(out, 0, self.axis, self.reverse)
            inputs = _arithmetic.mul(da, before)
            if db is not None:
                inputs = _arithmetic.add(inputs, db)
        return out, bind(self, a, inputs)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Linear in `b`: `g[i] = a[i+1] g[i+1] + ct[i]`."""
        (ct,), (a, _) = cotangents, args
        after = previous(a, 0, self.axis, not self.reverse)
        return [None, linear_recurrence(after, ct, self.axis, not self.reverse)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One recurrence for each element of the batch."""
        size = _shape.batch_size(args, axes)
        a, b = (
            _shape.batched_first(x, axis, size)
            for x, axis in zip(args, axes, strict=True)
        )
        return bind(LinearRecurrence(self.axis + 1, self.reverse), a, b), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A scan of the maps `h -> a h + b` under composition."""
        (result,) = lower_scan(
            builder,
            _compose,
            [lambda dtype: 1, lambda dtype: 0],
            args,
            self.axis,
            reverse=self.reverse,
            widens=True,
            results=(1,),
        )
        return result


def _compose(builder: Any, f: Handles, g: Handles, type: ArrayType) -> Handles:
    """The map `f`, then the map `g`."""
    (a, b), (c, d) = f, g
    product = builder.emit("multiply", (a, c), (type,))
    scaled = builder.emit("multiply", (b, c), (type,))
    return [product, builder.emit("add", (scaled, d), (type,))]

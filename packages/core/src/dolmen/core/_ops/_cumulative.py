"""Running sums, products and extrema along an axis, and first-order recurrences.

All are scans of an associative combination, lowered according to where they run:

- CPU: a loop over the axis that updates whole rows in place. A long axis is first cut
  into blocks of about `sqrt(n)`, which are scanned side by side; then the scan over the
  blocks' totals is combined into them. For 10**6 elements that takes a third of the
  time of `reduce_window` or of a tree of strided slices.
- elsewhere: doubling. After pass `k` each element combines its `2**k` predecessors, so
  there are `log2(n)` fused passes over the array.

Sums and products of floating-point numbers narrower than 32 bits are accumulated in
float32 and rounded once.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Primitive, array_type, dtypes, value_error
from .._lowering import mlir
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

_Handles = Sequence[Any]
_Combine = Callable[[Any, _Handles, _Handles, ArrayType], _Handles]

# Rows of fewer elements than this leave the processor's vectors idle.
_WIDE_ROW = 256
_LONGEST_LOOP = 1024
_SHORTEST_LOOP = 9


class Cumulative(Primitive):
    """A scan of one operand along `axis`, from its end with `reverse`."""

    kinds: ClassVar[str] = "iufc"
    widens: ClassVar[bool] = True

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

        def combine(
            builder: Any, a: _Handles, b: _Handles, type: ArrayType
        ) -> _Handles:
            return [self.combine(builder, a[0], b[0], type)]

        (result,) = _lower_scan(
            builder,
            combine,
            [self.identity],
            args,
            self.axis,
            self.reverse,
            self.widens,
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
        identities = [lambda dtype: 1, lambda dtype: 0]
        return _lower_scan(
            builder, _compose, identities, args, self.axis, self.reverse, True
        )[1]


def _compose(builder: Any, f: _Handles, g: _Handles, type: ArrayType) -> _Handles:
    """The map `f`, then the map `g`."""
    (a, b), (c, d) = f, g
    product = builder.emit("multiply", (a, c), (type,))
    scaled = builder.emit("multiply", (b, c), (type,))
    return [product, builder.emit("add", (scaled, d), (type,))]


# ---- lowering ------------------------------------------------------------------------


def _lower_scan(
    builder: Any,
    combine: _Combine,
    identities: Sequence[Callable[[np.dtype], Any]],
    args: _Handles,
    axis: int,
    reverse: bool,
    widens: bool,
) -> _Handles:
    """Scan along `axis`, with the axes before and behind it merged."""
    (out,) = builder.out_types
    if not out.size:
        return args
    narrow = dtypes.kind(out.dtype) == "f" and out.dtype.itemsize < 4
    dtype = np.dtype(np.float32) if widens and narrow else out.dtype
    outer, n = math.prod(out.shape[:axis]), out.shape[axis]
    flat = array_type((outer, n, out.size // (outer * n)), dtype)
    if dtype != out.dtype:
        wide = array_type(out.shape, dtype)
        args = [builder.convert(x, wide) for x in args]
    scan = _Scan(builder, combine, [i(out.dtype) for i in identities], reverse)
    scanned = scan([_reshape(builder, x, flat) for x in args], flat)
    results = [_reshape(builder, x, array_type(out.shape, dtype)) for x in scanned]
    if dtype != out.dtype:
        results = [builder.convert(x, out) for x in results]
    return results


def _reshape(builder: Any, x: Any, type: ArrayType) -> Any:
    return builder.emit("reshape", (x,), (type,))


class _Scan:
    """Emits scans along the middle one of three axes."""

    def __init__(
        self, builder: Any, combine: _Combine, identities: Sequence[Any], reverse: bool
    ) -> None:
        self.builder = builder
        self.combine = combine
        self.identities = identities
        self.reverse = reverse

    def __call__(self, xs: _Handles, type: ArrayType) -> _Handles:
        outer, n, inner = type.shape
        if self.builder.platform != "cpu" or n < _SHORTEST_LOOP:
            return self.doubling(xs, type)
        short = _LONGEST_LOOP if outer * inner >= _WIDE_ROW else 64
        return self.loop(xs, type) if n <= short else self.blocks(xs, type)

    def shift(self, xs: _Handles, type: ArrayType, by: int, grow: int = 0) -> _Handles:
        """Move elements `by` places on, filling with identities; `grow` the axis."""
        low, high = (grow - by, by) if self.reverse else (by, grow - by)
        outer, n, inner = type.shape
        moved = array_type((outer, n + grow, inner), type.dtype)
        return [
            self.builder.emit(
                "pad",
                (x, self.builder.scalar(identity, type.dtype)),
                (moved,),
                edge_padding_low=mlir.int_array((0, low, 0)),
                edge_padding_high=mlir.int_array((0, high, 0)),
                interior_padding=mlir.int_array((0, 0, 0)),
            )
            for x, identity in zip(xs, self.identities, strict=True)
        ]

    def doubling(self, xs: _Handles, type: ArrayType) -> _Handles:
        distance = 1
        while distance < type.shape[1]:
            earlier = self.shift(xs, type, distance)
            xs = self.combine(self.builder, earlier, xs, type)
            distance *= 2
        return xs

    def blocks(self, xs: _Handles, type: ArrayType) -> _Handles:
        """Scan blocks side by side, then carry the totals of those before."""
        outer, n, inner = type.shape
        builder, dtype = self.builder, type.dtype
        width = math.isqrt(n - 1) + 1
        count = -(-n // width)
        extra = count * width - n
        # Identities go to the end of the scan, where they change nothing.
        padded = self.shift(xs, type, 0, extra) if extra else xs
        cut = array_type((outer * count, width, inner), dtype)
        scanned = self.loop([_reshape(builder, x, cut) for x in padded], cut)
        totals = array_type((outer, count, inner), dtype)
        last = [self.row(x, cut, 0 if self.reverse else width - 1) for x in scanned]
        before = self([_reshape(builder, x, totals) for x in last], totals)
        before = self.shift(before, totals, 1)
        lanes = array_type((outer * count, inner), dtype)
        before = [
            builder.broadcast(_reshape(builder, x, lanes), cut, (0, 2)) for x in before
        ]
        whole = array_type((outer, count * width, inner), dtype)
        results = self.combine(builder, before, scanned, cut)
        results = [_reshape(builder, x, whole) for x in results]
        if not extra:
            return results
        start = extra if self.reverse else 0
        return [self.slice(x, whole, start, start + n) for x in results]

    def slice(self, x: Any, type: ArrayType, start: int, stop: int) -> Any:
        outer, _, inner = type.shape
        return self.builder.emit(
            "slice",
            (x,),
            (array_type((outer, stop - start, inner), type.dtype),),
            start_indices=mlir.int_array((0, start, 0)),
            limit_indices=mlir.int_array((outer, stop, inner)),
            strides=mlir.int_array((1, 1, 1)),
        )

    def row(self, x: Any, type: ArrayType, index: int) -> Any:
        return self.slice(x, type, index, index + 1)

    def loop(self, xs: _Handles, type: ArrayType) -> _Handles:
        """Go along the axis, replacing each row by its combination with the last."""
        outer, n, inner = type.shape
        builder, arity = self.builder, len(xs)
        index = array_type((), np.dtype(np.int32))
        row = array_type((outer, 1, inner), type.dtype)
        types = [index, *[type] * arity, *[row] * arity]

        def condition(step: Any, *_: Any) -> _Handles:
            end = builder.constant(n, index)
            return [builder.compare("LT", step, end, index, "SIGNED")]

        def body(step: Any, *state: Any) -> _Handles:
            arrays, carry = state[:arity], state[arity:]
            zero, one = builder.constant(0, index), builder.constant(1, index)
            place = step
            if self.reverse:
                end = builder.constant(n - 1, index)
                place = builder.emit("subtract", (end, step), (index,))
            rows = [
                builder.emit(
                    "dynamic_slice",
                    (x, zero, place, zero),
                    (row,),
                    slice_sizes=mlir.int_array(row.shape),
                )
                for x in arrays
            ]
            carry = self.combine(builder, carry, rows, row)
            arrays = [
                builder.emit("dynamic_update_slice", (x, r, zero, place, zero), (type,))
                for x, r in zip(arrays, carry, strict=True)
            ]
            return [builder.emit("add", (step, one), (index,)), *arrays, *carry]

        first = [self.row(x, type, n - 1 if self.reverse else 0) for x in xs]
        state = builder.emit(
            "while",
            (builder.constant(1, index), *xs, *first),
            types,
            regions=[(types, condition), (types, body)],
        )
        return state[1 : 1 + arity]

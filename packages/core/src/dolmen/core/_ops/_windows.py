"""Reductions over sliding windows, as in pooling."""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Primitive, array_type, as_integers, dtypes, value_error
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _comparison, _creation, _nan, _pad, _selection, _shape, _slicing
from ._convolution import Padding, as_padding, dilated
from ._limits import compare_complex, emit_binary, highest, lowest

Sizes = tuple[int, ...]
# Sizes, strides, padding, spacing of the operand and of the window.
Window = tuple[Sizes, Sizes, Padding, Sizes, Sizes]


def window_options(
    type: ArrayType,
    dimensions: Sequence[int],
    strides: Sequence[int] | None,
    padding: Any,
    base_dilation: Sequence[int] | None,
    window_dilation: Sequence[int] | None,
) -> Window:
    """The options in numbers, in the order of the primitives' fields."""
    ones = (1,) * type.ndim
    sizes = as_integers("reduce_window", "window_dimensions", dimensions)
    steps = as_integers("reduce_window", "window_strides", strides, ones)
    base = as_integers("reduce_window", "base_dilation", base_dilation, ones)
    dilation = as_integers("reduce_window", "window_dilation", window_dilation, ones)
    if not len(sizes) == len(steps) == len(base) == len(dilation) == type.ndim:
        raise value_error(
            f"reduce_window: expected one window size, stride and dilation for each of "
            f"the {type.ndim} axes of {type!r}, got window_dimensions={sizes}, "
            f"window_strides={steps}, base_dilation={base}, "
            f"window_dilation={dilation}."
        )
    if min((*sizes, *steps, *base, *dilation), default=1) < 1:
        raise value_error(
            "reduce_window: window sizes, strides and dilations must be positive, got "
            f"window_dimensions={sizes}, window_strides={steps}, "
            f"base_dilation={base}, window_dilation={dilation}."
        )
    pads = as_padding(
        padding,
        [dilated(n, d) for n, d in zip(type.shape, base, strict=True)],
        [dilated(n, d) for n, d in zip(sizes, dilation, strict=True)],
        steps,
    )
    if len(pads) != type.ndim:
        raise value_error(
            "reduce_window: `padding` must hold one pair for each of the "
            f"{type.ndim} axes of {type!r}, got {pads}."
        )
    return sizes, steps, pads, base, dilation


def padded(x: Any, value: Any, padding: Padding, base_dilation: Sizes) -> Any:
    """`x` with its elements spaced and `value` between and around them."""
    config = [
        (low, high, d - 1)
        for (low, high), d in zip(padding, base_dilation, strict=True)
    ]
    return _pad.pad(x, value, config)


def window_elements(x: Any, window: Window) -> Iterator[Any]:
    """For each element of the window, what it sees of padded `x` at all positions."""
    sizes, strides, _, _, dilation = window
    shape = typeof(x).shape
    counts = _counts(shape, sizes, strides, dilation)
    for offsets in itertools.product(*map(range, sizes)):
        starts = [o * d for o, d in zip(offsets, dilation, strict=True)]
        limits = [
            start + (count - 1) * s + 1 if count else start
            for start, count, s in zip(starts, counts, strides, strict=True)
        ]
        yield _slicing.slice(x, starts, limits, strides)


class WindowReduction(Primitive):
    """The base of reductions over sliding windows."""

    window_dimensions: Sizes
    window_strides: Sizes
    padding: Padding
    base_dilation: Sizes
    window_dilation: Sizes

    operation: ClassVar[str] = ""  # of StableHLO

    @staticmethod
    def identity(dtype: np.dtype) -> Any:
        """The neutral element, which is also what elements beyond the operand are."""
        raise NotImplementedError

    @property
    def window(self) -> Window:
        """The fields, in order."""
        return (
            self.window_dimensions,
            self.window_strides,
            self.padding,
            self.base_dilation,
            self.window_dilation,
        )

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x = arg_types[0]
        return x.with_shape(self.positions(x))

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One combination for each element but the first of every window."""
        positions = math.prod(self.positions(arg_types[0]))
        return positions * (math.prod(self.window_dimensions) - 1)

    def positions(self, x: ArrayType) -> Sizes:
        """How many positions of the window there are along each axis."""
        sizes, strides, pads, base, dilation = self.window
        return tuple(
            max((dilated(n, b) + low + high - dilated(k, d)) // s + 1, 0)
            for n, k, s, (low, high), b, d in zip(
                x.shape, sizes, strides, pads, base, dilation, strict=True
            )
        )

    def with_axis(self, axis: int) -> Any:
        """The reduction with a batch axis inserted."""

        def inserted(values: Any, one: Any) -> Any:
            return (*values[:axis], one, *values[axis:])

        ones = (1, 1, (0, 0), 1, 1)
        return type(self)(*map(inserted, self.window, ones))

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None
        return bind(self.with_axis(axis), x), axis

    def attributes(self) -> dict[str, Any]:
        """The fields as attributes of `stablehlo.reduce_window`."""
        return {
            "window_dimensions": mlir.int_array(self.window_dimensions),
            "window_strides": mlir.int_array(self.window_strides),
            "base_dilations": mlir.int_array(self.base_dilation),
            "window_dilations": mlir.int_array(self.window_dilation),
            "padding": mlir.int_matrix(np.reshape(self.padding, (-1, 2))),
        }

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        dtype = builder.in_types[0].dtype
        identity = self.identity(dtype)
        return self._emit(
            builder, args[0], builder.out_types[0], self.operation, identity
        )

    def _emit(
        self, builder: Any, x: Any, out: ArrayType, operation: str, identity: Any
    ) -> Any:
        """`stablehlo.reduce_window` over these windows."""
        scalar = array_type((), out.dtype)

        def combine(a: Any, b: Any) -> list[Any]:
            return [emit_binary(builder, operation, a, b, scalar)]

        return builder.emit(
            "reduce_window",
            (x, builder.constant(identity, scalar)),
            (out,),
            regions=[((scalar, scalar), combine)],
            **self.attributes(),
        )


# ---- sums --------------------------------------------------------------------------


class ReduceWindowSum(WindowReduction):
    """Sums over sliding windows."""

    operation = "add"

    @staticmethod
    def identity(dtype: np.dtype) -> Any:
        return 0

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (x,) = cotangents, args
        ones = (1,) * x.type.ndim
        apart = self.window_dimensions == self.window_strides
        if apart and self.base_dilation == self.window_dilation == ones:
            return [self._spread(ct, x.type)]
        # An element takes part in the windows that reach it: a sum over a window of the
        # cotangents, spaced by the strides, with strides and spacing exchanged.
        sizes, strides, pads, base, dilation = self.window
        config = []
        for n, k, s, (low, _), b, d, m in zip(
            x.type.shape,
            sizes,
            strides,
            pads,
            base,
            dilation,
            typeof(ct).shape,
            strict=True,
        ):
            before = dilated(k, d) - 1 - low
            config.append((before, dilated(n, b) + low - dilated(m, s), s - 1))
        spaced = _pad.pad(ct, 0, config)
        none: Padding = ((0, 0),) * x.type.ndim
        return [bind(ReduceWindowSum(sizes, base, none, ones, dilation), spaced)]

    def _spread(self, ct: Any, type: ArrayType) -> Any:
        """Windows that don't overlap: each repeats its cotangent."""
        shape, repeated, own = [], [], []
        for m, k in zip(typeof(ct).shape, self.window_dimensions, strict=True):
            own.append(len(shape))
            shape += [m, k]
            repeated.append(m * k)
        ct = _shape.reshape(_shape.broadcast_in_dim(ct, shape, own), repeated)
        config = [
            (-low, n + low - size, 0)
            for n, (low, _), size in zip(
                type.shape, self.padding, repeated, strict=True
            )
        ]
        return _pad.pad(ct, 0, config)


# ---- maxima and minima -------------------------------------------------------------


class WindowExtremum(WindowReduction):
    """The base of maxima and minima: the first of equal elements has the derivative."""

    prefers: ClassVar[str] = ""  # GE or LE: what the chosen element is to the others

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x,), (dx,) = primals, tangents
        ones = (1,) * len(self.window_dimensions)
        if self.base_dilation == self.window_dilation == ones:
            chooser = SelectAndGatherAdd(
                self.prefers,
                self.window_dimensions,
                self.window_strides,
                self.padding,
            )
            return bind(self, x), bind(chooser, dx, x)
        return bind(self, x), self._tangent(x, dx)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A reduction that keeps NaN, also where XLA makes a plain one of it."""
        extrema = super().lower(builder, args)
        if self.window_dimensions != self.window_strides:
            return extrema
        (out,) = builder.out_types

        def reduce(x: Any, type: ArrayType, operation: str, identity: Any) -> Any:
            result = array_type(out.shape, type.dtype)
            return self._emit(builder, x, result, operation, identity)

        return _nan.with_nan(builder, args[0], extrema, reduce)

    def _tangent(self, x: Any, dx: Any) -> Any:
        # XLA's select_and_scatter knows no dilation; compare element by element.
        beyond = _creation.scalar(self.identity(typeof(x).dtype), typeof(x).dtype)
        values = window_elements(padded(x, beyond, *self.window[2:4]), self.window)
        zero = _creation.scalar(0, typeof(x).dtype)
        parts = window_elements(padded(dx, zero, *self.window[2:4]), self.window)
        best, made = next(values), next(parts)
        better = _comparison.gt if self.prefers == "GE" else _comparison.lt
        for value, part in zip(values, parts, strict=True):
            found = better(value, best)
            best = _selection.select(found, value, best)
            made = _selection.select(found, part, made)
        return made


class ReduceWindowMax(WindowExtremum):
    """Maxima over sliding windows."""

    operation = "maximum"
    prefers = "GE"

    @staticmethod
    def identity(dtype: np.dtype) -> Any:
        return lowest(dtype)


class ReduceWindowMin(WindowExtremum):
    """Minima over sliding windows."""

    operation = "minimum"
    prefers = "LE"

    @staticmethod
    def identity(dtype: np.dtype) -> Any:
        return highest(dtype)


class WindowSelection(Primitive):
    """The base of the pair that moves values between windows and their extrema.

    Arguments are the moved values, in which the pair is linear, and the operand whose
    elements are compared.
    """

    prefers: str
    window_dimensions: Sizes
    window_strides: Sizes
    padding: Padding

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        # Which element is chosen changes at ties only: the operand has no derivative.
        (_, x), (tangent, _) = primals, tangents
        moved = None if tangent is None else bind(self, tangent, x)
        return bind(self, *primals), moved

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = _shape.batch_size(args, axes)
        moved = [
            _shape.batched_first(v, a, size) for v, a in zip(args, axes, strict=True)
        ]
        made = type(self)(
            self.prefers,
            (1, *self.window_dimensions),
            (1, *self.window_strides),
            ((0, 0), *self.padding),
        )
        return bind(made, *moved), 0

    def attributes(self) -> dict[str, Any]:
        """The fields as attributes of StableHLO's window operations."""
        return {
            "window_dimensions": mlir.int_array(self.window_dimensions),
            "window_strides": mlir.int_array(self.window_strides),
            "padding": mlir.int_matrix(np.reshape(self.padding, (-1, 2))),
        }

    def chosen(self, builder: Any, a: Any, b: Any, type: ArrayType) -> Any:
        """Whether `a` is chosen before `b`."""
        if dtypes.kind(type.dtype) == "c":
            return compare_complex(builder, self.prefers, a, b, type)
        return builder.compare(self.prefers, a, b, type, "FLOAT")


class SelectAndGatherAdd(WindowSelection):
    """From each window the value at its extremum."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        values, x = arg_types
        assert values.shape == x.shape, (values, x)
        ones = (1,) * x.ndim
        window = (self.window_dimensions, self.window_strides, self.padding, ones, ones)
        return values.with_shape(ReduceWindowMax(*window).positions(x))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (_, x) = cotangents, args
        made = SelectAndScatterAdd(
            self.prefers, self.window_dimensions, self.window_strides, self.padding
        )
        return [bind(made, ct, x), None]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        values, x = args
        values_type, x_type = builder.in_types
        (out,) = builder.out_types
        a, v = array_type((), x_type.dtype), array_type((), values_type.dtype)
        beyond = lowest if self.prefers == "GE" else highest

        def choose(x1: Any, v1: Any, x2: Any, v2: Any) -> list[Any]:
            first = self.chosen(builder, x1, x2, a)
            return [
                builder.emit("select", (first, x1, x2), (a,)),
                builder.emit("select", (first, v1, v2), (v,)),
            ]

        _, found = builder.emit(
            "reduce_window",
            (
                x,
                values,
                builder.constant(beyond(x_type.dtype), a),
                builder.constant(0, v),
            ),
            (x_type.with_shape(out.shape), out),
            regions=[((a, v, a, v), choose)],
            **self.attributes(),
        )
        return found


class SelectAndScatterAdd(WindowSelection):
    """The sum, at each element, of the values of the windows whose extremum it is."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        values, x = arg_types
        return values.with_shape(x.shape)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (_, x) = cotangents, args
        made = SelectAndGatherAdd(
            self.prefers, self.window_dimensions, self.window_strides, self.padding
        )
        return [bind(made, ct, x), None]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        # Where windows reach into the part of another device, XLA loses values.
        sizes = enumerate(self.window_dimensions)
        reaching = [axis for axis, size in sizes if size > 1]
        values, x = (builder.whole(arg, reaching) for arg in args)
        values_type, x_type = builder.in_types
        (out,) = builder.out_types
        a, v = array_type((), x_type.dtype), array_type((), values_type.dtype)
        made, wide = self, out
        if builder.platform == "tpu" and self._uses_last_axes():
            # There it is not implemented for windows along the last two axes.
            made, wide = self._with_two_axes(), out.with_shape((*out.shape, 1, 1))
            values, x = (
                builder.emit("reshape", (arg,), (t.with_shape((*t.shape, 1, 1)),))
                for arg, t in zip((values, x), builder.in_types, strict=True)
            )
        scattered = builder.emit(
            "select_and_scatter",
            (x, values, builder.constant(0, v)),
            (wide,),
            regions=[
                ((a, a), lambda one, two: [self.chosen(builder, one, two, a)]),
                ((v, v), lambda one, two: [builder.emit("add", (one, two), (v,))]),
            ],
            **made.attributes(),
        )
        if made is self:
            return scattered
        return builder.emit("reshape", (scattered,), (out,))

    def _uses_last_axes(self) -> bool:
        sizes = (*self.window_dimensions[-2:], *self.window_strides[-2:])
        return any(size != 1 for size in sizes)

    def _with_two_axes(self) -> "SelectAndScatterAdd":
        """The same for arrays with two more axes, of size one, at the end."""
        return SelectAndScatterAdd(
            self.prefers,
            (*self.window_dimensions, 1, 1),
            (*self.window_strides, 1, 1),
            (*self.padding, (0, 0), (0, 0)),
        )


# ---- public ------------------------------------------------------------------------


def reduce_window_sum(
    operand: Any,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Sums over sliding windows; see `reduce_window`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_window_sum(jnp.array([1, 3, 2, 4]), (2,), (2,), ((0, 0),),
        ...     (1,), (1,))
        Array([4, 6], dtype=int32)
    """
    window = window_options(
        typeof(operand),
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )
    return bind(ReduceWindowSum(*window), operand)


def reduce_window_max(
    operand: Any,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Maxima over sliding windows; see `reduce_window`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_window_max(jnp.array([1, 3, 2, 4]), (2,), (2,), ((0, 0),),
        ...     (1,), (1,))
        Array([3, 4], dtype=int32)
    """
    window = window_options(
        typeof(operand),
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )
    return bind(ReduceWindowMax(*window), operand)


def reduce_window_min(
    operand: Any,
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Minima over sliding windows; see `reduce_window`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reduce_window_min(jnp.array([1, 3, 2, 4]), (2,), (2,), ((0, 0),),
        ...     (1,), (1,))
        Array([1, 2], dtype=int32)
    """
    window = window_options(
        typeof(operand),
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )
    return bind(ReduceWindowMin(*window), operand)


def reduce_window_shape_tuple(
    operand_shape: Sequence[int],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> tuple[int, ...]:
    """Shape of a reduction over sliding windows; arguments as of `reduce_window`.

    Raises:
        ValueError: an option doesn't fit the shape.

    Example:
        >>> from dolmen.core import lax
        >>> lax.reduce_window_shape_tuple((8, 8), (3, 3), (1, 2), ((0, 0), (1, 1)))
        (6, 4)
    """
    type = array_type(
        as_integers("reduce_window", "operand_shape", operand_shape), np.dtype(bool)
    )
    sizes, steps, pads, base, dilation = window_options(
        type, window_dimensions, window_strides, padding, base_dilation, window_dilation
    )
    grown = [
        dilated(n, d) + low + high
        for n, d, (low, high) in zip(type.shape, base, pads, strict=True)
    ]
    return tuple(_counts(grown, sizes, steps, dilation))


def _counts(
    padded: Sequence[int], sizes: Sizes, strides: Sizes, dilation: Sizes
) -> list[int]:
    """Number of positions of a window along each axis."""
    return [
        max((n - dilated(k, d)) // s + 1, 0)
        for n, k, s, d in zip(padded, sizes, strides, dilation, strict=True)
    ]

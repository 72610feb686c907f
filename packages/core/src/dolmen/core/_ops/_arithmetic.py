"""Arithmetic: the operations that derivatives are made of."""

import builtins
import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, dtypes, type_error
from .._tracing import bind, typeof
from . import _comparison, _conversion, _creation, _rounding, _selection
from ._elementwise import (
    Elementwise,
    Term,
    constant_like,
    is_linear,
    stretched,
    unstretch,
)
from ._limits import emit_binary


def add(x: Any, y: Any) -> Any:
    """Elementwise sum of two arrays of equal dtype.

    Args:
        x: any dtype; of booleans the result is their disjunction.
        y: the shape of `x`, or none.

    Returns:
        An array of the shape and dtype of the operands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.add(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([4, 6], dtype=int32)
    """
    return bind(Add(), x, y)


class Add(Elementwise):
    """`x + y`."""

    operation = "add"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Linear in both."""
        return _identity, _identity

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """The cotangent itself."""
        (ct,) = cotangents
        return [unstretch(ct, a.type) if is_linear(a) else None for a in args]


def _identity(tangent: Any) -> Any:
    return tangent


def sub(x: Any, y: Any) -> Any:
    """Elementwise difference of two arrays of equal dtype.

    Args:
        x: any dtype but bool.
        y: the shape of `x`, or none.

    Returns:
        An array of the shape and dtype of the operands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.sub(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([-2, -2], dtype=int32)
    """
    return bind(Sub(), x, y)


class Sub(Elementwise):
    """`x - y`."""

    kinds = "iufc"
    operation = "subtract"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Linear in both."""
        return _identity, neg

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """The cotangent and its negative."""
        (ct,) = cotangents
        x, y = args
        return [
            unstretch(ct, x.type) if is_linear(x) else None,
            neg(unstretch(ct, y.type)) if is_linear(y) else None,
        ]


def neg(x: Any) -> Any:
    """Elementwise `-x`; unsigned integers wrap around.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.neg(jnp.array([1, -2]))
        Array([-1,  2], dtype=int32)
    """
    return bind(Neg(), x)


class Neg(Elementwise):
    """`-x`."""

    kinds = "iufc"
    operation = "negate"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Linear."""
        return (neg,)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Its own transpose."""
        (ct,) = cotangents
        return [neg(ct)]


def mul(x: Any, y: Any, *, out_dtype: Any = None) -> Any:
    """Elementwise product of two arrays of equal dtype.

    Args:
        x: any dtype; of booleans the result is their conjunction.
        y: the shape of `x`, or none.
        out_dtype: dtype to multiply in; the operands, whose dtypes may differ then, are
            converted first.

    Returns:
        An array of the shape of the operands, and their dtype or `out_dtype`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.mul(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([3, 8], dtype=int32)
    """
    if out_dtype is not None:
        dtype = dtypes.as_dtype(out_dtype, function="mul")
        x, y = (
            _conversion.convert_element_type(z, dtype, typeof(z).weak_type)
            for z in (x, y)
        )
    return bind(Mul(), x, y)


class Mul(Elementwise):
    """`x * y`."""

    operation = "multiply"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Linear in each."""
        x, y = args
        return (lambda t: mul(t, y)), (lambda t: mul(x, t))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Multiplication by the other factor."""
        (ct,) = cotangents
        x, y = args
        if is_linear(x):
            return [unstretch(mul(ct, y), x.type), None]
        return [None, unstretch(mul(x, ct), y.type)]


def div(x: Any, y: Any) -> Any:
    """Elementwise quotient; integers round towards zero, as in C.

    Args:
        x: any dtype but bool.
        y: the dtype of `x`; its shape, or none.

    Returns:
        An array of the shape and dtype of the operands. An integer divided by zero has
        all bits set.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.div(jnp.array([7, -7]), jnp.array([2, 2]))
        Array([ 3, -3], dtype=int32)
    """
    return bind(Div(), x, y)


class Div(Elementwise):
    """`x / y`."""

    kinds = "iufc"
    operation = "divide"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`dx / y` and `-(x / y) / y dy`."""
        _, y = args
        return (lambda t: div(t, y)), (lambda t: mul(neg(div(out, y)), t))

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`(dx - (x / y) dy) / y`: backward, both operands share one division."""
        dx, dy = tangents
        if dx is None or dy is None:
            return super().jvp(primals, tangents)
        out = bind(self, *primals)
        return out, div(sub(dx, mul(out, dy)), primals[1])

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """Division by the divisor."""
        (ct,) = cotangents
        x, y = args
        assert not is_linear(y), "div is linear in `x` only"
        return [unstretch(div(ct, y), x.type), None]


def rem(x: Any, y: Any) -> Any:
    """Elementwise remainder with the sign of `x`, as in C.

    Args:
        x: integer or floating point.
        y: the dtype of `x`; its shape, or none.

    Returns:
        An array of the shape and dtype of the operands. NaN for a floating-point `y` of
        zero; for integers, `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.rem(jnp.array([7, -7]), jnp.array([3, 3]))
        Array([ 1, -1], dtype=int32)
    """
    return bind(Rem(), x, y)


class Rem(Elementwise):
    """Remainder of truncating division."""

    kinds = "iuf"
    operation = "remainder"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`dx - trunc(x / y) dy`."""
        x, y = args
        return _identity, lambda t: mul(neg(_truncate(div(x, y))), t)


def _truncate(x: Any) -> Any:
    below = _comparison.lt(x, constant_like(x, 0))
    return _selection.choose(below, _rounding.ceil(x), _rounding.floor(x))


def zeros_like_type(type: ArrayType) -> Any:
    """Zeros of a type."""
    return _creation.full(type.shape, 0, type.dtype)


def max(x: Any, y: Any) -> Any:
    """Elementwise maximum; NaN where either operand is NaN.

    Args:
        x: any dtype; complex numbers are ordered by real, then imaginary part.
        y: the shape of `x`, or none.

    Returns:
        An array of the operands' shape and dtype. Where both are equal each gets half
        of the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.max(jnp.array([1, 4]), jnp.array([2, 3]))
        Array([2, 4], dtype=int32)
    """
    return bind(Max(), x, y)


class Extremum(Elementwise):
    """One of two operands; equal operands share the derivative."""

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Weight one for the operand that was chosen, one half where both are equal."""
        x, y = args
        return _share(x, y, out), _share(y, x, out)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """XLA orders real numbers; complex ones are compared part by part."""
        (out,) = builder.out_types
        x, y = stretched(builder, args)
        return emit_binary(builder, self.operation, x, y, out)


class Max(Extremum):
    """The larger operand."""

    operation = "maximum"


def min(x: Any, y: Any) -> Any:
    """Elementwise minimum; NaN where either operand is NaN.

    Args:
        x: any dtype; complex numbers are ordered by real, then imaginary part.
        y: the shape of `x`, or none.

    Returns:
        An array of the operands' shape and dtype. Where both are equal each gets half
        of the derivative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.min(jnp.array([1, 4]), jnp.array([2, 3]))
        Array([1, 3], dtype=int32)
    """
    return bind(Min(), x, y)


class Min(Extremum):
    """The smaller operand."""

    operation = "minimum"


def _share(x: Any, other: Any, out: Any) -> Term:
    def term(tangent: Any) -> Any:
        one, half, zero = (constant_like(out, value) for value in (1.0, 0.5, 0.0))
        chosen = _selection.choose(_comparison.eq(other, out), half, one)
        weight = _selection.choose(_comparison.eq(x, out), chosen, zero)
        return mul(tangent, weight)

    return term


# ---- powers --------------------------------------------------------------------------


def square(x: Any) -> Any:
    """Elementwise `x * x`.

    Args:
        x: any dtype but bool.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.square(jnp.array([-3.0, 2.0]))
        Array([9., 4.], dtype=float32)
    """
    return bind(Square(), x)


class Square(Elementwise):
    """`x * x`."""

    kinds = "iufc"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`2 x`."""
        (x,) = args
        return (lambda t: mul(t, mul(x, constant_like(x, 2))),)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """One multiplication."""
        (x,) = args
        return builder.emit("multiply", (x, x))


def reciprocal(x: Any) -> Any:
    """Elementwise `1 / x`.

    Args:
        x: floating point or complex.

    Returns:
        An array like `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.reciprocal(jnp.array([2.0, -4.0]))
        Array([ 0.5 , -0.25], dtype=float32)
    """
    return integer_pow(x, -1)


def integer_pow(x: Any, y: int) -> Any:
    """Elementwise `x**y` for a Python integer `y`, by repeated squaring.

    Args:
        x: any dtype but bool; floating point or complex if `y` is negative.
        y: the exponent, known while tracing.

    Returns:
        An array like `x`; one where `y` is zero.

    Raises:
        TypeError: `y` is negative and `x` holds integers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.integer_pow(jnp.array([2.0, -3.0]), 3)
        Array([  8., -27.], dtype=float32)
    """
    return bind(IntegerPow(operator.index(y)), x)


class IntegerPow(Elementwise):
    """`x**y` for a fixed integer `y`."""

    kinds = "iufc"
    y: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Like the operand."""
        (x,) = arg_types
        if self.y < 0 and dtypes.kind(x.dtype) in "iu":
            raise type_error(
                f"integer_pow: a negative exponent needs a floating-point or complex "
                f"operand, got {x!r} to the power {self.y}.",
                "Convert it with `.astype(...)` first.",
            )
        return super().infer_type(arg_types)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`y x**(y - 1)`."""
        (x,) = args
        if self.y == 0:
            return (None,)
        slope = mul(integer_pow(x, self.y - 1), constant_like(x, self.y))
        return (lambda t: mul(t, slope),)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Squares and products, then one division for a negative exponent."""
        (x,) = args
        (out,) = builder.out_types
        remaining, power, result = builtins.abs(self.y), x, None
        while remaining:
            if remaining & 1:
                both = (result, power)
                result = power if result is None else builder.emit("multiply", both)
            remaining >>= 1
            if remaining:
                power = builder.emit("multiply", (power, power))
        one = builder.constant(1, out)
        if result is None:
            return one
        return builder.emit("divide", (one, result)) if self.y < 0 else result


# ---- sign and magnitude --------------------------------------------------------------


def abs(x: Any) -> Any:
    """Elementwise absolute value.

    Args:
        x: any dtype but bool; the least signed integer stays as it is.

    Returns:
        An array like `x`; for complex `x` the magnitude, in the real dtype. The
        derivative at zero is that from the right, one; for complex `x` it is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.abs(jnp.array([-1.5, 2.0]))
        Array([1.5, 2. ], dtype=float32)
    """
    return bind(Abs(), x)


class Abs(Elementwise):
    """Absolute value."""

    kinds = "iufc"
    operation = "abs"

    def out_dtype(self, dtype: np.dtype) -> np.dtype:
        """Real for complex operands."""
        return _conversion.real_dtype(dtype)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """1 or -1; for complex numbers the component along `x`."""
        (x,) = args
        if dtypes.kind(typeof(x).dtype) != "c":
            right = _comparison.ge(x, constant_like(x, 0))
            slope = _selection.choose(right, constant_like(x, 1), constant_like(x, -1))
            return (lambda t: mul(t, slope),)
        direction = sign(_conversion.conj(x))
        return (lambda t: _conversion.real(mul(t, direction)),)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Unsigned integers have no `stablehlo.abs`."""
        if dtypes.kind(builder.out_types[0].dtype) == "u":
            return args[0]
        return builder.emit("abs", args)


def sign(x: Any) -> Any:
    """Elementwise sign: -1, 0 or 1; `x / abs(x)` for complex numbers; NaN for NaN.

    Args:
        x: any dtype but bool.

    Returns:
        An array like `x`; its derivative is zero for real `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.sign(jnp.array([-3.0, 0.0, 2.0]))
        Array([-1.,  0.,  1.], dtype=float32)
    """
    return bind(Sign(), x)


class Sign(Elementwise):
    """Sign."""

    kinds = "iufc"
    operation = "sign"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Zero for real numbers; complex ones turn on the unit circle."""
        (x,) = args
        if dtypes.kind(typeof(x).dtype) != "c":
            return (None,)
        # With u = x/|x|: du = i u Im(conj(u) dx) / |x|.
        zero = constant_like(abs(x), 0)
        radius = abs(x)
        safe = _selection.choose(_comparison.eq(radius, zero), zero + 1, radius)

        def term(tangent: Any) -> Any:
            angle = div(_conversion.imag(mul(_conversion.conj(out), tangent)), safe)
            return mul(out, _conversion.complex(mul(angle, zero), angle))

        return (term,)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """Unsigned integers have no `stablehlo.sign`."""
        (out,) = builder.out_types
        if dtypes.kind(out.dtype) == "u":
            return builder.emit("minimum", (args[0], builder.constant(1, out)))
        return builder.emit("sign", args)


# ---- two more functions of two arguments ---------------------------------------------


def atan2(x: Any, y: Any) -> Any:
    """Elementwise angle in radians of the point with ordinate `x` and abscissa `y`.

    Args:
        x: floating point or complex.
        y: of the dtype of `x`; the shape of `x`, or none.

    Returns:
        Angles from -π to π, `atan(x / y)` put into the right quadrant.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.atan2(jnp.array([1.0, 0.0]), jnp.array([1.0, -1.0]))
        Array([0.7853982, 3.1415927], dtype=float32)
    """
    return bind(Atan2(), x, y)


class Atan2(Elementwise):
    """Angle of a point."""

    kinds = "fc"
    operation = "atan2"

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """`y / r**2` and `-x / r**2`."""
        x, y = args
        squared = add(square(x), square(y))
        return (
            lambda t: mul(t, div(y, squared)),
            lambda t: mul(t, neg(div(x, squared))),
        )


def nextafter(x1: Any, x2: Any) -> Any:
    """The floating-point number next to `x1` in the direction of `x2`.

    Args:
        x1: floating point.
        x2: of the dtype of `x1`; the shape of `x1`, or none.

    Returns:
        An array of the operands' shape and dtype; its derivative is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.nextafter(jnp.array([1.0]), jnp.array([2.0])) > 1
        Array([ True], dtype=bool)
    """
    return bind(Nextafter(), x1, x2)


class Nextafter(Elementwise):
    """The adjacent floating-point number."""

    kinds = "f"
    operation = "chlo.next_after"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent is zero, as of every step function."""
        return bind(self, *primals), None

"""Elementwise arithmetic: sums, products, quotients, powers, signs, extremes."""

import operator
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error
from .._ops import _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import body, jit_when_eager
from ._logic import compared
from ._promotion import (
    bits,
    broadcast_args,
    constant_like,
    convert,
    literal,
    promote_args,
    promote_args_inexact,
    promote_args_numeric,
    type_of,
    types_of,
)

_INT = np.dtype("int64")


def _kind(x: Any) -> str:
    return dtypes.kind(typeof(x).dtype)


# ---- sums and products -------------------------------------------------------------


@jit_when_eager
def add(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise sum; the logical or of booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.add(jnp.arange(3.0), 0.5)
        Array([0.5, 1.5, 2.5], dtype=float32)
    """
    return lax.add(*promote_args("add", x, y))


@jit_when_eager
def subtract(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise difference; booleans have none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.subtract(jnp.array([5, 7]), 2)
        Array([3, 5], dtype=int32)
    """
    return lax.sub(*promote_args("subtract", x, y))


@jit_when_eager
def multiply(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise product; the logical and of booleans.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.multiply(jnp.array([1, 2]), 0.5)
        Array([0.5, 1. ], dtype=float32, weak_type=True)
    """
    return lax.mul(*promote_args("multiply", x, y))


@jit_when_eager
def negative(x: ArrayLike, /) -> Array:
    """Elementwise `-x`; unsigned integers wrap around, booleans have none.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.negative(jnp.array([1, -2]))
        Array([-1,  2], dtype=int32)
    """
    (x,) = promote_args("negative", x)
    return lax.neg(x)


@jit_when_eager
def positive(x: ArrayLike, /) -> Array:
    """`x` itself, as an array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.positive(jnp.array([-1.0, 2.0]))
        Array([-1.,  2.], dtype=float32)
    """
    (x,) = promote_args("positive", x)
    return x


# ---- quotients ---------------------------------------------------------------------


@jit_when_eager
def divide(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise quotient; integers are taken as floating point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.divide(jnp.arange(3), 2)
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return lax.div(*promote_args_inexact("divide", x1, x2))


true_divide = divide


@jit_when_eager
def reciprocal(x: ArrayLike, /) -> Array:
    """Elementwise `1 / x`; integers are taken as floating point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.reciprocal(jnp.array([2.0, -4.0]))
        Array([ 0.5 , -0.25], dtype=float32)
    """
    (x,) = promote_args_inexact("reciprocal", x)
    return lax.integer_pow(x, -1)


@jit_when_eager
def floor_divide(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise quotient rounded towards minus infinity, in the operands' dtype.

    Raises:
        TypeError: the operands are complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.floor_divide(jnp.array([7, -7]), 2)
        Array([ 3, -4], dtype=int32)
    """
    x1, x2 = promote_args_numeric("floor_divide", x1, x2)
    _no_complex("floor_divide", x1, x2)
    return _floor_divide(x1, x2)


def _floor_divide(x: Any, y: Any) -> Any:
    kind = _kind(x)
    if kind == "u":
        return lax.div(x, y)
    if kind == "i":
        quotient = lax.div(x, y)
        signs_differ = lax.ne(lax.sign(x), lax.sign(y))
        zero, one = constant_like(x, 0), constant_like(x, 1)
        inexact = lax.ne(lax.rem(x, y), zero)
        return _selection.choose(
            lax.bitwise_and(signs_differ, inexact), lax.sub(quotient, one), quotient
        )
    quotient, _ = _float_divmod(x, y)
    return quotient


def _float_divmod(x: Any, y: Any) -> tuple[Any, Any]:
    """Quotient and remainder as Python's `divmod`: the quotient is exact.

    Subtracting the remainder first makes the division exact up to its rounding, where
    `floor(x / y)` is wrong whenever `x / y` rounds up to an integer.
    """
    zero, one = constant_like(x, 0), constant_like(x, 1)
    remainder = lax.rem(x, y)
    # Division by zero keeps its infinity or NaN.
    whole = _selection.choose(lax.eq(y, zero), x, lax.sub(x, remainder))
    quotient = lax.div(whole, y)
    off = lax.bitwise_and(
        lax.ne(remainder, zero), lax.ne(lax.sign(y), lax.sign(remainder))
    )
    remainder = _selection.choose(off, lax.add(remainder, y), remainder)
    quotient = _selection.choose(off, lax.sub(quotient, one), quotient)
    return lax.round(quotient), remainder


@jit_when_eager
def remainder(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise remainder with the sign of `x2`, like Python's `%`.

    Integer division by zero gives zero, floating-point NaN.

    Raises:
        TypeError: the operands are complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.remainder(jnp.array([-3, 3]), 2)
        Array([1, 1], dtype=int32)
    """
    x1, x2 = promote_args_numeric("remainder", x1, x2)
    _no_complex("remainder", x1, x2)
    return _remainder(x1, x2)


mod = remainder


def _remainder(x: Any, y: Any) -> Any:
    zero = constant_like(y, 0)
    if _kind(x) in "iu":
        y = _selection.choose(lax.eq(y, zero), constant_like(y, 1), y)
    made = lax.rem(x, y)
    if _kind(x) == "u":
        return made
    off = lax.bitwise_and(
        lax.ne(made, zero), lax.ne(lax.lt(made, zero), lax.lt(y, zero))
    )
    return _selection.choose(off, lax.add(made, y), made)


@jit_when_eager
def fmod(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise remainder with the sign of `x1`, as in C.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fmod(jnp.array([7, -7]), 3)
        Array([ 1, -1], dtype=int32)
    """
    x1, x2 = promote_args_numeric("fmod", x1, x2)
    _no_complex("fmod", x1, x2)
    if _kind(x1) in "iu":
        is_zero = lax.eq(x2, constant_like(x2, 0))
        x2 = _selection.choose(is_zero, constant_like(x2, 1), x2)
    return lax.rem(x1, x2)


@jit_when_eager
def divmod(x1: ArrayLike, x2: ArrayLike, /) -> tuple[Array, Array]:
    """`floor_divide(x1, x2)` and `remainder(x1, x2)` at once.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.divmod(jnp.array([7, -7]), 3)
        (Array([ 2, -3], dtype=int32), Array([1, 2], dtype=int32))
    """
    x1, x2 = promote_args_numeric("divmod", x1, x2)
    _no_complex("divmod", x1, x2)
    if _kind(x1) in "iu":
        return _floor_divide(x1, x2), _remainder(x1, x2)
    return _float_divmod(x1, x2)


def _no_complex(function: str, *args: Any) -> None:
    if _kind(args[0]) == "c":
        listed = " and ".join(repr(typeof(x)) for x in args)
        raise type_error(
            f"{function}: complex numbers have no remainder, got {listed}."
        )


# ---- powers ------------------------------------------------------------------------


def power(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise `x1 ** x2`.

    An exponent that is a Python or NumPy integer becomes part of the program,
    as products.

    Raises:
        TypeError: an integer is raised to a negative integer known while tracing.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.power(jnp.arange(4.0), 2)
        Array([0., 1., 4., 9.], dtype=float32)
    """
    if isinstance(x2, int | np.integer) and not isinstance(x2, bool):
        return _power_by_constant(x1, operator.index(x2))
    return _power(x1, x2)


pow = power


def _by_constant(x1: ArrayLike, exponent: int) -> Array:
    base = type_of("power", "x1", x1)
    weak_integer = dtypes.default(_INT), True
    result, weak_type = dtypes.promote([(base.dtype, base.weak_type), weak_integer])
    if exponent < 0 and not dtypes.is_inexact(result):
        raise type_error(
            f"power: integers have no negative powers, got {base!r} to the power "
            f"{exponent}.",
            "Convert the base to floating point, or write a floating-point exponent.",
        )
    return lax.integer_pow(convert(x1, result, weak_type), exponent)


def _by_array(x1: ArrayLike, x2: ArrayLike) -> Array:
    base, exponent = types_of("power", (x1, x2))
    promoted = promote_args_numeric("power", x1, x2)
    if _kind(promoted[0]) not in "fc":
        return _integer_power(*promoted)
    if base.is_differentiable and dtypes.kind(exponent.dtype) in "iu":
        promoted = promoted[0], broadcast_args("power", x1, x2)[1]
    return lax.pow(*promoted)


def _integer_power(x: Any, y: Any) -> Any:
    """Square and multiply over the bits of `y`; a negative `y` counts as unsigned."""
    dtype = typeof(x).dtype
    zero, one = literal(0, dtype), literal(1, dtype)
    result = _selection.choose(lax.ne(lax.bitwise_and(y, one), zero), x, one)
    for _ in range(bits(dtype) - 1):
        x = lax.mul(x, x)
        y = lax.shift_right_logical(y, one)
        odd = lax.ne(lax.bitwise_and(y, one), zero)
        result = _selection.choose(odd, lax.mul(result, x), result)
    return result


_power_by_constant = jit_when_eager(
    _by_constant, name="power", static_argnames=("exponent",)
)
_power = jit_when_eager(_by_array, name="power")


@jit_when_eager
def float_power(x: ArrayLike, y: ArrayLike, /) -> Array:
    """`power` in floating point, also of integers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.float_power(jnp.array([2, 4]), -1)
        Array([0.5 , 0.25], dtype=float32)
    """
    return lax.pow(*promote_args_inexact("float_power", x, y))


@jit_when_eager
def square(x: ArrayLike, /) -> Array:
    """Elementwise `x * x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.square(jnp.array([-3, 2]))
        Array([9, 4], dtype=int32)
    """
    (x,) = promote_args_numeric("square", x)
    return lax.square(x)


@jit_when_eager
def sqrt(x: ArrayLike, /) -> Array:
    """Elementwise square root; NaN for negative real numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sqrt(jnp.array([4.0, 2.0]))
        Array([2.       , 1.4142135], dtype=float32)
    """
    (x,) = promote_args_inexact("sqrt", x)
    return lax.sqrt(x)


@jit_when_eager
def cbrt(x: ArrayLike, /) -> Array:
    """Elementwise cube root, also of negative numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cbrt(jnp.array([8.0, -27.0]))
        Array([ 2., -3.], dtype=float32)
    """
    (x,) = promote_args_inexact("cbrt", x)
    return lax.cbrt(x)


# ---- signs -------------------------------------------------------------------------


@jit_when_eager
def absolute(x: ArrayLike, /) -> Array:
    """Elementwise absolute value; of complex numbers the magnitude.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.absolute(jnp.array([-3, 2]))
        Array([3, 2], dtype=int32)
    """
    (x,) = promote_args("absolute", x)
    return x if _kind(x) in "bu" else lax.abs(x)


abs = absolute


@jit_when_eager
def fabs(x: ArrayLike, /) -> Array:
    """Elementwise absolute value in floating point; complex numbers are refused.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fabs(jnp.array([-1, 2]))
        Array([1., 2.], dtype=float32)
    """
    (x,) = promote_args_inexact("fabs", x)
    if _kind(x) == "c":
        raise type_error(
            f"fabs: expected real numbers, got {typeof(x)!r}.", "Use `jnp.abs`."
        )
    return lax.abs(x)


@jit_when_eager
def sign(x: ArrayLike, /) -> Array:
    """Elementwise sign: -1, 0 or 1; `x / abs(x)` of complex numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sign(jnp.array([-3.0, 0.0, 2.0]))
        Array([-1.,  0.,  1.], dtype=float32)
    """
    (x,) = promote_args("sign", x)
    return lax.sign(x)


@jit_when_eager
def signbit(x: ArrayLike, /) -> Array:
    """Whether the sign bit is set: true for -0.0 and for NaN with a sign.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.signbit(jnp.array([-0.0, 0.0]))
        Array([ True, False], dtype=bool)
    """
    (x,) = promote_args("signbit", x)
    dtype = typeof(x).dtype
    if dtypes.kind(dtype) in "bu":
        return lax.full_like(x, False, bool)
    if dtypes.kind(dtype) == "f":
        x = lax.bitcast_convert_type(x, f"int{bits(dtype)}")
    return lax.lt(x, literal(0, typeof(x).dtype))


@jit_when_eager
def copysign(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """`abs(x1)` with the sign of `x2`, also of a negative zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.copysign(jnp.array([1.0, 2.0]), -1.0)
        Array([-1., -2.], dtype=float32)
    """
    x1, x2 = promote_args_inexact("copysign", x1, x2)
    weak = typeof(x1).weak_type and typeof(x2).weak_type
    magnitude = lax.abs(lax.convert_element_type(x1, typeof(x1).dtype, weak))
    return _selection.choose(body(signbit)(x2), lax.neg(magnitude), magnitude)


@jit_when_eager
def heaviside(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise step: 0 below zero, `x2` at zero, 1 above.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.heaviside(jnp.array([-1.0, 0.0, 2.0]), 0.5)
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    x1, x2 = promote_args_inexact("heaviside", x1, x2)
    dtype = typeof(x1).dtype
    zero, one = literal(0, dtype), literal(1, dtype)
    above = _selection.choose(lax.gt(x1, zero), one, x2)
    made = _selection.choose(lax.lt(x1, zero), zero, above)
    return _selection.choose(lax.ne(x1, x1), x1, made)


# ---- extremes ----------------------------------------------------------------------


@jit_when_eager
def maximum(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise larger operand; NaN where either is NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.maximum(jnp.array([1.0, 4.0]), 2.0)
        Array([2., 4.], dtype=float32)
    """
    return lax.max(*promote_args("maximum", x, y))


@jit_when_eager
def minimum(x: ArrayLike, y: ArrayLike, /) -> Array:
    """Elementwise smaller operand; NaN where either is NaN.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.minimum(jnp.array([1.0, 4.0]), 2.0)
        Array([1., 2.], dtype=float32)
    """
    return lax.min(*promote_args("minimum", x, y))


@jit_when_eager
def fmax(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise larger operand; a NaN gives way to a number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fmax(jnp.array([1.0, jnp.nan]), jnp.array([0.5, 2.0]))
        Array([1., 2.], dtype=float32)
    """
    x1, x2 = promote_args("fmax", x1, x2)
    take_first = lax.bitwise_or(compared(lax.gt, x1, x2), lax.ne(x2, x2))
    return _selection.choose(take_first, x1, x2)


@jit_when_eager
def fmin(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise smaller operand; a NaN gives way to a number.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.fmin(jnp.array([1.0, jnp.nan]), jnp.array([0.5, 2.0]))
        Array([0.5, 2. ], dtype=float32)
    """
    x1, x2 = promote_args("fmin", x1, x2)
    take_first = lax.bitwise_or(compared(lax.lt, x1, x2), lax.ne(x2, x2))
    return _selection.choose(take_first, x1, x2)


@jit_when_eager
def clip(
    arr: ArrayLike | None = None,
    /,
    min: ArrayLike | None = None,
    max: ArrayLike | None = None,
) -> Array:
    """Elements limited to the interval from `min` to `max`.

    Args:
        arr: real numbers.
        min: lower bound, broadcast against `arr`; None for none.
        max: upper bound; it wins where the bounds cross.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.clip(jnp.arange(5), 1, 3)
        Array([1, 1, 2, 3, 3], dtype=int32)
    """
    type = type_of("clip", "arr", arr)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"clip: complex numbers have no order, got {type!r}.")
    if min is not None:
        arr = lax.max(*promote_args("clip", min, arr))
    if max is not None:
        arr = lax.min(*promote_args("clip", max, arr))
    (arr,) = promote_args("clip", arr)
    return arr


@jit_when_eager
def nextafter(x: ArrayLike, y: ArrayLike, /) -> Array:
    """The floating-point number next to `x` in the direction of `y`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.nextafter(jnp.array([1.0]), 2.0) > 1
        Array([ True], dtype=bool)
    """
    return lax.nextafter(*promote_args_inexact("nextafter", x, y))

"""Floating-point numbers taken apart and put together: sign, mantissa, exponent.

Numbers are read as the integers that have their bits. Where XLA takes subnormal numbers
for zero in arithmetic, their parts are still right.
"""

from typing import Any

import ml_dtypes
import numpy as np

from .. import lax
from .._ir import dtypes, type_error
from .._ops import _selection
from .._tracing import typeof
from ._arithmetic import copysign, signbit
from ._array_like import Array, ArrayLike
from ._eager import body, jit_when_eager
from ._logic import no_out
from ._manipulation import as_array, broadcast_arrays
from ._promotion import literal, promote_args_inexact, type_of
from ._rounding import trunc

_INT32 = np.dtype("int32")
_SINGLE = np.dtype("float32")
_DOUBLE = np.dtype("float64")


def _real(function: str, argument: str, x: Any) -> Any:
    """Real numbers in floating point, strongly typed."""
    type_of(function, argument, x)
    (x,) = promote_args_inexact(function, x)
    if dtypes.kind(typeof(x).dtype) == "c":
        raise type_error(
            f"{function}: `{argument}` must be real numbers, got {typeof(x)!r}."
        )
    return lax.convert_element_type(x, typeof(x).dtype)


def _widened(x: Any) -> Any:
    """Numbers of a dtype whose bits are known here: narrow ones fit float32."""
    is_wide = typeof(x).dtype in (_SINGLE, _DOUBLE)
    return x if is_wide else lax.convert_element_type(x, _SINGLE)


def _unsigned(dtype: np.dtype) -> np.dtype:
    return np.dtype(f"u{dtype.itemsize}")


def _exponent_field(x: Any) -> Any:
    """The bits of the exponent as an integer: 0 marks zeros and subnormal numbers."""
    dtype = typeof(x).dtype
    unsigned = _unsigned(dtype)
    bits = lax.bitcast_convert_type(lax.abs(x), unsigned)
    moved = lax.shift_right_logical(bits, unsigned.type(ml_dtypes.finfo(dtype).nmant))
    return lax.convert_element_type(moved, _INT32)


def _power_of_two(exponent: Any, dtype: np.dtype) -> Any:
    """``2 ** exponent``, exactly, for the exponents of normal numbers."""
    info, unsigned = np.finfo(dtype), _unsigned(dtype)
    field = lax.add(exponent, np.int32(1 - info.minexp))
    bits = lax.convert_element_type(field, unsigned)
    bits = lax.shift_left(bits, unsigned.type(info.nmant))
    return lax.bitcast_convert_type(bits, dtype)


def _scaled(x: Any, exponent: Any) -> Any:
    """``x * 2 ** exponent`` in three factors, none of which over- or underflows."""
    rest = exponent
    for share in (3, 2, 1):
        part = lax.div(rest, np.int32(share))
        x = lax.mul(x, _power_of_two(part, typeof(x).dtype))
        rest = lax.sub(rest, part)
    return x


@jit_when_eager
def frexp(x: ArrayLike, /) -> tuple[Array, Array]:
    """Mantissas and exponents: ``x == mantissa * 2 ** exponent``.

    Args:
        x: real numbers; integers are taken as floating point.

    Returns:
        Mantissas of a magnitude in [0.5, 1) in the dtype of `x`, with derivatives, and
        int32 exponents. Zeros, infinities and NaN are their own mantissas and have the
        exponent 0.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> mantissa, exponent = jnp.frexp(jnp.array([3.0, -8.0]))
        >>> mantissa.tolist(), exponent.tolist()
        ([0.75, -0.5], [2, 4])
    """
    x = _real("frexp", "x", x)
    result = typeof(x).dtype
    wide = _widened(x)
    dtype = typeof(wide).dtype
    info, zero = np.finfo(dtype), np.int32(0)
    # A subnormal number is its bits, as an integer, times the least number.
    bits = lax.bitcast_convert_type(lax.abs(wide), _unsigned(dtype))
    integer = body(copysign)(lax.convert_element_type(bits, dtype), wide)
    is_small = lax.eq(_exponent_field(wide), zero)
    normal = _selection.choose(is_small, integer, wide)
    shift = _selection.choose(is_small, np.int32(info.minexp - info.nmant), zero)
    has_parts = lax.is_finite(normal) & lax.ne(normal, literal(0, dtype))
    exponent = lax.add(_exponent_field(normal), np.int32(info.minexp))
    exponent = _selection.choose(has_parts, exponent, zero)
    mantissa = _selection.choose(has_parts, _scaled(normal, lax.neg(exponent)), wide)
    exponent = lax.add(exponent, _selection.choose(has_parts, shift, zero))
    return lax.convert_element_type(mantissa, result), exponent


@jit_when_eager
def ldexp(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """``x1 * 2 ** x2``, also where the power of two alone would over- or underflow.

    Args:
        x1: real numbers; integers are taken as floating point.
        x2: integers or booleans that broadcast with `x1`.

    Returns:
        The dtype of `x1`.

    Raises:
        TypeError: `x1` is complex, or `x2` is not integer.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.ldexp(jnp.array([0.75, -0.5]), jnp.array([2, 4])).tolist()
        [3.0, -8.0]
    """
    type = type_of("ldexp", "x2", x2)
    if dtypes.kind(type.dtype) not in "biu":
        raise type_error(
            f"ldexp: `x2` must be integers, got {type!r}.",
            "Convert it with `x2.astype(int)`.",
        )
    x = _real("ldexp", "x1", x1)
    result = typeof(x).dtype
    wide, exponent = broadcast_arrays(_widened(x), as_array(x2))
    exponent = _limited(exponent, np.finfo(typeof(wide).dtype))
    return lax.convert_element_type(_scaled(wide, exponent), result)


def _limited(exponent: Any, info: np.finfo) -> Any:
    """Exponents as int32, cut where every number over- or underflows anyway."""
    if typeof(exponent).dtype.itemsize < _INT32.itemsize:
        exponent = lax.convert_element_type(exponent, _INT32)
    dtype = typeof(exponent).dtype
    limit = info.maxexp - info.minexp + info.nmant + 2
    exponent = lax.min(exponent, literal(limit, dtype))
    if dtypes.kind(dtype) == "i":
        exponent = lax.max(exponent, literal(-limit, dtype))
    return lax.convert_element_type(exponent, _INT32)


@jit_when_eager
def modf(x: ArrayLike, /, out: None = None) -> tuple[Array, Array]:
    """Fractions and whole parts, both with the sign of `x`.

    Args:
        x: real numbers; integers are taken as floating point.
        out: not supported.

    Returns:
        Fractions and whole parts in the dtype of `x`. Infinities have the fraction 0.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> [part.tolist() for part in jnp.modf(jnp.array([1.25, -3.5]))]
        [[0.25, -0.5], [1.0, -3.0]]
    """
    no_out("modf", out)
    type_of("modf", "x", x)
    (x,) = promote_args_inexact("modf", x)
    type = typeof(x)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"modf: `x` must be real numbers, got {type!r}.")
    whole = body(trunc)(x)
    zero = literal(0, type.dtype)
    # A difference in the other direction leaves nothing with the sign of `x`.
    rest = _selection.choose(lax.lt(x, zero), -lax.sub(whole, x), lax.sub(x, whole))
    is_infinite = lax.eq(lax.abs(x), literal(np.inf, type.dtype))
    rest = _selection.choose(is_infinite, body(copysign)(zero, x), rest)
    is_fraction = lax.lt(lax.abs(x), literal(1, type.dtype))
    fraction = _selection.choose(is_fraction, x, rest)
    return lax.convert_element_type(fraction, type.dtype, type.weak_type), whole


@jit_when_eager
def spacing(x: ArrayLike, /) -> Array:
    """Distance from `x` to the next number away from zero, with the sign of `x`.

    Args:
        x: real numbers; integers are taken as floating point.

    Returns:
        The dtype of `x`; NaN of infinities, infinity of the largest number.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> float(jnp.spacing(jnp.float32(1.0))) == 2.0**-23
        True
    """
    x = _real("spacing", "x", x)
    dtype = typeof(x).dtype
    magnitude, unsigned = lax.abs(x), _unsigned(dtype)
    above = lax.nextafter(magnitude, lax.full_like(magnitude, np.inf))
    made = lax.sub(above, magnitude)
    # Where arithmetic would lose it, a subnormal distance is written down as bits.
    digits = ml_dtypes.finfo(dtype).nmant
    field = _exponent_field(x)
    place = lax.clamp(np.int32(0), lax.sub(field, np.int32(1)), np.int32(digits))
    place = lax.convert_element_type(place, unsigned)
    bits = lax.shift_left(lax.full_like(place, 1), place)
    least = lax.bitcast_convert_type(bits, dtype)
    made = _selection.choose(lax.le(field, np.int32(digits)), least, made)
    # Comparing numbers would take negative subnormal ones for zero.
    is_zero = lax.eq(lax.bitcast_convert_type(magnitude, unsigned), unsigned.type(0))
    is_negative = body(signbit)(x) & ~is_zero
    return _selection.choose(is_negative, lax.neg(made), made)

"""Elementwise trigonometric and hyperbolic functions, angles in radians.

Integers are taken as floating point.
"""

import math

from .. import lax
from .._ir import dtypes, type_error
from .._ops import _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._promotion import constant_like, literal, promote_args_inexact


@jit_when_eager
def sin(x: ArrayLike, /) -> Array:
    """Elementwise sine.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sin(jnp.array([0.0, 1.0]))
        Array([0.        , 0.84147096], dtype=float32)
    """
    (x,) = promote_args_inexact("sin", x)
    return lax.sin(x)


@jit_when_eager
def cos(x: ArrayLike, /) -> Array:
    """Elementwise cosine.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cos(jnp.array([0.0, 1.0]))
        Array([1.       , 0.5403023], dtype=float32)
    """
    (x,) = promote_args_inexact("cos", x)
    return lax.cos(x)


@jit_when_eager
def tan(x: ArrayLike, /) -> Array:
    """Elementwise tangent.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tan(jnp.array([0.0, 1.0]))
        Array([0.       , 1.5574077], dtype=float32)
    """
    (x,) = promote_args_inexact("tan", x)
    return lax.tan(x)


@jit_when_eager
def arcsin(x: ArrayLike, /) -> Array:
    """Elementwise angle from -π/2 to π/2 with sine `x`; NaN beyond [-1, 1].

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arcsin(jnp.array([0.0, 1.0]))
        Array([0.       , 1.5707964], dtype=float32)
    """
    (x,) = promote_args_inexact("arcsin", x)
    return lax.asin(x)


asin = arcsin


@jit_when_eager
def arccos(x: ArrayLike, /) -> Array:
    """Elementwise angle from 0 to π with cosine `x`; NaN beyond [-1, 1].

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arccos(jnp.array([1.0, 0.0]))
        Array([0.       , 1.5707964], dtype=float32)
    """
    (x,) = promote_args_inexact("arccos", x)
    return lax.acos(x)


acos = arccos


@jit_when_eager
def arctan(x: ArrayLike, /) -> Array:
    """Elementwise angle from -π/2 to π/2 with tangent `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arctan(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7853981], dtype=float32)
    """
    (x,) = promote_args_inexact("arctan", x)
    return lax.atan(x)


atan = arctan


@jit_when_eager
def sinh(x: ArrayLike, /) -> Array:
    """Elementwise hyperbolic sine.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sinh(jnp.array([0.0, 1.0]))
        Array([0.       , 1.1752012], dtype=float32)
    """
    (x,) = promote_args_inexact("sinh", x)
    return lax.sinh(x)


@jit_when_eager
def cosh(x: ArrayLike, /) -> Array:
    """Elementwise hyperbolic cosine.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cosh(jnp.array([0.0, 1.0]))
        Array([1.       , 1.5430806], dtype=float32)
    """
    (x,) = promote_args_inexact("cosh", x)
    return lax.cosh(x)


@jit_when_eager
def tanh(x: ArrayLike, /) -> Array:
    """Elementwise hyperbolic tangent.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tanh(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7615942], dtype=float32)
    """
    (x,) = promote_args_inexact("tanh", x)
    return lax.tanh(x)


@jit_when_eager
def arcsinh(x: ArrayLike, /) -> Array:
    """Elementwise inverse of `sinh`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arcsinh(jnp.array([0.0, 1.0]))
        Array([0.        , 0.88137364], dtype=float32)
    """
    (x,) = promote_args_inexact("arcsinh", x)
    return lax.asinh(x)


asinh = arcsinh


@jit_when_eager
def arccosh(x: ArrayLike, /) -> Array:
    """Elementwise inverse of `cosh`; NaN below 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arccosh(jnp.array([1.0, 2.0]))
        Array([0.      , 1.316958], dtype=float32)
    """
    (x,) = promote_args_inexact("arccosh", x)
    return lax.acosh(x)


acosh = arccosh


@jit_when_eager
def arctanh(x: ArrayLike, /) -> Array:
    """Elementwise inverse of `tanh`; NaN beyond [-1, 1].

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arctanh(jnp.array([0.0, 0.5]))
        Array([0.        , 0.54930615], dtype=float32)
    """
    (x,) = promote_args_inexact("arctanh", x)
    return lax.atanh(x)


atanh = arctanh


@jit_when_eager
def arctan2(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise angle from -π to π of the point with ordinate `x1`, abscissa `x2`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.arctan2(jnp.array([1.0, -1.0]), jnp.array([1.0, -1.0]))
        Array([ 0.7853982, -2.3561945], dtype=float32)
    """
    return lax.atan2(*promote_args_inexact("arctan2", x1, x2))


atan2 = arctan2


@jit_when_eager
def hypot(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Elementwise `sqrt(x1 ** 2 + x2 ** 2)` without overflow.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.hypot(jnp.array([3.0, 5.0]), jnp.array([4.0, 12.0]))
        Array([ 5.      , 12.999999], dtype=float32)
    """
    x1, x2 = promote_args_inexact("hypot", x1, x2)
    if dtypes.kind(typeof(x1).dtype) == "c":
        raise type_error(
            f"hypot: expected real numbers, got {typeof(x1)!r} and {typeof(x2)!r}.",
            "Take `jnp.abs` of complex numbers first.",
        )
    x1, x2 = lax.abs(x1), lax.abs(x2)
    dtype = typeof(x1).dtype
    zero, one = literal(0, dtype), literal(1, dtype)
    larger, smaller = lax.max(x1, x2), lax.min(x1, x2)
    is_zero = lax.eq(larger, zero)
    ratio = lax.div(smaller, _selection.choose(is_zero, one, larger))
    made = lax.mul(larger, lax.sqrt(lax.add(one, lax.square(ratio))))
    infinite = lax.bitwise_or(_is_infinite(x1), _is_infinite(x2))
    made = _selection.choose(infinite, literal(math.inf, dtype), made)
    return _selection.choose(is_zero, larger, made)


def _is_infinite(x: ArrayLike) -> Array:
    return lax.eq(x, literal(math.inf, typeof(x).dtype))


@jit_when_eager
def sinc(x: ArrayLike, /) -> Array:
    """Elementwise `sin(πx) / (πx)`, one at zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.sinc(jnp.array([0.0, 0.5]))
        Array([1.        , 0.63661975], dtype=float32)
    """
    (x,) = promote_args_inexact("sinc", x)
    dtype, weak = typeof(x).dtype, typeof(x).weak_type
    zero, one = literal(0, dtype), literal(1, dtype)
    at_zero = lax.eq(x, zero)
    scaled = lax.mul(_selection.choose(at_zero, one, x), literal(math.pi, dtype))
    # The series 1 - (πx)²/6 stands in at zero, for the sake of the derivatives there.
    series = lax.sub(one, lax.mul(lax.square(x), literal(math.pi**2 / 6, dtype)))
    made = _selection.choose(at_zero, series, lax.div(lax.sin(scaled), scaled))
    return lax.convert_element_type(made, dtype, weak)


@jit_when_eager
def degrees(x: ArrayLike, /) -> Array:
    """Radians to degrees.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.degrees(jnp.array([0.0, jnp.pi]))
        Array([  0., 180.], dtype=float32)
    """
    (x,) = promote_args_inexact("degrees", x)
    return lax.mul(x, constant_like(x, 180 / math.pi))


rad2deg = degrees


@jit_when_eager
def radians(x: ArrayLike, /) -> Array:
    """Degrees to radians.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.radians(jnp.array([0.0, 180.0]))
        Array([0.       , 3.1415927], dtype=float32)
    """
    (x,) = promote_args_inexact("radians", x)
    return lax.mul(x, constant_like(x, math.pi / 180))


deg2rad = radians

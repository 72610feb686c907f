"""The function of Faddeeva and its relatives on the axes: erfcx, Dawson's integral.

With nodes ``t`` spaced by ``h``, for ``z`` in the upper half of the plane

    w(z)  =  2i h z / pi  sum exp(-t**2) / (z**2 - t**2)  +  P
    w'(z) = -4i h   / pi  sum t**2 exp(-t**2) / (z**2 - t**2)  -  2 z P

where ``P = 2 exp(-z**2) / (1 +- exp(-2 pi i z / h))`` is what the pole of the integrand
at ``z`` adds. The nodes are midpoints (+) or, where ``z`` is close to one of those,
multiples of ``h`` (-). The second line, from ``w' = 2i / sqrt(pi) - 2 z w``, has none
of the cancellation which that has far out.

Source: Al Azah and Chandler-Wilde (2021), "Computation of the complex error function
using modified trapezoidal rules", SIAM J. Numer. Anal. 59; the derivative is ours.
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact
from ._precision import epsilon, of_reals, polynomial, widened

_ROOT_OF_PI = math.sqrt(math.pi)
# Of Dawson's integral: the powers of -2 x**2 have the coefficients 1 / (1 3 5 ...).
_DAWSN = [(-2.0) ** k / math.prod(range(1, 2 * k + 2, 2)) for k in range(12)]


@jit_when_eager
def wofz(z: ArrayLike) -> Array:
    """Faddeeva's function ``exp(-z**2) * erfc(-1j * z)``.

    Args:
        z: numbers; half precision is taken as float32.

    Returns:
        A complex array of the shape of `z`. The relative error is a few units in the
        last place, in the lower half plane of the larger one of its two terms; there
        the phase of ``exp(-z**2)`` is that of the rounded square.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.wofz(1j).round(4)
        Array(0.4276+0.j, dtype=complex64)
    """
    (z,) = promote_args_inexact("wofz", z)
    z = widened(z)
    return _wofz(z if jnp.iscomplexobj(z) else lax.complex(z, jnp.zeros_like(z)))


@jit_when_eager
def erfcx(x: ArrayLike) -> Array:
    """Scaled complementary error function ``exp(x**2) * erfc(x)``.

    Args:
        x: real or complex numbers.

    Returns:
        An array of the shape of `x`, with a relative error of a few units in the last
        place for real numbers; see `wofz` for complex ones.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.erfcx(100.0).round(5)
        Array(0.00564, dtype=float32)
    """
    (x,) = promote_args_inexact("erfcx", x)
    if jnp.iscomplexobj(x):
        return _wofz(lax.complex(-x.imag, x.real))
    return of_reals("erfcx", _erfcx, x)


@jit_when_eager
def dawsn(x: ArrayLike) -> Array:
    """Dawson's integral, ``exp(-x**2)`` times the integral of ``exp(t**2)`` up to `x`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`, with a relative error of a few units
        in the last place.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.dawsn(1.0).round(4)
        Array(0.5381, dtype=float32)
    """
    return of_reals("dawsn", _dawsn, x)


@custom_jvp
def _wofz(z: Any) -> Any:
    return _value_and_slope(z)[0]


@custom_jvp
def _wofz_slope(z: Any) -> Any:
    return _value_and_slope(z)[1]


@_wofz.defjvp
def _wofz_jvp(primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    return _wofz(z), dz * _wofz_slope(z)


@_wofz_slope.defjvp
def _wofz_slope_jvp(primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    slope = _wofz_slope(z)
    return slope, -2 * dz * (_wofz(z) + z * slope)


def _erfcx(x: Any) -> Any:
    return _wofz(lax.complex(jnp.zeros_like(x), x)).real


def _dawsn(x: Any) -> Any:
    small = jnp.abs(x) < 0.25
    inner, outer = jnp.where(small, x, 0), jnp.where(small, 1, x)
    w = _wofz(lax.complex(outer, jnp.zeros_like(x)))
    series = inner * polynomial(_DAWSN, inner * inner)
    return jnp.where(small, series, 0.5 * _ROOT_OF_PI * w.imag)


def _value_and_slope(z: Any) -> tuple[Any, Any]:
    """``w`` and its derivative, from those in the first quadrant by reflection."""
    q = lax.complex(jnp.abs(z.real), jnp.abs(z.imag))
    value, slope, wave = _first_quadrant(q)
    # w(z) = 2 exp(-z**2) - w(-z), then w(-conj(z)) = conj(w(z)).
    below, left = z.imag < 0, z.real < 0
    value = jnp.where(below, lax.conj(wave - value), value)
    slope = jnp.where(below, -lax.conj(slope + 2 * q * wave), slope)
    value = jnp.where(left, lax.conj(value), value)
    return value, jnp.where(left, -lax.conj(slope), slope)


def _first_quadrant(q: Any) -> tuple[Any, Any, Any]:
    """``w(q)``, its derivative and ``2 exp(-q**2)``; no part of `q` is negative."""
    nodes = 8 if epsilon(q) > 1e-10 else 14
    h = math.sqrt(math.pi / nodes)
    largest = 1 / math.sqrt(epsilon(q))
    far = jnp.maximum(q.real, q.imag) > largest
    x, y = (jnp.where(far, 1, part) for part in (q.real, q.imag))
    phase = x / h
    # Where the pole is close to a midpoint, and close enough to the axis to matter.
    shifted = (y < x) & (jnp.abs(phase - jnp.floor(phase) - 0.5) <= 0.25)

    a, b, size = (x - y) * (x + y), 2 * x * y, x * x + y * y
    value_re = jnp.where(shifted, y / size / 2, 0)
    value_im = jnp.where(shifted, x / size / 2, 0)
    slope_re = slope_im = jnp.zeros_like(x)
    for k in range(nodes):
        middle, multiple = ((k + 0.5) * h) ** 2, ((k + 1.0) * h) ** 2
        square = jnp.where(shifted, multiple, middle)
        weight = jnp.where(shifted, math.exp(-multiple), math.exp(-middle))
        weight = weight / ((a - square) ** 2 + b * b)
        value_re += weight * (size + square) * y
        value_im += weight * (size - square) * x
        slope_re += weight * square * b
        slope_im += weight * square * (a - square)
    value = 2 * h / math.pi * lax.complex(value_re, value_im)
    slope = -4 * h / math.pi * lax.complex(slope_re, slope_im)

    wave = _wave(jnp.minimum(q.real, largest), jnp.minimum(q.imag, largest))
    pole = jnp.where(
        y < jnp.maximum(x, math.pi / h), wave * _residue(x, y, h, shifted), 0
    )
    value, slope = value + pole, slope - 2 * lax.complex(x, y) * pole

    # 1 / q, scaled such that no square overflows.
    limit = float(jnp.finfo(x.dtype).max)
    x, y = (jnp.where(far, jnp.minimum(part, limit), 1) for part in (q.real, q.imag))
    scale = jnp.maximum(x, y)
    x, y = x / scale, y / scale
    inverse = lax.complex(x, -y) / (x * x + y * y) / scale
    return (
        jnp.where(far, 1j / _ROOT_OF_PI * inverse, value),
        jnp.where(far, -1j / _ROOT_OF_PI * inverse * inverse, slope),
        wave,
    )


def _wave(x: Any, y: Any) -> Any:
    """``2 exp(-(x + 1j y)**2)``; no digits are lost to rounding squares."""
    coarse_x, coarse_y = (jnp.floor(64 * part) / 64 for part in (x, y))
    rest = (y - coarse_y) * (y + coarse_y) - (x - coarse_x) * (x + coarse_x)
    size = 2 * jnp.exp(coarse_y * coarse_y - coarse_x * coarse_x) * jnp.exp(rest)
    b = 2 * x * y
    # Infinity times sin(0) is 0.
    return lax.complex(size * jnp.cos(b), jnp.where(b == 0, 0, -size * jnp.sin(b)))


def _residue(x: Any, y: Any, h: float, shifted: Any) -> Any:
    """``1 / (1 +- exp(-2 pi i z / h))``, written with the inverse, which is small."""
    size, angle = jnp.exp(-2 * math.pi / h * y), 2 * math.pi / h * x
    sign = jnp.where(shifted, -1, 1)
    re, im = size * jnp.cos(angle), size * jnp.sin(angle)
    scale = (re + sign) ** 2 + im * im
    return lax.complex((size * size + sign * re) / scale, sign * im / scale)

"""Spence's function, the dilogarithm."""

import math
from typing import Any

from ... import numpy as jnp
from ..._higher_order import custom_jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._bernoulli import bernoulli_numbers
from ._precision import epsilon, of_reals, polynomial

# With Bernoulli's numbers, what follows ``u - u**2 / 4``: powers of u**2, times u**3.
_SERIES = [
    float(number) / math.factorial(k + 1)
    for k, number in enumerate(bernoulli_numbers(20))
    if k >= 2 and k % 2 == 0
]


@jit_when_eager
def spence(x: ArrayLike) -> Array:
    """Spence's function, the integral of ``log(t) / (1 - t)`` from 1 to `x`.

    It is the dilogarithm of ``1 - x``.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`, with a relative error of a few units
        in the last place. NaN for negative numbers.

    Raises:
        TypeError: `x` is complex.

    Source: the series in ``u = -log(x)`` is that of Debye's function, Abramowitz and
    Stegun 27.1.1; reflection and inversion 27.7.3 and 27.7.5.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.spence(0.0).round(4)
        Array(1.6449, dtype=float32)
    """
    return of_reals("spence", _spence, x)


@custom_jvp
def _spence(x: Any) -> Any:
    inverted = x > 2
    y = jnp.where(inverted, 1 / x, x)
    reflected = y < 0.5
    inner, middle = jnp.where(reflected, y, 0.25), jnp.where(reflected, 1, y)
    # XLA's log1p is off by 100 units in the last place below -0.3.
    complement = jnp.where(inner < 0.25, jnp.log1p(-inner), jnp.log(1 - inner))
    u = -jnp.where(reflected, complement, jnp.log(middle))
    series = u * (1 + u * (-0.25 + u * polynomial(_SERIES, u * u)))
    product = jnp.where(inner == 0, 0, jnp.log(inner) * complement)
    value = jnp.where(reflected, math.pi**2 / 6 - product - series, series)
    return jnp.where(inverted, -0.5 * jnp.log(x) ** 2 - value, value)


@_spence.defjvp
def _spence_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    t = 1 - x
    close = jnp.abs(t) < epsilon(x) ** 0.25
    series = -(1 + t * (1 / 2 + t * (1 / 3 + t / 4)))
    slope = jnp.where(close, series, jnp.log(x) / jnp.where(close, 1, t))
    return _spence(x), dx * slope

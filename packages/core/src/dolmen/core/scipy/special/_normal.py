"""The cumulative distribution of the normal distribution, its logarithm and inverse.

Integers are taken as floating point; half precision is computed in float32.
"""

import functools
import math
import operator
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ..._ir import value_error
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._precision import of_reals, ratio

_ROOT_OF_HALF = math.sqrt(0.5)
_LOG_ROOT_OF_2_PI = 0.5 * math.log(2 * math.pi)


@jit_when_eager
def ndtr(x: ArrayLike) -> Array:
    """Probability that a standard normal number is at most `x`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.ndtr(0.0)
        Array(0.5, dtype=float32)
    """
    return of_reals("ndtr", lambda x: 0.5 * lax.erfc(-_ROOT_OF_HALF * x), x)


def log_ndtr(x: ArrayLike, series_order: int = 3) -> Array:
    """Logarithm of `ndtr`, accurate where that underflows.

    Args:
        x: real numbers.
        series_order: positive; how many terms the asymptotic series has at least. As
            many as the dtype needs are taken anyway.

    Returns:
        A floating-point array of the shape of `x`.

    Raises:
        ValueError: `series_order` is not positive.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.log_ndtr(-100.0)
        Array(-5005.5244, dtype=float32)

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.2.12.
    """
    order = operator.index(series_order)
    if order < 1:
        raise value_error(f"log_ndtr: `series_order` must be positive, got {order}.")
    return _log_ndtr(x, order=order)


@jit_when_eager(static_argnames=("order",))
def _log_ndtr(x: Any, order: int) -> Any:
    pieces = functools.partial(_log_ndtr_in_pieces, max(order, 12))
    return of_reals("log_ndtr", pieces, x)


@functools.partial(custom_jvp, nondiff_argnums=(0,))
def _log_ndtr_in_pieces(order: int, x: Any) -> Any:
    low = x < -1
    upper = lax.log1p(-0.5 * lax.erfc(_ROOT_OF_HALF * jnp.where(low, 0, x)))
    x = jnp.where(low, x, -1)
    return jnp.where(low, lax.log(_scaled_tail(order, x)) - 0.5 * x * x, upper)


@_log_ndtr_in_pieces.defjvp
def _log_ndtr_jvp(order: int, primals: Any, tangents: Any) -> Any:
    """The density divided by the probability, each without its exponential factor."""
    (x,), (dx,) = primals, tangents
    low = x < -1
    upper = jnp.exp(-0.5 * x * x) / lax.erfc(-_ROOT_OF_HALF * jnp.where(low, 0, x))
    lower = 0.5 / _scaled_tail(order, jnp.where(low, x, -1))
    slope = jnp.where(low, lower, upper) * math.sqrt(2 / math.pi)
    return _log_ndtr_in_pieces(order, x), dx * slope


def _scaled_tail(order: int, x: Any) -> Any:
    """``ndtr(x) * exp(x**2 / 2)`` for `x` of at most -1."""
    # Beyond, `erfc` underflows; before, the series does not converge to full precision.
    edge = -20.0 if x.dtype == np.dtype("float64") else -10.0
    far = x < edge
    near = jnp.where(far, edge, x)
    product = 0.5 * lax.erfc(-_ROOT_OF_HALF * near) * jnp.exp(0.5 * near * near)
    x = jnp.where(far, x, edge)
    total = term = jnp.ones_like(x)
    step = 1 / (x * x)
    for n in range(1, order):
        term = term * (-(2 * n - 1)) * step
        total = total + term
    return jnp.where(far, total / (-x * math.sqrt(2 * math.pi)), product)


@jit_when_eager
def ndtri(p: ArrayLike) -> Array:
    """The number that a standard normal one is at most, with probability `p`.

    Args:
        p: probabilities.

    Returns:
        A floating-point array of the shape of `p`: ``-inf`` at 0, ``inf`` at 1, NaN
        outside.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.ndtri(0.5)
        Array(0., dtype=float32)

    Source: Wichura (1988), "Algorithm AS 241: the percentage points of the normal
    distribution", Applied Statistics 37.
    """
    return of_reals("ndtri", _ndtri, p)


# Numerators and denominators of Wichura's rational functions, lowest power first.
_CENTER = (
    (
        3.3871328727963666080,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ),
    (
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ),
)
_MIDDLE = (
    (
        1.42343711074968357734,
        4.63033784615654529590,
        5.76949722146069140550,
        3.64784832476320460504,
        1.27045825245236838258,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ),
    (
        1.0,
        2.05319162663775882187,
        1.67638483018380384940,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ),
)
_TAIL = (
    (
        6.65790464350110377720,
        5.46378491116411436990,
        1.78482653991729133580,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ),
    (
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
    ),
)


@custom_jvp
def _ndtri(p: Any) -> Any:
    middle = p - 0.5
    central = jnp.abs(middle) <= 0.425
    inner = jnp.where(central, middle, 0)
    center = inner * ratio(_CENTER, 0.180625 - inner * inner)
    tail = jnp.where(central, 0.5, jnp.minimum(p, 1 - p))
    root = jnp.sqrt(-jnp.log(tail))
    close = ratio(_MIDDLE, jnp.minimum(root, 5) - 1.6)
    far = ratio(_TAIL, jnp.clip(root, 5, 30) - 5)
    outside = jnp.sign(middle) * jnp.where(root <= 5, close, far)
    made = jnp.where(central, center, outside)
    made = jnp.where(p == 0, -math.inf, jnp.where(p == 1, math.inf, made))
    return jnp.where((p < 0) | (p > 1) | jnp.isnan(p), math.nan, made)


@_ndtri.defjvp
def _ndtri_jvp(primals: Any, tangents: Any) -> Any:
    (p,), (dp,) = primals, tangents
    x = _ndtri(p)
    return x, dp * jnp.exp(0.5 * x * x + _LOG_ROOT_OF_2_PI)

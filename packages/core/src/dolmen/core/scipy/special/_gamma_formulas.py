"""The gamma function of real numbers, and its logarithm in the complex plane.

Source: Stirling's series, Abramowitz and Stegun 6.1.40-41, where the argument is large
or made large by the recurrence; the power series 6.1.33 where the logarithm is small;
reflection 6.1.17. Hare (1997), "Computing the principal branch of log-gamma", J.
Algorithms 25, shows which branches belong together; ours follow from a form of the
reflection that has no cuts. The rational function interpolates precise values.
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ._bernoulli import bernoulli_numbers
from ._precision import epsilon, polynomial, ratio

_EULER = 0.5772156649015329
_NAN = complex(math.nan, math.nan)
_HALF_LOG_2_PI = 0.5 * math.log(2 * math.pi)

# The gamma function between 2 and 3, in the excess over 2.
_FROM_2_TO_3 = (
    (
        1.0,
        0.30111105498299073,
        0.10137117793719057,
        0.0019106810031471718,
        -0.0009640204258950283,
        -0.0013278449694612488,
        -0.0001558216604615012,
        -4.0569297952607645e-05,
    ),
    (
        1.0,
        -0.12167328011547689,
        -0.25902759565634353,
        0.0799565354435971,
        0.007586340093239919,
        -0.007032780840779669,
        0.0012165726151231635,
        -7.34627545810651e-05,
    ),
)

# What Stirling's formula lacks: powers of ``1 / z**2``, over ``z``.
_STIRLING = [
    float(number) / (k * (k - 1))
    for k, number in enumerate(bernoulli_numbers(20))
    if k >= 2 and k % 2 == 0
]


def _zeta_rest(k: int) -> float:
    """The sum of ``n**-k`` from 2 on; from 50 on by Euler and Maclaurin's formula."""
    n = 50.0
    rest = n / (k - 1) + 1 / 2 + k / n / 12 - k * (k + 1) * (k + 2) / n**3 / 720
    rest += math.prod(range(k, k + 5)) / n**5 / 30240
    return math.fsum([rest * n**-k, *(i**-k for i in range(2, 50))])


# The logarithm of the gamma function at 1 + z and at 2 + z, in powers of z, over z.
_AT_ONE = [-_EULER] + [(-1) ** k * (1 + _zeta_rest(k)) / k for k in range(2, 32)]
_AT_TWO = [1 - _EULER] + [(-1) ** k * _zeta_rest(k) / k for k in range(2, 28)]


@custom_jvp
def gamma_of_reals(x: Any) -> Any:
    """The gamma function; NaN at negative integers.

    Between -23 and 24 by the recurrence, which is exact for integers.
    """
    high, low = x >= 24, x < -23
    middle = jnp.where(high | low, 2, x)
    whole = jnp.floor(middle)
    above = below = jnp.ones_like(x)
    for k in range(1, 22):
        above *= jnp.where(whole >= k + 2, middle - k, 1)
    for k in range(25):
        below *= jnp.where(whole < 2 - k, middle + k, 1)
    value = above * ratio(_FROM_2_TO_3, middle - whole) / below

    most = 40 if epsilon(x) > 1e-10 else 180  # where the result is infinite
    y = jnp.clip(jnp.where(low, 1 - x, x), 24, most)
    # The power is cut in halves: it overflows before the gamma function does.
    half = y ** (0.5 * y - 0.25)
    series = polynomial(_STIRLING, 1 / (y * y)) / y
    large = half * jnp.exp(-y) * (half * jnp.exp(series + _HALF_LOG_2_PI))
    nearest = jnp.round(x)
    sine = jnp.sin(math.pi * (x - nearest))
    sine = jnp.where(lax.rem(nearest, jnp.full_like(x, 2)) == 0, sine, -sine)
    value = jnp.where(high, large, jnp.where(low, math.pi / (sine * large), value))
    return jnp.where((x < 0) & (x == jnp.floor(x)) | jnp.isnan(x), math.nan, value)


@gamma_of_reals.defjvp
def _gamma_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    value = gamma_of_reals(x)
    return value, dx * value * lax.digamma(x)


def loggamma_of_complex(z: Any) -> Any:
    """The branch that is real for positive numbers; NaN at the poles."""
    below, x = jnp.signbit(z.imag), z.real
    y = jnp.where(below, -z.imag, z.imag)
    reflected = x < 0.5
    right = _first_quadrant(lax.complex(jnp.where(reflected, 1 - x, x), y))
    # Of conj(1 - z) that was.
    sine = _log_sine(jnp.where(reflected, x, 0.25), jnp.where(reflected, y, 0.25))
    value = jnp.where(reflected, sine - lax.conj(right), right)
    value = jnp.where(below, lax.conj(value), value)
    return jnp.where((y == 0) & (x <= 0) & (x == jnp.floor(x)), _NAN, value)


def _log_sine(x: Any, y: Any) -> Any:
    """``log(pi / sin(pi z))`` for ``z = x + 1j y`` above the real axis, without a cut.

    It is ``log(2 pi) + pi i (z - 1/2) - log(1 - exp(2 pi i z))``.
    """
    angle = 2 * math.pi * (x - jnp.round(x))
    shrunk, half = jnp.expm1(-2 * math.pi * y), jnp.sin(0.5 * angle)
    rest = lax.complex(
        2 * (shrunk + 1) * half * half - shrunk, -(shrunk + 1) * jnp.sin(angle)
    )
    phase = lax.complex(-math.pi * y, math.pi * (x - 0.5))
    return math.log(2 * math.pi) + phase - lax.log(rest)


def _first_quadrant(z: Any) -> Any:
    """Where the real part is 1/2 at least, and the imaginary part not negative."""
    near_one, near_two = jnp.abs(z - 1) < 0.3, jnp.abs(z - 2) < 0.5
    w, v = jnp.where(near_one, z - 1, 0), jnp.where(near_two, z - 2, 0)
    power_series = w * polynomial(_AT_ONE, w) + v * polynomial(_AT_TWO, v)

    small = jnp.abs(z) < 10
    factor, product, turns = jnp.where(small, z, 1), jnp.ones_like(z), 0
    for k in range(10):
        last, product = product, product * jnp.where(small, factor + k, 1)
        # Factors turn by a quarter at most: no crossing of the cut goes unseen.
        turns += jnp.where((last.imag >= 0) & (product.imag < 0), 1, 0)
    steps = lax.log(product) + lax.complex(jnp.zeros_like(z.real), 2 * math.pi * turns)

    s = jnp.where(small, z + 10, z)
    stirling = (s - 0.5) * lax.log(s) - s + _HALF_LOG_2_PI
    stirling += polynomial(_STIRLING, 1 / (s * s)) / s
    return jnp.where(near_one | near_two, power_series, stirling - steps)

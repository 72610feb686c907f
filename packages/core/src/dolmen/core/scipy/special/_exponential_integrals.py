"""Exponential integrals.

Source: the series Abramowitz and Stegun 5.1.10-12, the continued fraction 5.1.22; the
form close to the zero of `expi` is that of Cody and Thacher (1969), "Chebyshev
approximations for the exponential integral Ei(x)", Math. Comp. 23. The rational
functions interpolate values of high precision.
"""

import functools
import math
from collections.abc import Sequence
from typing import Any

from ... import numpy as jnp
from ..._higher_order import SymbolicZero, custom_jvp
from ..._ir import value_error
from ..._special._iteration import converge, lentz
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._gamma import gamma
from ._precision import of_reals, polynomial, ratio

_EULER = 0.5772156649015329

# ``x exp(x) E1(x)`` in ``1 / x``, where `x` is at least 1.
_UPPER = (
    (
        1.0,
        48.77503944469887,
        938.4994280715987,
        9259.049284459841,
        51058.23173858961,
        161315.36935277545,
        288814.3627262294,
        280872.9855732617,
        136663.8108613363,
        28555.650424350453,
        1835.7239440407782,
        8.103359617457244,
    ),
    (
        1.0,
        49.77503944469887,
        986.2744675162976,
        10151.773673086727,
        59512.10671331862,
        205366.9745769325,
        417650.18359135545,
        488774.18776905537,
        312690.97853568225,
        99715.23184782635,
        13343.996738238386,
        503.73166103234223,
    ),
)

# ``x exp(-x) Ei(x)`` between 12 and 40, over which ``1 / x`` falls from 1 to 0 in the
# variable.
_MIDDLE = (
    (
        1.0263545114390058,
        -1.0056532944859713,
        5.398586622691663,
        -3.916947434499597,
        8.467880271428601,
        -3.825389136733183,
        4.3749118876475785,
        -0.7902271209411714,
        0.5725334654033585,
        0.08360754705777765,
        0.0036029666455553977,
        0.01137141789401679,
    ),
    (
        1.0,
        -1.0430903651421133,
        5.31744678541103,
        -4.145715320720673,
        8.468836398967287,
        -4.237048122635777,
        4.463298442300558,
        -1.030671370877898,
        0.5883224342310767,
        0.045097887257201465,
        -0.005038307489275399,
        0.008182332374161246,
    ),
)

# The entire part ``E1(x) + log(x) + euler``, divided by `x`.
_ENTIRE = [(-1) ** k / ((k + 1) * math.factorial(k + 1)) for k in range(22)]

# A number of single precision close to the zero of `expi`, and the value there.
_NEAR = 0.3725074231624603
_AT_NEAR = 4.82394115453812e-08


def _over_near(terms: int) -> list[float]:
    """``(P(x) - P(near)) / (x - near)``, where ``P(x) = Ei(x) - log(x) - euler``."""
    powers = [1 / (k * math.factorial(k)) for k in range(1, terms)]
    coefficients = [powers[-1]]
    for power in powers[-2::-1]:
        coefficients.append(coefficients[-1] * _NEAR + power)
    return coefficients[::-1]


_QUOTIENT = _over_near(56)


@jit_when_eager
def exp1(x: ArrayLike) -> Array:
    """Exponential integral: of ``exp(-t) / t`` from `x` to infinity.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`, with a relative error of a few units
        in the last place. Infinite at 0, NaN for negative numbers.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.exp1(1.0).round(2)
        Array(0.22, dtype=float32)
    """
    return of_reals("exp1", _exp1, x)


@custom_jvp
def _exp1(x: Any) -> Any:
    small = x <= 1
    inner, outer = jnp.where(small, x, 1), jnp.where(small, 1, x)
    series = inner * polynomial(_ENTIRE, inner) - (jnp.log(inner) + _EULER)
    return jnp.where(small, series, jnp.exp(-outer) / outer * ratio(_UPPER, 1 / outer))


@_exp1.defjvp
def _exp1_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _exp1(x), -dx * jnp.exp(-x) / x


@jit_when_eager
def expi(x: ArrayLike) -> Array:
    """Exponential integral: the principal value of ``exp(t) / t`` integrated up to `x`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`, with a relative error of a few units
        in the last place, also around its zero at 0.3725.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.expi(1.0).round(4)
        Array(1.8951, dtype=float32)
    """
    return of_reals("expi", _expi, x)


@custom_jvp
def _expi(x: Any) -> Any:
    inner = jnp.clip(x, 0, 12)
    excess = inner - _NEAR
    close = jnp.abs(excess) < 0.5 * _NEAR
    logarithm = jnp.where(
        close,
        jnp.log1p(jnp.where(close, excess, 0) / _NEAR),
        jnp.log(inner / _NEAR),
    )
    small = logarithm + excess * polynomial(_QUOTIENT, inner) + _AT_NEAR
    inverse = 1 / jnp.maximum(x, 12)
    middle = ratio(_MIDDLE, (inverse - 1 / 40) / (1 / 12 - 1 / 40))
    # The asymptotic series is cut where its terms are smallest.
    far = jnp.ones_like(x)
    for k in range(39, 0, -1):
        far = 1 + k * jnp.minimum(inverse, 1 / 40) * far
    # Half the exponent, twice: the quotient is finite for longer than the exponential.
    half = jnp.exp(0.5 * x)
    large = half * (jnp.where(x > 40, far, middle) * inverse * half)
    negative = -_exp1(jnp.where(x < 0, -x, 1))
    positive = jnp.where(x > 12, jnp.where(x == math.inf, x, large), small)
    return jnp.where(x < 0, negative, positive)


@_expi.defjvp
def _expi_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _expi(x), dx * jnp.exp(x) / x


@jit_when_eager
def expn(n: ArrayLike, x: ArrayLike) -> Array:
    """Exponential integral of an order: of ``exp(-x t) / t**n`` from 1 to infinity.

    Args:
        n: nonnegative numbers, the orders; mostly whole.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape, with a relative error
        of a few units in the last place for whole `n`. For others it grows where `x` is
        below 1 and `n` close to a whole number. NaN for negative numbers.

    Raises:
        TypeError: an argument is complex.
        ValueError: the derivative by `n` is asked for.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.expn(2, 1.0).round(4)
        Array(0.1485, dtype=float32)
    """
    return of_reals("expn", _expn, n, x)


@custom_jvp
def _expn(n: Any, x: Any) -> Any:
    n, x = jnp.broadcast_arrays(n, x)
    by_fraction = x > 1
    series = _series(jnp.where(by_fraction, 1, n), jnp.where(by_fraction, 0.5, x))
    # Far out, where the exponential vanishes, infinity is as good as 1e5.
    far = jnp.where(by_fraction, jnp.clip(x, 1e-30, 1e5), 2)
    fraction = jnp.exp(-x) * _fraction(jnp.where(by_fraction, n, 1), far)
    value = jnp.where(by_fraction, fraction, series)
    value = jnp.where(n == 0, jnp.exp(-x) / x, value)
    at_zero = jnp.where(n > 1, 1 / (n - 1), math.inf)
    return jnp.where((x < 0) | (n < 0), math.nan, jnp.where(x == 0, at_zero, value))


@functools.partial(_expn.defjvp, symbolic_zeros=True)
def _expn_jvp(primals: Any, tangents: Any) -> Any:
    (n, x), (dn, dx) = primals, tangents
    if not isinstance(dn, SymbolicZero):
        raise value_error(
            "expn: the derivative by `n` is not implemented.",
            "Stop the gradient of `n` with `lax.stop_gradient`.",
        )
    value = _expn(n, x)
    below = jnp.where(
        n < 1, (jnp.exp(-x) + (1 - n) * value) / x, _expn(jnp.maximum(n, 1) - 1, x)
    )
    return value, -dx * below


def _series(n: Any, x: Any) -> Any:
    """For positive `n` and `x` up to 1; one term of a whole order has a logarithm."""
    total, power, digamma = jnp.zeros_like(x), jnp.ones_like(x), -_EULER
    for k in range(20):
        with_logarithm = n == k + 1
        usual = 1 / jnp.where(with_logarithm, 1, n - (k + 1))
        total += power * jnp.where(with_logarithm, digamma - jnp.log(x), usual)
        power, digamma = power * -x / (k + 1), digamma + 1 / (k + 1)
    whole = n == jnp.floor(n)
    order = jnp.where(whole, 0.5, n)
    return total + jnp.where(whole, 0, gamma(1 - order) * x ** (order - 1))


def _fraction(n: Any, x: Any) -> Any:
    first = 1 / (x + n)

    def step(k: Any, *state: Any) -> Sequence[Any]:
        return lentz(-k * (n - 1 + k), x + n + 2 * k, *state)

    return converge(step, (first, jnp.full_like(x, 1e30), first))[0]

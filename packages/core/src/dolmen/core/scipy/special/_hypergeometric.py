"""Hypergeometric functions of real numbers: of Kummer, and of Gauss.

Both are series where these converge fast; transformations lead there. Where Gauss's
series converges slowly, close to its singularity at 1, the differential equation takes
over: Taylor steps of half the distance to 1 each, which no relation of the parameters
disturbs, as the usual transformation to ``1 - x`` is by whole ``c - a - b``.

Source: Abramowitz and Stegun 13.1.2, 13.1.27, 13.5.1, 15.1.1, 15.1.20, 15.3.3-4 and
15.5.1. Derivatives by the parameters are those of the steps.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._higher_order import SymbolicZero, custom_jvp
from ..._transforms import jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._gamma import gammaln, gammasgn
from ._gamma_formulas import gamma_of_reals
from ._precision import epsilon, of_reals

_STEPS = 50_000


@jit_when_eager
def hyp1f1(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """Kummer's hypergeometric function, the solution of ``x w'' + (b - x) w' = a w``.

    Args:
        a: real numbers.
        b: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape; infinite where `b` is 0
        or a negative integer, unless the series ends before. The relative error is some
        dozen units in the last place where the terms of the series have one sign: for
        positive `a` and `b`, and for negative `x` if `a` is below `b`. Otherwise it
        grows with their cancellation.

    Raises:
        TypeError: an argument is complex.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.hyp1f1(1.0, 1.0, 0.0)
        Array(1., dtype=float32)
    """
    return of_reals("hyp1f1", _broadcast(_hyp1f1), a, b, x)


@jit_when_eager
def hyp2f1(a: ArrayLike, b: ArrayLike, c: ArrayLike, x: ArrayLike) -> Array:
    """Gauss's hypergeometric function, for real `x` up to 1.

    Args:
        a: real numbers.
        b: real numbers.
        c: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape; infinite where `c` is 0
        or a negative integer and for `x` above 1, unless the series ends before. The
        relative error is some dozen units in the last place for parameters of moderate
        size; it grows where the terms of the series cancel.

    Raises:
        TypeError: an argument is complex.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.hyp2f1(1.0, 1.0, 1.0, 0.5)
        Array(2., dtype=float32)
    """
    return of_reals("hyp2f1", _broadcast(_hyp2f1), a, b, c, x)


def _broadcast(function: Callable[..., Any]) -> Callable[..., Any]:
    return lambda *args: function(*jnp.broadcast_arrays(*args))


# ---- derivatives -------------------------------------------------------------------


def _tangent(
    value: Callable[..., Any], by_x: Callable[..., Any], primals: Any, tangents: Any
) -> Any:
    """The tangent of a function with the derivative `by_x` by its last argument."""
    slope = jnp.zeros_like(primals[0])
    for i, tangent in enumerate(tangents):
        if isinstance(tangent, SymbolicZero):
            continue
        if i == len(primals) - 1:
            slope += tangent * by_x(*primals)
        else:
            # By a unit tangent, and so linear in the one that was given.
            along = functools.partial(_with, value, primals, i)
            one = (jnp.ones_like(primals[i]),)
            slope += tangent * jvp(along, (primals[i],), one)[1]
    return slope


def _with(function: Callable[..., Any], args: Any, i: int, arg: Any) -> Any:
    return function(*args[:i], arg, *args[i + 1 :])


@custom_jvp
def _hyp1f1(a: Any, b: Any, x: Any) -> Any:
    return _kummer(a, b, x)


@functools.partial(_hyp1f1.defjvp, symbolic_zeros=True)
def _hyp1f1_jvp(primals: Any, tangents: Any) -> Any:
    def by_x(a: Any, b: Any, x: Any) -> Any:
        return a / b * _hyp1f1(a + 1, b + 1, x)

    return _hyp1f1(*primals), _tangent(_kummer, by_x, primals, tangents)


@custom_jvp
def _hyp2f1(a: Any, b: Any, c: Any, x: Any) -> Any:
    return _gauss(a, b, c, x)


@functools.partial(_hyp2f1.defjvp, symbolic_zeros=True)
def _hyp2f1_jvp(primals: Any, tangents: Any) -> Any:
    def by_x(a: Any, b: Any, c: Any, x: Any) -> Any:
        return a * b / c * _hyp2f1(a + 1, b + 1, c + 1, x)

    return _hyp2f1(*primals), _tangent(_gauss, by_x, primals, tangents)


# ---- series ------------------------------------------------------------------------


def _sum(ratio: Callable[[Any], Any], first: Any) -> Any:
    """The sum of terms of which `ratio` gives the quotient of number ``k + 1`` and `k`.

    It ends where terms are negligible and will stay so.
    """
    small = epsilon(first) / 16

    def step(carry: Any) -> Any:
        k, _, term, total = carry
        quotient = ratio(k)
        # What has ended stays so, at an infinite argument too.
        term = jnp.where(term == 0, 0, term * quotient)
        total = total + term
        growing = (jnp.abs(quotient) > 0.95) & (term != 0)
        moving = (growing | (jnp.abs(term) > small * jnp.abs(total))) & (
            jnp.abs(total) < math.inf
        )
        return k + 1, jnp.any(moving), term, total

    start = np.zeros((), first.dtype), np.asarray(True), first, first
    return lax.while_loop(lambda c: c[1] & (c[0] < _STEPS), step, start)[3]


def _quotient(x: Any, factors: Any, divisors: Any, k: Any) -> Any:
    """Of two terms: 0 where the series ends, also if a divisor is 0 there."""
    above, below = jnp.ones_like(x), k + 1
    for factor in factors:
        above = above * (factor + k)
    for divisor in divisors:
        below = below * (divisor + k)
    ratio = above / jnp.where(below == 0, 1, below)
    return jnp.where(above == 0, 0, ratio * x)


def _ends(x: Any) -> Any:
    return (x <= 0) & (x == jnp.floor(x))


def _has_pole(below: Any, *above: Any) -> Any:
    """Where `below` is a pole that no end of the series precedes."""
    ends = functools.reduce(
        lambda x, y: x | y, [_ends(x) & (x >= below) for x in above]
    )
    return _ends(below) & ~ends


def _gamma_quotient(a: Any, b: Any) -> Any:
    """``gamma(a) / gamma(b)``; through logarithms where these functions are huge."""
    large = (jnp.abs(a) > 25) | (jnp.abs(b) > 25)
    small_a, small_b = jnp.where(large, 1, a), jnp.where(large | _ends(b), 1, b)
    value = gamma_of_reals(small_a) / gamma_of_reals(small_b)
    a, b = jnp.where(large, a, 1), jnp.where(large & ~_ends(b), b, 1)
    logarithm = gammaln(a) - gammaln(b)
    return jnp.where(large, gammasgn(a) * gammasgn(b) * jnp.exp(logarithm), value)


# ---- Kummer ------------------------------------------------------------------------


def _kummer(a: Any, b: Any, x: Any) -> Any:
    negative = (x < 0) & ~_ends(a)
    far, is_far = _kummer_far(a, b, jnp.where(negative, -x, 1))
    is_far = is_far & negative & ~_ends(b - a)
    # For negative x, exp(x) M(b - a, b, -x): half of the exponential comes in advance.
    half = jnp.exp(0.5 * jnp.where(negative, x, 0))
    first, y = jnp.where(negative, b - a, a), jnp.where(is_far, 0, jnp.abs(x))
    y = jnp.where(~negative & (x < 0), x, y)
    near = half * _sum(lambda k: _quotient(y, [first], [b], k), half)
    value = jnp.where(is_far, far, near)
    value = jnp.where(_has_pole(b, a), math.inf, value)
    return jnp.where(jnp.isnan(a + b + x), math.nan, value)


def _kummer_far(a: Any, b: Any, x: Any) -> tuple[Any, Any]:
    """The function of ``-x`` by its asymptotic series, and where that is exact."""

    def step(k: Any, carry: Any) -> Any:
        term, total = carry
        # Once a term is negligible no more are added: they grow again.
        enough = jnp.abs(term) <= epsilon(x) * jnp.abs(total)
        after = term * (a + k) * (a - b + 1 + k) / ((k + 1) * x)
        return jnp.where(enough, term, after), total + jnp.where(enough, 0, after)

    one = jnp.ones_like(x)
    terms = 30 if epsilon(x) > 1e-10 else 60
    term, total = lax.fori_loop(0, terms, step, (one, one))
    exact = (x > 15) & (jnp.abs(term) <= epsilon(x) * jnp.abs(total))
    return _gamma_quotient(b, jnp.where(_ends(b - a), 1, b - a)) * x**-a * total, exact


# ---- Gauss -------------------------------------------------------------------------


def _gauss(a: Any, b: Any, c: Any, x: Any) -> Any:
    a, b = jnp.maximum(a, b), jnp.minimum(a, b)
    finite = _ends(a) | _ends(b)
    # (1 - x)**-a F(a, c - b, c, x / (x - 1)) for negative x.
    negative = (x < 0) & ~finite
    rest = jnp.where(negative, 1 / (1 - x), 1 - x)
    y = jnp.where(negative, -x * rest, x)
    close = (rest < 0.1) & ~finite
    first, second = a, jnp.where(negative, c - b, b)
    # (1 - y)**(c - a - b) F(c - a, c - b, c, y), where F is bounded at 1.
    excess = c - first - second
    turned = close & (excess < 0)
    first = jnp.where(turned, c - first, first)
    second = jnp.where(turned, c - second, second)
    inside = (rest > 0) | finite
    near = jnp.where(inside, jnp.where(close, 0.9, y), 0)
    value = _gauss_series(first, second, c, near)
    slope = _gauss_series(first + 1, second + 1, c + 1, 0.9 * close)
    slope = first * second / c * slope
    followed = _follow(first, second, c, value, slope, jnp.where(close, rest, 0.1))
    value = jnp.where(close, followed, value)
    power = jnp.where(negative, a, 0) + jnp.where(turned, excess, 0)
    value = value * jnp.where(negative | turned, rest, 1) ** power
    value = jnp.where((x == 1) & ~finite, _gauss_at_one(a, b, c), value)
    outside = (x > 1) & ~finite | _has_pole(c, a, b)
    value = jnp.where(outside, math.inf, value)
    return jnp.where(jnp.isnan(a + b + c + x), math.nan, value)


def _gauss_series(a: Any, b: Any, c: Any, x: Any) -> Any:
    return _sum(lambda k: _quotient(x, [a, b], [c], k), jnp.ones_like(x))


def _gauss_at_one(a: Any, b: Any, c: Any) -> Any:
    s = c - a - b
    safe = jnp.where(s > 0, s, 1)
    value = _gamma_quotient(c, c - a) * _gamma_quotient(safe, c - b)
    value = jnp.where(_ends(c - a) | _ends(c - b), 0, value)
    return jnp.where(s > 0, value, math.inf)


def _follow(a: Any, b: Any, c: Any, value: Any, slope: Any, rest: Any) -> Any:
    """The solution from 0.9, with `value` and `slope` there, to ``1 - rest``."""
    terms = 30 if epsilon(value) > 1e-10 else 60

    def step(carry: Any) -> Any:
        count, distance, value, slope = carry
        after = jnp.maximum(0.5 * distance, rest)
        z, t = 1 - distance, distance - after

        # Coefficients times powers of t: `u` of k and `v` of k + 1.
        def add(k: Any, state: Any) -> Any:
            u, v, total, moved = state
            first = (k + 1) * ((1 - 2 * z) * k + c - (a + b + 1) * z)
            w = (k + a) * (k + b) * u * t * t - first * v * t
            w = w / (z * distance * (k + 1) * (k + 2))
            return v, w, total + w, moved + (k + 2) * w

        v = slope * t
        *_, total, moved = lax.fori_loop(0, terms, add, (value, v, value + v, v))
        # Where nothing is left to go, all stays.
        here = t == 0
        slope = jnp.where(here, slope, moved / jnp.where(here, 1, t))
        return count + 1, after, total, slope

    def unfinished(carry: Any) -> Any:
        return jnp.any(carry[1] > rest) & (carry[0] < 1100)

    start = np.zeros((), np.int32), jnp.full_like(value, 0.1), value, slope
    return lax.while_loop(unfinished, step, start)[2]

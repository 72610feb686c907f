"""Incomplete gamma functions and their derivatives by the shape parameter.

With the weight `w = x**a exp(-x) / Γ(a + 1)`, the lower function is `w S(a, x)` by the
series `S = Σ x**n / ((a + 1) ... (a + n))`, and the upper one `w a F(a, x)` by a
continued fraction `F`; each is used where it converges fast and nothing cancels.

Source: Abramowitz and Stegun 6.5.29 and 6.5.31, split at x = max(a, 1) as in Cephes.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._ops._arithmetic import mul, neg, sub
from .._ops._elementwise import Term, constant_like, not_derived
from .._ops._transcendental import digamma, exp, expm1, lgamma, log, log1p
from .._tracing import bind
from .._transforms import jvp
from ._iteration import Expanded, converge, first_of, lentz, where

_EULER = 0.5772156649015329


def igamma(a: Any, x: Any) -> Any:
    """Elementwise regularized lower incomplete gamma function `P(a, x)`.

    Args:
        a: floating point, not negative.
        x: of the dtype of `a` and its shape, or one of the two has none; not negative.

    Returns:
        An array of the operands' shape; NaN where one is negative or both are zero.
        Relative accuracy falls where `a` is above 1e7 and `x` close to it.

    Example:
        >>> from dolmen.core import lax
        >>> lax.igamma(1.0, 2.0)
        Array(0.86466473, dtype=float32, weak_type=True)
    """
    return bind(Igamma(), a, x)


def igammac(a: Any, x: Any) -> Any:
    """Elementwise regularized upper incomplete gamma function `Q(a, x) = 1 - P(a, x)`.

    Accurate where it is small; see `igamma`.

    Args:
        a: floating point, not negative.
        x: of the dtype of `a` and its shape, or one of the two has none; not negative.

    Returns:
        An array of the operands' shape; NaN where one is negative or both are zero.

    Example:
        >>> from dolmen.core import lax
        >>> lax.igammac(1.0, 2.0)
        Array(0.13533528, dtype=float32, weak_type=True)
    """
    return bind(Igammac(), a, x)


def igamma_grad_a(a: Any, x: Any) -> Any:
    """Elementwise derivative of `igamma` by `a`.

    Args:
        a: floating point, positive.
        x: of the dtype of `a` and its shape, or one of the two has none; not negative.

    Returns:
        An array of the operands' shape; NaN where an operand is out of bounds. It has
        no derivative by `a` itself.

    Example:
        >>> from dolmen.core import lax
        >>> lax.igamma_grad_a(1.0, 2.0)
        Array(-0.220825..., dtype=float32, weak_type=True)
    """
    return bind(IgammaGradA(), a, x)


def random_gamma_grad(a: Any, sample: Any) -> Any:
    """Elementwise derivative of a gamma-distributed sample by its shape parameter.

    The sample moves with `a` such that `igamma(a, sample)` stays the same.

    Args:
        a: floating point, positive.
        sample: of the dtype of `a` and its shape, or one of the two has none.

    Returns:
        An array of the operands' shape; NaN where an operand is out of bounds. It has
        no derivative itself.

    Source: implicit reparameterization, Figurnov et al. (2018), arXiv:1805.08498.

    Example:
        >>> from dolmen.core import lax
        >>> lax.random_gamma_grad(1.0, 2.0)
        Array(1.63169..., dtype=float32, weak_type=True)
    """
    return bind(RandomGammaGrad(), a, sample)


def _log_weight(a: Any, x: Any) -> Any:
    """`log w`, for large `a` without the cancellation of `a log x` with `lgamma`."""
    a_small, a_large = where(a < 10, a, 1.0), where(a < 10, 10.0, a)
    small = a_small * log(x) - x - lgamma(a_small + 1)
    excess = (x - a_large) / a_large
    r = 1 / (a_large * a_large)
    # Stirling's series, Abramowitz and Stegun 6.1.41.
    terms = (-691 / 360360, 1 / 1188, -1 / 1680, 1 / 1260, -1 / 360, 1 / 12)
    rest = 0.0
    for term in terms:
        rest = rest * r + term
    large = a_large * (log1p(excess) - excess) - rest / a_large
    return where(a < 10, small, large - 0.5 * log(2 * math.pi * a_large))


def _in_series(a: Any, x: Any) -> Any:
    return (x <= 1) | (x <= a)


def _interleaved(values: Sequence[Any], slopes: Sequence[Any]) -> list[Any]:
    return [x for pair in zip(values, slopes, strict=True) for x in pair]


class _Expansion(NamedTuple):
    """A series or a fraction: its first state and its step, functions of `a`."""

    start: Callable[[Any], list[Any]]
    step: Callable[..., Sequence[Any]]

    def value(self, a: Any) -> Any:
        """The limit."""
        return converge(lambda k, *state: self.step(k, a, *state), self.start(a))[0]

    def value_and_slope(self, a: Any) -> tuple[Any, Any]:
        """The limit and its derivative by `a`, that of the steps."""
        one = a * 0 + 1
        values, slopes = jvp(self.start, (a,), (one,))

        def step(k: Any, *state: Any) -> list[Any]:
            after, moved = jvp(
                lambda a, *values: list(self.step(k, a, *values)),
                (a, *state[::2]),
                (one, *state[1::2]),
            )
            return _interleaved(after, moved)

        value, slope, *_ = converge(step, _interleaved(values, slopes), watched=2)
        return value, slope


def _series(a: Any, x: Any) -> tuple[_Expansion, Any]:
    """`S`, and its `a`; something harmless where the fraction is used."""
    inside = _in_series(a, x)
    a, x = where(inside, a, 1.0), where(inside, x, 0.0)

    def start(a: Any) -> list[Any]:
        return [a * 0 + 1, a * 0 + 1]

    def step(k: Any, a: Any, total: Any, term: Any) -> Sequence[Any]:
        term = term * (x / (a + k))
        return total + term, term

    return _Expansion(start, step), a


def _fraction(a: Any, x: Any) -> tuple[_Expansion, Any]:
    """`F`, and its `a`; something harmless where the series is used."""
    inside = _in_series(a, x)
    a, x = where(inside, 1.0, a), where(inside, 9.0, x)

    def start(a: Any) -> list[Any]:
        first = 1 / (x + 1 - a)
        return [first, a * 0 + 1e30, first]

    def step(k: Any, a: Any, *state: Any) -> Sequence[Any]:
        return lentz(k * (a - k), x + (2 * k + 1) - a, *state)

    return _Expansion(start, step), a


def _both(a: Any, x: Any) -> tuple[Any, Any]:
    """The lower and the upper function, each without cancellation where it is small."""
    series, series_a = _series(a, x)
    fraction, fraction_a = _fraction(a, x)
    weight = exp(_log_weight(a, x))
    lower = weight * series.value(series_a)
    upper = weight * a * fraction.value(fraction_a)
    inside = _in_series(a, x)
    rest = where((a < 0.5) & (x <= 1), _upper_of_small(a, x), 1 - lower)
    return where(inside, lower, 1 - upper), where(inside, rest, upper)


# Of ζ(k) - 1, from k = 2 on, by Euler and Maclaurin's sum.
_ZETA_MINUS_1 = [
    sum(n**-k for n in range(2, 100))
    + 100.0 ** (1 - k) / (k - 1)
    + 100.0**-k / 2
    + k * 100.0 ** (-k - 1) / 12
    - k * (k + 1) * (k + 2) * 100.0 ** (-k - 3) / 720
    for k in range(2, 28)
]


def _upper_of_small(a: Any, x: Any) -> Any:
    """`Q` for `a` below 1/2 and `x` up to 1; it is about `a`, which `1 - P` forgets.

    By `P = x**a / Γ(a + 1) (1 + a T)` with `T = Σ (-x)**n / ((a + n) n!)`; the
    logarithm of `Γ(a + 1)` is Abramowitz and Stegun 6.1.33.
    """
    inside = (a < 0.5) & (x <= 1)
    a, x = where(inside, a, 0.25), where(inside, x, 1.0)
    tail = 0.0
    for k, zeta_minus_1 in reversed(list(enumerate(_ZETA_MINUS_1, 2))):
        tail = (-1) ** k * zeta_minus_1 / k + tail * a
    log_gamma = a * (1 - _EULER + a * tail) - log1p(a)
    factor = expm1(a * log(x) - log_gamma)

    def step(k: Any, total: Any, power: Any) -> Sequence[Any]:
        power = power * (-x / k)
        return total + power / (a + k), power

    total = converge(step, [a * 0 + x * 0, a * 0 + x * 0 + 1])[0]
    return -(factor + (1 + factor) * a * total)


def _at_edges(value: Any, a: Any, x: Any, low: float, high: float) -> Any:
    """`value`, but the limits `low` at `x = 0` and `high` at infinity."""
    both_limits = ((a == 0) & (x == 0)) | ((a == math.inf) & (x == math.inf))
    return first_of(
        value,
        ((a < 0) | (x < 0) | both_limits, math.nan),
        ((x == 0) | (a == math.inf), low),
        ((a == 0) | (x == math.inf), high),
    )


def _slope(a: Any, x: Any) -> Any:
    """The derivative of `P` by `a`, divided by the weight."""
    series, series_a = _series(a, x)
    fraction, fraction_a = _fraction(a, x)
    s, ds = series.value_and_slope(series_a)
    f, df = fraction.value_and_slope(fraction_a)
    in_series = (log(x) - digamma(a + 1)) * s + ds
    in_fraction = -a * ((log(x) - digamma(a)) * f + df)
    return where(_in_series(a, x), in_series, in_fraction)


def _density(a: Any, x: Any) -> Any:
    """The derivative of `P` by `x`."""
    return exp(sub(sub(mul(sub(a, constant_like(a, 1)), log(x)), x), lgamma(a)))


class Igamma(Expanded):
    """Regularized lower incomplete gamma function."""

    def value(self, args: Sequence[Any]) -> Any:
        """By series or fraction."""
        a, x = args
        return _at_edges(_both(a, x)[0], a, x, 0.0, 1.0)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """The density of the gamma distribution by `x`."""
        a, x = args
        return (
            lambda tangent: mul(tangent, igamma_grad_a(a, x)),
            lambda tangent: mul(tangent, _density(a, x)),
        )


class Igammac(Expanded):
    """Regularized upper incomplete gamma function."""

    def value(self, args: Sequence[Any]) -> Any:
        """By series or fraction."""
        a, x = args
        return _at_edges(_both(a, x)[1], a, x, 1.0, 0.0)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """Those of the lower function, negated."""
        a, x = args
        return (
            lambda tangent: neg(mul(tangent, igamma_grad_a(a, x))),
            lambda tangent: neg(mul(tangent, _density(a, x))),
        )


def _in_bounds(value: Any, a: Any, x: Any) -> Any:
    outside = (a <= 0) | (x < 0) | (a == math.inf)
    return first_of(value, (outside, math.nan), ((x == 0) | (x == math.inf), 0.0))


class IgammaGradA(Expanded):
    """Derivative of the lower incomplete gamma function by its shape parameter."""

    def value(self, args: Sequence[Any]) -> Any:
        """By the derivative of the series or of the fraction."""
        a, x = args
        return _in_bounds(exp(_log_weight(a, x)) * _slope(a, x), a, x)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """By `x` the derivative of the density by `a`."""
        a, x = args
        return (
            not_derived(self.name, "a"),
            lambda tangent: mul(tangent, mul(_density(a, x), sub(log(x), digamma(a)))),
        )


class RandomGammaGrad(Expanded):
    """Derivative of a gamma sample by its shape parameter."""

    def value(self, args: Sequence[Any]) -> Any:
        """`-dP/da / dP/dx`, where the weights cancel."""
        a, x = args
        return _in_bounds(-(x / a) * _slope(a, x), a, x)

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """None is known."""
        return not_derived(self.name, "a"), not_derived(self.name, "sample")

"""The regularized incomplete beta function."""

import math
from collections.abc import Sequence
from typing import Any

from .._ops._arithmetic import add, mul, neg, sub
from .._ops._elementwise import Term, constant_like, not_derived
from .._ops._transcendental import exp, lgamma, log, log1p
from .._tracing import bind
from ._iteration import Expanded, converge, first_of, lentz, where


def betainc(a: Any, b: Any, x: Any) -> Any:
    """Elementwise regularized incomplete beta function `I_x(a, b)`.

    Args:
        a: floating point, not negative.
        b: of the dtype of `a`, not negative.
        x: of the dtype of `a`, between zero and one. Operands without axes stretch to
            the shape of the others.

    Returns:
        An array of the operands' shape; NaN where an operand is out of bounds. No
        derivatives by `a` and `b`.

    Source: Abramowitz and Stegun 26.5.8; the modified method of Lentz.

    Example:
        >>> from dolmen.core import lax
        >>> lax.betainc(1.0, 2.0, 0.5)
        Array(0.75000006, dtype=float32, weak_type=True)
    """
    return bind(Betainc(), a, b, x)


def _log_beta(a: Any, b: Any) -> Any:
    return sub(add(lgamma(a), lgamma(b)), lgamma(add(a, b)))


class Betainc(Expanded):
    """Regularized incomplete beta function."""

    def value(self, args: Sequence[Any]) -> Any:
        """By a continued fraction, on the side of the mean where it converges fast."""
        a, b, x = args
        flip = x > (a + 1) / (a + b + 2)
        p, q, y = where(flip, b, a), where(flip, a, b), where(flip, 1 - x, x)

        def step(k: Any, *state: Any) -> Sequence[Any]:
            even = k * (q - k) * y / ((p + 2 * k - 1) * (p + 2 * k))
            odd = -(p + k) * (p + q + k) * y / ((p + 2 * k) * (p + 2 * k + 1))
            return lentz(odd, 1.0, *lentz(even, 1.0, *state))

        d = 1 / (1 - (p + q) * y / (p + 1))
        fraction = converge(step, (d, d * 0 + 1, d))[0]
        front = exp(a * log(x) + b * log1p(-x) - _log_beta(a, b)) / p
        part = front * fraction
        return first_of(
            where(flip, 1 - part, part),
            ((x < 0) | (x > 1) | (a < 0) | (b < 0), math.nan),
            ((a == 0) & (b == 0), math.nan),
            ((a == math.inf) & (b == math.inf), math.nan),
            ((x == 0) | (b == 0) | (a == math.inf), 0.0),
            ((x == 1) | (a == 0) | (b == math.inf), 1.0),
        )

    def terms(self, out: Any, args: Sequence[Any]) -> Sequence[Term]:
        """By `x` the density of the beta distribution."""
        a, b, x = args
        one = constant_like(x, 1)

        def by_x(tangent: Any) -> Any:
            powers = add(mul(sub(a, one), log(x)), mul(sub(b, one), log1p(neg(x))))
            return mul(tangent, exp(sub(powers, _log_beta(a, b))))

        return not_derived(self.name, "a"), not_derived(self.name, "b"), by_x

"""The beta-binomial distribution: successes of `n` trials of one unknown probability.

The probability is beta distributed, with parameters `a` and `b`.

Example:
    >>> from dolmen.core.scipy.stats import betabinom
    >>> print(betabinom.pmf(1, 2, 1.0, 2.0).round(3))
    0.333
"""

from typing import Any

from ._family import DISCRETE, NOT_NEGATIVE, POSITIVE, Family
from ._poisson import log_negative_binomial

__all__ = ["logpmf", "pmf"]
__dir__ = __all__.copy


def _logpmf(k: Any, n: Any, a: Any, b: Any) -> Any:
    # Counts of two negative binomial distributions, given their sum; their common
    # probability does not matter, unless it makes some term large.
    p, q = (a + b) / (a + b + n), n / (a + b + n)
    parts = log_negative_binomial(k, a, p, q) + log_negative_binomial(n - k, b, p, q)
    return parts - log_negative_binomial(n, a + b, p, q)


def _support(n: Any, a: Any, b: Any) -> tuple[Any, Any, Any]:
    return 0, 0, n


_family = Family(
    __name__,
    "beta-binomial",
    {"logpmf": _logpmf},
    shapes={"n": NOT_NEGATIVE, "a": POSITIVE, "b": POSITIVE},
    support=_support,
)
logpmf, pmf = _family.functions(*__all__, location=DISCRETE)

"""The binomial distribution: successes of `n` trials, each of probability `p`.

Example:
    >>> from dolmen.core.scipy.stats import binom
    >>> print(binom.pmf(1, 2, 0.5).round(4))
    0.5
"""

from typing import Any

from ._family import DISCRETE, NOT_NEGATIVE, PROBABILITY, Family
from ._poisson import log_binomial

__all__ = ["logpmf", "pmf"]
__dir__ = __all__.copy


def _logpmf(k: Any, n: Any, p: Any) -> Any:
    return log_binomial(k, n, p, 1 - p)


def _support(n: Any, p: Any) -> tuple[Any, Any, Any]:
    return 0, 0, n


_family = Family(
    __name__,
    "binomial",
    {"logpmf": _logpmf},
    shapes={"n": NOT_NEGATIVE, "p": PROBABILITY},
    support=_support,
)
logpmf, pmf = _family.functions(*__all__, location=DISCRETE)

"""The negative binomial distribution: failures before `n` successes.

Each trial is a success with probability `p`; `n` may be any positive number.

Example:
    >>> from dolmen.core.scipy.stats import nbinom
    >>> print(nbinom.pmf(1, 2, 0.5).round(4))
    0.25
"""

import math
from typing import Any

from ._family import DISCRETE, POSITIVE, PROBABILITY, Family
from ._poisson import log_negative_binomial

__all__ = ["logpmf", "pmf"]
__dir__ = __all__.copy


def _logpmf(k: Any, n: Any, p: Any) -> Any:
    return log_negative_binomial(k, n, p, 1 - p)


_family = Family(
    __name__,
    "negative binomial",
    {"logpmf": _logpmf},
    shapes={"n": POSITIVE, "p": PROBABILITY},
    support=(0, 0, math.inf),
)
logpmf, pmf = _family.functions(*__all__, location=DISCRETE)

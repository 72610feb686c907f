"""Bernoulli's distribution: 1 with probability `p`, else 0.

`ppf` of probability 0 is 0, the least number there is (SciPy's is -1).

Example:
    >>> from dolmen.core.scipy.stats import bernoulli
    >>> bernoulli.pmf(0, 0.25)
    Array(0.75, dtype=float32, weak_type=True)
"""

from typing import Any

from ... import numpy as jnp
from .. import special
from ._family import DISCRETE, PROBABILITY, STANDARD, Family

__all__ = ["cdf", "logpmf", "pmf", "ppf"]
__dir__ = __all__.copy


def _pmf(k: Any, p: Any) -> Any:
    return jnp.where(k == 0, 1 - p, p)


def _logpmf(k: Any, p: Any) -> Any:
    return special.xlogy(k, p) + special.xlog1py(1 - k, -p)


def _cdf(k: Any, p: Any) -> Any:
    return jnp.where(k == 0, 1 - p, 1)


def _ppf(q: Any, p: Any) -> Any:
    return jnp.where(q <= 1 - p, jnp.zeros_like(q), 1)


_family = Family(
    __name__,
    "Bernoulli",
    {"pmf": _pmf, "logpmf": _logpmf, "cdf": _cdf, "ppf": _ppf},
    shapes={"p": PROBABILITY},
    support=(0, 0, 1),
)
logpmf, pmf = _family.functions("logpmf", "pmf", location=DISCRETE)
cdf, ppf = _family.functions("cdf", "ppf", location=STANDARD)

"""The generalized normal distribution, of density ``C * exp(-abs(x)**beta)``.

Example:
    >>> from dolmen.core.scipy.stats import gennorm
    >>> print(gennorm.pdf(0.0, 1.0).round(3))
    0.5
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from .. import special
from ._family import POSITIVE, STANDARD, Family

__all__ = ["cdf", "logpdf", "pdf"]
__dir__ = __all__.copy


def _logpdf(x: Any, beta: Any) -> Any:
    return _log_peak(beta) - jnp.abs(x) ** beta


def _log_peak(beta: Any) -> Any:
    return jnp.log(0.5 * beta) - lax.lgamma(1 / beta)


def _cdf(x: Any, beta: Any) -> Any:
    # At 0, where the tail's derivative is the product of 0 and infinity, the tangent.
    zero = x == 0
    size = jnp.abs(jnp.where(zero, 1, x)) ** beta
    tail = 0.5 * special.gammaincc(1 / beta, size)
    tangent = 0.5 + x * jnp.exp(_log_peak(beta))
    return jnp.where(zero, tangent, jnp.where(x < 0, tail, 1 - tail))


_family = Family(
    __name__,
    "generalized normal",
    {"logpdf": _logpdf, "cdf": _cdf},
    shapes={"beta": POSITIVE},
    support=(-math.inf, 0, math.inf),
)
cdf, logpdf, pdf = _family.functions(*__all__, location=STANDARD)

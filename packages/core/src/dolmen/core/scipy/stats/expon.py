"""The exponential distribution, of density ``exp(-x)`` for positive numbers.

Example:
    >>> from dolmen.core.scipy.stats import expon
    >>> expon.logsf(200.0, scale=2.0)
    Array(-100., dtype=float32, weak_type=True)
"""

import math
from typing import Any

from ... import nn, numpy as jnp
from ._family import Family

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


def _cdf(x: Any) -> Any:
    return -jnp.expm1(-x)


def _ppf(q: Any) -> Any:
    return -jnp.log1p(-q)


_family = Family(
    __name__,
    "exponential",
    {
        "logpdf": jnp.negative,
        "cdf": _cdf,
        "logcdf": nn.log1mexp,
        "logsf": jnp.negative,
        "ppf": _ppf,
    },
    support=(0, 1, math.inf),
)
cdf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__)

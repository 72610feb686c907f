"""The normal distribution, of density ``exp(-x**2 / 2) / sqrt(2 * pi)``.

Example:
    >>> from dolmen.core.scipy.stats import norm
    >>> print(norm.logpdf(1.0, loc=0.5, scale=2.0).round(4))
    -1.6433
    >>> print(norm.logsf(30.0).round(2))
    -454.32
"""

import math
from typing import Any

from .. import special
from ._family import Family

__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy

_LOG_ROOT_OF_2_PI = 0.5 * math.log(2 * math.pi)


def _logpdf(x: Any) -> Any:
    return -0.5 * x * x - _LOG_ROOT_OF_2_PI


def _sf(x: Any) -> Any:
    return special.ndtr(-x)


def _logsf(x: Any) -> Any:
    return special.log_ndtr(-x)


def _isf(q: Any) -> Any:
    return -special.ndtri(q)


_family = Family(
    __name__,
    "normal",
    {
        "logpdf": _logpdf,
        "cdf": special.ndtr,
        "logcdf": special.log_ndtr,
        "sf": _sf,
        "logsf": _logsf,
        "ppf": special.ndtri,
        "isf": _isf,
    },
)
cdf, isf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__)

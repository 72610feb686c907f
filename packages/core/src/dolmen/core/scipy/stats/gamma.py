"""The gamma distribution, of density ``x**(a - 1) * exp(-x) / gamma(a)``.

Example:
    >>> from dolmen.core.scipy.stats import gamma
    >>> round(float(gamma.pdf(2.0, 1.0, scale=2.0)), 4)
    0.1839
"""

import math
from typing import Any

from .. import special
from ._family import POSITIVE, Family
from ._poisson import log_poisson

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
__dir__ = __all__.copy


def _logpdf(x: Any, a: Any) -> Any:
    return log_poisson(a - 1, x)


def _cdf(x: Any, a: Any) -> Any:
    return special.gammainc(a, x)


def _sf(x: Any, a: Any) -> Any:
    return special.gammaincc(a, x)


_family = Family(
    __name__,
    "gamma",
    {"logpdf": _logpdf, "cdf": _cdf, "sf": _sf},
    shapes={"a": POSITIVE},
    support=(0, 1, math.inf),
    open=True,
)
cdf, logcdf, logpdf, logsf, pdf, sf = _family.functions(*__all__)

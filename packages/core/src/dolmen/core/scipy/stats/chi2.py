"""The distribution of the sum of the squares of `df` standard normal numbers.

Example:
    >>> from dolmen.core.scipy.stats import chi2
    >>> chi2.logsf(6.0, 2)
    Array(-3., dtype=float32, weak_type=True)
"""

import math
from typing import Any

from .. import special
from ._family import POSITIVE, Family
from ._poisson import log_poisson

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
__dir__ = __all__.copy


# Half of it is gamma distributed, with half of `df`.


def _logpdf(x: Any, df: Any) -> Any:
    return log_poisson(0.5 * df - 1, 0.5 * x) - math.log(2)


def _cdf(x: Any, df: Any) -> Any:
    return special.gammainc(0.5 * df, 0.5 * x)


def _sf(x: Any, df: Any) -> Any:
    return special.gammaincc(0.5 * df, 0.5 * x)


_family = Family(
    __name__,
    "chi-squared",
    {"logpdf": _logpdf, "cdf": _cdf, "sf": _sf},
    shapes={"df": POSITIVE},
    support=(0, 1, math.inf),
    open=True,
)
cdf, logcdf, logpdf, logsf, pdf, sf = _family.functions(*__all__)

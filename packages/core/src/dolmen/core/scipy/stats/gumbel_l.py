"""The Gumbel distribution of minima, of density ``exp(x - exp(x))``.

Example:
    >>> from dolmen.core.scipy.stats import gumbel_l
    >>> gumbel_l.logsf(0.0)
    Array(-1., dtype=float32, weak_type=True)
"""

import math
from typing import Any

from ... import numpy as jnp
from . import gumbel_r
from ._family import Family

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


# The distribution of maxima, mirrored.


def _pdf(x: Any) -> Any:
    return gumbel_r.pdf_of_maxima(-x)


def _logpdf(x: Any) -> Any:
    return gumbel_r.logpdf_of_maxima(-x)


def _cdf(x: Any) -> Any:
    return gumbel_r.sf_of_maxima(-x)


def _logcdf(x: Any) -> Any:
    return gumbel_r.logsf_of_maxima(-x)


def _sf(x: Any) -> Any:
    return gumbel_r.cdf_of_maxima(-x)


def _logsf(x: Any) -> Any:
    return gumbel_r.logcdf_of_maxima(-x)


def _ppf(p: Any) -> Any:
    return jnp.log(-jnp.log1p(-p))


_family = Family(
    __name__,
    "Gumbel",
    {
        "pdf": _pdf,
        "logpdf": _logpdf,
        "cdf": _cdf,
        "logcdf": _logcdf,
        "sf": _sf,
        "logsf": _logsf,
        "ppf": _ppf,
    },
    support=(-math.inf, 0, math.inf),
)
cdf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__, quantile="p")

"""The Pareto distribution, of density ``b / x**(b + 1)`` for numbers above 1.

Example:
    >>> from dolmen.core.scipy.stats import pareto
    >>> print(pareto.sf(2.0, 3.0).round(4))
    0.125
"""

import math
from typing import Any

from ... import nn, numpy as jnp
from ._family import POSITIVE, Family

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


# The logarithm is exponentially distributed.


def _logpdf(x: Any, b: Any) -> Any:
    return jnp.log(b) - (b + 1) * jnp.log(x)


def _cdf(x: Any, b: Any) -> Any:
    return -jnp.expm1(_logsf(x, b))


def _logcdf(x: Any, b: Any) -> Any:
    return nn.log1mexp(-_logsf(x, b))


def _logsf(x: Any, b: Any) -> Any:
    return -b * jnp.log(x)


def _ppf(q: Any, b: Any) -> Any:
    return jnp.exp(-jnp.log1p(-q) / b)


_family = Family(
    __name__,
    "Pareto",
    {
        "logpdf": _logpdf,
        "cdf": _cdf,
        "logcdf": _logcdf,
        "logsf": _logsf,
        "ppf": _ppf,
    },
    shapes={"b": POSITIVE},
    support=(1, 2, math.inf),
)
cdf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__)

"""The logistic distribution, of density ``exp(-x) / (1 + exp(-x))**2``.

Example:
    >>> from dolmen.core.scipy.stats import logistic
    >>> logistic.cdf(3.0, loc=3.0, scale=2.0)
    Array(0.5, dtype=float32, weak_type=True)
"""

from typing import Any

from ... import nn, numpy as jnp
from .. import special
from ._family import Family

__all__ = ["cdf", "isf", "logpdf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


def _logpdf(x: Any) -> Any:
    return -nn.softplus(x) - nn.softplus(-x)


def _sf(x: Any) -> Any:
    return special.expit(-x)


def _ppf(q: Any) -> Any:
    return jnp.log(q) - jnp.log1p(-q)


def _isf(q: Any) -> Any:
    return -_ppf(q)


_family = Family(
    __name__,
    "logistic",
    {
        "logpdf": _logpdf,
        "cdf": special.expit,
        "sf": _sf,
        "ppf": _ppf,
        "isf": _isf,
    },
)
cdf, isf, logpdf, pdf, ppf, sf = _family.functions(*__all__, quantile="x")

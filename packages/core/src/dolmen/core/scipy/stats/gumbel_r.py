"""The Gumbel distribution of maxima, of density ``exp(-x - exp(-x))``.

Example:
    >>> from dolmen.core.scipy.stats import gumbel_r
    >>> gumbel_r.logcdf(0.0)
    Array(-1., dtype=float32, weak_type=True)
"""

import math
from typing import Any

from ... import nn, numpy as jnp
from ._family import Family

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


def logpdf_of_maxima(x: Any) -> Any:
    """The logarithm of the density."""
    return -x - jnp.exp(-x)


def pdf_of_maxima(x: Any) -> Any:
    """The density."""
    return jnp.exp(logpdf_of_maxima(_bounded(x)))


def logcdf_of_maxima(x: Any) -> Any:
    """The logarithm of the probability of at most `x`."""
    return -jnp.exp(-x)


def cdf_of_maxima(x: Any) -> Any:
    """The probability of at most `x`."""
    return jnp.exp(logcdf_of_maxima(_bounded(x)))


def logsf_of_maxima(x: Any) -> Any:
    """The logarithm of the probability of more than `x`."""
    # The exponential underflows; before, two terms of its series are enough.
    far = x > 30
    near = nn.log1mexp(jnp.exp(-jnp.where(far, 0, _bounded(x))))
    x = jnp.where(far, x, 30)
    return jnp.where(far, -x - 0.5 * jnp.exp(-x), near)


def sf_of_maxima(x: Any) -> Any:
    """The probability of more than `x`."""
    return -jnp.expm1(logcdf_of_maxima(_bounded(x)))


def _bounded(x: Any) -> Any:
    """`x` from where probabilities are zero; below, infinities would meet zeros."""
    return jnp.where(x < -50, -50, x)


def _ppf(p: Any) -> Any:
    return -jnp.log(-jnp.log(p))


_family = Family(
    __name__,
    "Gumbel",
    {
        "pdf": pdf_of_maxima,
        "logpdf": logpdf_of_maxima,
        "cdf": cdf_of_maxima,
        "logcdf": logcdf_of_maxima,
        "sf": sf_of_maxima,
        "logsf": logsf_of_maxima,
        "ppf": _ppf,
    },
    support=(-math.inf, 0, math.inf),
)
cdf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__, quantile="p")

"""The beta distribution, of density ``x**(a - 1) * (1 - x)**(b - 1) / B(a, b)``.

Example:
    >>> from dolmen.core.scipy.stats import beta
    >>> round(float(beta.pdf(0.5, 2, 2)), 4)
    1.5
"""

from typing import Any

from ... import numpy as jnp
from .. import special
from ._family import POSITIVE, Family
from ._poisson import log_poisson

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
__dir__ = __all__.copy


def _logpdf(x: Any, a: Any, b: Any) -> Any:
    # `log_binomial`, near whose mode the counts are as expected.
    n = a + b
    parts = log_poisson(a - 1, n * x) + log_poisson(b - 1, n * (1 - x))
    return parts - log_poisson(n - 1, n) + jnp.log(n)


def _cdf(x: Any, a: Any, b: Any) -> Any:
    return special.betainc(a, b, x)


def _sf(x: Any, a: Any, b: Any) -> Any:
    below, above = special.betainc(a, b, x), special.betainc(b, a, 1 - x)
    return jnp.where(below < above, 1 - below, above)


_family = Family(
    __name__,
    "beta",
    {"logpdf": _logpdf, "cdf": _cdf, "sf": _sf},
    shapes={"a": POSITIVE, "b": POSITIVE},
    support=(0, 0.5, 1),
    open=True,
)
cdf, logcdf, logpdf, logsf, pdf, sf = _family.functions(*__all__)

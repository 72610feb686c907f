"""The Cauchy distribution, of density ``1 / (pi * (1 + x**2))``.

Example:
    >>> from dolmen.core.scipy.stats import cauchy
    >>> cauchy.sf(1.0)
    Array(0.25, dtype=float32, weak_type=True)
"""

import math
from typing import Any

from ... import numpy as jnp
from ._family import Family

__all__ = ["cdf", "isf", "logcdf", "logpdf", "logsf", "pdf", "ppf", "sf"]
__dir__ = __all__.copy


def _logpdf(x: Any) -> Any:
    # The square of a large number overflows.
    large = jnp.abs(x) > 1
    above = jnp.where(large, jnp.abs(x), 1)
    near = jnp.log1p(jnp.square(jnp.where(large, 1, x)))
    far = 2 * jnp.log(above) + jnp.log1p(jnp.square(1 / above))
    return -jnp.where(large, far, near) - math.log(math.pi)


def _cdf(x: Any) -> Any:
    return _sf(-x)


def _sf(x: Any) -> Any:
    # The angle is small where the probability is.
    return jnp.arctan2(1, x) / math.pi


def _ppf(q: Any) -> Any:
    return -_isf(q)


def _isf(q: Any) -> Any:
    # The tangent of the smallest of the angles that could serve.
    tail = jnp.where(q < 0.5, q, 1 - q)
    outer = tail < 0.25
    far = 1 / jnp.tan(math.pi * jnp.where(outer, tail, 0.25))
    near = jnp.tan(math.pi * (0.5 - jnp.where(outer, 0.25, tail)))
    return jnp.where(q < 0.5, 1, -1) * jnp.where(outer, far, near)


_family = Family(
    __name__,
    "Cauchy",
    {"logpdf": _logpdf, "cdf": _cdf, "sf": _sf, "ppf": _ppf, "isf": _isf},
    support=(-math.inf, 0, math.inf),
)
cdf, isf, logcdf, logpdf, logsf, pdf, ppf, sf = _family.functions(*__all__)

"""The Laplace distribution, of density ``exp(-abs(x)) / 2``.

Example:
    >>> from dolmen.core.scipy.stats import laplace
    >>> laplace.cdf(2.0, loc=2.0)
    Array(0.5, dtype=float32, weak_type=True)
"""

import math
from typing import Any

from ... import numpy as jnp
from ._family import Family

__all__ = ["cdf", "logpdf", "pdf"]
__dir__ = __all__.copy


def _logpdf(x: Any) -> Any:
    return -jnp.abs(x) - math.log(2)


def _cdf(x: Any) -> Any:
    tail = 0.5 * jnp.exp(-jnp.abs(x))
    return jnp.where(x < 0, tail, 1 - tail)


_family = Family(__name__, "Laplace", {"logpdf": _logpdf, "cdf": _cdf})
cdf, logpdf, pdf = _family.functions(*__all__)

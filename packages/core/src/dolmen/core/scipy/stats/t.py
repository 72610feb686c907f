"""Student's t distribution with `df` degrees of freedom.

Its density is proportional to ``(1 + x**2 / df)**(-(df + 1) / 2)``.

Example:
    >>> from dolmen.core.scipy.stats import t
    >>> round(float(t.pdf(0.0, 1.0)), 4)
    0.3183
"""

import math
from typing import Any

from ... import numpy as jnp
from ._family import POSITIVE, Family
from ._poisson import log_poisson

__all__ = ["logpdf", "pdf"]
__dir__ = __all__.copy


def _logpdf(x: Any, df: Any) -> Any:
    half = 0.5 * df
    # log(gamma(half + 1 / 2) / gamma(half) / sqrt(half)), without large terms.
    ratio = log_poisson(half - 1, half) - log_poisson(half - 0.5, half)
    power = -(half + 0.5) * jnp.log1p(x * (x / df))
    return ratio + power - 0.5 * math.log(2 * math.pi)


_family = Family(
    __name__,
    "t",
    {"logpdf": _logpdf},
    shapes={"df": POSITIVE},
    support=(-math.inf, 0, math.inf),
)
logpdf, pdf = _family.functions(*__all__)

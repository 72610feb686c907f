"""The wrapped Cauchy distribution of angles from 0 to ``2 * pi``.

Its density is ``(1 - c**2) / (2 * pi * (1 + c**2 - 2 * c * cos(x)))``.

Example:
    >>> from dolmen.core.scipy.stats import wrapcauchy
    >>> print(wrapcauchy.pdf(0.0, 0.5).round(4))
    0.4775
"""

import math
from typing import Any

from ... import numpy as jnp
from ._family import STANDARD, Domain, Family

__all__ = ["logpdf", "pdf"]
__dir__ = __all__.copy

_BETWEEN = Domain("between 0 and 1", lambda value: (value > 0) & (value < 1))


def _logpdf(x: Any, c: Any) -> Any:
    # The denominator as a sum of squares, for angles near 0 and `c` near 1.
    below = (1 - c) ** 2 + 4 * c * jnp.sin(0.5 * x) ** 2
    return jnp.log((1 - c) * (1 + c)) - jnp.log(below) - math.log(2 * math.pi)


_family = Family(
    __name__,
    "wrapped Cauchy",
    {"logpdf": _logpdf},
    shapes={"c": _BETWEEN},
    support=(0, math.pi, 2 * math.pi),
)
logpdf, pdf = _family.functions(*__all__, location=STANDARD)

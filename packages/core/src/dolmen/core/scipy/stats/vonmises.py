"""The von Mises distribution of angles, of density ``C * exp(kappa * cos(x))``.

Example:
    >>> from dolmen.core.scipy.stats import vonmises
    >>> print(vonmises.pdf(1.0, 0.0).round(4))
    0.1592
"""

import math
from typing import Any

from ... import numpy as jnp
from .. import special
from ._family import NOT_NEGATIVE, STANDARD, Family

__all__ = ["logpdf", "pdf"]
__dir__ = __all__.copy


def _logpdf(x: Any, kappa: Any) -> Any:
    # The cosine less 1, which `i0e` makes up for, keeps its digits at small angles.
    exponent = -2 * kappa * jnp.sin(0.5 * x) ** 2
    return exponent - jnp.log(2 * math.pi * special.i0e(kappa))


_family = Family(
    __name__, "von Mises", {"logpdf": _logpdf}, shapes={"kappa": NOT_NEGATIVE}
)
logpdf, pdf = _family.functions(*__all__, location=STANDARD)

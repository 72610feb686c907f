"""The geometric distribution: trials up to the first success, each of probability `p`.

Example:
    >>> from dolmen.core.scipy.stats import geom
    >>> print(geom.pmf(3, 0.5).round(4))
    0.125
"""

import math
from typing import Any

from ... import numpy as jnp
from .. import special
from ._family import DISCRETE, PROBABILITY, Family

__all__ = ["logpmf", "pmf"]
__dir__ = __all__.copy


def _logpmf(k: Any, p: Any) -> Any:
    return special.xlog1py(k - 1, -p) + jnp.log(p)


_family = Family(
    __name__,
    "geometric",
    {"logpmf": _logpmf},
    shapes={"p": PROBABILITY},
    support=(1, 1, math.inf),
)
logpmf, pmf = _family.functions(*__all__, location=DISCRETE)

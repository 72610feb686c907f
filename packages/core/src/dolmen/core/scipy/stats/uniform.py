"""The uniform distribution, from `loc` to ``loc + scale``.

Example:
    >>> from dolmen.core.scipy.stats import uniform
    >>> uniform.pdf(3.0, loc=1.0, scale=4.0)
    Array(0.25, dtype=float32, weak_type=True)
"""

from typing import Any

from ... import lax, numpy as jnp
from ._family import Family

__all__ = ["cdf", "logpdf", "pdf", "ppf"]
__dir__ = __all__.copy


def _cdf(x: Any) -> Any:
    return lax.convert_element_type(x, x.dtype)  # is never weakly typed


def _ppf(q: Any) -> Any:
    return q


_family = Family(
    __name__,
    "uniform",
    {"pdf": jnp.ones_like, "logpdf": jnp.zeros_like, "cdf": _cdf, "ppf": _ppf},
    support=(0, 0.5, 1),
)
cdf, logpdf, pdf, ppf = _family.functions(*__all__)

"""The normal distribution, given that numbers lie from `a` to `b`.

Both count in standard deviations: the numbers lie from ``loc + a * scale`` to
``loc + b * scale``. Probabilities are right far out, too.

Example:
    >>> from dolmen.core.scipy.stats import truncnorm
    >>> round(float(truncnorm.logpdf(10.5, 10.0, 11.0)), 3)
    -2.813
"""

import math
from typing import Any

from ... import lax, nn, numpy as jnp
from ..._higher_order import custom_jvp
from .. import special
from ._family import REAL, Family

__all__ = ["cdf", "logcdf", "logpdf", "logsf", "pdf", "sf"]
__dir__ = __all__.copy

_ROOT_OF_HALF = math.sqrt(0.5)
_LOG_ROOT_OF_2_PI = 0.5 * math.log(2 * math.pi)


def _logpdf(x: Any, a: Any, b: Any) -> Any:
    return _log_normal(x) - _log_mass(a, b)


def _logcdf(x: Any, a: Any, b: Any) -> Any:
    return _log_part(_log_mass(a, x), _log_mass(x, b), _log_mass(a, b))


def _logsf(x: Any, a: Any, b: Any) -> Any:
    return _log_part(_log_mass(x, b), _log_mass(a, x), _log_mass(a, b))


def _log_part(part: Any, rest: Any, whole: Any) -> Any:
    """Logarithm of a part of the probability, of which the rest tells more near 1."""
    most = part - whole > -0.1
    made = nn.log1mexp(jnp.where(most, whole - rest, 1))
    return jnp.where(most, made, part - whole)


def _log_normal(x: Any) -> Any:
    return -0.5 * x * x - _LOG_ROOT_OF_2_PI


@custom_jvp
def _log_mass(low: Any, high: Any) -> Any:
    """Logarithm of the normal probability of the numbers from `low` to `high`."""
    # Symmetry brings intervals above 0 below it, where the tail is the lower one.
    above = low > 0
    low, high = jnp.where(above, -high, low), jnp.where(above, -low, high)
    upper = special.log_ndtr(high)
    tail = upper + nn.log1mexp(upper - special.log_ndtr(low))
    most = jnp.log1p(-special.ndtr(low) - special.ndtr(-high))
    little = 0.5 * (lax.erf(_ROOT_OF_HALF * high) - lax.erf(_ROOT_OF_HALF * low))
    around = jnp.where(high - low > 1, most, jnp.log(little))
    return jnp.where(high <= 0, tail, around)


@_log_mass.defjvp
def _log_mass_jvp(primals: Any, tangents: Any) -> Any:
    """Densities at the ends divided by the probability, all as logarithms."""
    (low, high), (dlow, dhigh) = primals, tangents
    mass = _log_mass(low, high)
    lower, upper = (jnp.exp(_log_normal(end) - mass) for end in primals)
    return mass, upper * dhigh - lower * dlow


def _support(a: Any, b: Any) -> tuple[Any, Any, Any]:
    inside = jnp.where(a > 0, a, jnp.where(b < 0, b, 0))
    valid = a < b
    return jnp.where(valid, a, math.nan), inside, jnp.where(valid, b, math.nan)


_family = Family(
    __name__,
    "truncated normal",
    {"logpdf": _logpdf, "logcdf": _logcdf, "logsf": _logsf},
    shapes={"a": REAL, "b": REAL},
    support=_support,
    open=True,
)
cdf, logcdf, logpdf, logsf, pdf, sf = _family.functions(*__all__)

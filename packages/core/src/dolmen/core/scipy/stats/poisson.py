"""Poisson's distribution of counts, of which `mu` are expected.

Example:
    >>> from dolmen.core.scipy.stats import poisson
    >>> print(poisson.logpmf(0, 2.5).round(3))
    -2.5
"""

import math
from typing import Any

from ... import numpy as jnp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from .. import special
from ._family import DISCRETE, NOT_NEGATIVE, Family, real_numbers
from ._poisson import log_poisson

__all__ = ["cdf", "entropy", "logpmf", "pmf"]
__dir__ = __all__.copy


def _cdf(k: Any, mu: Any) -> Any:
    return special.gammaincc(k + 1, mu)


_family = Family(
    __name__,
    "Poisson",
    {"logpmf": log_poisson, "cdf": _cdf},
    shapes={"mu": NOT_NEGATIVE},
    support=(0, 0, math.inf),
)
cdf, logpmf, pmf = _family.functions("cdf", "logpmf", "pmf", location=DISCRETE)


@jit_when_eager(name="entropy")
def entropy(mu: ArrayLike, loc: ArrayLike = 0) -> Array:
    """Entropy of the Poisson distribution, in nats.

    Args:
        mu: not negative.
        loc: a real number, by which the distribution is shifted; of no influence.

    Returns:
        A floating-point array of the arguments' broadcast shape; NaN where `mu` is
        negative. Takes the memory of 150 times as many numbers.

    Example:
        >>> from dolmen.core.scipy.stats import poisson
        >>> poisson.entropy(3.0).round(4)
        Array(1.9315, dtype=float32)

    Source: the series is that of Evans and Boersma (1988), "The entropy of a Poisson
    distribution", SIAM Review 30.
    """
    dtype, (mu, loc) = real_numbers("poisson.entropy", (mu, loc))
    mu = jnp.broadcast_arrays(mu, loc)[0]
    large = mu > _MOST_SUMMED
    made = jnp.where(
        large,
        _entropy_series(jnp.where(large, mu, _MOST_SUMMED)),
        _entropy_sum(jnp.where(large, _MOST_SUMMED, mu)),
    )
    return jnp.where(mu >= 0, made, math.nan).astype(dtype)


_MOST_SUMMED = 60
_COUNTS = 150  # of more, where 60 are expected, the probability is below 1e-20
# In powers of 1 / mu.
_SERIES = (1 / 12, 1 / 24, 19 / 360, 9 / 80, 863 / 2520, 1375 / 1008, 33953 / 5040)


def _entropy_sum(mu: Any) -> Any:
    k = jnp.arange(_COUNTS, dtype=mu.dtype)
    log = log_poisson(k, mu[..., None])
    return -jnp.sum(jnp.where(log == -math.inf, 0, log * jnp.exp(log)), axis=-1)


def _entropy_series(mu: Any) -> Any:
    total = 0.0
    for coefficient in reversed(_SERIES):
        total = (total + coefficient) / mu
    return 0.5 * jnp.log(2 * math.pi * math.e * mu) - total

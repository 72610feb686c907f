"""The probabilities of Poisson's distribution, of which many others are made.

For large counts the terms of ``k * log(mu) - mu - lgamma(k + 1)`` cancel: in float32
nothing is left of the probability of a million counts where a million are expected.

Source: Loader (2000), "Fast and accurate computation of binomial probabilities".
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..special import xlogy

# Of the series of Stirling in odd powers of 1 / k.
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360)


def log_poisson(k: Any, mu: Any) -> Any:
    """``log(mu**k * exp(-mu) / gamma(k + 1))`` for `k` above -1 and `mu` of at least 0.

    Differentiable in both.
    """
    large = k > 16
    few = jnp.where(large, 0, k)
    direct = xlogy(few, mu) - mu - lax.lgamma(few + 1)
    k, mu = jnp.where(large, k, 17), jnp.where(large, mu, 17)
    near = mu > 0.5 * k
    log = jnp.log(jnp.where(near, 1, mu / k))
    log = jnp.where(near, jnp.log1p((jnp.where(near, mu, k) - k) / k), log)
    deviance = mu - k - k * log
    return jnp.where(large, -deviance - _log_factorial_excess(k), direct)


def log_binomial(k: Any, n: Any, p: Any, q: Any) -> Any:
    """``log(p**k * q**(n - k) / B(k + 1, n - k + 1) / (n + 1))``, where ``q = 1 - p``.

    Two counts are Poisson's, given that their sum is.
    """
    parts = log_poisson(k, n * p) + log_poisson(n - k, n * q)
    return parts - log_poisson(n, n)


def log_negative_binomial(k: Any, n: Any, p: Any, q: Any) -> Any:
    """``log(p**n * q**k * gamma(n + k) / gamma(n) / gamma(k + 1))``, ``q = 1 - p``.

    Of the first n + k trials n succeed, among which must be the last.
    """
    return log_binomial(k, n + k, q, p) + jnp.log(n / (n + k))


def _log_factorial_excess(k: Any) -> Any:
    """``log(gamma(k + 1) * exp(k) / k**k)`` for large `k`."""
    total = 0.0
    for coefficient in reversed(_STIRLING):
        total = total / (k * k) + coefficient
    return total / k + 0.5 * jnp.log(2 * math.pi * k)

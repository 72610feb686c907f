"""Projection of one vector onto a simplex, the work behind several others."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import lax


def project_onto_simplex(values: Any, scale: Any) -> Any:
    """The nearest vector without negative elements whose sum is `scale`.

    It is ``max(values - t, 0)`` for the one ``t`` that gives the sum. The elements that
    stay positive are the largest ones, as many as give the largest ``t``.

    Args:
        values: float ``[n]``, n at least 1.
        scale: not negative.

    Returns:
        float ``[n]``. Its derivative is exact wherever there is one.

    Source: Held et al. (1974), "Validation of subgradient optimization"; Duchi et al.
    (2008), "Efficient projections onto the l1-ball for learning in high dimensions".
    """
    descending = -jnp.sort(-lax.stop_gradient(values))
    counts = jnp.arange(1, values.size + 1, dtype=values.dtype)
    # What `t` is for the k largest, for every k: it grows as long as the k-th of them
    # is above it, then falls.
    thresholds = (jnp.cumsum(descending) - lax.stop_gradient(scale)) / counts
    support = lax.stop_gradient(values) > jnp.max(thresholds)
    # With the support known, the threshold is a mean: that is all derivatives need.
    kept = jnp.sum(jnp.where(support, values, 0))
    count = jnp.maximum(jnp.sum(support), 1)
    threshold = (kept - scale) / count.astype(values.dtype)
    nearest = jnp.where(support, jnp.maximum(values - threshold, 0), 0)
    # Comparisons with NaN are False: without this, NaN would give zeros.
    return jnp.where(jnp.isfinite(jnp.max(thresholds)), nearest, jnp.nan)

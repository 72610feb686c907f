"""Distributions of parameters."""

import math
from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import random


class MultiNormal:
    """Independent normal variables.

    Args:
        loc: their means.
        log_scale: logarithms of their standard deviations; broadcast with `loc`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> normal = MultiNormal(jnp.zeros(2), jnp.zeros(2))
        >>> round(float(normal.log_prob(jnp.zeros(2))), 4)  # -log(2 π)
        -1.8379
    """

    def __init__(self, loc: Any, log_scale: Any) -> None:
        self._loc = jnp.asarray(loc)
        self._log_scale = jnp.asarray(log_scale)
        self._shape = jnp.broadcast_shapes(self._loc.shape, self._log_scale.shape)

    def sample(self, shape: Sequence[int], key: Any) -> Any:
        """Independent samples, ``[*shape, *shape of the parameters]``."""
        noise = random.normal(key, (*shape, *self._shape))
        return noise * jnp.exp(self._log_scale) + self._loc

    def log_prob(self, x: Any) -> Any:
        """Log density of samples, ``[..., *shape of the parameters]``."""
        standard = (x - self._loc) * jnp.exp(-self._log_scale)
        logs = -0.5 * (standard**2 + math.log(2 * math.pi)) - self._log_scale
        return jnp.sum(logs, axis=tuple(range(-len(self._shape), 0)))

    @property
    def log_scale(self) -> Any:
        """Logarithms of the standard deviations."""
        return self._log_scale

    @property
    def params(self) -> list[Any]:
        """Means, and logarithms of standard deviations."""
        return [self._loc, self._log_scale]


def multi_normal(loc: Any, log_scale: Any) -> MultiNormal:
    """Independent normal variables.

    Args:
        loc: their means.
        log_scale: logarithms of their standard deviations; broadcast with `loc`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import random
        >>> multi_normal(jnp.zeros(2), 0.0).sample((5,), random.key(0)).shape
        (5, 2)
    """
    return MultiNormal(loc, log_scale)

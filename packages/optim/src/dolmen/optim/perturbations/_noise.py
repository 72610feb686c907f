"""Noises: how to sample them, and their log densities."""

from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import random


class Normal:
    """Standard normal noise.

    Example:
        >>> Normal().log_prob(2.0)
        -2.0
    """

    def sample(
        self, key: Any, sample_shape: Sequence[int] = (), dtype: Any = float
    ) -> Any:
        """Independent samples of this shape and dtype."""
        return random.normal(key, tuple(sample_shape), dtype)

    def log_prob(self, inputs: Any) -> Any:
        """Log density up to a constant, elementwise."""
        return -0.5 * inputs**2


class Gumbel:
    """Standard Gumbel noise: the largest of many exponential variables.

    The index of the largest of ``x + noise`` is distributed as the softmax of ``x``.

    Example:
        >>> round(float(Gumbel().log_prob(0.0)), 4)
        -1.0
    """

    def sample(
        self, key: Any, sample_shape: Sequence[int] = (), dtype: Any = float
    ) -> Any:
        """Independent samples of this shape and dtype."""
        return random.gumbel(key, tuple(sample_shape), dtype)

    def log_prob(self, inputs: Any) -> Any:
        """Log density up to a constant, elementwise."""
        return -inputs - jnp.exp(-inputs)

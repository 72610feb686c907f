"""The Dirichlet distribution of shares, which are positive and sum to 1.

Example:
    >>> import dolmen.core.numpy as jnp
    >>> from dolmen.core.scipy.stats import dirichlet
    >>> alpha = jnp.array([1.0, 2.0, 3.0])
    >>> round(float(dirichlet.pdf(jnp.array([0.25, 0.25, 0.5]), alpha)), 4)
    3.75
"""

import math
from typing import Any

from ... import numpy as jnp
from ..._ir import value_error
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import type_of
from ...numpy.linalg._systems import alike
from ._poisson import log_poisson

__all__ = ["logpdf", "pdf"]
__dir__ = __all__.copy


def logpdf(x: ArrayLike, alpha: ArrayLike) -> Array:
    """Logarithm of the density of the Dirichlet distribution.

    Args:
        x: shares ``[k, ...]``, or ``[k - 1, ...]`` if the last one is what is left.
        alpha: positive numbers ``[k]``.

    Returns:
        A floating-point array of the shape of `x` without its first axis: ``-inf``
        where shares are negative or don't sum to 1 within 1e-6, NaN where `alpha` is
        not positive.

    Raises:
        ValueError: `alpha` does not have one axis, or `x` not one share for each of its
            elements.
    """
    function = "dirichlet.logpdf"
    _check_shapes(type_of(function, "x", x), type_of(function, "alpha", alpha))
    return _logpdf(x, alpha)


def pdf(x: ArrayLike, alpha: ArrayLike) -> Array:
    """Density of the Dirichlet distribution; see `logpdf`.

    Args:
        x: shares ``[k, ...]``, or ``[k - 1, ...]``.
        alpha: positive numbers ``[k]``.

    Returns:
        A floating-point array of the shape of `x` without its first axis.

    Raises:
        ValueError: the shapes of `x` and `alpha` don't fit.
    """
    return jnp.exp(logpdf(x, alpha))


def _check_shapes(x: Any, alpha: Any) -> None:
    if alpha.ndim != 1:
        raise value_error(
            f"dirichlet.logpdf: `alpha` must have one axis, got {alpha!r}."
        )
    (k,) = alpha.shape
    if not x.ndim or x.shape[0] not in (k, k - 1):
        raise value_error(
            f"dirichlet.logpdf: the first axis of `x` must have as many elements as "
            f"`alpha` or one fewer: `x` is {x!r}, `alpha` is {alpha!r}.",
            "Move the axis of the shares to the front with `jnp.moveaxis`.",
        )


@jit_when_eager(name="logpdf")
def _logpdf(x: Any, alpha: Any) -> Any:
    x, alpha = alike("dirichlet.logpdf", x, alpha)
    if x.shape[0] < alpha.shape[0]:
        x = jnp.concatenate([x, 1 - jnp.sum(x, axis=0, keepdims=True)])
    inside = jnp.all(x >= 0, axis=0) & (jnp.abs(jnp.sum(x, axis=0) - 1) < 1e-6)
    x = jnp.where(inside, x, 1 / alpha.size)
    # The product of gamma densities, given their sum; near the mode no term is large.
    total = jnp.sum(alpha)
    column = jnp.reshape(alpha, (-1,) + (1,) * (x.ndim - 1))
    parts = jnp.sum(log_poisson(column - 1, total * x), axis=0)
    made = parts - log_poisson(total - 1, total) + (alpha.size - 1) * jnp.log(total)
    made = jnp.where(inside, made, -math.inf)
    return jnp.where(jnp.all(alpha > 0), made, math.nan)

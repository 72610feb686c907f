"""The normal distribution of vectors.

Example:
    >>> import dolmen.core.numpy as jnp
    >>> from dolmen.core.scipy.stats import multivariate_normal
    >>> multivariate_normal.logpdf(jnp.ones(2), jnp.zeros(2), jnp.eye(2)).round(4)
    Array(-2.8379, dtype=float32)
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..._ir import message, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import type_of
from ...numpy.linalg._systems import alike
from . import norm

__all__ = ["logpdf", "pdf"]
__dir__ = __all__.copy


def logpdf(
    x: ArrayLike,
    mean: ArrayLike,
    cov: ArrayLike,
    allow_singular: bool | None = None,
) -> Array:
    """Logarithm of the density of normal vectors.

    Args:
        x: vectors ``[..., n]``.
        mean: their means ``[..., n]``; a scalar for plain numbers `x`.
        cov: covariances ``[..., n, n]``, or a scalar: that variance of independent
            components.
        allow_singular: only false is supported.

    Returns:
        A floating-point array of the broadcast leading shape; NaN where `cov` is not
        positive definite.

    Raises:
        NotImplementedError: `allow_singular` is true.
        ValueError: the shapes don't fit.

    """
    if allow_singular:
        raise NotImplementedError(
            message(
                "multivariate_normal.logpdf: `allow_singular` is not supported.",
                "Add a small multiple of the identity to `cov`.",
            )
        )
    function = "multivariate_normal.logpdf"
    names = {"x": x, "mean": mean, "cov": cov}
    types = {name: type_of(function, name, value) for name, value in names.items()}
    _check_shapes(function, **types)
    return _logpdf(x, mean, cov)


def pdf(x: ArrayLike, mean: ArrayLike, cov: ArrayLike) -> Array:
    """Density of normal vectors; see `logpdf`.

    Args:
        x: vectors ``[..., n]``.
        mean: their means ``[..., n]``, or a scalar.
        cov: covariances ``[..., n, n]``, or a scalar.

    Returns:
        A floating-point array of the broadcast leading shape.

    Raises:
        ValueError: the shapes don't fit.
    """
    return jnp.exp(logpdf(x, mean, cov))


def _check_shapes(function: str, x: Any, mean: Any, cov: Any) -> None:
    n = mean.shape[-1] if mean.ndim else None
    fits = cov.ndim == 0 if n is None else cov.shape[-2:] in ((), (n, n))
    if n is not None and x.ndim and x.shape[-1] not in (1, n):
        fits = False
    if not fits:
        raise value_error(
            f"{function}: expected `x` [..., n], `mean` [..., n] and `cov` [..., n, n] "
            f"or a scalar: `x` is {x!r}, `mean` is {mean!r}, `cov` is {cov!r}."
        )


@jit_when_eager(name="logpdf")
def _logpdf(x: Any, mean: Any, cov: Any) -> Any:
    function = "multivariate_normal.logpdf"
    if not typeof(cov).ndim:
        made = norm.logpdf(x, mean, jnp.sqrt(cov))
        return jnp.sum(made, axis=-1) if typeof(mean).ndim else made
    x, mean, cov = alike(function, x, mean, cov)
    return log_density(x - mean, cov)


def log_density(difference: Any, cov: Any) -> Any:
    """Logarithm of the density of vectors less their means."""
    factor = jnp.linalg.cholesky(cov)
    squares = jnp.sum(jnp.square(_whitened(difference, factor)), axis=-1)
    diagonal = jnp.diagonal(factor, axis1=-2, axis2=-1)
    scale = jnp.sum(jnp.log(diagonal) + 0.5 * math.log(2 * math.pi), axis=-1)
    return -0.5 * squares - scale


def _whitened(vectors: Any, factor: Any) -> Any:
    """Solutions ``[..., n]`` of triangular systems with these right sides."""
    n = factor.shape[-1]
    if factor.ndim == 2:  # one system with many right sides, not as many systems
        shape = (*vectors.shape[:-1], n)
        right = jnp.reshape(jnp.broadcast_to(vectors, shape), (-1, n)).T
        white = lax.linalg.triangular_solve(factor, right, left_side=True, lower=True)
        return jnp.reshape(white.T, shape)
    batch = lax.broadcast_shapes(vectors.shape[:-1], factor.shape[:-2])
    white = lax.linalg.triangular_solve(
        jnp.broadcast_to(factor, (*batch, n, n)),
        jnp.broadcast_to(vectors, (*batch, n))[..., None],
        left_side=True,
        lower=True,
    )
    return white[..., 0]

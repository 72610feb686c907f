"""Box and Cox's transformations, and softmax with SciPy's defaults."""

from typing import Any

import numpy as np

from ... import nn, numpy as jnp
from ...numpy._array_like import Array, ArrayLike, Axis
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact


@jit_when_eager
def boxcox(x: ArrayLike, lmbda: ArrayLike) -> Array:
    """``(x ** lmbda - 1) / lmbda``, and its limit ``log(x)`` where `lmbda` is 0.

    Args:
        x: nonnegative real numbers.
        lmbda: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.boxcox(4.0, 0.5).round(3)
        Array(2., dtype=float32)
    """
    x, lmbda = promote_args_inexact("boxcox", x, lmbda)
    return _scaled_expm1(jnp.log(x), lmbda)


@jit_when_eager
def boxcox1p(x: ArrayLike, lmbda: ArrayLike) -> Array:
    """``boxcox(1 + x, lmbda)``, accurate near 0.

    Args:
        x: real numbers of at least -1.
        lmbda: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.boxcox1p(3.0, 0.5).round(3)
        Array(2., dtype=float32)
    """
    x, lmbda = promote_args_inexact("boxcox1p", x, lmbda)
    return _scaled_expm1(jnp.log1p(x), lmbda)


def _scaled_expm1(logarithm: Any, factor: Any) -> Any:
    """``expm1(factor * logarithm) / factor``, smooth through ``factor == 0``."""
    t = factor * logarithm
    # Below, the quotient's derivative would lose digits; the series has them all.
    small = jnp.abs(t) < float(jnp.finfo(t.dtype).eps) ** (1 / 4)
    series = logarithm * (1 + t / 2 * (1 + t / 3 * (1 + t / 4)))
    # An infinite logarithm times zero: the limit is the logarithm.
    series = jnp.where(factor == 0, logarithm * (1 + _nan_to_zero(t) / 2), series)
    whole = jnp.expm1(jnp.where(small, 1, t)) / jnp.where(factor == 0, 1, factor)
    return jnp.where(small | (factor == 0), series, whole)


def _nan_to_zero(t: Any) -> Any:
    return jnp.where(jnp.isnan(t), np.zeros((), t.dtype), t)


def softmax(x: ArrayLike, axis: Axis = None) -> Array:
    """``exp(x) / sum(exp(x))``, by default over all elements.

    Args:
        x: logits.
        axis: along which the results sum to 1: an integer, several, or None for all.

    Returns:
        A floating-point array of the shape of `x`.

    Raises:
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.softmax([[1.0, 1.0], [1.0, 1.0]])
        Array([[0.25, 0.25],
               [0.25, 0.25]], dtype=float32)
    """
    return nn.softmax(jnp.asarray(x), axis)


def log_softmax(x: ArrayLike, axis: Axis = None) -> Array:
    """Logarithm of `softmax`, by default over all elements.

    Args:
        x: logits.
        axis: an integer, several, or None for all.

    Returns:
        A floating-point array of the shape of `x`.

    Raises:
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.log_softmax([0.0, 0.0]).round(3)
        Array([-0.693, -0.693], dtype=float32)
    """
    return nn.log_softmax(jnp.asarray(x), axis)

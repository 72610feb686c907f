"""The gamma function and what is made of it, elementwise.

Integers are taken as floating point, operands are broadcast.
"""

import math
from typing import Any

from ... import lax, numpy as jnp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact
from ._gamma_formulas import gamma_of_reals, loggamma_of_complex
from ._precision import of_reals, widened


@jit_when_eager
def gammaln(x: ArrayLike) -> Array:
    """Logarithm of the absolute value of the gamma function.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.gammaln(4.0)
        Array(1.7917603, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("gammaln", x)
    return lax.lgamma(x)


@jit_when_eager
def gammasgn(x: ArrayLike) -> Array:
    """Sign of the gamma function; NaN at the negative integers.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.gammasgn(-0.5)
        Array(-1., dtype=float32)
    """
    return of_reals("gammasgn", _gammasgn, x)


def _gammasgn(x: Any) -> Any:
    floor = lax.floor(x)
    odd = jnp.where(floor % 2 == 0, 1.0, -1.0).astype(x.dtype)
    sign = jnp.where(x < 0, odd, jnp.copysign(1, x))
    return jnp.where((x < 0) & (x == floor) | jnp.isnan(x), math.nan, sign)


@jit_when_eager
def gamma(x: ArrayLike) -> Array:
    """The gamma function; NaN at the negative integers.

    Args:
        x: real or complex numbers.

    Returns:
        An array of the shape of `x`. For real numbers the relative error is a few units
        in the last place; there is none for integers up to 23 whose result the dtype
        holds. For complex ones it is the absolute error of `loggamma`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.gamma(5.0)
        Array(24., dtype=float32)
    """
    (x,) = promote_args_inexact("gamma", x)
    if jnp.iscomplexobj(x):
        return lax.exp(loggamma_of_complex(widened(x)))
    return of_reals("gamma", gamma_of_reals, x)


@jit_when_eager
def loggamma(x: ArrayLike) -> Array:
    """Logarithm of the gamma function, continued from the positive numbers.

    Args:
        x: real or complex numbers.

    Returns:
        An array of the shape of `x`, cut along the negative axis, and NaN at its
        integers; NaN for all negative numbers of a real dtype. For complex numbers the
        error is a few dozen units in the last place.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.loggamma(-1.5 + 0j).round()
        Array(1.-6.j, dtype=complex64)
    """
    (x,) = promote_args_inexact("loggamma", x)
    if jnp.iscomplexobj(x):
        return loggamma_of_complex(widened(x))
    return jnp.where(x < 0, math.nan, lax.lgamma(x))


@jit_when_eager
def digamma(x: ArrayLike) -> Array:
    """Derivative of `gammaln`; NaN at zero and the negative integers.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.digamma(1.0)
        Array(-0.5772154, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("digamma", x)
    return lax.digamma(x)


@jit_when_eager
def polygamma(n: ArrayLike, x: ArrayLike) -> Array:
    """Derivative of order `n` of `digamma`.

    Args:
        n: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.polygamma(1, 1.0)
        Array(1.644934, dtype=float32, weak_type=True)
    """
    n, x = promote_args_inexact("polygamma", n, x)
    return lax.polygamma(n, x)


@jit_when_eager
def gammainc(a: ArrayLike, x: ArrayLike) -> Array:
    """Regularized lower incomplete gamma function.

    Args:
        a: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.gammainc(1.0, 2.0)
        Array(0.86466473, dtype=float32, weak_type=True)
    """
    a, x = promote_args_inexact("gammainc", a, x)
    return lax.igamma(a, x)


@jit_when_eager
def gammaincc(a: ArrayLike, x: ArrayLike) -> Array:
    """Regularized upper incomplete gamma function.

    Args:
        a: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.gammaincc(1.0, 2.0)
        Array(0.13533528, dtype=float32, weak_type=True)
    """
    a, x = promote_args_inexact("gammaincc", a, x)
    return lax.igammac(a, x)


@jit_when_eager
def betaln(a: ArrayLike, b: ArrayLike) -> Array:
    """Logarithm of the absolute value of the beta function.

    Args:
        a: real numbers.
        b: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.betaln(2.0, 3.0)
        Array(-2.4849074, dtype=float32, weak_type=True)
    """
    a, b = promote_args_inexact("betaln", a, b)
    return lax.lgamma(a) + lax.lgamma(b) - lax.lgamma(a + b)


@jit_when_eager
def beta(a: ArrayLike, b: ArrayLike) -> Array:
    """The beta function `gamma(a) gamma(b) / gamma(a + b)`.

    Args:
        a: real numbers.
        b: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.beta(2.0, 3.0)
        Array(0.08333327, dtype=float32)
    """
    return of_reals("beta", _beta, a, b)


def _beta(a: Any, b: Any) -> Any:
    sign = _gammasgn(a) * _gammasgn(b) * _gammasgn(a + b)
    return sign * lax.exp(betaln(a, b))


@jit_when_eager
def betainc(a: ArrayLike, b: ArrayLike, x: ArrayLike) -> Array:
    """Regularized incomplete beta function.

    Args:
        a: real numbers.
        b: real numbers.
        x: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.betainc(1.0, 2.0, 0.5)
        Array(0.75000006, dtype=float32, weak_type=True)
    """
    a, b, x = promote_args_inexact("betainc", a, b, x)
    return lax.betainc(a, b, x)

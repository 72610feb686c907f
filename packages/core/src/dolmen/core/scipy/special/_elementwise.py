"""Modified Bessel functions, error functions and the logistic function, elementwise.

Integers are taken as floating point.
"""

from ... import lax
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact


@jit_when_eager
def i0(x: ArrayLike) -> Array:
    """Modified Bessel function of order zero.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.i0(1.0)
        Array(1.2660658, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i0", x)
    # `abs(x)` would have the slope 1 at 0, where `i0` is flat.
    return lax.exp(lax.max(x, lax.neg(x))) * lax.bessel_i0e(x)


@jit_when_eager
def i0e(x: ArrayLike) -> Array:
    """Modified Bessel function of order zero, times `exp(-|x|)`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.i0e(1.0)
        Array(0.4657596, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i0e", x)
    return lax.bessel_i0e(x)


@jit_when_eager
def i1(x: ArrayLike) -> Array:
    """Modified Bessel function of order one.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.i1(1.0)
        Array(0.5651591, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i1", x)
    return lax.exp(lax.abs(x)) * lax.bessel_i1e(x)


@jit_when_eager
def i1e(x: ArrayLike) -> Array:
    """Modified Bessel function of order one, times `exp(-|x|)`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.i1e(1.0)
        Array(0.20791042, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("i1e", x)
    return lax.bessel_i1e(x)


@jit_when_eager
def erf(x: ArrayLike) -> Array:
    """Error function.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.erf(1.0)
        Array(0.84270084, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erf", x)
    return lax.erf(x)


@jit_when_eager
def erfc(x: ArrayLike) -> Array:
    """Complementary error function `1 - erf(x)`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.erfc(1.0)
        Array(0.15729924, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfc", x)
    return lax.erfc(x)


@jit_when_eager
def erfinv(x: ArrayLike) -> Array:
    """Inverse of the error function; NaN outside [-1, 1].

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.erfinv(0.5)
        Array(0.47693628, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("erfinv", x)
    return lax.erf_inv(x)


@jit_when_eager
def expit(x: ArrayLike) -> Array:
    """Logistic function `1 / (1 + exp(-x))`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.expit(1.0)
        Array(0.7310586, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("expit", x)
    return lax.logistic(x)


@jit_when_eager
def logit(x: ArrayLike) -> Array:
    """Inverse of the logistic function, `log(x / (1 - x))`.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.logit(0.75)
        Array(1.0986123, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("logit", x)
    return lax.log(x / (1 - x))

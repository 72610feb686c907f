"""Products with logarithms, zero where a factor is, and the entropies made of them.

Integers are taken as floating point, operands are broadcast.
"""

import math

from ... import lax, numpy as jnp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact


@jit_when_eager
def xlogy(x: ArrayLike, y: ArrayLike) -> Array:
    """`x log(y)`, zero where `x` is, unless `y` is NaN.

    Args:
        x: real numbers.
        y: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape. Its gradient is zero
        where the value is zero because `x` is and the logarithm is not finite.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.xlogy(0.0, 0.0)
        Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlogy", x, y)
    # Replacing `y` rather than the product keeps the derivative by `x`, log(y).
    vanishes = (x == 0) & ((y <= 0) | (y == math.inf))
    return x * lax.log(jnp.where(vanishes, 1, y))


@jit_when_eager
def xlog1py(x: ArrayLike, y: ArrayLike) -> Array:
    """`x log(1 + y)`, zero where `x` is, unless `y` is NaN.

    Args:
        x: real numbers.
        y: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape; see `xlogy`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.xlog1py(0.0, -1.0)
        Array(0., dtype=float32, weak_type=True)
    """
    x, y = promote_args_inexact("xlog1py", x, y)
    vanishes = (x == 0) & ((y <= -1) | (y == math.inf))
    return x * lax.log1p(jnp.where(vanishes, 0, y))


@jit_when_eager
def entr(x: ArrayLike) -> Array:
    """Entropy `-x log(x)`, zero at zero and -inf for negative numbers.

    Args:
        x: real numbers.

    Returns:
        A floating-point array of the shape of `x`.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.entr(0.5)
        Array(0.3465736, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("entr", x)
    return jnp.where(x < 0, -math.inf, -xlogy(x, jnp.where(x < 0, 1, x)))


@jit_when_eager
def rel_entr(p: ArrayLike, q: ArrayLike) -> Array:
    """Relative entropy `p log(p / q)`; infinite where `p` or `q` is out of bounds.

    Args:
        p: real numbers.
        q: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape; zero where `p` is zero
        and `q` is not negative.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.rel_entr(0.5, 0.25)
        Array(0.3465736, dtype=float32, weak_type=True)
    """
    p, q = promote_args_inexact("rel_entr", p, q)
    inside, nan = (p > 0) & (q > 0), jnp.isnan(p) | jnp.isnan(q)
    safe_p, safe_q = jnp.where(inside, p, 1), jnp.where(inside, q, 1)
    value = safe_p * lax.log(safe_p / safe_q)
    edge = jnp.where(nan, math.nan, jnp.where((p == 0) & (q >= 0), 0.0, math.inf))
    return jnp.where(inside, value, edge)


@jit_when_eager
def kl_div(p: ArrayLike, q: ArrayLike) -> Array:
    """Kullback-Leibler divergence `p log(p / q) - p + q`.

    Args:
        p: real numbers.
        q: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape; infinite where `p` or
        `q` is out of bounds.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.kl_div(0.5, 0.25)
        Array(0.09657359, dtype=float32, weak_type=True)
    """
    p, q = promote_args_inexact("kl_div", p, q)
    return rel_entr(p, q) - p + q

"""Factorials, numbers of combinations, and relatives of the gamma function."""

import math
import operator
from typing import Any

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._ops._conversion import convert_element_type
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import promote_args_inexact
from ._gamma import gamma, gammaln, gammasgn
from ._precision import of_reals


def factorial(n: ArrayLike, exact: bool = False) -> Array:
    """``gamma(n + 1)``; 0 for negative `n`, as in SciPy.

    Args:
        n: real numbers.
        exact: must be false: results are floating point.

    Returns:
        A floating-point array of the shape of `n`.

    Raises:
        NotImplementedError: `exact` is true.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.factorial(4)
        Array(24., dtype=float32, weak_type=True)
    """
    _not_exact("factorial", exact)
    return _factorial(n)


def _not_exact(function: str, exact: bool) -> None:
    if exact:
        raise NotImplementedError(
            f"{function}: `exact` must be False: arrays hold no integers of any size. "
            f"Use math.{function} for exact numbers."
        )


@jit_when_eager
def _factorial(n: ArrayLike) -> Array:
    (n,) = promote_args_inexact("factorial", n)
    value, type = jnp.where(n < 0, 0, gamma(n + 1)), typeof(n)
    return convert_element_type(value, type.dtype, type.weak_type)


def comb(
    N: ArrayLike,
    k: ArrayLike,
    *,
    exact: bool = False,
    repetition: bool = False,
) -> Array:
    """How many ways there are to choose `k` of `N` things; 0 unless ``0 <= k <= N``.

    Args:
        N: real numbers.
        k: real numbers.
        exact: must be false: results are floating point.
        repetition: things may be chosen more than once.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Raises:
        NotImplementedError: `exact` is true.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.comb(5, 2).round()
        Array(10., dtype=float32, weak_type=True)
    """
    _not_exact("comb", exact)
    return _comb(N, k, repetition=bool(repetition))


@jit_when_eager(static_argnames=("repetition",))
def _comb(n: Any, k: Any, repetition: bool) -> Any:
    n, k = promote_args_inexact("comb", n, k)
    valid = (k >= 0) & ((n >= 0) if repetition else (n >= k))
    if repetition:
        valid, n = valid & (n + k > 0) | (valid & (k == 0)), n + k - 1
    n, k = (jnp.where(valid & (n > -1), x, 0) for x in (n, k))
    logarithm = lax.lgamma(n + 1) - lax.lgamma(k + 1) - lax.lgamma(n - k + 1)
    return jnp.where(valid, jnp.exp(logarithm), 0)


@jit_when_eager
def poch(z: ArrayLike, m: ArrayLike) -> Array:
    """Pochhammer's symbol: the rising factorial ``gamma(z + m) / gamma(z)``.

    Args:
        z: real numbers.
        m: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape. NaN where both gamma
        functions have a pole, unless `m` is 0.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.poch(2.0, 3.0).round()
        Array(24., dtype=float32)
    """
    return of_reals("poch", _poch, z, m)


def _poch(z: Any, m: Any) -> Any:
    at_zero = m == 0
    m = jnp.where(at_zero, 1, m)
    sign = gammasgn(z + m) * gammasgn(z)
    return jnp.where(at_zero, 1, sign * jnp.exp(gammaln(z + m) - gammaln(z)))


def multigammaln(a: ArrayLike, d: int) -> Array:
    """Logarithm of the multivariate gamma function.

    Args:
        a: real numbers above ``(d - 1) / 2``.
        d: dimension, a positive integer.

    Returns:
        A floating-point array of the shape of `a`.

    Raises:
        ValueError: `d` is not positive.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.multigammaln(3.0, 1).round(3)
        Array(0.693, dtype=float32)
    """
    dimension = operator.index(d)
    if dimension < 1:
        raise value_error(f"multigammaln: `d` must be positive, got {dimension}.")
    return _multigammaln(a, d=dimension)


@jit_when_eager(static_argnames=("d",))
def _multigammaln(a: Any, d: int) -> Any:
    constant = 0.25 * d * (d - 1) * math.log(math.pi)
    return of_reals(
        "multigammaln",
        lambda a: sum([lax.lgamma(a - 0.5 * i) for i in range(d)], constant),
        a,
    )


@jit_when_eager
def zeta(x: ArrayLike, q: ArrayLike | None = None) -> Array:
    """Hurwitz' zeta function, the sum of ``(q + k) ** -x`` over all ``k >= 0``.

    Args:
        x: real numbers above 1.
        q: real numbers; by default 1, which is Riemann's zeta function.

    Returns:
        A floating-point array of the operands' broadcast shape.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.zeta(2.0)
        Array(1.644934, dtype=float32, weak_type=True)
    """
    x, q = promote_args_inexact("zeta", x, 1 if q is None else q)
    return lax.zeta(x, q)

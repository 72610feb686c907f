"""Owen's T function."""

import math
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._precision import epsilon, of_reals

_ROOT_OF_HALF = math.sqrt(0.5)


@jit_when_eager
def owens_t(h: ArrayLike, a: ArrayLike) -> Array:
    """Owen's T: how likely ``X > h`` and ``0 < Y < a X`` for standard normal X and Y.

    Args:
        h: real numbers.
        a: real numbers.

    Returns:
        A floating-point array of the operands' broadcast shape, in float32 for half
        precision; even in `h`, odd in `a`. The relative error is a dozen units in the
        last place at most, also where the result is tiny.

    Raises:
        TypeError: an argument is complex.

    Source: Gauss's quadrature of Owen's integral, as method T5 of Patefield and Tandy
    (2000), J. Stat. Software 5(5); ours stops where the integrand vanishes, so it needs
    no other method for large `h`.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.owens_t(0.0, 1.0).round(3)
        Array(0.125, dtype=float32)
    """
    return of_reals("owens_t", _owens_t, h, a, wide=True)


@custom_jvp
def _owens_t(h: Any, a: Any) -> Any:
    h, size = jnp.minimum(jnp.abs(h), 1e4), jnp.abs(a)
    # Large `a` are reflected: the quadrature is for those up to 1.
    flipped = size > 1
    product = jnp.where(h == 0, 0, jnp.minimum(h * size, 1e4))
    part = _quadrature(
        jnp.where(flipped, product, h),
        jnp.where(flipped, 1 / jnp.where(flipped, size, 1), size),
    )
    p, q = (0.5 * lax.erfc(_ROOT_OF_HALF * x) for x in (h, product))
    value = jnp.where(flipped, 0.5 * (p + q) - p * q - part, part)
    return jnp.where(a < 0, -value, value)


@_owens_t.defjvp
def _owens_t_jvp(primals: Any, tangents: Any) -> Any:
    (h, a), (dh, da) = primals, tangents
    by_h = -lax.erf(_ROOT_OF_HALF * a * h) * jnp.exp(-0.5 * h * h)
    by_a = jnp.exp(-0.5 * h * h * (1 + a * a)) / (1 + a * a)
    slope = dh * by_h / math.sqrt(8 * math.pi) + da * by_a / (2 * math.pi)
    return _owens_t(h, a), slope


def _quadrature(h: Any, a: Any) -> Any:
    nodes, cutoff = (20, 6.0) if epsilon(h) > 1e-10 else (40, 9.0)
    end = jnp.minimum(a, cutoff / jnp.maximum(h, 1e-3))
    total = jnp.zeros_like(h + a)
    # The integrand is even: half of the nodes stand for all.
    for x, weight in zip(*np.polynomial.legendre.leggauss(nodes), strict=True):
        if x > 0:
            t = float(x) * end
            total += float(weight) * jnp.exp(-0.5 * (h * t) ** 2) / (1 + t * t)
    # exp(-h**2 / 2), where rounding the square would cost digits.
    coarse = jnp.floor(64 * h) / 64
    rest = jnp.exp(-0.5 * (h - coarse) * (h + coarse))
    return total * end / (2 * math.pi) * rest * jnp.exp(-0.5 * coarse * coarse)

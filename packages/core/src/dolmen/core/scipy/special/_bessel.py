"""Bessel functions of the first kind and whole orders.

Orders up to the argument come by the recurrence from the first two, higher ones from
ratios of neighbors, which the recurrence gives from above. For small arguments the
first two are means of Bessel's integral over equal angles (over 64 of them the error is
the function of order 64), for large ones Hankel's expansion.

Source: Abramowitz and Stegun 9.1.21, 9.1.27, 9.1.73 and 9.2.5.
"""

import functools
import math
import operator
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ..._ir import value_error
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._precision import of_reals, polynomial

_SEAM = 25.0
_ANGLES = 16  # in a quarter of the circle


def bessel_jn(z: ArrayLike, *, v: int, n_iter: int = 50) -> Array:
    """Bessel functions of the first kind, of the orders 0 to `v`.

    Args:
        z: real numbers.
        v: the last order.
        n_iter: at which order the recurrence from above starts at least. It starts at
            one that gives full precision anyway.

    Returns:
        A floating-point array of shape ``[v + 1, ...]``, where the axes of `z` follow.
        The error is a few units in the last place, absolute where a function has zeros.

    Raises:
        TypeError: `z` is complex; `v` or `n_iter` is no integer.
        ValueError: `v` is negative.

    Example:
        >>> from dolmen.core.scipy import special

        >>> special.bessel_jn(1.0, v=1).round(2)
        Array([0.77, 0.44], dtype=float32)
    """
    last, least = operator.index(v), operator.index(n_iter)
    if last < 0:
        raise value_error(f"bessel_jn: `v` must not be negative, got {last}.")
    return _bessel_jn(z, last=last, least=least)


@jit_when_eager(name="bessel_jn", static_argnames=("last", "least"))
def _bessel_jn(z: Any, last: int, least: int) -> Any:
    return of_reals("bessel_jn", functools.partial(_orders, last, least), z)


@functools.partial(custom_jvp, nondiff_argnums=(0, 1))
def _orders(last: int, least: int, z: Any) -> Any:
    x = jnp.abs(z)
    # At infinity, where all vanish, nothing is computed.
    safe = jnp.where(x == math.inf, 1, x)
    ratios = _ratios(last, least, safe)
    zero, one = _first_two(safe)
    one = jnp.where(safe < 1, zero * ratios[0], one)

    def ascend(carry: Any, step: Any) -> Any:
        before, here = carry
        n, ratio = step
        forward = 2 * (n - 1) / jnp.maximum(safe, 1) * here - before
        after = jnp.where(n <= safe, forward, here * ratio)
        return (here, after), after

    rest = (jnp.arange(2, last + 1, dtype=x.dtype), ratios[1:])
    _, higher = lax.scan(ascend, (zero, one), rest)
    values = jnp.concatenate([jnp.stack([zero, one]), higher])[: last + 1]
    odd = (np.arange(last + 1) % 2 == 1).reshape(-1, *[1] * x.ndim)
    values = jnp.where(odd & (z < 0), -values, values)
    return jnp.where(x == math.inf, 0, values)


@_orders.defjvp
def _orders_jvp(last: int, least: int, primals: Any, tangents: Any) -> Any:
    (z,), (dz,) = primals, tangents
    values = _orders(last + 1, least, z)
    below = jnp.concatenate([-values[1:2], values[:last]])
    return values[:-1], dz * 0.5 * (below - values[1:])


def _ratios(last: int, least: int, x: Any) -> Any:
    """``J_n / J_(n-1)`` for `n` from 1 to `last` (or 1), where `n` is above `x`."""
    # Beyond its turning point the function decays slowest if `x` is close to `last`.
    start = max(least, last + 16 + math.ceil(8 * last ** (1 / 3)))

    def descend(above: Any, n: Any) -> Any:
        ratio = x / (2 * n - x * above)
        return ratio, ratio

    orders = jnp.arange(1, start + 1, dtype=x.dtype)
    _, ratios = lax.scan(descend, jnp.zeros_like(x), orders, reverse=True)
    return ratios[: max(last, 1)]


def _first_two(x: Any) -> tuple[Any, Any]:
    near = jnp.minimum(x, _SEAM)
    zero, one = jnp.zeros_like(x), jnp.zeros_like(x)
    for k in range(_ANGLES):
        sine = math.sin((k + 0.5) * math.pi / (2 * _ANGLES))
        zero += jnp.cos(sine * near) / _ANGLES
        one += sine * jnp.sin(sine * near) / _ANGLES

    far = jnp.maximum(x, _SEAM)
    sine, cosine = jnp.sin(far), jnp.cos(far)
    plus, minus = cosine + sine, sine - cosine
    size = 1 / jnp.sqrt(math.pi * far)
    (p0, q0), (p1, q1) = _hankel(0, far), _hankel(1, far)
    return (
        jnp.where(x > _SEAM, size * (p0 * plus - q0 * minus), zero),
        jnp.where(x > _SEAM, size * (p1 * minus + q1 * plus), one),
    )


def _hankel(order: int, x: Any) -> tuple[Any, Any]:
    """What multiplies cosine and sine in Hankel's expansion."""
    coefficients = [1.0]
    for k in range(1, 28):
        factor = (4 * order**2 - (2 * k - 1) ** 2) / (8 * k)
        coefficients.append(coefficients[-1] * factor)
    signs = [(-1) ** k for k in range(14)]
    even, odd = (
        [sign * c for sign, c in zip(signs, coefficients[i::2], strict=True)]
        for i in (0, 1)
    )
    square = 1 / (x * x)
    return polynomial(even, square), polynomial(odd, square) / x

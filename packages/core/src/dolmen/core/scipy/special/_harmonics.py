"""Spherical harmonics."""

import math
import operator
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import type_error
from ..._tracing import concrete, not_concrete, typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import broadcast_args, promote_args_inexact
from ._precision import widened


def sph_harm_y(
    n: ArrayLike,
    m: ArrayLike,
    theta: ArrayLike,
    phi: ArrayLike,
    diff_n: int | None = None,
    n_max: int | None = None,
) -> Array:
    """Spherical harmonics, orthonormal, with the phase of Condon and Shortley.

    Args:
        n: integers, the degrees.
        m: integers, the orders.
        theta: real numbers, the polar angles (colatitudes).
        phi: real numbers, the azimuthal angles (longitudes).
        diff_n: must be None: differentiate with `jvp` or `grad` instead.
        n_max: the largest degree; larger ones are taken for it. By default that of `n`,
            which must be known then.

    Returns:
        A complex array of the operands' broadcast shape; 0 where `m` is out of range.

    Raises:
        NotImplementedError: `diff_n` is not None.
        TypeError: `n` or `m` is not of integers, or an angle is complex; `n` is traced
            and `n_max` None.

    Source: the recurrence in the degree of normalized functions of Legendre, as in
    Holmes and Featherstone (2002), J. Geodesy 76, equation 11.

    Example:
        >>> import numpy as np
        >>> from dolmen.core.scipy import special

        >>> special.sph_harm_y(np.array([1]), np.array([0]), 0.0, 0.0).round(1)
        Array([0.5+0.j], dtype=complex64)
    """
    if diff_n is not None:
        raise NotImplementedError(
            "sph_harm_y: `diff_n` must be None. Differentiate by the angles with `jvp` "
            "or `grad`."
        )
    for name, value in (("n", n), ("m", m)):
        if not jnp.issubdtype(typeof(value).dtype, np.integer):
            raise type_error(
                f"sph_harm_y: `{name}` must be of integers, got {typeof(value)!r}."
            )
    if n_max is None:
        known = concrete(n)
        if known is None:
            raise not_concrete(n, "int", "sph_harm_y: `n`, unless `n_max` is given")
        n_max = int(np.max(np.asarray(known), initial=0))
    return _sph_harm_y(n, m, theta, phi, n_max=operator.index(n_max))


@jit_when_eager(name="sph_harm_y", static_argnames=("n_max",))
def _sph_harm_y(n: Any, m: Any, theta: Any, phi: Any, n_max: int) -> Any:
    angles = promote_args_inexact("sph_harm_y", theta, phi)
    if jnp.issubdtype(typeof(angles[0]).dtype, np.complexfloating):
        raise type_error("sph_harm_y: `theta` and `phi` must be real, not complex.")
    n, m, theta, phi = jnp.broadcast_arrays(
        *broadcast_args("sph_harm_y", n, m, *(widened(x) for x in angles))
    )
    order = jnp.abs(m)
    legendre = _legendre(jnp.minimum(n, n_max), order, theta, n_max)
    # Y of -m is the conjugate of Y of m, but for a sign.
    legendre = jnp.where((m < 0) & (m % 2 == 1), -legendre, legendre)
    angle = m.astype(phi.dtype) * phi
    return lax.complex(legendre * jnp.cos(angle), legendre * jnp.sin(angle))


def _legendre(n: Any, m: Any, theta: Any, n_max: int) -> Any:
    """The normalized function of Legendre; 0 where `m` is above `n`."""
    sine, cosine = jnp.sin(theta), jnp.cos(theta)
    order = m.astype(theta.dtype)

    def ascend(carry: Any, degree: Any) -> Any:
        before, here = carry
        k = degree.astype(theta.dtype)
        diagonal = -jnp.sqrt((2 * k + 1) / (2 * k)) * sine * here
        up = jnp.where(degree > m, k * k - order * order, 1)
        down = jnp.where(degree > m, (k - 1) ** 2 - order * order, 0)
        lower = jnp.sqrt(down / (4 * (k - 1) ** 2 - 1).clip(1)) * before
        usual = jnp.sqrt((4 * k * k - 1) / up) * (cosine * here - lower)
        after = jnp.where(degree <= m, diagonal, usual)
        before = jnp.where(degree <= m, 0, here)
        unchanged = degree > n
        after = jnp.where(unchanged, carry[1], after)
        return (jnp.where(unchanged, carry[0], before), after), None

    first = jnp.full_like(theta, math.sqrt(1 / (4 * math.pi)))
    degrees = jnp.arange(1, n_max + 1)
    (_, last), _ = lax.scan(ascend, (jnp.zeros_like(theta), first), degrees)
    return jnp.where(m > n, 0, last)

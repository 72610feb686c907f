"""The Poisson distribution: how often rare things happen."""

from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import convert, parameter_shape, sampled_dtype, single_key, whole
from ._keys import KeyArray
from ._normal import several_keys, two_keys
from ._uniform import unit_interval

_FLOAT32 = np.dtype(np.float32)


def poisson(
    key: Any,
    lam: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = int,
    *,
    out_sharding: Any = None,
) -> Array:
    """How many events happen where `lam` are expected.

    Args:
        key: a single key.
        lam: rates; they broadcast to `shape`. Computed with in float32.
        shape: shape of the result, by default that of `lam`.
        dtype: an integer dtype.

    Returns:
        Integers of shape `shape`; minus one where `lam` is negative, infinite or NaN.

    Raises:
        TypeError: `dtype` is no integer dtype.
        ValueError: `lam` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.poisson(random.key(42), 80.0, (3,)).shape
        (3,)

    Source: Knuth's products of uniform numbers below a rate of 10, above it PTRS of
    Hörmann (1993), doi:10.1016/0167-6687(93)90997-4.
    """
    one = single_key("poisson", key, out_sharding)
    made = sampled_dtype("poisson", dtype, "iu")
    sizes = parameter_shape("poisson", shape, lam=lam)
    return _poisson(one, lam, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _poisson(key: KeyArray, lam: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    # Where a method isn't wanted, it gets a rate at which it ends soon.
    lam = lax.stop_gradient(whole(lam, shape, _FLOAT32))
    valid = lax.bitwise_and(lax.is_finite(lam), lam >= 0)
    small = lax.bitwise_not(lax.bitwise_and(valid, lam >= 10))
    few = _products(key, jnp.where(small & valid, lam, 0.0), shape)
    many = _rejection(key, jnp.where(small, 1e5, lam), shape)
    made = jnp.where(small, convert(few, dtype), convert(many, dtype))
    made = jnp.where(lam == 0, np.asarray(0, dtype), made)
    return jnp.where(valid, made, np.asarray(-1).astype(dtype))


def _products(key: KeyArray, lam: Any, shape: tuple[int, ...]) -> Any:
    """How many uniform numbers can be multiplied before falling below ``exp(-lam)``."""

    def going(state: Any) -> Any:
        _, _, log_product = state
        return jnp.any(log_product > -lam)

    def multiply(state: Any) -> Any:
        words, count, log_product = state
        rest, now = two_keys(KeyArray(words, key._generator))
        count = jnp.where(log_product > -lam, count + 1, count)
        u = unit_interval(now, shape, _FLOAT32)
        return rest._base, count, log_product + lax.log(u)

    start = key._base, lax.full(shape, 0, np.int32), lax.full(shape, 0, _FLOAT32)
    return lax.while_loop(going, multiply, start)[1] - 1


def _rejection(key: KeyArray, lam: Any, shape: tuple[int, ...]) -> Any:
    """PTRS: transformed rejection with a squeeze."""
    log_lam = lax.log(lam)
    b = 0.931 + 2.53 * lax.sqrt(lam)
    a = -0.059 + 0.02483 * b
    inverse_alpha = 1.1239 + 1.1328 / (b - 3.4)
    sure_below = 0.9277 - 3.6224 / (b - 2)

    def going(state: Any) -> Any:
        return jnp.any(lax.bitwise_not(state[2]))

    def propose(state: Any) -> Any:
        words, made, accepted = state
        rest, u_key, v_key = several_keys(KeyArray(words, key._generator), 3)
        u = unit_interval(u_key, shape, _FLOAT32) - 0.5
        v = unit_interval(v_key, shape, _FLOAT32)
        margin = 0.5 - lax.abs(u)
        k = lax.floor((2 * a / margin + b) * u + lam + 0.43)
        sure = (margin >= 0.07) & (v <= sure_below)
        outside = (k < 0) | ((margin < 0.013) & (v > margin))
        proposed = lax.log(v * inverse_alpha / (a / (margin * margin) + b))
        inside = proposed <= -lam + k * log_lam - lax.lgamma(k + 1)
        fits = sure | (~outside & inside)
        # As in JAX, a later proposal that fits replaces an earlier one.
        return rest._base, jnp.where(fits, k, made), accepted | fits

    start = key._base, lax.full(shape, -1, _FLOAT32), lax.full(shape, False, bool)
    return lax.while_loop(going, propose, start)[1]

"""Successes among trials: the binomial and multinomial distributions."""

from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import value_error
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import as_shape, parameter_shape, sampled_dtype, single_key, whole
from ._keys import KeyArray, split_key
from ._normal import several_keys, two_keys
from ._uniform import unit_interval

# log(k!) minus Stirling's approximation, for k below ten.
_STIRLING_ERRORS = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


def binomial(
    key: Any,
    n: ArrayLike,
    p: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
) -> Array:
    """How many of `n` trials succeed that do so with probability `p`.

    Args:
        key: a single key.
        n: numbers of trials, rounded down; the parameters broadcast to `shape`.
        p: probabilities of success.
        shape: shape of the result, by default that of the parameters.
        dtype: a floating-point dtype.

    Returns:
        Whole numbers of `dtype`, without derivatives; NaN where `n` is negative or `p`
        outside [0, 1], infinity where `n` is infinite.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.binomial(random.key(42), 20, 0.3, (4,)).tolist()
        [5.0, 7.0, 4.0, 5.0]

    Source: sums of geometric numbers where fewer than ten successes are expected, else
    BTRS of Hörmann (1993), doi:10.1080/00949659308811496.
    """
    one = single_key("binomial", key, None)
    made = sampled_dtype("binomial", dtype, "f")
    sizes = parameter_shape("binomial", shape, n=n, p=p)
    return _binomial(one, n, p, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _binomial(
    key: KeyArray, n: Any, p: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    return _successes(key, whole(n, shape, dtype), whole(p, shape, dtype))


def _successes(key: KeyArray, n: Any, p: Any) -> Any:
    n, p = lax.stop_gradient(n), lax.stop_gradient(p)
    # The rarer outcome is counted.
    rare = jnp.where(p < 0.5, p, 1 - p)
    valid = (n >= 0) & (rare >= 0)
    rare = jnp.where(rare >= 0, rare, 0.01)
    # Where a method can't end or isn't wanted, it gets parameters with which it ends.
    trials = jnp.where((n >= 0) & lax.is_finite(n), n, 0.0)
    few = trials * rare <= 10
    trials = lax.floor(trials)
    counted = jnp.where(
        few,
        _sums(key, jnp.where(few, trials, 0.0), lax.log1p(-rare)),
        _rejection(key, jnp.where(few, 1e4, trials), jnp.where(few, 0.5, rare)),
    )
    counted = jnp.where(p < 0.5, counted, trials - counted)
    return jnp.where(valid, jnp.where(lax.is_finite(n), counted, n), np.nan)


def _sums(key: KeyArray, n: Any, log_failure: Any) -> Any:
    """How many geometric numbers can be added before exceeding `n`."""
    type = typeof(n)

    def going(state: Any) -> Any:
        return jnp.any(state[2] <= n)

    def add(state: Any) -> Any:
        words, count, total = state
        now, rest = two_keys(KeyArray(words, key._generator))
        count = jnp.where(total <= n, count + 1, count)
        log_u = lax.log(unit_interval(now, type.shape, type.dtype))
        return rest._base, count, total + lax.ceil(log_u / log_failure)

    zeros = lax.full(type.shape, 0, type.dtype)
    return lax.while_loop(going, add, (key._base, zeros, zeros))[1] - 1


def _rejection(key: KeyArray, n: Any, p: Any) -> Any:
    """BTRS: transformed rejection with a squeeze."""
    shape, dtype = typeof(n).shape, typeof(n).dtype
    deviation = lax.sqrt(n * p * (1 - p))
    b = 1.15 + 2.53 * deviation
    a = -0.0873 + 0.0248 * b + 0.01 * p
    center = n * p + 0.5
    sure_below = 0.92 - 4.2 / b
    odds = p / (1 - p)
    alpha = (2.83 + 5.1 / b) * deviation
    mode = lax.floor((n + 1) * p)

    def going(state: Any) -> Any:
        return jnp.any(~state[2])

    def propose(state: Any) -> Any:
        words, made, accepted = state
        rest, u_key, v_key = several_keys(KeyArray(words, key._generator), 3)
        u = unit_interval(u_key, shape, dtype) - 0.5
        v = unit_interval(v_key, shape, dtype)
        margin = 0.5 - lax.abs(u)
        k = lax.floor((2 * a / margin + b) * u + center)
        sure = (margin >= 0.07) & (v <= sure_below)
        outside = (k < 0) | (k > n)
        proposed = lax.log(v * alpha / (a / (margin * margin) + b))
        log_ratio = (
            (mode + 0.5) * lax.log((mode + 1) / (odds * (n - mode + 1)))
            + (n + 1) * lax.log((n - mode + 1) / (n - k + 1))
            + (k + 0.5) * lax.log(odds * (n - k + 1) / (k + 1))
            + _stirling_error(mode)
            + _stirling_error(n - mode)
            - _stirling_error(k)
            - _stirling_error(n - k)
        )
        fits = sure | (~outside & (proposed <= log_ratio))
        # As in JAX, a later proposal that fits replaces an earlier one.
        return rest._base, jnp.where(fits, k, made), accepted | fits

    start = key._base, lax.full(shape, -1, dtype), lax.full(shape, False, bool)
    return lax.while_loop(going, propose, start)[1]


def _stirling_error(k: Any) -> Any:
    # As in JAX, the series beyond the table stays at its value for nine.
    small = k <= 9
    k = jnp.clip(k, 0.0, 9.0)
    square = (k + 1) * (k + 1)
    series = (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
    table = np.asarray(_STIRLING_ERRORS, typeof(k).dtype)
    return jnp.where(small, jnp.take(table, lax.floor(k).astype(np.int32)), series)


def multinomial(
    key: Any,
    n: ArrayLike,
    p: ArrayLike,
    *,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    unroll: int | bool = 1,
) -> Array:
    """How often each of several outcomes comes up in `n` trials.

    Args:
        key: a single key.
        n: numbers of trials; they broadcast to `shape` without its last axis.
        p: probabilities ``[..., outcomes]``.
        shape: shape of the result, by default that of the parameters.
        dtype: a floating-point dtype.
        unroll: how many outcomes one step of the compiled loop draws.

    Returns:
        Whole numbers of shape `shape`, whose last axis sums to `n`.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `p` is a scalar, or the parameters do not broadcast to `shape`.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import random
        >>> p = np.array([0.1, 0.2, 0.3, 0.4])
        >>> random.multinomial(random.key(42), 20, p).tolist()
        [1.0, 2.0, 4.0, 13.0]

    Source: binomial numbers of what remains, outcome by outcome.
    """
    one = single_key("multinomial", key, None)
    made = sampled_dtype("multinomial", dtype, "f")
    own, trials = typeof(p), typeof(n)
    if not own.ndim:
        raise value_error(f"multinomial: `p` must have an axis, got {own!r}.")
    if shape is None:
        batch = lax.broadcast_shapes(trials.shape, own.shape[:-1])
        sizes = (*batch, own.shape[-1])
    else:
        sizes = as_shape("multinomial", shape)
    parameter_shape("multinomial", sizes, p=p)
    parameter_shape("multinomial", sizes[:-1], n=n)
    return _multinomial(one, n, p, shape=sizes, dtype=made, unroll=unroll)


@jit_when_eager(static_argnames=("shape", "dtype", "unroll"))
def _multinomial(
    key: KeyArray,
    n: Any,
    p: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    unroll: int | bool,
) -> Any:
    p = whole(p, shape, dtype)
    rest = lax.cumsum(p, len(shape) - 1, reverse=True)
    shares = jnp.clip(p / jnp.where(rest == 0, 1, rest), 0, 1)
    keys = split_key(key, shape=(shape[-1],))._base

    def outcome(remaining: Any, at: Any) -> Any:
        words, share = at
        count = _successes(KeyArray(words, key._generator), remaining, share)
        return remaining - count, count

    start = lax.stop_gradient(whole(n, shape[:-1], dtype))
    columns = (keys, jnp.moveaxis(shares, -1, 0))
    return jnp.moveaxis(lax.scan(outcome, start, columns, unroll=unroll)[1], 0, -1)

"""The gamma distribution and those made of it.

Marsaglia and Tsang's method rejects proposals, so every element has a key of its own
and draws from it until one is accepted: no value depends on the elements beside it.
"""

from functools import partial
from typing import Any

import ml_dtypes
import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import custom_jvp, jit_when_eager
from .._ir import value_error
from .._tracing import typeof
from .._transforms import vmap
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import (
    as_shape,
    parameter_shape,
    sampled_dtype,
    single_key,
    whole,
)
from ._continuous import waiting_times
from ._keys import KeyArray, split_key
from ._normal import several_keys, standard_normal, two_keys
from ._uniform import signs, unit_interval

# ---- gamma -------------------------------------------------------------------------


def gamma(
    key: Any,
    a: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """The gamma distribution of scale 1: the density is ``x**(a-1) exp(-x) / Γ(a)``.

    Args:
        key: a single key.
        a: shape parameters, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `a`.
        dtype: a floating-point dtype.

    Returns:
        An array of shape `shape`, differentiable in `a`. For small `a` most values
        round to zero; `loggamma` keeps them apart.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `a` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.gamma(random.key(42), 1.65, (2,)).shape
        (2,)

    Source: Marsaglia and Tsang (2000), doi:10.1145/358407.358414.
    """
    one = single_key("gamma", key, out_sharding)
    made = sampled_dtype("gamma", dtype, "f")
    sizes = parameter_shape("gamma", shape, a=a)
    return _gamma(one, a, shape=sizes, dtype=made, log=False)


def loggamma(
    key: Any,
    a: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Logarithms of gamma numbers, finite also where these underflow.

    Args:
        key: a single key.
        a: shape parameters, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `a`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `a` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.loggamma(random.key(0), 0.5, (4,)).shape
        (4,)
    """
    one = single_key("loggamma", key, out_sharding)
    made = sampled_dtype("loggamma", dtype, "f")
    sizes = parameter_shape("loggamma", shape, a=a)
    return _gamma(one, a, shape=sizes, dtype=made, log=True)


@jit_when_eager(static_argnames=("shape", "dtype", "log"))
def _gamma(
    key: KeyArray, a: Any, shape: tuple[int, ...], dtype: np.dtype, log: bool
) -> Any:
    return gamma_numbers(key, whole(a, shape, dtype), log=log)


def gamma_numbers(key: KeyArray, a: Any, *, log: bool = False) -> Any:
    """Gamma numbers, or their logarithms, of the shape and dtype of `a`."""
    type = typeof(a)
    words = split_key(key, shape=(type.size,))._base
    made = _samples(key._generator, log, words, lax.reshape(a, (type.size,)))
    return lax.reshape(made, type.shape)


@partial(custom_jvp, nondiff_argnums=(0, 1))
def _samples(generator: Any, log: bool, words: Any, a: Any) -> Any:
    def one(words: Any, a: Any) -> Any:
        return _marsaglia_tsang(KeyArray(words, generator), a, log)

    return vmap(one)(words, a)


@_samples.defjvp
def _differentiated(generator: Any, log: bool, primals: Any, tangents: Any) -> Any:
    """Implicit reparameterization: `a` moves, the quantile of the sample stays.

    Where the sample x is so small that the distribution function is
    ``x**a / Γ(a + 1)``, the logarithm of x moves by ``(ψ(a + 1) - log(x)) / a``.

    Source: Figurnov, Mohamed and Mnih (2018), arXiv:1805.08498.
    """
    words, a = primals
    made = _samples(generator, log, words, a)
    if not log:
        return made, lax.mul(lax.random_gamma_grad(a, made), tangents[1])
    eps = float(ml_dtypes.finfo(typeof(a).dtype).eps)
    tiny = made < np.log(eps)
    x = lax.exp(jnp.where(tiny, 0.0, made))
    slope = jnp.where(
        tiny, (lax.digamma(a + 1) - made) / a, lax.random_gamma_grad(a, x) / x
    )
    return made, lax.mul(slope, tangents[1])


def _marsaglia_tsang(key: KeyArray, a: Any, log: bool) -> Any:
    """One gamma number.

    For ``a >= 1`` it is ``d v`` with ``d = a - 1/3`` and the cube ``v`` of a normal
    number; below, a number for ``a + 1`` times ``u ** (1 / a)``.
    """
    dtype = typeof(a).dtype

    def number(value: float) -> Any:
        return np.asarray(value, dtype)

    def kept(words: Any) -> KeyArray:
        return KeyArray(words, key._generator)

    one, third = number(1), number(1 / 3)
    at_least_one = lax.ge(a, one)
    d = lax.sub(lax.select(at_least_one, a, lax.add(a, one)), third)
    c = lax.div(third, lax.sqrt(d))

    def rejected(state: Any) -> Any:
        _, squared, v, u = state
        sure = lax.sub(one, lax.mul(number(0.0331), lax.mul(squared, squared)))
        outside = lax.ge(u, sure)
        log_density = lax.add(
            lax.mul(squared, number(0.5)),
            lax.mul(d, lax.add(lax.sub(one, v), lax.log(v))),
        )
        return lax.bitwise_and(outside, lax.ge(lax.log(u), log_density))

    def propose(state: Any) -> Any:
        rest, x_key, u_key = several_keys(kept(state[0]), 3)
        _, x, root = lax.while_loop(
            lambda s: lax.le(s[2], number(0)),
            propose_root,
            (x_key._base, number(0), number(-1)),
        )
        cube = lax.mul(lax.mul(root, root), root)
        return rest._base, lax.mul(x, x), cube, unit_interval(u_key, (), dtype)

    def propose_root(state: Any) -> Any:
        rest, now = two_keys(kept(state[0]))
        x = standard_normal(now, (), dtype)
        return rest._base, x, lax.add(one, lax.mul(x, c))

    key, boost_key = two_keys(key)
    start = key._base, number(0), number(1), number(2)
    v = lax.while_loop(rejected, propose, start)[2]
    if not log:
        u = lax.sub(one, unit_interval(boost_key, (), dtype))
        boost = lax.select(at_least_one, one, lax.pow(u, lax.div(one, a)))
        return lax.mul(lax.mul(d, v), boost)
    log_u = lax.neg(waiting_times(boost_key, (), dtype))
    # Where log(u) is zero, 1 / a may be infinite.
    whole_boost = lax.bitwise_or(at_least_one, lax.eq(log_u, number(0)))
    boost = lax.select(whole_boost, number(0), lax.mul(log_u, lax.div(one, a)))
    return lax.add(lax.add(lax.log(d), lax.log(v)), boost)


# ---- ratios ------------------------------------------------------------------------


def beta(
    key: Any,
    a: ArrayLike,
    b: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """The beta distribution: the density is proportional to ``x**(a-1) (1-x)**(b-1)``.

    Args:
        key: a single key.
        a: first shape parameters, positive; the parameters broadcast to `shape`.
        b: second shape parameters.
        shape: shape of the result, by default that of the parameters.
        dtype: a floating-point dtype.

    Returns:
        An array of shape `shape` with values in [0, 1].

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.beta(random.key(0), 2.0, 3.0, (4,)).shape
        (4,)
    """
    one = single_key("beta", key, out_sharding)
    made = sampled_dtype("beta", dtype, "f")
    sizes = parameter_shape("beta", shape, a=a, b=b)
    return _beta(one, a, b, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _beta(
    key: KeyArray, a: Any, b: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    # In logarithms, for both gamma numbers may underflow.
    x, y = (
        gamma_numbers(k, whole(p, shape, dtype), log=True)
        for k, p in zip(two_keys(key), (a, b), strict=True)
    )
    larger = lax.max(x, y)
    x, y = lax.exp(lax.sub(x, larger)), lax.exp(lax.sub(y, larger))
    return lax.div(x, lax.add(x, y))


def dirichlet(
    key: Any,
    alpha: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Random probabilities: gamma numbers divided by their sum.

    Args:
        key: a single key.
        alpha: concentrations ``[..., n]``, positive.
        shape: shape of the result without its last axis; the leading axes of `alpha`
            broadcast to it and are the default.
        dtype: a floating-point dtype.

    Returns:
        An array of shape ``[*shape, n]`` whose last axis sums to one.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `alpha` is a scalar or does not broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import random
        >>> random.dirichlet(random.key(0), jnp.ones(3)).sum().round(3)
        Array(1., dtype=float32)
    """
    one = single_key("dirichlet", key, out_sharding)
    made = sampled_dtype("dirichlet", dtype, "f")
    own = typeof(alpha)
    if not own.ndim:
        raise value_error(f"dirichlet: `alpha` must have an axis, got {own!r}.")
    batch = own.shape[:-1] if shape is None else as_shape("dirichlet", shape)
    sizes = parameter_shape("dirichlet", (*batch, own.shape[-1]), alpha=alpha)
    return _dirichlet(one, alpha, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _dirichlet(
    key: KeyArray, alpha: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    x = gamma_numbers(key, whole(alpha, shape, dtype), log=True)
    largest = jnp.max(x, -1, keepdims=True, initial=-np.inf)
    x = jnp.exp(x - lax.stop_gradient(largest))
    return x / jnp.sum(x, -1, keepdims=True)


# ---- tests of hypotheses -----------------------------------------------------------


def chisquare(
    key: Any,
    df: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """The chi-squared distribution: that of sums of `df` squared normal numbers.

    Args:
        key: a single key.
        df: degrees of freedom, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `df`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `df` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.chisquare(random.key(0), 2.0, shape=(4,)).shape
        (4,)
    """
    one = single_key("chisquare", key, out_sharding)
    made = sampled_dtype("chisquare", dtype, "f")
    sizes = parameter_shape("chisquare", shape, df=df)
    return _chisquare(one, df, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _chisquare(key: KeyArray, df: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return _squares(key, whole(df, shape, dtype))


def _squares(key: KeyArray, df: Any) -> Any:
    two = np.asarray(2, typeof(df).dtype)
    return lax.mul(lax.exp(gamma_numbers(key, lax.div(df, two), log=True)), two)


def f(
    key: Any,
    dfnum: ArrayLike,
    dfden: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """The F distribution: ratios of two chi-squared numbers, each by its `df`.

    Args:
        key: a single key.
        dfnum: degrees of freedom of numerators, positive; the parameters broadcast to
            `shape`.
        dfden: degrees of freedom of denominators.
        shape: shape of the result, by default that of the parameters.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.f(random.key(0), 2.0, 5.0, shape=(4,)).shape
        (4,)
    """
    one = single_key("f", key, out_sharding)
    made = sampled_dtype("f", dtype, "f")
    sizes = parameter_shape("f", shape, dfnum=dfnum, dfden=dfden)
    return _f(one, dfnum, dfden, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _f(
    key: KeyArray, dfnum: Any, dfden: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    denominator_key, numerator_key = two_keys(key)
    dfnum, dfden = whole(dfnum, shape, dtype), whole(dfden, shape, dtype)
    numerator = lax.div(_squares(numerator_key, dfnum), dfnum)
    return lax.div(numerator, lax.div(_squares(denominator_key, dfden), dfden))


def t(
    key: Any,
    df: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Student's t distribution.

    Args:
        key: a single key.
        df: degrees of freedom, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `df`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `df` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.t(random.key(0), 3.0, (4,)).shape
        (4,)
    """
    one = single_key("t", key, out_sharding)
    made = sampled_dtype("t", dtype, "f")
    sizes = parameter_shape("t", shape, df=df)
    return _t(one, df, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _t(key: KeyArray, df: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    normal_key, gamma_key = two_keys(key)
    half = lax.div(whole(df, shape, dtype), np.asarray(2, dtype))
    spread = lax.sqrt(lax.div(half, gamma_numbers(gamma_key, half)))
    return lax.mul(standard_normal(normal_key, shape, dtype), spread)


# ---- norms -------------------------------------------------------------------------


def generalized_normal(
    key: Any,
    p: ArrayLike,
    shape: Shape = (),
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers whose density is proportional to ``exp(-abs(x) ** p)``.

    Args:
        key: a single key.
        p: the exponent, a positive scalar; 1 gives `laplace`, 2 a normal distribution.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `p` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.generalized_normal(random.key(0), 2.0, (4,)).shape
        (4,)
    """
    one = single_key("generalized_normal", key, out_sharding)
    made = sampled_dtype("generalized_normal", dtype, "f")
    sizes = parameter_shape("generalized_normal", shape, p=p)
    return _generalized_normal(one, p, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _generalized_normal(
    key: KeyArray, p: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    return _signed_powers(key, whole(p, shape, dtype))


def _signed_powers(key: KeyArray, p: Any) -> Any:
    type = typeof(p)
    gamma_key, sign_key = two_keys(key)
    inverse = lax.div(np.asarray(1, type.dtype), p)
    length = lax.pow(gamma_numbers(gamma_key, inverse), inverse)
    return lax.mul(signs(sign_key, type.shape, type.dtype), length)


def ball(
    key: Any,
    d: int,
    p: ArrayLike = 2,
    shape: Shape = (),
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Points spread evenly over the unit ball of the p-norm.

    Args:
        key: a single key.
        d: the number of dimensions.
        p: the exponent of the norm, a positive scalar.
        shape: how many points, as a shape.
        dtype: a floating-point dtype.

    Returns:
        An array of shape ``[*shape, d]``.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `p` is not a scalar.

    Example:
        >>> from dolmen.core import random
        >>> x = random.ball(random.key(0), 3, shape=(5,))
        >>> x.shape, bool((x**2).sum(-1).max() <= 1)
        ((5, 3), True)

    Source: Barthe, Guédon, Mendelson and Naor (2005), arXiv:math/0503650.
    """
    one = single_key("ball", key, out_sharding)
    made = sampled_dtype("ball", dtype, "f")
    sizes = as_shape("ball", (*as_shape("ball", shape), d))
    if typeof(p).ndim:
        raise value_error(f"ball: `p` must be a scalar, got {typeof(p)!r}.")
    return _ball(one, p, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _ball(key: KeyArray, p: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    direction_key, radius_key = two_keys(key)
    x = _signed_powers(direction_key, whole(p, shape, dtype))
    power = jnp.sum(lax.pow(lax.abs(x), whole(p, shape, dtype)), -1)
    power = lax.add(power, waiting_times(radius_key, shape[:-1], dtype))
    norm = lax.pow(power, whole(1 / p, shape[:-1], dtype))
    return x / norm[..., None]

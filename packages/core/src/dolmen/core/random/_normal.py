"""Normal numbers and what is made of them."""

from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import dtypes
from .._ops._conversion import real_dtype
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import (
    as_shape,
    convert,
    parameter_shape,
    sampled_dtype,
    single_key,
    stretch,
    whole,
)
from ._keys import KeyArray, split_key
from ._uniform import interval, signs

# ---- normal ------------------------------------------------------------------------


def normal(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """Numbers from the normal distribution of mean 0 and variance 1.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: floating point, or complex (whose parts have variance 1/2).

    Raises:
        TypeError: `dtype` is neither floating point nor complex.

    Example:
        >>> from dolmen.core import random
        >>> random.normal(random.key(0), (2,))
        Array([1.6226422, 2.0252647], dtype=float32)
    """
    one = single_key("normal", key, out_sharding)
    made = sampled_dtype("normal", dtype, "fc")
    return _normal(one, shape=as_shape("normal", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _normal(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return standard_normal(key, shape, dtype)


def standard_normal(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Normal numbers, by the inverse of the cumulative distribution function."""
    if dtypes.kind(dtype) == "c":
        part = real_dtype(dtype)
        parts = [standard_normal(k, shape, part) for k in two_keys(key)]
        return lax.div(lax.complex(*parts), np.sqrt(2).astype(dtype))
    # The inverse is infinite at -1, so draws start at the next number.
    low = np.nextafter(np.asarray(-1, dtype), np.asarray(0, dtype), dtype=dtype)
    u = interval(key, shape, dtype, low, np.asarray(1, dtype))
    return lax.mul(np.asarray(np.sqrt(2), dtype), lax.erf_inv(u))


def two_keys(key: KeyArray) -> list[KeyArray]:
    """`split` into a list."""
    return several_keys(key, 2)


def several_keys(key: KeyArray, count: int) -> list[KeyArray]:
    """`split` into a list of `count` keys."""
    made = split_key(key, shape=(count,))
    return [
        KeyArray(lax.index_in_dim(made._base, i, 0, keepdims=False), key._generator)
        for i in range(count)
    ]


def truncated_normal(
    key: Any,
    lower: ArrayLike,
    upper: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Normal numbers, given that they lie between bounds.

    Args:
        key: a single key.
        lower: lower bounds, in standard deviations; they broadcast to `shape`.
        upper: upper bounds.
        shape: shape of the result, by default that of the bounds.
        dtype: a floating-point dtype.

    Returns:
        An array of shape `shape` with values strictly between the bounds,
        differentiable in them.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the bounds do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.truncated_normal(random.key(0), -2.0, 2.0, (2,))
        Array([1.4559592, 1.7147487], dtype=float32)
    """
    one = single_key("truncated_normal", key, out_sharding)
    made = sampled_dtype("truncated_normal", dtype, "f")
    sizes = parameter_shape("truncated_normal", shape, lower=lower, upper=upper)
    return _truncated_normal(one, lower, upper, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _truncated_normal(
    key: KeyArray, lower: Any, upper: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    root = np.asarray(np.sqrt(2), dtype)
    lower, upper = convert(lower, dtype), convert(upper, dtype)
    u = interval(
        key, shape, dtype, lax.erf(lax.div(lower, root)), lax.erf(lax.div(upper, root))
    )
    made = lax.mul(root, lax.erf_inv(u))
    infinity = np.asarray(np.inf, dtype)
    low = lax.nextafter(lax.stop_gradient(lower), infinity)
    high = lax.nextafter(lax.stop_gradient(upper), -infinity)
    return lax.min(lax.max(made, stretch(low, shape)), stretch(high, shape))


# ---- functions of normal numbers ---------------------------------------------------


def lognormal(
    key: Any,
    sigma: ArrayLike = 1.0,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Exponentials of normal numbers of mean 0 and standard deviation `sigma`.

    Args:
        key: a single key.
        sigma: standard deviations of the logarithms; they broadcast to `shape`.
        shape: shape of the result, by default that of `sigma`.
        dtype: floating point or complex.

    Raises:
        TypeError: `dtype` is neither.
        ValueError: `sigma` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> bool(random.lognormal(random.key(0), shape=(9,)).min() > 0)
        True
    """
    one = single_key("lognormal", key, out_sharding)
    made = sampled_dtype("lognormal", dtype, "fc")
    sizes = parameter_shape("lognormal", shape, sigma=sigma)
    return _lognormal(one, sigma, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _lognormal(
    key: KeyArray, sigma: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    sigma = stretch(convert(sigma, dtype), shape)
    return lax.exp(lax.mul(standard_normal(key, shape, dtype), sigma))


def maxwell(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """Lengths of vectors of three normal numbers.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.

    Example:
        >>> from dolmen.core import random
        >>> bool(random.maxwell(random.key(0), (9,)).min() >= 0)
        True
    """
    one = single_key("maxwell", key, out_sharding)
    made = sampled_dtype("maxwell", dtype, "f")
    return _maxwell(one, shape=as_shape("maxwell", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _maxwell(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return _lengths(key, shape, dtype)


def _lengths(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    vectors = standard_normal(key, (*shape, 3), dtype)
    return lax.sqrt(jnp.sum(lax.mul(vectors, vectors), -1))


def double_sided_maxwell(
    key: Any,
    loc: ArrayLike,
    scale: ArrayLike,
    shape: Shape = (),
    dtype: DTypeLike = float,
) -> Array:
    """``loc + scale * s * m`` for a sign `s` and a Maxwell number `m`.

    Args:
        key: a single key.
        loc: centers.
        scale: scales.
        shape: how many draws of each pair of parameters.
        dtype: a floating-point dtype.

    Returns:
        An array of shape ``[*shape, *parameters]``; without `shape`, the parameters'
        common shape twice over, as in JAX.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast.

    Example:
        >>> from dolmen.core import random
        >>> random.double_sided_maxwell(random.key(0), 0.0, 1.0, (4,)).shape
        (4,)
    """
    function = "double_sided_maxwell"
    one = single_key(function, key, None)
    made = sampled_dtype(function, dtype, "f")
    parameters = parameter_shape(function, None, loc=loc, scale=scale)
    sizes = (as_shape(function, shape) or parameters) + parameters
    return _double_sided_maxwell(one, loc, scale, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _double_sided_maxwell(
    key: KeyArray, loc: Any, scale: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    length_key, sign_key = two_keys(key)
    length = _lengths(length_key, shape, dtype)
    loc, scale = (stretch(convert(x, dtype), shape) for x in (loc, scale))
    signed = lax.mul(signs(sign_key, shape, dtype), length)
    return lax.add(lax.mul(signed, scale), loc)


def wald(
    key: Any,
    mean: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """When a walk with drift first reaches 1: the inverse Gaussian distribution.

    Args:
        key: a single key.
        mean: mean times, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `mean`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `mean` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.wald(random.key(0), 1.0, (4,)).shape
        (4,)

    Source: Michael, Schucany and Haas (1976), doi:10.2307/2683801.
    """
    one = single_key("wald", key, out_sharding)
    made = sampled_dtype("wald", dtype, "f")
    sizes = parameter_shape("wald", shape, mean=mean)
    return _wald(one, mean, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _wald(key: KeyArray, mean: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    def number(value: float) -> Any:
        return np.asarray(value, dtype)

    normal_key, choice_key = two_keys(key)
    mean = whole(mean, shape, dtype)
    y = lax.integer_pow(standard_normal(normal_key, shape, dtype), 2)
    z = interval(choice_key, shape, dtype, 0.0, 1.0)
    squared = lax.integer_pow(mean, 2)
    four_my = lax.mul(lax.mul(number(4), mean), y)
    root = lax.sqrt(lax.add(four_my, lax.mul(squared, lax.integer_pow(y, 2))))
    forward = lax.add(mean, lax.div(lax.mul(squared, y), number(2)))
    x = lax.sub(forward, lax.mul(lax.div(mean, number(2)), root))
    first = lax.le(z, lax.div(mean, lax.add(mean, x)))
    return lax.select(first, x, lax.div(squared, x))

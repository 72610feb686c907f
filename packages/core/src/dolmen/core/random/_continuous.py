"""Continuous distributions by the inverse of their cumulative distribution function."""

import math
from typing import Any

import ml_dtypes
import numpy as np

from .. import lax
from .._backend import flags
from .._higher_order import jit_when_eager
from .._ir import dtypes, value_error
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
from ._keys import KeyArray
from ._uniform import interval, random_bits, unit_interval

# ---- without parameters ------------------------------------------------------------


def exponential(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """Waiting times of mean 1.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.

    Example:
        >>> from dolmen.core import random
        >>> random.exponential(random.key(0), (2,))
        Array([2.950128 , 3.8434246], dtype=float32)
    """
    one = single_key("exponential", key, out_sharding)
    made = sampled_dtype("exponential", dtype, "f")
    return _exponential(one, shape=as_shape("exponential", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _exponential(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return waiting_times(key, shape, dtype)


def waiting_times(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Exponentially distributed numbers."""
    # log1p, because the logarithm of 1 - u would lose the digits of a small u.
    return lax.neg(lax.log1p(lax.neg(unit_interval(key, shape, dtype))))


def laplace(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """Exponential numbers with a random sign.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.

    Example:
        >>> from dolmen.core import random
        >>> random.laplace(random.key(0), (4,)).shape
        (4,)
    """
    one = single_key("laplace", key, out_sharding)
    made = sampled_dtype("laplace", dtype, "f")
    return _laplace(one, shape=as_shape("laplace", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _laplace(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    above = np.asarray(-1 + ml_dtypes.finfo(dtype).epsneg, dtype)  # log1p(-1) = -inf
    u = interval(key, shape, dtype, above, 1.0)
    return lax.mul(lax.sign(u), lax.log1p(lax.neg(lax.abs(u))))


def logistic(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """Logits of uniform numbers: the logistic distribution of mean 0 and scale 1.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.

    Example:
        >>> from dolmen.core import random
        >>> random.logistic(random.key(0), (4,)).shape
        (4,)
    """
    one = single_key("logistic", key, out_sharding)
    made = sampled_dtype("logistic", dtype, "f")
    return _logistic(one, shape=as_shape("logistic", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _logistic(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    u = interval(key, shape, dtype, ml_dtypes.finfo(dtype).tiny, 1.0)
    return lax.sub(lax.log(u), lax.log1p(lax.neg(u)))


def cauchy(
    key: Any, shape: Shape = (), dtype: DTypeLike = float, *, out_sharding: Any = None
) -> Array:
    """The Cauchy distribution; it has no mean.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.

    Example:
        >>> from dolmen.core import random
        >>> random.cauchy(random.key(0), (4,)).shape
        (4,)
    """
    one = single_key("cauchy", key, out_sharding)
    made = sampled_dtype("cauchy", dtype, "f")
    return _cauchy(one, shape=as_shape("cauchy", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _cauchy(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    u = interval(key, shape, dtype, ml_dtypes.finfo(dtype).eps, 1.0)
    centered = lax.sub(u, np.asarray(0.5, dtype))
    return lax.tan(lax.mul(np.asarray(math.pi, dtype), centered))


# ---- Gumbel ------------------------------------------------------------------------


def gumbel(
    key: Any,
    shape: Shape = (),
    dtype: DTypeLike = float,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """The Gumbel distribution, ``-log(-log(u))``: that of the largest of many numbers.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype.
        mode: ``"low"`` (the default) draws one word for each number; ``"high"`` two, so
            that values far out in the tail occur; ``"highest"`` turns two words into
            the finest uniform number (float32; elsewhere like ``"high"``).

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `mode` is unknown.

    Example:
        >>> from dolmen.core import random
        >>> random.gumbel(random.key(0), (4,)).shape
        (4,)
    """
    one = single_key("gumbel", key, out_sharding)
    made = sampled_dtype("gumbel", dtype, "f")
    sizes = as_shape("gumbel", shape)
    return _gumbel(one, shape=sizes, dtype=made, mode=gumbel_mode("gumbel", mode))


def gumbel_mode(function: str, mode: str | None) -> str:
    """A `mode` argument; None stands for what the settings say, usually ``"low"``.

    Raises:
        ValueError: it is unknown.
    """
    if mode not in (None, "low", "high", "highest"):
        raise value_error(
            f"{function}: `mode` must be 'low', 'high' or 'highest', got {mode!r}."
        )
    return mode or ("high" if flags.HIGH_DYNAMIC_RANGE_GUMBEL.value else "low")


@jit_when_eager(static_argnames=("shape", "dtype", "mode"))
def _gumbel(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype, mode: str) -> Any:
    return gumbel_noise(key, shape, dtype, mode)


def gumbel_noise(
    key: KeyArray, shape: tuple[int, ...], dtype: np.dtype, mode: str = "low"
) -> Any:
    """Gumbel numbers."""
    info = ml_dtypes.finfo(dtype)
    if mode == "low":
        u = interval(key, shape, dtype, info.tiny, 1.0)
        return _minus_log(_minus_log(u))
    if mode == "highest" and dtype == np.float32:
        return _finest_gumbel(key, shape)
    high, low = _halves(unit_interval(key, (2, *shape), dtype))
    fine = lax.mul(np.asarray(2.0**-info.nmant, dtype), low)
    sum_ = lax.add(lax.add(high, fine), np.asarray(info.tiny, dtype))
    u = lax.select(lax.ge(high, np.asarray(0.5, dtype)), high, sum_)
    return _minus_log(_minus_log1p_of_minus(u))


def _minus_log(x: Any) -> Any:
    return lax.neg(lax.log(x))


def _minus_log1p_of_minus(x: Any) -> Any:
    return lax.neg(lax.log1p(lax.neg(x)))


def _halves(pair: Any) -> list[Any]:
    return [lax.index_in_dim(pair, i, 0, keepdims=False) for i in (0, 1)]


def _finest_gumbel(key: KeyArray, shape: tuple[int, ...]) -> Any:
    """From 64 bits, of which the leading ones also decide the exponent."""
    high, low = _halves(random_bits(key, (2, *shape), 32))
    below_half = lax.lt(high, np.uint32(1 << 31))
    # The two's complement of the 64 bits: 1 - u, exactly.
    low_neg = lax.add(lax.bitwise_not(low), np.uint32(1))
    carry = lax.convert_element_type(lax.eq(low, np.uint32(0)), np.uint32)
    high_neg = lax.add(lax.bitwise_not(high), carry)
    u = _fraction(
        lax.select(below_half, high, high_neg), lax.select(below_half, low, low_neg)
    )
    return lax.select(
        below_half,
        _minus_log(_minus_log1p_of_minus(u)),
        _minus_log(_minus_log(u)),
    )


def _fraction(high: Any, low: Any) -> Any:
    """The float32 next below the 64-bit word ``(high, low)`` divided by 2**64."""

    def word(value: int) -> Any:
        return np.uint32(value)

    high_zeros, low_zeros = lax.clz(high), lax.clz(low)
    in_low = lax.eq(high_zeros, word(32))
    tail = lax.select(
        in_low,
        lax.shift_left(low, low_zeros),
        lax.shift_right_logical(low, lax.sub(word(32), high_zeros)),
    )
    leading = lax.bitwise_or(lax.shift_left(high, high_zeros), tail)
    mantissa = lax.shift_right_logical(leading, word(8))
    mantissa = lax.bitwise_and(mantissa, word((1 << 23) - 1))
    zeros = lax.select(in_low, lax.add(word(32), low_zeros), high_zeros)
    exponent = lax.shift_left(lax.sub(word(126), zeros), word(23))
    pattern = lax.bitwise_or(exponent, mantissa)
    return lax.bitcast_convert_type(pattern, np.float32)


# ---- with parameters ---------------------------------------------------------------


def pareto(
    key: Any,
    b: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """The Pareto distribution: numbers above 1 whose tail falls like ``x**-b``.

    Args:
        key: a single key.
        b: shape parameters, positive; they broadcast to `shape`.
        shape: shape of the result, by default that of `b`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `b` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> bool(random.pareto(random.key(0), 2.0, (9,)).min() >= 1)
        True
    """
    one = single_key("pareto", key, out_sharding)
    made = sampled_dtype("pareto", dtype, "f")
    sizes = parameter_shape("pareto", shape, b=b)
    return _pareto(one, b, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _pareto(key: KeyArray, b: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    b = stretch(convert(b, dtype), shape)
    return lax.exp(lax.div(waiting_times(key, shape, dtype), b))


def rayleigh(
    key: Any,
    scale: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Lengths of vectors of two normal numbers.

    Args:
        key: a single key.
        scale: standard deviations of the normal numbers; they broadcast to `shape`.
        shape: shape of the result, by default that of `scale`.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `scale` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> bool(random.rayleigh(random.key(0), 2.0, (9,)).min() >= 0)
        True
    """
    one = single_key("rayleigh", key, out_sharding)
    made = sampled_dtype("rayleigh", dtype, "f")
    sizes = parameter_shape("rayleigh", shape, scale=scale)
    return _rayleigh(one, scale, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _rayleigh(
    key: KeyArray, scale: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    log_u = lax.log(unit_interval(key, shape, dtype))
    length = lax.sqrt(lax.mul(log_u, np.asarray(-2, dtype)))
    return lax.mul(stretch(convert(scale, dtype), shape), length)


def weibull_min(
    key: Any,
    scale: ArrayLike,
    concentration: ArrayLike,
    shape: Shape = (),
    dtype: DTypeLike = float,
) -> Array:
    """The Weibull distribution: ``scale * w ** (1 / concentration)`` of waiting times.

    Args:
        key: a single key.
        scale: positive scales; they broadcast to `shape`.
        concentration: positive shape parameters.
        shape: shape of the result.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.weibull_min(random.key(0), 1.0, 2.0, (4,)).shape
        (4,)
    """
    one = single_key("weibull_min", key, None)
    made = sampled_dtype("weibull_min", dtype, "f")
    sizes = parameter_shape(
        "weibull_min", shape, scale=scale, concentration=concentration
    )
    return _weibull_min(one, scale, concentration, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _weibull_min(
    key: KeyArray,
    scale: Any,
    concentration: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Any:
    scale = stretch(convert(scale, dtype), shape)
    # The quotient in full precision, whatever the dtype of the result.
    exponent = lax.reciprocal(convert(concentration, dtypes.as_dtype(float)))
    exponent = stretch(convert(exponent, dtype), shape)
    return lax.mul(lax.pow(waiting_times(key, shape, dtype), exponent), scale)


def triangular(
    key: Any,
    left: ArrayLike,
    mode: ArrayLike,
    right: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = float,
    *,
    out_sharding: Any = None,
) -> Array:
    """Numbers whose density rises linearly from `left` to `mode` and falls to `right`.

    Args:
        key: a single key.
        left: lower ends; the parameters broadcast to `shape`.
        mode: where the density is highest.
        right: upper ends.
        shape: shape of the result, by default that of the parameters.
        dtype: a floating-point dtype.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the parameters do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.triangular(random.key(0), 0.0, 0.5, 1.0, (4,)).shape
        (4,)
    """
    one = single_key("triangular", key, out_sharding)
    made = sampled_dtype("triangular", dtype, "f")
    sizes = parameter_shape("triangular", shape, left=left, mode=mode, right=right)
    return _triangular(one, left, mode, right, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _triangular(
    key: KeyArray,
    left: Any,
    mode: Any,
    right: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
) -> Any:
    left, mode, right = (whole(x, shape, dtype) for x in (left, mode, right))
    width, rise, fall = (
        lax.sub(right, left),
        lax.sub(mode, left),
        lax.sub(right, mode),
    )
    u = unit_interval(key, shape, dtype)
    rest = lax.sub(np.asarray(1, dtype), u)
    rising = lax.add(left, lax.sqrt(lax.mul(lax.mul(u, width), rise)))
    falling = lax.sub(right, lax.sqrt(lax.mul(lax.mul(rest, width), fall)))
    return lax.select(lax.lt(u, lax.div(rise, width)), rising, falling)

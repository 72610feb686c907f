"""Bits, and numbers that are equally likely: uniform floats, integers, coins."""

from typing import Any

import ml_dtypes
import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import (
    as_shape,
    convert,
    parameter_shape,
    sampled_dtype,
    single_key,
    stretch,
)
from ._generators import UINT_DTYPES
from ._keys import KeyArray, split_key

_INT32 = np.dtype(np.int32)


# ---- bits --------------------------------------------------------------------------


def bits(
    key: Any, shape: Shape = (), dtype: DTypeLike = None, *, out_sharding: Any = None
) -> Array:
    """Independent random bits.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: an unsigned integer dtype, by default the widest enabled up to 64 bits.

    Returns:
        Unsigned integers, all values equally likely.

    Raises:
        TypeError: `dtype` is no unsigned integer dtype.

    Example:
        >>> from dolmen.core import random
        >>> random.bits(random.key(0), (2,))
        Array([4070199207, 4202968722], dtype=uint32)
    """
    one = single_key("bits", key, out_sharding)
    made = sampled_dtype(
        "bits", dtypes.canonical(np.dtype(np.uint64)) if dtype is None else dtype, "u"
    )
    return _bits(one, shape=as_shape("bits", shape), width=8 * made.itemsize)


@jit_when_eager(static_argnames=("shape", "width"))
def _bits(key: KeyArray, shape: tuple[int, ...], width: int) -> Any:
    return random_bits(key, shape, width)


def random_bits(key: KeyArray, shape: tuple[int, ...], width: int) -> Any:
    """Unsigned integers of `width` bits."""
    return key._generator.bits(key._base, shape, width)


# ---- uniform floats ----------------------------------------------------------------


def uniform(
    key: Any,
    shape: Shape = (),
    dtype: DTypeLike = float,
    minval: ArrayLike = 0.0,
    maxval: ArrayLike = 1.0,
    *,
    out_sharding: Any = None,
) -> Array:
    """Floating-point numbers spread evenly over ``[minval, maxval)``.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: a floating-point dtype. Its mantissa counts the possible values: 2**23 in
            float32, 2**7 in bfloat16.
        minval: lower bounds, included; they broadcast to `shape`.
        maxval: upper bounds; rounding may reach them unless the interval is [0, 1).

    Returns:
        An array of shape `shape`, differentiable in `minval` and `maxval`.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: the bounds do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.uniform(random.key(0), (2,))
        Array([0.947667 , 0.9785799], dtype=float32)
    """
    one = single_key("uniform", key, out_sharding)
    made = sampled_dtype("uniform", dtype, "f")
    sizes = as_shape("uniform", shape)
    if minval is _ZERO and maxval is _ONE:
        return _uniform(one, shape=sizes, dtype=made)
    parameter_shape("uniform", sizes, minval=minval, maxval=maxval)
    return _uniform_between(one, minval, maxval, shape=sizes, dtype=made)


# `__defaults__` is None for functions without defaults, which this one is not.
_, _ZERO, _ONE = uniform.__defaults__[-3:]  # type: ignore[index]


@jit_when_eager(static_argnames=("shape", "dtype"))
def _uniform(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return unit_interval(key, shape, dtype)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _uniform_between(
    key: KeyArray, minval: Any, maxval: Any, shape: tuple[int, ...], dtype: np.dtype
) -> Any:
    return interval(key, shape, dtype, minval, maxval)


def unit_interval(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Uniform numbers in [0, 1): random mantissas of numbers in [1, 2), minus one."""
    info = ml_dtypes.finfo(dtype)
    drawn = max(info.bits, 8) if info.nmant >= 8 else 8
    unsigned = UINT_DTYPES[info.bits]
    mantissas = lax.shift_right_logical(
        lax.convert_element_type(random_bits(key, shape, drawn), unsigned),
        unsigned.type(drawn - info.nmant),
    )
    one = np.ones((), dtype)
    pattern = lax.bitwise_or(mantissas, one.view(unsigned))
    return lax.sub(lax.bitcast_convert_type(pattern, dtype), one)


def interval(
    key: KeyArray, shape: tuple[int, ...], dtype: np.dtype, minval: Any, maxval: Any
) -> Any:
    """Uniform numbers between bounds that broadcast to `shape`."""
    minval, maxval = convert(minval, dtype), convert(maxval, dtype)
    unit = unit_interval(key, shape, dtype)
    width = lax.sub(*_alike(maxval, minval))
    low = stretch(minval, shape)
    scaled = lax.add(lax.mul(unit, stretch(width, shape)), low)
    return lax.max(low, scaled)


def _alike(*values: Any) -> list[Any]:
    shape = lax.broadcast_shapes(*(typeof(value).shape for value in values))
    return [stretch(value, shape) for value in values]


# ---- integers ----------------------------------------------------------------------


def randint(
    key: Any,
    shape: Shape,
    minval: ArrayLike,
    maxval: ArrayLike,
    dtype: DTypeLike = int,
    *,
    out_sharding: Any = None,
) -> Array:
    """Integers from ``minval`` up to ``maxval - 1``.

    Args:
        key: a single key.
        shape: shape of the result.
        minval: lower bounds, included; they broadcast to `shape`.
        maxval: upper bounds, not included.
        dtype: an integer dtype; bounds outside its range are moved to its ends.

    Returns:
        An array of shape `shape`; `minval` where `maxval` is not above it. Values are
        equally likely up to a bias of at most ``(maxval - minval) / 2**64``.

    Raises:
        TypeError: `dtype` is no integer dtype.
        ValueError: the bounds do not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> random.randint(random.key(0), (5,), 0, 10).tolist()
        [9, 0, 2, 3, 1]
    """
    one = single_key("randint", key, out_sharding)
    made = sampled_dtype("randint", dtype, "iu")
    sizes = as_shape("randint", shape)
    drawn = made if made.itemsize >= 4 else _INT32
    if isinstance(minval, int) and isinstance(maxval, int):
        bounds, full = _host_bounds(int(minval), int(maxval), made, drawn)
        return _randint(one, *bounds, full, shape=sizes, dtype=made, drawn=drawn)
    parameter_shape("randint", sizes, minval=minval, maxval=maxval)
    return _randint_between(one, minval, maxval, shape=sizes, dtype=made, drawn=drawn)


def _host_bounds(
    minval: int, maxval: int, dtype: np.dtype, drawn: np.dtype
) -> tuple[np.ndarray, np.bool_]:
    """Bounds moved into the range of `drawn`, and whether the largest value counts."""
    info = ml_dtypes.iinfo(dtype)
    if drawn != dtype:
        minval = min(max(minval, info.min), info.max)
        maxval = min(max(maxval, info.min), info.max + 1)
    limits = np.iinfo(drawn)
    clipped = [min(max(v, limits.min), limits.max) for v in (minval, maxval)]
    return np.array(clipped, drawn), np.bool_(maxval > limits.max)


@jit_when_eager(static_argnames=("shape", "dtype", "drawn"))
def _randint(
    key: KeyArray,
    minval: Any,
    maxval: Any,
    full: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    drawn: np.dtype,
) -> Any:
    return integers(key, minval, maxval, full, shape, dtype, drawn)


@jit_when_eager(static_argnames=("shape", "dtype", "drawn"))
def _randint_between(
    key: KeyArray,
    minval: Any,
    maxval: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    drawn: np.dtype,
) -> Any:
    minval, maxval = _as_integers(minval), _as_integers(maxval)
    if drawn != dtype:
        info = ml_dtypes.iinfo(dtype)
        minval = _clip(convert(minval, drawn), int(info.min), int(info.max))
        maxval = _clip(convert(maxval, drawn), int(info.min), int(info.max) + 1)
    largest = min(np.iinfo(drawn).max, np.iinfo(typeof(maxval).dtype).max)
    full = lax.gt(maxval, np.asarray(largest, typeof(maxval).dtype))
    minval, maxval = _clip_to(minval, drawn), _clip_to(maxval, drawn)
    return integers(key, minval, maxval, full, shape, dtype, drawn)


def _as_integers(x: Any) -> Any:
    return (
        x if dtypes.kind(typeof(x).dtype) in "iu" else convert(x, dtypes.as_dtype(int))
    )


def _clip(x: Any, low: int, high: int) -> Any:
    dtype = typeof(x).dtype
    return lax.clamp(np.asarray(low, dtype), x, np.asarray(high, dtype))


def _clip_to(x: Any, dtype: np.dtype) -> Any:
    own, wanted = np.iinfo(typeof(x).dtype), np.iinfo(dtype)
    clipped = _clip(x, max(own.min, wanted.min), min(own.max, wanted.max))
    return convert(clipped, dtype)


def integers(
    key: KeyArray,
    minval: Any,
    maxval: Any,
    full: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    drawn: np.dtype,
) -> Any:
    """Integers of `dtype` in [minval, maxval), drawn with the width of `drawn`.

    Where `full` holds, `maxval` itself (the largest integer) counts too.

    Two words are drawn, high and low. With ``m = 2**n mod span`` for words of n bits,
    the double word modulo the span is ``(high mod span) * m + (low mod span)``.
    """
    width = 8 * drawn.itemsize
    unsigned = UINT_DTYPES[width]
    keys = split_key(key)
    high, low = (
        random_bits(KeyArray(words, key._generator), shape, width)
        for words in _rows(keys._base)
    )
    one = unsigned.type(1)
    minval, maxval, full = _alike(minval, maxval, full)
    span = lax.convert_element_type(lax.sub(maxval, minval), unsigned)
    span = jnp.where(lax.le(maxval, minval), one, span)
    above = lax.bitwise_and(full, lax.gt(maxval, minval))
    span = jnp.where(above, lax.add(span, one), span)
    # In two steps, for 2**n itself does not fit.
    half = lax.rem(_like(span, unsigned.type(2 ** (width // 2))), span)
    multiplier = stretch(lax.rem(lax.mul(half, half), span), shape)
    span = stretch(span, shape)
    offset = lax.add(lax.mul(lax.rem(high, span), multiplier), lax.rem(low, span))
    offset = lax.convert_element_type(lax.rem(offset, span), drawn)
    made = lax.add(stretch(minval, shape), offset)
    return lax.convert_element_type(made, dtype)


def _rows(words: Any) -> list[Any]:
    return [lax.index_in_dim(words, i, 0, keepdims=False) for i in (0, 1)]


def _like(x: Any, value: Any) -> Any:
    return lax.broadcast_in_dim(value, typeof(x).shape, ())


# ---- coins -------------------------------------------------------------------------


def bernoulli(
    key: Any,
    p: ArrayLike = 0.5,
    shape: Shape | None = None,
    mode: str = "low",
    *,
    out_sharding: Any = None,
) -> Array:
    """Booleans that are true with probability `p`.

    Args:
        key: a single key.
        p: probabilities, floating point; they broadcast to `shape`.
        shape: shape of the result, by default that of `p`.
        mode: ``"low"`` distinguishes as many probabilities as the mantissa of the dtype
            of `p` has values; ``"high"`` uses twice the bits, for tiny probabilities.

    Returns:
        Booleans of shape `shape`.

    Raises:
        TypeError: `p` is not floating point.
        ValueError: `p` does not broadcast to `shape`, or `mode` is unknown.

    Example:
        >>> from dolmen.core import random
        >>> random.bernoulli(random.key(0), 0.5, (4,)).tolist()
        [False, False, True, True]
    """
    one = single_key("bernoulli", key, out_sharding)
    if mode not in ("high", "low"):
        raise value_error(f"bernoulli: `mode` must be 'high' or 'low', got {mode!r}.")
    type = typeof(p)
    if dtypes.kind(type.dtype) != "f":
        raise type_error(f"bernoulli: `p` must be floating point, got {type!r}.")
    sizes = parameter_shape("bernoulli", shape, p=p)
    return _bernoulli(one, p, shape=sizes, mode=mode)


@jit_when_eager(static_argnames=("shape", "mode"))
def _bernoulli(key: KeyArray, p: Any, shape: tuple[int, ...], mode: str) -> Any:
    return coins(key, p, shape, mode)


def coins(key: KeyArray, p: Any, shape: tuple[int, ...], mode: str = "low") -> Any:
    """Booleans true with probability `p`, which broadcasts to `shape`."""
    dtype = typeof(p).dtype
    p = stretch(convert(p, dtype), shape)
    if mode == "low":
        return lax.lt(unit_interval(key, shape, dtype), p)
    # The second draw supplies the digits below the first one's last.
    first, second = _rows(unit_interval(key, (2, *shape), dtype))
    last_digit = np.asarray(2.0 ** -ml_dtypes.finfo(dtype).nmant, dtype)
    return lax.lt(lax.mul(second, last_digit), lax.sub(p, first))


def rademacher(
    key: Any, shape: Shape = (), dtype: DTypeLike = int, *, out_sharding: Any = None
) -> Array:
    """Minus one or one, equally likely.

    Args:
        key: a single key.
        shape: shape of the result.
        dtype: of the result, signed.

    Example:
        >>> from dolmen.core import random
        >>> random.rademacher(random.key(0), (4,)).tolist()
        [-1, -1, 1, 1]
    """
    one = single_key("rademacher", key, out_sharding)
    made = sampled_dtype("rademacher", dtype, "iufc")
    return _rademacher(one, shape=as_shape("rademacher", shape), dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _rademacher(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    return signs(key, shape, dtype)


def signs(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """Minus one or one."""
    p = np.asarray(0.5, dtypes.as_dtype(float))
    heads = lax.convert_element_type(coins(key, p, shape), dtype)
    return lax.sub(lax.mul(heads, np.asarray(2, dtype)), np.asarray(1, dtype))

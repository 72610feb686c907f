"""Choices among finitely or countably many things."""

import math
import operator
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import dtypes, type_error, value_error
from .._tracing import Tracer, as_array, typeof
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ._arguments import (
    as_shape,
    convert,
    parameter_shape,
    sampled_dtype,
    single_key,
    stretch,
)
from ._continuous import gumbel_mode, gumbel_noise
from ._keys import KeyArray
from ._normal import two_keys
from ._uniform import integers, random_bits, unit_interval

_UINT32_MAX = 2**32 - 1


# ---- categories --------------------------------------------------------------------


def categorical(
    key: Any,
    logits: ArrayLike,
    axis: int = -1,
    shape: Shape | None = None,
    replace: bool = True,
    mode: str | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Indices drawn with the probabilities ``softmax(logits)``.

    Args:
        key: a single key.
        logits: logarithms of probabilities, up to a constant.
        axis: the axis of `logits` along which the categories lie.
        shape: shape of the result; it ends with the shape of `logits` without `axis`,
            which is the default.
        replace: whether a category may be drawn again; if not, the leading axes of
            `shape` are draws from one pool.
        mode: of the Gumbel noise, see `gumbel`.

    Returns:
        Integers of shape `shape`.

    Raises:
        ValueError: `shape` does not fit the logits, or there are fewer categories than
            draws without replacement.

    Example:
        >>> from dolmen.core import random
        >>> import dolmen.core.numpy as jnp
        >>> random.categorical(random.key(0), jnp.zeros((4, 3))).tolist()
        [1, 1, 2, 1]

    Source: the Gumbel trick; without replacement Kool, van Hoof and Welling (2019),
    arXiv:1903.06059.
    """
    one = single_key("categorical", key, out_sharding)
    type = typeof(logits)
    if not type.ndim or not -type.ndim <= axis < type.ndim:
        raise value_error(
            f"categorical: `axis` must be an axis of `logits`, got {axis} for {type!r}."
        )
    axis %= type.ndim
    batch = type.shape[:axis] + type.shape[axis + 1 :]
    sizes = batch if shape is None else as_shape("categorical", shape)
    prefix = sizes[: len(sizes) - len(batch)]
    fits = len(sizes) >= len(batch) and all(
        b in (1, n) for b, n in zip(batch, sizes[len(prefix) :], strict=True)
    )
    if not fits or (not replace and sizes[len(prefix) :] != batch):
        raise value_error(
            f"categorical: `shape` must end with the shape of `logits` without `axis`, "
            f"{batch}; got {sizes}."
        )
    categories = type.shape[axis]
    if not replace and math.prod(prefix) > categories:
        raise value_error(
            f"categorical: can't draw {math.prod(prefix)} of {categories} categories "
            "without replacement.",
        )
    return _categorical(
        one,
        logits,
        axis=axis,
        shape=sizes,
        replace=bool(replace),
        mode=gumbel_mode("categorical", mode),
    )


@jit_when_eager(static_argnames=("axis", "shape", "replace", "mode"))
def _categorical(
    key: KeyArray,
    logits: Any,
    axis: int,
    shape: tuple[int, ...],
    replace: bool,
    mode: str,
) -> Any:
    type = typeof(logits)
    index = dtypes.as_dtype(int)
    logits = as_array(logits)
    prefix = shape[: len(shape) - type.ndim + 1]
    if replace:
        batch = shape[len(prefix) :]
        whole = prefix + batch[:axis] + (type.shape[axis],) + batch[axis:]
        noise = gumbel_noise(key, whole, type.dtype, mode)
        return lax.argmax(
            lax.add(noise, stretch(logits, whole)), len(prefix) + axis, index
        )
    noise = gumbel_noise(key, type.shape, type.dtype, mode)
    last = jnp.moveaxis(lax.add(logits, noise), axis, -1)
    indices = lax.top_k(last, math.prod(prefix))[1]
    rows = typeof(indices).ndim - 1
    first = lax.transpose(indices, (rows, *range(rows)))
    return lax.reshape(first, shape)


# ---- orders ------------------------------------------------------------------------


def permutation(
    key: Any,
    x: int | ArrayLike,
    axis: int = 0,
    independent: bool = False,
    *,
    out_sharding: Any = None,
) -> Array:
    """A random order of the elements of `x`, or of ``0, ..., x - 1``.

    Args:
        key: a single key.
        x: an integer or an array.
        axis: the axis whose slices change places.
        independent: put every line along `axis` in an order of its own.

    Returns:
        An array like `x`.

    Raises:
        TypeError: `x` is a scalar but no integer known while tracing.
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> from dolmen.core import random
        >>> random.permutation(random.key(0), 5).tolist()
        [0, 1, 4, 3, 2]
    """
    one = single_key("permutation", key, out_sharding)
    type = typeof(x)
    if not type.ndim:
        size = static_size("permutation", "x", x)
        return _permuted_range(one, size=size)
    if not -type.ndim <= axis < type.ndim:
        raise value_error(
            f"permutation: `axis` must be an axis of `x`, got {axis} for {type!r}."
        )
    return _permutation(one, x, axis=axis % type.ndim, independent=bool(independent))


def static_size(function: str, argument: str, x: Any) -> int:
    """A scalar that says how many elements there are.

    Raises:
        TypeError: it is traced, or no integer.
    """
    if isinstance(x, Tracer) or dtypes.kind(typeof(x).dtype) not in "iu":
        got = "a traced value" if isinstance(x, Tracer) else repr(typeof(x))
        raise type_error(
            f"{function}: `{argument}` must be an array with axes or a known integer, "
            f"got {got}.",
            "Mark it static where the function is jitted (`static_argnums`)."
            if isinstance(x, Tracer)
            else "",
        )
    return operator.index(np.asarray(x).item())


@jit_when_eager(static_argnames=("size",))
def _permuted_range(key: KeyArray, size: int) -> Any:
    return shuffle(key, lax.iota(dtypes.as_dtype(int), size), 0)


@jit_when_eager(static_argnames=("axis", "independent"))
def _permutation(key: KeyArray, x: Any, axis: int, independent: bool) -> Any:
    return permuted(key, as_array(x), axis, independent)


def permuted(key: KeyArray, x: Any, axis: int, independent: bool = False) -> Any:
    """`x` with its slices along `axis` in a random order."""
    type = typeof(x)
    if independent or type.ndim == 1:
        return shuffle(key, x, axis)
    order = shuffle(key, lax.iota(dtypes.as_dtype(int), type.shape[axis]), 0)
    return jnp.take(x, order, axis)


def shuffle(key: KeyArray, x: Any, axis: int) -> Any:
    """`x` sorted by random keys, line by line along `axis`.

    Equal sort keys would keep their elements in order. With n elements and r rounds,
    that matters with probability below ``n**2 / 2**(32 r)``; r keeps it under 1 / n.
    """
    size = typeof(x).size
    rounds = math.ceil(3 * math.log(max(1, size)) / math.log(_UINT32_MAX))
    for _ in range(rounds):
        key, now = two_keys(key)
        _, x = lax.sort_key_val(random_bits(now, typeof(x).shape, 32), x, axis)
    return x


# ---- choice ------------------------------------------------------------------------


def choice(
    key: Any,
    a: int | ArrayLike,
    shape: Shape = (),
    replace: bool = True,
    p: ArrayLike | None = None,
    axis: int = 0,
    mode: str | None = None,
) -> Array:
    """Random elements of `a`, or of ``0, ..., a - 1``.

    Args:
        key: a single key.
        a: an integer or an array.
        shape: how many, as a shape.
        replace: whether an element may be drawn again.
        p: the probability of each element, by default all equal.
        axis: the axis whose slices are drawn.
        mode: of the Gumbel noise, see `gumbel`; used without replacement with `p`.

    Returns:
        An array like `a` with `axis` replaced by the axes of `shape`.

    Raises:
        TypeError: `a` is a scalar but no integer known while tracing.
        ValueError: nothing can be drawn, or `p` has another size than `axis`.

    Example:
        >>> from dolmen.core import random
        >>> random.choice(random.key(0), 5, (3,), replace=False).tolist()
        [0, 1, 4]
    """
    one = single_key("choice", key, None)
    sizes = as_shape("choice", shape)
    type = typeof(a)
    if type.ndim and not -type.ndim <= axis < type.ndim:
        raise value_error(
            f"choice: `axis` must be an axis of `a`, got {axis} for {type!r}."
        )
    axis = axis % type.ndim if type.ndim else 0
    count = type.shape[axis] if type.ndim else static_size("choice", "a", a)
    draws = math.prod(sizes)
    if not draws:
        whole = type.shape[:axis] + sizes + type.shape[axis + 1 :]
        return lax.full(whole if type.ndim else sizes, 0, type.dtype)
    if count <= 0:
        raise value_error("choice: `a` must not be empty.")
    if not replace and draws > count:
        raise value_error(
            f"choice: can't draw {draws} of {count} elements without replacement."
        )
    if p is not None and typeof(p).shape != (count,):
        raise value_error(
            f"choice: `p` must hold one probability for each of the {count} elements, "
            f"got {typeof(p)!r}."
        )
    population = a if type.ndim else None
    static = {"count": count, "shape": sizes, "axis": axis, "replace": bool(replace)}
    if p is None:
        return _choice(one, population, **static)
    return _weighted_choice(
        one, population, p, **static, mode=gumbel_mode("choice", mode)
    )


@jit_when_eager(static_argnames=("count", "shape", "axis", "replace"))
def _choice(
    key: KeyArray,
    a: Any,
    count: int,
    shape: tuple[int, ...],
    axis: int,
    replace: bool,
) -> Any:
    if replace:
        index = dtypes.as_dtype(int)
        low, high = index.type(0), index.type(count)
        drawn = integers(key, low, high, np.bool_(False), shape, index, index)
        return drawn if a is None else jnp.take(a, drawn, axis)
    index = dtypes.as_dtype(int)
    x = lax.iota(index, count) if a is None else as_array(a)
    first = lax.slice_in_dim(permuted(key, x, axis), 0, math.prod(shape), axis=axis)
    return _unfold(first, axis, shape)


def _unfold(x: Any, axis: int, shape: tuple[int, ...]) -> Any:
    own = typeof(x).shape
    return lax.reshape(x, own[:axis] + shape + own[axis + 1 :])


@jit_when_eager(static_argnames=("count", "shape", "axis", "replace", "mode"))
def _weighted_choice(
    key: KeyArray,
    a: Any,
    p: Any,
    count: int,
    shape: tuple[int, ...],
    axis: int,
    replace: bool,
    mode: str,
) -> Any:
    index = dtypes.as_dtype(int)
    dtype = typeof(p).dtype
    p = convert(p, dtype if dtypes.is_inexact(dtype) else dtypes.as_dtype(float))
    dtype = typeof(p).dtype
    if replace:
        total = lax.cumsum(p)
        u = lax.sub(np.asarray(1, dtype), unit_interval(key, shape, dtype))
        last = lax.index_in_dim(total, count - 1, 0, keepdims=False)
        drawn = convert(jnp.searchsorted(total, lax.mul(last, u)), index)
        return drawn if a is None else jnp.take(a, drawn, axis)
    noise = gumbel_noise(key, (count,), dtype, mode)
    drawn = lax.top_k(lax.add(noise, lax.log(p)), math.prod(shape))[1]
    drawn = lax.reshape(convert(drawn, index), shape)
    return drawn if a is None else jnp.take(a, drawn, axis)


# ---- counts ------------------------------------------------------------------------


def geometric(
    key: Any,
    p: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = int,
    *,
    out_sharding: Any = None,
) -> Array:
    """How many trials it takes to the first success.

    Args:
        key: a single key.
        p: probabilities of success; they broadcast to `shape`.
        shape: shape of the result, by default that of `p`.
        dtype: an integer dtype.

    Returns:
        Positive integers.

    Raises:
        TypeError: `dtype` is no integer dtype.
        ValueError: `p` does not broadcast to `shape`.

    Example:
        >>> from dolmen.core import random
        >>> bool(random.geometric(random.key(0), 0.5, (9,)).min() >= 1)
        True
    """
    one = single_key("geometric", key, out_sharding)
    made = sampled_dtype("geometric", dtype, "iu")
    sizes = parameter_shape("geometric", shape, p=p)
    return _geometric(one, p, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _geometric(key: KeyArray, p: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    own = typeof(p).dtype
    p = convert(p, own if dtypes.is_inexact(own) else dtypes.as_dtype(float))
    number = typeof(p).dtype.type
    u = unit_interval(key, shape, typeof(p).dtype)
    ones = lax.full(shape, 1, typeof(p).dtype)
    log_u = lax.log(lax.select(lax.eq(u, number(0)), ones, u))
    log_failure = stretch(lax.log1p(lax.neg(p)), shape)
    trials = lax.add(lax.floor(lax.div(log_u, log_failure)), number(1))
    return convert(trials, dtype)

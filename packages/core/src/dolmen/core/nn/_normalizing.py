"""Functions along axes: softmax, logarithms of sums of exponentials, standardization.

All subtract the largest element first, so nothing overflows. Axes whose elements are
all ``-inf``, or excluded by `where`, give ``-inf`` for logarithms of sums.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._backend import flags
from .._higher_order import custom_jvp, jit_when_eager
from .._ir import dtypes, value_error
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike, Axis
from ..numpy._manipulation import hashable_axes
from ..numpy._promotion import promote_args_inexact


def _static_axes(function: str, x: Any, axis: Axis) -> tuple[int, ...]:
    """An `axis` argument as a tuple of nonnegative integers.

    Raises:
        ValueError: one of them is no axis of `x`, or occurs twice.
    """
    type = typeof(x)
    given = range(type.ndim) if axis is None else axis
    axes = tuple(given) if isinstance(given, Sequence | range) else (int(given),)
    if not all(-type.ndim <= a < type.ndim for a in axes):
        raise value_error(
            f"{function}: `axis` must name axes of the array, got {axis} for {type!r}."
        )
    axes = tuple(a % type.ndim for a in axes)
    if len(set(axes)) < len(axes):
        raise value_error(f"{function}: `axis` names an axis twice: {axis}.")
    return axes


# ---- softmax -----------------------------------------------------------------------


def softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """``exp(x) / sum(exp(x))`` along axes.

    Args:
        x: logits.
        axis: along which the results sum to 1: an integer, several, or None for all.
        where: booleans that broadcast to `x`; excluded elements give 0.

    Returns:
        An array like `x`, floating point. NaN where all elements are ``-inf``.

    Raises:
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.softmax(jnp.array([1000.0, 1000.0]))
        Array([0.5, 0.5], dtype=float32)
    """
    return _softmax(x, where, axes=_static_axes("softmax", x, axis))


@jit_when_eager(static_argnames=("axes",))
def _softmax(x: Any, where: Any, axes: tuple[int, ...]) -> Any:
    (x,) = promote_args_inexact("softmax", x)
    by_rule = flags.SOFTMAX_CUSTOM_JVP.value
    if where is None:
        return (_probabilities if by_rule else _probabilities.fun)(x, axes)
    masked = _masked_probabilities if by_rule else _masked_probabilities.fun
    return masked(x, jnp.asarray(where), axes)


def _softmax_custom(nondiff_argnums: tuple[int, ...]) -> Any:
    return lambda fun: custom_jvp(fun, nondiff_argnums=nondiff_argnums)


@_softmax_custom((1,))
def _probabilities(x: Any, axes: tuple[int, ...]) -> Any:
    largest = jnp.max(x, axes, keepdims=True, initial=-np.inf)
    powers = jnp.exp(x - largest)
    return powers / jnp.sum(powers, axes, keepdims=True)


@_probabilities.defjvp
def _probabilities_jvp(axes: tuple[int, ...], primals: Any, tangents: Any) -> Any:
    # Only the result is needed to go back, not the exponentials.
    (x,), (dx,) = primals, tangents
    y = _probabilities(x, axes)
    return y, y * (dx - jnp.sum(y * dx, axes, keepdims=True))


@_softmax_custom((2,))
def _masked_probabilities(x: Any, where: Any, axes: tuple[int, ...]) -> Any:
    largest = jnp.max(x, axes, keepdims=True, initial=-np.inf, where=where)
    powers = jnp.exp(jnp.where(where, x, -np.inf) - largest)
    total = jnp.sum(powers, axes, keepdims=True, where=where)
    return jnp.where(where, powers / total, 0)


@_masked_probabilities.defjvp
def _masked_probabilities_jvp(
    axes: tuple[int, ...], primals: Any, tangents: Any
) -> Any:
    (x, where), (dx, _) = primals, tangents
    y = _masked_probabilities(x, where, axes)
    return y, y * (dx - jnp.sum(y * dx, axes, keepdims=True, where=where))


def log_softmax(x: ArrayLike, axis: Axis = -1, where: ArrayLike | None = None) -> Array:
    """Logarithm of `softmax`, exact where that underflows.

    Args:
        x: logits.
        axis: along which the exponentials of the results sum to 1.
        where: booleans that broadcast to `x`; excluded elements give ``-inf``.

    Returns:
        An array like `x`, floating point.

    Raises:
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.log_softmax(jnp.array([0.0, 0.0]))
        Array([-0.6931472, -0.6931472], dtype=float32)
    """
    return _log_softmax(x, where, hashable_axes(axis))


@jit_when_eager(static_argnames=("axis",))
def _log_softmax(x: Any, where: Any, axis: Axis) -> Any:
    axes = _static_axes("log_softmax", x, axis)
    (x,) = promote_args_inexact("log_softmax", x)
    largest = jnp.max(x, axes, keepdims=True, initial=-np.inf, where=where)
    kept = x if where is None else jnp.where(where, x, -np.inf)
    shifted = kept - lax.stop_gradient(largest)
    total = jnp.sum(jnp.exp(shifted), axes, keepdims=True, where=where)
    made = shifted - jnp.log(total)
    return made if where is None else jnp.where(where, made, -np.inf)


# ---- logarithms of sums ------------------------------------------------------------


def logsumexp(
    a: ArrayLike,
    axis: Axis = None,
    b: ArrayLike | None = None,
    keepdims: bool = False,
    return_sign: bool = False,
    where: ArrayLike | None = None,
) -> Any:
    """``log(sum(b * exp(a)))`` along axes, without overflow.

    Args:
        a: exponents.
        axis: the axes that are summed over: an integer, several, or None for all.
        b: factors, which broadcast with `a`; where one is 0, its exponent is ignored.
        keepdims: keep the summed axes with size 1.
        return_sign: return the logarithm of the sum's magnitude, and its sign.
        where: booleans that broadcast to `a`; excluded elements do not count.

    Returns:
        The logarithms, or a pair of them and the signs. ``-inf`` for an empty sum; NaN
        for a negative one unless `return_sign`.

    Raises:
        ValueError: `axis` is no axis of `a`.

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.logsumexp(jnp.array([1000.0, -jnp.inf]))
        Array(1000., dtype=float32)
    """
    if b is None:
        axes = _static_axes("logsumexp", a, axis)
    else:
        shape = lax.broadcast_shapes(typeof(a).shape, typeof(b).shape)
        whole = np.broadcast_to(np.float32(0), shape)
        axes = _static_axes("logsumexp", whole, axis)
    return _logsumexp(
        a,
        b,
        where,
        axes=axes,
        keepdims=bool(keepdims),
        return_sign=bool(return_sign),
    )


@jit_when_eager(static_argnames=("axes", "keepdims", "return_sign"))
def _logsumexp(
    a: Any,
    b: Any,
    where: Any,
    axes: tuple[int, ...],
    keepdims: bool,
    return_sign: bool,
) -> Any:
    if b is None:
        (a,) = promote_args_inexact("logsumexp", a)
    else:
        a, b = promote_args_inexact("logsumexp", a, b)
        a = jnp.where(b != 0, a, -np.inf)
    if where is not None:  # an excluded infinity must not reach the gradient
        a = jnp.where(where, a, 0)
    is_complex = dtypes.kind(typeof(a).dtype) == "c"
    largest = jnp.max(jnp.real(a), axes, keepdims=True, where=where, initial=-np.inf)
    largest = lax.stop_gradient(jnp.where(jnp.isfinite(largest), largest, 0))
    powers = jnp.exp(a - largest)
    if b is not None:
        powers = powers * b
    total = jnp.sum(powers, axes, keepdims=keepdims, where=where)
    if not keepdims:
        largest = jnp.squeeze(largest, axes)
    sign = jnp.sign(total)
    if return_sign or not is_complex:
        total = jnp.abs(total)
    made = jnp.log(total) + largest
    if return_sign:
        return made, sign
    if b is not None and not is_complex:
        made = jnp.where(sign < 0, np.nan, made)
    return made


def logmeanexp(
    x: ArrayLike,
    axis: Axis = None,
    where: ArrayLike | None = None,
    keepdims: bool = False,
) -> Array:
    """``log(mean(exp(x)))`` along axes, without overflow.

    Args:
        x: exponents.
        axis: the axes that are averaged over: an integer, several, or None for all.
        where: booleans that broadcast to `x`; excluded elements do not count.
        keepdims: keep the averaged axes with size 1.

    Raises:
        ValueError: `axis` is no axis of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.logmeanexp(jnp.array([1.0, 1.0]))
        Array(1., dtype=float32)
    """
    axes = _static_axes("logmeanexp", x, axis)
    return _logmeanexp(x, where, axes=axes, keepdims=bool(keepdims))


@jit_when_eager(static_argnames=("axes", "keepdims"))
def _logmeanexp(x: Any, where: Any, axes: tuple[int, ...], keepdims: bool) -> Any:
    made = _logsumexp(x, None, where, axes=axes, keepdims=keepdims, return_sign=False)
    shape = typeof(x).shape
    counted = True if where is None else where
    count = jnp.sum(
        jnp.broadcast_to(counted, shape), axes, keepdims=keepdims, dtype=made.dtype
    )
    return made - jnp.log(count)


# ---- standardization ---------------------------------------------------------------


def standardize(
    x: ArrayLike,
    axis: Axis = -1,
    mean: ArrayLike | None = None,
    variance: ArrayLike | None = None,
    epsilon: ArrayLike = 1e-5,
    where: ArrayLike | None = None,
    *,
    algorithm: str = "fast",
) -> Array:
    """``(x - mean) / sqrt(variance + epsilon)`` along axes.

    Args:
        x: an array.
        axis: the axes over which mean and variance are taken.
        mean: the mean, if it is known; it broadcasts with `x`.
        variance: the variance, if it is known.
        epsilon: keeps the root away from 0.
        where: booleans that broadcast to `x`: which elements mean and variance count.
        algorithm: ``"fast"`` takes the variance as ``mean(x**2) - mean(x)**2``, in one
            pass, but inexact where the mean is much larger than the spread;
            ``"stable"`` as ``mean((x - mean)**2)``.

    Returns:
        An array like `x`, floating point.

    Raises:
        ValueError: `axis` is no axis of `x`, or `algorithm` is unknown.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.standardize(jnp.array([1.0, 3.0]))
        Array([-0.999995,  0.999995], dtype=float32)
    """
    if algorithm not in ("fast", "stable"):
        raise value_error(
            f"standardize: `algorithm` must be 'fast' or 'stable', got {algorithm!r}."
        )
    axes = _static_axes("standardize", x, axis)
    return _standardize(
        x, mean, variance, epsilon, where, axes=axes, algorithm=algorithm
    )


@jit_when_eager(static_argnames=("axes", "algorithm"))
def _standardize(
    x: Any,
    mean: Any,
    variance: Any,
    epsilon: Any,
    where: Any,
    axes: tuple[int, ...],
    algorithm: str,
) -> Any:
    (x,) = promote_args_inexact("standardize", x)
    if mean is None:
        mean = jnp.mean(x, axes, keepdims=True, where=where)
    if variance is None and algorithm == "stable":
        variance = jnp.mean(jnp.square(x - mean), axes, keepdims=True, where=where)
    elif variance is None:
        squares = jnp.mean(jnp.square(x), axes, keepdims=True, where=where)
        # Rounding may leave a tiny variance negative.
        variance = jnp.maximum(squares - jnp.square(mean), 0)
    return (x - mean) * lax.rsqrt(variance + epsilon)

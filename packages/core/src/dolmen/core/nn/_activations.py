"""Activation functions: elementwise, and their gradients at the kinks.

Where two smooth pieces meet, the derivative is that of the left piece unless said
otherwise; so the gradient of `relu` at 0 is 0.
"""

import math
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import custom_jvp, jit_when_eager
from .._ir import as_integer, dtypes, type_error, value_error
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike
from ..numpy._promotion import promote_args, promote_args_inexact


@jit_when_eager()
def identity(x: ArrayLike) -> Array:
    """`x` itself, as an array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.identity(jnp.array([1.0, 2.0]))
        Array([1., 2.], dtype=float32)
    """
    (x,) = promote_args("identity", x)
    return jnp.asarray(x)


# ---- rectifiers --------------------------------------------------------------------


@jit_when_eager()
def relu(x: ArrayLike) -> Array:
    """Rectifier, ``max(x, 0)``, with gradient 0 at 0.

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.relu(jnp.array([-1.0, 0.0, 2.0]))
        Array([0., 0., 2.], dtype=float32)

    Source: the gradient at 0 after Bertoin et al. (2021), arXiv:2106.12915.
    """
    x, zero = promote_args("relu", x, 0)
    # Not `max`, whose gradient at a tie is 1/2; NaN stays NaN.
    return lax.select(lax.le(x, zero), lax.full_like(x, 0), jnp.asarray(x))


@jit_when_eager()
def relu6(x: ArrayLike) -> Array:
    """Rectifier with a ceiling, ``min(max(x, 0), 6)``, with gradient 0 at 0 and 6.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.relu6(jnp.array([-1.0, 3.0, 9.0]))
        Array([0., 3., 6.], dtype=float32)
    """
    x, ceiling = promote_args("relu6", x, 6.0)
    below = lax.select(lax.ge(x, ceiling), lax.full_like(x, 6), jnp.asarray(x))
    return relu(below)


@jit_when_eager()
def leaky_relu(x: ArrayLike, negative_slope: ArrayLike = 1e-2) -> Array:
    """`x` where it is not negative, elsewhere ``negative_slope * x``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.leaky_relu(jnp.array([-1.0, 2.0]))
        Array([-0.01,  2.  ], dtype=float32)
    """
    x, slope = promote_args("leaky_relu", x, negative_slope)
    return jnp.where(x >= 0, x, slope * x)


@jit_when_eager()
def elu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """Exponential linear unit: `x` where positive, elsewhere ``alpha * (exp(x) - 1)``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.elu(jnp.array([-1.0, 2.0]))
        Array([-0.63212055,  2.        ], dtype=float32)

    Source: Clevert, Unterthiner and Hochreiter (2016), arXiv:1511.07289.
    """
    x, alpha = promote_args_inexact("elu", x, alpha)
    return _elu(x, alpha)


def _elu(x: Any, alpha: Any) -> Any:
    positive = x > 0
    # The exponential of a large x would be infinite and spoil the gradient.
    return jnp.where(positive, x, alpha * jnp.expm1(jnp.where(positive, 0, x)))


@jit_when_eager()
def selu(x: ArrayLike) -> Array:
    """Self-normalizing exponential linear unit, ``1.0507 * elu(x, 1.6733)``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.selu(jnp.array([-1.0, 2.0]))
        Array([-1.1113307,  2.101402 ], dtype=float32)

    Source: Klambauer, Unterthiner, Mayr and Hochreiter (2017), arXiv:1706.02515.
    """
    alpha, scale = 1.6732632423543772, 1.0507009873554805
    x, alpha, scale = promote_args("selu", x, alpha, scale)
    return scale * _elu(x, alpha)


@jit_when_eager()
def celu(x: ArrayLike, alpha: ArrayLike = 1.0) -> Array:
    """``max(x, 0) + alpha * (exp(min(x, 0) / alpha) - 1)``, once differentiable.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.celu(jnp.array([-1.0, 2.0]))
        Array([-0.63212055,  2.        ], dtype=float32)

    Source: Barron (2017), arXiv:1704.07483.
    """
    x, alpha = promote_args_inexact("celu", x, alpha)
    return jnp.maximum(x, 0) + alpha * jnp.expm1(jnp.minimum(x, 0) / alpha)


# ---- smooth rectifiers -------------------------------------------------------------


def gelu(x: ArrayLike, approximate: bool = True) -> Array:
    """``x`` times the probability that a normal number lies below it.

    Args:
        x: an array.
        approximate: by a hyperbolic tangent instead of the error function (off by less
            than 5e-4).

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.gelu(jnp.array([-1.0, 1.0]), approximate=False).round(2)
        Array([-0.16,  0.84], dtype=float32)

    Source: Hendrycks and Gimpel (2016), arXiv:1606.08415.
    """
    return _gelu(x, approximate=bool(approximate))


def _number(x: Any, value: float) -> Any:
    """The constant `value` in the dtype of `x`; it stretches where it is used."""
    return np.asarray(value, typeof(x).dtype)


@jit_when_eager(static_argnames=("approximate",))
def _gelu(x: Any, approximate: bool) -> Any:
    (x,) = promote_args_inexact("gelu", x)
    if not approximate:
        scaled = -x * _number(x, math.sqrt(0.5))
        return _number(x, 0.5) * x * lax.erfc(scaled)
    cubed = _number(x, 0.044715) * lax.integer_pow(x, 3)
    inner = _number(x, math.sqrt(2 / math.pi)) * (x + cubed)
    return x * (_number(x, 0.5) * (_number(x, 1) + lax.tanh(inner)))


@jit_when_eager()
def silu(x: ArrayLike) -> Array:
    """``x * sigmoid(x)``, also called swish.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.silu(jnp.array([-1.0, 2.0]))
        Array([-0.26894143,  1.761594  ], dtype=float32)

    Source: Elfwing, Uchibe and Doya (2018), arXiv:1702.03118.
    """
    (x,) = promote_args_inexact("silu", x)
    return x * lax.logistic(x)


swish = silu


@jit_when_eager()
def mish(x: ArrayLike) -> Array:
    """``x * tanh(softplus(x))``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.mish(jnp.array([-1.0, 2.0]))
        Array([-0.30340144,  1.943959  ], dtype=float32)

    Source: Misra (2020), arXiv:1908.08681.
    """
    x, zero = promote_args_inexact("mish", x, 0)
    return x * jnp.tanh(jnp.logaddexp(x, zero))


@jit_when_eager()
def softplus(x: ArrayLike) -> Array:
    """``log(1 + exp(x))`` without overflow.

    Example:
        >>> from dolmen.core import nn
        >>> nn.softplus(1000.0)
        Array(1000., dtype=float32, weak_type=True)
    """
    x, zero = promote_args_inexact("softplus", x, 0)
    return jnp.logaddexp(x, zero)


@jit_when_eager()
def squareplus(x: ArrayLike, b: ArrayLike = 4) -> Array:
    """``(x + sqrt(x**2 + b)) / 2``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.squareplus(jnp.array([-1.0, 0.0]))
        Array([0.618034, 1.      ], dtype=float32)

    Source: Barron (2021), arXiv:2112.11687.
    """
    x, b = promote_args_inexact("squareplus", x, b)
    return (x + jnp.sqrt(jnp.square(x) + b)) / 2


@jit_when_eager()
def sparse_plus(x: ArrayLike) -> Array:
    """0 up to -1, `x` from 1 on, and ``(x + 1)**2 / 4`` between.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.sparse_plus(jnp.array([-2.0, 0.0, 2.0]))
        Array([0.  , 0.25, 2.  ], dtype=float32)
    """
    x, one = promote_args("sparse_plus", x, 1.0)
    return jnp.where(x <= -one, 0, jnp.where(x >= one, x, (x + one) ** 2 / 4))


# ---- sigmoids ----------------------------------------------------------------------


@jit_when_eager()
def sigmoid(x: ArrayLike) -> Array:
    """``1 / (1 + exp(-x))``.

    Example:
        >>> from dolmen.core import nn
        >>> nn.sigmoid(0.0)
        Array(0.5, dtype=float32, weak_type=True)
    """
    (x,) = promote_args_inexact("sigmoid", x)
    return lax.logistic(x)


@jit_when_eager()
def sparse_sigmoid(x: ArrayLike) -> Array:
    """``(x + 1) / 2`` between -1 and 1, 0 below and 1 above: that of `sparse_plus`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.sparse_sigmoid(jnp.array([-2.0, 0.0, 2.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    x, one = promote_args("sparse_sigmoid", x, 1.0)
    return 0.5 * jnp.clip(x + one, 0, 2)


@jit_when_eager()
def log_sigmoid(x: ArrayLike) -> Array:
    """``log(sigmoid(x))`` without overflow.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.log_sigmoid(jnp.array([-100.0, 0.0]))
        Array([-100.       ,   -0.6931472], dtype=float32)
    """
    (x,) = promote_args_inexact("log_sigmoid", x)
    return -jnp.logaddexp(-x, 0)


@jit_when_eager()
def soft_sign(x: ArrayLike) -> Array:
    """``x / (1 + abs(x))``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.soft_sign(jnp.array([-1.0, 3.0]))
        Array([-0.5 ,  0.75], dtype=float32)
    """
    x, one = promote_args_inexact("soft_sign", x, 1)
    return x / (jnp.abs(x) + one)


@jit_when_eager()
def tanh(x: ArrayLike) -> Array:
    """Hyperbolic tangent.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.tanh(jnp.array([0.0, 1.0]))
        Array([0.       , 0.7615942], dtype=float32)
    """
    (x,) = promote_args_inexact("tanh", x)
    return lax.tanh(x)


# ---- piecewise linear and quadratic ------------------------------------------------


@jit_when_eager()
def hard_tanh(x: ArrayLike) -> Array:
    """`x` between -1 and 1, which it does not leave.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.hard_tanh(jnp.array([-4.0, 0.5, 4.0]))
        Array([-1. ,  0.5,  1. ], dtype=float32)
    """
    (x,) = promote_args("hard_tanh", x)
    return jnp.where(x > 1, 1, jnp.where(x < -1, -1, x))


@jit_when_eager()
def hard_sigmoid(x: ArrayLike) -> Array:
    """``relu6(x + 3) / 6``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.hard_sigmoid(jnp.array([-4.0, 0.0, 4.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    x, three = promote_args("hard_sigmoid", x, 3.0)
    return relu6(x + three) / 6


@jit_when_eager()
def hard_silu(x: ArrayLike) -> Array:
    """``x * hard_sigmoid(x)``, also called hard swish.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.hard_silu(jnp.array([-4.0, 1.0, 4.0]))
        Array([-0.       ,  0.6666667,  4.       ], dtype=float32)

    Source: Howard et al. (2019), arXiv:1905.02244.
    """
    x, three = promote_args("hard_silu", x, 3.0)
    return x * (relu6(x + three) / 6)


hard_swish = hard_silu


# ---- others ------------------------------------------------------------------------


def glu(x: ArrayLike, axis: int = -1) -> Array:
    """Gated linear unit: the first half of `x` times the sigmoid of the second.

    Args:
        x: an array.
        axis: the axis that is halved.

    Raises:
        ValueError: the size of `axis` is odd.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.glu(jnp.array([1.0, 2.0, 0.0, 0.0]))
        Array([0.5, 1. ], dtype=float32)

    Source: Dauphin, Fan, Auli and Grangier (2017), arXiv:1612.08083.
    """
    type = typeof(x)
    if not -type.ndim <= axis < type.ndim or type.shape[axis] % 2:
        raise value_error(
            f"glu: `axis` must be an axis of even size, got {axis} for {type!r}."
        )
    return _glu(x, axis=axis)


@jit_when_eager(static_argnames=("axis",))
def _glu(x: Any, axis: int) -> Any:
    (x,) = promote_args_inexact("glu", x)
    values, gates = jnp.split(x, 2, axis)
    return values * lax.logistic(gates)


@custom_jvp
def _log1mexp(x: Any) -> Any:
    # Near 0 it is exp(-x) that is near 1, and expm1 keeps the difference; far from 0 it
    # is the logarithm's argument that is near 1, and log1p keeps it.
    return jnp.where(x < math.log(2), jnp.log(-jnp.expm1(-x)), jnp.log1p(-jnp.exp(-x)))


@_log1mexp.defjvp
def _log1mexp_jvp(primals: Any, tangents: Any) -> Any:
    (x,), (dx,) = primals, tangents
    return _log1mexp(x), dx / jnp.expm1(x)


@jit_when_eager()
def log1mexp(x: ArrayLike) -> Array:
    """``log(1 - exp(-x))`` for positive `x`, exact near 0 and for large `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import nn
        >>> nn.log1mexp(jnp.array([0.5, 2.0]))
        Array([-0.93275213, -0.14541346], dtype=float32)

    Source: Maechler (2012), "Accurately computing ``log(1 - exp(-|a|))``", vignette of
    the R package Rmpfr.
    """
    (x,) = promote_args_inexact("log1mexp", x)
    return _log1mexp(x)


def one_hot(
    x: ArrayLike, num_classes: int, *, dtype: Any = None, axis: int = -1
) -> Array:
    """For each index a vector that is 1 there and 0 elsewhere.

    Args:
        x: integers; outside ``[0, num_classes)`` the vector is all zeros.
        num_classes: length of the vectors.
        dtype: of the result, by default `float`.
        axis: where the new axis goes.

    Returns:
        An array with one axis more than `x`.

    Raises:
        TypeError: `x` does not hold integers.
        ValueError: `axis` is no axis of the result.

    Example:
        >>> from dolmen.core import nn
        >>> import dolmen.core.numpy as jnp
        >>> nn.one_hot(jnp.array([2, 0]), 3).tolist()
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    type = typeof(x)
    if not jnp.issubdtype(type.dtype, np.integer):
        raise type_error(
            f"one_hot: `x` must hold integers, got {type!r}.",
            "Convert it with `.astype(int)`.",
        )
    if not -type.ndim - 1 <= axis <= type.ndim:
        raise value_error(
            f"one_hot: `axis` must be one of the {type.ndim + 1} axes of the result, "
            f"got {axis}."
        )
    wanted = dtypes.as_dtype(float if dtype is None else dtype, function="one_hot")
    classes = as_integer("one_hot", "num_classes", num_classes)
    return _one_hot(x, num_classes=classes, dtype=wanted, axis=axis % (type.ndim + 1))


@jit_when_eager(static_argnames=("num_classes", "dtype", "axis"))
def _one_hot(x: Any, num_classes: int, dtype: Any, axis: int) -> Any:
    type = typeof(x)
    shape = (*type.shape[:axis], num_classes, *type.shape[axis:])
    own = [i for i in range(len(shape)) if i != axis]
    classes = lax.broadcasted_iota(type.dtype, shape, axis)
    return jnp.astype(lax.eq(lax.broadcast_in_dim(x, shape, own), classes), dtype)

"""Elementwise exponentials and logarithms; integers are taken as floating point."""

import math
from typing import Any

from .. import lax
from .._ir import dtypes
from .._ops import _selection
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import jit_when_eager
from ._promotion import constant_like, literal, promote_args_inexact

# ---- exponentials ------------------------------------------------------------------


@jit_when_eager
def exp(x: ArrayLike, /) -> Array:
    """Elementwise exponential.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.exp(jnp.array([0.0, 1.0]))
        Array([1.       , 2.7182817], dtype=float32)
    """
    (x,) = promote_args_inexact("exp", x)
    return lax.exp(x)


@jit_when_eager
def exp2(x: ArrayLike, /) -> Array:
    """Elementwise `2 ** x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.exp2(jnp.array([1.0, 3.0]))
        Array([2., 8.], dtype=float32)
    """
    (x,) = promote_args_inexact("exp2", x)
    return lax.exp2(x)


@jit_when_eager
def expm1(x: ArrayLike, /) -> Array:
    """Elementwise `exp(x) - 1`, exact near zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.expm1(jnp.array([1e-6, 1.0]))
        Array([1.0000005e-06, 1.7182817e+00], dtype=float32)
    """
    (x,) = promote_args_inexact("expm1", x)
    return lax.expm1(x)


# ---- logarithms --------------------------------------------------------------------


@jit_when_eager
def log(x: ArrayLike, /) -> Array:
    """Elementwise natural logarithm; NaN for negative real numbers.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.log(jnp.array([1.0, 10.0]))
        Array([0.       , 2.3025851], dtype=float32)
    """
    (x,) = promote_args_inexact("log", x)
    return lax.log(x)


@jit_when_eager
def log1p(x: ArrayLike, /) -> Array:
    """Elementwise `log(1 + x)`, exact near zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.log1p(jnp.array([1e-6, 1.0]))
        Array([9.999995e-07, 6.931472e-01], dtype=float32)
    """
    (x,) = promote_args_inexact("log1p", x)
    return lax.log1p(x)


@jit_when_eager
def log2(x: ArrayLike, /) -> Array:
    """Elementwise logarithm to base 2.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.log2(jnp.array([1.0, 8.0]))
        Array([0., 3.], dtype=float32)
    """
    (x,) = promote_args_inexact("log2", x)
    return _scaled_log(x, math.log(2.0))


@jit_when_eager
def log10(x: ArrayLike, /) -> Array:
    """Elementwise logarithm to base 10.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.log10(jnp.array([1.0, 1000.0]))
        Array([0., 3.], dtype=float32)
    """
    (x,) = promote_args_inexact("log10", x)
    return _scaled_log(x, math.log(10.0))


def _scaled_log(x: Any, scale: float) -> Any:
    made = lax.log(x)
    if dtypes.kind(typeof(made).dtype) != "c":
        return lax.div(made, literal(scale, typeof(made).dtype))
    # Complex division would make NaN of an infinite part.
    parts = lax.real(made), lax.imag(made)
    return lax.complex(*[lax.div(p, literal(scale, typeof(p).dtype)) for p in parts])


@jit_when_eager
def logaddexp(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """`log(exp(x1) + exp(x2))` without overflow.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> float(jnp.logaddexp(1000.0, 1000.0)) > 1000.69
        True
    """
    x1, x2 = promote_args_inexact("logaddexp", x1, x2)
    return _logaddexp(x1, x2)


@jit_when_eager
def logaddexp2(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """`log2(2 ** x1 + 2 ** x2)` without overflow.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.logaddexp2(jnp.array([0.0, 3.0]), 0.0)
        Array([1.      , 3.169925], dtype=float32)
    """
    x1, x2 = promote_args_inexact("logaddexp2", x1, x2)
    scale = literal(math.log(2.0), typeof(x1).dtype)
    return lax.div(_logaddexp(lax.mul(x1, scale), lax.mul(x2, scale)), scale)


def _logaddexp(x: Any, y: Any) -> Any:
    """The larger one, and what the smaller one adds to it.

    One comparison decides both: of equal numbers then one counts as the larger, and the
    derivatives are right there, the second ones too. With `max` and `abs` they aren't.
    """
    if dtypes.kind(typeof(x).dtype) == "c":
        order = lax.ge(lax.real(x), lax.real(y))
    else:
        order = lax.ge(x, y)
    larger = _selection.choose(order, x, y)
    distance = lax.sub(_selection.choose(order, y, x), larger)
    # Infinities of one sign have no difference, but they are equal.
    unknown = lax.bitwise_and(lax.eq(x, y), lax.ne(distance, distance))
    distance = _selection.choose(unknown, constant_like(distance, 0), distance)
    return lax.add(larger, lax.log1p(lax.exp(distance)))

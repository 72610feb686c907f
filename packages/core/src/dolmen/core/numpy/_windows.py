"""Windows: weights that fade a finite piece of a signal in and out."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._creation import asarray, known_number
from ._eager import jit_when_eager
from ._promotion import promote_args_inexact, to_inexact, type_of


def _length(function: str, M: Any) -> int:
    """The number of points, which is part of a program."""
    known = known_number(function, "M", M)
    if known != int(known):
        raise type_error(f"{function}: `M` must be an integer, got {M!r:.60}.")
    if known < 0:
        raise value_error(f"{function}: `M` must not be negative, got {int(known)}.")
    return int(known)


def _window(function: str, M: Any, points: Callable[[int], np.ndarray]) -> Array:
    # Nothing but a size is asked for, so a window is a constant: it is rounded once.
    return asarray(points(_length(function, M)), to_inexact(np.dtype(int)))


def bartlett(M: int) -> Array:
    """Triangular window that is zero at both ends.

    Args:
        M: number of points.

    Returns:
        ``[M]`` of the default floating-point dtype.

    Raises:
        ValueError: `M` is negative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.bartlett(5).tolist()
        [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    return _window("bartlett", M, np.bartlett)


def blackman(M: int) -> Array:
    """Window made of two cosines; argument and result as of `bartlett`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.blackman(5).round(2).tolist() == jnp.blackman(5)[::-1].round(2).tolist()
        True
    """
    return _window("blackman", M, np.blackman)


def hamming(M: int) -> Array:
    """Raised cosine that ends above zero; argument and result as of `bartlett`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.hamming(3)
        Array([0.08, 1.  , 0.08], dtype=float32)
    """
    return _window("hamming", M, np.hamming)


def hanning(M: int) -> Array:
    """Raised cosine that ends at zero; argument and result as of `bartlett`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.hanning(3)
        Array([0., 1., 0.], dtype=float32)
    """
    return _window("hanning", M, np.hanning)


def kaiser(M: int, beta: ArrayLike) -> Array:
    """Window made of a Bessel function, between a rectangle and a bell.

    Args:
        M: number of points.
        beta: a real scalar, how much the window narrows: 0 makes it a rectangle, 14
            brings its ends near 0. It may be traced and has derivatives.

    Returns:
        ``[M]`` of the default floating-point dtype.

    Raises:
        TypeError: `beta` is complex.
        ValueError: `M` is negative, or `beta` has axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.kaiser(3, 0.0)
        Array([1., 1., 1.], dtype=float32)
    """
    size, type = _length("kaiser", M), type_of("kaiser", "beta", beta)
    if type.ndim:
        raise value_error(f"kaiser: `beta` must be a scalar, got {type!r}.")
    return _kaiser(beta, size=size)


@jit_when_eager(name="kaiser", static_argnames=("size",))
def _kaiser(beta: Any, *, size: int) -> Any:
    """The window at `x` in [-1, 1] is ``i0(beta * sqrt(1 - x²)) / i0(beta)``."""
    dtype = to_inexact(np.dtype(int))
    if dtypes.kind(typeof(beta).dtype) == "c":
        raise type_error(f"kaiser: `beta` must be real, got {typeof(beta)!r}.")
    beta = lax.convert_element_type(beta, dtype)
    x = np.linspace(-1.0, 1.0, size) if size > 1 else np.zeros(size)
    height = np.sqrt(1.0 - x**2).astype(dtype)
    # Both are scaled by exponentials, whose quotient can't overflow.
    scaled = lax.bessel_i0e(height * beta) / lax.bessel_i0e(beta)
    return scaled * lax.exp(lax.abs(beta) * (height - dtype.type(1)))


@jit_when_eager
def i0(x: ArrayLike) -> Array:
    """Modified Bessel function of the first kind and order zero.

    Args:
        x: real numbers; integers are taken as floating point.

    Returns:
        The shape and dtype of `x`.

    Raises:
        TypeError: `x` is complex.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.i0(jnp.array([0.0, 1.0])).round(3)
        Array([1.   , 1.266], dtype=float32)
    """
    (x,) = promote_args_inexact("i0", x)
    if dtypes.kind(typeof(x).dtype) == "c":
        raise type_error(f"i0: `x` must be real, got {typeof(x)!r}.")
    # `abs(x)` would have the slope 1 at 0, where `i0` is flat.
    return lax.exp(lax.max(x, lax.neg(x))) * lax.bessel_i0e(x)

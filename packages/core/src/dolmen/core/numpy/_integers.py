"""Integers: common divisors and multiples, and bits packed into bytes."""

from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike
from ._eager import body, jit_when_eager
from ._logic import where
from ._manipulation import as_array, as_axis, broadcast_arrays, moveaxis, ravel
from ._promotion import promote_args, type_of

# ---- divisors ----------------------------------------------------------------------


@jit_when_eager
def gcd(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Elementwise greatest common divisor, by Euclid's algorithm.

    Args:
        x1: integers.
        x2: integers that broadcast with `x1`.

    Returns:
        Integers that are not negative; 0 where both are 0.

    Raises:
        TypeError: an operand is not integer.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.gcd(jnp.array([12, 0, -4]), 6).tolist()
        [6, 6, 2]
    """
    x, y = _integers("gcd", x1, x2)
    # Remainders shrink whatever the signs, so the least integer, which has no absolute
    # value, does no harm before the end.
    made, _ = lax.while_loop(lambda pair: (pair[1] != 0).any(), _euclidean_step, (x, y))
    return abs(made)


def _euclidean_step(pair: Any) -> Any:
    x, y = pair
    done = y == 0
    return where(done, x, y), where(done, 0, lax.rem(x, where(done, 1, y)))


@jit_when_eager
def lcm(x1: ArrayLike, x2: ArrayLike) -> Array:
    """Elementwise least common multiple; operands and errors as of `gcd`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.lcm(jnp.array([12, 0, -4]), 6).tolist()
        [12, 0, 12]
    """
    x, y = _integers("lcm", x1, x2)
    divisor = body(gcd)(x, y)
    return abs(lax.div(x, where(divisor == 0, 1, divisor)) * y)


def _integers(function: str, x1: Any, x2: Any) -> list[Any]:
    """Operands of one integer dtype and shape."""
    for name, x in (("x1", x1), ("x2", x2)):
        type = type_of(function, name, x)
        if dtypes.kind(type.dtype) not in "iu":
            raise type_error(f"{function}: `{name}` must be integers, got {type!r}.")
    return broadcast_arrays(*map(as_array, promote_args(function, x1, x2)))


# ---- bits --------------------------------------------------------------------------


@jit_when_eager(static_argnames=("axis", "bitorder"))
def packbits(a: ArrayLike, axis: int | None = None, bitorder: str = "big") -> Array:
    """Eight elements along an axis become the bits of one byte.

    Args:
        a: booleans or integers; each gives one bit, whether it is not 0.
        axis: None flattens the array.
        bitorder: "big" if the first element gives the highest bit, or "little".

    Returns:
        uint8 with ``ceil(n / 8)`` elements along the axis; missing bits are 0.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.packbits(jnp.array([1, 0, 1])).tolist()
        [160]
    """
    type = type_of("packbits", "a", a)
    if dtypes.kind(type.dtype) not in "biu":
        raise type_error(f"packbits: `a` must be booleans or integers, got {type!r}.")
    x, at = _last_axis("packbits", a, axis, bitorder)
    bits = (x != 0).astype(np.uint8)
    size = typeof(bits).shape[-1]
    pads = [(0, 0, 0)] * (typeof(bits).ndim - 1) + [(0, -size % 8, 0)]
    bits = lax.pad(bits, np.uint8(0), pads)
    bits = bits.reshape(*typeof(bits).shape[:-1], -(-size // 8), 8)
    return moveaxis((bits << _places(bitorder)).sum(-1, dtype=np.uint8), -1, at)


@jit_when_eager(static_argnames=("axis", "count", "bitorder"))
def unpackbits(
    a: ArrayLike,
    axis: int | None = None,
    count: int | None = None,
    bitorder: str = "big",
) -> Array:
    """The bits of bytes as elements along an axis: the inverse of `packbits`.

    Args:
        a: uint8.
        axis: None flattens the array.
        count: how many bits to return, filled up with 0; if negative, how many to leave
            out at the end.
        bitorder: "big" if the highest bit comes first, or "little".

    Returns:
        uint8, each 0 or 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.unpackbits(jnp.array([160], jnp.uint8), count=3).tolist()
        [1, 0, 1]
    """
    type = type_of("unpackbits", "a", a)
    if type.dtype != np.uint8:
        raise type_error(f"unpackbits: `a` must be uint8, got {type!r}.")
    x, at = _last_axis("unpackbits", a, axis, bitorder)
    bits = (x[..., None] >> _places(bitorder)) & np.uint8(1)
    size = 8 * typeof(x).shape[-1]
    bits = bits.reshape(*typeof(x).shape[:-1], size)
    if count is not None:
        wanted = count if count >= 0 else max(size + count, 0)
        pads = [(0, 0, 0)] * (typeof(bits).ndim - 1) + [(0, wanted - size, 0)]
        bits = lax.pad(bits, np.uint8(0), pads)
    return moveaxis(bits, -1, at)


def _places(bitorder: str) -> np.ndarray:
    places = np.arange(8, dtype=np.uint8)
    return places[::-1].copy() if bitorder == "big" else places


def _last_axis(function: str, a: Any, axis: int | None, bitorder: str) -> Any:
    """The array with the axis moved to the end, and where that came from."""
    if bitorder not in ("big", "little"):
        raise value_error(
            f"{function}: `bitorder` must be 'big' or 'little', got {bitorder!r}."
        )
    if axis is None:
        return ravel(as_array(a)), 0
    at = as_axis(function, axis, typeof(a).ndim)
    return moveaxis(as_array(a), at, -1), at

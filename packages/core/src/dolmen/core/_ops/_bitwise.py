"""Operations on the bits of integers (and on booleans), without derivatives."""

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._ir import ArrayType, array_type, dtypes
from .._tracing import bind
from ._elementwise import Elementwise, stretched


class Bitwise(Elementwise):
    """An elementwise operation on integers or booleans."""

    kinds = "biu"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Integers have no tangents, so none can come in."""
        raise AssertionError(f"{self.name} got tangents {tangents} of integers")


def bitwise_and(x: Any, y: Any) -> Any:
    """Elementwise `x & y` of two integer or boolean arrays of equal dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.bitwise_and(jnp.array([12, 5]), jnp.array([6, 6]))
        Array([4, 4], dtype=int32)
    """
    return bind(And(), x, y)


class And(Bitwise):
    """`x & y`."""

    operation = "and"


def bitwise_or(x: Any, y: Any) -> Any:
    """Elementwise `x | y` of two integer or boolean arrays of equal dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.bitwise_or(jnp.array([12, 5]), jnp.array([6, 6]))
        Array([14,  7], dtype=int32)
    """
    return bind(Or(), x, y)


class Or(Bitwise):
    """`x | y`."""

    operation = "or"


def bitwise_xor(x: Any, y: Any) -> Any:
    """Elementwise `x ^ y` of two integer or boolean arrays of equal dtype.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.bitwise_xor(jnp.array([12, 5]), jnp.array([6, 6]))
        Array([10,  3], dtype=int32)
    """
    return bind(Xor(), x, y)


class Xor(Bitwise):
    """`x ^ y`."""

    operation = "xor"


def bitwise_not(x: Any) -> Any:
    """Elementwise `~x` of an integer or boolean array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.bitwise_not(jnp.array([0, 5]))
        Array([-1, -6], dtype=int32)
    """
    return bind(Not(), x)


class Not(Bitwise):
    """`~x`."""

    operation = "not"


def shift_left(x: Any, y: Any) -> Any:
    """Elementwise `x << y`.

    Args:
        x: an integer array.
        y: how far, of the dtype of `x`; the result is zero where `y` is negative or not
            less than the number of bits.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.shift_left(jnp.array([1, 5]), jnp.array([2, 2]))
        Array([ 4, 20], dtype=int32)
    """
    return bind(ShiftLeft(), x, y)


class ShiftLeft(Bitwise):
    """`x << y`."""

    kinds = "iu"
    operation = "shift_left"


def shift_right_arithmetic(x: Any, y: Any) -> Any:
    """Elementwise `x >> y` that copies the sign bit into the places set free.

    Args:
        x: an integer array.
        y: how far, of the dtype of `x`; where `y` is negative or not less than the
            number of bits, every bit becomes the sign bit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.shift_right_arithmetic(jnp.array([8, -8]), jnp.array([2, 2]))
        Array([ 2, -2], dtype=int32)
    """
    return bind(ShiftRightArithmetic(), x, y)


class ShiftRightArithmetic(Bitwise):
    """`x >> y`, keeping the sign."""

    kinds = "iu"
    operation = "shift_right_arithmetic"


def shift_right_logical(x: Any, y: Any) -> Any:
    """Elementwise `x >> y` that fills the places set free with zeros.

    Args:
        x: an integer array.
        y: how far, of the dtype of `x`; the result is zero where `y` is negative or not
            less than the number of bits.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.shift_right_logical(jnp.array([8, -8]), jnp.array([2, 2]))
        Array([         2, 1073741822], dtype=int32)
    """
    return bind(ShiftRightLogical(), x, y)


class ShiftRightLogical(Bitwise):
    """`x >> y`, of the bit pattern."""

    kinds = "iu"
    operation = "shift_right_logical"


def population_count(x: Any) -> Any:
    """How many bits of each integer are set, in the dtype of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.population_count(jnp.array([0, 5, 255]))
        Array([0, 2, 8], dtype=int32)
    """
    return bind(PopulationCount(), x)


class PopulationCount(Bitwise):
    """Number of ones."""

    kinds = "iu"
    operation = "popcnt"


def clz(x: Any) -> Any:
    """How many leading bits of each integer are zero, in the dtype of `x`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.clz(jnp.array([0, 1, 256]))
        Array([32, 31, 23], dtype=int32)
    """
    return bind(CountLeadingZeros(), x)


class CountLeadingZeros(Bitwise):
    """Number of zeros before the first one."""

    kinds = "iu"
    operation = "count_leading_zeros"

    @property
    def name(self) -> str:
        """JAX's name."""
        return "clz"


# ---- high bits of products -----------------------------------------------------------


def mulhi(x: Any, y: Any, /) -> Any:
    """Elementwise high half of the bits of the exact product.

    Args:
        x: integers of n bits.
        y: of the dtype of `x`; the shape of `x`, or none.

    Returns:
        ``floor(x * y / 2**n)``, an array of the operands' shape and dtype.

    Raises:
        TypeError: the dtypes differ or are not of integers.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> lax.mulhi(np.uint32(2**31), np.uint32(6))
        Array(3, dtype=uint32)
    """
    return bind(Mulhi(), x, y)


class Mulhi(Bitwise):
    """The high bits of a product."""

    kinds = "iu"
    work = 4

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """The product in twice as many bits; of 64-bit numbers, by halves."""
        (out,) = builder.out_types
        x, y = stretched(builder, args)
        bits = ml_dtypes.iinfo(out.dtype).bits
        if bits < 64:
            letter = dtypes.kind(out.dtype)
            wide = array_type(out.shape, np.dtype(f"{letter}{max(2 * bits // 8, 1)}"))
            x, y = builder.convert(x, wide), builder.convert(y, wide)
            product = builder.emit("multiply", (x, y), (wide,))
            return builder.convert(_shifted(builder, product, bits, wide), out)

        # With x = a 2**32 + b and y = c 2**32 + d, a and c signed, the high half is
        # a c + floor((a d + floor(b d / 2**32) + b c) / 2**32): no step overflows when
        # the cross terms are split once more.
        def emit(name: str, p: Any, q: Any) -> Any:
            return builder.emit(name, (p, q))

        def high(p: Any) -> Any:
            return _shifted(builder, p, 32, out)

        def low(p: Any) -> Any:
            return emit("and", p, builder.constant(2**32 - 1, out))

        a, b, c, d = high(x), low(x), high(y), low(y)
        carried = builder.emit(
            "shift_right_logical", (emit("multiply", b, d), builder.constant(32, out))
        )
        first = emit("add", emit("multiply", a, d), carried)
        second = emit("add", emit("multiply", b, c), low(first))
        halves = emit("add", high(first), high(second))
        return emit("add", emit("multiply", a, c), halves)


def _shifted(builder: Any, x: Any, bits: int, type: ArrayType) -> Any:
    """`floor(x / 2**bits)`."""
    kind = "arithmetic" if dtypes.kind(type.dtype) == "i" else "logical"
    shift = builder.constant(bits, type)
    return builder.emit(f"shift_right_{kind}", (x, shift), (type,))

"""Operations on the bits of integers (and on booleans), without derivatives."""

from collections.abc import Sequence
from typing import Any

from .._tracing import bind
from ._elementwise import Elementwise


class Bitwise(Elementwise):
    """An elementwise operation on integers or booleans."""

    kinds = "biu"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Integers have no tangents, so none can come in."""
        raise AssertionError(f"{self.name} got tangents {tangents} of integers")


def bitwise_and(x: Any, y: Any) -> Any:
    """Elementwise `x & y` of two integer or boolean arrays of equal dtype."""
    return bind(And(), x, y)


class And(Bitwise):
    """`x & y`."""

    operation = "and"


def bitwise_or(x: Any, y: Any) -> Any:
    """Elementwise `x | y` of two integer or boolean arrays of equal dtype."""
    return bind(Or(), x, y)


class Or(Bitwise):
    """`x | y`."""

    operation = "or"


def bitwise_xor(x: Any, y: Any) -> Any:
    """Elementwise `x ^ y` of two integer or boolean arrays of equal dtype."""
    return bind(Xor(), x, y)


class Xor(Bitwise):
    """`x ^ y`."""

    operation = "xor"


def bitwise_not(x: Any) -> Any:
    """Elementwise `~x` of an integer or boolean array."""
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
    """
    return bind(ShiftRightLogical(), x, y)


class ShiftRightLogical(Bitwise):
    """`x >> y`, of the bit pattern."""

    kinds = "iu"
    operation = "shift_right_logical"


def population_count(x: Any) -> Any:
    """How many bits of each integer are set, in the dtype of `x`."""
    return bind(PopulationCount(), x)


class PopulationCount(Bitwise):
    """Number of ones."""

    kinds = "iu"
    operation = "popcnt"


def clz(x: Any) -> Any:
    """How many leading bits of each integer are zero, in the dtype of `x`."""
    return bind(CountLeadingZeros(), x)


class CountLeadingZeros(Bitwise):
    """Number of zeros before the first one."""

    kinds = "iu"
    operation = "count_leading_zeros"

    @property
    def name(self) -> str:
        """JAX's name."""
        return "clz"

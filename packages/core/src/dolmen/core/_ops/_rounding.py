"""Rounding to whole numbers; derivatives are zero almost everywhere."""

import enum
from collections.abc import Sequence
from typing import Any

from .._tracing import bind
from ._elementwise import Elementwise, stretched


class RoundingMethod(enum.IntEnum):
    """Where `round` sends numbers halfway between two integers."""

    AWAY_FROM_ZERO = 0
    TO_NEAREST_EVEN = 1


class Rounding(Elementwise):
    """A piecewise constant function of one floating-point operand."""

    kinds = "f"

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangent is zero: where it isn't, it does not exist."""
        return bind(self, *primals), None


def floor(x: Any) -> Any:
    """The largest whole number not above each element.

    Args:
        x: floating point.

    Returns:
        An array like `x`; its derivative is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.floor(jnp.array([1.2, -1.2]))
        Array([ 1., -2.], dtype=float32)
    """
    return bind(Floor(), x)


class Floor(Rounding):
    """Rounding down."""

    operation = "floor"


def ceil(x: Any) -> Any:
    """The smallest whole number not below each element.

    Args:
        x: floating point.

    Returns:
        An array like `x`; its derivative is zero.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.ceil(jnp.array([1.2, -1.2]))
        Array([ 2., -1.], dtype=float32)
    """
    return bind(Ceil(), x)


class Ceil(Rounding):
    """Rounding up."""

    operation = "ceil"


def round(
    x: Any, rounding_method: RoundingMethod = RoundingMethod.AWAY_FROM_ZERO
) -> Any:
    """The whole number nearest to each element.

    Args:
        x: floating point.
        rounding_method: where numbers halfway between two integers go.

    Returns:
        An array like `x`; its derivative is zero.

    Example:
        >>> from dolmen.core import lax
        >>> float(lax.round(2.5))
        3.0
        >>> float(lax.round(2.5, lax.RoundingMethod.TO_NEAREST_EVEN))
        2.0
    """
    return bind(Round(RoundingMethod(rounding_method)), x)


class Round(Rounding):
    """Rounding to the nearest."""

    rounding_method: RoundingMethod

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """StableHLO has one operation for each way of breaking ties."""
        to_even = self.rounding_method is RoundingMethod.TO_NEAREST_EVEN
        name = "round_nearest_even" if to_even else "round_nearest_afz"
        return builder.emit(name, stretched(builder, args))

"""How exactly elementary functions are computed, where a compiler has the choice."""

import dataclasses
import enum
from typing import Any

from .._ir import type_error, value_error
from .._lowering import mlir


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """The largest error that a result may have; at least one number is positive.

    Attributes:
        atol: absolute error.
        rtol: error relative to the result.
        ulps: error in units of the last place.

    Raises:
        ValueError: a number is negative, or none is positive.

    A compiler picks the fastest implementation it knows to be good enough, and the
    default one where it has no choice, as on CPUs.

    Example:
        >>> from dolmen.core import lax
        >>> lax.exp(0.0, accuracy=lax.Tolerance(rtol=1e-3))
        Array(1., dtype=float32, weak_type=True)
    """

    atol: float = 0.0
    rtol: float = 0.0
    ulps: int = 0

    def __post_init__(self) -> None:
        numbers = (self.atol, self.rtol, self.ulps)
        if min(numbers) < 0 or max(numbers) == 0:
            raise value_error(
                "Tolerance: `atol`, `rtol` and `ulps` must not be negative, and one of "
                f"them positive, got atol={self.atol}, rtol={self.rtol}, "
                f"ulps={self.ulps}."
            )


class AccuracyMode(enum.Enum):
    """Which implementation of an elementary function is taken.

    Attributes:
        HIGHEST: the most exact one.
        DEFAULT: the compiler's own choice.
    """

    HIGHEST = 1
    DEFAULT = 2


Accuracy = Tolerance | AccuracyMode | None


def check_accuracy(function: str, accuracy: Any) -> None:
    """Raise `TypeError` unless `accuracy` is one."""
    if accuracy is not None and not isinstance(accuracy, Tolerance | AccuracyMode):
        raise type_error(
            f"{function}: `accuracy` must be None, a `lax.Tolerance` or a "
            f"`lax.AccuracyMode`, got {accuracy!r}."
        )


def accuracy_attribute(accuracy: Tolerance | AccuracyMode) -> Any:
    """`result_accuracy` of StableHLO's elementary functions."""
    if isinstance(accuracy, AccuracyMode):
        return mlir.result_accuracy(0.0, 0.0, 0, accuracy.name)
    return mlir.result_accuracy(
        accuracy.atol, accuracy.rtol, accuracy.ulps, "TOLERANCE"
    )

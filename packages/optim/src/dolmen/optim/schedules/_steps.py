"""What schedules ask of numbers of steps, and of what happens there."""

from collections.abc import Mapping
from typing import Any

from dolmen.core import extend

from .._arguments import as_written, check_number, described


def check_steps(function: str, argument: str, steps: int) -> None:
    """Raise for a negative number of steps."""
    check_number(function, argument, steps)
    if steps < 0:
        function, argument = as_written(function, argument, steps)
        raise ValueError(
            extend.error_message(
                f"{function}: `{argument}` must not be negative, got {steps}."
            )
        )


def check_positive_steps(function: str, argument: str, steps: int) -> None:
    """Raise for a number of steps that is not positive."""
    check_number(function, argument, steps)
    if not steps > 0:
        function, argument = as_written(function, argument, steps)
        raise ValueError(
            extend.error_message(
                f"{function}: `{argument}` must be positive, got {steps}."
            )
        )


def sorted_factors(function: str, boundaries_and_scales: Any) -> list[tuple[Any, Any]]:
    """The items of `boundaries_and_scales` by rising boundary.

    Raises:
        TypeError: it is no mapping from numbers to numbers.
        ValueError: a factor is negative.
    """
    argument = "boundaries_and_scales"
    if boundaries_and_scales is None:
        return []
    if not isinstance(boundaries_and_scales, Mapping):
        raise TypeError(
            extend.error_message(
                f"{function}: `{argument}` must be a dict, got "
                f"{described(boundaries_and_scales)}.",
                "Write from which count which factor applies, such as "
                "`{1000: 0.1, 2000: 0.1}`.",
            )
        )
    for boundary, factor in boundaries_and_scales.items():
        check_number(function, f"a count in `{argument}`", boundary)
        check_number(function, f"{argument}[{boundary!r}]", factor)
    steps = sorted(boundaries_and_scales.items())
    negative = {boundary: factor for boundary, factor in steps if factor < 0}
    if negative:
        raise ValueError(
            extend.error_message(
                f"{function}: the factors in `{argument}` must not be negative, got "
                f"{negative}.",
            )
        )
    return steps

"""What schedules ask of numbers of steps."""

from dolmen.core import extend


def check_steps(function: str, argument: str, steps: int) -> None:
    """Raise for a negative number of steps."""
    if steps < 0:
        raise ValueError(
            extend.error_message(
                f"{function}: `{argument}` must not be negative, got {steps}."
            )
        )


def check_positive_steps(function: str, argument: str, steps: int) -> None:
    """Raise for a number of steps that is not positive."""
    if not steps > 0:
        raise ValueError(
            extend.error_message(
                f"{function}: `{argument}` must be positive, got {steps}."
            )
        )

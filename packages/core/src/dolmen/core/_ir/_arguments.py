"""Arguments that must be integers: sizes, axes, counts."""

import operator
from collections.abc import Iterable
from typing import Any

from ._dtypes import shown
from ._errors import type_error


def as_integer(function: str, argument: str, value: Any, fix: str = "") -> int:
    """A user's number of something.

    Args:
        fix: what to write instead, if there is more to say than how to make it one.

    Raises:
        TypeError: it is not an integer (or is a traced value).
    """
    try:
        return operator.index(value)
    except TypeError as error:
        if type(error) is not TypeError:  # a tracer says more
            raise
    raise type_error(
        f"{function}: `{argument}` must be an integer, got {shown(value)}.",
        fix or _rounded(value),
    )


def as_integers(
    function: str,
    argument: str,
    values: Any,
    default: tuple[int, ...] | None = None,
) -> tuple[int, ...]:
    """A user's sequence of sizes, axes or strides.

    Args:
        default: what None stands for, if it may be given.

    Raises:
        TypeError: one of them is not an integer (or is a traced value), or there is no
            sequence.
    """
    given: Any = default if values is None else values
    try:
        return tuple(map(operator.index, given))
    except TypeError as error:
        if type(error) is not TypeError:  # a tracer says more
            raise
    raise not_integers(function, argument, values)


def not_integers(function: str, argument: str, values: Any) -> TypeError:
    """The error for an argument that must be a sequence of integers."""
    if not isinstance(values, Iterable) or not getattr(values, "shape", (1,)):
        alone = f"Write `({values},)`." if isinstance(values, int) else ""
        return type_error(
            f"{function}: `{argument}` must be a sequence of integers, got "
            f"{shown(values)}.",
            alone or _rounded(values),
        )
    return type_error(
        f"{function}: `{argument}` must be integers, got {shown(values)}.",
        _rounded(*values),
    )


def _rounded(*values: Any) -> str:
    """What to write instead, where there are floating-point numbers."""
    return "Use `//` instead of `/`." if float in map(type, values) else ""

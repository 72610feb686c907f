"""What is asked of the values that transformations and schedules are made with.

Rules declare it in the types of their fields; `Rule` checks them as it is made, and so
at the user's line.
"""

import inspect
import sys
from types import FrameType
from typing import Annotated, Any

import dolmen.core.numpy as jnp
from dolmen.core import extend

from ._trees import type_or_none, type_text

_LONGEST_VALUE = 60


def check_number(function: str, argument: str, value: Any) -> None:
    """Raise unless a value is a number or an array of numbers.

    Raises:
        TypeError: it is not.
    """
    if type_or_none(value) is None:
        raise _wrong_kind(function, argument, "a number", value)


def check_numbers(function: str, **arguments: Any) -> None:
    """Raise unless all arguments are numbers or arrays of numbers.

    Raises:
        TypeError: one is not.
    """
    for argument, value in arguments.items():
        check_number(function, argument, value)


def check_number_or_schedule(function: str, argument: str, value: Any) -> None:
    """Raise unless a value is a number, or a function of one argument.

    Raises:
        TypeError: it is neither.
    """
    if callable(value):
        check_schedule(function, argument, value)
    elif type_or_none(value) is None:
        raise _wrong_kind(function, argument, "a number or a schedule", value)


def check_schedule(function: str, argument: str, value: Any) -> None:
    """Raise unless a value can be called with the count of steps alone.

    Raises:
        TypeError: it can't.
    """
    if not callable(value):
        raise _wrong_kind(
            function,
            argument,
            "a schedule",
            value,
            "Pass a function of the count of steps, such as `constant_schedule(0.1)`.",
        )
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # functions in C often have none
        return
    try:
        signature.bind(0)
    except TypeError:
        function, argument = as_written(function, argument, value)
        taken = f"({', '.join(signature.parameters)})"
        raise TypeError(
            extend.error_message(
                f"{function}: `{argument}` as a schedule must take one argument, the "
                f"count of steps done, got {described(value)} that takes {taken}.",
                "Functions that make schedules are to be called: "
                "`cosine_decay_schedule(0.1, decay_steps=1000)`.",
            )
        ) from None


def check_returned(function: str, argument: str, value: Any) -> None:
    """Raise unless what a schedule returned is a number.

    Raises:
        TypeError: it is not.
    """
    if type_or_none(value) is None:
        raise TypeError(
            extend.error_message(
                f"{function}: `{argument}` as a schedule must return a number, got "
                f"{described(value)}.",
                "It is called with the count of steps done, from 0 on.",
            )
        )


def check_broadcast_to_update(
    function: str, argument: str, value: Any, update: Any
) -> None:
    """Raise unless a factor keeps the shape of an update.

    Raises:
        ValueError: it has an axis that the update has not, or one of another size.
    """
    shape, sizes = jnp.shape(value), jnp.shape(update)
    fits = len(shape) <= len(sizes) and all(
        own in (1, size) for own, size in zip(shape[::-1], sizes[::-1], strict=False)
    )
    if not fits:
        raise ValueError(
            extend.error_message(
                f"{function}: `{argument}` must be a scalar, or broadcast to every "
                f"update, got {type_text(value)} for an update {type_text(update)}.",
                "To train with several at a time, use `vmap`.",
            )
        )


def check_decay(function: str, argument: str, value: Any) -> None:
    """Raise unless a value can be the decay of an average that begins at zero.

    Raises:
        TypeError: it is not a number.
        ValueError: it is a Python number outside ``[0, 1)``.
    """
    check_number(function, argument, value)
    if isinstance(value, int | float) and not 0 <= value < 1:
        raise _wrong_value(
            function,
            argument,
            "be at least 0 and less than 1",
            value,
            "It is the weight of the past in an average, such as 0.9.",
        )


def check_bound(function: str, argument: str, value: Any) -> None:
    """Raise unless a value can bound something from above.

    Raises:
        TypeError: it is not a number.
        ValueError: it is a negative Python number, or NaN.
    """
    check_number(function, argument, value)
    if isinstance(value, int | float) and not value >= 0:
        raise _wrong_value(function, argument, "not be negative", value)


def check_dtype(function: str, argument: str, value: Any) -> None:
    """Raise unless a value names a dtype, or is None.

    Raises:
        TypeError: it does not.
    """
    try:
        jnp.dtype("float32" if value is None else value)
    except TypeError:
        raise _wrong_kind(
            function,
            argument,
            "a dtype",
            value,
            "Pass a name such as 'float32' or a type such as jnp.bfloat16.",
        ) from None


def is_transformation(value: Any) -> bool:
    """Whether a value has the two functions, as `MultiSteps` has, too."""
    functions = (getattr(value, name, None) for name in ("init", "update"))
    return not isinstance(value, type) and all(map(callable, functions))


def no_transformation(function: str, argument: str, value: Any) -> TypeError:
    """The error for something else in the place of a transformation."""
    function, argument = as_written(function, argument, value)
    return TypeError(
        extend.error_message(
            f"{function}: {_quoted(argument)} must be a GradientTransformation, got "
            f"{described(value)}.",
            "Call the function that makes it: `chain(clip(1.0), adam(1e-3))`."
            if callable(value)
            else "Pass what such a function as `adam(1e-3)` returns.",
        )
    )


Number = Annotated[Any, check_number]
NumberOrSchedule = Annotated[Any, check_number_or_schedule]
Decay = Annotated[Any, check_decay]
Bound = Annotated[Any, check_bound]
Dtype = Annotated[Any, check_dtype]


def check_fields(function: str, owner: Any) -> None:
    """Check the fields of an object whose types say how, such as `Number`."""
    for name, kind in type(owner).__annotations__.items():
        for check in getattr(kind, "__metadata__", ()):
            check(function, name, getattr(owner, name))


def described(value: Any) -> str:
    """A value as messages show it: ``str '0.1'``, ``function adam``, ``f32[2]``."""
    if value is None:
        return "None"
    kind = type_text(value) if hasattr(value, "dtype") else type(value).__name__
    if inspect.isroutine(value) or isinstance(value, type):
        return f"{kind} {value.__qualname__}"
    text = repr(value) if isinstance(value, str | int | float | complex) else ""
    return f"{kind} {text}" if 0 < len(text) <= _LONGEST_VALUE else kind


def _wrong_kind(
    function: str, argument: str, wanted: str, value: Any, fix: str = ""
) -> TypeError:
    function, argument = as_written(function, argument, value)
    got = described(value)
    return TypeError(
        extend.error_message(
            f"{function}: {_quoted(argument)} must be {wanted}, got {got}.",
            fix,
        )
    )


def _wrong_value(
    function: str, argument: str, must: str, value: Any, fix: str = ""
) -> ValueError:
    function, argument = as_written(function, argument, value)
    text = f"{function}: `{argument}` must {must}, got {value}."
    return ValueError(extend.error_message(text, fix))


def _quoted(argument: str) -> str:
    """An argument as messages show it; a description stays as it is."""
    return argument if " " in argument else f"`{argument}`"


# ---- the names that the user wrote -------------------------------------------------


def as_written(function: str, argument: str, value: Any) -> tuple[str, str]:
    """The function that the user called with a value, and the argument it came as.

    Most optimizers hand their arguments on: ``sgd(momentum=m)`` makes a chain with
    ``trace(decay=m)``. Found by following the value outwards through the calls, so
    that the functions between need not know what names they are called by.

    Args:
        function: the one that asks.
        argument: of it.
        value: the very object.
    """
    user = extend.user_frame()
    frame, found = sys._getframe(1), False
    while frame is not None and not (user and frame.f_code is user[0]):
        if frame.f_globals is not globals():
            parameter = _parameter(frame, argument, value)
            if found and parameter is None:
                break
            if parameter is not None:
                function, argument, found = _called(frame), parameter, True
        frame = frame.f_back
    return function, argument


def _parameter(frame: FrameType, argument: str, value: Any) -> str | None:
    """Name of the parameter of a running function that holds a value, if it's clear."""
    code, local = frame.f_code, frame.f_locals
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    same = [name for name in names if name in local and local[name] is value]
    if argument in same:
        return argument
    return same[0] if len(same) == 1 else None


def _called(frame: FrameType) -> str:
    """The public name by which a running function was called, also if it's a class."""
    code = frame.f_code
    if code.co_name == "__init__":
        return type(frame.f_locals[code.co_varnames[0]]).__name__
    return code.co_qualname.split(".")[0]

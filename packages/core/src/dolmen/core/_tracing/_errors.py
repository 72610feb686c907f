"""Errors that only tracing can cause.

Programs may catch them to try something else, so their text, for which equations are
searched and source files parsed, is put together when somebody reads it.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any

from .._backend import flags
from .._ir import Frame, message, running_frame, user_frame


class TracingError(Exception):
    """Base of the errors whose text is computed at the first look.

    Args:
        text: the message, or a function that computes it.
    """

    def __init__(self, text: str | Callable[[], str] = "") -> None:
        super().__init__()
        self._text = text

    def __str__(self) -> str:
        if not isinstance(self._text, str):
            self._text = self._text()
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self),)


class ConcretizationTypeError(TracingError, TypeError):
    """A traced value was used where Python needs a concrete one."""


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value decided an `if`, `while`, `and`, `or` or `assert`."""


class TracerIntegerConversionError(ConcretizationTypeError):
    """A traced value was used as a Python integer, for example as an index or size."""


class TracerArrayConversionError(ConcretizationTypeError):
    """A traced value was handed to NumPy."""


class NonConcreteBooleanIndexError(TracingError, IndexError):
    """A traced boolean array selects a number of elements nobody knows yet."""


class NonConcreteSliceError(TracingError, IndexError):
    """A traced bound of a slice decides a size nobody knows yet."""


class UnexpectedTracerError(TracingError, RuntimeError):
    """A traced value was used after its function had returned."""


_CLASSES: dict[str, type[TracingError]] = {
    "bool": TracerBoolConversionError,
    "int": TracerIntegerConversionError,
    "array": TracerArrayConversionError,
    "mask": NonConcreteBooleanIndexError,
    "slice": NonConcreteSliceError,
}


def not_concrete(
    tracer: Any, wanted: str, call: str, instead: str = ""
) -> TracingError:
    """The error for a tracer used where a concrete value is needed.

    Args:
        wanted: as what: a `bool`, an `int` (or another Python number), a NumPy `array`,
            the `mask` of a boolean index, a bound of a `slice`.
        call: what needs it, for the message: `bool()`, ``zeros: `shape` ``.
        instead: what to write instead; by default it is read off the user's code.
    """
    if tracer.owner.finished:
        return leaked(tracer)
    from ._usage import explain_concretization

    frame = user_frame()
    modules = _modules_seen_by(frame) if wanted == "array" else {}
    return _CLASSES[wanted](
        lambda: explain_concretization(tracer, wanted, call, instead, frame, modules)
    )


def _modules_seen_by(frame: Frame | None) -> dict[str, Any]:
    """Global names of the user's module, and modules imported in his function."""
    running = running_frame(frame)
    if running is None:
        return {}
    inner = {n: v for n, v in running.f_locals.items() if isinstance(v, ModuleType)}
    return running.f_globals | inner if inner else running.f_globals


def check_leaks(trace: Any) -> None:
    """With `check_tracer_leaks`, raise if values of a finished trace are still held."""
    if flags.CHECK_TRACER_LEAKS.value:
        from ._leaks import check_survivors

        check_survivors(trace)


def leaked(tracer: Any) -> UnexpectedTracerError:
    """The error for a tracer that outlived its trace, or is hidden from a rule."""
    call = getattr(tracer.owner, "suspended", None)
    if call is not None:
        return closes_over(call.kind, call.name)
    from ._leaks import explain_leak

    return UnexpectedTracerError(explain_leak(tracer))


def closes_over(kind: str, name: str) -> UnexpectedTracerError:
    """The error for a function with a rule that uses a value being differentiated."""
    return UnexpectedTracerError(
        message(
            f"{kind} of {name}: the function closes over a value that is being "
            "differentiated, so its own rule would miss that derivative.",
            "Pass the value as an argument that is differentiated.",
        )
    )

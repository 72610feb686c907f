"""Errors that only tracing can cause.

Programs may catch them to try something else, so their text, for which equations are
searched and source files parsed, is put together when somebody reads it.
"""

from collections.abc import Callable
from types import ModuleType
from typing import Any, ClassVar

from .._backend import flags
from .._ir import Frame, message, running_frame, user_frame


class TracingError(Exception):
    """Base of the errors whose text is computed at the first look.

    Args:
        msg: the message, or a function that computes it.
    """

    def __init__(self, msg: str | Callable[[], str] = "") -> None:
        super().__init__()
        self._text = msg

    def __str__(self) -> str:
        if not isinstance(self._text, str):
            self._text = self._text()
        return self._text

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return _with_text, (type(self), str(self))


def _with_text(cls: type[TracingError], text: str) -> TracingError:
    made = cls.__new__(cls)
    TracingError.__init__(made, text)
    return made


class JAXTypeError(TracingError, TypeError):
    """Base of the errors of tracing that are type errors."""


class JAXIndexError(TracingError, IndexError):
    """Base of the errors of tracing that are index errors."""


class _NotConcreteError(TracingError):
    """Base of the errors for a tracer used where a concrete value is needed.

    Args:
        tracer: the value.
        context: what needs it: `bool()`, ``zeros: `shape` ``.
        instead: what to write instead; by default it is read off the user's code.
    """

    wanted: ClassVar[str]
    needed_by: ClassVar[str]

    def __init__(self, tracer: Any, context: str = "", instead: str = "") -> None:
        from ._usage import explain_concretization

        wanted, call = self.wanted, context or self.needed_by
        frame = user_frame()
        modules = _modules_seen_by(frame) if wanted in ("array", "number") else {}
        super().__init__(
            lambda: explain_concretization(
                tracer, wanted, call, instead, frame, modules
            )
        )


def _modules_seen_by(frame: Frame | None) -> dict[str, Any]:
    """Global names of the user's module, and modules imported in his function."""
    running = running_frame(frame)
    if running is None:
        return {}
    inner = {n: v for n, v in running.f_locals.items() if isinstance(v, ModuleType)}
    return running.f_globals | inner if inner else running.f_globals


class ConcretizationTypeError(_NotConcreteError, JAXTypeError):
    """A traced value was used where Python needs a concrete one."""

    wanted = "number"
    needed_by = "a Python value"


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value decided an `if`, `while`, `and`, `or` or `assert`."""

    wanted = "bool"
    needed_by = "bool()"


class TracerIntegerConversionError(ConcretizationTypeError):
    """A traced value was used as a Python integer, for example as an index or size."""

    wanted = "int"
    needed_by = "index"


class TracerArrayConversionError(ConcretizationTypeError):
    """A traced value was handed to NumPy."""

    wanted = "array"
    needed_by = "numpy.asarray()"


class NonConcreteBooleanIndexError(_NotConcreteError, JAXIndexError):
    """A traced boolean array selects a number of elements nobody knows yet."""

    wanted = "mask"
    needed_by = "boolean index"


class NonConcreteSliceError(_NotConcreteError, JAXIndexError):
    """A traced bound of a slice decides a size nobody knows yet."""

    wanted = "slice"
    needed_by = "slice"


class UnexpectedTracerError(JAXTypeError):
    """A traced value was used after its function had returned."""


_CLASSES: dict[str, type[_NotConcreteError]] = {
    "bool": TracerBoolConversionError,
    "int": TracerIntegerConversionError,
    "number": ConcretizationTypeError,
    "array": TracerArrayConversionError,
    "mask": NonConcreteBooleanIndexError,
    "slice": NonConcreteSliceError,
}


def not_concrete(
    tracer: Any, wanted: str, call: str, instead: str = ""
) -> TracingError:
    """The error for a tracer used where a concrete value is needed.

    Args:
        wanted: as what: a `bool`, an `int`, another Python `number`, a NumPy `array`,
            the `mask` of a boolean index, a bound of a `slice`.
        call: what needs it, for the message: `bool()`, ``zeros: `shape` ``.
        instead: what to write instead; by default it is read off the user's code.
    """
    if tracer.owner.finished:
        return leaked(tracer)
    return _CLASSES[wanted](tracer, call, instead)


def unhashable(tracer: Any) -> TracingError:
    """The error for a tracer that is looked for in a set, or used as a key."""
    if tracer.owner.finished:
        return leaked(tracer)
    frame = user_frame()
    return JAXTypeError(
        lambda: message(
            f"hash(): a traced value, {tracer.type!r}, can't be looked for in a set or "
            "be a key of a dict or cache: it is equal to others only when it runs.",
            "Use `jnp.isin(x, values)` for a set, `lax.switch` or an array to index "
            "for a dict, and leave traced values out of `functools.cache` and of "
            "static arguments.",
            frame=frame,
        )
    )


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

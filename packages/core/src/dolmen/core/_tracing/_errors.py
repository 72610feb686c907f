"""Errors that only tracing can cause."""

from typing import Any

from .._ir import describe, message


class ConcretizationTypeError(TypeError):
    """A traced value was used where Python needs a concrete one."""


class TracerBoolConversionError(ConcretizationTypeError):
    """A traced value decided an `if`, `while`, `and`, `or` or `assert`."""


class TracerIntegerConversionError(ConcretizationTypeError):
    """A traced value was used as a Python integer, for example as an index or size."""


class TracerArrayConversionError(ConcretizationTypeError):
    """A traced value was handed to NumPy."""


class NonConcreteBooleanIndexError(IndexError):
    """A traced boolean array selects a number of elements nobody knows yet."""


class UnexpectedTracerError(RuntimeError):
    """A traced value was used after its function had returned."""


def _origin(tracer: Any) -> str:
    """How a value of a recorded program came to be."""
    trace = tracer.owner
    equations = getattr(trace, "equations", ())
    for equation in equations:
        if any(output is tracer for output in equation.outputs):
            return f"result of {equation.primitive.name} at {describe(equation.frame)}"
    for index, variable in enumerate(getattr(trace, "inputs", ())):
        if variable is tracer:
            return (
                f"array argument number {index} of {trace.function or 'the function'}"
            )
    return "a value inside a transformation"


def leaked(tracer: Any) -> UnexpectedTracerError:
    """The error for a tracer that outlived its trace."""
    function = getattr(tracer.owner, "function", "") or "a transformed function"
    return UnexpectedTracerError(
        message(
            f"a traced value {tracer.type!r} was used after {function} had returned: "
            f"it leaked out through a global, an attribute or a closure. It is the "
            f"{_origin(tracer)}.",
            f"Return the value from {function} instead of storing it.",
        )
    )


_ADVICE = {
    "bool": (
        TracerBoolConversionError,
        "Use `jnp.where` or `lax.cond` instead of Python control flow, or make the "
        "argument it depends on static with `static_argnames`.",
    ),
    "int": (
        TracerIntegerConversionError,
        "Shapes and Python integers must be known while tracing: make the argument it "
        "depends on static with `static_argnames`, or keep the value in an array.",
    ),
    "array": (
        TracerArrayConversionError,
        "Use the function of `dolmen.core.numpy` instead of NumPy's, or move the NumPy "
        "call out of the transformed function.",
    ),
}


def not_concrete(tracer: Any, wanted: str, call: str) -> ConcretizationTypeError:
    """The error for a tracer used as a `bool`, `int` (or float) or NumPy `array`."""
    cls, advice = _ADVICE[wanted]
    function = getattr(tracer.owner, "function", "")
    inside = f" while tracing {function}" if function else " under a transformation"
    return cls(
        message(
            f"{call}: expected a concrete value, got the traced "
            f"{tracer.type!r}{inside}. It is the {_origin(tracer)}.",
            advice,
        )
    )

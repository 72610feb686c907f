"""Forward mode: values that carry a tangent."""

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

from .._ir import ArrayType, Primitive, Program
from .._tracing import (
    CustomCall,
    Trace,
    Tracer,
    enter,
    evaluate,
    record_closed,
    typeof,
)

# What `Trace.tracked` says of values with a derivative.
DIFFERENTIATED = (
    "is being differentiated",
    "Make the ref inside the differentiated function, or write "
    "`lax.stop_gradient(...)` of the value.",
)


class JvpTracer(Tracer):
    """A value and its tangent."""

    __slots__ = ("__weakref__", "owner", "primal", "tangent", "type")

    def __init__(self, trace: Trace, primal: Any, tangent: Any) -> None:
        self.owner = trace
        self.primal = primal
        self.tangent = tangent
        self.type = typeof(primal)

    def concrete(self) -> Any:
        primal = self.primal
        return primal.concrete() if isinstance(primal, Tracer) else primal

    def behind(self) -> Any:
        return self.primal


class JvpTrace(Trace):
    """Pushes tangents through; computes in its parent."""

    __slots__ = ("function", "parent", "suspended")

    tracked = DIFFERENTIATED

    def __init__(self, parent: Trace, function: str = "") -> None:
        self.parent = parent
        self.function = function
        self.staging = parent.staging
        self.finished = False
        self.suspended: CustomCall | None = None

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        primals, tangents = self._opened(args)
        if all(t is None for t in tangents):
            return self.parent.process(primitive, primals)
        types = tuple(typeof(p) for p in primals)
        tangent_types = tuple(None if t is None else typeof(t) for t in tangents)
        program, active = jvp_rule(primitive, types, tangent_types)
        previous = enter(self.parent)
        try:
            flat = evaluate(
                program, [*primals, *(t for t in tangents if t is not None)]
            )
        finally:
            enter(previous)
        outs, rest = flat[: len(active)], iter(flat[len(active) :])
        wrapped = [
            JvpTracer(self, out, next(rest)) if has_tangent else out
            for out, has_tangent in zip(outs, active, strict=True)
        ]
        return wrapped if primitive.multiple_results else wrapped[0]

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        primals, tangents = self._opened(args)
        with suspended(self, call):
            if all(t is None for t in tangents):
                return self.parent.process_custom(call, primals)
            outs, out_tangents = call.jvp(primals, tangents)
        return [
            out if tangent is None else JvpTracer(self, out, tangent)
            for out, tangent in zip(outs, out_tangents, strict=True)
        ]

    def _opened(self, args: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        """Primals and tangents of arguments."""
        primals, tangents = [], []
        for arg in args:
            if isinstance(arg, JvpTracer) and arg.owner is self:
                primals.append(arg.primal)
                tangents.append(arg.tangent)
            else:
                primals.append(arg)
                tangents.append(None)
        return primals, tangents


@contextlib.contextmanager
def suspended(trace: Any, call: CustomCall) -> Iterator[None]:
    """Run rules of `call` in the parent of `trace`, whose own values they may not use.

    Those would be taken for constants, and their derivative be lost.
    """
    previous = enter(trace.parent)
    trace.finished, trace.suspended = True, call
    try:
        yield
    finally:
        trace.finished, trace.suspended = False, None
        enter(previous)


def jvp_rule(
    primitive: Primitive,
    types: tuple[ArrayType, ...],
    tangent_types: tuple[ArrayType | None, ...],
) -> tuple[Program, tuple[bool, ...]]:
    """A primitive's `jvp` as a program, recorded once.

    Returns:
        The program from primals and non-zero tangents to results and their non-zero
        tangents; and which results have one.
    """
    key = ("jvp", types, tangent_types)
    found = primitive.derived.get(key)
    if found is not None:
        return found
    active: tuple[bool, ...] = ()

    def rule(*flat: Any) -> list[Any]:
        nonlocal active
        rest = iter(flat[len(types) :])
        tangents = [None if t is None else next(rest) for t in tangent_types]
        outs, out_tangents = primitive.jvp(flat[: len(types)], tangents)
        if not primitive.multiple_results:
            outs, out_tangents = [outs], [out_tangents]
        active = tuple(t is not None for t in out_tangents)
        for out, tangent in zip(outs, out_tangents, strict=True):
            if tangent is not None:
                _check_tangent(primitive, typeof(out), typeof(tangent))
        return [*outs, *(t for t in out_tangents if t is not None)]

    inputs = [*types, *(t for t in tangent_types if t is not None)]
    program = record_closed(rule, inputs)
    found = primitive.derived[key] = (program, active)
    return found


def _check_tangent(primitive: Primitive, out: ArrayType, tangent: ArrayType) -> None:
    if out.shape != tangent.shape or out.dtype != tangent.dtype:
        raise TypeError(
            f"{type(primitive).__name__}.jvp: the tangent of the result {out!r} must "
            f"have its shape and dtype, got {tangent!r}."
        )


def jvp_program(
    program: Program, active: tuple[bool, ...], instantiate: tuple[bool, ...] = ()
) -> tuple[Program, tuple[bool, ...]]:
    """Forward derivative of a whole program.

    Args:
        active: which inputs have a tangent.
        instantiate: which outputs must have one, zeros where it is known to vanish.

    Returns:
        The program from inputs and tangents to outputs and tangents; and which outputs
        have one.
    """
    key = ("jvp", active, instantiate)
    found = program.derived.get(key)
    if found is not None:
        return found
    out_active: tuple[bool, ...] = ()

    def differentiated(*flat: Any) -> list[Any]:
        nonlocal out_active
        from .._tracing import current_trace

        trace = JvpTrace(current_trace())
        rest = iter(flat[len(active) :])
        args = [
            JvpTracer(trace, primal, next(rest)) if has_tangent else primal
            for primal, has_tangent in zip(flat, active, strict=False)
        ]
        previous = enter(trace)
        try:
            results = evaluate(program, args)
        finally:
            enter(previous)
            trace.finished = True
        outs, tangents = [], []
        for index, result in enumerate(results):
            if isinstance(result, JvpTracer) and result.owner is trace:
                outs.append(result.primal)
                tangents.append(result.tangent)
            else:
                outs.append(result)
                wanted = instantiate and instantiate[index]
                tangents.append(zeros_for(typeof(result)) if wanted else None)
        out_active = tuple(t is not None for t in tangents)
        return [*outs, *(t for t in tangents if t is not None)]

    types = program.in_types
    tangents = [
        tangent_type(t)
        for t, has_tangent in zip(types, active, strict=True)
        if has_tangent
    ]
    made = record_closed(differentiated, [*types, *tangents])
    made.name = f"jvp_{program.name}" if program.name else "jvp"
    found = program.derived[key] = (made, out_active)
    return found


def with_tangents(
    flat: Sequence[Any], active: Sequence[bool]
) -> tuple[Sequence[Any], list[Any]]:
    """What the derivative of a program gives, as a `jvp` rule does.

    Args:
        flat: results, then the tangents of those that are active.
        active: which of them have a tangent.
    """
    rest = iter(flat[len(active) :])
    return flat[: len(active)], [next(rest) if on else None for on in active]


def tangent_type(type: ArrayType) -> ArrayType:
    """The type of tangents of values of `type`."""
    return type.strengthened()


def zeros_for(type: ArrayType) -> Any:
    """A zero tangent or cotangent, made explicit."""
    from .._ops._creation import full
    from .._ops._varying import vary

    zeros = full(type.shape, 0, type.dtype)
    return vary(zeros, type.varying) if type.varying else zeros

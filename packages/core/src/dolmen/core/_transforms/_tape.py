"""Differentiating while running: a tape of what was done, played either way."""

from collections.abc import Sequence
from typing import Any, Protocol

from .._ir import Frame, Primitive, Program, message, user_frame
from .._tracing import (
    CustomCall,
    RecordedTracer,
    RecordingTrace,
    Trace,
    Tracer,
    enter,
    evaluate,
    state,
    typeof,
)
from ._jvp import DIFFERENTIATED, suspended, tangent_type
from ._linearize import linearization
from ._transpose import accumulate, run_transposed


class LinearTracer(Tracer):
    """A value that varies with the inputs being differentiated.

    Attributes:
        key: stands for it on the tape, which keeps no values but residuals.
    """

    __slots__ = ("__weakref__", "key", "owner", "primal", "type")

    def __init__(self, trace: Trace, primal: Any) -> None:
        self.owner = trace
        self.key = object()
        self.primal = primal
        self.type = typeof(primal)

    def concrete(self) -> Any:
        primal = self.primal
        return primal.concrete() if isinstance(primal, Tracer) else primal

    def behind(self) -> Any:
        return self.primal


class LinearPart(Protocol):
    """The derivative of an operation, as a linear function of tangents."""

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
        """Tangents of the varying results, from those of the varying arguments."""
        ...

    def pull(
        self, residuals: Sequence[Any], given: tuple[bool, ...], cts: Sequence[Any]
    ) -> tuple[Sequence[Any], tuple[bool, ...]]:
        """Cotangents of varying arguments, and which have one.

        Args:
            residuals: values kept from the forward pass.
            given: which varying results have a cotangent.
            cts: those cotangents.
        """
        ...


class TapeEntry:
    """One operation that was run forward.

    Attributes:
        ins: keys of the varying arguments: of the tracers, or numbers instead of them.
        outs: keys of the varying results.
    """

    __slots__ = ("frame", "ins", "linear", "outs", "residuals")

    def __init__(
        self,
        linear: LinearPart,
        residuals: Sequence[Any],
        ins: Sequence[Any],
        outs: Sequence[Any],
        frame: Frame | None,
    ) -> None:
        self.linear = linear
        self.residuals = residuals
        self.ins = ins
        self.outs = outs
        self.frame = frame


class LinearizeTrace(Trace):
    """Runs operations forward in its parent and writes a tape of them."""

    __slots__ = ("function", "parent", "suspended", "tape")

    tracked = DIFFERENTIATED

    def __init__(self, parent: Trace, function: str = "") -> None:
        self.parent = parent
        self.function = function
        self.staging = parent.staging
        self.finished = False
        self.suspended: CustomCall | None = None
        self.tape: list[TapeEntry] = []

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        primals, ins, active = self._opened(args)
        if not ins:
            return self.parent.process(primitive, primals)
        types = tuple([typeof(p) for p in primals])
        made = linearization(primitive, types, tuple(active))
        frame = state.frame or user_frame()
        outer, state.frame = state.frame, frame
        previous = enter(self.parent)
        try:
            flat = evaluate(made.primal, primals)
        finally:
            enter(previous)
            state.frame = outer
        count = len(made.active_outs)
        results = self._write(made, made.active_outs, flat, flat[count:], ins, frame)
        return results if primitive.multiple_results else results[0]

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        primals, ins, active = self._opened(args)
        with suspended(self, call):
            if not ins:
                return self.parent.process_custom(call, primals)
            made = call.linearize(primals, tuple(active))
            if made is None:
                made = _linearized(call, self.parent, primals, active)
        frame = state.frame or user_frame()
        return self._write(
            made.linear, made.active_outs, made.outs, made.residuals, ins, frame
        )

    def frame_of(self, tracer: Any) -> Frame | None:
        for entry in self.tape:
            if tracer.key in entry.outs:
                return entry.frame
        return None

    def _opened(self, args: Sequence[Any]) -> tuple[list[Any], list[Any], list[bool]]:
        """Primals of all arguments, keys of those that vary, and which they are."""
        primals, ins, active = [], [], []
        for arg in args:
            mine = isinstance(arg, LinearTracer) and arg.owner is self
            active.append(mine)
            if mine:
                ins.append(arg.key)
                primals.append(arg.primal)
            else:
                primals.append(arg)
        return primals, ins, active

    def _write(
        self,
        linear: LinearPart,
        active_outs: Sequence[bool],
        outs: Sequence[Any],
        residuals: Sequence[Any],
        ins: Sequence[Any],
        frame: Frame | None,
    ) -> list[Any]:
        """Results as tracers where they vary, after writing the operation down."""
        results = [
            LinearTracer(self, out) if varies else out
            for out, varies in zip(outs, active_outs, strict=False)
        ]
        varying = [r.key for r, v in zip(results, active_outs, strict=True) if v]
        if varying:
            self.tape.append(TapeEntry(linear, residuals, ins, varying, frame))
        return results


def pull_back(tape: Sequence[TapeEntry], cotangents: dict[Any, Any]) -> dict[Any, Any]:
    """Cotangents of everything on the tape, from those of results; newest entry first.

    Args:
        cotangents: by key; entries are consumed as they are passed on.
    """
    outer = state.frame
    try:
        for entry in reversed(tape):
            given = tuple([out in cotangents for out in entry.outs])
            if True not in given:
                continue
            cts = [cotangents.pop(out) for out in entry.outs if out in cotangents]
            state.frame = entry.frame
            results, produced = entry.linear.pull(entry.residuals, given, cts)
            found = iter(results)
            for key, has_ct in zip(entry.ins, produced, strict=True):
                if has_ct:
                    accumulate(cotangents, key, next(found))
    finally:
        state.frame = outer
    return cotangents


def push_forward(tape: Sequence[TapeEntry], tangents: dict[Any, Any]) -> dict[Any, Any]:
    """Tangents of everything on the tape, from those of all its inputs."""
    outer = state.frame
    try:
        for entry in tape:
            state.frame = entry.frame
            ins = [tangents[key] for key in entry.ins]
            results = entry.linear.push(entry.residuals, ins)
            tangents.update(zip(entry.outs, results, strict=True))
    finally:
        state.frame = outer
    return tangents


# ---- calls with rules of their own ---------------------------------------------------


class LinearizedCall:
    """A `CustomCall` run forward, and its derivative there."""

    __slots__ = ("active_outs", "linear", "outs", "residuals")

    def __init__(
        self,
        outs: Sequence[Any],
        active_outs: Sequence[bool],
        linear: LinearPart,
        residuals: Sequence[Any],
    ) -> None:
        self.outs = outs
        self.active_outs = active_outs
        self.linear = linear
        self.residuals = residuals


class TangentTrace(Trace):
    """Records what depends on tangents; the rest runs in the parent."""

    __slots__ = ("linear", "parent")

    def __init__(self, parent: Trace, name: str) -> None:
        self.parent = parent
        self.staging = parent.staging
        self.finished = False
        self.linear = RecordingTrace(f"the rule of {name}")

    def is_tangent(self, value: Any) -> bool:
        """Whether `value` depends on a tangent."""
        return isinstance(value, RecordedTracer) and value.owner is self.linear

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        if any(map(self.is_tangent, args)):
            return self.linear.process(primitive, args)
        return self.parent.process(primitive, args)

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        if any(map(self.is_tangent, args)):
            return call.apply_to_tangents(args)
        previous = enter(self.parent)
        try:
            return self.parent.process_custom(call, args)
        finally:
            enter(previous)


class LinearProgram:
    """A linear part that was met once: its program is run without deriving others."""

    __slots__ = ("program",)

    def __init__(self, program: Program) -> None:
        self.program = program

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
        return evaluate(self.program, [*residuals, *tangents])

    def pull(
        self, residuals: Sequence[Any], given: tuple[bool, ...], cts: Sequence[Any]
    ) -> tuple[Sequence[Any], tuple[bool, ...]]:
        some = iter(cts)
        full = [next(some) if g else None for g in given]
        found = run_transposed(self.program, residuals, full)
        produced = tuple(ct is not None for ct in found)
        return [ct for ct in found if ct is not None], produced


def _linearized(
    call: CustomCall, parent: Trace, primals: Sequence[Any], active: Sequence[bool]
) -> LinearizedCall:
    """Run a forward rule on primals, with tangents that stand for any."""
    trace = TangentTrace(parent, call.name)
    tangents = [
        trace.linear.new_input(tangent_type(typeof(primal))) if varies else None
        for primal, varies in zip(primals, active, strict=True)
    ]
    previous = enter(trace)
    try:
        outs, out_tangents = call.jvp(primals, tangents)
    finally:
        enter(previous)
        trace.finished = True
    if any(map(trace.is_tangent, outs)):
        raise TypeError(
            message(
                f"{call.kind} of {call.name}: a result of the rule depends on "
                "tangents.",
                "Return `(results, tangents of the results)`, in this order.",
            )
        )
    # A tangent that depends on none of the arguments' is no linear function of them.
    active_outs = [trace.is_tangent(tangent) for tangent in out_tangents]
    varying = [t for t, a in zip(out_tangents, active_outs, strict=True) if a]
    program, residuals = trace.linear.finish(varying, call.name)
    return LinearizedCall(outs, active_outs, LinearProgram(program), residuals)

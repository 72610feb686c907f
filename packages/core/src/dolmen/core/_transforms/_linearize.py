"""Reverse mode: run forward keeping residuals, then transpose the linear rest.

A `Linearization` splits an operation at given argument types, with given arguments
varying, into a primal program that also returns residuals, and a linear program from
residuals and tangents to tangents. It is derived once for each (primitive, types) from
the primitive's `jvp` rule, or from a whole sub-program; afterwards, differentiating
costs the copying of finished equations.
"""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Equation,
    Frame,
    Linear,
    Literal,
    Primitive,
    Program,
    Variable,
    message,
    user_frame,
    without_dead_code,
)
from .._ops._arithmetic import add
from .._tracing import (
    RecordedTracer,
    RecordingTrace,
    Trace,
    Tracer,
    bind,
    enter,
    evaluate,
    record_closed,
    state,
    typeof,
)
from ._jvp import DIFFERENTIATED, jvp_rule, tangent_type, zeros_for

Transposed = tuple[Program, tuple[bool, ...]]


class Linearization:
    """An operation split into primal and linear parts.

    Attributes:
        primal: from the arguments to the results followed by the residuals.
        active_ins: which arguments vary.
        active_outs: which results vary with them.
    """

    def __init__(
        self,
        primal: Program,
        tangent: Callable[[], Program],
        transpose: Callable[[tuple[bool, ...]], Transposed],
        active_ins: tuple[bool, ...],
        active_outs: tuple[bool, ...],
    ) -> None:
        self.primal = primal
        self.active_ins = active_ins
        self.active_outs = active_outs
        self._make_tangent = tangent
        self._make_transposed = transpose
        self._tangent: Program | None = None
        self._transposed: dict[tuple[bool, ...], Transposed] = {}

    @property
    def num_residuals(self) -> int:
        """How many residuals follow the results of `primal`."""
        return len(self.primal.outputs) - len(self.active_outs)

    @property
    def residual_types(self) -> tuple[ArrayType, ...]:
        """Types of the residuals."""
        return self.primal.out_types[len(self.active_outs) :]

    @property
    def tangent(self) -> Program:
        """From residuals and tangents of the varying arguments to those of results."""
        if self._tangent is None:
            self._tangent = self._make_tangent()
        return self._tangent

    def transposed(self, given: tuple[bool, ...]) -> Transposed:
        """From residuals and cotangents to cotangents of the varying arguments.

        Args:
            given: which varying results have a cotangent.

        Returns:
            The program, and which varying arguments it gives a cotangent for.
        """
        found = self._transposed.get(given)
        if found is None:
            found = self._transposed[given] = self._make_transposed(given)
        return found


def linearization(
    primitive: Primitive, types: tuple[ArrayType, ...], active: tuple[bool, ...]
) -> Linearization:
    """The linearization of one operation, derived once."""
    key = ("linearization", types, active)
    found = primitive.derived.get(key)
    if found is None:
        found = primitive.linearize(types, active)
        if found is None:
            found = _from_rule(primitive, types, active)
        primitive.derived[key] = found
    return found


def _from_rule(
    primitive: Primitive, types: tuple[ArrayType, ...], active: tuple[bool, ...]
) -> Linearization:
    """Split a recorded `jvp` rule by what depends on tangents."""
    tangent_types = tuple(
        tangent_type(t) if a else None for t, a in zip(types, active, strict=True)
    )
    program, active_outs = jvp_rule(primitive, types, tangent_types)
    primal, tangent = split(program, len(types), len(active_outs))
    count = len(primal.outputs) - len(active_outs)
    return Linearization(
        primal,
        lambda: tangent,
        lambda given: transpose_program(tangent, count, given),
        active,
        active_outs,
    )


def split(program: Program, num_primals: int, num_outs: int) -> tuple[Program, Program]:
    """Separate a jvp program into its primal and its linear part.

    Args:
        num_primals: how many inputs are primals; the rest are tangents.
        num_outs: how many outputs are primal results; the rest are tangents.

    Returns:
        The primal program, whose outputs end with the residuals; and the linear one,
        whose inputs begin with them.
    """
    tangent_inputs = program.inputs[num_primals:]
    linear: set[Variable] = set(tangent_inputs)
    known, unknown = [], []
    for equation in program.equations:
        if linear.isdisjoint(equation.inputs):
            known.append(equation)
        else:
            unknown.append(equation)
            linear.update(equation.outputs)
    tangent_outs = program.outputs[num_outs:]
    residuals: dict[Variable, None] = {}
    unknown = list(
        without_dead_code(Program(program.inputs, unknown, tangent_outs)).equations
    )
    for atom in [a for e in unknown for a in e.inputs] + list(tangent_outs):
        if isinstance(atom, Variable) and atom not in linear:
            residuals[atom] = None
    primal = without_dead_code(
        Program(
            program.inputs[:num_primals],
            known,
            [*program.outputs[:num_outs], *residuals],
        )
    )
    return primal, Program([*residuals, *tangent_inputs], unknown, tangent_outs)


def transpose_program(
    program: Program, num_residuals: int, given: tuple[bool, ...]
) -> Transposed:
    """Transpose a program that is linear in its inputs after the residuals."""
    produced: tuple[bool, ...] = ()
    linear_inputs = program.inputs[num_residuals:]

    def backward(*flat: Any) -> list[Any]:
        nonlocal produced
        residuals, cts = flat[:num_residuals], iter(flat[num_residuals:])
        values: dict[Variable, Any] = dict(zip(program.inputs, residuals, strict=False))
        pending = _forward(program, set(linear_inputs), values)
        cotangents: dict[Variable, Any] = {}
        for atom, has_ct in zip(program.outputs, given, strict=True):
            if has_ct:
                ct = next(cts)
                if isinstance(atom, Variable) and atom not in values:
                    accumulate(cotangents, atom, ct)
        for equation in reversed(pending):
            _transpose_equation(equation, values, cotangents)
        found = [cotangents.get(variable) for variable in linear_inputs]
        produced = tuple(ct is not None for ct in found)
        return [ct for ct in found if ct is not None]

    ct_types = [
        tangent_type(t) for t, g in zip(program.out_types, given, strict=True) if g
    ]
    residual_types = program.in_types[:num_residuals]
    return record_closed(backward, [*residual_types, *ct_types]), produced


def _forward(
    program: Program, linear: set[Variable], values: dict[Variable, Any]
) -> list[Equation]:
    """Run what does not depend on linear inputs; return the equations that do."""
    pending = []
    for equation in program.equations:
        if not linear.isdisjoint(equation.inputs):
            linear.update(equation.outputs)
            pending.append(equation)
            continue
        inputs = [
            a.value if isinstance(a, Literal) else values[a] for a in equation.inputs
        ]
        results = bind(equation.primitive, *inputs)
        if not equation.primitive.multiple_results:
            results = [results]
        values.update(zip(equation.outputs, results, strict=True))
    return pending


def _transpose_equation(
    equation: Equation, values: dict[Variable, Any], cotangents: dict[Variable, Any]
) -> None:
    cts = [cotangents.pop(variable, None) for variable in equation.outputs]
    if all(ct is None for ct in cts):
        return
    args = [
        a.value
        if isinstance(a, Literal)
        else values[a]
        if a in values
        else Linear(a.type)
        for a in equation.inputs
    ]
    results = equation.primitive.transpose(cts, args)
    for atom, arg, ct in zip(equation.inputs, args, results, strict=True):
        if ct is not None and isinstance(arg, Linear):
            _check_cotangent(equation.primitive, arg.type, typeof(ct))
            accumulate(cotangents, atom, ct)


def _check_cotangent(primitive: Primitive, arg: ArrayType, ct: ArrayType) -> None:
    if arg.shape != ct.shape or arg.dtype != ct.dtype:
        raise TypeError(
            f"{type(primitive).__name__}.transpose: the cotangent of an argument "
            f"{arg!r} must have its shape and dtype, got {ct!r}."
        )


def accumulate(cotangents: dict[Any, Any], key: Any, ct: Any) -> None:
    """Add a cotangent to what has arrived for the same value."""
    have = cotangents.get(key)
    cotangents[key] = ct if have is None else add(have, ct)


# ---- differentiating while running ---------------------------------------------------


class LinearTracer(Tracer):
    """A value that varies with the inputs being differentiated."""

    __slots__ = ("__weakref__", "owner", "primal", "type")

    def __init__(self, trace: Trace, primal: Any) -> None:
        self.owner = trace
        self.primal = primal
        self.type = typeof(primal)

    def concrete(self) -> Any:
        primal = self.primal
        return primal.concrete() if isinstance(primal, Tracer) else primal

    def behind(self) -> Any:
        return self.primal


class TapeEntry:
    """One operation that was run forward."""

    __slots__ = ("frame", "ins", "linearization", "outs", "residuals")

    def __init__(
        self,
        linearization: Linearization,
        residuals: Sequence[Any],
        ins: Sequence[LinearTracer],
        outs: Sequence[LinearTracer],
        frame: Frame | None,
    ) -> None:
        self.linearization = linearization
        self.residuals = residuals
        self.ins = ins
        self.outs = outs
        self.frame = frame


class LinearizeTrace(Trace):
    """Runs operations forward in its parent and writes a tape of them."""

    __slots__ = ("function", "parent", "tape")

    tracked = DIFFERENTIATED

    def __init__(self, parent: Trace, function: str = "") -> None:
        self.parent = parent
        self.function = function
        self.staging = parent.staging
        self.finished = False
        self.tape: list[TapeEntry] = []

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        primals, ins, active = [], [], []
        for arg in args:
            mine = isinstance(arg, LinearTracer) and arg.owner is self
            active.append(mine)
            if mine:
                ins.append(arg)
                primals.append(arg.primal)
            else:
                primals.append(arg)
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
        results = [
            LinearTracer(self, out) if varies else out
            for out, varies in zip(flat, made.active_outs, strict=False)
        ]
        outs = [r for r, v in zip(results, made.active_outs, strict=True) if v]
        if outs:
            self.tape.append(TapeEntry(made, flat[count:], ins, outs, frame))
        return results if primitive.multiple_results else results[0]

    def frame_of(self, tracer: Tracer) -> Frame | None:
        for entry in self.tape:
            if any(out is tracer for out in entry.outs):
                return entry.frame
        return None


def pull_back(tape: Sequence[TapeEntry], cotangents: dict[Any, Any]) -> dict[Any, Any]:
    """Cotangents of everything on the tape, from those of results; newest entry first.

    Args:
        cotangents: by tracer; entries are consumed as they are passed on.
    """
    outer = state.frame
    try:
        for entry in reversed(tape):
            given = tuple([out in cotangents for out in entry.outs])
            if True not in given:
                continue
            cts = [cotangents.pop(out) for out in entry.outs if out in cotangents]
            state.frame = entry.frame
            program, produced = entry.linearization.transposed(given)
            results = iter(evaluate(program, [*entry.residuals, *cts]))
            for tracer, has_ct in zip(entry.ins, produced, strict=True):
                if has_ct:
                    accumulate(cotangents, tracer, next(results))
    finally:
        state.frame = outer
    return cotangents


def push_forward(tape: Sequence[TapeEntry], tangents: dict[Any, Any]) -> dict[Any, Any]:
    """Tangents of everything on the tape, from those of the inputs."""
    for entry in tape:
        ins = [
            tangents[tracer] if tracer in tangents else zeros_for(tracer.type)
            for tracer in entry.ins
        ]
        results = evaluate(entry.linearization.tangent, [*entry.residuals, *ins])
        tangents.update(zip(entry.outs, results, strict=True))
    return tangents


# ---- differentiating a program -------------------------------------------------------


def linearize_program(program: Program, active: tuple[bool, ...]) -> Linearization:
    """The linearization of a whole program, derived once."""
    key = ("linearization", active)
    found = program.derived.get(key)
    if found is None:
        found = program.derived[key] = _linearize_program(program, active)
    return found


def _linearize_program(program: Program, active: tuple[bool, ...]) -> Linearization:
    recording = RecordingTrace(program.name, with_frames=False)
    linearizing = LinearizeTrace(recording)
    primals = [recording.new_input(type) for type in program.in_types]
    args = [
        LinearTracer(linearizing, p) if a else p
        for p, a in zip(primals, active, strict=True)
    ]
    inputs = [arg for arg, a in zip(args, active, strict=True) if a]
    previous = enter(linearizing)
    try:
        results = evaluate(program, args)
    finally:
        enter(previous)
    linearizing.finished = True
    varies = tuple(isinstance(r, LinearTracer) for r in results)
    outs = [r.primal if v else r for r, v in zip(results, varies, strict=True)]
    tape = linearizing.tape
    residuals: dict[int, Any] = {
        id(value): value
        for entry in tape
        for value in entry.residuals
        if isinstance(value, RecordedTracer)
    }
    primal, captures = recording.finish([*outs, *residuals.values()], program.name)
    assert not captures, "a program refers to nothing outside itself"
    primal = without_dead_code(primal)
    residual_types = [value.type for value in residuals.values()]
    varying = [r for r, v in zip(results, varies, strict=True) if v]

    def substituted(values: Sequence[Any]) -> list[TapeEntry]:
        """The tape with `values` in the place of the residuals."""
        table = dict(zip(residuals, values, strict=True))
        return [
            TapeEntry(
                e.linearization,
                [table.get(id(value), value) for value in e.residuals],
                e.ins,
                e.outs,
                e.frame,
            )
            for e in tape
        ]

    def tangent() -> Program:
        def forward(*flat: Any) -> list[Any]:
            new_tape = substituted(flat[: len(residuals)])
            tangents = dict(zip(inputs, flat[len(residuals) :], strict=True))
            found = push_forward(new_tape, tangents)
            return [found[tracer] for tracer in varying]

        types = [tangent_type(tracer.type) for tracer in inputs]
        return record_closed(forward, [*residual_types, *types])

    def transposed(given: tuple[bool, ...]) -> Transposed:
        produced: tuple[bool, ...] = ()

        def backward(*flat: Any) -> list[Any]:
            nonlocal produced
            new_tape = substituted(flat[: len(residuals)])
            cts = iter(flat[len(residuals) :])
            cotangents: dict[Any, Any] = {}
            for tracer, has_ct in zip(varying, given, strict=True):
                if has_ct:
                    accumulate(cotangents, tracer, next(cts))
            found = pull_back(new_tape, cotangents)
            results = [found.get(tracer) for tracer in inputs]
            produced = tuple(ct is not None for ct in results)
            return [ct for ct in results if ct is not None]

        types = [
            tangent_type(tracer.type)
            for tracer, g in zip(varying, given, strict=True)
            if g
        ]
        program = record_closed(backward, [*residual_types, *types])
        return without_dead_code(program), produced

    return Linearization(primal, tangent, transposed, active, varies)


def not_reversible(primitive: Primitive, why: str, fix: str) -> TypeError:
    """The error for an operation without a reverse-mode derivative."""
    return TypeError(
        message(f"reverse-mode differentiation of {primitive.name}: {why}", fix)
    )

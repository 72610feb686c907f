"""A call of a program as one operation: what `jit` becomes inside a trace."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Equation, Linear, Primitive, Program, Variable
from .._tracing import bind
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    transpose_linearized,
    transpose_program,
    with_tangents,
)


class RunsProgram(Primitive):
    """Runs a program, `called`, on its arguments: types and effects are the program's.

    The program is the field `program`, unless a subclass says otherwise.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    @property
    def called(self) -> Program:
        return self.program  # type: ignore[attr-defined]

    @property
    def argument_types(self) -> Sequence[ArrayType]:
        return self.called.in_types

    @property
    def effects(self) -> frozenset[str]:
        return self.called.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        assert len(arg_types) == len(self.called.inputs), (arg_types, self.called)
        return self.called.out_types

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.inline(self.called, args)


class ProgramCall(RunsProgram):
    """A plain call; transformations make calls of other programs of it."""

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents)
        program, out_active = jvp_program(self.called, active)
        flat = call(program, [*primals, *(t for t in tangents if t is not None)])
        return with_tangents(flat, out_active)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        # A function's results are there afterwards; its arguments might not be.
        program = self.called
        lasting = (False,) * len(program.inputs) + (True,) * len(program.outputs)
        return call_linearization(linearize_program(program, active, lasting))

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        program, out_axes = batch_program(self.called, tuple(axes), size)
        return call(program, args), out_axes


class Jit(ProgramCall):
    """Calls `program`; lowered to a function of the module."""

    program: Program

    def fuses(self) -> bool:
        return self._each("fuses", lambda primitive: primitive.fuses())

    def reduces(self) -> bool:
        return self._each("reduces", lambda p: p.fuses() or p.reduces())

    def _each(self, what: str, holds: Callable[[Primitive], bool]) -> bool:
        """Whether it holds for all operations of the program; asked once of each."""
        known = self.program.derived.get(what)
        if known is None:
            known = all(holds(e.primitive) for e in self.program.equations)
            self.program.derived[what] = known
        return known

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        linear = [isinstance(arg, Linear) for arg in args]
        values = [
            arg for arg, is_linear in zip(args, linear, strict=True) if not is_linear
        ]
        reordered = _linear_last(self.program, linear)
        given = tuple(ct is not None for ct in cotangents)
        transposed, produced = transpose_program(reordered, len(values), given)
        cts = iter(
            call(transposed, [*values, *(ct for ct in cotangents if ct is not None)])
        )
        has_ct = iter(produced)
        return [next(cts) if is_lin and next(has_ct) else None for is_lin in linear]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.call(self.program, args)


def call(program: Program, args: Sequence[Any]) -> list[Any]:
    """Apply `program` as one operation in the current trace."""
    primitive = program.derived.get("call")
    if primitive is None:
        primitive = program.derived["call"] = Jit(program)
    return bind(primitive, *args)


def _linear_last(program: Program, linear: Sequence[bool]) -> Program:
    """`program` with its linear inputs after the others."""
    inputs = [v for v, is_lin in zip(program.inputs, linear, strict=True) if not is_lin]
    inputs += [v for v, is_lin in zip(program.inputs, linear, strict=True) if is_lin]
    return Program(inputs, program.equations, program.outputs, program.name)


def as_call(program: Program) -> Program:
    """A program whose only equation calls `program`.

    Outputs that are inputs of `program` are passed on outside the call.
    """
    inputs = [Variable(type) for type in program.in_types]
    outer: dict[Any, Any] = dict(zip(program.inputs, inputs, strict=True))
    inner_outs = [
        a for a in program.outputs if isinstance(a, Variable) and a not in outer
    ]
    inner_outs = list(dict.fromkeys(inner_outs))
    if not inner_outs and not program.effects:
        return Program(inputs, [], [outer.get(a, a) for a in program.outputs])
    inner = Program(program.inputs, program.equations, inner_outs, program.name)
    primitive = inner.derived["call"] = Jit(inner)
    results = [Variable(atom.type) for atom in inner_outs]
    outer.update(zip(inner_outs, results, strict=True))
    equation = Equation(primitive, inputs, results, None)
    return Program(inputs, [equation], [outer.get(a, a) for a in program.outputs])


def call_linearization(inner: Linearization) -> Linearization:
    """`inner` with each of its programs as one call."""

    def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        program, produced = inner.transposed(given)
        return as_call(program), produced

    return Linearization(
        as_call(inner.primal),
        lambda: as_call(inner.tangent),
        transposed,
        inner.active_ins,
        inner.active_outs,
    )

"""The linearization of a whole program, as of an operation."""

from collections.abc import Sequence
from typing import Any

from .._ir import Linear, Primitive, Program, keep_less, without_dead_code
from .._tracing import (
    RecordedTracer,
    RecordingTrace,
    enter,
    evaluate,
    record_closed,
    typeof,
)
from ._jvp import tangent_type, zeros_for
from ._linearize import Linearization, linearization
from ._tape import LinearizeTrace, LinearTracer, TapeEntry, pull_back, push_forward
from ._transpose import Transposed, accumulate


def linearize_program(
    program: Program, active: tuple[bool, ...], lasting: tuple[bool, ...] = ()
) -> Linearization:
    """The linearization of a whole program, derived once.

    Args:
        active: which arguments vary.
        lasting: which arguments, and then which results, are there for the linear part
            without being kept for it; none if empty.
    """
    key = ("linearization", active, lasting)
    found = program.derived.get(key)
    if found is None:
        found = program.derived[key] = _linearize_program(program, active, lasting)
    return found


def _linearize_program(
    program: Program, active: tuple[bool, ...], lasting: tuple[bool, ...]
) -> Linearization:
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
    primal, again = keep_less(without_dead_code(primal), len(outs), lasting)
    residual_types = again.in_types
    varying = [r for r, v in zip(results, varies, strict=True) if v]

    def substituted(kept: Sequence[Any]) -> list[TapeEntry]:
        """The tape with the residuals that follow from what is kept."""
        table = dict(zip(residuals, evaluate(again, kept), strict=True))
        return [
            TapeEntry(
                e.linear,
                [table.get(id(value), value) for value in e.residuals],
                e.ins,
                e.outs,
                e.frame,
            )
            for e in tape
        ]

    def tangent() -> Program:
        def forward(*flat: Any) -> list[Any]:
            new_tape = substituted(flat[: len(residual_types)])
            keys = [tracer.key for tracer in inputs]
            tangents = dict(zip(keys, flat[len(residual_types) :], strict=True))
            found = push_forward(new_tape, tangents)
            return [found[tracer.key] for tracer in varying]

        types = [tangent_type(tracer.type) for tracer in inputs]
        return record_closed(forward, [*residual_types, *types])

    def transposed(given: tuple[bool, ...]) -> Transposed:
        produced: tuple[bool, ...] = ()

        def backward(*flat: Any) -> list[Any]:
            nonlocal produced
            new_tape = substituted(flat[: len(residual_types)])
            cts = iter(flat[len(residual_types) :])
            cotangents: dict[Any, Any] = {}
            for tracer, has_ct in zip(varying, given, strict=True):
                if has_ct:
                    accumulate(cotangents, tracer.key, next(cts))
            found = pull_back(new_tape, cotangents)
            results = [found.get(tracer.key) for tracer in inputs]
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


def transpose_linearized(
    primitive: Primitive, cotangents: Sequence[Any], args: Sequence[Any]
) -> list[Any]:
    """A `transpose` rule for a primitive that has a `linearize` rule.

    A linear function is its own derivative, at every point: it is linearized at zero.
    """
    active = tuple(isinstance(arg, Linear) for arg in args)
    types = tuple(a.type if isinstance(a, Linear) else typeof(a) for a in args)
    made = linearization(primitive, types, active)
    point = [zeros_for(a.type) if isinstance(a, Linear) else a for a in args]
    residuals = evaluate(made.primal, point)[len(made.active_outs) :]
    varying = [ct for ct, a in zip(cotangents, made.active_outs, strict=True) if a]
    given = tuple(ct is not None for ct in varying)
    results, produced = made.pull(
        residuals, given, [ct for ct in varying if ct is not None]
    )
    found, has_ct = iter(results), iter(produced)
    return [next(found) if a and next(has_ct) else None for a in active]

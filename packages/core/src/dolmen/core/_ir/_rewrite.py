"""Rewrites of programs."""

from collections.abc import Sequence

from ._program import Atom, Equation, Program


def live_equations(program: Program) -> Sequence[Equation]:
    """The equations that an output or an effect depends on, in order; found once."""
    found = program.derived.get("live")
    if found is None:
        found = program.derived["live"] = _live_equations(program)
    return found


def _live_equations(program: Program) -> Sequence[Equation]:
    live: set[Atom] = set(program.outputs)
    kept = []
    for equation in reversed(program.equations):
        if not equation.primitive.effects and live.isdisjoint(equation.outputs):
            continue
        kept.append(equation)
        live.update(equation.inputs)
    kept.reverse()
    return kept


def without_dead_code(program: Program) -> Program:
    """`program` with only its live equations; its inputs stay."""
    equations = live_equations(program)
    if len(equations) == len(program.equations):
        return program
    return Program(program.inputs, equations, program.outputs, program.name)


def used_inputs(program: Program) -> list[bool]:
    """Which inputs something live depends on."""
    used: set[Atom] = set(program.outputs)
    for equation in live_equations(program):
        used.update(equation.inputs)
    return [variable in used for variable in program.inputs]

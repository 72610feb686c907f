"""Rewrites of programs."""

from collections.abc import Sequence

from ._program import Equation, Program, Variable


def live_equations(program: Program) -> Sequence[Equation]:
    """The equations that an output or an effect depends on, in order."""
    live = {atom for atom in program.outputs if isinstance(atom, Variable)}
    kept = []
    for equation in reversed(program.equations):
        if not equation.primitive.effects and live.isdisjoint(equation.outputs):
            continue
        kept.append(equation)
        live.update(atom for atom in equation.inputs if isinstance(atom, Variable))
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
    used = {atom for atom in program.outputs if isinstance(atom, Variable)}
    for equation in live_equations(program):
        used.update(atom for atom in equation.inputs if isinstance(atom, Variable))
    return [variable in used for variable in program.inputs]

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
    Atom,
    Equation,
    Primitive,
    Program,
    Variable,
    live_equations,
    without_dead_code,
)
from .._tracing import evaluate
from ._jvp import jvp_rule, tangent_type
from ._transpose import Transposed, transpose_program


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

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> Sequence[Any]:
        """Tangents of varying results, from those of varying arguments."""
        return evaluate(self.tangent, [*residuals, *tangents])

    def pull(
        self, residuals: Sequence[Any], given: tuple[bool, ...], cts: Sequence[Any]
    ) -> tuple[Sequence[Any], tuple[bool, ...]]:
        """Cotangents of varying arguments, and which have one."""
        program, produced = self.transposed(given)
        return evaluate(program, [*residuals, *cts]), produced


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
    # What follows cheaply from the results, the linear part computes again: results are
    # often kept anyway, as operands of the next product say.
    results = set(program.outputs[:num_outs]).difference(program.inputs)
    again = _cheap_consequences(known, results)
    whole = Program(program.inputs, [*again, *unknown], tangent_outs)
    unknown = live_equations(whole)
    linear.update(v for equation in again for v in equation.outputs)
    residuals: dict[Variable, None] = {}
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


def _cheap_consequences(
    equations: Sequence[Equation], results: set[Atom]
) -> list[Equation]:
    """The cheap equations that use nothing but results, and don't make them smaller."""
    known, found = set(results), []
    for equation in equations:
        used = [a for a in equation.inputs if isinstance(a, Variable)]
        if not (equation.primitive.cheap and used and known.issuperset(used)):
            continue
        (made,) = equation.outputs
        if made not in known and made.type.nbytes >= max(a.type.nbytes for a in used):
            found.append(equation)
            known.add(made)
    return found

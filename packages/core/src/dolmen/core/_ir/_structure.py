"""What a program computes, as a value that equal programs share."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from ._dtypes import kind
from ._primitive import Primitive
from ._program import Atom, Equation, Literal, Program


class Structures:
    """Numbers programs and operations so that equal ones get equal numbers.

    Two programs are equal when they apply equal primitives to equal values in the same
    order; names and source lines don't matter. Numbers are comparable within one
    `Structures` alone.
    """

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        # Keeps what is keyed by identity alive, so that no identity comes back.
        self._programs: dict[Program, int] = {}
        self._primitives: dict[Primitive, Hashable] = {}

    def _number(self, key: Hashable) -> int:
        return self._numbers.setdefault(key, len(self._numbers))

    def of_program(self, program: Program, equations: Sequence[Equation]) -> int:
        """The number of `program`, of which only `equations` count."""
        found = self._programs.get(program)
        if found is None:
            key = self._program_key(program, equations)
            found = self._programs[program] = self._number(key)
        return found

    def of_operation(self, equation: Equation) -> int:
        """The number of an equation's primitive, operand types and literals.

        Integers count by their types alone: a loop counter makes no other operation.
        """
        return self._number(
            (
                self._primitive_key(equation.primitive),
                *[
                    a.type
                    if type(a) is not Literal
                    else ("integer", a.type)
                    if is_integer(a)
                    else literal_key(a)
                    for a in equation.inputs
                ],
            )
        )

    def _program_key(self, program: Program, equations: Sequence[Equation]) -> Hashable:
        places: dict[Atom, int] = {v: i for i, v in enumerate(program.inputs)}
        parts: list[Hashable] = [tuple(v.type for v in program.inputs)]
        for equation in equations:
            operands = [
                literal_key(a) if type(a) is Literal else places[a]
                for a in equation.inputs
            ]
            parts.append((self._primitive_key(equation.primitive), *operands))
            for variable in equation.outputs:
                places[variable] = len(places)
        parts += [
            literal_key(a) if type(a) is Literal else places[a] for a in program.outputs
        ]
        return tuple(parts)

    def _primitive_key(self, primitive: Primitive) -> Hashable:
        """Equal for primitives that do the same, shared instances or not."""
        if primitive.interned:
            return primitive
        found = self._primitives.get(primitive)
        if found is None:
            fields = tuple(self._field_key(v) for v in primitive.params.values())
            found = self._primitives[primitive] = (type(primitive), fields)
        return found

    def _field_key(self, value: Any) -> Hashable:
        if isinstance(value, Program):
            return ("program", self.of_program(value, value.equations))
        if isinstance(value, tuple) and any(isinstance(v, Program) for v in value):
            return tuple(self._field_key(v) for v in value)
        return value


def is_integer(literal: Literal) -> bool:
    """Whether it is one of an integer dtype."""
    return kind(literal.type.dtype) in ("i", "u")


def literal_key(literal: Literal) -> Hashable:
    """Equal for literals of equal bits: 0.0 and -0.0 differ, NaN equals itself."""
    return literal.type, np.asarray(literal.value, literal.type.dtype).tobytes()

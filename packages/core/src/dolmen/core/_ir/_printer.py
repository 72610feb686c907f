"""Programs as text, close to what JAX prints."""

import string
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ._frames import Frame, describe, scope_of
from ._program import Atom, Equation, Literal, Program, Variable


class _Names:
    """Letters for variables in order of appearance: a, b, ..., z, ba, bb, ..."""

    def __init__(self) -> None:
        self._names: dict[Variable, str] = {}

    def __call__(self, atom: Atom) -> str:
        if isinstance(atom, Literal):
            return f"{_scalar(atom.value)}:{atom.type!r}"
        if atom not in self._names:
            self._names[atom] = _letters(len(self._names))
        return self._names[atom]

    def typed(self, atom: Atom) -> str:
        return f"{self(atom)}:{atom.type!r}"


def _letters(number: int) -> str:
    text = ""
    while True:
        number, digit = divmod(number, 26)
        text = string.ascii_lowercase[digit] + text
        if number == 0:
            return text


def _scalar(value: Any) -> str:
    if isinstance(value, np.ndarray | np.generic):
        return str(value.item()) if value.ndim == 0 else "<array>"
    return str(value)


def format_program(
    program: Program, *, source: bool = False, scopes: bool = False
) -> str:
    """The program as indented text.

    Args:
        source: append the user's line to every equation.
        scopes: append the names of the scopes around every equation.
    """
    notes: list[Callable[[Frame], str]] = []
    if source:
        notes.append(describe)
    if scopes:
        notes.append(scope_of)
    return "\n".join(_lines(program, _Names(), notes))


def format_equation(equation: Equation) -> str:
    """One equation as text, its variables named by themselves."""
    return "\n".join(_equation_lines(equation, _Names(), ()))


# What is appended to an equation, from its frame.
_Notes = Sequence[Callable[[Frame], str]]


def _lines(program: Program, names: _Names, notes: _Notes) -> list[str]:
    inputs = " ".join(names.typed(v) for v in program.inputs)
    lines = [f"{{ lambda {inputs} ." if inputs else "{ lambda ."]
    for index, equation in enumerate(program.equations):
        head = "  let " if index == 0 else "      "
        body = _equation_lines(equation, names, notes)
        lines += [head + body[0], *("      " + line for line in body[1:])]
    outputs = ", ".join(names(v) for v in program.outputs)
    trailing = "," if len(program.outputs) == 1 else ""
    lines.append(f"  in ({outputs}{trailing}) }}")
    return lines


def _equation_lines(equation: Equation, names: _Names, notes: _Notes) -> list[str]:
    inputs = " ".join(names(v) for v in equation.inputs)
    outputs = " ".join(names.typed(v) for v in equation.outputs)
    params, nested = [], []
    for key, value in equation.params.items():
        if isinstance(value, Program):
            nested.append((key, (value,)))
        elif isinstance(value, tuple) and value and isinstance(value[0], Program):
            nested.append((key, value))
        elif value is not None and not callable(value):
            params.append(f"{key}={value}")
    text = f"{outputs} = " if outputs else ""
    text += equation.primitive.name
    if params or nested:
        text += f"[{' '.join(params)}"
    lines = [text]
    for key, programs in nested:
        for program in programs:
            inner = _lines(program, _Names(), notes)
            lines.append(f"  {key}={inner[0]}")
            lines += ["  " + line for line in inner[1:]]
    if params or nested:
        if nested:
            lines.append("]")
        else:
            lines[-1] += "]"
    if inputs:
        lines[-1] += f" {inputs}"
    if equation.frame is not None:
        found = filter(None, [note(equation.frame) for note in notes])
        lines[-1] += "".join(f"  # {text}" for text in found)
    return lines

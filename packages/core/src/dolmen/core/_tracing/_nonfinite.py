"""`debug_nans` and `debug_infs`: find the operation that made a NaN or an infinity.

A compiled call is checked by its results alone. If one is bad, the program is run
again, operation by operation, and the bad value followed back to the first operation
that had none among its operands; where that is a loop or a call, so is the program
inside it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._backend import flags
from .._ir import (
    Equation,
    Frame,
    Literal,
    Program,
    describe,
    live_equations,
    message,
    source_of,
    user_frame,
)
from ._trace import entering, state
from ._values import typeof


def check_results(program: Program, args: Sequence[Any], outs: Sequence[Any]) -> None:
    """Raise if a result of a compiled call has what the settings look for.

    Args:
        args: what it was called with, captures first.

    Raises:
        FloatingPointError: one has; the message says where it was made.
    """
    kind = next(filter(None, map(_fault, outs)), None)
    if kind is None:
        return
    name = program.name or "the function"
    if any(getattr(arg, "is_deleted", bool)() for arg in args):
        raise FloatingPointError(
            message(
                f"invalid value ({kind}) encountered in the result of {name}, whose "
                "arguments were donated, so that it can't be run again.",
                "Compile it without donation to see which operation made it.",
            )
        )
    nans = flags.DEBUG_NANS.swap_local(False)
    infs = flags.DEBUG_INFS.swap_local(False)
    from ._eager import EAGER

    try:
        with entering(EAGER):
            _Search(kind).within(program, args, ())
    except _Found as found:
        raise FloatingPointError(found.text) from None
    finally:
        flags.DEBUG_NANS.swap_local(nans)
        flags.DEBUG_INFS.swap_local(infs)
    raise FloatingPointError(
        message(
            f"invalid value ({kind}) encountered in the result of {name}, but in no "
            "operation when they are run one by one.",
            "The compiler computes it in another order or precision: look for terms "
            "that cancel or overflow.",
        )
    )


def _fault(value: Any) -> str | None:
    """`nan` or `inf`, if the value has one that is looked for."""
    if flags.DEBUG_NANS.value and _has(value, "nan"):
        return "nan"
    if flags.DEBUG_INFS.value and _has(value, "inf"):
        return "inf"
    return None


_TESTS = {"nan": np.isnan, "inf": np.isinf}


def _has(value: Any, kind: str) -> bool:
    return typeof(value).is_differentiable and bool(_TESTS[kind](_host(value)).any())


def _host(value: Any) -> np.ndarray:
    if isinstance(value, _backend.ArrayImpl):
        return _backend.host_value(value)
    return np.asarray(value)


class _Found(Exception):
    """Ends the search."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class _Search:
    """The search for one kind of bad value."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    def within(
        self, program: Program, args: Sequence[Any], places: tuple[str, ...]
    ) -> None:
        """Run `program` one operation at a time; raise `_Found` if that shows a fault.

        Args:
            places: the loops and calls around it, innermost first.
        """
        from ._eager import EAGER

        values: dict[Any, Any] = dict(zip(program.inputs, args, strict=True))
        makers: dict[Any, Equation] = {}
        for equation in live_equations(program):
            if not equation.outputs:
                continue  # only effects, which have happened
            operands = [_value(atom, values) for atom in equation.inputs]
            results = EAGER.process(equation.primitive, operands)
            if not equation.primitive.multiple_results:
                results = [results]
            values.update(zip(equation.outputs, results, strict=True))
            makers.update(dict.fromkeys(equation.outputs, equation))
        for atom in program.outputs:
            if _has(_value(atom, values), self.kind):
                self._follow(program, atom, values, makers, places)

    def _follow(
        self,
        program: Program,
        atom: Any,
        values: dict[Any, Any],
        makers: dict[Any, Equation],
        places: tuple[str, ...],
    ) -> None:
        while atom in makers:
            equation = makers[atom]
            operands = [_value(a, values) for a in equation.inputs]
            source = next(
                (
                    a
                    for a, value in zip(equation.inputs, operands, strict=True)
                    if _has(value, self.kind)
                ),
                None,
            )
            if source is None:
                self._descend(equation, operands, places)
                results = [values[output] for output in equation.outputs]
                raise _Found(self._made(equation, operands, results, places))
            atom = source
        if not places:
            raise _Found(self._given(program, atom, _value(atom, values)))

    def _descend(
        self, equation: Equation, operands: Sequence[Any], places: tuple[str, ...]
    ) -> None:
        """Look into the programs of an operation made of programs."""
        operation, line = equation.primitive.name, describe(_frame(equation))

        def run(program: Program, args: Sequence[Any], place: str = "") -> list[Any]:
            from ._eager import run_program

            outs, _ = run_program(program, args, [])
            if any(_has(out, self.kind) for out in outs):
                called = f" of {program.name}" if program.name and not place else ""
                around = f"{place} of {operation}" if place else f"{operation}{called}"
                self.within(program, args, (f"{around} at {line}", *places))
            return outs

        equation.primitive.replay(operands, run)

    # ---- what it says ----

    def _made(
        self,
        equation: Equation,
        operands: Sequence[Any],
        results: Sequence[Any],
        places: tuple[str, ...],
    ) -> str:
        bad = next(value for value in results if _has(value, self.kind))
        where = np.argwhere(_TESTS[self.kind](_host(bad)))[0]
        index = tuple(where.tolist())
        lines = [
            f"  operand {number}: {_shown(value, bad, index)}"
            for number, value in enumerate(operands)
        ]
        lines.append(f"  result: {_shown(bad, bad, index)}")
        lines += [f"  in {place}" for place in places]
        frame = _frame(equation)
        source = source_of(frame)
        if source:
            lines.insert(0, f"  `{source:.80}`")
        return message(
            f"invalid value ({self.kind}) encountered in {equation.primitive.name}, "
            "whose operands have none.",
            "\n".join([*lines, self._advice(operands)]),
            frame=frame,
        )

    def _advice(self, operands: Sequence[Any]) -> str:
        if self.kind == "nan" and any(_has(value, "inf") for value in operands):
            return "An operand is infinite: `debug_infs` shows where that comes from."
        return (
            "Keep the operand in the domain of the operation. To mask it, apply "
            "`jnp.where` to the operand, not to the result, so that derivatives stay "
            "finite too."
        )

    def _given(self, program: Program, atom: Any, value: Any) -> str:
        """For a value that was bad before the call."""
        arguments, captures = program.derived.get("arguments", (None, 0))
        order = {variable: i for i, variable in enumerate(program.inputs)}
        position = order.get(atom, -1) - captures
        if isinstance(atom, Literal):
            what = "a constant of the function"
        elif position < 0:
            what = "a value that the function closes over"
        elif arguments is None:
            what = f"array argument number {position}"
        else:
            what = str(arguments(program.inputs[captures:])[position])
        where = np.argwhere(_TESTS[self.kind](_host(value)))[0]
        name = program.name or "a call"
        return message(
            f"invalid value ({self.kind}) encountered in {name}: "
            f"it came in with {what}.",
            f"  {_shown(value, value, tuple(where.tolist()))}",
        )


def _frame(equation: Equation) -> Frame | None:
    return equation.frame or state.frame or user_frame()


def _value(atom: Any, values: dict[Any, Any]) -> Any:
    return atom.value if isinstance(atom, Literal) else values[atom]


def _shown(value: Any, bad: Any, index: tuple[int, ...]) -> str:
    """Type and some elements; the one that corresponds to the first bad one."""
    host = _host(value)
    type = typeof(value)
    if not type.shape:
        return f"{type!r} = {host}"
    text = np.array2string(host, threshold=6, edgeitems=2, precision=6)
    text = " ".join(text.split())
    found = f"{type!r} = {text:.80}"
    if type.shape == typeof(bad).shape:
        found += f", {host[index]} at {list(index)}"
    return found

"""The trace that writes operations down: tracers are the program's variables."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._backend import flags, host_value, rarer_collections
from .._ir import (
    ArrayType,
    Atom,
    Equation,
    Frame,
    Literal,
    Primitive,
    Program,
    Variable,
    check,
    infer_types,
    message,
    user_frame,
)
from ._errors import check_leaks, leaked
from ._refs import Cell, present, unexpected_read, unexpected_write
from ._trace import CustomCall, Trace, Tracer, aligned, enter, state
from ._values import as_array, device_array, typeof

if TYPE_CHECKING:
    from ._history import Argument  # loaded when a message needs it

# From the inputs of a trace to what each of them is in the user's call.
Describe = Callable[[Sequence[Any]], "list[Argument]"]

_PYTHON_SCALARS = (bool, int, float, complex)


class RecordedTracer(Variable, Tracer):
    """A variable of the program being recorded."""

    __slots__ = ("__weakref__", "owner")

    def __init__(self, type: ArrayType, trace: "RecordingTrace") -> None:
        self.type = type
        self.owner = trace

    def __repr__(self) -> str:
        return Tracer.__repr__(self)

    def __str__(self) -> str:
        return Tracer.__str__(self)


class Recorded(RecordedTracer):
    """What tracers of a finished trace become: variables, and no values any more.

    So they are compared as such, for example looked for in a list, and tell programs'
    tables apart by identity.
    """

    __slots__ = ()

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> Any:
        if isinstance(other, Variable | Literal):
            return self is other
        return super().__eq__(other)

    def __ne__(self, other: object) -> Any:
        if isinstance(other, Variable | Literal):
            return self is not other
        return super().__ne__(other)

    __repr__ = __str__ = Variable.__repr__


class RecordingTrace(Trace):
    """Appends an equation for every operation.

    Values from outside become captures: leading inputs of the program whose values the
    caller passes. Python and NumPy scalars become literals.

    Attributes:
        function: name of the traced function, for messages.
        with_frames: record the user's line of each equation.
        arguments: describes the inputs, for messages.
        cells: present value here of each mutable array from outside that was used.
    """

    __slots__ = (
        "arguments",
        "captures",
        "cells",
        "equations",
        "function",
        "inputs",
        "with_frames",
    )

    keeps_cells = True

    def __init__(
        self,
        function: str = "",
        *,
        with_frames: bool = True,
        arguments: Describe | None = None,
    ) -> None:
        self.staging = True
        self.finished = False
        self.function = function
        self.with_frames = with_frames
        self.arguments = arguments
        self.equations: list[Equation] = []
        self.inputs: list[RecordedTracer] = []
        self.captures: dict[int, tuple[Any, RecordedTracer]] = {}
        self.cells: dict[Cell, Any] = {}

    def new_input(self, type: ArrayType) -> RecordedTracer:
        """A new argument of the program."""
        made = RecordedTracer(type, self)
        self.inputs.append(made)
        return made

    def lift(self, value: Any) -> Atom:
        """`value` as an atom of this program."""
        if isinstance(value, Tracer):
            if value.owner is self:
                assert isinstance(value, RecordedTracer)
                return value
            if value.owner.finished and id(value) not in state.revived:
                raise leaked(value)
            return self._capture(value, value)
        if isinstance(value, _PYTHON_SCALARS):
            return Literal(value, typeof(value))
        if isinstance(value, np.generic) or (
            isinstance(value, np.ndarray) and value.ndim == 0
        ):
            return Literal(value, typeof(value))
        unwrapped = as_array(value)
        if unwrapped is not value:
            return self.lift(unwrapped)
        return self._capture(value, None)

    def expect(self, values: Sequence[Any]) -> None:
        """Make `values` the first captures."""
        for value in values:
            if isinstance(value, Cell):
                self.cell_value(value)
            else:
                self._capture(value, value)

    def _capture(self, value: Any, ready: Any) -> RecordedTracer:
        found = self.captures.get(id(value))
        if found is None:
            type = typeof(value)
            kept = device_array(value) if ready is None else ready
            # The first element also keeps `value` alive, so its id stays unique.
            found = self.captures[id(value)] = (
                (kept, value),
                RecordedTracer(type, self),
            )
        return found[1]

    def process_custom(self, call: CustomCall, args: Sequence[Any]) -> Sequence[Any]:
        return call.record(args)

    def cell_value(self, cell: Cell) -> Any:
        """The present value here of a mutable array from outside."""
        if cell not in self.cells:
            self.cells[cell] = RecordedTracer(cell.type, self)
            self.captures[id(cell)] = ((cell, cell), self.cells[cell])
        return self.cells[cell]

    def written_cells(self) -> list[Cell]:
        """The mutable arrays from outside that the function has written to."""
        return [c for c, v in self.cells.items() if self.captures[id(c)][1] is not v]

    def frame(self) -> Frame | None:
        """The line to record now."""
        if state.frame is not None:
            return state.frame
        return user_frame() if self.with_frames else None

    def process(self, primitive: Primitive, args: Sequence[Any]) -> Any:
        if self.finished:
            raise leaked(next(a for a in args if isinstance(a, Tracer)))
        inputs = [
            a if type(a) is RecordedTracer and a.owner is self else self.lift(a)
            for a in args
        ]
        types = tuple([a.type for a in inputs])
        out_types = primitive.inferred.get(types)
        if out_types is None:
            out_types = primitive.inferred[types] = infer_types(primitive, types)
        outputs = [RecordedTracer(t, self) for t in out_types]
        self.equations.append(Equation(primitive, inputs, outputs, self.frame()))
        return outputs if primitive.multiple_results else outputs[0]

    def inline(self, program: Program, args: Sequence[Any]) -> list[Any]:
        """Append a program's equations, applied to `args`, without inferring again."""
        values: dict[Atom, Any] = {}
        for variable, arg in zip(program.inputs, args, strict=True):
            atom = self.lift(arg)
            if atom.type is not variable.type:
                return evaluate_by_binding(program, args)
            values[variable] = atom
        frame = self.frame()
        append = self.equations.append
        for equation in program.equations:
            outputs = []
            for variable in equation.outputs:
                made = values[variable] = RecordedTracer(variable.type, self)
                outputs.append(made)
            append(
                Equation(
                    equation.primitive,
                    [values.get(a, a) for a in equation.inputs],
                    outputs,
                    equation.frame or frame,
                )
            )
        found = (values.get(a, a) for a in program.outputs)
        return [a.value if type(a) is Literal else a for a in found]

    def finish(self, outputs: Sequence[Any], name: str) -> tuple[Program, list[Any]]:
        """Close the program: its captures come first among the inputs.

        Returns:
            The program, and the values of its captures.
        """
        atoms = [self.lift(value) for value in outputs]
        self.finished = True
        captured = list(self.captures.values())
        # Tracers know their trace, a cycle: what it keeps waits for the collector.
        self.captures = {}
        inputs = [variable for _, variable in captured] + self.inputs
        for variable in inputs:
            variable.__class__ = Recorded
        for equation in self.equations:
            for variable in equation.outputs:
                variable.__class__ = Recorded
        program = Program(inputs, self.equations, atoms, name)
        return program, [kept for (kept, _), _ in captured]


def record(
    function: Callable[..., Sequence[Any]],
    in_types: Sequence[ArrayType],
    *,
    name: str = "",
    with_frames: bool = True,
    arguments: Describe | None = None,
    closed_over: Sequence[Any] = (),
) -> tuple[Program, list[Any]]:
    """Trace a function of flat arrays to a program.

    Args:
        function: takes one tracer for each of `in_types`, returns a sequence of values.
        arguments: describes the tracers, for messages.
        closed_over: values that the function may refer to, dead tracers among them;
            the first captures, whether it does or not.

    Returns:
        The program and the values of its captures, which are its leading inputs.

    Raises:
        ValueError: the function writes to a mutable array from outside.
    """
    program, captures, written = record_stateful(
        function,
        in_types,
        name=name,
        with_frames=with_frames,
        arguments=arguments,
        closed_over=closed_over,
    )
    if written:
        raise unexpected_write(written[0], name)
    return program, present(captures) if captures else captures


def record_stateful(
    function: Callable[..., Sequence[Any]],
    in_types: Sequence[ArrayType],
    *,
    name: str = "",
    with_frames: bool = True,
    arguments: Describe | None = None,
    closed_over: Sequence[Any] = (),
) -> tuple[Program, list[Any], list[Cell]]:
    """`record` for a function that may write to mutable arrays from outside.

    Returns:
        The program; its captures, where a mutable array (`Cell`) stands for the value
        it has before a call; and those arrays that the program writes to: their last
        values are its last results.
    """
    trace = RecordingTrace(name, with_frames=with_frames, arguments=arguments)
    inputs = [trace.new_input(type) for type in in_types]
    previous = enter(trace)
    outer_frame, state.frame = state.frame, None
    outer_revived = state.revived
    if closed_over:
        state.revived = outer_revived.union(map(id, closed_over))
        trace.expect(closed_over)
    try:
        with rarer_collections:
            outputs = function(*inputs)
            written = trace.written_cells() if trace.cells else []
            finals = [trace.cells[cell] for cell in written]
            program, captures = trace.finish([*outputs, *finals], name)
    finally:
        state.frame = outer_frame
        state.revived = outer_revived
        trace.finished = True
        enter(previous)
    if arguments is not None:
        program.derived["arguments"] = (arguments, len(captures))
    if with_frames:
        check_leaks(trace)
    if flags.ENABLE_CHECKS.value:
        check(program)
    return program, captures, written


def record_closed(
    function: Callable[..., Sequence[Any]],
    in_types: Sequence[ArrayType],
    *,
    closed_over: Sequence[Any] = (),
) -> Program:
    """Trace a rule: its equations carry no lines, arrays it closes over are written in.

    Args:
        closed_over: values that it closes over and that become its leading inputs.

    Raises:
        TypeError: the rule closes over another traced value.
        ValueError: the rule writes to a ref, or reads another one.
    """
    program, captures, written = record_stateful(
        function, in_types, with_frames=False, closed_over=closed_over
    )
    if written:
        raise unexpected_write(written[0], "a derivative rule")
    return closed(program, captures, len(closed_over))


def closed(program: Program, captures: Sequence[Any], first: int = 0) -> Program:
    """A rule's program with the arrays that it closes over written in.

    Args:
        first: how many of its captures stay inputs.

    Raises:
        TypeError: the rule closes over a traced value.
        ValueError: the rule reads a ref.
    """
    captures = captures[first:]
    if not captures:
        return program
    for value in captures:
        if isinstance(value, Cell):
            raise unexpected_read(value)
        if isinstance(value, Tracer):
            raise TypeError(
                message(
                    f"a derivative rule closes over the traced value {value.type!r}.",
                    "Pass the value as an argument of the function instead.",
                )
            )
    written: dict[Atom, Atom] = {
        variable: Literal(host_value(value), variable.type)
        for variable, value in zip(program.inputs[first:], captures, strict=False)
    }
    equations = [
        Equation(e.primitive, [written.get(a, a) for a in e.inputs], e.outputs, e.frame)
        for e in program.equations
    ]
    outputs = [written.get(a, a) for a in program.outputs]
    inputs = [variable for variable in program.inputs if variable not in written]
    return Program(inputs, equations, outputs, program.name)


def evaluate(program: Program, args: Sequence[Any]) -> list[Any]:
    """Run a program's equations in the current trace."""
    trace = state.trace
    if isinstance(trace, RecordingTrace):
        return trace.inline(program, args)
    return evaluate_by_binding(program, args)


def evaluate_by_binding(program: Program, args: Sequence[Any]) -> list[Any]:
    """`evaluate`, letting the current trace interpret each equation."""
    values: dict[Atom, Any] = dict(zip(program.inputs, args, strict=True))
    process = state.trace.process
    outer = state.frame
    try:
        for equation in program.equations:
            if equation.frame is not None:
                state.frame = equation.frame
            inputs = [
                a.value if type(a) is Literal else values[a] for a in equation.inputs
            ]
            results = process(equation.primitive, aligned(equation.primitive, inputs))
            if equation.primitive.multiple_results:
                values.update(zip(equation.outputs, results, strict=True))
            else:
                values[equation.outputs[0]] = results
    finally:
        state.frame = outer
    return [a.value if type(a) is Literal else values[a] for a in program.outputs]

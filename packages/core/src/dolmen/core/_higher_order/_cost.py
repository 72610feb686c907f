"""What a program costs, by line of the user's source: work, traffic, memory.

All numbers are those of the program as it is written: one operation after the other,
each reading its operands and writing its result. The compiler fuses operations, so what
runs moves fewer bytes and keeps fewer of them.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Equation,
    Frame,
    Literal,
    Primitive,
    Program,
    live_equations,
    subprograms,
)
from ._cond import Cond
from ._scan import Scan
from ._shard_map import ShardMap
from ._while import While

# Operations that only move data: they have no work to count.
_MOVES = frozenset(
    {
        "bitcast_convert_type",
        "broadcast_in_dim",
        "concatenate",
        "dynamic_slice",
        "dynamic_update_slice",
        "gather",
        "iota",
        "optimization_barrier",
        "pad",
        "reshape",
        "rev",
        "slice",
        "split",
        "squeeze",
        "transpose",
    }
)
# Of their first operand they read only what they return.
_READS_PART = frozenset({"dynamic_slice", "gather", "slice"})


class Value:
    """A value of a program whose calls are written out."""

    __slots__ = ("type",)

    def __init__(self, type: ArrayType) -> None:
        self.type = type


@dataclasses.dataclass(frozen=True)
class Step:
    """An equation of such a program; literals are left out of `inputs`."""

    equation: Equation
    inputs: Sequence[Value]
    outputs: Sequence[Value]
    frame: Frame | None

    @property
    def primitive(self) -> Primitive:
        """The operation."""
        return self.equation.primitive

    @property
    def traffic(self) -> int:
        """Bytes that it reads and writes."""
        written = sum(v.type.nbytes for v in self.outputs)
        read = [v.type.nbytes for v in self.inputs]
        if read and self.primitive.name in _READS_PART:
            read[0] = min(read[0], written)
        return sum(read) + written


@dataclasses.dataclass
class Cost:
    """Sums over the operations of a line.

    Attributes:
        flops: floating-point operations.
        bytes: read and written.
        results: bytes of the results.
        peak: bytes of results alive when the program needs most memory.
    """

    flops: int = 0
    bytes: int = 0
    results: int = 0
    peak: int = 0


@dataclasses.dataclass
class Analysis:
    """Costs of a program.

    Attributes:
        lines: by the user's line, None for what has none.
        arguments: bytes of the arguments.
        peak: most bytes alive at once beside the arguments.
        uncounted: names of operations whose work is not modelled.
        loops: names of the kinds of loop in it.
    """

    lines: dict[Frame | None, Cost]
    arguments: int
    peak: int
    uncounted: set[str]
    loops: set[str]


def analyse(program: Program) -> Analysis:
    """Costs of `program` by line."""
    most, alive = peak(program)
    arguments = sum(t.nbytes for t in program.in_types)
    found = Analysis({}, arguments, most, set(), set())
    _count(program, None, 1, found)
    for frame, size in alive.items():
        found.lines.setdefault(frame, Cost()).peak += size
    return found


# ---- work and traffic ----------------------------------------------------------------


def _count(program: Program, outer: Frame | None, times: int, into: Analysis) -> None:
    for step in _steps(program, outer):
        primitive = step.primitive
        if _is_loop(primitive):
            if not isinstance(primitive, Cond | ShardMap):
                into.loops.add(primitive.name)
            for inner, count in _runs(primitive):
                _count(inner, step.frame, times * count, into)
            continue
        work = primitive.cost([atom.type for atom in step.equation.inputs])
        if work is None:
            work = 0
            if primitive.name not in _MOVES:
                into.uncounted.add(primitive.name)
        cost = into.lines.setdefault(step.frame, Cost())
        cost.flops += times * work
        cost.bytes += times * step.traffic
        cost.results += times * sum(v.type.nbytes for v in step.outputs)


def _is_loop(primitive: Primitive) -> bool:
    """Whether its programs stay apart, because they run repeatedly or perhaps not."""
    return isinstance(primitive, Scan | While | Cond | ShardMap)


def _runs(primitive: Primitive) -> Iterator[tuple[Program, int]]:
    """The programs that a loop or branch runs, and how often."""
    if isinstance(primitive, Scan):
        yield primitive.program, primitive.length
    elif isinstance(primitive, While):
        yield primitive.condition, 1
        yield primitive.body, 1
    elif isinstance(primitive, Cond):
        yield max(primitive.branches, key=_work), 1
    elif isinstance(primitive, ShardMap):
        sizes = primitive.mesh.shape
        yield primitive.program, math.prod(sizes[name] for name in primitive.axes)


def _work(program: Program) -> int:
    found = Analysis({}, 0, 0, set(), set())
    _count(program, None, 1, found)
    return sum(cost.flops for cost in found.lines.values())


def _steps(program: Program, outer: Frame | None) -> list[Step]:
    """The live equations, with calls replaced by what they call."""
    steps: list[Step] = []
    _write_out(program, [Value(t) for t in program.in_types], outer, steps)
    return steps


def _write_out(
    program: Program,
    args: Sequence[Value | None],
    outer: Frame | None,
    steps: list[Step],
) -> list[Value | None]:
    """Append the steps of a program applied to `args`; returns its results."""
    values: dict[Any, Value | None] = dict(zip(program.inputs, args, strict=True))
    for equation in live_equations(program):
        frame = equation.frame or outer
        inputs = [
            None if isinstance(a, Literal) else values[a] for a in equation.inputs
        ]
        called = equation.primitive.called
        if called is not None:
            outputs = _write_out(called, inputs, frame, steps)
        else:
            made = [Value(v.type) for v in equation.outputs]
            known = [v for v in inputs if v is not None]
            steps.append(Step(equation, known, made, frame))
            outputs = [*made]
        values.update(zip(equation.outputs, outputs, strict=True))
    return [None if isinstance(a, Literal) else values[a] for a in program.outputs]


# ---- memory --------------------------------------------------------------------------

Alive = dict[Frame | None, int]


def peak(program: Program, outer: Frame | None = None) -> tuple[int, Alive]:
    """The most bytes alive at once beside the arguments, and which lines made them.

    A value lives from the operation that makes it to the last one that reads it. Inside
    a loop or branch its own values come on top of those around it.
    """
    args: list[Value | None] = [Value(t) for t in program.in_types]
    steps: list[Step] = []
    results = _write_out(program, args, outer, steps)
    last: dict[Any, int] = {v: i for i, s in enumerate(steps) for v in s.inputs}
    last.update((v, len(steps)) for v in results if v is not None)
    inside = [_inside(step) for step in steps]
    most, where = 0, -1
    for index, (total, _) in enumerate(_alive(steps, last)):
        if total + inside[index][0] > most:
            most, where = total + inside[index][0], index
    if where < 0:
        return 0, {}
    # A second time up to there: to list what is alive at every step takes too long.
    _, owned = next(itertools.islice(_alive(steps, last), where, None))
    alive = dict(inside[where][1])
    for value, frame in owned.items():
        alive[frame] = alive.get(frame, 0) + value.type.nbytes
    return most, alive


def _alive(
    steps: Sequence[Step], last: dict[Any, int]
) -> Iterator[tuple[int, dict[Value, Frame | None]]]:
    """Bytes of the values alive during each step, and the values with their lines."""
    owned: dict[Value, Frame | None] = {}
    total = 0
    for index, step in enumerate(steps):
        for value in step.outputs:
            owned[value] = step.frame
            total += value.type.nbytes
        yield total, owned
        for value in {*step.inputs, *step.outputs}:
            if last.get(value, index) <= index and value in owned:
                del owned[value]
                total -= value.type.nbytes


def _inside(step: Step) -> tuple[int, Alive]:
    found: tuple[int, Alive] = (0, {})
    if _is_loop(step.primitive):
        for inner in subprograms(step.equation):
            found = max(found, peak(inner, step.frame), key=lambda pair: pair[0])
    return found

"""Finding the blocks that a program repeats, as a Python loop over layers leaves them.

A loop over equal layers records the same operations again and again. Lowered as they
stand, the compiler works on every copy, which is most of the time that users wait. So a
run of equations that repeats becomes a function of the module, lowered once and called
for each repetition.

Repetitions are found by the operations alone: as a period in the sequence of
(primitive, operand types, literals). They are used where the dataflow inside the block
is the same each time as well. What a block reads from outside becomes a parameter, and
so do integers that are not the same each time, as a loop counter is. What anything
outside reads of it becomes a result.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np

from .._ir import (
    Atom,
    Equation,
    Literal,
    Program,
    Structures,
    Variable,
    is_integer,
    literal_key,
    live_equations,
)
from ._blocks import BlockCall, Step, hand_on_less

# Smaller blocks, or fewer of them, compile faster in place.
MIN_BLOCK = 24
MIN_REPETITIONS = 3
_WINDOW = 12  # operations that make a place recognizable
_CANDIDATES = 6  # periods that are tried


def steps(program: Program, structures: Structures) -> Sequence[Step]:
    """The live equations of `program`, with repeated blocks as calls."""
    found = program.derived.get("steps")
    if found is None:
        found = program.derived["steps"] = _steps(program, structures)
    return found


_Rewrite = Callable[[Sequence[Equation], Sequence[Atom]], Sequence[Equation]]
_rewrite: _Rewrite = lambda equations, outputs: equations  # noqa: E731


def set_rewrite(function: _Rewrite) -> None:
    """What brings the live equations of a program into a form that compiles well.

    Args:
        function: from equations, in order, and the results of the program.
    """
    global _rewrite
    _rewrite = function


def _steps(program: Program, structures: Structures) -> Sequence[Step]:
    equations = _rewrite(live_equations(program), program.outputs)
    if len(equations) < MIN_BLOCK * MIN_REPETITIONS:
        return equations
    operations = _operations(equations, structures)
    made: list[Step] = []
    done = 0
    for start, period, count in _periodic_runs(operations):
        calls = _block_calls(program, equations, start, period, count)
        if calls is not None:
            begin, calls_made = calls
            made += equations[done:begin]
            made += calls_made
            done = begin + len(calls_made) * period
    return hand_on_less([*made, *equations[done:]], program) if made else equations


def _operations(equations: Sequence[Equation], structures: Structures) -> np.ndarray:
    """A number for each equation: equal operations have equal ones, effects never."""
    return np.array(
        [
            -1 - index if e.primitive.effects else structures.of_operation(e)
            for index, e in enumerate(equations)
        ],
        np.int64,
    )


# ---- periods -------------------------------------------------------------------------


def _periodic_runs(operations: np.ndarray) -> list[tuple[int, int, int]]:
    """Disjoint runs `(start, period, repetitions)`, in order."""
    runs = [
        (start, period, count)
        for period in _candidate_periods(operations)
        for start, count in _runs_of_period(operations, period)
    ]
    # What saves most equations first; of equal ones the shorter period.
    runs.sort(key=lambda run: (-(run[2] - 1) * run[1], run[1]))
    chosen: list[tuple[int, int, int]] = []
    for start, period, count in runs:
        end = start + period * count
        if all(end <= s or start >= s + p * c for s, p, c in chosen):
            chosen.append((start, period, count))
    return sorted(chosen)


def _candidate_periods(operations: np.ndarray) -> list[int]:
    """Distances at which the same few operations come again most often."""
    count = len(operations) - _WINDOW + 1
    hashes = np.zeros(count, np.uint64)
    with np.errstate(over="ignore"):
        for offset in range(_WINDOW):
            hashes *= np.uint64(0x9E3779B97F4A7C15)
            hashes ^= operations[offset : offset + count].astype(np.uint64)
            hashes += hashes >> np.uint64(29)
    order = np.argsort(hashes, kind="stable")
    ranked = hashes[order]
    distances = np.diff(order)[ranked[1:] == ranked[:-1]]
    if not len(distances):
        return []
    # A short period is one of its multiples too, of which the first is long enough.
    distances *= -(-MIN_BLOCK // distances)
    values, counts = np.unique(distances, return_counts=True)
    often = np.argsort(-counts, kind="stable")[:_CANDIDATES]
    return sorted(values[often].tolist())


def _runs_of_period(operations: np.ndarray, period: int) -> Iterator[tuple[int, int]]:
    """Maximal runs that repeat with `period`: `(start, repetitions)`."""
    if len(operations) <= period:
        return
    same = np.concatenate(
        [[False], operations[:-period] == operations[period:], [False]]
    )
    edges = np.flatnonzero(np.diff(same.astype(np.int8)))
    for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
        repetitions = (end - start) // period + 1
        if repetitions >= MIN_REPETITIONS:
            yield start, repetitions


# ---- from a run to calls -------------------------------------------------------------


def _block_calls(
    program: Program,
    equations: Sequence[Equation],
    start: int,
    period: int,
    count: int,
) -> tuple[int, list[BlockCall]] | None:
    """Where the repetitions with equal inner dataflow begin, and a call for each."""
    copies = [
        equations[start + period * i : start + period * (i + 1)] for i in range(count)
    ]
    links = [_inner_links(copy) for copy in copies]
    first, last = _longest_equal_stretch(links)
    if last - first < MIN_REPETITIONS:
        return None
    copies, inner = copies[first:last], links[first]
    reads = [_operands(copy) for copy in copies]
    # Operands that are the same in every repetition are one parameter.
    parameters: dict[tuple[Any, ...], _Parameter] = {}
    for place, link in enumerate(inner):
        if link is None:
            column = [operands[place] for operands in reads]
            key = tuple(literal_key(a) if type(a) is Literal else a for a in column)
            if type(column[0]) is not Literal or len(set(key)) > 1:
                parameters.setdefault(key, _Parameter(column, [])).places.append(place)
    results = _read_outside(program, equations, copies, start + period * first)
    chosen = list(parameters.values())
    block = _block(copies[0], [parameter.places for parameter in chosen], results)
    calls = []
    for index, copy in enumerate(copies):
        made = [v for equation in copy for v in equation.outputs]
        calls.append(
            BlockCall(
                block,
                [parameter.values[index] for parameter in chosen],
                [made[place] for place in results],
            )
        )
    return start + period * first, calls


class _Parameter(NamedTuple):
    """What a block is given: for each repetition a value, read at some places."""

    values: Sequence[Atom]
    places: list[int]


def _operands(copy: Sequence[Equation]) -> list[Atom]:
    """What may differ from one repetition to the next: all but floats and flags."""
    return [atom for e in copy for atom in e.inputs if _may_differ(atom)]


def _may_differ(atom: Atom) -> bool:
    return type(atom) is not Literal or is_integer(atom)


def _inner_links(copy: Sequence[Equation]) -> tuple[int | None, ...]:
    """For each operand, which result of the block it is; None if it is from outside."""
    made: dict[Atom, int] = {}
    links = []
    for equation in copy:
        links += [made.get(a) for a in equation.inputs if _may_differ(a)]
        for variable in equation.outputs:
            made[variable] = len(made)
    return tuple(links)


def _longest_equal_stretch(values: Sequence[Any]) -> tuple[int, int]:
    """The longest range of equal neighbors."""
    best, begin = (0, 0), 0
    for index in range(1, len(values) + 1):
        if index == len(values) or values[index] != values[begin]:
            best = max(best, (begin, index), key=lambda r: r[1] - r[0])
            begin = index
    return best


def _read_outside(
    program: Program,
    equations: Sequence[Equation],
    copies: Sequence[Sequence[Equation]],
    start: int,
) -> list[int]:
    """Which results of the block something outside it reads, in any repetition."""
    period = len(copies[0])
    places: dict[Atom, tuple[int, int]] = {}
    for index, copy in enumerate(copies):
        made = [v for equation in copy for v in equation.outputs]
        places.update((v, (index, place)) for place, v in enumerate(made))
    read: set[int] = set()
    for position in range(start, len(equations)):
        here = (position - start) // period
        for atom in equations[position].inputs:
            found = places.get(atom)
            if found is not None and found[0] != here:
                read.add(found[1])
    read.update(places[a][1] for a in program.outputs if a in places)
    return sorted(read)


def _block(
    copy: Sequence[Equation], parameters: Sequence[list[int]], results: Sequence[int]
) -> Program:
    """The block as a program of its own, from its first repetition."""
    operands = _operands(copy)
    inputs = [Variable(operands[places[0]].type) for places in parameters]
    from_outside = {
        place: variable
        for variable, places in zip(inputs, parameters, strict=True)
        for place in places
    }
    inner: dict[Atom, Variable] = {}
    made: list[Variable] = []
    body, place = [], 0
    for equation in copy:
        atoms: list[Atom] = []
        for atom in equation.inputs:
            given = from_outside.get(place) if _may_differ(atom) else None
            place += _may_differ(atom)
            is_same = type(atom) is Literal  # in each repetition, or it were given
            atoms.append(given or (atom if is_same else inner[atom]))
        outputs = [Variable(v.type) for v in equation.outputs]
        inner.update(zip(equation.outputs, outputs, strict=True))
        made += outputs
        body.append(Equation(equation.primitive, atoms, outputs, equation.frame))
    return Program(inputs, body, [made[i] for i in results], "block")

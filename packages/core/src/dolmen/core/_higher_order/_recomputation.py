"""Splitting a program by a policy: what to keep of it, and how to get the rest."""

import dataclasses
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._ir import ArrayType, Atom, Equation, Program, Variable, used_inputs
from .._ops._marks import InMemory
from .._tracing import evaluate, record_closed
from .._transforms import zeros_for
from ._call import Jit
from ._checkpoint_policies import Offloadable, Policy, decide, nothing_saveable
from ._cond import Cond, assign_slots
from ._forward_rule import ForwardRule
from ._scan import Scan
from ._scan_reverse import stacked_type


class Split(NamedTuple):
    """A program in two parts.

    Attributes:
        forward: the program, whose results are followed by the values to keep.
        again: from the kept values, then the arguments that `takes` marks, to the
            results that were wanted.
        takes: which arguments of the program are needed again.
        num_kept: how many values are kept.
    """

    forward: Program
    again: Program
    takes: tuple[bool, ...]
    num_kept: int


def split(program: Program, wanted: tuple[bool, ...], policy: Policy) -> Split:
    """Split `program` so that the wanted results can be had again.

    Only what these need is computed again, inside of calls and loops too, and only that
    is kept which saves some of the work.

    Args:
        wanted: which results are needed again.
    """
    key = ("split", wanted, policy)
    found = program.derived.get(key)
    if found is None:
        found = program.derived[key] = _split(program, wanted, policy)
    return found


def without_dead_results(program: Program) -> tuple[Program, tuple[bool, ...]]:
    """`program` without what its results don't need, inside of calls and loops too.

    Returns:
        The program, and which of the inputs it still takes.
    """
    part = split(program, (True,) * len(program.outputs), nothing_saveable)
    return part.again, part.takes


def _split(program: Program, wanted: tuple[bool, ...], policy: Policy) -> Split:
    results = [o for o, w in zip(program.outputs, wanted, strict=True) if w]
    needed: set[Atom] = set(results)
    forward: list[Equation] = []
    again: list[Equation] = []
    kept: list[Variable] = []
    # From the last equation to the first, so that it is known what is needed.
    for equation in reversed(program.equations):
        used = tuple(output in needed for output in equation.outputs)
        if True not in used and not equation.primitive.effects:
            forward.append(equation)
            continue
        part = _split_equation(equation, used, policy)
        forward += reversed(part.forward)
        again += reversed(part.again)
        kept += part.kept
        needed.update(atom for made in part.again for atom in made.inputs)
    forward.reverse()
    again.reverse()
    repeated = Program(program.inputs, again, results)
    takes = tuple(used_inputs(repeated))
    taken = [v for v, take in zip(program.inputs, takes, strict=True) if take]
    outputs = [*program.outputs, *kept]
    return Split(
        Program(program.inputs, forward, outputs, program.name),
        Program([*kept, *taken], again, results, program.name),
        takes,
        len(kept),
    )


class _Part(NamedTuple):
    """What an equation becomes in the first computation and in the second."""

    forward: Sequence[Equation]
    again: Sequence[Equation]
    kept: Sequence[Variable]


def _split_equation(
    equation: Equation, used: tuple[bool, ...], policy: Policy
) -> _Part:
    primitive = equation.primitive
    if isinstance(primitive, Jit):
        return _split_call(equation, primitive, used, policy)
    if isinstance(primitive, Scan):
        return _split_scan(equation, primitive, used, policy)
    if isinstance(primitive, Cond):
        return _split_cond(equation, primitive, used, policy)
    if isinstance(primitive, ForwardRule):
        count = len(primitive.program.outputs)
        if not any(used[count:]):
            outputs = equation.outputs[:count]
            made = Jit(primitive.program)
            again = Equation(made, equation.inputs, outputs, equation.frame)
            return _Part([equation], [again], [])
    decision = decide(policy, primitive, [atom.type for atom in equation.inputs])
    outputs = [o for o, u in zip(equation.outputs, used, strict=True) if u]
    if decision is True:
        return _Part([equation], [], outputs)
    if decision is False:
        return _Part([equation], [equation], [])
    assert isinstance(decision, Offloadable)
    away = [Variable(output.type) for output in outputs]
    leave, come = InMemory(decision.dst), InMemory(decision.src)
    frame = equation.frame
    pairs = list(zip(outputs, away, strict=True))
    return _Part(
        [equation, *(Equation(leave, [here], [there], frame) for here, there in pairs)],
        [Equation(come, [there], [here], frame) for here, there in pairs],
        away,
    )


def _split_call(
    equation: Equation, call: Jit, used: tuple[bool, ...], policy: Policy
) -> _Part:
    part = split(call.program, used, policy)
    kept = [Variable(type) for type in _kept_types(part)]
    inputs = [a for a, take in zip(equation.inputs, part.takes, strict=True) if take]
    outputs = [o for o, u in zip(equation.outputs, used, strict=True) if u]
    return _Part(
        [
            Equation(
                dataclasses.replace(call, program=part.forward),
                equation.inputs,
                [*equation.outputs, *kept],
                equation.frame,
            )
        ],
        [
            Equation(
                dataclasses.replace(call, program=part.again),
                [*kept, *inputs],
                outputs,
                equation.frame,
            )
        ],
        kept,
    )


def _kept_types(part: Split) -> Sequence[ArrayType]:
    return part.forward.out_types[len(part.forward.outputs) - part.num_kept :]


def _split_scan(
    equation: Equation, scan: Scan, used: tuple[bool, ...], policy: Policy
) -> _Part:
    """Values kept in the body are stacked, and rows of inputs the second time."""
    nc, nk = scan.num_consts, scan.num_carry
    wanted = used
    while True:
        part = split(scan.program, wanted, policy)
        read = part.takes[nc : nc + nk]
        carry = tuple(w or r for w, r in zip(wanted, read, strict=False))
        if carry == wanted[:nk]:
            break
        wanted = (*carry, *wanted[nk:])
    takes = (*part.takes[:nc], *carry, *part.takes[nc + nk :])
    kept = [Variable(stacked_type(type, scan.length)) for type in _kept_types(part)]
    forward = dataclasses.replace(scan, program=part.forward)
    body = part.again
    again = dataclasses.replace(
        scan,
        program=Program(
            [
                *(v for v, t in zip(scan.program.inputs, takes, strict=True) if t),
                *body.inputs[: part.num_kept],
            ],
            body.equations,
            body.outputs,
            body.name,
        ),
        num_consts=sum(part.takes[:nc]),
        num_carry=sum(carry),
    )
    inputs = [a for a, take in zip(equation.inputs, takes, strict=True) if take]
    outputs = [o for o, w in zip(equation.outputs, wanted, strict=True) if w]
    return _Part(
        [
            Equation(
                forward, equation.inputs, [*equation.outputs, *kept], equation.frame
            )
        ],
        [Equation(again, [*inputs, *kept], outputs, equation.frame)],
        kept,
    )


def _split_cond(
    equation: Equation, cond: Cond, used: tuple[bool, ...], policy: Policy
) -> _Part:
    """Values kept in branches share slots by type, zeros where a branch has none."""
    parts = [split(branch, used, policy) for branch in cond.branches]
    slots, places = assign_slots([_kept_types(part) for part in parts])
    takes = tuple(map(any, zip(*(part.takes for part in parts), strict=True)))
    kept = [Variable(type) for type in slots]
    index, operands = equation.inputs[0], equation.inputs[1:]
    taken = [atom for atom, take in zip(operands, takes, strict=True) if take]
    outputs = [o for o, u in zip(equation.outputs, used, strict=True) if u]

    def forward(part: Split, mine: list[int]) -> Program:
        def run(*args: Any) -> list[Any]:
            flat = evaluate(part.forward, args)
            filled = [zeros_for(type) for type in slots]
            for place, value in zip(mine, flat[len(used) :], strict=True):
                filled[place] = value
            return [*flat[: len(used)], *filled]

        return record_closed(run, part.forward.in_types)

    def again(part: Split, mine: list[int]) -> Program:
        needed = [p for p, take in zip(part.takes, takes, strict=True) if take]

        def run(*flat: Any) -> list[Any]:
            args = zip(flat[len(slots) :], needed, strict=True)
            values = [*(flat[i] for i in mine), *(arg for arg, n in args if n)]
            return evaluate(part.again, values)

        return record_closed(run, [*slots, *(atom.type for atom in taken)])

    pairs = list(zip(parts, places, strict=True))
    once = dataclasses.replace(cond, branches=tuple(forward(*p) for p in pairs))
    twice = dataclasses.replace(cond, branches=tuple(again(*p) for p in pairs))
    return _Part(
        [Equation(once, equation.inputs, [*equation.outputs, *kept], equation.frame)],
        [Equation(twice, [index, *kept, *taken], outputs, equation.frame)],
        kept,
    )

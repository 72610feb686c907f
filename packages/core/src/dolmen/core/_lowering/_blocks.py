"""Calls of repeated blocks, and what the blocks hand on to each other.

A block of a forward pass returns whatever the backward pass reads of it: products and
masks, powers, scales stretched over a batch. Most of that follows by cheap operations
from less. As the compiler sees the blocks apart, it would write all of it to memory and
read it back. So a block returns the less, and those that read it begin by computing the
rest again.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .._ir import (
    Atom,
    Equation,
    Kept,
    Program,
    Variable,
    keep_less,
    live_equations,
    used_inputs,
)


class BlockCall(NamedTuple):
    """One repetition of a block: `outputs = block(inputs)`."""

    block: Program
    inputs: Sequence[Atom]
    outputs: Sequence[Variable]


Step = Equation | BlockCall


def hand_on_less(steps: Sequence[Step], program: Program) -> Sequence[Step]:
    """`steps` with blocks that return no more than they must.

    Args:
        steps: the operations of `program`, in order.
        program: the whole.
    """
    for index in range(len(_blocks(steps))):
        # Those before it are others by now.
        block = _blocks(steps)[index]
        calls = [s for s in steps if isinstance(s, BlockCall) and s.block is block]
        shrunk = _shrink(block, calls, program) if len(calls) > 1 else None
        if shrunk is not None:
            steps = shrunk.rewritten(steps)
    return steps


def _blocks(steps: Sequence[Step]) -> list[Program]:
    return list(dict.fromkeys(s.block for s in steps if isinstance(s, BlockCall)))


def _shrink(
    block: Program, calls: Sequence[BlockCall], program: Program
) -> "_Shrunk | None":
    """The block with fewer results; None if it needs those it has."""
    place = {v: i for call in calls for i, v in enumerate(call.outputs)}
    # What the next repetition reads, and the whole returns, is there anyway.
    read = [*program.outputs, *(atom for call in calls for atom in call.inputs)]
    staying = sorted({place[atom] for atom in read if atom in place})
    asked = [i for i in range(len(block.outputs)) if i not in staying]
    arguments = set(program.inputs)
    columns = zip(*(call.inputs for call in calls), strict=True)
    lasting = [arguments.issuperset(column) for column in columns]
    outputs = [block.outputs[i] for i in (*staying, *asked)]
    whole = Program(block.inputs, block.equations, outputs, block.name)
    kept = keep_less(whole, len(staying), [*lasting, *(True for _ in staying)])
    results = kept.primal.outputs[: len(staying)]
    if not kept.again.equations or len(set(results)) < len(results):
        return None
    return _Shrunk(calls, kept, staying, asked)


class _Origin(NamedTuple):
    """Where a value came from: which call, and which output of `again`."""

    call: int
    output: int


class _Shrunk:
    """A block that returns less than it did, and the way back to what it returned.

    Attributes:
        calls: the calls of the new block, for those of the old one.
        again: from variables of the block to what it returned.
        values: for each call, what these variables are for its caller.
        lost: what the callers had and don't get any more.
    """

    def __init__(
        self,
        calls: Sequence[BlockCall],
        kept: Kept,
        staying: Sequence[int],
        asked: Sequence[int],
    ) -> None:
        primal, self.again = kept
        handed_on = dict.fromkeys(primal.outputs).keys() - set(primal.inputs)
        outputs = [atom for atom in dict.fromkeys(primal.outputs) if atom in handed_on]
        block = Program(primal.inputs, primal.equations, outputs, primal.name)
        self.calls: dict[int, BlockCall] = {}
        self.values: list[dict[Atom, Atom]] = []
        self.lost: dict[Atom, _Origin] = {}
        for number, call in enumerate(calls):
            results: dict[Atom, Variable] = {}
            for i, atom in zip(staying, primal.outputs, strict=False):
                results[atom] = call.outputs[i]
            for i, atom in zip(asked, self.again.outputs, strict=True):
                if atom in handed_on:
                    results.setdefault(atom, call.outputs[i])
            for atom in outputs:
                results.setdefault(atom, Variable(atom.type))
            inputs = zip(block.inputs, call.inputs, strict=True)
            values: dict[Atom, Atom] = {**dict(inputs), **results}
            for output, i in enumerate(asked):
                if values.get(self.again.outputs[output]) is not call.outputs[i]:
                    self.lost[call.outputs[i]] = _Origin(number, output)
            self.values.append(values)
            returned = [results[atom] for atom in outputs]
            self.calls[id(call)] = BlockCall(block, call.inputs, returned)

    def rewritten(self, steps: Sequence[Step]) -> list[Step]:
        """All steps, with the new block and what reads of it."""
        readers: dict[Program, list[BlockCall]] = {}
        for step in steps:
            if isinstance(step, BlockCall) and id(step) not in self.calls:
                readers.setdefault(step.block, []).append(step)
        calls = dict(self.calls)
        for others in readers.values():
            calls.update(zip(map(id, others), self._readers(others), strict=True))
        found: dict[Atom, Atom] = {}
        made: list[Step] = []
        for old in steps:
            step = calls[id(old)] if isinstance(old, BlockCall) else old
            missing = [a for a in step.inputs if a in self.lost]
            for atom in missing:
                if atom not in found:
                    call, output = self.lost[atom]
                    equations, values = self._computing([output], self.values[call])
                    made += equations
                    found[atom] = values[self.again.outputs[output]]
            if missing:
                inputs = [found.get(a, a) for a in step.inputs]
                if isinstance(step, BlockCall):
                    step = step._replace(inputs=inputs)
                else:
                    step = step.replace(invars=inputs)
            made.append(step)
        return made

    def _readers(self, calls: Sequence[BlockCall]) -> list[BlockCall]:
        """Calls of another block, made to compute again what they read of this one.

        All calls of a block have to read the same results. Where a run of repetitions
        ends, single calls may read others: then those are left as they are, unless
        there is enough that all have in common.
        """
        forms = [self._form_of(call) for call in calls]
        ((usual, _),) = Counter(forms).most_common(1)
        common = tuple(
            found.pop() if len(found := set(column)) == 1 else None
            for column in zip(*forms, strict=True)
        )
        if 2 * _number_read(common) >= _number_read(usual):
            chosen, form = calls, common
        else:
            chosen = [c for c, f in zip(calls, forms, strict=True) if f == usual]
            form = usual
        if not _number_read(form):
            return list(calls)
        new = dict(
            zip(map(id, chosen), self._computing_again(form, chosen), strict=True)
        )
        return [new.get(id(call), call) for call in calls]

    def _form_of(self, call: BlockCall) -> tuple[int | None, ...]:
        """For each operand of a call which output of `again` it reads, if it does."""
        origins = (self.lost.get(atom) for atom in call.inputs)
        return tuple(None if origin is None else origin.output for origin in origins)

    def _computing_again(
        self, form: Sequence[int | None], calls: Sequence[BlockCall]
    ) -> list[BlockCall]:
        """Calls of this form that compute again what they read of this block."""
        block = calls[0].block
        columns = list(zip(*(call.inputs for call in calls), strict=True))
        inputs: dict[tuple[Atom, ...], Variable] = {}
        # By the calls of this block that the values come from: parameter to output.
        sources: dict[tuple[int, ...], dict[Variable, int]] = {}
        for variable, column, output in zip(block.inputs, columns, form, strict=True):
            if output is None:
                inputs[column] = variable
            else:
                source = tuple(self.lost[atom].call for atom in column)
                sources.setdefault(source, {})[variable] = output
        body: list[Equation] = []
        values: dict[Atom, Atom] = {}
        for source, members in sources.items():
            given: dict[Atom, Atom] = {}
            for variable in self._needed(members.values()):
                column = tuple(self.values[call][variable] for call in source)
                given[variable] = inputs.setdefault(column, Variable(variable.type))
            equations, again = self._computing(members.values(), given)
            body += equations
            for variable, output in members.items():
                values[variable] = again[self.again.outputs[output]]
        for equation in block.equations:
            read = [values.get(atom, atom) for atom in equation.inputs]
            body.append(equation.replace(invars=read))
        new = Program(list(inputs.values()), body, block.outputs, block.name)
        return [
            BlockCall(new, [column[i] for column in inputs], call.outputs)
            for i, call in enumerate(calls)
        ]

    def _needed(self, outputs: Iterable[int]) -> list[Variable]:
        """Which inputs of `again` some of its outputs need."""
        part = self._part(outputs)
        return [
            v for v, used in zip(part.inputs, used_inputs(part), strict=True) if used
        ]

    def _computing(
        self, outputs: Iterable[int], values: dict[Atom, Atom]
    ) -> tuple[list[Equation], dict[Atom, Atom]]:
        """Equations for outputs of `again`, and the values of all its variables."""
        values = dict(values)
        equations = []
        for equation in live_equations(self._part(outputs)):
            read = [values.get(atom, atom) for atom in equation.inputs]
            made = [Variable(variable.type) for variable in equation.outputs]
            values.update(zip(equation.outputs, made, strict=True))
            equations.append(equation.replace(invars=read, outvars=made))
        return equations, values

    def _part(self, outputs: Iterable[int]) -> Program:
        again = self.again
        wanted = [again.outputs[output] for output in outputs]
        return Program(again.inputs, again.equations, wanted)


def _number_read(form: Sequence[int | None]) -> int:
    return sum(output is not None for output in form)

"""Which values of a forward program are kept for the backward one.

Rules ask for what suits them: `x - mean` and its quotient by a deviation, a mask, a
scale stretched over a batch. Most of that follows by cheap operations from less. The
less is kept, and the linear program begins by computing the rest again. No compiler
could do that where it sees the two programs apart, as it does the bodies of loops and
functions that are called many times.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ._program import Atom, Equation, Literal, Program, Variable
from ._rewrite import without_dead_code
from ._structure import literal_key


class Kept(NamedTuple):
    """A forward program that keeps little.

    Attributes:
        primal: from the arguments to the results followed by what is kept.
        again: from what is kept to the residuals that were asked for.
    """

    primal: Program
    again: Program


def keep_less(primal: Program, num_outs: int, lasting: Sequence[bool] = ()) -> Kept:
    """Keep no more for the backward program than has to be.

    A residual gives way to values that it follows from by cheap operations, if those
    that would not be there anyway are together no larger than itself.

    Args:
        primal: a forward program whose outputs after `num_outs` are residuals.
        num_outs: how many results it has.
        lasting: which arguments, and then which results, are there afterwards anyway;
            none if empty.
    """
    primal = _without_cheap_duplicates(primal)
    results, asked = primal.outputs[:num_outs], primal.outputs[num_outs:]
    ends = zip([*primal.inputs, *results], lasting, strict=False)
    free = {atom for atom, lasts in ends if lasts}
    kept: set[Atom] = {atom for atom in asked if isinstance(atom, Variable)}
    # What a later residual leaves behind may be all that an earlier one needs.
    for _ in range(2):
        _replace(primal.equations, kept, free)
    again, needed = _computing(primal.equations, asked, kept | free)
    wanted = _variables(asked)
    if _bytes(needed, free) >= _bytes(wanted, free):
        again, needed = [], wanted  # nothing is gained
    outputs = [*results, *needed]
    made = Program(primal.inputs, primal.equations, outputs, primal.name)
    return Kept(without_dead_code(made), Program(needed, again, asked))


def _replace(equations: Sequence[Equation], kept: set[Atom], free: set[Atom]) -> None:
    """Exchange values that are kept, in place, for what they follow from."""
    # Bytes to keep in addition so that a value can be had.
    price: dict[Atom, int] = dict.fromkeys((*kept, *free), 0)
    sources: dict[Atom, list[Variable]] = {}  # where a value is cheaper than kept

    def price_of(atom: Variable) -> int:
        found = price.get(atom)
        return max(1, atom.type.nbytes) if found is None else found

    def acquire(atoms: Iterable[Variable]) -> None:
        """Keep what it takes to have `atoms`."""
        waiting = list(atoms)
        while waiting:
            atom = waiting.pop()
            if price_of(atom) == 0:
                continue
            price[atom] = 0
            if atom in sources:
                waiting += sources[atom]
            else:
                kept.add(atom)

    for equation in equations:
        if not equation.primitive.cheap or not free.isdisjoint(equation.outputs):
            continue
        (made,) = equation.outputs
        used = _variables(equation.inputs)
        total = sum(map(price_of, used))
        if made in kept:
            if total <= made.type.nbytes:
                kept.remove(made)
                acquire(used)
        elif total < made.type.nbytes:
            price[made] = total
            sources[made] = used


def _computing(
    equations: Sequence[Equation], wanted: Sequence[Atom], given: set[Atom]
) -> tuple[list[Equation], list[Variable]]:
    """The equations that make `wanted`, and which of the given values that takes."""
    needed = dict.fromkeys(_variables(wanted))
    found: list[Equation] = []
    for equation in reversed(equations):
        made = needed.keys() & equation.outputs
        if made and given.isdisjoint(made):
            found.append(equation)
            needed.update(dict.fromkeys(_variables(equation.inputs)))
    found.reverse()
    return found, [variable for variable in needed if variable in given]


def _without_cheap_duplicates(program: Program) -> Program:
    """`program` with equal cheap operations done once."""
    first: dict[object, Variable] = {}
    same: dict[Atom, Variable] = {}
    equations: list[Equation] = []
    for given in program.equations:
        equation = given
        if not same.keys().isdisjoint(given.inputs):
            equation = given.replace(invars=[same.get(a, a) for a in given.inputs])
        if equation.primitive.cheap:
            (made,) = equation.outputs
            operands = (
                literal_key(a) if isinstance(a, Literal) else a for a in equation.inputs
            )
            found = first.setdefault((equation.primitive, *operands), made)
            if found is not made:
                same[made] = found
                continue
        equations.append(equation)
    if not same:
        return program
    outputs = [same.get(a, a) for a in program.outputs]
    return Program(program.inputs, equations, outputs, program.name)


def _bytes(variables: Iterable[Variable], free: set[Atom]) -> int:
    """What it takes to keep these."""
    return sum(v.type.nbytes for v in variables if v not in free)


def _variables(atoms: Iterable[Atom]) -> list[Variable]:
    """The variables among `atoms`, each once."""
    return list(dict.fromkeys(a for a in atoms if isinstance(a, Variable)))

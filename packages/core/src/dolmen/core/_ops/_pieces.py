"""Many pieces of one array, as loops over the layers of stacked parameters take them.

``for i in range(48): h = layer(w[i], h)`` slices ``w`` 48 times, and its derivative
fills 48 pieces up to the size of ``w`` and adds them up. As it stands that is a pass
over 48 times the array, and since places are parts of operations, they hide that the
layers repeat. So where there are many, slices move to where their array is made, and a
sum of pieces that don't overlap becomes one array, joined where the sum ends. XLA on
the CPU compiles a kernel for each place; a function that is told it is compiled once.
"""

import functools
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from .._ir import (
    ArrayType,
    Atom,
    Equation,
    Literal,
    Primitive,
    Program,
    Variable,
    array_type,
)
from .._tracing import record_closed
from ._arithmetic import Add
from ._joining import Concatenate, Split
from ._pad import Pad
from ._shape import BroadcastInDim, Squeeze
from ._slicing import Slice, dynamic_slice

_MOVED = 3  # pieces of an array from which on they are moved and joined
_CALLED = 16  # of one shape, from which on they share a function
_INDEX = array_type((), np.dtype(np.int32))


def gathered(
    equations: Sequence[Equation], outputs: Sequence[Atom]
) -> Sequence[Equation]:
    """The equations of a program, with pieces of arrays taken and put together at once.

    Args:
        equations: the live ones, in order.
        outputs: results of the program.
    """
    kinds = [type(equation.primitive) for equation in equations]
    has_splits = Split in kinds
    if kinds.count(Pad) >= _MOVED:
        equations = _with_joined_sums(equations, outputs)
    if has_splits:
        equations = _with_slices_for_splits(equations, outputs)
    if has_splits or kinds.count(Slice) >= _MOVED:
        equations = _with_early_slices(equations)
    return equations


# ---- taking ------------------------------------------------------------------------


class Piece(Primitive):
    """A slice of steps of one, by a function that all of its shape share."""

    start_indices: tuple[int, ...]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (operand,), (out,) = builder.in_types, builder.out_types
        if builder.platform == "cpu" and builder.mesh is None and _are_small(operand):
            starts = [builder.scalar(i, _INDEX.dtype) for i in self.start_indices]
            program = _taking(operand, out.shape)
            return builder.call(program, [*args, *starts], inlineable=False)[0]
        return _slice(self.start_indices, out.shape).lower(builder, args)


def _slice(starts: Sequence[int], shape: tuple[int, ...]) -> Slice:
    """The operation that takes a piece of this shape."""
    return Slice(tuple(starts), tuple(np.add(starts, shape).tolist()))


def _are_small(type: ArrayType) -> bool:
    return all(size <= np.iinfo(_INDEX.dtype).max for size in type.shape)


@functools.cache
def _taking(operand: ArrayType, shape: tuple[int, ...]) -> Program:
    def take(x: Any, *starts: Any) -> list[Any]:
        return [dynamic_slice(x, starts, shape, allow_negative_indices=False)]

    return record_closed(take, [operand, *[_INDEX] * operand.ndim])


def _with_early_slices(equations: Sequence[Equation]) -> Sequence[Equation]:
    """Slices directly behind what makes their operand, where it has several."""
    taken: dict[Atom, list[Equation]] = defaultdict(list)
    for equation in equations:
        if type(equation.primitive) is Slice:
            taken[equation.inputs[0]].append(equation)
    moved = {
        atom: _sharing_functions(slices)
        for atom, slices in taken.items()
        if len(slices) >= _MOVED
    }
    if not moved:
        return equations
    # An index is a slice whose axis is squeezed away.
    pieces = {piece for slices in moved.values() for e in slices for piece in e.outputs}
    arguments = set(moved)
    rest: list[Equation] = []
    for equation in equations:
        kind = type(equation.primitive)
        if kind is Squeeze and equation.inputs[0] in pieces:
            moved.setdefault(equation.inputs[0], []).append(equation)
        elif kind is not Slice or equation.inputs[0] not in moved:
            rest.append(equation)
        arguments.difference_update(equation.outputs)
    ordered: list[Equation] = []

    def add_pieces_of(atom: Atom) -> None:
        waiting = [atom]
        while waiting:
            for equation in moved.get(waiting.pop(), ()):
                ordered.append(equation)
                waiting += equation.outputs

    for atom in taken:
        if atom in arguments:
            add_pieces_of(atom)
    for equation in rest:
        ordered.append(equation)
        for variable in equation.outputs:
            if variable in moved:
                add_pieces_of(variable)
    return ordered


def _with_slices_for_splits(
    equations: Sequence[Equation], outputs: Sequence[Atom]
) -> Sequence[Equation]:
    """Slices in the place of splits into many pieces of a shape."""
    many = [
        equation
        for equation in equations
        if type(equation.primitive) is Split and len(equation.outputs) >= _CALLED
    ]
    if not many:
        return equations
    used = {atom for equation in equations for atom in equation.inputs}.union(outputs)
    replaced = {id(equation): _slices_of_split(equation, used) for equation in many}
    return [
        made
        for equation in equations
        for made in replaced.get(id(equation), (equation,))
    ]


def _slices_of_split(equation: Equation, used: set[Atom]) -> list[Equation]:
    split: Any = equation.primitive
    made, start = [], 0
    for size, variable in zip(split.sizes, equation.outputs, strict=True):
        starts = [0] * variable.type.ndim
        starts[split.axis] = start
        start += size
        if variable in used:
            slice = _slice(starts, variable.type.shape)
            made.append(equation.replace(primitive=slice, outvars=[variable]))
    return made


def _sharing_functions(slices: Sequence[Equation]) -> list[Equation]:
    """The slices of an array, with functions for those of a shape that is frequent."""
    counts = Counter(equation.outputs[0].type for equation in slices)
    made = []
    for equation in slices:
        slice: Any = equation.primitive
        if slice.strides is None and counts[equation.outputs[0].type] >= _CALLED:
            equation = equation.replace(primitive=Piece(slice.start_indices))
        made.append(equation)
    return made


# ---- putting together --------------------------------------------------------------


class _Part(NamedTuple):
    """A piece, and the array that it was filled up to with zeros along one axis."""

    axis: int
    start: int
    piece: Atom
    filled: Variable

    @property
    def end(self) -> int:
        return self.start + self.piece.type.shape[self.axis]


class _Sum(NamedTuple):
    """What a sum of sums adds up, and the sums that it is made of."""

    terms: list[Atom]
    inner: list[Atom]


def _with_joined_sums(
    equations: Sequence[Equation], outputs: Sequence[Atom]
) -> Sequence[Equation]:
    """Arrays joined of pieces in the place of sums of pieces filled up with zeros."""
    # What has filled up pieces in it, and how often it is read.
    uses: dict[Atom, int] = {}
    parts: dict[Atom, _Part] = {}
    sums: dict[Atom, Equation] = {}
    watched = uses.keys()
    for equation in equations:
        if not watched.isdisjoint(equation.inputs):
            for atom in watched & set(equation.inputs):
                uses[atom] += equation.inputs.count(atom)
            if type(equation.primitive) is Add:
                (result,) = equation.outputs
                uses[result], sums[result] = 0, equation
        if type(equation.primitive) is Pad and (part := _part_of(equation)):
            uses[part.filled], parts[part.filled] = 0, part
    for atom in uses.keys() & set(outputs):
        uses[atom] += 1
    once = {atom for atom, count in uses.items() if count == 1}
    seen: set[Atom] = set()
    dropped: set[Atom] = set()
    joined: dict[Atom, list[Equation]] = {}
    for result in reversed(sums):
        if result in seen:
            continue
        found = _sum_of(result, sums, once)
        seen.update(found.inner)
        own = [parts[t] for t in found.terms if t in parts and t in once]
        chosen = _apart(own)
        if len(chosen) >= _MOVED:
            gone = {part.filled for part in chosen}
            rest = [term for term in found.terms if term not in gone]
            joined[result] = _joining(sums[result], chosen, rest)
            dropped |= gone.union(found.inner)
    made: list[Equation] = []
    for equation in equations:
        first = next(iter(equation.outputs), None)  # of a sum or a pad the only one
        if first in joined:
            made += joined[first]
        elif first not in dropped:
            made.append(equation)
    return made


def _sum_of(result: Atom, sums: dict[Atom, Equation], once: set[Atom]) -> _Sum:
    """What is added up to `result` by sums that nothing else reads."""
    found = _Sum([], [])
    waiting = list(sums[result].inputs)
    while waiting:
        atom = waiting.pop()
        if atom in once and atom in sums:
            found.inner.append(atom)
            waiting += sums[atom].inputs
        else:
            found.terms.append(atom)
    return found


def _part_of(pad: Equation) -> _Part | None:
    """The piece of an array of zeros, if it is one along one axis."""
    piece, filling = pad.inputs
    config: Any = pad.primitive
    axes = [i for i, entry in enumerate(config.padding_config) if any(entry)]
    if len(axes) != 1 or not isinstance(filling, Literal) or filling.value != 0:
        return None
    low, high, interior = config.padding_config[axes[0]]
    if min(low, high) < 0 or interior:
        return None
    return _Part(axes[0], low, piece, pad.outputs[0])


def _apart(parts: Sequence[_Part]) -> list[_Part]:
    """Those of them along one axis that don't overlap, in order."""
    if not parts:
        return []
    ((axis, _),) = Counter(part.axis for part in parts).most_common(1)
    chosen: list[_Part] = []
    for part in sorted(parts, key=lambda part: part.start):
        if part.axis == axis and (not chosen or chosen[-1].end <= part.start):
            chosen.append(part)
    return chosen


def _joining(
    last: Equation, parts: Sequence[_Part], rest: Sequence[Atom]
) -> list[Equation]:
    """Equations for the result of `last`, from disjoint parts and other terms."""
    (result,), axis = last.outputs, parts[0].axis
    made: list[Equation] = []
    pieces: list[Atom] = []
    end = 0
    for part in parts:
        pieces += _zeros(last, axis, part.start - end, made)
        pieces.append(part.piece)
        end = part.end
    pieces += _zeros(last, axis, result.type.shape[axis] - end, made)
    total = Variable(result.type) if rest else result
    made.append(Equation(Concatenate(axis), pieces, [total], last.frame))
    for index, term in enumerate(rest, 1):
        after = result if index == len(rest) else Variable(result.type)
        made.append(Equation(Add(), [total, term], [after], last.frame))
        total = after
    return made


def _zeros(like: Equation, axis: int, size: int, made: list[Equation]) -> list[Atom]:
    """Zeros of `size` along an axis of a result, if any."""
    if not size:
        return []
    type = like.outputs[0].type
    shape = (*type.shape[:axis], size, *type.shape[axis + 1 :])
    zeros = Variable(array_type(shape, type.dtype))
    zero = Literal(np.zeros((), type.dtype)[()], array_type((), type.dtype))
    made.append(Equation(BroadcastInDim(shape, ()), [zero], [zeros], like.frame))
    return [zeros]

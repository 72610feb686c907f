"""The primitive of `cond` and `switch`: run one of several programs."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._ir import (
    ArrayType,
    Equation,
    Primitive,
    Program,
    Variable,
    array_type,
    is_ordered,
    message,
    value_error,
)
from .._ops import _conversion, _selection, _shape
from .._ops._comparison import eq
from .._tracing import bind, evaluate, record_closed, typeof
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    tangent_type,
    to_front,
    transpose_linearized,
    with_tangents,
    zeros_for,
)
from ._call import Jit
from ._scan import Scan

_INT32 = np.dtype(np.int32)
_INDEX = array_type((), _INT32)


class Cond(Primitive):
    """Runs `branches[index]` on the operands; the first argument is the index.

    With `platforms` the index is ignored: the branch is chosen while lowering, the
    first whose entry names the platform or is None. Lanes that choose for themselves
    run all branches together unless they shall go `one_by_one`.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    branches: tuple[Program, ...]
    platforms: tuple[tuple[str, ...] | None, ...] = ()
    one_by_one: bool = False

    def with_branches(self, branches: Sequence[Program]) -> "Cond":
        """The same choice between other programs."""
        return dataclasses.replace(self, branches=tuple(branches))

    @property
    def effects(self) -> frozenset[str]:
        return frozenset().union(*(branch.effects for branch in self.branches))

    @property
    def argument_types(self) -> Sequence[ArrayType]:
        return (_INDEX, *self.branches[0].in_types)

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.branches[0].out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents[1:])
        out_active = _union(jvp_program(b, active)[1] for b in self.branches)
        branches = [jvp_program(b, active, out_active)[0] for b in self.branches]
        given = [t for t in tangents[1:] if t is not None]
        flat = bind(self.with_branches(branches), *primals, *given)
        return with_tangents(flat, out_active)

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return _linearize_cond(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        index, operands = args[0], args[1:]
        in_axes = tuple(axes[1:])
        count = len(self.branches[0].outputs)
        if axes[0] is not None:
            return self._batch_index(index, operands, in_axes, size), [0] * count
        masks = [batch_program(b, in_axes, size)[1] for b in self.branches]
        force = _union(tuple(a is not None for a in mask) for mask in masks)
        branches = [batch_program(b, in_axes, size, force)[0] for b in self.branches]
        outs = bind(self.with_branches(branches), index, *operands)
        return outs, [0 if batched else None for batched in force]

    def _batch_index(
        self, index: Any, operands: Sequence[Any], axes: tuple[Any, ...], size: int
    ) -> list[Any]:
        """Every branch runs for the whole batch, and each lane selects its own.

        Effects happen only for the lanes that chose their branch.
        """
        if is_ordered(self.effects):
            raise value_error(
                "vmap of cond: the elements of a batch have no order in which ordered "
                "effects of the branches could happen.",
                "Loop with `lax.map` or `lax.scan`, or pass ordered=False.",
            )
        if self.one_by_one:
            return self._batch_sequentially(index, operands, axes, size)
        results = []
        for number, branch in enumerate(self.branches):
            mine = eq(index, np.asarray(number, _INT32))
            mine = _conversion.convert_element_type(mine, _INT32)
            program, out_axes = batch_program(masked(branch), (0, *axes), size)
            outs = evaluate(program, [mine, *operands])
            results.append(
                [to_front(o, a, size) for o, a in zip(outs, out_axes, strict=True)]
            )
        chosen = []
        for cases in zip(*results, strict=True):
            shape = typeof(cases[0]).shape
            which = _shape.broadcast_in_dim(index, shape, (0,)) if shape[1:] else index
            if len(cases) == 2:
                which = _conversion.convert_element_type(which, np.dtype(bool))
            chosen.append(_selection.select_n(which, *cases))
        return chosen

    def _batch_sequentially(
        self, index: Any, operands: Sequence[Any], axes: tuple[Any, ...], size: int
    ) -> list[Any]:
        """One lane after the other."""
        shared = [x for x, a in zip(operands, axes, strict=True) if a is None]
        rows = [
            _shape.move_axis(x, a, 0)
            for x, a in zip(operands, axes, strict=True)
            if a is not None
        ]

        def step(*flat: Any) -> list[Any]:
            same, row = iter(flat[: len(shared)]), iter(flat[len(shared) + 1 :])
            lane = [next(same) if a is None else next(row) for a in axes]
            return bind(self, flat[len(shared)], *lane)

        row_types = [typeof(x).with_shape(typeof(x).shape[1:]) for x in rows]
        types = [*map(typeof, shared), array_type((), _INT32), *row_types]
        loop = Scan(record_closed(step, types), size, False, len(shared), 0)
        return bind(loop, *shared, index, *rows)

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        if self.platforms:
            run(self._for_platform(_backend.lowering_platform()), args[1:], "")
            return
        index = int(np.clip(np.asarray(args[0]), 0, len(self.branches) - 1))
        run(self.branches[index], args[1:], f"branch {index}")

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        index, operands = args[0], args[1:]
        if self.platforms:
            return builder.inline(self._for_platform(builder.platform), operands)
        return builder.emit_control(
            "case",
            (index,),
            list(builder.out_types),
            regions=[
                ((), lambda branch=branch: builder.inline(branch, operands))
                for branch in self.branches
            ],
            effects=self.effects,
        )

    def _for_platform(self, platform: str) -> Program:
        for names, branch in zip(self.platforms, self.branches, strict=True):
            if names is None or platform in names:
                return branch
        raise no_function_for(platform, self.platforms)


def no_function_for(platform: str, platforms: Sequence[Any]) -> NotImplementedError:
    """The error for a platform that no branch is for."""
    have = ", ".join(repr(name) for names in platforms for name in names)
    return NotImplementedError(
        message(
            f"platform_dependent: expected a function for the platform {platform!r}, "
            f"got functions for {have}.",
            "Pass `default=` for all other platforms.",
        )
    )


def masked(program: Program) -> Program:
    """`program` with one more input in front: its effects happen only if that is 1.

    Every operation with effects becomes a choice between itself and zeros, inside
    calls and scans too.
    """
    found = program.derived.get("masked")
    if found is None:
        index = Variable(array_type((), _INT32))
        equations = [_optional(e, index) for e in program.equations]
        inputs = [index, *program.inputs]
        found = Program(inputs, equations, program.outputs, program.name)
        program.derived["masked"] = found
    return found


def _optional(equation: Equation, index: Variable) -> Equation:
    primitive = equation.primitive
    if not primitive.effects:
        return equation
    if isinstance(primitive, Jit):
        primitive = dataclasses.replace(primitive, program=masked(primitive.program))
    elif isinstance(primitive, Scan):
        primitive = dataclasses.replace(
            primitive,
            program=masked(primitive.program),
            num_consts=primitive.num_consts + 1,
        )
    else:
        branches = _zeros_like(equation), _alone(equation)
        primitive = Cond(branches, one_by_one=True)
    inputs = [index, *equation.inputs]
    return Equation(primitive, inputs, equation.outputs, equation.frame)


def _alone(equation: Equation) -> Program:
    """A program of nothing but this operation."""
    inputs = [Variable(atom.type) for atom in equation.inputs]
    outputs = [Variable(variable.type) for variable in equation.outputs]
    made = Equation(equation.primitive, inputs, outputs, equation.frame)
    return Program(inputs, [made], outputs)


def _zeros_like(equation: Equation) -> Program:
    types = [variable.type for variable in equation.outputs]
    return record_closed(
        lambda *_: [zeros_for(type) for type in types],
        [atom.type for atom in equation.inputs],
    )


def _union(masks: Any) -> tuple[bool, ...]:
    return tuple(any(column) for column in zip(*masks, strict=True))


def _linearize_cond(
    cond: Cond, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Each branch keeps its residuals in slots shared with the others by type."""
    mask = active[1:]
    parts = [linearize_program(branch, mask) for branch in cond.branches]
    active_outs = _union(part.active_outs for part in parts)
    count = len(active_outs)
    slots, placed = assign_slots([part.residual_types for part in parts])
    index_type = arg_types[0]
    operand_types = list(arg_types[1:])

    def forward(part: Linearization, places: list[int]) -> Program:
        def run(*args: Any) -> list[Any]:
            flat = evaluate(part.primal, args)
            kept = dict(zip(places, flat[count:], strict=True))
            filled = [
                kept[i] if i in kept else zeros_for(type)
                for i, type in enumerate(slots)
            ]
            return [*flat[:count], *filled]

        return record_closed(run, operand_types)

    forwards = cond.with_branches(
        [forward(p, q) for p, q in zip(parts, placed, strict=True)]
    )
    primal = record_closed(
        lambda *args: [*bind(forwards, *args), args[0]], list(arg_types)
    )
    in_types = [tangent_type(t) for t, a in zip(operand_types, mask, strict=True) if a]
    out_types = [
        tangent_type(t)
        for t, a in zip(cond.branches[0].out_types, active_outs, strict=True)
        if a
    ]

    def tangent() -> Program:
        def branch(part: Linearization, places: list[int]) -> Program:
            def run(*flat: Any) -> list[Any]:
                residuals = [flat[i] for i in places]
                outs = iter(evaluate(part.tangent, [*residuals, *flat[len(slots) :]]))
                return _filled(outs, part.active_outs, active_outs, out_types)

            return record_closed(run, [*slots, *in_types])

        branches = tuple(branch(p, q) for p, q in zip(parts, placed, strict=True))

        def run(*flat: Any) -> list[Any]:
            kept, index, rest = (
                flat[: len(slots)],
                flat[len(slots)],
                flat[len(slots) + 1 :],
            )
            return bind(cond.with_branches(branches), index, *kept, *rest)

        return record_closed(run, [*slots, index_type, *in_types])

    def transposed(given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        ct_types = [t for t, g in zip(out_types, given, strict=True) if g]
        positions = [i for i, a in enumerate(active_outs) if a]
        given_at = {i for i, g in zip(positions, given, strict=True) if g}
        pulled = [
            part.transposed(
                tuple(i in given_at for i, a in enumerate(part.active_outs) if a)
            )
            for part in parts
        ]
        produced = _union(mask for _, mask in pulled)
        wanted = [t for t, p in zip(in_types, produced, strict=True) if p]

        def branch(index: int) -> Program:
            part, places = parts[index], placed[index]
            program, mine = pulled[index]

            def run(*flat: Any) -> list[Any]:
                residuals = [flat[i] for i in places]
                cts = [
                    ct
                    for i, ct in zip(sorted(given_at), flat[len(slots) :], strict=True)
                    if part.active_outs[i]
                ]
                found = iter(evaluate(program, [*residuals, *cts]))
                return _filled(found, mine, produced, wanted)

            return record_closed(run, [*slots, *ct_types])

        branches = tuple(branch(i) for i in range(len(parts)))

        def run(*flat: Any) -> list[Any]:
            kept, index, rest = (
                flat[: len(slots)],
                flat[len(slots)],
                flat[len(slots) + 1 :],
            )
            return bind(cond.with_branches(branches), index, *kept, *rest)

        return record_closed(run, [*slots, index_type, *ct_types]), produced

    return Linearization(primal, tangent, transposed, active, active_outs)


def _filled(
    values: Any,
    has: Sequence[bool],
    wanted: Sequence[bool],
    types: Sequence[ArrayType],
) -> list[Any]:
    """The wanted values, zeros where this branch has none."""
    made, type = [], iter(types)
    for mine, want in zip(has, wanted, strict=True):
        if want:
            here = next(type)
            made.append(next(values) if mine else zeros_for(here))
    return made


def assign_slots(
    groups: Sequence[Sequence[ArrayType]],
) -> tuple[list[ArrayType], list[list[int]]]:
    """Slots that hold the residuals of any one branch, and each residual's slot."""
    slots: list[ArrayType] = []
    placed = []
    for types in groups:
        free = list(range(len(slots)))
        mine = []
        for type in types:
            found = next((i for i in free if slots[i] is type), None)
            if found is None:
                found = len(slots)
                slots.append(type)
            else:
                free.remove(found)
            mine.append(found)
        placed.append(mine)
    return slots, placed

"""`cond` and `switch`: run one of several programs."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program, message
from .._ops import _conversion, _selection, _shape
from .._tracing import (
    as_array,
    bind,
    evaluate,
    present,
    record_closed,
    typeof,
    write_back,
)
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    linearize_program,
    tangent_type,
    to_front,
    transpose_linearized,
    zeros_for,
)
from .._transforms._arguments import Callee
from .._transforms._trees import argument_leaves, name_of
from ._functions import (
    close_over_refs,
    join_all,
    record_stateful_tree,
    share_captures,
    type_difference,
    union_of,
    with_results_for,
)


class Cond(Primitive):
    """Runs `branches[index]` on the operands; the first argument is the index."""

    interned = False
    multiple_results = True

    branches: tuple[Program, ...]

    @property
    def effects(self) -> frozenset[str]:
        return frozenset().union(*(branch.effects for branch in self.branches))

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.branches[0].out_types

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = tuple(t is not None for t in tangents[1:])
        out_active = _union(jvp_program(b, active)[1] for b in self.branches)
        branches = tuple(jvp_program(b, active, out_active)[0] for b in self.branches)
        given = [t for t in tangents[1:] if t is not None]
        flat = bind(Cond(branches), *primals, *given)
        count = len(out_active)
        rest = iter(flat[count:])
        return flat[:count], [next(rest) if a else None for a in out_active]

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
        branches = tuple(
            batch_program(b, in_axes, size, force)[0] for b in self.branches
        )
        outs = bind(Cond(branches), index, *operands)
        return outs, [0 if batched else None for batched in force]

    def _batch_index(
        self, index: Any, operands: Sequence[Any], axes: tuple[Any, ...], size: int
    ) -> list[Any]:
        """Every branch runs for the whole batch, and each lane selects its own."""
        results = []
        for branch in self.branches:
            program, out_axes = batch_program(branch, axes, size)
            outs = evaluate(program, operands)
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

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        index = int(np.clip(np.asarray(args[0]), 0, len(self.branches) - 1))
        run(self.branches[index], args[1:], f"branch {index}")

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        index, operands = args[0], args[1:]
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
    slots, placed = _assign_slots([part.residual_types for part in parts])
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

    forwards = Cond(tuple(forward(p, q) for p, q in zip(parts, placed, strict=True)))
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
            return bind(Cond(branches), index, *kept, *rest)

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
            return bind(Cond(branches), index, *kept, *rest)

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


def _assign_slots(
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


# ---- the public functions ------------------------------------------------------------


def cond(
    pred: Any,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
) -> Any:
    """Call one of two functions, depending on a value known only at run time.

    Under `vmap` with a batched predicate both functions run, and each lane takes the
    result of its own.

    Args:
        pred: a boolean or numeric scalar.
        true_fun: called with the operands if `pred` is true.
        false_fun: called otherwise; returns the same tree and types.
        *operands: arrays in trees.

    Returns:
        The result of the function called.

    Raises:
        TypeError: `pred` is no scalar, or the functions' results differ in type; the
            message lists every difference.

    Example:
        >>> from dolmen.core import lax
        >>> lax.cond(3.0 > 0, lambda x: x + 1.0, lambda x: -x, 3.0)
        Array(4., dtype=float32, weak_type=True)
    """
    pred = as_array(pred)
    type = typeof(pred)
    if type.shape:
        raise TypeError(
            message(
                f"cond: expected a scalar predicate, got {type!r}.",
                "Use `jnp.where` to choose elementwise, or `vmap` the whole `cond`.",
            )
        )
    if type.dtype != np.bool_:
        from .._ops._comparison import ne

        pred = ne(pred, np.zeros((), type.dtype))
    index = _conversion.convert_element_type(pred, np.dtype(np.int32))
    return _choose("cond", index, (false_fun, true_fun), operands)


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Call one of several functions, chosen by an integer known only at run time.

    Args:
        index: an integer scalar, clamped to the branches there are.
        branches: functions of the operands, whose results have equal tree and types.
        *operands: arrays in trees.

    Returns:
        The result of the function called.

    Raises:
        ValueError: `branches` is empty.
        TypeError: `index` is no integer scalar, or results differ in type.

    Example:
        >>> from dolmen.core import lax
        >>> lax.switch(1, [lambda x: x, lambda x: x * 2.0], 3.0)
        Array(6., dtype=float32, weak_type=True)
    """
    if not branches:
        raise ValueError(message("switch: expected at least one branch, got none."))
    index = as_array(index)
    type = typeof(index)
    if type.shape or type.dtype.kind not in "iu":
        raise TypeError(
            message(f"switch: expected an integer scalar as index, got {type!r}.")
        )
    index = _conversion.convert_element_type(index, np.dtype(np.int32))
    last = np.asarray(len(branches) - 1, np.int32)
    index = _selection.clamp(np.asarray(0, np.int32), index, last)
    if len(branches) == 1:
        return branches[0](*operands)
    return _choose("switch", index, branches, operands)


def _choose(
    name: str, index: Any, functions: Sequence[Callable[..., Any]], operands: Any
) -> Any:
    functions, operands = close_over_refs(functions, operands)
    leaves, tree = argument_leaves(name, functions[0], operands)
    types = [typeof(leaf) for leaf in leaves]
    recorded = [
        record_stateful_tree(
            name, lambda ops, f=f: f(*ops), [tree], types, of=Callee(f)
        )
        for f in functions
    ]
    out_tree = recorded[0][2]
    count = out_tree.num_leaves
    joined = list(recorded[0][0].out_types[:count])
    for function, (program, _, got_tree, _) in zip(functions, recorded, strict=True):
        got = program.out_types[: got_tree.num_leaves]
        merged = join_all(joined, got) if got_tree == out_tree else None
        if merged is None:
            raise type_difference(
                f"{name} of {name_of(functions[0])} and {name_of(function)}",
                out_tree.unflatten(joined),
                joined,
                got_tree,
                got,
                ("first result", "other result"),
                "Make all branches return the same tree, shapes and dtypes.",
            )
        joined = merged
    programs = [
        _with_out_types(program, [*joined, *program.out_types[count:]])
        for program, _, _, _ in recorded
    ]
    shared, captures = share_captures(programs, [c for _, c, _, _ in recorded])
    written = union_of([cells for _, _, _, cells in recorded])
    branches = [
        with_results_for(program, captures, cells, written)
        for program, (_, _, _, cells) in zip(shared, recorded, strict=True)
    ]
    outs = bind(Cond(tuple(branches)), index, *present(captures), *leaves)
    write_back(written, outs[count:])
    return out_tree.unflatten(outs[:count])


def _with_out_types(program: Program, types: Sequence[Any]) -> Program:
    """`program` with results converted where only weakness differs."""
    if tuple(types) == program.out_types:
        return program

    def run(*args: Any) -> list[Any]:
        outs = evaluate(program, args)
        return [
            out
            if typeof(out) is type
            else _conversion.convert_element_type(out, type.dtype)
            for out, type in zip(outs, types, strict=True)
        ]

    made = record_closed(run, list(program.in_types))
    made.name = program.name
    return made

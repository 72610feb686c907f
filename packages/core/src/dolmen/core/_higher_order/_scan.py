"""`scan`: a loop with a fixed number of steps, differentiable both ways."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import (
    ArrayType,
    Primitive,
    Program,
    Variable,
    array_type,
    message,
)
from .._lowering import mlir
from .._ops import _joining, _shape
from .._tracing import (
    Cell,
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
from .._transforms._trees import (
    argument_leaves,
    flatten,
    flatten_with_path,
    name_of,
    path_text,
)
from ._functions import carry_refs, join_all, record_stateful_tree, type_difference


class Scan(Primitive):
    """Runs `program` `length` times.

    Arguments are constants, the initial carry, and stacked inputs; results the final
    carry and stacked outputs. `program` takes constants, carry and one row of the
    inputs and returns carry and one row of the outputs.
    """

    interned = False
    multiple_results = True

    program: Program
    length: int
    reverse: bool
    num_consts: int
    num_carry: int
    unroll: int = 1

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        outs = self.program.out_types
        rows = [_stacked(t, self.length) for t in outs[self.num_carry :]]
        return (*outs[: self.num_carry], *rows)

    def _parts(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        first, second = self.num_consts, self.num_consts + self.num_carry
        return values[:first], values[first:second], values[second:]

    def _active_carry(
        self,
        consts: Sequence[bool],
        carry: Sequence[bool],
        xs: Sequence[bool],
        active_outs: Callable[[tuple[bool, ...]], Sequence[bool]],
    ) -> tuple[bool, ...]:
        """The carries that vary, grown until one step adds none."""
        current = tuple(carry)
        while True:
            outs = active_outs((*consts, *current, *xs))[: self.num_carry]
            grown = tuple(a or b for a, b in zip(current, outs, strict=True))
            if grown == current:
                return current
            current = grown

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        active = [t is not None for t in tangents]
        consts, carry, xs = self._parts(active)
        grown = self._active_carry(
            consts, carry, xs, lambda a: jvp_program(self.program, a)[1]
        )
        wanted = (*grown, *(False for _ in self.program.outputs[self.num_carry :]))
        mask = (*consts, *grown, *xs)
        program, out_active = jvp_program(self.program, mask, wanted)
        count, num_outs = len(self.program.inputs), len(self.program.outputs)
        order = _Order(program.inputs, program.outputs)
        tangent_inputs = dict(
            zip([i for i, a in enumerate(mask) if a], range(count, 10**9), strict=False)
        )
        tangent_outputs = dict(
            zip(
                [i for i, a in enumerate(out_active) if a],
                range(num_outs, 10**9),
                strict=False,
            )
        )
        for section in _sections(self.num_consts, self.num_carry, count):
            order.inputs += list(section)
            order.inputs += [tangent_inputs[i] for i in section if i in tangent_inputs]
        for section in _sections(0, self.num_carry, num_outs)[1:]:
            order.outputs += list(section)
            order.outputs += [
                tangent_outputs[i] for i in section if i in tangent_outputs
            ]
        scan = Scan(
            order.apply(program),
            self.length,
            self.reverse,
            self.num_consts + sum(consts),
            self.num_carry + sum(grown),
            self.unroll,
        )
        full = [
            zeros_for(typeof(p)) if t is None and a else t
            for p, t, a in zip(primals, tangents, mask, strict=True)
        ]
        args: list[Any] = []
        for section in _sections(self.num_consts, self.num_carry, count):
            args += [primals[i] for i in section]
            args += [full[i] for i in section if mask[i]]
        flat = bind(scan, *args)
        outs: list[Any] = [None] * num_outs
        out_tangents: list[Any] = [None] * num_outs
        for value, index in zip(flat, order.outputs, strict=True):
            if index < num_outs:
                outs[index] = value
            else:
                position = next(i for i, j in tangent_outputs.items() if j == index)
                out_tangents[position] = value
        return outs, out_tangents

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return _linearize_scan(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        consts, carry, xs = self._parts([axis is not None for axis in axes])

        def one_step(mask: tuple[bool, ...]) -> tuple[Program, Any]:
            in_axes = tuple(0 if batched else None for batched in mask)
            force = (
                *mask[self.num_consts : self.num_consts + self.num_carry],
                *(False for _ in self.program.outputs[self.num_carry :]),
            )
            return batch_program(self.program, in_axes, size, force)

        grown = self._active_carry(
            consts, carry, xs, lambda a: [x is not None for x in one_step(a)[1]]
        )
        mask = (*consts, *grown, *xs)
        program, out_axes = one_step(mask)
        aligned = []
        for index, (arg, axis, batched) in enumerate(
            zip(args, axes, mask, strict=True)
        ):
            if batched and index >= self.num_consts + self.num_carry:
                # Rows of stacked inputs: the batch axis comes after the step axis.
                arg = _shape.move_axis(arg, axis, 1)
            elif batched:
                arg = to_front(arg, axis, size)
            aligned.append(arg)
        scan = Scan(
            program,
            self.length,
            self.reverse,
            self.num_consts,
            self.num_carry,
            self.unroll,
        )
        outs = bind(scan, *aligned)
        placed = [
            None if axis is None else 0 if index < self.num_carry else 1
            for index, axis in enumerate(out_axes)
        ]
        return outs, placed

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        consts, carry, xs = self._parts(args)
        steps = range(self.length)
        for step in reversed(steps) if self.reverse else steps:
            rows = [np.asarray(x)[step] for x in xs]
            outs = run(self.program, [*consts, *carry, *rows], f"iteration {step}")
            carry = outs[: self.num_carry]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return _lower_scan(self, builder, args)


class _Order:
    """A permutation of a program's inputs and outputs."""

    def __init__(self, inputs: Sequence[Any], outputs: Sequence[Any]) -> None:
        self.inputs: list[int] = []
        self.outputs: list[int] = []

    def apply(self, program: Program) -> Program:
        return Program(
            [program.inputs[i] for i in self.inputs],
            program.equations,
            [program.outputs[i] for i in self.outputs],
            program.name,
        )


def _sections(num_consts: int, num_carry: int, total: int) -> list[range]:
    return [
        range(num_consts),
        range(num_consts, num_consts + num_carry),
        range(num_consts + num_carry, total),
    ]


def _stacked(type: ArrayType, length: int) -> ArrayType:
    return array_type((length, *type.shape), type.dtype, type.weak_type)


# ---- reverse mode --------------------------------------------------------------------


def _linearize_scan(
    scan: Scan, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Split the loop: a forward one that stacks residuals, a linear one over them.

    A residual of the body that is one of the body's constants is not stacked: it is a
    constant of the linear loop too.
    """
    consts, carry, xs = scan._parts(active)
    grown = scan._active_carry(
        consts, carry, xs, lambda a: linearize_program(scan.program, a).active_outs
    )
    mask = (*consts, *grown, *xs)
    body = linearize_program(scan.program, mask)
    num_outs = len(scan.program.outputs)
    active_outs = (*grown, *body.active_outs[scan.num_carry :])
    inputs = body.primal.inputs
    const_index = {v: i for i, v in enumerate(inputs[: scan.num_consts])}
    row_index = {
        v: i for i, v in enumerate(inputs) if i >= scan.num_consts + scan.num_carry
    }
    residuals = body.primal.outputs[num_outs:]
    kept = [
        ("const", const_index[a])
        if isinstance(a, Variable) and a in const_index
        else ("row", row_index[a])
        if isinstance(a, Variable) and a in row_index
        else ("stack", -1)
        for a in residuals
    ]
    stacked = [a for a, (how, _) in zip(residuals, kept, strict=True) if how == "stack"]
    forward = Scan(
        Program(
            inputs,
            body.primal.equations,
            [*body.primal.outputs[:num_outs], *stacked],
            scan.program.name,
        ),
        scan.length,
        scan.reverse,
        scan.num_consts,
        scan.num_carry,
        scan.unroll,
    )

    def primal(*args: Any) -> list[Any]:
        flat = bind(forward, *args)
        extra = iter(flat[num_outs:])
        found = [next(extra) if how == "stack" else args[i] for how, i in kept]
        return [*flat[:num_outs], *found]

    primal_program = record_closed(primal, list(arg_types))
    is_const = [how == "const" for how, _ in kept]
    residual_types = primal_program.out_types[num_outs:]
    layout = _LinearLayout(scan, body, mask, active, is_const, residual_types)
    return Linearization(
        primal_program, layout.tangent, layout.transposed, active, active_outs
    )


class _LinearLayout:
    """The linear loop of a scan and its transpose."""

    def __init__(
        self,
        scan: Scan,
        body: Linearization,
        mask: tuple[bool, ...],
        active: tuple[bool, ...],
        is_const: list[bool],
        residual_types: Sequence[ArrayType],
    ) -> None:
        self.scan = scan
        self.body = body
        self.active = active
        self.is_const = is_const
        self.residual_types = residual_types
        types = scan.program.in_types
        consts, carry, xs = scan._parts(mask)
        t_consts, t_carry, t_xs = scan._parts(types)
        self.const_types = _chosen(t_consts, consts)
        self.carry_types = _chosen(t_carry, carry)
        self.row_types = _chosen(t_xs, xs)
        # Carries that became active inside the loop start with a zero tangent.
        self.carry_given = [
            given for given, on in zip(scan._parts(active)[1], carry, strict=True) if on
        ]
        self.carry_out_active = [
            on
            for on, grown in zip(body.active_outs[: scan.num_carry], carry, strict=True)
            if grown
        ]
        self.out_row_types = _chosen(
            scan.program.out_types[scan.num_carry :], body.active_outs[scan.num_carry :]
        )

    def _split_residuals(self, residuals: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        consts = [r for r, c in zip(residuals, self.is_const, strict=True) if c]
        rows = [r for r, c in zip(residuals, self.is_const, strict=True) if not c]
        return consts, rows

    def _merge_residuals(self, consts: Sequence[Any], rows: Sequence[Any]) -> list[Any]:
        const, row = iter(consts), iter(rows)
        return [next(const) if c else next(row) for c in self.is_const]

    def _row(self, type: ArrayType) -> ArrayType:
        return array_type(type.shape[1:], type.dtype, type.weak_type)

    def tangent(self) -> Program:
        nc, nk = len(self.const_types), len(self.carry_types)
        consts, rows = self._split_residuals(self.residual_types)
        rows = [self._row(t) for t in rows]

        def step(*flat: Any) -> list[Any]:
            it = iter(flat)
            res_consts = [next(it) for _ in consts]
            t_consts = [next(it) for _ in range(nc)]
            t_carry = [next(it) for _ in range(nk)]
            res_rows = [next(it) for _ in rows]
            t_rows = list(it)
            residuals = self._merge_residuals(res_consts, res_rows)
            outs = iter(
                evaluate(self.body.tangent, [*residuals, *t_consts, *t_carry, *t_rows])
            )
            carried = [
                next(outs) if on else zeros_for(type)
                for on, type in zip(
                    self.carry_out_active, self.carry_types, strict=True
                )
            ]
            return [*carried, *outs]

        program = record_closed(
            step,
            [*consts, *self.const_types, *self.carry_types, *rows, *self.row_types],
        )
        loop = self._loop(program, len(consts) + nc, nk, self.scan.reverse)

        def tangent(*flat: Any) -> list[Any]:
            residuals = flat[: len(self.is_const)]
            it = iter(flat[len(self.is_const) :])
            t_consts = [next(it) for _ in range(nc)]
            t_carry = [
                next(it) if given else zeros_for(type)
                for given, type in zip(self.carry_given, self.carry_types, strict=True)
            ]
            res_consts, res_rows = self._split_residuals(residuals)
            return bind(loop, *res_consts, *t_consts, *t_carry, *res_rows, *it)

        carry_inputs = [
            t for t, g in zip(self.carry_types, self.carry_given, strict=True) if g
        ]
        stacked = [_stacked(t, self.scan.length) for t in self.row_types]
        return record_closed(
            tangent, [*self.residual_types, *self.const_types, *carry_inputs, *stacked]
        )

    def _loop(self, program: Program, consts: int, carry: int, reverse: bool) -> Scan:
        return Scan(program, self.scan.length, reverse, consts, carry, self.scan.unroll)

    def transposed(self, given: tuple[bool, ...]) -> tuple[Program, tuple[bool, ...]]:
        """The backward loop: cotangents of constants and carry travel in its carry."""
        nc, nk = len(self.const_types), len(self.carry_types)
        consts, rows = self._split_residuals(self.residual_types)
        rows = [self._row(t) for t in rows]
        rows_given = given[nk:]
        ct_rows = _chosen(self.out_row_types, rows_given)
        inner_given = (
            *(True for on in self.carry_out_active if on),
            *rows_given,
        )
        pulled, produced = self.body.transposed(inner_given)

        def step(*flat: Any) -> list[Any]:
            from .._ops._arithmetic import add

            it = iter(flat)
            res_consts = [next(it) for _ in consts]
            ct_consts = [next(it) for _ in range(nc)]
            ct_carry = [next(it) for _ in range(nk)]
            res_rows = [next(it) for _ in rows]
            residuals = self._merge_residuals(res_consts, res_rows)
            outs = [
                c for c, on in zip(ct_carry, self.carry_out_active, strict=True) if on
            ]
            found = iter(evaluate(pulled, [*residuals, *outs, *it]))
            grads = [next(found) if has else None for has in produced]
            totals = [
                ct if g is None else add(ct, g)
                for ct, g in zip(ct_consts, grads[:nc], strict=True)
            ]
            new_carry = [
                zeros_for(type) if g is None else g
                for g, type in zip(grads[nc : nc + nk], self.carry_types, strict=True)
            ]
            ct_xs = [
                zeros_for(type) if g is None else g
                for g, type in zip(grads[nc + nk :], self.row_types, strict=True)
            ]
            return [*totals, *new_carry, *ct_xs]

        program = record_closed(
            step, [*consts, *self.const_types, *self.carry_types, *rows, *ct_rows]
        )
        loop = self._loop(program, len(consts), nc + nk, not self.scan.reverse)

        def backward(*flat: Any) -> list[Any]:
            residuals = flat[: len(self.is_const)]
            it = iter(flat[len(self.is_const) :])
            ct_carry = [
                next(it) if has else zeros_for(type)
                for has, type in zip(given[:nk], self.carry_types, strict=True)
            ]
            ct_consts = [zeros_for(type) for type in self.const_types]
            res_consts, res_rows = self._split_residuals(residuals)
            outs = bind(loop, *res_consts, *ct_consts, *ct_carry, *res_rows, *it)
            carry = [
                ct
                for ct, g in zip(outs[nc : nc + nk], self.carry_given, strict=True)
                if g
            ]
            return [*outs[:nc], *carry, *outs[nc + nk :]]

        carry_cts = [t for t, g in zip(self.carry_types, given, strict=False) if g]
        stacked = [_stacked(t, self.scan.length) for t in ct_rows]
        made = record_closed(backward, [*self.residual_types, *carry_cts, *stacked])
        return made, (True,) * len(made.outputs)


def _chosen(types: Sequence[ArrayType], mask: Sequence[bool]) -> list[ArrayType]:
    return [tangent_type(t) for t, on in zip(types, mask, strict=True) if on]


# ---- lowering ------------------------------------------------------------------------


def _lower_scan(scan: Scan, builder: Any, args: Sequence[Any]) -> list[Any]:
    """A `stablehlo.while` over (index, constants, carry, inputs, outputs)."""
    types = scan.program.in_types
    consts, carry, xs = scan._parts(args)
    t_consts, t_carry, t_xs = scan._parts(types)
    out_rows = scan.program.out_types[scan.num_carry :]
    index_type = array_type((), np.dtype(np.int32))
    stacked = [_stacked(t, scan.length) for t in out_rows]
    xs_types = [_stacked(t, scan.length) for t in t_xs]
    state_types = [index_type, *t_consts, *t_carry, *xs_types, *stacked]
    outs = [builder.constant(0, t) for t in stacked]
    state = [builder.constant(0, index_type), *consts, *carry, *xs, *outs]
    steps = (
        scan.unroll if scan.unroll > 0 and scan.length % max(scan.unroll, 1) == 0 else 1
    )

    def condition(*values: Any) -> list[Any]:
        limit = builder.constant(scan.length, index_type)
        return [builder.compare("LT", values[0], limit, index_type, "SIGNED")]

    def body(*values: Any) -> list[Any]:
        index, rest = values[0], list(values[1:])
        for _ in range(steps):
            index, rest = one_step(index, rest)
        return [index, *rest]

    def one_step(index: Any, rest: list[Any]) -> tuple[Any, list[Any]]:
        nc, nk, nx = len(t_consts), len(t_carry), len(t_xs)
        here = index
        if scan.reverse:
            last = builder.constant(scan.length - 1, index_type)
            here = builder.emit("subtract", (last, index), (index_type,))
        rows = [
            _read_row(builder, value, here, type)
            for value, type in zip(rest[nc + nk : nc + nk + nx], t_xs, strict=True)
        ]
        results = builder.inline(scan.program, [*rest[: nc + nk], *rows])
        written = [
            _write_row(builder, buffer, row, here, type)
            for buffer, row, type in zip(
                rest[nc + nk + nx :], results[nk:], out_rows, strict=True
            )
        ]
        one = builder.constant(1, index_type)
        following = builder.emit("add", (index, one), (index_type,))
        kept = rest[nc + nk : nc + nk + nx]
        return following, [*rest[:nc], *results[:nk], *kept, *written]

    if scan.length == 0:
        return [*carry, *outs]
    if steps == scan.length:
        _, final = one_step_all(builder, one_step, state, scan.length, index_type)
    else:
        final = builder.emit_control(
            "while",
            state,
            state_types,
            regions=[(state_types, condition), (state_types, body)],
            effects=scan.effects,
        )[1:]
    nc, nk, nx = len(t_consts), len(t_carry), len(t_xs)
    return [*final[nc : nc + nk], *final[nc + nk + nx :]]


def one_step_all(
    builder: Any, one_step: Any, state: list[Any], length: int, index_type: ArrayType
) -> tuple[Any, list[Any]]:
    """Unroll the loop completely."""
    index, rest = state[0], state[1:]
    for _ in range(length):
        index, rest = one_step(index, rest)
    return index, rest


def _read_row(builder: Any, value: Any, index: Any, type: ArrayType) -> Any:
    zero = builder.constant(0, array_type((), np.dtype(np.int32)))
    row = builder.emit(
        "dynamic_slice",
        [value, index, *([zero] * type.ndim)],
        (_stacked(type, 1),),
        slice_sizes=mlir.int_array((1, *type.shape)),
    )
    return builder.emit("reshape", (row,), (type,))


def _write_row(builder: Any, buffer: Any, row: Any, index: Any, type: ArrayType) -> Any:
    zero = builder.constant(0, array_type((), np.dtype(np.int32)))
    block = builder.emit("reshape", (row,), (_stacked(type, 1),))
    length = mlir.shape(buffer)[0]
    return builder.emit(
        "dynamic_update_slice",
        [buffer, block, index, *([zero] * type.ndim)],
        (_stacked(type, length),),
    )


# ---- the public function -------------------------------------------------------------


def scan(
    f: Callable[[Any, Any], tuple[Any, Any]],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Loop over the leading axis of arrays, carrying state along.

    The body is traced and compiled once, however many steps there are.

    Args:
        f: from carry and one row of `xs` to a pair of the next carry and one row of the
            output. The carry keeps its tree, shapes and dtypes.
        init: the first carry, a tree of arrays.
        xs: arrays with equal leading sizes, in a tree; None to loop `length` times.
        length: number of steps, needed only without `xs`.
        reverse: go from the last row to the first (outputs stay in the order of `xs`).
        unroll: how many steps each iteration of the compiled loop does; True for all.

    Returns:
        The final carry and the stacked outputs.

    Raises:
        TypeError: `f` changes the type of the carry; the message lists every
            difference.
        ValueError: leading sizes differ, or `length` contradicts them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.scan(lambda total, x: (total + x, total * x), 0.0, jnp.arange(4.0))
        (Array(6., dtype=float32), Array([0., 0., 2., 9.], dtype=float32))
    """
    if any(isinstance(leaf, Cell) for leaf in flatten(xs)[0]):
        return _scan_refs(f, init, xs, length, reverse, unroll)
    carry, carry_tree = argument_leaves("scan", f, init)
    rows, rows_tree = argument_leaves("scan", f, xs)
    steps = _length(f, xs, rows, length)
    row_types = [typeof(row).with_shape(typeof(row).shape[1:]) for row in rows]
    types = [typeof(value) for value in carry]
    while True:
        program, captures, out_tree, written = record_stateful_tree(
            "scan", f, [carry_tree, rows_tree], [*types, *row_types]
        )
        new_types, ys_tree = _check_carry(f, init, carry_tree, types, program, out_tree)
        if new_types == types:
            break
        types = new_types
    carry = [_weak_to(value, type) for value, type in zip(carry, types, strict=True)]
    count = int(steps if unroll is True else max(int(unroll), 1))
    if written:
        program, captures = carry_refs(program, captures, written, len(written))
    consts, carry = present(captures), [*present(written), *carry]
    primitive = Scan(program, steps, reverse, len(consts), len(carry), count)
    outs = bind(primitive, *consts, *carry, *rows)
    write_back(written, outs[: len(written)])
    return (
        carry_tree.unflatten(outs[len(written) : len(carry)]),
        ys_tree.unflatten(outs[len(carry) :]),
    )


def _scan_refs(f: Any, init: Any, xs: Any, *how: Any) -> tuple[Any, Any]:
    """`scan` over arrays and refs: a step sees a ref for one row of each ref."""
    leaves, tree = flatten(xs)

    def step(carry: Any, rows: list[Any]) -> Any:
        inner = [
            leaf.aval.stand_in(row) if isinstance(leaf, Cell) else row
            for leaf, row in zip(leaves, rows, strict=True)
        ]
        carry, y = f(carry, tree.unflatten(inner))
        return carry, (y, [cell.read() for cell in inner if isinstance(cell, Cell)])

    carry, (ys, finals) = scan(step, init, present(leaves), *how)
    write_back([leaf for leaf in leaves if isinstance(leaf, Cell)], finals)
    return carry, ys


def _weak_to(value: Any, type: ArrayType) -> Any:
    """`value` at a carry's settled type, which may have lost its weakness."""
    if typeof(value) is type:
        return value
    if isinstance(value, bool | int | float | complex):
        return np.asarray(value, type.dtype)
    from .._ops._conversion import convert_element_type

    return convert_element_type(value, type.dtype)


def _length(f: Any, xs: Any, rows: Sequence[Any], length: int | None) -> int:
    scalars = [
        path_text(path)
        for path, leaf in flatten_with_path(xs)[0]
        if typeof(as_array(leaf)).ndim == 0
    ]
    if scalars:
        raise ValueError(
            message(
                f"scan of {name_of(f)}: expected arrays with a leading axis, but "
                + ", ".join(f"xs{path} is a scalar" for path in scalars)
                + ".",
                "Close over values that all steps share.",
            )
        )
    sizes = {typeof(row).shape[0] for row in rows}
    if length is not None:
        sizes.add(int(length))
    if len(sizes) == 1:
        return sizes.pop()
    if not sizes:
        raise ValueError(
            message(
                f"scan of {name_of(f)}: neither `xs` nor `length` says how many steps.",
                "Pass `length=`.",
            )
        )
    listed = [
        f"  xs{path_text(path)}: {typeof(as_array(leaf))!r}"
        for path, leaf in flatten_with_path(xs)[0]
    ]
    if length is not None:
        listed.append(f"  length={length}")
    raise ValueError(
        message(
            f"scan of {name_of(f)}: leading sizes must agree, got\n" + "\n".join(listed)
        )
    )


def _check_carry(
    f: Any,
    init: Any,
    carry_tree: Any,
    types: list[ArrayType],
    program: Program,
    out_tree: Any,
) -> tuple[list[ArrayType], Any]:
    """Settled carry types (weakness may go), and the tree of the stacked outputs."""
    parts = out_tree.children()
    if len(parts) != 2 or out_tree.node_data()[0] not in (tuple, list):
        raise TypeError(
            message(
                f"scan of {name_of(f)}: expected the function to return a pair "
                f"`(carry, y)`, got {out_tree}.",
                "Return `(carry, None)` when there is nothing to stack.",
            )
        )
    new_tree, ys_tree = parts
    got = list(program.out_types[: new_tree.num_leaves])
    joined = join_all(types, got) if new_tree == carry_tree else None
    if joined is None:
        raise type_difference(
            f"scan of {name_of(f)}",
            init,
            types,
            new_tree,
            got,
            ("init", "carry"),
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        )
    return joined, ys_tree


def map(f: Callable[[Any], Any], xs: Any, *, batch_size: int | None = None) -> Any:
    """Apply a function to each row of arrays, one after the other.

    Uses the memory of one step, where `vmap` uses that of the whole batch.

    Args:
        f: from one row to a tree of arrays.
        xs: arrays with equal leading sizes, in a tree.
        batch_size: how many rows to do at a time with `vmap`.

    Returns:
        The results, stacked.
    """
    if batch_size is None:
        return scan(lambda _, x: ((), f(x)), (), xs)[1]
    from .._ops import _slicing
    from .._transforms import vmap

    leaves, tree = flatten(xs)
    total = typeof(leaves[0]).shape[0]
    whole = total // batch_size
    rows = tree.unflatten(
        [
            _shape.reshape(
                _slicing.slice_in_dim(x, 0, whole * batch_size),
                (whole, batch_size, *typeof(x).shape[1:]),
            )
            for x in leaves
        ]
    )
    done = scan(lambda _, x: ((), vmap(f)(x)), (), rows)[1]
    outs, out_tree = flatten(done)
    outs = [_shape.reshape(x, (whole * batch_size, *typeof(x).shape[2:])) for x in outs]
    if whole * batch_size < total:
        rest = tree.unflatten(
            [_slicing.slice_in_dim(x, whole * batch_size, total) for x in leaves]
        )
        tail, _ = flatten(vmap(f)(rest))
        ends = zip(outs, tail, strict=True)
        outs = [_joining.concatenate([a, b], 0) for a, b in ends]
    return out_tree.unflatten(outs)

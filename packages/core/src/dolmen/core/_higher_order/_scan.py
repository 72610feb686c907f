"""The primitive of `scan`: a loop with a fixed number of steps."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program, array_type
from .._lowering import mlir
from .._ops import _shape
from .._tracing import bind, typeof
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    to_front,
    transpose_linearized,
    zeros_for,
)
from ._scan_reverse import linearize_scan, stacked_type


class Scan(Primitive):
    """Runs `program` `length` times.

    Arguments are constants, the initial carry, and stacked inputs; results the final
    carry and stacked outputs. `program` takes constants, carry and one row of the
    inputs and returns carry and one row of the outputs.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    program: Program
    length: int
    reverse: bool
    num_consts: int
    num_carry: int
    unroll: int = 1

    @property
    def effects(self) -> frozenset[str]:
        return self.program.effects

    @property
    def argument_types(self) -> Sequence[ArrayType]:
        return self.program.in_types

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        outs = self.program.out_types
        rows = [stacked_type(t, self.length) for t in outs[self.num_carry :]]
        return (*outs[: self.num_carry], *rows)

    def parts(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        """What belongs to the constants, the carry and the stacked inputs."""
        first, second = self.num_consts, self.num_consts + self.num_carry
        return values[:first], values[first:second], values[second:]

    def active_carry(
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
        consts, carry, xs = self.parts(active)
        grown = self.active_carry(
            consts, carry, xs, lambda a: jvp_program(self.program, a)[1]
        )
        wanted = (*grown, *(False for _ in self.program.outputs[self.num_carry :]))
        mask = (*consts, *grown, *xs)
        program, out_active = jvp_program(self.program, mask, wanted)
        count, num_outs = len(self.program.inputs), len(self.program.outputs)
        order = _Order(program.inputs, program.outputs)
        tangent_inputs = {i: count + k for k, i in enumerate(_positions(mask))}
        tangent_outputs = {
            i: num_outs + k for k, i in enumerate(_positions(out_active))
        }
        primal_outputs = {j: i for i, j in tangent_outputs.items()}
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
                out_tangents[primal_outputs[index]] = value
        return outs, out_tangents

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        return linearize_scan(self, arg_types, active)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        return transpose_linearized(self, cotangents, args)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        consts, carry, xs = self.parts([axis is not None for axis in axes])

        def one_step(mask: tuple[bool, ...]) -> tuple[Program, Any]:
            in_axes = tuple(0 if batched else None for batched in mask)
            force = (
                *mask[self.num_consts : self.num_consts + self.num_carry],
                *(False for _ in self.program.outputs[self.num_carry :]),
            )
            return batch_program(self.program, in_axes, size, force)

        grown = self.active_carry(
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
        consts, carry, xs = self.parts(args)
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


def _positions(mask: Sequence[bool]) -> list[int]:
    return [i for i, is_set in enumerate(mask) if is_set]


def _sections(num_consts: int, num_carry: int, total: int) -> list[range]:
    return [
        range(num_consts),
        range(num_consts, num_consts + num_carry),
        range(num_consts + num_carry, total),
    ]


# ---- lowering ------------------------------------------------------------------------


def _lower_scan(scan: Scan, builder: Any, args: Sequence[Any]) -> list[Any]:
    """A `stablehlo.while` over (index, constants, carry, inputs, outputs)."""
    types = scan.program.in_types
    consts, carry, xs = scan.parts(args)
    t_consts, t_carry, t_xs = scan.parts(types)
    out_rows = scan.program.out_types[scan.num_carry :]
    index_type = array_type((), np.dtype(np.int32))
    stacked = [stacked_type(t, scan.length) for t in out_rows]
    xs_types = [stacked_type(t, scan.length) for t in t_xs]
    state_types = [index_type, *t_consts, *t_carry, *xs_types, *stacked]
    outs = [builder.constant(0, t) for t in stacked]
    state = [builder.constant(0, index_type), *consts, *carry, *xs, *outs]
    unroll = min(max(scan.unroll, 1), max(scan.length, 1))
    in_loop = scan.length - scan.length % unroll  # the steps after it are written out

    def condition(*values: Any) -> list[Any]:
        limit = builder.constant(in_loop, index_type)
        return [builder.compare("LT", values[0], limit, index_type, "SIGNED")]

    def body(*values: Any) -> list[Any]:
        return several_steps(unroll, list(values))

    def several_steps(count: int, state: list[Any]) -> list[Any]:
        index, rest = state[0], state[1:]
        for _ in range(count):
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

    if unroll < scan.length:
        state = builder.emit_control(
            "while",
            state,
            state_types,
            regions=[(state_types, condition), (state_types, body)],
            effects=scan.effects,
        )
        final = several_steps(scan.length - in_loop, list(state))[1:]
    else:
        final = several_steps(scan.length, state)[1:]
    nc, nk, nx = len(t_consts), len(t_carry), len(t_xs)
    return [*final[nc : nc + nk], *final[nc + nk + nx :]]


def _read_row(builder: Any, value: Any, index: Any, type: ArrayType) -> Any:
    zero = builder.constant(0, array_type((), np.dtype(np.int32)))
    row = builder.emit(
        "dynamic_slice",
        [value, index, *([zero] * type.ndim)],
        (stacked_type(type, 1),),
        slice_sizes=mlir.int_array((1, *type.shape)),
    )
    return builder.emit("reshape", (row,), (type,))


def _write_row(builder: Any, buffer: Any, row: Any, index: Any, type: ArrayType) -> Any:
    zero = builder.constant(0, array_type((), np.dtype(np.int32)))
    block = builder.emit("reshape", (row,), (stacked_type(type, 1),))
    length = mlir.shape(buffer)[0]
    return builder.emit(
        "dynamic_update_slice",
        [buffer, block, index, *([zero] * type.ndim)],
        (stacked_type(type, length),),
    )

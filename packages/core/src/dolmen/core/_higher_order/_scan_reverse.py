"""Reverse mode of `scan`: one loop that stacks residuals, a linear one over them.

The linear loop carries tangents; transposed, it runs backwards and carries cotangents.
"""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, Program, Variable
from .._ops._arithmetic import add
from .._tracing import bind, evaluate, record_closed
from .._transforms import Linearization, linearize_program, tangent_type, zeros_for


def stacked_type(type: ArrayType, length: int) -> ArrayType:
    """The type of `length` rows."""
    return type.with_shape((length, *type.shape))


def linearize_scan(
    scan: Any, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
) -> Linearization:
    """Split the loop: a forward one that stacks residuals, a linear one over them.

    A residual of the body that is one of the body's constants is not stacked: it is a
    constant of the linear loop too.
    """
    consts, carry, xs = scan.parts(active)
    # Constants and rows are read from the arguments again. The rest would be stacked.
    lasting = (True,) * len(consts) + (False,) * len(carry) + (True,) * len(xs)

    def linearized(mask: tuple[bool, ...]) -> Linearization:
        return linearize_program(scan.program, mask, lasting)

    grown = scan.active_carry(consts, carry, xs, lambda a: linearized(a).active_outs)
    mask = (*consts, *grown, *xs)
    body = linearized(mask)
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
    forward = type(scan)(
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
        scan: Any,
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
        consts, carry, xs = scan.parts(mask)
        t_consts, t_carry, t_xs = scan.parts(types)
        self.const_types = _chosen(t_consts, consts)
        self.carry_types = _chosen(t_carry, carry)
        self.row_types = _chosen(t_xs, xs)
        # Carries that became active inside the loop start with a zero tangent.
        self.carry_given = [
            given for given, on in zip(scan.parts(active)[1], carry, strict=True) if on
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
        return type.with_shape(type.shape[1:])

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
        stacked = [stacked_type(t, self.scan.length) for t in self.row_types]
        return record_closed(
            tangent, [*self.residual_types, *self.const_types, *carry_inputs, *stacked]
        )

    def _loop(self, program: Program, consts: int, carry: int, reverse: bool) -> Any:
        return type(self.scan)(
            program, self.scan.length, reverse, consts, carry, self.scan.unroll
        )

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
        stacked = [stacked_type(t, self.scan.length) for t in ct_rows]
        made = record_closed(backward, [*self.residual_types, *carry_cts, *stacked])
        return made, (True,) * len(made.outputs)


def _chosen(types: Sequence[ArrayType], mask: Sequence[bool]) -> list[ArrayType]:
    return [tangent_type(t) for t, on in zip(types, mask, strict=True) if on]

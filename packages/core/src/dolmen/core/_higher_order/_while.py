"""The primitive of `while_loop`: a loop until a condition fails."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program, Variable, array_type, is_ordered
from .._ops import _selection, _shape
from .._ops._bitwise import bitwise_and
from .._ops._conversion import convert_element_type
from .._ops._reductions import reduce_or
from .._tracing import bind, evaluate, record_closed, typeof
from .._transforms import (
    Linearization,
    batch_program,
    batch_size,
    jvp_program,
    not_reversible,
    tangent_type,
    to_front,
    with_tangents,
    zeros_for,
)
from ._cond import masked

_BOOL = np.dtype(bool)
_FLAG = array_type((), _BOOL)


class While(Primitive):
    """Runs `body` while `condition` holds.

    Arguments are the constants of the condition, those of the body, and the carry.
    """

    interned = False
    multiple_results = True
    infers_varying = True

    condition: Program
    body: Program
    num_condition_consts: int
    num_body_consts: int

    @property
    def effects(self) -> frozenset[str]:
        return self.condition.effects | self.body.effects

    @property
    def argument_types(self) -> Sequence[ArrayType]:
        return (
            *self.condition.in_types[: self.num_condition_consts],
            *self.body.in_types,
        )

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.body.out_types

    def _parts(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        first = self.num_condition_consts
        second = first + self.num_body_consts
        return values[:first], values[first:second], values[second:]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        flat, grown, _ = self._jvp(primals, tangents)
        return with_tangents(flat, grown)

    def _jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        p_cond, p_body, p_carry = self._parts(primals)
        _, t_body, t_carry = self._parts(tangents)
        active = [t is not None for t in tangents]
        consts = tuple(self._parts(active)[1])
        grown = _fixed_point(
            tuple(self._parts(active)[2]),
            lambda carry: jvp_program(self.body, (*consts, *carry))[1],
        )
        body, _ = jvp_program(self.body, (*consts, *grown), grown)
        # The program takes primals then tangents; the loop wants constants then carry.
        count, nb, nc = len(self.body.inputs), len(p_body), sum(consts)
        inputs = [
            *body.inputs[:nb],
            *body.inputs[count : count + nc],
            *body.inputs[nb:count],
            *body.inputs[count + nc :],
        ]
        body = Program(inputs, body.equations, body.outputs, body.name)
        condition = _with_extra_inputs(
            self.condition,
            [tangent_type(typeof(p)) for p, g in zip(p_carry, grown, strict=True) if g],
        )
        loop = While(condition, body, len(p_cond), nb + nc)
        carried = [
            zeros_for(typeof(p)) if t is None else t
            for p, t, g in zip(p_carry, t_carry, grown, strict=True)
            if g
        ]
        given = [t for t in t_body if t is not None]
        flat = bind(loop, *p_cond, *p_body, *given, *p_carry, *carried)
        return flat, grown, loop

    def linearize(
        self, arg_types: Sequence[ArrayType], active: tuple[bool, ...]
    ) -> Linearization:
        """Forward the loop again with tangents; there is no way back through it."""
        consts = tuple(self._parts(active)[1])
        grown = _fixed_point(
            tuple(self._parts(active)[2]),
            lambda carry: jvp_program(self.body, (*consts, *carry))[1],
        )
        primal = record_closed(
            lambda *args: [*bind(self, *args), *args], list(arg_types)
        )

        def tangent() -> Program:
            def run(*flat: Any) -> list[Any]:
                args, given = flat[: len(active)], iter(flat[len(active) :])
                tangents = [next(given) if a else None for a in active]
                outs = self.jvp(args, tangents)[1]
                return [t for t in outs if t is not None]

            types = [
                tangent_type(t) for t, a in zip(arg_types, active, strict=True) if a
            ]
            return record_closed(run, [*arg_types, *types])

        def transposed(given: tuple[bool, ...]) -> Any:
            raise not_reversible(
                self,
                "a while loop with a number of steps known only at run time can't be "
                "run backwards.",
                "Use `lax.scan`, or `lax.fori_loop` with Python integers as bounds; or "
                "differentiate forwards with `jvp` or `jacfwd`.",
            )

        return Linearization(primal, tangent, transposed, active, grown)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        cond_axes, body_axes, _ = self._parts(
            tuple(0 if a is not None else None for a in axes)
        )
        grown = _fixed_point(
            tuple(a is not None for a in self._parts(axes)[2]),
            lambda carry: [
                a is not None
                for a in batch_program(
                    self.body, (*body_axes, *_axes(carry)), size, carry
                )[1]
            ],
        )
        condition, pred_axes = batch_program(
            self.condition, (*cond_axes, *_axes(grown)), size
        )
        if pred_axes[0] is not None:
            return self._batch_lanes(args, axes, size)
        body, _ = batch_program(self.body, (*body_axes, *_axes(grown)), size, grown)
        mask = [*(a is not None for a in (*cond_axes, *body_axes)), *grown]
        aligned = [
            to_front(arg, axis, size) if batched else arg
            for arg, axis, batched in zip(args, axes, mask, strict=True)
        ]
        loop = While(condition, body, self.num_condition_consts, self.num_body_consts)
        return bind(loop, *aligned), list(_axes(grown))

    def _batch_lanes(
        self, args: Sequence[Any], axes: Sequence[int | None], size: int
    ) -> Any:
        """A loop until every lane is done.

        It carries which lanes still run; the others keep their values, and effects of
        the body and the condition happen only for those that run.
        """
        cond_axes, body_axes, carry_axes = self._parts(axes)
        conds, bodies, carry = self._parts(args)
        nc, nb = self.num_condition_consts, self.num_body_consts
        fronts = (0,) * len(carry)
        carry = [to_front(x, a, size) for x, a in zip(carry, carry_axes, strict=True)]
        test, _ = batch_program(self.condition, (*cond_axes, *fronts), size, True)
        retest, _ = batch_program(
            masked(self.condition), (0, *cond_axes, *fronts), size, True
        )
        body, _ = batch_program(masked(self.body), (0, *body_axes, *fronts), size, True)

        def step(*flat: Any) -> list[Any]:
            conds, bodies, running, carry = (
                flat[:nc],
                flat[nc : nc + nb],
                flat[nc + nb],
                flat[nc + nb + 1 :],
            )
            enabled = convert_element_type(running, np.dtype(np.int32))
            new = [
                _selection.select(_spread(running, typeof(old).shape), value, old)
                for value, old in zip(
                    evaluate(body, [enabled, *bodies, *carry]), carry, strict=True
                )
            ]
            (still,) = evaluate(retest, [enabled, *conds, *new])
            return [bitwise_and(running, still), *new]

        running_type = array_type((size,), _BOOL)
        carry_types = [typeof(x) for x in carry]
        any_lane = record_closed(
            lambda running, *_: [reduce_or(running, (0,))], [running_type, *carry_types]
        )
        types = [*map(typeof, conds), *map(typeof, bodies), running_type, *carry_types]
        loop = While(any_lane, record_closed(step, types), 0, nc + nb)
        (running,) = evaluate(test, [*conds, *carry])
        return bind(loop, *conds, *bodies, running, *carry)[1:], list(fronts)

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        conds, bodies, carry = self._parts(args)
        step = 0
        while run(self.condition, [*conds, *carry], f"iteration {step}")[0]:
            carry = run(self.body, [*bodies, *carry], f"iteration {step}")
            step += 1

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        conds, bodies, carry = self._parts(args)
        types = list(builder.out_types)
        count = len(types)
        toggles = self.condition.effects or not types
        if toggles:
            # XLA fails on a loop that changes nothing it carries, as one that only
            # effects can end may be.
            types, carry = [*types, _FLAG], [*carry, builder.constant(False, _FLAG)]

        def condition(*state: Any) -> list[Any]:
            return builder.inline(self.condition, [*conds, *state[:count]])

        def body(*state: Any) -> list[Any]:
            following = builder.inline(self.body, [*bodies, *state[:count]])
            if toggles:
                following.append(builder.emit("not", state[count:], (_FLAG,)))
            return following

        if not is_ordered(self.condition.effects):
            return builder.emit_control(
                "while",
                carry,
                types,
                regions=[(types, condition), (types, body)],
                effects=self.effects,
            )[:count]

        # A condition can't pass the token on: the loop carries its result instead.
        def step(_: Any, *state: Any) -> list[Any]:
            following = body(*state)
            return [*condition(*following), *following]

        carried = [*self.condition.out_types, *types]
        return builder.emit_control(
            "while",
            [*condition(*carry), *carry],
            carried,
            regions=[(carried, lambda pred, *_: [pred]), (carried, step)],
            effects=self.effects,
        )[1 : count + 1]


def _axes(mask: Sequence[bool]) -> tuple[int | None, ...]:
    return tuple(0 if batched else None for batched in mask)


def _spread(preds: Any, shape: tuple[int, ...]) -> Any:
    return _shape.broadcast_in_dim(preds, shape, (0,)) if len(shape) > 1 else preds


def _fixed_point(
    mask: tuple[bool, ...], step: Callable[[tuple[bool, ...]], Sequence[bool]]
) -> tuple[bool, ...]:
    """Grow a carry's mask until one step of the loop adds nothing."""
    while True:
        grown = tuple(a or b for a, b in zip(mask, step(mask), strict=True))
        if grown == mask:
            return mask
        mask = grown


def _with_extra_inputs(program: Program, types: Sequence[ArrayType]) -> Program:
    extra = [Variable(type) for type in types]
    return Program(
        [*program.inputs, *extra], program.equations, program.outputs, program.name
    )

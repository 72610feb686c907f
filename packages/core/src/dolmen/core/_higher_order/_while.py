"""`while_loop` and `fori_loop`."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, Program, is_ordered, message
from .._ops import _selection, _shape
from .._ops._arithmetic import add
from .._ops._comparison import lt
from .._tracing import (
    Tracer,
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
    not_reversible,
    tangent_type,
    to_front,
    zeros_for,
)
from .._transforms._trees import argument_leaves, name_of
from ._functions import carry_refs, join_all, record_stateful_tree, type_difference
from ._scan import _weak_to, scan


class While(Primitive):
    """Runs `body` while `condition` holds.

    Arguments are the constants of the condition, those of the body, and the carry.
    """

    interned = False
    multiple_results = True

    condition: Program
    body: Program
    num_condition_consts: int
    num_body_consts: int

    @property
    def effects(self) -> frozenset[str]:
        return self.condition.effects | self.body.effects

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        return self.body.out_types

    def _parts(self, values: Sequence[Any]) -> tuple[Any, Any, Any]:
        first = self.num_condition_consts
        second = first + self.num_body_consts
        return values[:first], values[first:second], values[second:]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        flat, grown, _ = self._jvp(primals, tangents)
        count = len(self.body.outputs)
        rest = iter(flat[count:])
        return flat[:count], [next(rest) if a else None for a in grown]

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
        per_lane = pred_axes[0] is not None
        if per_lane:
            grown = (True,) * len(grown)
            condition, _ = batch_program(
                self.condition, (*cond_axes, *_axes(grown)), size, True
            )
        body, _ = batch_program(self.body, (*body_axes, *_axes(grown)), size, grown)
        mask = [*(a is not None for a in (*cond_axes, *body_axes)), *grown]
        aligned = [
            to_front(arg, axis, size) if batched else arg
            for arg, axis, batched in zip(args, axes, mask, strict=True)
        ]
        loop = self._per_lane(condition, body) if per_lane else None
        if loop is None:
            loop = While(
                condition, body, self.num_condition_consts, self.num_body_consts
            )
            return bind(loop, *aligned), list(_axes(grown))
        conds, bodies, carry = self._parts(aligned)
        return bind(loop, *conds, *conds, *bodies, *carry), list(_axes(grown))

    def _per_lane(self, condition: Program, body: Program) -> "While":
        """A loop until every lane is done; finished lanes keep their values."""
        from .._ops._reductions import reduce_or

        nc = self.num_condition_consts

        def any_lane(*args: Any) -> list[Any]:
            (preds,) = evaluate(condition, args)
            return [reduce_or(preds, (0,))]

        def step(*args: Any) -> list[Any]:
            conds, rest = args[:nc], args[nc:]
            carry = rest[self.num_body_consts :]
            (preds,) = evaluate(condition, [*conds, *carry])
            new = evaluate(body, rest)
            return [
                _selection.select(_spread(preds, typeof(old).shape), value, old)
                for value, old in zip(new, carry, strict=True)
            ]

        return While(
            record_closed(any_lane, list(condition.in_types)),
            record_closed(step, [*condition.in_types[:nc], *body.in_types]),
            nc,
            nc + self.num_body_consts,
        )

    def replay(self, args: Sequence[Any], run: Callable[..., list[Any]]) -> None:
        conds, bodies, carry = self._parts(args)
        step = 0
        while run(self.condition, [*conds, *carry], f"iteration {step}")[0]:
            carry = run(self.body, [*bodies, *carry], f"iteration {step}")
            step += 1

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        conds, bodies, carry = self._parts(args)
        types = list(builder.out_types)
        if not types:
            return []

        def condition(*carry: Any) -> list[Any]:
            return builder.inline(self.condition, [*conds, *carry])

        def body(*carry: Any) -> list[Any]:
            return builder.inline(self.body, [*bodies, *carry])

        if not is_ordered(self.condition.effects):
            return builder.emit_control(
                "while",
                carry,
                types,
                regions=[(types, condition), (types, body)],
                effects=self.effects,
            )

        # A condition can't pass the token on: the loop carries its result instead.
        def step(_: Any, *carry: Any) -> list[Any]:
            following = body(*carry)
            return [*condition(*following), *following]

        carried = [*self.condition.out_types, *types]
        return builder.emit_control(
            "while",
            [*condition(*carry), *carry],
            carried,
            regions=[(carried, lambda pred, *_: [pred]), (carried, step)],
            effects=self.effects,
        )[1:]


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
    from .._ir import Variable

    extra = [Variable(type) for type in types]
    return Program(
        [*program.inputs, *extra], program.equations, program.outputs, program.name
    )


def while_loop(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """Loop while a condition on the carried value holds.

    Not differentiable in reverse mode, because the number of steps is unknown; forward
    mode works.

    Args:
        cond_fun: from the carry to a boolean scalar.
        body_fun: from the carry to the next carry of the same tree and types.
        init_val: the first carry, a tree of arrays.

    Returns:
        The carry for which the condition failed.

    Raises:
        TypeError: the condition gives no boolean scalar, or the body changes the type
            of the carry; the message lists every difference.

    Example:
        >>> from dolmen.core import lax
        >>> lax.while_loop(lambda x: x < 10, lambda x: x * 2, 1)
        Array(16, dtype=int32, weak_type=True)
    """
    carry, tree = argument_leaves("while_loop", body_fun, init_val)
    types = [typeof(value) for value in carry]
    while True:
        body, body_captures, out_tree, written = record_stateful_tree(
            "while_loop", body_fun, [tree], types
        )
        got = list(body.out_types[: out_tree.num_leaves])
        joined = join_all(types, got) if out_tree == tree else None
        if joined is None:
            raise type_difference(
                f"while_loop of {name_of(body_fun)}",
                init_val,
                types,
                out_tree,
                got,
                ("init_val", "carry"),
                "Make the body return a carry of the same tree, shapes and dtypes.",
            )
        if joined == types:
            break
        types = joined
    condition, captures, cond_tree, cond_written = record_stateful_tree(
        "while_loop", cond_fun, [tree], types
    )
    preds = condition.out_types[: cond_tree.num_leaves]
    if len(preds) != 1 or preds[0].shape or preds[0].dtype != np.bool_:
        raise TypeError(
            message(
                f"while_loop of {name_of(cond_fun)}: expected the condition to return "
                f"a boolean scalar, got {', '.join(map(repr, preds)) or 'nothing'}."
            )
        )
    if cond_written:
        return _while_with_effects(cond_fun, body_fun, init_val)
    carry = [_weak_to(value, type) for value, type in zip(carry, types, strict=True)]
    if written:
        condition, captures = carry_refs(condition, captures, written, 0)
        body, body_captures = carry_refs(body, body_captures, written, len(written))
    loop = While(condition, body, len(captures), len(body_captures))
    consts = present([*captures, *body_captures])
    outs = bind(loop, *consts, *present(written), *carry)
    write_back(written, outs[: len(written)])
    return tree.unflatten(outs[len(written) :])


def _while_with_effects(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], init_val: Any
) -> Any:
    """`while_loop` whose condition writes to refs: the body evaluates it."""

    def body(carry: Any) -> Any:
        value = body_fun(carry[1])
        return cond_fun(value), value

    return while_loop(lambda carry: carry[0], body, (cond_fun(init_val), init_val))[1]


def fori_loop(
    lower: Any,
    upper: Any,
    body_fun: Callable[[Any, Any], Any],
    init_val: Any,
    *,
    unroll: int | bool | None = None,
) -> Any:
    """`for i in range(lower, upper): val = body_fun(i, val)`, compiled.

    With Python integers as bounds the loop is a `scan` and differentiable in reverse
    mode; with traced bounds it is a `while_loop`.

    Args:
        lower: first index, an integer.
        upper: one past the last index.
        body_fun: from index and carry to the next carry of the same tree and types.
        init_val: the first carry.
        unroll: steps per iteration of the compiled loop, for known bounds.

    Returns:
        The last carry.

    Example:
        >>> from dolmen.core import lax
        >>> lax.fori_loop(0, 4, lambda i, total: total + i, 0)
        Array(6, dtype=int32, weak_type=True)
    """
    for name, bound in (("lower", lower), ("upper", upper)):
        type = typeof(bound)
        if type.shape or type.dtype.kind not in "iu":
            raise TypeError(
                message(
                    f"fori_loop: expected an integer scalar as `{name}`, got {type!r}."
                )
            )
    if not isinstance(lower, Tracer) and not isinstance(upper, Tracer):
        steps = max(int(upper) - int(lower), 0)
        # An index that starts as a Python number stays weakly typed.
        dtype, weak_type = typeof(lower).dtype, typeof(lower).weak_type
        start, one = (int(lower), 1) if weak_type else (lower, np.asarray(1, dtype))

        def step(carry: Any, _: Any) -> Any:
            index, value = carry
            return (add(index, one), body_fun(index, value)), None

        (_, result), _ = scan(
            step, (start, init_val), None, length=steps, unroll=unroll or 1
        )
        return result
    if unroll is not None:
        raise ValueError(
            message(
                "fori_loop: `unroll` needs bounds that are Python integers.",
                "Leave it out, or make the bounds static.",
            )
        )
    index_type = typeof(lower)
    from .._ops._conversion import convert_element_type

    upper = convert_element_type(upper, index_type.dtype)

    def body(carry: Any) -> Any:
        index, limit, value = carry
        return (
            add(index, np.asarray(1, index_type.dtype)),
            limit,
            body_fun(index, value),
        )

    lower = convert_element_type(lower, index_type.dtype)
    return while_loop(lambda c: lt(c[0], c[1]), body, (lower, upper, init_val))[2]

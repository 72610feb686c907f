"""`while_loop` and `fori_loop`."""

from collections.abc import Callable
from typing import Any

import numpy as np

from .._ir import ArrayType, Program, type_error, value_error
from .._ops._arithmetic import add
from .._ops._comparison import lt
from .._tracing import (
    Tracer,
    bind,
    concrete,
    pass_back_key_uses,
    pass_on_key_uses_of_steps,
    present,
    typeof,
    write_back,
)
from .._tracing._history import Argument
from .._transforms._arguments import Callee, positional_arguments
from .._transforms._trees import argument_leaves, name_of
from ._agreement import (
    Side,
    check_no_waiting,
    results,
    settle_all,
    settle_types,
    varying_too,
    with_carry_varying,
    with_type,
)
from ._functions import (
    carry_refs,
    check_callable,
    record_stateful_tree,
    runs_as_python,
)
from ._loops import Loop, run_scan
from ._while import While


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
    check_callable("while_loop", cond_fun=cond_fun, body_fun=body_fun)
    loop = Loop("while_loop", body_fun, init="init_val")
    return _run_while(loop, cond_fun, body_fun, init_val)


def _run_while(
    loop: Loop,
    cond_fun: Callable[[Any], Any],
    body_fun: Callable[[Any], Any],
    init_val: Any,
) -> Any:
    """`while_loop` for a body that may wrap the user's."""
    if runs_as_python():
        is_done, init_val = _while_as_python(cond_fun, body_fun, init_val)
        if is_done:
            return init_val
    carry, tree = argument_leaves(loop.name, loop.function, init_val, root=loop.init)
    types = [typeof(value) for value in carry]
    while True:
        body, body_captures, out_tree, written = record_stateful_tree(
            loop.name,
            body_fun,
            [tree],
            types,
            of=Callee(loop.function) if loop.arguments else None,
            arguments=loop.arguments,
        )
        got = body.out_types[: out_tree.num_leaves]
        settled = settle_all(types, got) if out_tree == tree else None
        if settled is None:
            raise loop.difference(
                Side("init_val", tree, types), results("carry", out_tree, body, got)
            )
        if settled != types:
            types = settled
            continue
        condition, captures, cond_tree, cond_written = record_stateful_tree(
            "while_loop", cond_fun, [tree], types
        )
        _check_condition(cond_fun, cond_tree, condition)
        settled = varying_too(types, condition.out_types[0])
        if settled == types:
            break
        types = settled
    for program in (condition, body):
        check_no_waiting(loop.words, program, condition.out_types[0])
    body = with_carry_varying(body, types)
    if cond_written:
        return _while_with_effects(loop, cond_fun, body_fun, init_val)
    carry = [with_type(value, type) for value, type in zip(carry, types, strict=True)]
    if written:
        condition, captures = carry_refs(condition, captures, written, 0)
        body, body_captures = carry_refs(body, body_captures, written, len(written))
    primitive = While(condition, body, len(captures), len(body_captures))
    consts = present([*captures, *body_captures])
    carry = [*present(written), *carry]
    count = len(captures)
    pass_on_key_uses_of_steps(condition, consts[:count], [], [], loop.words)
    pass_on_key_uses_of_steps(body, consts[count:], carry, [], loop.words)
    outs = bind(primitive, *consts, *carry)
    pass_back_key_uses(body, outs)
    write_back(written, outs[: len(written)])
    return tree.unflatten(outs[len(written) :])


def _while_as_python(
    cond_fun: Callable[[Any], Any], body_fun: Callable[[Any], Any], value: Any
) -> tuple[bool, Any]:
    """The loop as far as its condition is concrete: whether it ended, and the carry."""
    while True:
        pred = concrete(cond_fun(value))
        if pred is None:
            return False, value
        if not pred:
            return True, value
        value = body_fun(value)


def _check_condition(cond_fun: Any, tree: Any, condition: Program) -> None:
    preds = condition.out_types[: tree.num_leaves]
    is_leaf = tree.node_data() is None and tree.num_leaves == 1
    if is_leaf and not preds[0].shape and preds[0].dtype == np.bool_:
        return
    got = repr(preds[0]) if is_leaf else str(tree.unflatten(preds))
    raise type_error(
        f"while_loop of {name_of(cond_fun)}: expected the condition to return a "
        f"boolean scalar, got {got}.",
        "Compare with something, or reduce with `.any()` or `.all()`.",
    )


def _while_with_effects(loop: Loop, cond_fun: Any, body_fun: Any, init_val: Any) -> Any:
    """`while_loop` whose condition writes to refs: the body evaluates it."""

    def body(carry: Any) -> Any:
        value = body_fun(carry[1])
        return cond_fun(value), value

    inner = Loop(loop.name, loop.function, 1, "init_val")
    first = (cond_fun(init_val), init_val)
    return _run_while(inner, lambda carry: carry[0], body, first)[1]


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
    check_callable("fori_loop", body_fun=body_fun)
    index_type, callee = _index_type(lower, upper), Callee(body_fun)
    # An index that starts as a Python number stays weakly typed.
    weak = index_type.weak_type
    one: Any = 1 if weak else np.asarray(1, index_type.dtype)
    if not isinstance(lower, Tracer) and not isinstance(upper, Tracer):
        steps = max(int(upper) - int(lower), 0)
        start = int(lower) if weak else np.asarray(int(lower), index_type.dtype)

        def step(carry: Any, _: Any) -> Any:
            index, value = carry
            return (add(index, one), body_fun(index, value)), None

        loop = Loop(
            "fori_loop",
            body_fun,
            1,
            "init_val",
            lambda carry, _: positional_arguments(callee, carry),
        )
        at_once = 1 if unroll is None else unroll
        (_, result), _ = run_scan(
            loop, step, (start, init_val), None, steps, False, at_once
        )
        return result
    if unroll is not None and unroll is not False:
        raise value_error(
            "fori_loop: `unroll` needs bounds that are known while tracing.",
            "Leave it out, or make the bounds Python integers.",
        )

    def body(carry: Any) -> Any:
        index, limit, value = carry
        return add(index, one), limit, body_fun(index, value)

    bounds = [with_type(bound, index_type) for bound in (lower, upper)]

    def arguments(carry: Any) -> list[Argument]:
        index, _, value = carry
        first, *others = positional_arguments(callee, (index, value))
        return [first, Argument("upper", "upper", "fori_loop", True), *others]

    loop = Loop("fori_loop", body_fun, 2, "init_val", arguments)
    init = (*bounds, init_val)
    return _run_while(loop, lambda c: lt(c[0], c[1]), body, init)[2]


def _index_type(lower: Any, upper: Any) -> ArrayType:
    """The type of the index: that of both bounds, of which one may be weaker."""
    for name, bound in (("lower", lower), ("upper", upper)):
        type = typeof(bound)
        if type.shape or type.dtype.kind not in "iu":
            raise type_error(
                f"fori_loop: expected an integer scalar as `{name}`, got {type!r}."
            )
    first, second = typeof(lower), typeof(upper)
    found = settle_types(first, second) or settle_types(second, first)
    if found is None:
        raise type_error(
            "fori_loop: `lower` and `upper` must have equal dtypes, got "
            f"{first!r} and {second!r}.",
            "Convert one with `.astype(...)`.",
        )
    return found

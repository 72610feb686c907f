"""`cond`, `switch` and `platform_dependent`: call one of several functions."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import type_error, value_error
from .._ops import _conversion, _selection
from .._ops._comparison import ne
from .._tracing import (
    as_array,
    bind,
    concrete,
    is_array_like,
    pass_on_key_uses,
    present,
    typeof,
    write_back,
)
from .._transforms._arguments import Callee
from .._transforms._trees import argument_leaves, name_of
from ._agreement import (
    check_no_waiting,
    join_all,
    join_types,
    results,
    type_difference,
    varying_too,
    with_inputs_varying,
    with_out_types,
)
from ._cond import Cond
from ._functions import (
    check_callable,
    close_over_refs,
    record_stateful_tree,
    runs_as_python,
    share_captures,
    union_of,
    with_results_for,
)

_INT32 = np.dtype(np.int32)
_NONE = object()
_BY_INDEX = Cond(())


def cond(
    pred: Any,
    true_fun: Callable[..., Any],
    false_fun: Callable[..., Any],
    *operands: Any,
    operand: Any = _NONE,
) -> Any:
    """Call one of two functions, depending on a value known only at run time.

    Under `vmap` with a batched predicate both functions run, and each lane takes the
    result of its own; prints and other effects happen only in lanes that would run
    them. `custom_batching.sequential_vmap` runs one lane after the other instead.

    Args:
        pred: a boolean or numeric scalar.
        true_fun: called with the operands if `pred` is true.
        false_fun: called otherwise; returns the same tree and types.
        *operands: arrays in trees.
        operand: one more operand, as older programs pass it.

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
    if operand is not _NONE:
        operands = (*operands, operand)
    if not callable(true_fun) and len(operands) == 2 and callable(operands[1]):
        # The old form `cond(pred, true_operand, true_fun, false_operand, false_fun)`.
        return _cond_of_two(pred, true_fun, false_fun, *operands)
    check_callable("cond", true_fun=true_fun, false_fun=false_fun)
    pred = as_array(pred)
    if not is_array_like(pred) or typeof(pred).shape:
        got = typeof(pred) if is_array_like(pred) else f"{type(pred).__name__} {pred!r}"
        raise type_error(
            f"cond: expected a scalar predicate, got {got}.",
            "Use `jnp.where` to choose elementwise, or `vmap` the whole `cond`.",
        )
    known = concrete(pred) if runs_as_python() else None
    if known is not None:
        return true_fun(*operands) if known else false_fun(*operands)
    dtype = typeof(pred).dtype
    if dtype != np.bool_:
        pred = ne(pred, np.zeros((), dtype))
    index = _conversion.convert_element_type(pred, _INT32)
    labels = ("false_fun(...)", "true_fun(...)")
    return _choose("cond", index, (false_fun, true_fun), labels, operands)


def _cond_of_two(
    pred: Any, true_operand: Any, true_fun: Any, false_operand: Any, false_fun: Any
) -> Any:
    return cond(
        pred,
        lambda operands: true_fun(operands[0]),
        lambda operands: false_fun(operands[1]),
        (true_operand, false_operand),
    )


def switch(
    index: Any,
    branches: Sequence[Callable[..., Any]],
    *operands: Any,
    operand: Any = _NONE,
) -> Any:
    """Call one of several functions, chosen by an integer known only at run time.

    Args:
        index: an integer scalar, clamped to the branches there are.
        branches: functions of the operands, whose results have equal tree and types.
        *operands: arrays in trees.
        operand: one more operand, as older programs pass it.

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
    if operand is not _NONE:
        operands = (*operands, operand)
    if not branches:
        raise value_error("switch: expected at least one branch, got none.")
    functions = {f"branches[{i}]": branch for i, branch in enumerate(branches)}
    check_callable("switch", **functions)
    index = as_array(index)
    type = typeof(index)
    if type.shape or type.dtype.kind not in "iu":
        raise type_error(f"switch: expected an integer scalar as index, got {type!r}.")
    if len(branches) == 1:
        return branches[0](*operands)
    known = concrete(index) if runs_as_python() else None
    if known is not None:
        return branches[min(max(int(known), 0), len(branches) - 1)](*operands)
    last = np.asarray(len(branches) - 1, type.dtype)
    index = _selection.clamp(np.asarray(0, type.dtype), index, last)
    index = _conversion.convert_element_type(index, _INT32)
    labels = [f"{name}(...)" for name in functions]
    return _choose("switch", index, branches, labels, operands)


def platform_dependent(
    *args: Any,
    default: Callable[..., Any] | None = None,
    **per_platform: Callable[..., Any],
) -> Any:
    """Call the function for the platform that the program is compiled for.

    Args:
        *args: arrays in trees.
        default: called on platforms that have no function of their own.
        **per_platform: functions by platform: `cpu`, `tpu`, `cuda`, `rocm`, or `gpu`
            for the latter two. Their results have equal tree and types.

    Returns:
        The result of the function called; only that function is compiled.

    Raises:
        TypeError: the functions' results differ in type.
        NotImplementedError: there is no function for the platform, and no default.

    Example:
        >>> from dolmen.core import lax
        >>> lax.platform_dependent(2.0, cpu=lambda x: x + 1.0, default=lambda x: x)
        Array(3., dtype=float32, weak_type=True)
    """
    functions = dict(per_platform)
    platforms: list[tuple[str, ...] | None] = [
        ("cuda", "rocm") if name == "gpu" else (name,) for name in functions
    ]
    if default is not None:
        functions["default"] = default
        platforms.append(None)
    if not functions:
        raise value_error("platform_dependent: expected at least one function.")
    check_callable("platform_dependent", **functions)
    chosen = Cond((), tuple(platforms))
    labels = [f"{name}(...)" for name in functions]
    branches, zero = list(functions.values()), np.asarray(0, _INT32)
    return _choose("platform_dependent", zero, branches, labels, args, chosen)


def _choose(
    name: str,
    index: Any,
    functions: Sequence[Callable[..., Any]],
    labels: Sequence[str],
    operands: Any,
    choice: Cond = _BY_INDEX,
) -> Any:
    """Record all functions, and bind `choice` with them as branches."""
    functions, operands = close_over_refs(functions, operands)
    leaves, tree = argument_leaves(name, functions[0], operands, root="operands")
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
    for number, (program, _, got_tree, _) in enumerate(recorded):
        got = program.out_types[: got_tree.num_leaves]
        merged = join_all(joined, got) if got_tree == out_tree else None
        if merged is None:
            first = recorded[0][0]
            one = results(labels[0], out_tree, first, first.out_types[:count])
            other = results(labels[number], got_tree, program, got)
            both = [functions[0], functions[number]]
            if name == "cond":  # whose branch 1 is the function that users give first
                one, other = other, one
                both.reverse()
            raise type_difference(
                name,
                both,
                one,
                other,
                "Make all branches return the same tree, shapes and dtypes.",
                join_types,
            )
        joined = merged
    joined = varying_too(joined, typeof(index))
    programs = [
        with_out_types(program, [*joined, *program.out_types[count:]])
        for program, _, _, _ in recorded
    ]
    shared, captures = share_captures(programs, [c for _, c, _, _ in recorded])
    if axes := typeof(index).varying:
        for function, (program, *_) in zip(functions, recorded, strict=True):
            check_no_waiting(f"{name} of {name_of(function)}", program, typeof(index))
        # Devices go different ways. What they share is cast before, so that derivatives
        # are added up behind: inside they would wait for each other.
        shared = [with_inputs_varying(program, axes) for program in shared]
    written = union_of([cells for _, _, _, cells in recorded])
    branches = [
        with_results_for(program, captures, cells, written)
        for program, (_, _, _, cells) in zip(shared, recorded, strict=True)
    ]
    values = [*present(captures), *leaves]
    pass_on_key_uses(branches, values, name)
    outs = bind(choice.with_branches(branches), index, *values)
    write_back(written, outs[count:])
    return out_tree.unflatten(outs[:count])

"""User functions that control flow turns into programs."""

from collections.abc import Callable, Sequence
from typing import Any

from .._ir import ArrayType, Program, Variable, array_type, dtypes, message
from .._tracing import record, typeof
from .._transforms._trees import (
    flatten,
    flatten_with_path,
    name_of,
    path_text,
    result_leaves,
)


def record_tree(
    transform: str,
    function: Callable[..., Any],
    trees: Sequence[Any],
    types: Sequence[ArrayType],
) -> tuple[Program, list[Any], Any]:
    """Trace a function of trees.

    Args:
        transform: the caller's name, for messages.
        trees: tree definition of each argument.
        types: types of all leaves of all arguments.

    Returns:
        The program, the values of its captures (its leading inputs), the tree of the
        result.
    """
    out_tree: Any = None

    def flat(*tracers: Any) -> Sequence[Any]:
        nonlocal out_tree
        args, start = [], 0
        for tree in trees:
            args.append(tree.unflatten(tracers[start : start + tree.num_leaves]))
            start += tree.num_leaves
        leaves, out_tree = result_leaves(transform, function, function(*args))
        return leaves

    program, captures = record(flat, types, name=name_of(function))
    return program, captures, out_tree


def share_captures(
    programs: Sequence[Program], captures: Sequence[list[Any]]
) -> tuple[list[Program], list[Any]]:
    """Give several programs the same leading captures.

    Returns:
        The programs, each taking all captures first, and the captures' values.
    """
    union: dict[int, Any] = {}
    for values in captures:
        union.update((id(value), value) for value in values)
    shared = []
    for program, values in zip(programs, captures, strict=True):
        mine = dict(zip(map(id, values), program.inputs, strict=False))
        leading = [
            mine.get(key) or Variable(typeof(value)) for key, value in union.items()
        ]
        inputs = leading + program.inputs[len(values) :]
        shared.append(Program(inputs, program.equations, program.outputs, program.name))
    return shared, list(union.values())


def join_types(a: ArrayType, b: ArrayType) -> ArrayType | None:
    """The type of both, weak only if both are; None when they really differ.

    A weak `a` gives way to the dtype of `b`.
    """
    if a is b:
        return a
    if a.shape != b.shape:
        return None
    if a.dtype == b.dtype:
        return array_type(a.shape, a.dtype, a.weak_type and b.weak_type)
    if a.weak_type:
        promoted, _ = dtypes.promote([(a.dtype, True), (b.dtype, b.weak_type)])
        return b if promoted == b.dtype else None
    return None


def join_all(
    types: Sequence[ArrayType], others: Sequence[ArrayType]
) -> list[ArrayType] | None:
    """`join_types` of each pair; None when any two differ."""
    joined = [join_types(a, b) for a, b in zip(types, others, strict=True)]
    found = [type for type in joined if type is not None]
    return found if len(found) == len(joined) else None


def type_difference(
    what: str,
    expected: Any,
    expected_types: Sequence[ArrayType],
    got_tree: Any,
    got_types: Sequence[ArrayType],
    labels: tuple[str, str],
    fix: str,
) -> TypeError:
    """The error for two trees of types that should be equal, listing every difference.

    Args:
        expected: a value of the expected tree, for its paths.
        got_tree: tree definition of what came.
        labels: how messages call the two sides.
    """
    _, tree = flatten(expected)
    if tree != got_tree:
        return TypeError(
            message(
                f"{what}: {labels[0]} and {labels[1]} must have the same tree, got\n"
                f"  {labels[0]}: {tree}\n  {labels[1]}: {got_tree}",
                fix,
            )
        )
    paths = [path_text(path) for path, _ in flatten_with_path(expected)[0]]
    lines = [
        f"  {labels[0]}{path} is {want!r}, {labels[1]}{path} is {got!r}"
        for path, want, got in zip(paths, expected_types, got_types, strict=True)
        if join_types(want, got) is None
    ]
    return TypeError(
        message(
            f"{what}: {labels[0]} and {labels[1]} must have equal types, but\n"
            + "\n".join(lines),
            fix,
        )
    )

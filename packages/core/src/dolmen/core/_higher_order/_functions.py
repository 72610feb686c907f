"""User functions that control flow turns into programs."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from .._backend import flags
from .._ir import ArrayType, Atom, Program, Variable, type_error
from .._tracing import (
    Cell,
    present,
    record_stateful,
    typeof,
    unexpected_write,
)
from .._transforms._arguments import Callee, positional_arguments
from .._transforms._trees import (
    flatten,
    result_leaves,
)


def record_tree(
    transform: str,
    function: Callable[..., Any],
    trees: Sequence[Any],
    types: Sequence[ArrayType],
    *,
    of: Callee | None = None,
    arguments: Callable[..., Any] | None = None,
) -> tuple[Program, list[Any], Any]:
    """Trace a function of trees.

    Args:
        transform: the caller's name, for messages.
        of: the user's function, where `function` takes all its arguments as one tree.
        arguments: from the arguments of `function` to descriptions of their leaves; by
            default they are the positional arguments of the user's.
        trees: tree definition of each argument.
        types: types of all leaves of all arguments.

    Returns:
        The program, the values of its captures (its leading inputs), the tree of the
        result.

    Raises:
        ValueError: the function writes to a ref from outside.
    """
    program, captures, out_tree, written = record_stateful_tree(
        transform, function, trees, types, of=of, arguments=arguments
    )
    if written:
        raise unexpected_write(written[0], f"the function given to {transform}")
    return program, present(captures), out_tree


def record_stateful_tree(
    transform: str,
    function: Callable[..., Any],
    trees: Sequence[Any],
    types: Sequence[ArrayType],
    *,
    of: Callee | None = None,
    arguments: Callable[..., Any] | None = None,
) -> tuple[Program, list[Any], Any, list[Cell]]:
    """`record_tree` for a function that may write to refs from outside.

    Returns:
        The program; its captures, where a ref stands for the value it has before the
        call; the tree of the result; and the refs that the program writes to, whose
        last values are its last results.
    """
    out_tree: Any = None
    callee = of or Callee(function)

    def flat(*tracers: Any) -> Sequence[Any]:
        nonlocal out_tree
        args, start = [], 0
        for tree in trees:
            args.append(tree.unflatten(tracers[start : start + tree.num_leaves]))
            start += tree.num_leaves
        leaves, out_tree = result_leaves(transform, function, function(*args))
        return leaves

    def described(inputs: Sequence[Any]) -> Any:
        rest = iter(inputs)
        given = [
            tree.unflatten([next(rest) for _ in range(tree.num_leaves)])
            for tree in trees
        ]
        if arguments is not None:
            return arguments(*given)
        return positional_arguments(callee, given if of is None else given[0])

    program, captures, written = record_stateful(
        flat, types, name=callee.name, arguments=described
    )
    return program, captures, out_tree, written


def union_of(groups: Sequence[Sequence[Cell]]) -> list[Cell]:
    """The refs that any of several programs writes to, each once."""
    return list(dict.fromkeys(cell for group in groups for cell in group))


def with_results_for(
    program: Program,
    captures: Sequence[Any],
    written: Sequence[Cell],
    wanted: Sequence[Cell],
) -> Program:
    """`program` with a result for each ref of `wanted`, after the proper results.

    Args:
        captures: values of its leading inputs, the refs of `wanted` among them.
        written: the refs that it has a result for now. What it does not write to, it
            gives back as it came.
    """
    count = len(program.outputs) - len(written)
    finals: dict[int, Atom] = dict(zip(map(id, captures), program.inputs, strict=False))
    finals.update(zip(map(id, written), program.outputs[count:], strict=True))
    outputs = [*program.outputs[:count], *(finals[id(cell)] for cell in wanted)]
    return Program(program.inputs, program.equations, outputs, program.name)


def carry_refs(
    program: Program, captures: Sequence[Any], carried: Sequence[Cell], num_finals: int
) -> tuple[Program, list[Any]]:
    """A part of a loop with refs that the loop writes to in front of its carry.

    Args:
        captures: values of its leading inputs; refs of `carried` may be among them.
        num_finals: how many of its results, the last ones, are next values of refs;
            they come first afterwards.

    Returns:
        The program, and the captures that remain.
    """
    given = dict(zip(map(id, captures), program.inputs, strict=False))
    moved = [
        given.pop(id(cell)) if id(cell) in given else Variable(cell.type)
        for cell in carried
    ]
    kept = [capture for capture in captures if id(capture) in given]
    count = len(program.outputs) - num_finals
    inputs = [*given.values(), *moved, *program.inputs[len(captures) :]]
    outputs = [*program.outputs[count:], *program.outputs[:count]]
    return Program(inputs, program.equations, outputs, program.name), kept


def close_over_refs(
    functions: Sequence[Callable[..., Any]], operands: Sequence[Any]
) -> tuple[Sequence[Callable[..., Any]], Sequence[Any]]:
    """Functions that close over the refs among their operands, and the other operands.

    Nothing changes when there are none.
    """
    leaves, tree = flatten(tuple(operands))
    if not any(isinstance(leaf, Cell) for leaf in leaves):
        return functions, operands
    arrays = [leaf for leaf in leaves if not isinstance(leaf, Cell)]

    def closed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def call(*arrays: Any) -> Any:
            rest = iter(arrays)
            filled = [leaf if isinstance(leaf, Cell) else next(rest) for leaf in leaves]
            return function(*tree.unflatten(filled))

        return call

    return [closed(function) for function in functions], arrays


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
            mine[key]
            if key in mine
            else Variable(value.type if isinstance(value, Cell) else typeof(value))
            for key, value in union.items()
        ]
        inputs = leading + program.inputs[len(values) :]
        shared.append(Program(inputs, program.equations, program.outputs, program.name))
    return shared, list(union.values())


def runs_as_python() -> bool:
    """Whether control flow runs as plain Python, as `disable_jit` asks."""
    return flags.DISABLE_JIT.value


def check_callable(function: str, **functions: Any) -> None:
    """Raise unless all of these arguments are callable.

    Raises:
        TypeError: one is not; the message names it.
    """
    for name, value in functions.items():
        if not callable(value):
            raise type_error(
                f"{function}: expected a function as `{name}`, got "
                f"{type(value).__name__}: {value!r:.60}."
            )

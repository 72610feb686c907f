"""Trees of types that must agree: joining them, and saying how they differ."""

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .._backend import pytree
from .._ir import (
    ArrayType,
    Atom,
    Frame,
    Program,
    array_type,
    dtypes,
    line_of,
    subprograms,
    type_error,
    value_error,
)
from .._ops._conversion import convert_element_type
from .._ops._varying import vary
from .._tracing import evaluate, record_closed, typeof
from .._transforms._collectives import AxisIndex, Collective
from .._transforms._trees import flatten_with_path, name_of, path_text


def join_types(a: ArrayType, b: ArrayType) -> ArrayType | None:
    """The type of both, weak only if both are, and varying if one is; else None."""
    if a is b:
        return a
    if a.shape != b.shape or a.dtype != b.dtype:
        return None
    weak, varying = a.weak_type and b.weak_type, a.varying | b.varying
    return array_type(a.shape, a.dtype, weak, None, varying)


def settle_types(carry: ArrayType, new: ArrayType) -> ArrayType | None:
    """`join_types` where a weak `carry` may also give way to the dtype of `new`."""
    joined = join_types(carry, new)
    if joined is None and carry.weak_type and carry.shape == new.shape:
        both = [(carry.dtype, True), (new.dtype, new.weak_type)]
        return new if dtypes.promote(both)[0] == new.dtype else None
    return joined


def join_all(
    types: Sequence[ArrayType], others: Sequence[ArrayType]
) -> list[ArrayType] | None:
    """`join_types` of each pair; None when any two differ."""
    return _all(join_types(a, b) for a, b in zip(types, others, strict=True))


def settle_all(
    types: Sequence[ArrayType], others: Sequence[ArrayType]
) -> list[ArrayType] | None:
    """`settle_types` of each pair; None when any two differ."""
    return _all(settle_types(a, b) for a, b in zip(types, others, strict=True))


def _all(types: Iterable[ArrayType | None]) -> list[ArrayType] | None:
    found = list(types)
    known = [type for type in found if type is not None]
    return known if len(known) == len(found) else None


def with_out_types(program: Program, types: Sequence[ArrayType]) -> Program:
    """`program` with results that are as weak, and vary as much, as `types`."""
    if tuple(types) == program.out_types:
        return program

    def run(*args: Any) -> list[Any]:
        outs = evaluate(program, args)
        return [with_type(out, type) for out, type in zip(outs, types, strict=True)]

    made = record_closed(run, list(program.in_types))
    made.name = program.name
    return made


def with_type(value: Any, type: ArrayType) -> Any:
    """`value` at a settled type, to which it may have to give way."""
    here = typeof(value)
    if here is type:
        return value
    if type.varying and here.varying != type.varying:
        value = vary(value, type.varying)
        if typeof(value) is type:
            return value
    if isinstance(value, bool | int | float | complex):
        return np.asarray(value, type.dtype)
    return convert_element_type(value, type.dtype)


def with_carry_varying(program: Program, types: Sequence[ArrayType]) -> Program:
    """`program` whose first results vary over as many axes of a mesh as `types`."""
    outs = program.out_types
    pairs = zip(types, outs, strict=False)
    wanted = [out.with_varying(type.varying) for type, out in pairs]
    return with_out_types(program, [*wanted, *outs[len(wanted) :]])


def varying_too(types: Sequence[ArrayType], by: ArrayType) -> list[ArrayType]:
    """`types`, of values that vary wherever the one that decides on them does."""
    return [type.with_varying(type.varying | by.varying) for type in types]


def with_inputs_varying(program: Program, axes: frozenset[Any]) -> Program:
    """`program` for arguments that vary over these axes, too."""
    types = [t.with_varying(t.varying | axes) for t in program.in_types]
    made = record_closed(lambda *args: evaluate(program, args), types)
    made.name = program.name
    return made


def check_no_waiting(what: str, program: Program, decides: ArrayType) -> None:
    """Raise if devices that go different ways would exchange values on the way.

    Args:
        what: the operation and the function, for the message.
        program: what only some devices run.
        decides: type of the value that each device decides by.

    Raises:
        ValueError: the program exchanges values along an axis over which that varies.
    """
    waiting = sorted(decides.varying & _axes_of_exchanges(program))
    if waiting:
        over = ", ".join(map(repr, waiting))
        raise value_error(
            f"{what}: it exchanges values between devices along {over}, but whether a "
            f"device gets there is decided by a value {decides!r} that varies over "
            f"{over}. The devices would wait for each other for ever.",
            f"Decide by a value that is the same on all devices, for example "
            f"`lax.pmax(value, {waiting[0]!r})`, or exchange values outside.",
        )


def _axes_of_exchanges(program: Program) -> frozenset[Any]:
    """Named axes along which a program exchanges values."""
    found: frozenset[Any] = frozenset()
    if not program.named_axes:
        return found
    for equation in program.equations:
        primitive = equation.primitive
        if isinstance(primitive, Collective) and not isinstance(primitive, AxisIndex):
            found |= primitive.named_axes
        for inner in subprograms(equation):
            found |= _axes_of_exchanges(inner) - primitive.binds_axes
    return found


# ---- differences ---------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Side:
    """A tree of types to compare with another.

    Attributes:
        label: how messages call it.
        tree: its tree definition.
        types: of its leaves.
        lines: for each leaf where it was made; empty if nothing is known.
    """

    label: str
    tree: Any
    types: Sequence[ArrayType]
    lines: Sequence[str] = ()

    def part(self, index: int, label: str) -> "Side":
        """One child of the tree as a side of its own."""
        children = self.tree.children()
        start = sum(child.num_leaves for child in children[:index])
        here = slice(start, start + children[index].num_leaves)
        return Side(label, children[index], self.types[here], self.lines[here])

    def leaves(self) -> list[tuple[str, str]]:
        """Path and description of each leaf."""
        paths = flatten_with_path(self.tree.unflatten(self.types))[0]
        lines = self.lines or [""] * len(self.types)
        return [
            (self.label + path_text(path), f"{type!r}{line}")
            for (path, type), line in zip(paths, lines, strict=True)
        ]


def results(label: str, tree: Any, program: Program, types: Sequence[Any]) -> Side:
    """The results of a traced function, or the first of them, as one side."""
    made: dict[Atom, Frame | None] = {
        variable: equation.frame
        for equation in program.equations
        for variable in equation.outputs
    }
    frames = [made.get(atom) for atom in program.outputs]
    lines = [f" (made at {_file_and_line(f)})" if f is not None else "" for f in frames]
    return Side(label, tree, types, lines[: len(types)])


def _file_and_line(frame: Frame) -> str:
    return f"{frame[0].co_filename}:{line_of(frame)}"


def type_difference(
    what: str,
    functions: Sequence[Callable[..., Any]],
    one: Side,
    other: Side,
    fix: str,
    agree: Callable[[ArrayType, ArrayType], ArrayType | None] = settle_types,
) -> TypeError:
    """The error for two trees of types that should be equal, listing every difference.

    Args:
        what: the operation and its functions.
        functions: those whose results are compared; the message says where they are.
        one: what was expected.
        other: what came.
        fix: what to do.
        agree: gives None for two types that differ too much.
    """
    if one.tree != other.tree:
        first = one.tree.unflatten([_LEAF] * one.tree.num_leaves)
        second = other.tree.unflatten([_LEAF] * other.tree.num_leaves)
        problem = f"{what}: {one.label} and {other.label} must have the same tree, but"
        lines = list(_tree_differences(first, second, one.label, other.label))
    else:
        problem = f"{what}: {one.label} and {other.label} must have equal types, but"
        lines = [
            f"{path} is {text}, {other_path} is {other_text}"
            for (path, text), (other_path, other_text), want, got in zip(
                one.leaves(), other.leaves(), one.types, other.types, strict=True
            )
            if agree(want, got) is None
        ]
    lines += [f"{name_of(f)} is at {where}" for f in functions if (where := _home(f))]
    return type_error("\n  ".join([problem, *lines]), fix)


class _Leaf:
    """Stands for an array."""


_LEAF = _Leaf()


def _tree_differences(
    one: Any, other: Any, path: str, other_path: str
) -> Iterator[str]:
    first, second = _children(one), _children(other)
    same_keys = first is not None and second is not None and list(first) == list(second)
    if type(one) is not type(other) or not same_keys:
        if one is not _LEAF or other is not _LEAF:
            yield f"{path} is {_described(one)}, {other_path} is {_described(other)}"
        return
    assert first is not None, "both have children"
    assert second is not None, "both have children"
    for key in first:
        yield from _tree_differences(
            first[key], second[key], path + key, other_path + key
        )


def _children(value: Any) -> dict[str, Any] | None:
    level = pytree.BOUNDARY.flatten_one_level_with_keys(value)
    return None if level is None else {str(key): child for key, child in level[0]}


def describe_tree(tree: Any) -> str:
    """What a tree definition is at its root, in words."""
    return _described(tree.unflatten([_LEAF] * tree.num_leaves))


def _described(node: Any) -> str:
    if node is _LEAF:
        return "an array"
    if node is None:
        return "None"
    keys = list(_children(node) or ())
    entries = f"the entries {', '.join(keys)}" if keys else "no entries"
    return f"a {type(node).__qualname__} with {entries}"


def _home(function: Callable[..., Any]) -> str:
    """Where a function is defined; empty for one without Python source."""
    inner = inspect.unwrap(function)
    inner = getattr(inner, "func", inner)  # functools.partial
    code = getattr(inner, "__code__", None)
    return "" if code is None else f"{code.co_filename}:{code.co_firstlineno}"

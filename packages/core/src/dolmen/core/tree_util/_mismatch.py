"""What to say when a tree has not the containers of another."""

from collections.abc import Callable
from typing import Any

from .._backend import pytree
from .._ir import value_error
from ._keys import KeyPath, keystr

_one_level = pytree.one_level_with_keys
_Predicate = Callable[[KeyPath, Any], bool]


def mismatch(
    problem: str,
    prefix: Any,
    full: Any,
    *,
    is_leaf: _Predicate | None = None,
    fix: str,
) -> ValueError | None:
    """The error for a tree that another is no prefix of; None if it is one.

    Args:
        problem: function and arguments, up to the list of differences.
        prefix: the tree whose containers `full` should have.
        full: the tree that failed.
        is_leaf: ends the comparison at a node of `prefix`.
        fix: what to do.
    """
    lines: list[str] = []

    def compare(one: Any, other: Any, path: KeyPath) -> None:
        level = None if is_leaf is not None and is_leaf(path, one) else _one_level(one)
        if level is None:
            return
        difference = _difference(one, other)
        if difference is not None:
            lines.append(f"  {keystr(path) or 'the root'}: {difference}")
            return
        children = _one_level(other)
        assert children is not None, "a node differs from a leaf"
        for (key, child), (_, other_child) in zip(level[0], children[0], strict=True):
            compare(child, other_child, (*path, key))

    compare(prefix, full, ())
    return value_error("\n".join([problem, *lines]), fix) if lines else None


def _difference(one: Any, other: Any) -> str | None:
    """How two nodes differ at their own level."""
    expected, got = _described(one), _described(other)
    if type(one) is not type(other) or expected != got:
        if isinstance(one, dict) and type(one) is type(other):
            difference = _difference_of_keys(one, other)
            if difference:
                return difference
        return f"expected {expected}, got {got}"
    level, other_level = _one_level(one), _one_level(other)
    assert level is not None, "nodes of one class differ from leaves"
    assert other_level is not None, "nodes of one class differ from leaves"
    if level[1] != other_level[1]:
        data, other_data = f"{level[1]!r:.200}", f"{other_level[1]!r:.200}"
        return f"expected {expected} with static data {data}, got {other_data}"
    return None


def _difference_of_keys(one: dict[Any, Any], other: dict[Any, Any]) -> str:
    missing = [repr(key) for key in one if key not in other]
    unexpected = [repr(key) for key in other if key not in one]
    parts = [f"missing {_keys(missing)}"] if missing else []
    parts += [f"unexpected {_keys(unexpected)}"] if unexpected else []
    return " and ".join(parts)


def _keys(names: list[str]) -> str:
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f"key{'s' if len(names) > 1 else ''} {shown}"


def _described(node: Any) -> str:
    """`a tuple of length 2`, `a dict with keys 'a', 'b'`, `a leaf of type float`."""
    name = type(node).__qualname__
    article = "an" if name[0] in "AEIOUaeiou" else "a"
    if node is None:
        return "None"
    level = _one_level(node)
    if level is None:
        return f"a leaf of type {name}"
    children, _ = level
    if isinstance(node, dict):
        keys = _keys([repr(key.key) for key, _ in children]) if node else "no keys"
        return f"{article} {name} with {keys}"
    return f"{article} {name} of length {len(children)}"

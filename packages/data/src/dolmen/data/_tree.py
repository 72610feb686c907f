"""Nested records: dictionaries, tuples and lists whose leaves are stacked."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_KIND_LETTERS = {"f": "f", "i": "i", "u": "u", "c": "c"}
_MISMATCHES_SHOWN = 4
# Leaves of these types have no shape to compare.
_SCALARS = {bool, int, float, complex, np.bool, *np.sctypeDict.values()} - {
    np.bytes_,
    np.str_,
    np.object_,
    np.void,
}


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """Applies `function` to every leaf, keeping the structure."""
    if isinstance(tree, dict):
        return {key: map_leaves(function, value) for key, value in tree.items()}
    if isinstance(tree, tuple | list):
        return _rebuild(tree, [map_leaves(function, value) for value in tree])
    return function(tree)


def leaves_with_paths(tree: Any, path: str = "record") -> list[tuple[str, Any]]:
    """Leaves in order, each with the Python expression that reaches it."""
    if isinstance(tree, dict):
        items = list(tree.items())
    elif isinstance(tree, tuple | list):
        items = list(enumerate(tree))
    else:
        return [(path, tree)]
    return [
        leaf
        for key, value in items
        for leaf in leaves_with_paths(value, f"{path}[{key!r}]")
    ]


def structure_of_rows(tree: Any) -> Any:
    """What all rows of a tree of arrays share: keys, containers, dtypes and shapes."""
    if isinstance(tree, dict):
        return (dict, *((key, structure_of_rows(value)) for key, value in tree.items()))
    if isinstance(tree, tuple | list):
        return (type(tree), *map(structure_of_rows, tree))
    return tree.dtype, tree.shape[1:]


def concatenate(trees: Sequence[Any]) -> Any:
    """Trees of arrays of equal structure as one, joined along the leading axis."""
    if len(trees) == 1:
        return trees[0]
    leaves = [[leaf for _, leaf in leaves_with_paths(tree)] for tree in trees]
    joined = map(np.concatenate, zip(*leaves, strict=True))
    return map_leaves(lambda _: next(joined), trees[0])


def unstack(tree: Any, size: int) -> list[Any]:
    """The `size` records of a tree of arrays with a leading axis of that size."""
    if isinstance(tree, dict):
        columns = [unstack(value, size) for value in tree.values()]
        if not columns:
            return [{} for _ in range(size)]
        keys = list(tree)
        return [dict(zip(keys, row, strict=True)) for row in zip(*columns, strict=True)]
    if isinstance(tree, tuple | list):
        columns = [unstack(value, size) for value in tree]
        rows = zip(*columns, strict=True) if columns else [()] * size
        return [_rebuild(tree, row) for row in rows]
    return list(tree)


def stack(records: Sequence[Any]) -> Any:
    """Stacks at least one record along a new leading axis, leaf by leaf.

    Leaves of type ``bytes`` become an array of objects, because NumPy's own byte
    strings lose trailing zeros.

    Raises:
        ValueError: records differ in structure or shape.
    """
    try:
        return _stack(records)
    except _NotStackable:
        raise ValueError(_explain_mismatch(records)) from None


class _NotStackable(Exception):
    """Some record differs; `_explain_mismatch` finds out which."""


def _stack(records: Sequence[Any]) -> Any:
    first = records[0]
    if isinstance(first, dict):
        if set(map(type, records)) != {type(first)} or len(set(map(len, records))) > 1:
            raise _NotStackable
        try:  # with equal sizes, a key that differs is one that is missing
            return {key: _stack([record[key] for record in records]) for key in first}
        except KeyError:
            raise _NotStackable from None
    if isinstance(first, tuple | list):
        if set(map(type, records)) != {type(first)} or len(set(map(len, records))) > 1:
            raise _NotStackable
        return _rebuild(
            first, [_stack(column) for column in zip(*records, strict=True)]
        )
    return _stack_leaves(records)


def _stack_leaves(leaves: Sequence[Any]) -> np.ndarray:
    kinds = set(map(type, leaves))
    if kinds == {np.ndarray}:
        shape = leaves[0].shape
        if [leaf for leaf in leaves if leaf.shape != shape]:
            raise _NotStackable
        if shape:
            # Three times as fast as `np.stack`, which adds an axis to each leaf.
            return np.concatenate(leaves).reshape(len(leaves), *shape)
        return np.array(leaves)
    if kinds <= _SCALARS:
        return np.array(leaves)
    if kinds == {bytes}:
        column = np.empty(len(leaves), object)
        column[:] = leaves
        return column
    if not kinds.isdisjoint({dict, tuple, list, bytes, type(None)}):
        raise _NotStackable
    arrays = [np.asarray(leaf) for leaf in leaves]
    if any(array.shape != arrays[0].shape for array in arrays):
        raise _NotStackable
    return np.stack(arrays)


def _explain_mismatch(records: Sequence[Any]) -> str:
    expected = _outline(records[0])
    lines = []
    for number, record in enumerate(records):
        found = _outline(record)
        for path in sorted(expected.keys() | found.keys()):
            want, got = expected.get(path, "absent"), found.get(path, "absent")
            # Dtypes may differ, as in `np.stack`; shapes may not.
            if _shape_part(want) != _shape_part(got) or got == "None":
                lines.append(f"  record {number}, `{path}`: {got} (record 0: {want})")
    if not lines:
        kinds = sorted({type(record).__name__ for record in records})
        lines = [f"  containers of different types ({', '.join(kinds)})"]
    if len(lines) > _MISMATCHES_SHOWN:
        more = len(lines) - _MISMATCHES_SHOWN
        lines[_MISMATCHES_SHOWN:] = [f"  and {more} more"]
    return (
        "batch: records of one batch must have equal structure and shapes:\n"
        + "\n".join(lines)
        + "\nPad or crop them in a `map` before `batch`, or pass `batch_fn`."
    )


def _outline(record: Any) -> dict[str, str]:
    return {path: outline_leaf(leaf) for path, leaf in leaves_with_paths(record)}


def outline_leaf(leaf: Any) -> str:
    """Type and shape in short: ``f32[4,3]``, ``bytes``, ``None``."""
    if leaf is None:
        return "None"
    if isinstance(leaf, bytes | str):
        return type(leaf).__name__
    array = np.asarray(leaf)
    dtype = array.dtype
    letter = _KIND_LETTERS.get(dtype.kind)
    name = f"{letter}{dtype.itemsize * 8}" if letter else dtype.name
    return f"{name}[{','.join(map(str, array.shape))}]"


def _shape_part(outline: str) -> str:
    name, bracket, shape = outline.partition("[")
    return shape if bracket else name


def _rebuild(like: Any, values: Any) -> Any:
    if hasattr(like, "_fields"):  # a named tuple takes its fields one by one
        return type(like)(*values)
    return type(like)(values)

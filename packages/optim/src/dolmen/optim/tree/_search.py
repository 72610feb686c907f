"""Finding and replacing what is called by a name, wherever it is in a state."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dolmen.core import tree as trees, tree_util

Path = tuple[Any, ...]
Filter = Callable[[Path, Any], bool]


@dataclass(frozen=True)
class NamedTupleKey:
    """The entry of a path that leads into a named tuple.

    Attributes:
        tuple_name: of the class.
        name: of the field.

    Example:
        >>> str(NamedTupleKey("ScaleByAdamState", "mu"))
        'ScaleByAdamState.mu'
    """

    tuple_name: str
    name: str

    def __str__(self) -> str:
        return f"{self.tuple_name}.{self.name}"


def tree_get_all_with_path(
    tree: Any, key: Any, filtering: Filter | None = None
) -> list[tuple[Path, Any]]:
    """All parts of a tree that are called `key`, with their paths.

    Args:
        tree: such as the state of an optimizer.
        key: of a dict, a field of a named tuple, an attribute of another node, or the
            name of a class of named tuples.
        filtering: from the path and the part to whether it counts.

    Returns:
        Pairs of path and part, outer ones first. Entries of paths are those of
        `tree_util`, for named tuples `NamedTupleKey`.

    Example:
        >>> from dolmen import optim
        >>> state = optim.adam(0.1).init({"w": 1.0})
        >>> [(path, nu)] = tree_get_all_with_path(state, "nu")
        >>> path[-1], nu
        (NamedTupleKey(tuple_name='ScaleByAdamState', name='nu'),
         {'w': Array(0., dtype=float32)})
    """
    return [
        (path, node)
        for path, node in _walk((), tree)
        if _is_called(path, node, key) and (filtering is None or filtering(path, node))
    ]


def tree_get(
    tree: Any, key: Any, default: Any = None, filtering: Filter | None = None
) -> Any:
    """The one part of a tree that is called `key`.

    Args:
        tree: such as the state of an optimizer.
        key: of a dict, a field of a named tuple, an attribute of another node, or the
            name of a class of named tuples.
        default: what to give if there is none.
        filtering: from the path and the part to whether it counts.

    Raises:
        KeyError: there are several.

    Example:
        >>> from dolmen import optim
        >>> tree_get(optim.adam(0.1).init({"w": 1.0}), "count")
        Array(0, dtype=int32)
    """
    found = tree_get_all_with_path(tree, key, filtering)
    if len(found) > 1:
        raise KeyError(
            f"tree.get: {len(found)} parts are called {key!r}: "
            f"{', '.join(_shown(path) for path, _ in found)}; choose by `filtering`"
        )
    return found[0][1] if found else default


def tree_set(tree: Any, filtering: Filter | None = None, /, **kwargs: Any) -> Any:
    """The tree with all parts of some names replaced.

    Args:
        tree: such as the state of an optimizer.
        filtering: from the path and the part to whether it is replaced.
        **kwargs: the names, as in `tree_get`, and what replaces the parts.

    Raises:
        KeyError: there is no part of a name.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> state = optim.adam(0.1).init({"w": 1.0})
        >>> tree_get(tree_set(state, count=jnp.int32(7)), "count")
        Array(7, dtype=int32)
    """
    missing = [
        key for key in kwargs if not tree_get_all_with_path(tree, key, filtering)
    ]
    if missing:
        where = " that pass `filtering`" if filtering else ""
        raise KeyError(f"tree.set: no parts{where} are called {missing}")

    def replaced(path: Path, node: Any) -> Any:
        for key, value in kwargs.items():
            if not _is_called(path, node, key):
                continue
            if filtering is None or filtering(path, node):
                return value
        children = children_of(path, node)
        if children is None:
            return node
        structure = trees.structure(node, is_leaf=lambda x: x is not node)
        return structure.unflatten([replaced(*child) for child in children])

    return replaced((), tree)


def _walk(path: Path, node: Any) -> Iterator[tuple[Path, Any]]:
    """Every node and leaf of a tree with its path, outer ones first."""
    yield path, node
    for child_path, child in children_of(path, node) or ():
        yield from _walk(child_path, child)


def children_of(path: Path, node: Any) -> list[tuple[Path, Any]] | None:
    """The children of a node with their paths; None for a leaf."""
    found = trees.leaves_with_path(node, is_leaf=lambda x: x is not node)
    if found and found[0][1] is node:
        return None
    if is_named_tuple(node):
        cls = type(node).__name__
        entries: list[Any] = [NamedTupleKey(cls, name) for name in node._fields]
        return [
            ((*path, entry), child) for entry, child in zip(entries, node, strict=True)
        ]
    return [((*path, *entry), child) for entry, child in found]


def _is_called(path: Path, node: Any, key: Any) -> bool:
    if is_named_tuple(node) and type(node).__name__ == key:
        return True
    if not path:
        return False
    entry = path[-1]
    if isinstance(entry, tree_util.DictKey):
        return entry.key == key
    return getattr(entry, "name", None) == key


def is_named_tuple(node: Any) -> bool:
    """Whether a node is a named tuple, as states are."""
    return isinstance(node, tuple) and hasattr(node, "_fields")


def _shown(path: Path) -> str:
    return "".join(
        f"/{entry}" if isinstance(entry, NamedTupleKey) else tree_util.keystr((entry,))
        for entry in path
    )

"""Trees taken apart into leaves and structure, and put together again."""

from collections.abc import Callable, Iterable
from typing import Any

from .._backend import pytree
from .._ir import type_error, value_error
from ._keys import KeyPath

PyTreeDef = pytree.PyTreeDef
_flatten = pytree.PUBLIC.flatten

_IsLeaf = Callable[[Any], bool] | None
_IsLeafOrTakesPath = Callable[..., bool] | None


def tree_flatten(tree: Any, is_leaf: _IsLeaf = None) -> tuple[list[Any], PyTreeDef]:
    """Leaves of a tree and its structure.

    Args:
        tree: containers in containers; dicts are in the order of their sorted keys.
            None is a node without children.
        is_leaf: called with every node; true makes it a leaf.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_flatten({"a": 1, "b": (2, 3)})
        ([1, 2, 3], PyTreeDef({'a': *, 'b': (*, *)}))
    """
    return _flatten(tree, is_leaf)


def tree_unflatten(treedef: PyTreeDef, leaves: Iterable[Any]) -> Any:
    """The tree of a structure with these leaves.

    Raises:
        ValueError: the structure has another number of leaves.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_unflatten(tree_util.tree_structure([0, (0, 0)]), "abc")
        ['a', ('b', 'c')]
    """
    return treedef.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: _IsLeaf = None) -> list[Any]:
    """Leaves of a tree, in the order of its structure (dicts by sorted key).

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_leaves({"b": 1, "a": [2, None]})
        [2, 1]
    """
    return _flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: _IsLeaf = None) -> PyTreeDef:
    """Structure of a tree: its containers, a star for each leaf.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_structure([1, {"a": 2}])
        PyTreeDef([*, {'a': *}])
    """
    return _flatten(tree, is_leaf)[1]


def tree_flatten_with_path(
    tree: Any, is_leaf: _IsLeafOrTakesPath = None, is_leaf_takes_path: bool = False
) -> tuple[list[tuple[KeyPath, Any]], PyTreeDef]:
    """Pairs of key path and leaf, and the structure.

    Args:
        tree: containers in containers.
        is_leaf: called with every node; true makes it a leaf.
        is_leaf_takes_path: call `is_leaf` with the key path and the node.

    Example:
        >>> from dolmen.core import tree_util
        >>> pairs, _ = tree_util.tree_flatten_with_path({"a": [7, 8]})
        >>> [(tree_util.keystr(path), leaf) for path, leaf in pairs]
        [("['a'][0]", 7), ("['a'][1]", 8)]
    """
    predicate = is_leaf
    if is_leaf is not None and not is_leaf_takes_path:
        predicate = lambda _, node: is_leaf(node)  # noqa: E731 - shorter than a def
    return pytree.PUBLIC.flatten_with_path(tree, predicate)


def tree_leaves_with_path(
    tree: Any, is_leaf: _IsLeafOrTakesPath = None, is_leaf_takes_path: bool = False
) -> list[tuple[KeyPath, Any]]:
    """Pairs of key path and leaf; arguments as for `tree_flatten_with_path`."""
    return tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)[0]


def flatten_one_level(tree: Any) -> tuple[Iterable[Any], Any]:
    """Children of a node and its static data (for a dict, its sorted keys).

    Raises:
        ValueError: `tree` is a leaf.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.flatten_one_level({"a": 1, "b": [2]})
        ((1, [2]), ('a', 'b'))
    """
    found = pytree.PUBLIC.flatten_one_level(tree)
    if found is None:
        raise _not_a_node("flatten_one_level", tree)
    return found


def flatten_one_level_with_keys(
    tree: Any,
) -> tuple[Iterable[tuple[Any, Any]], Any]:
    """Pairs of key and child of a node, and its static data.

    Raises:
        ValueError: `tree` is a leaf.
    """
    found = pytree.one_level_with_keys(tree)
    if found is None:
        raise _not_a_node("flatten_one_level_with_keys", tree)
    return found


def _not_a_node(function: str, tree: Any) -> ValueError:
    return value_error(
        f"{function}: expected a container, got the leaf {tree!r:.60} of type "
        f"{type(tree).__name__}.",
        "Register its class with `register_pytree_node` if it is to be one.",
    )


def treedef_children(treedef: PyTreeDef) -> list[PyTreeDef]:
    """Structures of the children; a leaf has none.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.treedef_children(tree_util.tree_structure((1, [2])))
        [PyTreeDef(*), PyTreeDef([*])]
    """
    return treedef.children()


def treedef_is_leaf(treedef: PyTreeDef) -> bool:
    """Whether a structure is a single leaf.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.treedef_is_leaf(tree_util.tree_structure(1.0))
        True
    """
    return treedef.num_nodes == 1 and treedef.num_leaves == 1


def treedef_tuple(treedefs: Iterable[PyTreeDef]) -> PyTreeDef:
    """The structure of a tuple with these children.

    Raises:
        TypeError: an element is no structure.

    Example:
        >>> from dolmen.core import tree_util
        >>> one = tree_util.tree_structure(1)
        >>> tree_util.treedef_tuple([one, one])
        PyTreeDef((*, *))
    """
    children = list(treedefs)
    for index, child in enumerate(children):
        if not isinstance(child, PyTreeDef):
            raise type_error(
                f"treedef_tuple: expected structures, got {type(child).__name__} "
                f"{child!r:.60} at position {index}.",
                "Take the structure of a tree with `tree_structure`.",
            )
    return pytree.treedef_tuple(pytree.PUBLIC, children)

"""Functions over the leaves of trees."""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from .._backend import pytree
from .._ir import type_error, value_error
from ._keys import keystr
from ._mismatch import mismatch
from ._treedefs import (
    PyTreeDef,
    tree_flatten_with_path,
    tree_leaves,
    tree_structure,
)

_T = TypeVar("_T")
_IsLeaf = Callable[[Any], bool] | None
_flatten = pytree.PUBLIC.flatten
_MISSING: Any = object()


def tree_map(
    f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: _IsLeaf = None
) -> Any:
    """Apply a function to corresponding leaves of trees.

    Args:
        f: takes one leaf of `tree` and the subtrees of `rest` that stand there.
        tree: gives the structure of the result.
        *rest: trees of which `tree` is a prefix.
        is_leaf: called with every node of `tree`; true makes it a leaf.

    Raises:
        ValueError: a tree of `rest` lacks containers of `tree`; the message names the
            path and both sides of every difference.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_map(lambda a, b: a + b, {"x": 1}, {"x": 10})
        {'x': 11}
    """
    leaves, treedef = _flatten(tree, is_leaf)
    if not rest:
        return treedef.unflatten(map(f, leaves))
    predicate = None if is_leaf is None else lambda _, node: is_leaf(node)
    columns = _columns("tree.map", treedef, tree, rest, predicate)
    return treedef.unflatten(map(f, leaves, *columns))


def tree_map_with_path(
    f: Callable[..., Any],
    tree: Any,
    *rest: Any,
    is_leaf: Callable[..., bool] | None = None,
    is_leaf_takes_path: bool = False,
) -> Any:
    """`tree_map` whose function also gets the key path, first.

    Args:
        f: takes a key path, a leaf of `tree` and the subtrees of `rest` there.
        tree: gives the structure of the result.
        *rest: trees of which `tree` is a prefix.
        is_leaf: called with every node of `tree`; true makes it a leaf.
        is_leaf_takes_path: call `is_leaf` with the key path and the node.

    Raises:
        ValueError: as for `tree_map`.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_map_with_path(
        ...     lambda path, leaf: f"{tree_util.keystr(path)} = {leaf}", {"x": [1, 2]}
        ... )
        {'x': ["['x'][0] = 1", "['x'][1] = 2"]}
    """
    pairs, treedef = tree_flatten_with_path(tree, is_leaf, is_leaf_takes_path)
    predicate = is_leaf
    if is_leaf is not None and not is_leaf_takes_path:
        predicate = lambda _, node: is_leaf(node)  # noqa: E731 - shorter than a def
    columns = _columns("tree.map_with_path", treedef, tree, rest, predicate)
    paths, leaves = [path for path, _ in pairs], [leaf for _, leaf in pairs]
    return treedef.unflatten(map(f, paths, leaves, *columns))


def _columns(
    function: str, treedef: PyTreeDef, tree: Any, rest: Sequence[Any], is_leaf: Any
) -> list[list[Any]]:
    """What stands in each tree of `rest` at the leaves of `tree`."""
    columns = []
    for index, other in enumerate(rest):
        try:
            columns.append(treedef.flatten_up_to(other))
        except ValueError as error:
            raise (
                mismatch(
                    f"{function}: tree {index + 2} must have the containers of tree 1, "
                    "but at",
                    tree,
                    other,
                    is_leaf=is_leaf,
                    fix="Give all trees the same containers, or put the tree with the "
                    "fewest first: what stands below its leaves is passed whole.",
                )
                or error
            ) from None
    return columns


def tree_broadcast(prefix_tree: Any, full_tree: Any, is_leaf: _IsLeaf = None) -> Any:
    """The leaves of one tree, each repeated for the subtree of another it stands for.

    Args:
        prefix_tree: a prefix of `full_tree`.
        full_tree: gives the structure of the result.
        is_leaf: called with every node of `prefix_tree`; true makes it a leaf.

    Raises:
        ValueError: `prefix_tree` is no prefix; the message names the differences.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_broadcast({"a": 1, "b": 2}, {"a": [0, 0], "b": (0,)})
        {'a': [1, 1], 'b': (2,)}
    """
    leaves, treedef = _flatten(prefix_tree, is_leaf)
    try:
        subtrees = treedef.flatten_up_to(full_tree)
    except ValueError as error:
        raise (
            mismatch(
                "tree.broadcast: full_tree must have the containers of prefix_tree, "
                "but at",
                prefix_tree,
                full_tree,
                is_leaf=None if is_leaf is None else lambda _, node: is_leaf(node),
                fix="Put a leaf where the containers differ: it is repeated for all "
                "that stands there.",
            )
            or error
        ) from None
    repeated = [
        leaf
        for leaf, subtree in zip(leaves, subtrees, strict=True)
        for _ in range(tree_structure(subtree).num_leaves)
    ]
    return tree_structure(full_tree).unflatten(repeated)


def tree_all(tree: Any, *, is_leaf: _IsLeaf = None) -> bool:
    """Whether all leaves are true.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_all([True, {"a": False}])
        False
    """
    return all(tree_leaves(tree, is_leaf))


def all_leaves(iterable: Iterable[Any], is_leaf: _IsLeaf = None) -> bool:
    """Whether every element is a leaf by itself.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.all_leaves([1, 2.0]), tree_util.all_leaves([1, [2.0]])
        (True, False)
    """
    return all(
        is_leaf(x) or pytree.is_leaf(x) if is_leaf is not None else pytree.is_leaf(x)
        for x in iterable
    )


def tree_reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _MISSING,
    is_leaf: _IsLeaf = None,
) -> Any:
    """`functools.reduce` over the leaves.

    Args:
        function: takes what has been reduced so far and a leaf.
        tree: gives the leaves.
        initializer: stands before the leaves; of no leaves, it is the result.
        is_leaf: called with every node; true makes it a leaf.

    Raises:
        TypeError: there are no leaves and no `initializer`.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_reduce(lambda total, x: total + x, {"a": 1, "b": (2, 3)})
        6
    """
    leaves = tree_leaves(tree, is_leaf)
    if initializer is not _MISSING:
        return functools.reduce(function, leaves, initializer)
    if not leaves:
        raise type_error(
            "tree.reduce: the tree has no leaves to reduce.", "Give an `initializer`."
        )
    return functools.reduce(function, leaves)


def tree_reduce_associative(
    operation: Callable[[_T, _T], _T],
    tree: Any,
    *,
    identity: Any = _MISSING,
    is_leaf: _IsLeaf = None,
) -> _T:
    """Leaves combined two by two in a balanced tree of calls.

    The chain of dependent operations is as short as it can be, so a compiler may run
    more of them at once than with `tree_reduce`, and sums round less.

    Args:
        operation: an associative function of two leaves.
        tree: gives the leaves, which keep their order.
        identity: the result of no leaves.
        is_leaf: called with every node; true makes it a leaf.

    Raises:
        TypeError: there are no leaves and no `identity`.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_reduce_associative(lambda a, b: f"({a}{b})", list("abcd"))
        '((ab)(cd))'
    """
    leaves = tree_leaves(tree, is_leaf)
    if not leaves:
        if identity is _MISSING:
            raise type_error(
                "tree.reduce_associative: the tree has no leaves to reduce.",
                "Give an `identity`.",
            )
        return identity

    def combine(part: list[Any]) -> Any:
        if len(part) == 1:
            return part[0]
        middle = len(part) // 2
        return operation(combine(part[:middle]), combine(part[middle:]))

    return combine(leaves)


def tree_transpose(
    outer_treedef: PyTreeDef,
    inner_treedef: PyTreeDef | None,
    pytree_to_transpose: Any,
) -> Any:
    """A tree of trees with the two levels exchanged.

    Args:
        outer_treedef: structure of the outer level.
        inner_treedef: structure of every tree at its leaves; by default that of the
            first.
        pytree_to_transpose: a tree of the structure `outer_treedef` whose leaves are
            trees of the structure `inner_treedef`.

    Raises:
        TypeError: the tree is not made of the two structures; the message names every
            place.
        ValueError: `outer_treedef` has no leaf that shows the inner structure.

    Example:
        >>> from dolmen.core import tree_util
        >>> outer = tree_util.tree_structure({"a": 0, "b": 0})
        >>> tree_util.tree_transpose(outer, None, {"a": (1, 2), "b": (3, 4)})
        ({'a': 1, 'b': 3}, {'a': 2, 'b': 4})
    """
    outer = outer_treedef.unflatten([None] * outer_treedef.num_leaves)
    try:
        subtrees = outer_treedef.flatten_up_to(pytree_to_transpose)
    except ValueError as error:
        found = mismatch(
            "tree.transpose: the tree must have the containers of outer_treedef, but "
            "at",
            outer,
            pytree_to_transpose,
            is_leaf=lambda _, node: node is None,
            fix="",
        )
        raise TypeError(str(found or error)) from None
    inner: Any = inner_treedef
    if inner is None:
        if not subtrees:
            raise value_error(
                f"tree.transpose: outer_treedef {outer_treedef} has no leaves, so the "
                "inner structure is unknown.",
                "Give `inner_treedef`.",
            )
        inner = tree_structure(subtrees[0])
    pairs, _ = tree_flatten_with_path(outer, lambda node: node is None)
    wrong = [
        f"  {keystr(path) or 'the root'}: expected {inner}, got "
        f"{tree_structure(subtree)}"
        for (path, _), subtree in zip(pairs, subtrees, strict=True)
        if tree_structure(subtree) != inner
    ]
    if wrong:
        raise type_error(
            "tree.transpose: every leaf of outer_treedef must stand for a tree of the "
            "structure inner_treedef, but at\n" + "\n".join(wrong)
        )
    columns = [tree_leaves(subtree) for subtree in subtrees]
    rows = zip(*columns, strict=True) if columns else [()] * inner.num_leaves
    return inner.unflatten(map(outer_treedef.unflatten, rows))

"""Pytrees: containers that transformations look into.

Lists, tuples, dicts, named tuples, None and registered classes are nodes; everything
else is a leaf. The short names live in `dolmen.core.tree`.
"""

import functools
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from ._backend import pytree
from ._ir import message

DictKey = pytree.DictKey
FlattenedIndexKey = pytree.FlattenedIndexKey
GetAttrKey = pytree.GetAttrKey
SequenceKey = pytree.SequenceKey
PyTreeDef = pytree.PyTreeDef

_T = TypeVar("_T")
_IsLeaf = Callable[[Any], bool] | None


def tree_flatten(tree: Any, is_leaf: _IsLeaf = None) -> tuple[list[Any], Any]:
    """Leaves of a tree and its structure.

    Args:
        is_leaf: called at every node; true makes it a leaf.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_flatten({"a": 1, "b": (2, 3)})
        ([1, 2, 3], PyTreeDef({'a': *, 'b': (*, *)}))
    """
    return pytree.PUBLIC.flatten(tree, is_leaf)


def tree_unflatten(treedef: Any, leaves: Iterable[Any]) -> Any:
    """The tree of a structure with these leaves.

    Raises:
        ValueError: the structure needs another number of leaves.
    """
    return treedef.unflatten(leaves)


def tree_leaves(tree: Any, is_leaf: _IsLeaf = None) -> list[Any]:
    """Leaves of a tree, in the order of its structure (dicts by sorted key)."""
    return pytree.PUBLIC.flatten(tree, is_leaf)[0]


def tree_structure(tree: Any, is_leaf: _IsLeaf = None) -> Any:
    """Structure of a tree."""
    return pytree.PUBLIC.flatten(tree, is_leaf)[1]


def tree_map(
    f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: _IsLeaf = None
) -> Any:
    """Apply a function to corresponding leaves of trees.

    Args:
        f: takes one leaf of each tree.
        tree: gives the structure of the result.
        *rest: trees of which `tree` is a prefix.

    Raises:
        ValueError: a tree of `rest` does not match; the message names the path.

    Example:
        >>> from dolmen.core import tree_util
        >>> tree_util.tree_map(lambda a, b: a + b, {"x": 1}, {"x": 10})
        {'x': 11}
    """
    leaves, treedef = pytree.PUBLIC.flatten(tree, is_leaf)
    if not rest:
        return treedef.unflatten(map(f, leaves))
    columns = [leaves]
    for index, other in enumerate(rest):
        try:
            columns.append(treedef.flatten_up_to(other))
        except ValueError as error:
            raise ValueError(
                message(
                    f"tree.map: tree number {index + 2} does not match the first: "
                    f"{error}"
                )
            ) from None
    return treedef.unflatten(map(f, *columns))


def tree_all(tree: Any, *, is_leaf: _IsLeaf = None) -> bool:
    """Whether all leaves are true."""
    return all(tree_leaves(tree, is_leaf))


_MISSING = object()


def tree_reduce(
    function: Callable[[Any, Any], Any],
    tree: Any,
    initializer: Any = _MISSING,
    is_leaf: _IsLeaf = None,
) -> Any:
    """`functools.reduce` over the leaves."""
    leaves = tree_leaves(tree, is_leaf)
    if initializer is _MISSING:
        return functools.reduce(function, leaves)
    return functools.reduce(function, leaves, initializer)


def tree_transpose(
    outer_treedef: Any, inner_treedef: Any, pytree_to_transpose: Any
) -> Any:
    """A tree of trees with the two levels exchanged.

    Raises:
        TypeError: the tree is not made of the two structures.
    """
    leaves, treedef = tree_flatten(pytree_to_transpose)
    inner_size, outer_size = inner_treedef.num_leaves, outer_treedef.num_leaves
    if treedef.num_leaves != inner_size * outer_size:
        raise TypeError(
            message(
                f"tree.transpose: expected {outer_treedef} of {inner_treedef}, "
                f"got {treedef}."
            )
        )
    rows = [leaves[i * inner_size : (i + 1) * inner_size] for i in range(outer_size)]
    return inner_treedef.unflatten(
        [outer_treedef.unflatten(column) for column in zip(*rows, strict=True)]
    )


def tree_flatten_with_path(
    tree: Any, is_leaf: _IsLeaf = None
) -> tuple[list[tuple[tuple[Any, ...], Any]], Any]:
    """Pairs of key path and leaf, and the structure."""
    predicate = None if is_leaf is None else lambda _, node: is_leaf(node)
    pairs, treedef = pytree.PUBLIC.flatten_with_path(tree, predicate)
    return pairs, treedef


def tree_leaves_with_path(
    tree: Any, is_leaf: _IsLeaf = None
) -> list[tuple[tuple[Any, ...], Any]]:
    """Pairs of key path and leaf."""
    return tree_flatten_with_path(tree, is_leaf)[0]


def tree_map_with_path(
    f: Callable[..., Any], tree: Any, *rest: Any, is_leaf: _IsLeaf = None
) -> Any:
    """`tree_map` whose function also gets the key path, first."""
    pairs, treedef = tree_flatten_with_path(tree, is_leaf)
    columns = [[path for path, _ in pairs], [leaf for _, leaf in pairs]]
    columns += [treedef.flatten_up_to(other) for other in rest]
    return treedef.unflatten(map(f, *columns))


def keystr(path: Sequence[Any], *, simple: bool = False, separator: str = "") -> str:
    """A key path as text: `['layers'][0].weight`, or `layers/0/weight`.

    Args:
        simple: only the keys themselves.
        separator: between the keys.
    """
    if not simple:
        return separator.join(map(str, path))
    return separator.join(map(_bare_key, path))


def _bare_key(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


def all_leaves(iterable: Iterable[Any], is_leaf: _IsLeaf = None) -> bool:
    """Whether every element is a leaf."""
    return all(
        tree_structure(x, is_leaf).num_nodes == 1 and tree_leaves(x, is_leaf) == [x]
        for x in iterable
    )


def register_pytree_node(
    nodetype: type,
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Iterable[Any]], Any],
    flatten_with_keys_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Make a class a node.

    Args:
        flatten_func: from an instance to its children and static data, which must hash.
        unflatten_func: from static data and children to an instance.
        flatten_with_keys_func: like `flatten_func`, with a pair of key and child for
            each child.

    Raises:
        ValueError: the class is registered already.
    """
    pytree.register_node(nodetype, flatten_func, unflatten_func, flatten_with_keys_func)


def register_pytree_with_keys(
    nodetype: type,
    flatten_with_keys: Callable[[Any], tuple[Iterable[Any], Any]],
    unflatten_func: Callable[[Any, Iterable[Any]], Any],
    flatten_func: Callable[[Any], tuple[Iterable[Any], Any]] | None = None,
) -> None:
    """Make a class a node whose children have keys."""

    def without_keys(node: Any) -> tuple[Iterable[Any], Any]:
        pairs, data = flatten_with_keys(node)
        return [child for _, child in pairs], data

    pytree.register_node(
        nodetype, flatten_func or without_keys, unflatten_func, flatten_with_keys
    )


def register_pytree_node_class(cls: type[_T]) -> type[_T]:
    """Class decorator for classes with `tree_flatten` and `tree_unflatten`."""
    node: Any = cls
    register_pytree_node(node, lambda x: x.tree_flatten(), node.tree_unflatten)
    return cls


def register_pytree_with_keys_class(cls: type[_T]) -> type[_T]:
    """Class decorator: the class has `tree_flatten_with_keys` and `tree_unflatten`."""
    node: Any = cls
    register_pytree_with_keys(
        node,
        lambda x: x.tree_flatten_with_keys(),
        node.tree_unflatten,
        (lambda x: x.tree_flatten()) if hasattr(cls, "tree_flatten") else None,
    )
    return cls


def register_dataclass(
    nodetype: Any = None,
    data_fields: Sequence[str] | None = None,
    meta_fields: Sequence[str] | None = None,
) -> Any:
    """Make a dataclass a node.

    Args:
        data_fields: names of the fields that are children; by default all but those
            whose `metadata` has `static=True`.
        meta_fields: names of the fields that are static data.

    Returns:
        The class, so that it also serves as a decorator.
    """
    import dataclasses

    if nodetype is None:
        return functools.partial(
            register_dataclass, data_fields=data_fields, meta_fields=meta_fields
        )
    if data_fields is None or meta_fields is None:
        fields = [f for f in dataclasses.fields(nodetype) if f.init]
        static = [f.name for f in fields if f.metadata.get("static", False)]
        meta_fields = static
        data_fields = [f.name for f in fields if f.name not in static]
    known = {f.name for f in dataclasses.fields(nodetype) if f.init}
    named = {*data_fields, *meta_fields}
    if named != known:
        raise ValueError(
            message(
                f"register_dataclass of {nodetype.__name__}: data_fields and "
                "meta_fields must name every field once; missing "
                f"{sorted(known - named)}, unknown {sorted(named - known)}."
            )
        )
    pytree.register_dataclass_node(nodetype, data_fields, meta_fields)
    return nodetype


def register_static(cls: type[_T]) -> type[_T]:
    """Class decorator: instances are nodes without children, compared by equality."""
    register_pytree_node(cls, lambda x: ((), x), lambda data, _: data)
    return cls


class Partial(functools.partial):
    """`functools.partial` that is a pytree: its arguments are children."""


def _partial(func: Any, children: Iterable[Any]) -> Partial:
    args, keywords = children
    return Partial(func, *args, **keywords)


register_pytree_node(
    Partial,
    lambda partial: ((partial.args, partial.keywords), partial.func),
    _partial,
)


def treedef_children(treedef: Any) -> list[Any]:
    """Structures of the children."""
    return treedef.children()


def treedef_is_leaf(treedef: Any) -> bool:
    """Whether the structure is a single leaf."""
    return treedef.num_nodes == 1 and treedef.num_leaves == 1


def treedef_tuple(treedefs: Iterable[Any]) -> Any:
    """The structure of a tuple with these children."""
    parts = [d.unflatten([0] * d.num_leaves) for d in treedefs]
    return tree_structure(tuple(parts))

"""Key paths: where in a tree a leaf stands."""

from collections.abc import Hashable, Sequence
from typing import Any, TypeAlias

from .._backend import pytree

DictKey = pytree.DictKey
FlattenedIndexKey = pytree.FlattenedIndexKey
GetAttrKey = pytree.GetAttrKey
SequenceKey = pytree.SequenceKey

# One step from a container to a child: one of the classes above or, in a path that
# `register_pytree_with_keys` defines, anything that hashes and prints as a step.
KeyEntry: TypeAlias = Hashable
KeyPath: TypeAlias = tuple[KeyEntry, ...]


def keystr(keys: Sequence[Any], *, simple: bool = False, separator: str = "") -> str:
    """A key path as text: `['layers'][0].weight`, or `layers/0/weight`.

    Args:
        keys: a key path, as `tree_flatten_with_path` gives them.
        simple: write only the bare keys, without brackets, quotes and dots.
        separator: stands between the keys.

    Example:
        >>> from dolmen.core import tree_util
        >>> ((path, _),) = tree_util.tree_leaves_with_path({"layers": [1.0]})
        >>> tree_util.keystr(path)
        "['layers'][0]"
        >>> tree_util.keystr(path, simple=True, separator="/")
        'layers/0'
    """
    return separator.join(map(_bare if simple else str, keys))


_ATTRIBUTES = {DictKey: "key", FlattenedIndexKey: "key", GetAttrKey: "name"} | {
    SequenceKey: "idx"
}


def _bare(key: Any) -> str:
    attribute = _ATTRIBUTES.get(type(key))
    return str(key if attribute is None else getattr(key, attribute))

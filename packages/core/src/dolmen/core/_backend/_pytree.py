"""Two pytree registries on jaxlib's C++ implementation.

`PUBLIC` is what users see through `dolmen.core.tree`. `BOUNDARY` is what
transformations flatten with: it opens the same containers and, in addition, typed
random keys, whose leaf there is the plain array of their words. So typed keys pass
through compiled calls on the C++ fast path and no primitive needs to know them. Every
registration enters both.
"""

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import jaxlib._jax as _jax

DictKey = _jax.pytree.DictKey
FlattenedIndexKey = _jax.pytree.FlattenedIndexKey
GetAttrKey = _jax.pytree.GetAttrKey
SequenceKey = _jax.pytree.SequenceKey
if TYPE_CHECKING:
    PyTreeDef: TypeAlias = Any  # jaxlib says nothing about its type
else:
    PyTreeDef = _jax.pytree.PyTreeDef
treedef_tuple = _jax.pytree.treedef_tuple

PUBLIC = _jax.pytree.PyTreeRegistry()
BOUNDARY = _jax.pytree.PyTreeRegistry()
# A pickled structure refers to its registry by these names.
PUBLIC.__name__, BOUNDARY.__name__ = "PUBLIC", "BOUNDARY"
PUBLIC.__module__ = BOUNDARY.__module__ = __name__

_Children = Iterable[Any]


def is_leaf(value: Any) -> bool:
    """Whether a value is a leaf to users."""
    return not PUBLIC.is_node(type(value))


def one_level_with_keys(node: Any) -> tuple[list[tuple[Any, Any]], Any] | None:
    """Pairs of key and child of a node and its static data; None for a leaf."""
    found = PUBLIC.flatten_one_level_with_keys(node)
    if found is None:
        return None
    pairs: Any
    data: Any
    pairs, data = found
    if data is type(node) and isinstance(node, tuple):
        # jaxlib 0.10 gives every child of a named tuple the name of the first.
        pairs = zip(map(GetAttrKey, data._fields), node, strict=True)
    return list(pairs), data


def register_node(
    cls: type,
    flatten: Callable[[Any], tuple[_Children, Any]],
    unflatten: Callable[[Any, _Children], Any],
    flatten_with_keys: Callable[[Any], tuple[Iterable[tuple[Any, Any]], Any]]
    | None = None,
) -> None:
    """Register a container class in both registries."""
    for registry in (PUBLIC, BOUNDARY):
        registry.register_node(cls, flatten, unflatten, flatten_with_keys)


class _Inside:
    """The key of what users see as a leaf: their path ends before it."""

    def __str__(self) -> str:
        return ""


_INSIDE = _Inside()


def register_boundary_node(
    cls: type,
    flatten: Callable[[Any], tuple[_Children, Any]],
    unflatten: Callable[[Any, _Children], Any],
) -> None:
    """Register a class that is a leaf to users and opened at transformations."""

    def with_keys(node: Any) -> tuple[list[tuple[Any, Any]], Any]:
        children, data = flatten(node)
        return [(_INSIDE, child) for child in children], data

    BOUNDARY.register_node(cls, flatten, unflatten, with_keys)


def register_dataclass_node(
    cls: type, data_fields: Sequence[str], meta_fields: Sequence[str]
) -> None:
    """Register a dataclass whose `data_fields` are children, `meta_fields` static."""
    for registry in (PUBLIC, BOUNDARY):
        registry.register_dataclass_node(cls, list(data_fields), list(meta_fields))


# C++ knows dict itself; its subclasses are told apart and keep what makes them special.


def _with_keys(mapping: Any) -> list[tuple[Any, Any]]:
    return [(DictKey(key), value) for key, value in mapping.items()]


register_node(
    OrderedDict,
    lambda mapping: (tuple(mapping.values()), tuple(mapping)),
    lambda keys, values: OrderedDict(zip(keys, values, strict=True)),
    lambda mapping: (_with_keys(mapping), tuple(mapping)),
)


def _sorted_items(mapping: Any) -> dict[Any, Any]:
    return {key: mapping[key] for key in sorted(mapping)}


def _default_data(mapping: Any) -> tuple[Any, ...]:
    return mapping.default_factory, tuple(sorted(mapping))


register_node(
    defaultdict,
    lambda mapping: (tuple(_sorted_items(mapping).values()), _default_data(mapping)),
    lambda data, values: defaultdict(data[0], zip(data[1], values, strict=True)),
    lambda mapping: (_with_keys(_sorted_items(mapping)), _default_data(mapping)),
)

"""Leaves and containers as `dolmen.core` knows them; the only module that asks it.

A node that holds a tree in another form, as packed trees of `dolmen.optim` do, is
stored as that tree if it has two methods: `__checkpoint_tree__()` gives the tree, or
the descriptions of its leaves if it holds descriptions itself;
`__from_checkpoint_tree__(tree)` makes such a node of the tree with other leaves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy

from dolmen import core
from dolmen.core import random, tree_util

from ._format import PYTHON_KINDS, ArrayLeaf, Leaf, ValueLeaf, dtype_named, stored_name
from ._structure import Node, Structure

__all__ = [
    "abstract",
    "describe",
    "describe_stored",
    "flatten",
    "raw_bytes",
    "rebuild",
    "restore",
    "start_transfers",
    "stored_array",
    "type_text",
]

_KIND_OF_TYPE = {kind: name for name, kind in PYTHON_KINDS.items()}
_NUMPY_ARRAYS = (numpy.ndarray, numpy.memmap)  # other subclasses mean something else
_PLAIN_LEAVES = frozenset((*_KIND_OF_TYPE, *_NUMPY_ARRAYS, core.Array, type(...)))


# --- containers ---------------------------------------------------------------------


def flatten(root: Any) -> tuple[Structure, list[Any]]:
    """The containers and leaves of a tree; None is a leaf."""
    leaves: list[Any] = []
    return _flatten_into(leaves, root), leaves


# Not a closure: one that calls itself is a cycle, which would keep arrays from being
# freed until the garbage collector runs.
def _flatten_into(leaves: list[Any], x: Any) -> Structure:
    kind = type(x)
    if kind is dict:
        children = [_flatten_into(leaves, child) for child in x.values()]
        return Node("dict", tuple(x), tuple(children))
    if kind is list or kind is tuple:
        children = [_flatten_into(leaves, child) for child in x]
        return Node(kind.__name__, (), tuple(children))
    if hasattr(kind, "__checkpoint_tree__"):
        return _flatten_into(leaves, x.__checkpoint_tree__())
    opened = _open_container(x)
    if opened is None:
        leaves.append(x)
        return len(leaves) - 1
    (how, keys), parts, _ = opened
    return Node(how, keys, tuple([_flatten_into(leaves, child) for child in parts]))


def rebuild(x: Any, values: Iterator[Any]) -> Any:
    """`x` with other leaves, in the order of `flatten`."""
    kind = type(x)
    if kind is dict:
        return {key: rebuild(child, values) for key, child in x.items()}
    if kind is list or kind is tuple:
        return kind([rebuild(child, values) for child in x])
    if hasattr(kind, "__checkpoint_tree__"):
        return x.__from_checkpoint_tree__(rebuild(x.__checkpoint_tree__(), values))
    opened = _open_container(x)
    if opened is None:
        return next(values)
    _, parts, definition = opened
    children = [rebuild(child, values) for child in parts]
    return tree_util.tree_unflatten(definition, children)


def _open_container(x: Any) -> tuple[tuple[str, tuple], list[Any], Any] | None:
    """The keys, children and definition of a registered container; None for a leaf."""
    if type(x) in _PLAIN_LEAVES:
        return None
    pairs, definition = tree_util.tree_flatten_with_path(x, lambda y: y is not x)
    if len(pairs) == 1 and pairs[0][0] == ():
        return None
    entries = [path[0] for path, _ in pairs]
    return _keys(entries), [child for _, child in pairs], definition


def _keys(entries: list[Any]) -> tuple[str, tuple]:
    """How a container names its children, as in `Node`."""
    if all(isinstance(entry, tree_util.GetAttrKey) for entry in entries):
        return "attributes", tuple(entry.name for entry in entries)
    if all(isinstance(entry, tree_util.DictKey) for entry in entries):
        return "keys", tuple(entry.key for entry in entries)
    if all(isinstance(entry, tree_util.SequenceKey) for entry in entries):
        return "list", ()
    return "children", ()


# --- what a leaf is -----------------------------------------------------------------


def describe(x: Any) -> Leaf | None:
    """The record of a leaf or of a `ShapeDtypeStruct`, without shards; None if none."""
    kind = _KIND_OF_TYPE.get(type(x))
    if kind is not None:
        return ValueLeaf(kind, x)
    if type(x) in _NUMPY_ARRAYS:
        return _describe_array("numpy", x)
    if isinstance(x, numpy.generic):
        return ValueLeaf("scalar", x) if stored_name(x.dtype) else None
    if not isinstance(x, core.Array | core.ShapeDtypeStruct):
        return None
    if _is_key(x):
        generator = x.dtype.generator
        shape = (*x.shape, *generator.key_shape)
        return ArrayLeaf("key", "uint32", shape, impl=generator.name)
    return _describe_array("array", x)


def _is_key(x: Any) -> bool:
    return core.dtypes.issubdtype(x.dtype, core.dtypes.prng_key)


def _describe_array(kind: str, x: Any) -> ArrayLeaf | None:
    name = stored_name(x.dtype)
    return ArrayLeaf(kind, name, x.shape) if name else None


def describe_stored(x: Any) -> Leaf | None:
    """The record of a leaf that has data; None if it can't be stored."""
    return None if isinstance(x, core.ShapeDtypeStruct) else describe(x)


def type_text(x: Any) -> str:
    """What `x` is, in a message."""
    if isinstance(x, numpy.ndarray | numpy.generic):
        return f"{type(x).__name__} of dtype {x.dtype}"
    return type(x).__qualname__


# --- leaves to bytes ----------------------------------------------------------------


def stored_array(x: Any) -> Any:
    """The array whose bytes are stored for an array, a key or a NumPy array."""
    if isinstance(x, core.Array) and _is_key(x):
        return random.key_data(x)
    return x


def start_transfers(arrays: Iterable[tuple[int, Any]]) -> None:
    """Starts copying arrays from their devices to host memory, all at once."""
    for _, array in arrays:
        start = getattr(array, "copy_to_host_async", None)
        if start is not None:
            start()


def raw_bytes(array: Any) -> numpy.ndarray:
    """The elements of an array as little-endian bytes in row-major order."""
    host = numpy.asarray(array)
    host = numpy.ascontiguousarray(host, dtype_named(stored_name(host.dtype)))
    return host.reshape(-1).view(numpy.uint8)


# --- bytes to leaves ----------------------------------------------------------------


def restore(leaf: Leaf, data: numpy.ndarray | None, like: Any = ...) -> Any:
    """The leaf that `leaf` describes.

    Args:
        leaf: its record.
        data: the stored array, for the kinds that have one.
        like: an array or `ShapeDtypeStruct` for an array, on the same devices; a NumPy
            array for a NumPy array; anything else for the kind that was stored.
    """
    if isinstance(leaf, ValueLeaf):
        return leaf.value
    if leaf.kind == "key":
        return random.wrap_key_data(_on_device(data, ...), impl=leaf.impl)
    as_numpy = leaf.kind == "numpy" if like is ... else isinstance(like, numpy.ndarray)
    return data if as_numpy else _on_device(data, like)


def _on_device(data: Any, like: Any) -> Any:
    """`data` as an array, on the device of `like` if that was chosen by its owner."""
    committed = isinstance(like, core.Array) and like.committed
    array = core.device_put(data, like.device if committed else None)
    if array.dtype != data.dtype:
        raise TypeError(
            f"restore: the checkpoint holds {data.dtype} arrays, but 64-bit types are "
            "disabled.\n"
            "Enable them (`dolmen.core.enable_x64`), or pass NumPy arrays as `like`."
        )
    return array


def abstract(leaf: Leaf) -> Any:
    """A `ShapeDtypeStruct`, or the value of a leaf that has no array."""
    if isinstance(leaf, ValueLeaf):
        return leaf.value
    if leaf.kind == "key":
        dtype = random.key(0, impl=leaf.impl).dtype
        return core.ShapeDtypeStruct(leaf.shape[:-1], dtype)
    return core.ShapeDtypeStruct(leaf.shape, dtype_named(leaf.dtype))

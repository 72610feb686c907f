"""Leaves and containers as `dolmen.core` knows them; the only module that asks it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy

from ._format import PYTHON_KINDS, ArrayLeaf, Leaf, ValueLeaf, dtype_named, stored_name
from ._structure import Node, Structure

try:
    from dolmen import core
    from dolmen.core import random, tree, tree_util
except ImportError:
    core = None

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
_BUILTIN_LEAVES = (*PYTHON_KINDS.values(), *_NUMPY_ARRAYS, type(...))

if core is None:

    class ShapeDtypeStruct:
        def __init__(self, shape, dtype):
            self.shape, self.dtype = tuple(shape), numpy.dtype(dtype)


# --- containers ---------------------------------------------------------------------


def flatten(root: Any) -> tuple[Structure, list[Any]]:
    """The containers and leaves of a tree; None is a leaf."""
    leaves: list[Any] = []

    def walk(x: Any) -> Structure:
        kind = type(x)
        if kind is dict:
            return Node("dict", tuple(x), tuple([walk(child) for child in x.values()]))
        if kind is list or kind is tuple:
            return Node(kind.__name__, (), tuple([walk(child) for child in x]))
        opened = _open_container(x)
        if opened is None:
            leaves.append(x)
            return len(leaves) - 1
        (how, keys), children, _ = opened
        return Node(how, keys, tuple([walk(child) for child in children]))

    return walk(root), leaves


def rebuild(root: Any, values: Iterable[Any]) -> Any:
    """`root` with other leaves, in the order of `flatten`."""
    following = iter(values)

    def walk(x: Any) -> Any:
        kind = type(x)
        if kind is dict:
            return {key: walk(child) for key, child in x.items()}
        if kind is list or kind is tuple:
            return kind([walk(child) for child in x])
        opened = _open_container(x)
        if opened is None:
            return next(following)
        _, children, definition = opened
        return tree.unflatten(definition, [walk(child) for child in children])

    return walk(root)


def _open_container(x: Any) -> tuple[tuple[str, tuple], list[Any], Any] | None:
    """The keys, children and definition of a registered container; None for a leaf."""
    if core is None or type(x) in _BUILTIN_LEAVES:
        return None
    pairs, definition = tree.flatten_with_path(x, is_leaf=lambda y: y is not x)
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
    if core is None:
        return _describe_array("array", x) if is_abstract(x) else None
    if not isinstance(x, core.Array | core.ShapeDtypeStruct):
        return None
    if core.dtypes.issubdtype(x.dtype, core.dtypes.prng_key):
        impl, words = _key_layout(x)
        return ArrayLeaf("key", "uint32", (*x.shape, *words), impl=impl)
    return _describe_array("array", x)


def _describe_array(kind: str, x: Any) -> ArrayLeaf | None:
    name = stored_name(x.dtype)
    return ArrayLeaf(kind, name, x.shape) if name else None


def describe_stored(x: Any) -> Leaf | None:
    """The record of a leaf that has data; None if it can't be stored."""
    return None if is_abstract(x) else describe(x)


def is_abstract(x: Any) -> bool:
    """Whether `x` only describes an array."""
    if core is None:
        return isinstance(x, ShapeDtypeStruct)
    return isinstance(x, core.ShapeDtypeStruct)


def type_text(x: Any) -> str:
    """What `x` is, in a message."""
    if isinstance(x, numpy.ndarray | numpy.generic):
        return f"{type(x).__name__} of dtype {x.dtype}"
    return type(x).__qualname__


# --- leaves to bytes ----------------------------------------------------------------


def stored_array(x: Any) -> Any:
    """The array whose bytes are stored for an array, a key or a NumPy array."""
    if core is not None and isinstance(x, core.Array):
        if core.dtypes.issubdtype(x.dtype, core.dtypes.prng_key):
            return random.key_data(x)
    return x


def start_transfers(arrays: Iterable[tuple[int, Any]]) -> None:
    """Starts copying arrays from their devices to host memory, all at once."""
    for _, array in arrays:
        if not isinstance(array, numpy.ndarray):
            array.copy_to_host_async()


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
        return random.wrap_key_data(core.device_put(data), impl=leaf.impl)
    as_numpy = leaf.kind == "numpy" if like is ... else isinstance(like, numpy.ndarray)
    if as_numpy or core is None:
        return data
    return core.device_put(data, getattr(like, "sharding", None))


def abstract(leaf: Leaf) -> Any:
    """A `ShapeDtypeStruct`, or the value of a leaf that has no array."""
    if isinstance(leaf, ValueLeaf):
        return leaf.value
    if core is None:
        return ShapeDtypeStruct(leaf.shape, dtype_named(leaf.dtype))
    if leaf.kind == "key":
        return core.ShapeDtypeStruct(leaf.shape[:-1], _key_dtype(leaf.impl))
    return core.ShapeDtypeStruct(leaf.shape, dtype_named(leaf.dtype))

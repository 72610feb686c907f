"""The typed shape of a tree: which containers, under which keys, hold which leaf.

A structure is a leaf's number, or a `Node` with children. Keys keep their types, so an
int key never comes back as a string.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Node",
    "Path",
    "Structure",
    "build",
    "descend",
    "keys",
    "path_text",
    "paths",
]

Path = tuple[tuple[str, Hashable], ...]
"""Entries (how, key); `how` says what kind of key it is: see `_entries`."""


@dataclass(frozen=True, slots=True)
class Node:
    """A container.

    Attributes:
        kind: ``"dict"``, ``"list"`` or ``"tuple"`` for the builtin ones; for any other
            registered container ``"keys"``, ``"attributes"`` or ``"children"``, by
            what it calls its children.
        keys: one for each child; empty where children are merely numbered.
        children: structures.
    """

    kind: str
    keys: tuple[Hashable, ...]
    children: tuple[Structure, ...]


Structure = Node | int

NUMBERED = ("list", "tuple", "children")
KEYED = ("dict", "keys", "attributes")


def _entries(node: Node) -> Iterator[tuple[str, Hashable]]:
    """What a path calls the children of `node`.

    Lists and tuples share the entry ``index``, as do all containers with dict keys, so
    that a tree may be restored into another container of the same layout.
    """
    if node.kind in ("dict", "keys"):
        # The type goes along, since 1 == True == 1.0.
        return ((f"key {type(key).__name__}", key) for key in node.keys)
    if node.kind == "attributes":
        return (("attribute", name) for name in node.keys)
    how = "child" if node.kind == "children" else "index"
    return ((how, index) for index in range(len(node.children)))


def paths(structure: Structure, prefix: Path = ()) -> Iterator[tuple[Path, int]]:
    """Every leaf's path and number, in order."""
    if not isinstance(structure, Node):
        yield prefix, structure
        return
    for entry, child in zip(_entries(structure), structure.children, strict=True):
        yield from paths(child, (*prefix, entry))


def keys(structure: Structure) -> Iterator[Hashable]:
    """Every key of every container."""
    if isinstance(structure, Node):
        yield from structure.keys
        for child in structure.children:
            yield from keys(child)


def descend(structure: Structure, path: Path) -> Structure | None:
    """What lies under `path`; None if nothing does."""
    for entry in path:
        if not isinstance(structure, Node):
            return None
        entries = list(_entries(structure))
        if entry not in entries:
            return None
        structure = structure.children[entries.index(entry)]
    return structure


def path_text(path: Path) -> str:
    """`path` the way one would write it: ``['params'][0].weight``."""
    if not path:
        return "the root"
    parts = []
    for how, key in path:
        if how == "attribute":
            parts.append(f".{key}")
        elif how == "child":
            parts.append(f"[<flat index {key}>]")
        else:
            parts.append(f"[{key!r}]")
    return "".join(parts)


def build(structure: Structure, leaf: Callable[[int], Any]) -> Any:
    """The tree of dicts, lists and tuples that `structure` describes.

    Containers that are not builtin become a dict, or a list where children have
    no names: their classes are not stored.
    """
    if not isinstance(structure, Node):
        return leaf(structure)
    children = [build(child, leaf) for child in structure.children]
    if structure.kind in KEYED:
        return dict(zip(structure.keys, children, strict=True))
    return tuple(children) if structure.kind == "tuple" else children

"""Pipelines as trees of parts: the parts that a part reads from are its fields."""

import dataclasses
from collections.abc import Callable, Iterator
from types import UnionType
from typing import Any

Kind = type | UnionType


def parts_of(node: Any, kind: Kind) -> Iterator[Any]:
    """The parts of one kind that a part reads from."""
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        for part in value if isinstance(value, tuple) else (value,):
            if isinstance(part, kind):
                yield part


def with_parts(node: Any, kind: Kind, change: Callable[[Any], Any]) -> Any:
    """The part with something done to each part of one kind that it reads from.

    It is the same object where that changes none.
    """
    changed = {}
    for field in dataclasses.fields(node):
        value = getattr(node, field.name)
        old = value if isinstance(value, tuple) else (value,)
        new = tuple(change(part) if isinstance(part, kind) else part for part in old)
        if any(a is not b for a, b in zip(old, new, strict=True)):
            changed[field.name] = new if isinstance(value, tuple) else new[0]
    return dataclasses.replace(node, **changed) if changed else node

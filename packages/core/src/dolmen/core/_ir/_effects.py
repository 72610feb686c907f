"""Side effects of operations, by name.

A program has the effects of its equations. Those in `ORDERED` happen in program order,
one after the other: lowering threads a token through them.
"""

from collections.abc import Iterable

DEBUG = "debug"
IO = "io"
FFI = "ffi"
KEPT = "kept"  # none at all: a computation that is wanted although nobody uses it
ORDERED_DEBUG = "ordered debug"
ORDERED_IO = "ordered io"

_ORDERED = frozenset({ORDERED_DEBUG, ORDERED_IO})


def is_ordered(effects: Iterable[str]) -> bool:
    """Whether any of `effects` must happen in program order."""
    return not _ORDERED.isdisjoint(effects)

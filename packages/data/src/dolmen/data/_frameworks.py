"""The array library that the program uses, if it uses one.

Nothing here imports it: the package serves any framework, and workers that made arrays
need no accelerator. What counts is what the program has imported itself.
"""

import sys
from typing import Any

_LIBRARIES = ("dolmen.core", "jax")


def array_library(call: str) -> Any:
    """The module of the array library that was imported.

    Raises:
        RuntimeError: there is none.
    """
    for name in _LIBRARIES:
        if name in sys.modules:
            return sys.modules[name]
    raise RuntimeError(
        f"{call}: needs `dolmen.core`, which this program has not imported. Add "
        "`import dolmen.core` before it."
    )


def process_index_and_count() -> tuple[int, int]:
    """Which process of how many this is; the only one if no library says more."""
    if not any(name in sys.modules for name in _LIBRARIES):
        return 0, 1
    library = array_library("process_index_and_count")
    return library.process_index(), library.process_count()

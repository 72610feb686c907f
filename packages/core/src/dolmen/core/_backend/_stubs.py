"""Names that jaxlib's C++ looks up in Python, present only while it looks.

jaxlib imports a few `jax.*` names by itself: those that this package's modules
`provide`. It needs the top-level package in `sys.modules` too, and other libraries
probe for exactly that, so the stand-ins must never stay: `lookups()` puts them there
for the length of one call.
"""

import contextlib
import sys
import types
from collections.abc import Callable, Iterator

_modules: dict[str, types.ModuleType] = {}


def provide(module: str, **names: Callable[..., object]) -> None:
    """Define what C++ finds under `module` inside `lookups()`."""
    parts = module.split(".")
    for end in range(1, len(parts) + 1):
        name = ".".join(parts[:end])
        _modules.setdefault(name, types.ModuleType(name))
    vars(_modules[module]).update(names)


@contextlib.contextmanager
def lookups() -> Iterator[None]:
    """Make the stand-ins importable while C++ runs inside this block."""
    sys.modules.update(_modules)
    try:
        yield
    finally:
        for name in _modules:
            sys.modules.pop(name, None)

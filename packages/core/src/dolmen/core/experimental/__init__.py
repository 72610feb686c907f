"""What may still change: callbacks with side effects, and the modules below.

`array_api`
    The array API standard, with arrays that can be written to.
`checkify`
    Errors of compiled programs as values.
`compilation_cache`
    Where compiled programs are kept on disk.
`jet`
    Derivatives of any order along a curve.
`key_reuse`
    Checking that no random key is used twice.
`mesh_utils`
    Devices ordered by how they are linked.
`multihost_utils`
    What programs of several processes need besides.
`ode`
    Ordinary differential equations.
`serialize_executable`
    Compiled functions as bytes.
`topologies`
    Compilation for accelerators that aren't there.
"""

import importlib as _importlib

from .._higher_order import io_callback as io_callback

_MODULES = (
    "array_api",
    "checkify",
    "compilation_cache",
    "jet",
    "key_reuse",
    "mesh_utils",
    "multihost_utils",
    "ode",
    "serialize_executable",
    "topologies",
)


def __getattr__(name: str) -> object:
    """Load a module at first use."""
    if name in _MODULES:
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_MODULES})

"""Linear equations whose matrix is known by what it does to vectors."""

import importlib as _importlib


def __getattr__(name: str) -> object:
    """Load `linalg` at first use."""
    if name == "linalg":
        return _importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), "linalg"})

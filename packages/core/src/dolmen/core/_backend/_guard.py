"""Keeps `jax` and Dolmen out of each other's process.

Both patch the same C++ classes of jaxlib (`ArrayImpl`, shardings, pytree registries),
so whichever is imported second would silently change the behaviour of the first. Either
order ends in one `ImportError` that says so.
"""

import importlib.abc
import importlib.machinery
import importlib.util
import sys

_MESSAGE = (
    "dolmen and jax cannot share a process: both install their methods on the same "
    "classes of jaxlib, so each would silently change the other.\n"
    "Run them in separate processes, or port the remaining jax code by changing its "
    "imports (`import jax.numpy as jnp` becomes `import dolmen.core.numpy as jnp`)."
)


class _RefusingLoader(importlib.abc.Loader):
    """Loads nothing: importing through it always raises the explanation."""

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> None:
        raise ImportError(
            f"import jax: dolmen.core is already imported.\n{_MESSAGE}", name=spec.name
        )

    def exec_module(self, module: object) -> None:
        raise AssertionError("create_module always raises")


class _JaxFinder(importlib.abc.MetaPathFinder):
    """Finds `jax` only to refuse it; an absent jax stays an ordinary missing module."""

    def find_spec(
        self, fullname: str, path: object = None, target: object = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != "jax":
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname)
        if found is None:
            return None
        return importlib.util.spec_from_loader(
            fullname, _RefusingLoader(), origin=found.origin
        )


def forbid_jax() -> None:
    """Raise if jax is imported already; make later imports of it raise.

    Raises:
        ImportError: jax is already imported in this process.
    """
    if "jax" in sys.modules:
        raise ImportError(
            f"import dolmen.core: jax is already imported.\n{_MESSAGE}", name="jax"
        )
    if not any(isinstance(finder, _JaxFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _JaxFinder())

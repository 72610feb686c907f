"""The modules of one side, under names that both sides share."""

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

from . import programs as _programs

TOPICS = (
    "autodiff",
    "batching",
    "compilation",
    "control_flow",
    "custom_rules",
    "data_loaders",
    "data_packing",
    "data_pipelines",
    "dtypes",
    "effects",
    "elementwise",
    "extensions",
    "images",
    "implicit",
    "indexing",
    "lax_nn",
    "linalg",
    "manipulation",
    "meshes",
    "numpy_rest",
    "optim_losses",
    "optim_microbatching",
    "optim_projections",
    "optim_schedules",
    "optim_trees",
    "optimizers",
    "promotion",
    "randomness",
    "reductions",
    "scipy_linalg",
    "scipy_sampled",
    "scipy_signal",
    "scipy_stats",
    "solvers",
    "special_functions",
    "stages",
    "trees",
    "ufuncs",
    "wrong",
)


# What both sides have set in XLA_FLAGS, so that programs may run over meshes.
EIGHT_DEVICES = "--xla_force_host_platform_device_count=8"

# Packages beside the root that both sides have.
BESIDE = {
    ("jax", "optim"): "optax",
    ("dolmen.core", "optim"): "dolmen.optim",
    ("jax", "data"): "grain",
    ("dolmen.core", "data"): "dolmen.data",
}


class Api:
    """One side's modules: `core` is the root, `jnp` its `numpy`; the others by name."""

    def __init__(self, root: str) -> None:
        self._root = root
        self.core = importlib.import_module(root)
        self.jnp = self.numpy

    def __getattr__(self, name: str) -> ModuleType:
        return self.module(name)

    def module(self, name: str) -> ModuleType:
        """The module of this name below the root, or the package beside it."""
        path = BESIDE.get((self._root, name), f"{self._root}.{name}")
        return importlib.import_module(path)


def all_programs(root: str) -> dict[str, Callable[[], Any]]:
    """Every program of one side by its name, `topic: what it does`."""
    api = Api(root)
    found: dict[str, Callable[[], Any]] = {}
    for topic, name, program in _by_topic(api):
        full_name = f"{topic}: {name}"
        assert full_name not in found, f"two programs are called {full_name!r}"
        found[full_name] = program
    return found


def _by_topic(api: Api) -> Iterator[tuple[str, str, Callable[[], Any]]]:
    for topic in TOPICS:
        module = importlib.import_module(f"{_programs.__name__}.{topic}")
        for name, program in module.programs(api):
            yield topic, name, program

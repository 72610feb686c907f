"""LAPACK's routines as custom calls of the CPU.

jaxlib brings the handlers; they find the routines in SciPy, which jaxlib depends on.
"""

import functools
import importlib

import numpy as np
from jaxlib import xla_client

_PREFIXES = {"float32": "s", "float64": "d", "complex64": "c", "complex128": "z"}

_OWN = ("tridiagonal_solve_perturbed",)


@functools.cache
def provide_lapack() -> None:
    """Make the handlers known to XLA and bind them to SciPy's routines, once.

    It costs an import of SciPy, so it waits for the first program that needs it.
    """
    # Not a name of this module: the library is loaded here.
    handlers = importlib.import_module("jaxlib.cpu._lapack")
    handlers.initialize()
    for name, handler in handlers.registrations().items():
        xla_client.register_custom_call_target(name, handler, "cpu", 1)
        xla_client.register_custom_call_as_batch_partitionable(name)


def lapack_target(routine: str, dtype: np.dtype) -> str:
    """The target of a routine named without the letter of its dtype, such as `potrf`.

    Of `orgqr` and `syevd` and their like, complex dtypes have `ungqr` and `heevd`. What
    jaxlib adds to LAPACK has no letter.
    """
    provide_lapack()
    if routine in _OWN:
        return f"{routine}_ffi"
    if dtype.kind == "c":
        prefix = {"or": "un", "sy": "he"}.get(routine[:2])
        routine = prefix + routine[2:] if prefix else routine
    return f"lapack_{_PREFIXES[dtype.name]}{routine}_ffi"


def provide_targets(executable: bytes) -> None:
    """Make known what a serialized executable calls, before it is loaded."""
    if any(name in executable for name in (b"lapack_", *map(str.encode, _OWN))):
        provide_lapack()

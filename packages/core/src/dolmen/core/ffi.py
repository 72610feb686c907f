"""Compiled functions of other languages in programs: XLA's foreign function interface.

A handler is written in C++ against the headers in `include_dir()`, compiled to a shared
library, loaded with `ctypes`, registered with `register_ffi_target`, and called in
programs with `ffi_call`.
"""

from ._backend import (
    include_dir as include_dir,
    pycapsule as pycapsule,
    register_as_batch_partitionable as register_ffi_target_as_batch_partitionable,
    register_ffi_target as register_ffi_target,
    register_ffi_type as register_ffi_type,
    register_ffi_type_id as register_ffi_type_id,
)
from ._higher_order import (
    build_ffi_lowering_function as build_ffi_lowering_function,
    ffi_call as ffi_call,
    ffi_lowering as ffi_lowering,
)

__all__ = [
    "build_ffi_lowering_function",
    "ffi_call",
    "ffi_lowering",
    "include_dir",
    "pycapsule",
    "register_ffi_target",
    "register_ffi_target_as_batch_partitionable",
    "register_ffi_type",
    "register_ffi_type_id",
]

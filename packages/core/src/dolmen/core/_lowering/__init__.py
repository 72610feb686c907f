"""Programs to StableHLO to executables."""

from .._backend import _mlir as mlir
from ._builder import Builder as Builder
from ._cache import directory as cache_directory
from ._compile import (
    Executable as Executable,
    Module as Module,
    compile_afresh as compile_afresh,
    compile_module as compile_module,
    compile_program as compile_program,
    executables_of as executables_of,
    forget_executables as forget_executables,
    log_duration as log_duration,
    lower as lower,
    reset_cache as reset_cache,
    set_clear_caches as set_clear_caches,
)
from ._partition import Partition as Partition
from ._repeats import set_rewrite as set_rewrite

__all__ = ["cache_directory", "mlir"]

"""Programs to StableHLO to executables."""

from .._backend import _mlir as mlir
from ._builder import Builder as Builder
from ._compile import Executable as Executable
from ._compile import Module as Module
from ._compile import compile_module as compile_module
from ._compile import compile_program as compile_program
from ._compile import lower as lower

__all__ = ["mlir"]

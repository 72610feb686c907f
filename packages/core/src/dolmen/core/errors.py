"""Errors of tracing and of the runtime, for callers who catch them.

::

    TypeError
      ConcretizationTypeError
        TracerArrayConversionError
        TracerBoolConversionError
        TracerIntegerConversionError
      KeyReuseError
    IndexError
      NonConcreteBooleanIndexError
    TypeError
      JaxprTypeError
    RuntimeError
      JaxRuntimeError
      UnexpectedTracerError
    UserWarning
      RetraceWarning
"""

from ._backend import JaxRuntimeError as JaxRuntimeError
from ._higher_order import RetraceWarning as RetraceWarning
from ._tracing import (
    ConcretizationTypeError as ConcretizationTypeError,
    KeyReuseError as KeyReuseError,
    NonConcreteBooleanIndexError as NonConcreteBooleanIndexError,
    TracerArrayConversionError as TracerArrayConversionError,
    TracerBoolConversionError as TracerBoolConversionError,
    TracerIntegerConversionError as TracerIntegerConversionError,
    UnexpectedTracerError as UnexpectedTracerError,
)


class JaxprTypeError(TypeError):
    """A program is not well formed."""

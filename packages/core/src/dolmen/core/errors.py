"""Errors of tracing and of the runtime, for callers who catch them.

::

    TypeError
      JAXTypeError
        ConcretizationTypeError
          TracerArrayConversionError
          TracerBoolConversionError
          TracerIntegerConversionError
        UnexpectedTracerError
      JaxprTypeError
      KeyReuseError
    IndexError
      JAXIndexError
        NonConcreteBooleanIndexError
    RuntimeError
      JaxRuntimeError
    UserWarning
      RetraceWarning
"""

from ._backend import JaxRuntimeError as JaxRuntimeError
from ._higher_order import RetraceWarning as RetraceWarning
from ._tracing import (
    ConcretizationTypeError as ConcretizationTypeError,
    JAXIndexError as JAXIndexError,
    JAXTypeError as JAXTypeError,
    KeyReuseError as KeyReuseError,
    NonConcreteBooleanIndexError as NonConcreteBooleanIndexError,
    TracerArrayConversionError as TracerArrayConversionError,
    TracerBoolConversionError as TracerBoolConversionError,
    TracerIntegerConversionError as TracerIntegerConversionError,
    UnexpectedTracerError as UnexpectedTracerError,
)


class JaxprTypeError(TypeError):
    """A program is not well formed."""

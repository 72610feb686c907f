"""Errors that tracing raises, for callers who catch them.

::

    TypeError
      ConcretizationTypeError
        TracerArrayConversionError
        TracerBoolConversionError
        TracerIntegerConversionError
    RuntimeError
      UnexpectedTracerError
"""

from ._tracing import (
    ConcretizationTypeError as ConcretizationTypeError,
    TracerArrayConversionError as TracerArrayConversionError,
    TracerBoolConversionError as TracerBoolConversionError,
    TracerIntegerConversionError as TracerIntegerConversionError,
    UnexpectedTracerError as UnexpectedTracerError,
)

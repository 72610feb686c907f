"""Errors that tracing raises, for callers who catch them.

::

    TypeError
      ConcretizationTypeError
        TracerArrayConversionError
        TracerBoolConversionError
        TracerIntegerConversionError
    IndexError
      NonConcreteBooleanIndexError
    RuntimeError
      UnexpectedTracerError
"""

from ._tracing import (
    ConcretizationTypeError as ConcretizationTypeError,
    NonConcreteBooleanIndexError as NonConcreteBooleanIndexError,
    TracerArrayConversionError as TracerArrayConversionError,
    TracerBoolConversionError as TracerBoolConversionError,
    TracerIntegerConversionError as TracerIntegerConversionError,
    UnexpectedTracerError as UnexpectedTracerError,
)

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

from ._tracing import ConcretizationTypeError as ConcretizationTypeError
from ._tracing import TracerArrayConversionError as TracerArrayConversionError
from ._tracing import TracerBoolConversionError as TracerBoolConversionError
from ._tracing import TracerIntegerConversionError as TracerIntegerConversionError
from ._tracing import UnexpectedTracerError as UnexpectedTracerError

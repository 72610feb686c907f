"""The current trace, tracers, and the two interpreters that need no rules."""

from ._eager import EAGER as EAGER
from ._eager import check_live as check_live
from ._eager import run_program as run_program
from ._errors import ConcretizationTypeError as ConcretizationTypeError
from ._errors import TracerArrayConversionError as TracerArrayConversionError
from ._errors import TracerBoolConversionError as TracerBoolConversionError
from ._errors import TracerIntegerConversionError as TracerIntegerConversionError
from ._errors import UnexpectedTracerError as UnexpectedTracerError
from ._errors import leaked as leaked
from ._errors import not_concrete as not_concrete
from ._recording import RecordedTracer as RecordedTracer
from ._recording import RecordingTrace as RecordingTrace
from ._recording import evaluate as evaluate
from ._recording import record as record
from ._recording import record_closed as record_closed
from ._trace import Trace as Trace
from ._trace import Tracer as Tracer
from ._trace import bind as bind
from ._trace import current_trace as current_trace
from ._trace import enter as enter
from ._trace import entering as entering
from ._trace import is_staging as is_staging
from ._trace import state as state
from ._values import as_array as as_array
from ._values import concrete as concrete
from ._values import device_array as device_array
from ._values import is_array_like as is_array_like
from ._values import typeof as typeof
from .._backend import set_tracer_class as _set_tracer_class

_set_tracer_class(Tracer)

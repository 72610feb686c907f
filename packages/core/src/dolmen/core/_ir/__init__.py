"""Types, programs and primitives: what is computed, before anything computes it."""

from . import _dtypes as dtypes, _tracebacks as tracebacks
from ._arguments import (
    as_integer as as_integer,
    as_integers as as_integers,
    not_integers as not_integers,
)
from ._check import check as check
from ._dtypes import shown as shown
from ._effects import (
    DEBUG as DEBUG,
    FFI as FFI,
    IO as IO,
    KEPT as KEPT,
    ORDERED_DEBUG as ORDERED_DEBUG,
    ORDERED_IO as ORDERED_IO,
    is_ordered as is_ordered,
)
from ._errors import (
    message as message,
    type_error as type_error,
    value_error as value_error,
    warn as warn,
)
from ._frames import (
    Frame as Frame,
    creation_frame as creation_frame,
    current_scope as current_scope,
    describe as describe,
    enter_scope as enter_scope,
    is_library_frame as is_library_frame,
    line_of as line_of,
    running_frame as running_frame,
    scope_of as scope_of,
    source_of as source_of,
    user_frame as user_frame,
)
from ._primitive import (
    Linear as Linear,
    Primitive as Primitive,
    infer_types as infer_types,
)
from ._printer import format_program as format_program
from ._program import (
    Atom as Atom,
    Equation as Equation,
    Literal as Literal,
    Program as Program,
    Variable as Variable,
    named_axes as named_axes,
    subprograms as subprograms,
)
from ._residuals import Kept as Kept, keep_less as keep_less
from ._rewrite import (
    live_equations as live_equations,
    used_inputs as used_inputs,
    without_dead_code as without_dead_code,
)
from ._structure import (
    Structures as Structures,
    is_integer as is_integer,
    literal_key as literal_key,
)
from ._types import (
    ArrayType as ArrayType,
    ManualAxisType as ManualAxisType,
    array_type as array_type,
)

__all__ = ["dtypes", "tracebacks"]

"""Types, programs and primitives: what is computed, before anything computes it."""

from . import _dtypes as dtypes
from ._check import check as check
from ._errors import message as message
from ._errors import type_error as type_error
from ._errors import value_error as value_error
from ._frames import Frame as Frame
from ._frames import describe as describe
from ._frames import line_of as line_of
from ._frames import user_frame as user_frame
from ._primitive import Linear as Linear
from ._primitive import Primitive as Primitive
from ._printer import format_program as format_program
from ._program import Atom as Atom
from ._program import Equation as Equation
from ._program import Literal as Literal
from ._program import Program as Program
from ._program import Variable as Variable
from ._program import subprograms as subprograms
from ._rewrite import live_equations as live_equations
from ._rewrite import used_inputs as used_inputs
from ._rewrite import without_dead_code as without_dead_code
from ._types import ArrayType as ArrayType
from ._types import array_type as array_type

__all__ = ["dtypes"]

"""Operations on functions: calls, control flow, custom rules, rematerialisation."""

from ._jit import jit as jit
from ._jit import jit_when_eager as jit_when_eager
from ._shape_struct import ShapeDtypeStruct as ShapeDtypeStruct
from ._stages import ClosedProgram as ClosedProgram
from ._stages import block_until_ready as block_until_ready
from ._stages import device_get as device_get
from ._stages import device_put as device_put
from ._stages import eval_shape as eval_shape
from ._stages import make_jaxpr as make_jaxpr
from ._callback import callback as callback
from ._callback import debug_print as debug_print
from ._checkpoint import checkpoint as checkpoint
from ._checkpoint import checkpoint_policies as checkpoint_policies
from ._cond import cond as cond
from ._cond import switch as switch
from ._custom_jvp import custom_jvp as custom_jvp
from ._custom_vjp import custom_vjp as custom_vjp
from ._scan import map as map
from ._scan import scan as scan
from ._while import fori_loop as fori_loop
from ._while import while_loop as while_loop

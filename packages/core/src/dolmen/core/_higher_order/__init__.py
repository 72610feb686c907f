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

"""Neural-network modules: plain classes that are pytrees."""

from ._attention import MultiHeadAttention as MultiHeadAttention
from ._dropout import Dropout as Dropout
from ._gradients import grad as grad, value_and_grad as value_and_grad
from ._linear import Conv as Conv, Embed as Embed, Linear as Linear
from ._module import (
    Module as Module,
    iter_modules as iter_modules,
    iter_variables as iter_variables,
)
from ._normalization import LayerNorm as LayerNorm, RMSNorm as RMSNorm
from ._rngs import Rngs as Rngs, RngStream as RngStream
from ._stack import Sequential as Sequential, Stack as Stack
from ._state import (
    GraphDef as GraphDef,
    State as State,
    clone as clone,
    merge as merge,
    split as split,
    state as state,
    update as update,
)
from ._summary import summary as summary
from ._variables import (
    BatchStat as BatchStat,
    Cache as Cache,
    Intermediate as Intermediate,
    Param as Param,
    RngCount as RngCount,
    RngKey as RngKey,
    RngState as RngState,
    Variable as Variable,
)

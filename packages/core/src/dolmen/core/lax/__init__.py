"""Operations close to XLA, and structured control flow."""

from .._higher_order import cond as cond
from .._higher_order import fori_loop as fori_loop
from .._higher_order import map as map
from .._higher_order import scan as scan
from .._higher_order import switch as switch
from .._higher_order import while_loop as while_loop

"""What array functions take and give."""

from typing import Any, TypeAlias

import numpy as np

from .. import _backend

Array = _backend.Array
# Values that functions accept where they say "array"; lists and tuples are not among
# them.
ArrayLike: TypeAlias = (
    _backend.Array | np.ndarray | np.generic | bool | int | float | complex
)
DTypeLike: TypeAlias = Any
Shape: TypeAlias = Any
Axis: TypeAlias = Any

"""The functions of NumPy that are ufuncs; their methods load with their first use."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from . import _arithmetic, _exponential, _logic
from ._ufunc import ufunc

_REDUCTIONS = ("reduce", "accumulate", "reduceat")
_ALL = (*_REDUCTIONS, "at")


def _ufunc(
    function: Any,
    nin: int = 2,
    identity: Any = None,
    own: Sequence[str] = _REDUCTIONS,
) -> ufunc:
    methods: dict[str, Any] = {
        method: _later(function.__name__, method) for method in own
    }
    made = ufunc(function, nin, 1, identity=identity, call=function, **methods)
    made.__module__ = __name__  # where pickle finds it
    return made


def _later(name: str, method: str) -> Callable[..., Any]:
    def call(*args: Any, **options: Any) -> Any:
        from ._ufunc_methods import METHODS

        return METHODS[name][method](*args, **options)

    return call


add = _ufunc(_arithmetic.add, identity=0, own=_ALL)
bitwise_and = _ufunc(_logic.bitwise_and, identity=-1)
bitwise_or = _ufunc(_logic.bitwise_or, identity=0)
bitwise_xor = _ufunc(_logic.bitwise_xor, identity=0)
logaddexp = _ufunc(_exponential.logaddexp, identity=-np.inf)
logaddexp2 = _ufunc(_exponential.logaddexp2, identity=-np.inf)
logical_and = _ufunc(_logic.logical_and, identity=True)
logical_or = _ufunc(_logic.logical_or, identity=False)
logical_xor = _ufunc(_logic.logical_xor, identity=False)
maximum = _ufunc(_arithmetic.maximum, own=_ALL)
minimum = _ufunc(_arithmetic.minimum, own=_ALL)
multiply = _ufunc(_arithmetic.multiply, identity=1, own=_ALL)
negative = _ufunc(_arithmetic.negative, 1, own=())
subtract = _ufunc(_arithmetic.subtract, own=_ALL)

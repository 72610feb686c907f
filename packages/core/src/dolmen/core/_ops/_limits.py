"""The order of the values of each dtype: the limits, and the larger of two."""

from typing import Any

import ml_dtypes
import numpy as np

from .._ir import ArrayType, array_type, dtypes


def lowest(dtype: np.dtype) -> Any:
    """The least value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return False
        case "c":
            return complex(-np.inf, -np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return -np.inf if has_infinity(dtype) else about.min
        case _:
            return ml_dtypes.iinfo(dtype).min


def highest(dtype: np.dtype) -> Any:
    """The greatest value of a dtype."""
    match dtypes.kind(dtype):
        case "b":
            return True
        case "c":
            return complex(np.inf, np.inf)
        case "f":
            about = ml_dtypes.finfo(dtype)
            return np.inf if has_infinity(dtype) else about.max
        case _:
            return ml_dtypes.iinfo(dtype).max


def has_infinity(dtype: np.dtype) -> bool:
    """Whether a floating-point dtype represents infinity."""
    with np.errstate(all="ignore"):
        return bool(np.isinf(np.asarray(np.inf, dtype).astype(np.float32)))


def emit_binary(builder: Any, operation: str, x: Any, y: Any, type: ArrayType) -> Any:
    """Handle of an operation of StableHLO on two handles of one type.

    `maximum` and `minimum` of complex numbers are those of their lexicographic order:
    XLA itself orders real numbers only, and looks at the real parts.
    """
    direction = {"maximum": "GT", "minimum": "LT"}.get(operation)
    if direction is None or dtypes.kind(type.dtype) != "c":
        return builder.emit(operation, (x, y), (type,))
    chosen = compare_complex(builder, direction, x, y, type)
    return builder.emit("select", (chosen, x, y), (type,))


def compare_complex(
    builder: Any, direction: str, x: Any, y: Any, type: ArrayType
) -> Any:
    """Handle of the lexicographic comparison (`LT`, `GE`, ...) of complex handles."""
    part = array_type(type.shape, np.finfo(type.dtype).dtype)
    flag = array_type(type.shape, np.dtype(bool))
    re_x, re_y = (builder.emit("real", (z,), (part,)) for z in (x, y))
    im_x, im_y = (builder.emit("imag", (z,), (part,)) for z in (x, y))
    tied = builder.compare("EQ", re_x, re_y, part, "FLOAT")
    by_real = builder.compare(direction, re_x, re_y, part, "FLOAT")
    by_imag = builder.compare(direction, im_x, im_y, part, "FLOAT")
    return builder.emit("select", (tied, by_imag, by_real), (flag,))

"""The least and the greatest value of each dtype."""

from typing import Any

import ml_dtypes
import numpy as np

from .._ir import dtypes


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

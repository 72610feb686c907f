"""The dtype a layer computes in."""

from typing import Any

import dolmen.core.numpy as jnp


def compute_dtype(dtype: Any, *operands: Any) -> Any:
    """`dtype`, or the one that the operands promote to."""
    if dtype is not None:
        return dtype
    values = [getattr(operand, "value", operand) for operand in operands]
    return jnp.result_type(*values)

"""Operations on elements of less than a byte that XLA's compilers get wrong.

With jaxlib 0.10 on CPUs, joins of 2-bit elements end the process, sorts of them give
other elements, and there is no code for some widths in `argmax`, `top_k` and products
of another dtype than the operands'.
"""

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._ir import Primitive, dtypes
from .._tracing import bind, record, typeof
from . import _conversion

TWO_BITS = (np.dtype(ml_dtypes.int2), np.dtype(ml_dtypes.uint2))

# For each such dtype one of whole bytes that has all of its values.
_WHOLE = {
    np.dtype(ml_dtypes.int2): np.dtype(np.int8),
    np.dtype(ml_dtypes.int4): np.dtype(np.int8),
    np.dtype(ml_dtypes.uint2): np.dtype(np.uint8),
    np.dtype(ml_dtypes.uint4): np.dtype(np.uint8),
    np.dtype(ml_dtypes.float4_e2m1fn): dtypes.bfloat16,
}


def is_narrower(dtype: np.dtype, than: np.dtype) -> bool:
    """Whether both are integers, and the first has fewer bits."""
    kinds = {dtypes.kind(dtype), dtypes.kind(than)}
    if not kinds <= {"i", "u"}:
        return False
    return ml_dtypes.iinfo(dtype).bits < ml_dtypes.iinfo(than).bits


def has_narrow(builder: Any) -> bool:
    """Whether an operand has elements of less than a byte."""
    return any(type.dtype in _WHOLE for type in builder.in_types)


def lower_in_bytes(
    builder: Any, primitive: Primitive, args: Sequence[Any]
) -> Sequence[Any]:
    """Handles of the results of a primitive, computed in whole bytes."""

    def program_in_bytes(*args: Any) -> Sequence[Any]:
        dtypes_of = [typeof(arg).dtype for arg in args]
        wide = [
            _conversion.convert_element_type(arg, _WHOLE.get(dtype, dtype))
            for arg, dtype in zip(args, dtypes_of, strict=True)
        ]
        made = bind(primitive, *wide)
        return [
            _conversion.convert_element_type(result, type.dtype)
            for result, type in zip(
                made if primitive.multiple_results else [made],
                builder.out_types,
                strict=True,
            )
        ]

    program, _ = record(program_in_bytes, builder.in_types)
    return builder.inline(program, args)

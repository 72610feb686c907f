"""NaN among the elements of which XLA's CPU compiler takes the maximum or minimum.

It hands reductions of 4096 elements and more, and those over windows that don't
overlap, to a library (YNNPACK, in jaxlib 0.10) whose extrema pass over NaN.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, array_type, dtypes
from .._lowering import mlir

_BOOL = np.dtype(bool)

# What the library may get. Fused with other operations, fewer elements may be enough.
_DTYPES = (
    np.dtype(np.float16),
    dtypes.bfloat16,
    np.dtype(np.float32),
    np.dtype(np.float64),
)
_SIZE = 1024

# Emits a reduction with an operation of StableHLO: of an operand, its type, with the
# operation and its identity.
Reduce = Callable[[Any, ArrayType, str, Any], Any]


def with_nan(builder: Any, x: Any, extrema: Any, reduce: Reduce) -> Any:
    """`extrema`, but NaN where there is one among the elements.

    Only if there may be one, it is looked for among the elements. All that together
    takes a fraction of the time of the code that XLA makes without the library.

    Args:
        x: what was reduced, of type ``builder.in_types[0]``.
        extrema: the result of the reduction, of type ``builder.out_types[0]``.
        reduce: reduces over the same elements.
    """
    (type,), (out,) = builder.in_types, builder.out_types
    if builder.platform != "cpu" or type.dtype not in _DTYPES or type.size < _SIZE:
        return extrema

    def found() -> list[Any]:
        flags = array_type(type.shape, _BOOL)
        has_nan = reduce(_is_nan(builder, x, type), flags, "or", False)
        nan = builder.constant(np.nan, out)
        return [builder.emit("select", (has_nan, nan, extrema), (out,))]

    # The sum, which the library makes in no time, is NaN if an element is. It may be so
    # for other reasons too, as inf - inf.
    sums = reduce(x, type, "add", 0)
    suspected = emit_reduce(
        builder,
        _is_nan(builder, sums, out),
        array_type(out.shape, _BOOL),
        "or",
        False,
        range(out.ndim),
    )
    return builder.emit(
        "if", (suspected,), (out,), regions=[((), found), ((), lambda: [extrema])]
    )


def emit_reduce(
    builder: Any,
    x: Any,
    type: ArrayType,
    operation: str,
    identity: Any,
    axes: Sequence[int],
) -> Any:
    """`stablehlo.reduce` of one operand with one operation."""
    scalar = array_type((), type.dtype)
    shape = tuple(n for axis, n in enumerate(type.shape) if axis not in axes)
    return builder.emit(
        "reduce",
        (x, builder.constant(identity, scalar)),
        (array_type(shape, type.dtype),),
        regions=[
            (
                (scalar, scalar),
                lambda a, b: [builder.emit(operation, (a, b), (scalar,))],
            )
        ],
        dimensions=mlir.int_array(axes),
    )


def _is_nan(builder: Any, x: Any, type: ArrayType) -> Any:
    return builder.compare("NE", x, x, type, "FLOAT")

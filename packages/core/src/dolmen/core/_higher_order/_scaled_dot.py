"""Products of operands that come with a scale for each block."""

from collections.abc import Sequence
from typing import Any

import ml_dtypes
import numpy as np

from .._ir import ArrayType, as_integers, dtypes, type_error, value_error
from .._ops import _shape
from .._ops._arithmetic import mul
from .._ops._conversion import convert_element_type
from .._ops._creation import full
from .._ops._dot import DotAxes, DotDimensionNumbers, check_axes, dot_general
from .._tracing import typeof
from ._composite import composite

_BFLOAT16 = np.dtype(ml_dtypes.bfloat16)
_FACTOR = np.dtype(ml_dtypes.float8_e8m0fnu)


def scaled_dot(
    lhs: Any,
    rhs: Any,
    *,
    lhs_scale: Any = None,
    rhs_scale: Any = None,
    dimension_numbers: DotDimensionNumbers | None = None,
    preferred_element_type: Any = None,
) -> Any:
    """Product of two operands, each multiplied with a scale for every block.

    An element of a scale belongs to a block of neighbors along the contracting axes.
    Operands and scales are rounded to bfloat16, which 8-bit floats with power-of-two
    scales survive unchanged. GPUs and TPUs may have an instruction for it.

    Args:
        lhs: any dtype and at least two axes.
        rhs: as many axes as `lhs`.
        lhs_scale: the shape of `lhs`, with contracting sizes that divide those of `lhs`
            at least by 2; by default all scales are 1.
        rhs_scale: the same for `rhs`.
        dimension_numbers: as of `dot_general`; by default those of a matrix product for
            each index of the leading axes.
        preferred_element_type: dtype of the result and of the sums, by default
            bfloat16.

    Returns:
        An array whose axes are those of the result of `dot_general`.

    Raises:
        TypeError: `preferred_element_type` is not floating point.
        ValueError: axes or sizes do not match.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> x, scales = np.ones((1, 4), "f"), np.float32([[1.0, 10.0]])
        >>> lax.scaled_dot(x, x.T, lhs_scale=scales)
        Array([[22]], dtype=bfloat16)
    """
    x, y = typeof(lhs), typeof(rhs)
    if x.ndim != y.ndim or x.ndim < 2:
        raise value_error(
            "scaled_dot: operands must have the same number of axes, at least two, got "
            f"{x!r} and {y!r}."
        )
    if dimension_numbers is None:
        leading = range(x.ndim - 2)
        dimension_numbers = (((x.ndim - 1,), (x.ndim - 2,)), (leading, leading))
    (lhs_con, rhs_con), (lhs_batch, rhs_batch) = dimension_numbers
    where = "scaled_dot", "dimension_numbers"
    contracting = as_integers(*where, lhs_con), as_integers(*where, rhs_con)
    numbers = (
        contracting,
        (as_integers(*where, lhs_batch), as_integers(*where, rhs_batch)),
    )
    preferred = _BFLOAT16
    if preferred_element_type is not None:
        preferred = dtypes.as_dtype(preferred_element_type, function="scaled_dot")
    if dtypes.kind(preferred) != "f":
        raise type_error(
            "scaled_dot: `preferred_element_type` must be floating point, got "
            f"{dtypes.short_name(preferred)}."
        )
    check_axes("scaled_dot", x, y, numbers)
    scales = [
        _scale(name, scale, type, axes)
        for name, scale, type, axes in (
            ("lhs", lhs_scale, x, contracting[0]),
            ("rhs", rhs_scale, y, contracting[1]),
        )
    ]
    return _scaled_dot(
        lhs, rhs, *scales, dimension_numbers=numbers, preferred_element_type=preferred
    )


def _scale(name: str, scale: Any, type: ArrayType, contracting: Sequence[int]) -> Any:
    if scale is None:
        sizes = [1 if i in contracting else n for i, n in enumerate(type.shape)]
        return full(sizes, 1, _FACTOR)
    given = typeof(scale)
    fits = given.ndim == type.ndim and all(
        _divides(m, n) if axis in contracting else n == m
        for axis, (n, m) in enumerate(zip(type.shape, given.shape, strict=True))
    )
    if not fits:
        raise value_error(
            f"scaled_dot: `{name}_scale` must have the shape of `{name}`, with sizes "
            "along contracting axes that divide those of the operand, at least by 2, "
            f"got {given!r} for {type!r} with contracting axes {tuple(contracting)}."
        )
    return scale


def _divides(count: int, size: int) -> bool:
    """Whether blocks of two or more elements make up `size`."""
    return size >= 2 * count and (size % count == 0 if count else size == 0)


def spread_over_blocks(scale: Any, shape: Sequence[int]) -> Any:
    """`scale` with each element repeated over its block of an array of `shape`."""
    grown, kept = [], []
    for size, count in zip(shape, typeof(scale).shape, strict=True):
        kept.append(len(grown))
        grown += [count, size // count if count else 1]
    return _shape.reshape(_shape.broadcast_in_dim(scale, grown, kept), shape)


def _decomposed(
    lhs: Any,
    rhs: Any,
    lhs_scale: Any,
    rhs_scale: Any,
    *,
    dimension_numbers: DotAxes,
    preferred_element_type: np.dtype,
) -> Any:
    def scaled(x: Any, scale: Any) -> Any:
        spread = spread_over_blocks(scale, typeof(x).shape)
        return mul(*(convert_element_type(f, _BFLOAT16) for f in (x, spread)))

    return dot_general(
        scaled(lhs, lhs_scale),
        scaled(rhs, rhs_scale),
        dimension_numbers,
        preferred_element_type=preferred_element_type,
    )


# The name that XLA's GPU compiler knows.
_scaled_dot = composite(_decomposed, "xla.scaled_dot")

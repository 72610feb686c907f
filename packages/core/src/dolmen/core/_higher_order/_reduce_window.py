"""Reductions over sliding windows by a function of the caller's."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._ir import Program
from .._ops import _arithmetic, _shape, _slicing
from .._ops._convolution import Padding
from .._ops._windows import (
    ReduceWindowMax,
    ReduceWindowMin,
    ReduceWindowSum,
    Window,
    WindowReduction,
    padded,
    window_options,
)
from .._tracing import bind, concrete, record_closed, typeof
from ._call import call
from ._combination import as_operands, combination, mapped, only_primitive

_KINDS: dict[Any, type[WindowReduction]] = {
    _arithmetic.Add: ReduceWindowSum,
    _arithmetic.Max: ReduceWindowMax,
    _arithmetic.Min: ReduceWindowMin,
}


def reduce_window(
    operand: Any,
    init_value: Any,
    computation: Callable[[Any, Any], Any],
    window_dimensions: Sequence[int],
    window_strides: Sequence[int] | None = None,
    padding: str | Sequence[tuple[int, int]] = "VALID",
    base_dilation: Sequence[int] | None = None,
    window_dilation: Sequence[int] | None = None,
) -> Any:
    """Combine the elements of each position of a sliding window.

    Sums, maxima and minima are single operations, and so are their derivatives. Other
    functions are applied once for each doubling of the window's sizes.

    Args:
        operand: an array, or a tree of arrays of equal shape.
        init_value: a scalar of the same dtype, or a tree like `operand` of them: what a
            window starts with, and the value of elements beyond the operand.
        computation: combines two scalars, or two trees like `operand` of them;
            associative.
        window_dimensions: sizes of the window, one for each axis of `operand`.
        window_strides: steps of the window, by default 1.
        padding: ``"SAME"``, ``"SAME_LOWER"``, ``"VALID"`` or a pair (low, high) for
            each axis.
        base_dilation: spacing of the operand's elements, by default 1.
        window_dilation: spacing of the window's elements, by default 1.

    Returns:
        An array, or a tree of them, with one element for each position of the window.

    Raises:
        TypeError: `init_value`, or what `computation` returns, has another dtype.
        ValueError: an option doesn't fit the shape of `operand`, or the trees or shapes
            within it differ.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> x = np.float32([1, 3, 2, 5])
        >>> lax.reduce_window(x, -np.inf, lax.max, (2,), (2,)).tolist()
        [3.0, 5.0]
    """
    operands = as_operands("reduce_window", operand, init_value)
    window = window_options(
        operands.types[0],
        window_dimensions,
        window_strides,
        padding,
        base_dilation,
        window_dilation,
    )
    program = combination("reduce_window", computation, operands)
    combine = only_primitive(program)
    if type(combine) in _KINDS:
        made = _known(combine, window, operands.leaves[0], operands.inits[0])
        return operands.tree.unflatten([made])
    # The program holds the compiled code, so this one may live as long.
    key = ("reduce_window", window, *operands.types)
    spelled_out = program.derived.get(key)
    if spelled_out is None:
        spelled_out = program.derived[key] = record_closed(
            lambda *args: _spelled_out(program, window, args),
            [*operands.types, *map(typeof, operands.inits)],
        )
    made = call(spelled_out, [*operands.leaves, *operands.inits])
    return operands.tree.unflatten(made)


def _known(combine: Any, window: Any, operand: Any, init: Any) -> Any:
    """A reduction by an operation that has a primitive of its own."""
    dtype = typeof(operand).dtype
    cls = _KINDS[type(combine)]
    known = concrete(init)
    if known is not None and np.asarray(known) == cls.identity(dtype):
        return bind(cls(*window), operand)
    # Elements beyond the operand are copies of a start that is not neutral.
    sizes, strides, pads, base, dilation = window
    ndim = len(sizes)
    none: Padding = ((0, 0),) * ndim
    whole = padded(operand, init, pads, base)
    made = bind(cls(sizes, strides, none, (1,) * ndim, dilation), whole)
    return bind(combine, made, init)


def _spelled_out(program: Program, window: Window, args: Sequence[Any]) -> list[Any]:
    """Windows reduced by a program on scalars, one axis after the other.

    XLA's operation takes the start for neutral, and on the CPU one application for each
    element of each window. From the last axis on, elements are combined in their order.
    """
    sizes, strides, pads, base, dilation = window
    half = len(args) // 2
    pairs = list(zip(args[:half], args[half:], strict=True))
    made = [padded(x, init, pads, base) for x, init in pairs]
    for axis in reversed(range(len(sizes))):
        span = sizes[axis], strides[axis], dilation[axis]
        made = _along(program, made, axis, *span)
    shape = typeof(made[0]).shape
    starts = [_shape.broadcast(init, shape) for _, init in pairs]
    return mapped(program, (*starts, *made))


def _along(
    program: Program,
    arrays: Sequence[Any],
    axis: int,
    size: int,
    stride: int,
    dilation: int,
) -> Sequence[Any]:
    """Windows along one axis.

    With windows of 1, 2, 4, ... elements at every place, those of `size` elements take
    a logarithmic number of applications.
    """
    places = typeof(arrays[0]).shape[axis]
    count = max((places - (size - 1) * dilation - 1) // stride + 1, 0)

    def seen(arrays: Sequence[Any], first: int) -> list[Any]:
        """What windows that begin at `first` see at all positions."""
        stop = first + (count - 1) * stride + 1 if count else first
        return [_slicing.slice_in_dim(x, first, stop, stride, axis) for x in arrays]

    def doubled(arrays: Sequence[Any], length: int) -> Sequence[Any]:
        shift, n = length * dilation, typeof(arrays[0]).shape[axis]
        heads = [_slicing.slice_in_dim(x, 0, n - shift, axis=axis) for x in arrays]
        tails = [_slicing.slice_in_dim(x, shift, n, axis=axis) for x in arrays]
        return mapped(program, (*heads, *tails))

    if not count:
        return seen(arrays, 0)
    parts, done, length = [], 0, 1
    while done < size:
        if size & length:
            parts.append(seen(arrays, done * dilation))
            done += length
        if done < size:
            arrays, length = doubled(arrays, length), 2 * length
    return functools.reduce(lambda a, b: mapped(program, (*a, *b)), parts)

"""Reductions by any function of two elements: one step of a scan for each element."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from .. import _higher_order, lax
from .._ir import ArrayType, value_error
from .._tracing import typeof
from ._at import applied_at
from ._creation import arange, full
from ._eager import jit_when_eager
from ._logic import where as choose
from ._manipulation import as_array, as_axis, broadcast_to, expand_dims, moveaxis
from ._promotion import type_of
from ._reductions import reduced_axes

_STATIC = ("function", "axis", "dtype")


class Function(Protocol):
    """What is known here of a `ufunc`."""

    __name__: str
    __call__: Callable[..., Any]
    identity: Any


def _dtype_of(function: Function, *args: Any) -> np.dtype:
    """Dtype of the results for elements of these arrays."""
    types = [typeof(x) for x in args]
    elements = [
        _higher_order.ShapeDtypeStruct((), t.dtype, weak_type=t.weak_type)
        for t in types
    ]
    return _higher_order.eval_shape(function, *elements).dtype


def _operand(function: Function, a: Any, dtype: Any) -> Any:
    """`a` in the dtype of a reduction's result."""
    return lax.convert_element_type(a, dtype or _dtype_of(function, a, a))


def _step(function: Function, carry: Any, *operands: Any) -> Any:
    """One call, with a result in the dtype of `carry`."""
    made = function(carry, *operands)
    return lax.convert_element_type(made, carry.dtype)


@jit_when_eager(static_argnames=(*_STATIC, "keepdims"))
def reduce_by_scan(
    function: Function,
    a: Any,
    axis: Any,
    dtype: Any,
    keepdims: bool,
    initial: Any,
    where: Any,
) -> Any:
    """See `ufunc.reduce`."""
    name = f"{function.__name__}.reduce"
    type = type_of(name, "a", a)
    axes = reduced_axes(name, axis, type)
    rows = rows_of(_operand(function, a, dtype), axes)
    masks = None
    if where is not None:
        masks = rows_of(broadcast_to(where, type.shape), axes)
    start = function.identity if initial is None else initial
    if start is not None:
        carry = full(rows.shape[1:], start, rows.dtype)
    elif rows.shape[0]:
        carry, rows = rows[0], rows[1:]
    else:
        raise no_elements(name, type, axes)

    def step(carry: Any, x: Any) -> Any:
        row, mask = x
        made = _step(function, carry, row)
        return made if mask is None else choose(mask, made, carry), None

    made, _ = lax.scan(step, carry, (rows, masks))
    return expand_dims(made, axes) if keepdims else made


@jit_when_eager(static_argnames=_STATIC)
def accumulate_by_scan(function: Function, a: Any, axis: Any, dtype: Any) -> Any:
    """See `ufunc.accumulate`."""
    axis = accumulated_axis(function.__name__, a, axis)
    rows = moveaxis(_operand(function, a, dtype), axis, 0)
    if not rows.shape[0]:
        return moveaxis(rows, 0, axis)

    def step(carry: Any, row: Any) -> Any:
        made = _step(function, carry, row)
        return made, made

    _, made = lax.scan(step, rows[0], rows[1:])
    return moveaxis(lax.concatenate([rows[:1], made], 0), 0, axis)


@jit_when_eager(static_argnames=_STATIC)
def reduceat_by_scan(
    function: Function, a: Any, indices: Any, axis: int, dtype: Any
) -> Any:
    """See `ufunc.reduceat`."""
    rows = moveaxis(_operand(function, a, dtype), axis, 0)
    starts, stops = ranges(indices, rows.shape[0])

    def step(carry: Any, x: Any) -> Any:
        place, row = x
        inside = (starts < place) & (place < stops)
        inside = expand_dims(inside, tuple(range(1, rows.ndim)))
        return choose(inside, _step(function, carry, row), carry), None

    made, _ = lax.scan(step, rows[starts], (arange(rows.shape[0]), rows))
    return moveaxis(made, 0, axis)


def at_in_turn(function: Function, a: Any, indices: Any, *operands: Any) -> Any:
    """See `ufunc.at`."""
    x = lax.convert_element_type(a, _dtype_of(function, a, *operands))
    return applied_at(function, as_array(x), indices, operands)


# ---- shapes of reductions -----------------------------------------------------------


def no_elements(method: str, type: ArrayType, axes: tuple[int, ...]) -> ValueError:
    """The error of reducing no elements to the first of them."""
    return value_error(
        f"{method}: no elements to reduce in {type!r} over axes {axes}, and no "
        "identity.",
        "Give `initial`, the result for no elements.",
    )


def accumulated_axis(function: str, a: Any, axis: Any) -> int:
    """The axis along which elements are accumulated, counted from the front."""
    name = f"{function}.accumulate"
    type = type_of(name, "a", a)
    if axis is None and type.ndim == 1:
        return 0
    if axis is None or isinstance(axis, tuple | list):
        raise value_error(f"{name}: expected one axis for {type!r}, got axis={axis!r}.")
    return as_axis(name, axis, type.ndim)


def ranges(indices: Any, size: int) -> tuple[Any, Any]:
    """First places of the ranges of `reduceat`, and those after their last places."""
    starts = lax.convert_element_type(indices, np.int32)
    starts = choose(starts < 0, starts + np.int32(size), starts)
    last = full((min(1, len(starts)),), size, np.int32)
    return starts, lax.concatenate([starts[1:], last], 0)


def rows_of(x: Any, axes: tuple[int, ...]) -> Any:
    """`x` with the elements of some axes in one axis, in front."""
    front = moveaxis(x, axes, tuple(range(len(axes))))
    rest = front.shape[len(axes) :]
    count = int(np.prod(front.shape[: len(axes)], dtype=int))
    return front.reshape(count, *rest)

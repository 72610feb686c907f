"""`x.at[...]`: new arrays that differ from `x` in the indexed elements.

Arrays don't change, so ``y = x.at[i].set(v)`` stands for ``y = x.copy(); y[i] = v``,
and ``add``, ``multiply``, ... for NumPy's ``ufunc.at``: an element indexed twice is
updated twice. Under `jit` the copy goes away where `x` is not used again.
"""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl, flags
from .._ir import ArrayType, dtypes, message, value_error
from .._tracing import Tracer, is_array_like, typeof
from . import _promotion
from ._arithmetic import divide, power
from ._eager import jit_when_eager
from ._indexing import (
    Access,
    Plan,
    Simple,
    Span,
    box_of,
    execute_now,
    parse,
    window_of,
)

_SCATTERS = {
    "add": lax.scatter_add,
    "subtract": lax.scatter_sub,
    "multiply": lax.scatter_mul,
    "min": lax.scatter_min,
    "max": lax.scatter_max,
}


class At:
    """What `x.at` is: index it, then call a method of the result."""

    __slots__ = ("array",)

    def __init__(self, array: Any) -> None:
        self.array = array

    def __getitem__(self, key: Any) -> "IndexedElements":
        return IndexedElements(self.array, key)

    def __repr__(self) -> str:
        return f"At({self.array!r})"


class IndexedElements:
    """`x.at[key]`: elements of an array, to be read or replaced in a new array.

    All methods share the keywords of `get`.
    """

    __slots__ = ("array", "key")

    def __init__(self, array: Any, key: Any) -> None:
        self.array = array
        self.key = key

    def __repr__(self) -> str:
        return f"IndexedElements({self.array!r}, {self.key!r})"

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        fill_value: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """`x[key]`, with a choice of what happens out of bounds.

        Args:
            indices_are_sorted: a promise that helps some backends.
            unique_indices: a promise that no element is indexed twice; helps some
                backends, and with gradients.
            mode: "clip" takes the nearest element, "fill" or "drop" reads `fill_value`
                and writes nothing, "promise_in_bounds" does not look. By default reads
                clip and writes drop, and indices known to be out of bounds raise.
            fill_value: by default NaN for inexact dtypes, the least integer for signed
                ones, the largest for unsigned ones, and True for bool.
            wrap_negative_indices: negative indices count from the end.

        Returns:
            The selected elements.

        Raises:
            IndexError: as for `x[key]`; out of bounds only if `mode` is None.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> x = jnp.arange(3.0)
            >>> x.at[7].get(mode="fill", fill_value=-1).item()
            -1.0
        """
        access = _access(
            mode,
            indices_are_sorted,
            unique_indices,
            wrap_negative_indices,
            _static_fill(fill_value),
        )
        plan, operands = parse(typeof(self.array), self.key, access)
        return execute_now(plan, access, self.array, *operands)

    def set(self, values: Any, **how: Any) -> Any:
        """`x` with the indexed elements replaced by `values`.

        If an element is indexed twice, which value stays is unspecified.

        Args:
            values: broadcast to the shape of `x[key]`, converted to the dtype of `x`.
            **how: the keywords of `get`, except `fill_value`.

        Returns:
            A new array of the shape and dtype of `x`.

        Raises:
            ValueError: `values` don't broadcast to the indexed shape.
            IndexError: as for `x[key]`; out of bounds only if `mode` is None.

        Warns:
            FutureWarning: the dtype of `values` does not fit that of `x`.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.zeros(3).at[1:].set(5.0)
            Array([0., 5., 5.], dtype=float32)
        """
        return _update("set", self.array, self.key, values, **how)

    def add(self, values: Any, **how: Any) -> Any:
        """`x` with `values` added to the indexed elements; arguments as for `set`."""
        return _update("add", self.array, self.key, values, **how)

    def subtract(self, values: Any, **how: Any) -> Any:
        """`x` with `values` subtracted from the indexed elements; see `set`."""
        return _update("subtract", self.array, self.key, values, **how)

    def multiply(self, values: Any, **how: Any) -> Any:
        """`x` with the indexed elements multiplied by `values`; see `set`."""
        return _update("multiply", self.array, self.key, values, **how)

    mul = multiply

    def divide(self, values: Any, **how: Any) -> Any:
        """`x` with the indexed elements divided by `values`; integers become floats."""
        return divide(self.array, self._product(values, how))

    def power(self, values: Any, **how: Any) -> Any:
        """`x` with the indexed elements raised to the power `values`; see `set`."""
        return power(self.array, self._product(values, how))

    def _product(self, values: Any, how: dict[str, Any]) -> Any:
        """Ones, times `values` at the index."""
        ones = lax.full_like(self.array, 1)
        return _update("multiply", ones, self.key, values, **how)

    def min(self, values: Any, **how: Any) -> Any:
        """`x` with the minimum of `values` and the indexed elements; see `set`."""
        return _update("min", self.array, self.key, values, **how)

    def max(self, values: Any, **how: Any) -> Any:
        """`x` with the maximum of `values` and the indexed elements; see `set`."""
        return _update("max", self.array, self.key, values, **how)

    def apply(self, func: Callable[[Any], Any], **how: Any) -> Any:
        """`x` with the indexed elements replaced by `func` of them.

        Args:
            func: an elementwise function. It is applied once, however often an element
                is indexed.
            **how: the keywords of `get`, except `fill_value`.
        """
        reading = dict(how)
        if reading.get("mode") in (None, "drop", "fill"):
            reading["mode"] = None if reading.get("mode") is None else "clip"
        return self.set(func(self.get(**reading)), **how)


def _access(
    mode: Any, is_sorted: bool, is_unique: bool, wrap: bool, fill_value: Any = None
) -> Access:
    if mode is not None:
        mode = lax.GatherScatterMode.from_any(mode).value
    return Access(mode, fill_value, bool(wrap), bool(is_sorted), bool(is_unique))


def _static_fill(value: Any) -> Any:
    """`fill_value` as a Python number: it is part of the program."""
    if value is None or isinstance(value, bool | int | float | complex):
        return value
    if isinstance(value, Tracer) or typeof(value).shape:
        raise value_error(
            "x.at[...].get: `fill_value` must be a concrete scalar, got "
            f"{typeof(value)!r}."
        )
    return np.asarray(value).item()


# ---- updates -----------------------------------------------------------------------


def _update(
    operation: str,
    array: Any,
    key: Any,
    values: Any,
    *,
    indices_are_sorted: bool = False,
    unique_indices: bool = False,
    mode: Any = None,
    wrap_negative_indices: bool = True,
) -> Any:
    type = typeof(array)
    if not is_array_like(values):
        values = np.asarray(values)
    _warn_if_lossy(operation, type, typeof(values))
    access = _PLAIN
    if mode is not None or indices_are_sorted or unique_indices:
        access = _access(
            mode, indices_are_sorted, unique_indices, wrap_negative_indices
        )
    elif not wrap_negative_indices:
        access = Access(wrap=False)
    if _is_mask(key) and typeof(values).ndim <= type.ndim - typeof(key).ndim:
        return _update_masked(operation, array, key, values)
    plan, operands = parse(type, key, access)
    return _updated(operation, plan, access, array, values, *operands)


_PLAIN = Access()


@jit_when_eager(static_argnames=("operation", "plan", "access"))
def _updated(
    operation: str, plan: Plan, access: Access, x: Any, values: Any, *operands: Any
) -> Any:
    type = typeof(x)
    values = _promotion.convert(values, type.dtype)
    whole = type.shape
    if plan.inserted:
        x = lax.expand_dims(x, plan.inserted)
    if operation == "set" and _is_box(plan):
        x = _set_box(plan, access, x, values, operands)
    else:
        x = _scatter(operation, plan, access, x, values, operands)
    return lax.reshape(x, whole) if plan.inserted else x


def _is_box(plan: Plan) -> bool:
    """Whether a plan selects neighbors that are known to be in bounds."""
    return all(isinstance(e, Simple | Span) for e in plan.entries) and plan.is_known


def _set_box(plan: Plan, access: Access, x: Any, values: Any, operands: Any) -> Any:
    box = box_of(plan, access, typeof(x).shape, operands)
    kept = [n for axis, n in enumerate(box.sizes) if axis not in box.dropped]
    for axis in box.new:
        kept.insert(axis, 1)
    values = _broadcast("set", typeof(x), values, tuple(kept))
    values = lax.squeeze(values, box.new) if box.new else values
    values = lax.expand_dims(values, box.dropped) if box.dropped else values
    values = lax.rev(values, box.flipped) if box.flipped else values
    type = typeof(x)
    if box.sizes == list(type.shape):
        if typeof(values).weak_type == type.weak_type:
            return values
        return lax.convert_element_type(values, type.dtype, type.weak_type)
    starts = [np.int32(s) if isinstance(s, int) else s for s in box.starts]
    return lax.dynamic_update_slice(x, values, starts, allow_negative_indices=False)


def _scatter(
    operation: str, plan: Plan, access: Access, x: Any, values: Any, operands: Any
) -> Any:
    type = typeof(x)
    window = window_of(plan, access, type.shape, operands)
    values = _broadcast(operation, type, values, window.final_shape)
    if not (typeof(values).size and type.size):
        return x
    values = lax.squeeze(values, window.new) if window.new else values
    values = lax.rev(values, window.flipped) if window.flipped else values
    scatter = lax.scatter if operation == "set" else _SCATTERS[operation]
    return scatter(
        x,
        window.indices,
        values,
        lax.ScatterDimensionNumbers(
            update_window_dims=window.offset,
            inserted_window_dims=window.collapsed,
            scatter_dims_to_operand_dims=window.mapped,
        ),
        indices_are_sorted=access.is_sorted or plan.distinct,
        unique_indices=access.is_unique or plan.distinct or plan.is_basic,
        mode="promise_in_bounds" if plan.is_known else access.mode or "fill",
    )


def _broadcast(
    operation: str, array: ArrayType, values: Any, shape: tuple[int, ...]
) -> Any:
    own = typeof(values).shape
    fits = len(own) <= len(shape) and all(
        a in (1, b) for a, b in zip(reversed(own), reversed(shape), strict=False)
    )
    if not fits:
        raise value_error(
            f"{array!r}.at[...].{operation}: values of shape {own} don't broadcast to "
            f"the shape {shape} of the indexed elements."
        )
    if own == shape and not isinstance(values, int | float | complex):
        return values
    dimensions = tuple(range(len(shape) - len(own), len(shape)))
    return lax.broadcast_in_dim(values, shape, dimensions)


def _is_mask(key: Any) -> bool:
    """Whether an index is one boolean array, and nothing else."""
    return (
        isinstance(key, ArrayImpl | Tracer | np.ndarray)
        and key.ndim > 0
        and key.dtype == bool
    )


def _update_masked(operation: str, array: Any, mask: Any, values: Any) -> Any:
    """Update where a mask holds: no indices, so the mask may be traced."""
    type, given = typeof(array), typeof(mask)
    if given.shape != type.shape[: given.ndim]:
        raise IndexError(
            message(
                f"{type!r}.at[...].{operation}: a boolean index must have the leading "
                f"sizes {type.shape[: given.ndim]}, got {given!r}."
            )
        )
    _broadcast_check(operation, type, typeof(values).shape, type.shape[given.ndim :])
    return _where_masked(operation, array, mask, values)


def _broadcast_check(
    operation: str, array: ArrayType, own: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    if any(a not in (1, b) for a, b in zip(own[::-1], shape[::-1], strict=False)):
        raise value_error(
            f"{array!r}.at[...].{operation}: values of shape {own} don't broadcast to "
            f"the shape {shape} of each indexed element."
        )


@jit_when_eager(static_argnames=("operation",))
def _where_masked(operation: str, x: Any, mask: Any, values: Any) -> Any:
    type = typeof(x)
    mask = lax.broadcast_in_dim(mask, type.shape, tuple(range(typeof(mask).ndim)))
    values = _promotion.convert(values, type.dtype)
    values = _broadcast(operation, type, values, type.shape)
    if operation != "set":
        compute = {
            "add": lax.add,
            "subtract": lax.sub,
            "multiply": lax.mul,
            "min": lax.min,
            "max": lax.max,
        }[operation]
        values = compute(x, values)
    return lax.select(mask, values, x)


_fits: dict[Any, bool] = {}


def _warn_if_lossy(operation: str, array: ArrayType, values: ArrayType) -> None:
    """Warn where converting `values` to the dtype of the array may lose information."""
    if values.dtype == array.dtype:
        return
    rules = flags.X64.value, flags.NUMPY_DTYPE_PROMOTION.value
    key = (array.dtype, values.dtype, values.weak_type, *rules)
    fits = _fits.get(key)
    if fits is None:
        pair = ((array.dtype, False), (values.dtype, values.weak_type))
        integers = {dtypes.kind(array.dtype), dtypes.kind(values.dtype)} <= {"i", "u"}
        narrows = values.dtype.itemsize > array.dtype.itemsize
        promoted, _ = dtypes.promote(pair)
        fits = _fits[key] = (integers and not narrows) or promoted == array.dtype
    if not fits:
        short = dtypes.short_name
        warnings.warn(
            message(
                f"x.at[...].{operation}: values of dtype {short(values.dtype)} may "
                f"lose information in an array of dtype {short(array.dtype)}; this "
                "will become an error.",
                "Convert the array or the values with `.astype(...)`.",
            ),
            FutureWarning,
            stacklevel=3,
        )

"""`x.at[...]`: new arrays that differ from `x` in the indexed elements.

Arrays don't change, so ``y = x.at[i].set(v)`` stands for ``y = x.copy(); y[i] = v``,
and ``add``, ``multiply``, ... for NumPy's ``ufunc.at``: an element indexed twice is
updated twice. Under `jit` the copy goes away where `x` is not used again.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax
from .._backend import ArrayImpl, flags
from .._ir import ArrayType, dtypes, message, type_error, value_error
from .._ops._shape import sharding_error
from .._tracing import Tracer, is_array_like, typeof
from . import _promotion
from ._arithmetic import divide, power
from ._creation import asarray
from ._eager import jit_when_eager
from ._indexing import (
    PLAIN,
    Access,
    Plan,
    Points,
    Simple,
    Span,
    Steps,
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

    def __getitem__(self, index: Any) -> "IndexedElements":
        return IndexedElements(self.array, index)

    def __repr__(self) -> str:
        return f"At({self.array!r})"


def _updating(operation: str, doc: str) -> Callable[..., Any]:
    """A method that replaces the indexed elements by a function of them and values."""

    def update(
        self: "IndexedElements",
        values: Any,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        out_sharding: None = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        if out_sharding is not None:
            raise _sharding_error(self.array, operation, out_sharding)
        access = PLAIN
        if mode is not None or indices_are_sorted or unique_indices:
            access = _access(
                mode, indices_are_sorted, unique_indices, wrap_negative_indices
            )
        elif not wrap_negative_indices:
            access = Access(wrap=False)
        if operation in _QUOTIENTS:
            ones = lax.full_like(self.array, 1)
            product = _update("multiply", ones, self.index, values, access)
            return _QUOTIENTS[operation](self.array, product)
        return _update(operation, self.array, self.index, values, access)

    update.__name__, update.__qualname__ = operation, f"IndexedElements.{operation}"
    update.__doc__ = doc
    return update


class IndexedElements:
    """`x.at[index]`: elements of an array, to be read or replaced in a new array.

    All methods share the keywords of `get`.
    """

    __slots__ = ("array", "index")

    def __init__(self, array: Any, index: Any) -> None:
        self.array = array
        self.index = index

    def __repr__(self) -> str:
        return f"IndexedElements({self.array!r}, {self.index!r})"

    def get(
        self,
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        fill_value: Any = None,
        out_sharding: None = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """`x[index]`, with a choice of what happens out of bounds.

        Args:
            indices_are_sorted: a promise that helps some backends.
            unique_indices: a promise that no element is indexed twice; helps some
                backends, and with gradients.
            mode: "clip" takes the nearest element, "fill" or "drop" reads `fill_value`
                and writes nothing, "promise_in_bounds" does not look. By default reads
                clip and writes drop, and indices known to be out of bounds raise.
            fill_value: by default NaN for inexact dtypes, the least integer for signed
                ones, the largest for unsigned ones, and True for bool.
            out_sharding: must be None.
            wrap_negative_indices: negative indices count from the end.

        Returns:
            The selected elements.

        Raises:
            IndexError: as for `x[index]`; out of bounds only if `mode` is None.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> x = jnp.arange(3.0)
            >>> x.at[7].get(mode="fill", fill_value=-1).item()
            -1.0
        """
        if out_sharding is not None:
            raise _sharding_error(self.array, "get", out_sharding)
        access = _access(
            mode,
            indices_are_sorted,
            unique_indices,
            wrap_negative_indices,
            _static_fill(fill_value),
        )
        plan, operands = parse(typeof(self.array), self.index, access)
        return execute_now(plan, access, self.array, *operands)

    set = _updating(
        "set",
        """`x` with the indexed elements replaced by `values`.

        If an element is indexed twice, which value stays is unspecified.

        Args:
            values: broadcast to the shape of `x[index]`, converted to the dtype of `x`.
            **how: the keywords of `get`, except `fill_value`.

        Returns:
            A new array of the shape and dtype of `x`.

        Raises:
            ValueError: `values` don't broadcast to the indexed shape.
            IndexError: as for `x[index]`; out of bounds only if `mode` is None.

        Warns:
            FutureWarning: the dtype of `values` does not fit that of `x`.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> jnp.zeros(3).at[1:].set(5.0)
            Array([0., 5., 5.], dtype=float32)
        """,
    )
    add = _updating(
        "add",
        "`x` with `values` added to the indexed elements; arguments as for `set`.",
    )
    subtract = _updating(
        "subtract", "`x` with `values` subtracted from the indexed elements; see `set`."
    )
    multiply = mul = _updating(
        "multiply", "`x` with the indexed elements multiplied by `values`; see `set`."
    )
    divide = _updating(
        "divide",
        "`x` with the indexed elements divided by `values`; integers become floats.",
    )
    power = _updating(
        "power",
        "`x` with the indexed elements raised to the power `values`; see `set`.",
    )
    min = _updating(
        "min", "`x` with the minimum of `values` and the indexed elements; see `set`."
    )
    max = _updating(
        "max", "`x` with the maximum of `values` and the indexed elements; see `set`."
    )

    def apply(
        self,
        func: Callable[[Any], Any],
        *,
        indices_are_sorted: bool = False,
        unique_indices: bool = False,
        mode: Any = None,
        wrap_negative_indices: bool = True,
    ) -> Any:
        """`x` with `func` applied to the indexed elements, as often as each is indexed.

        Args:
            func: an elementwise function; what it gives is converted to the dtype of
                `x`.
            **how: the keywords of `get`, except `fill_value`.

        Example:
            >>> import dolmen.core.numpy as jnp
            >>> x, twice = jnp.array([3.0, 4.0]), jnp.array([1, 1])
            >>> x.at[twice].apply(lambda x: 10 * x)
            Array([  3., 400.], dtype=float32)
        """
        how = {
            "indices_are_sorted": indices_are_sorted,
            "unique_indices": unique_indices,
            "mode": mode,
            "wrap_negative_indices": wrap_negative_indices,
        }
        return applied_at(func, self.array, self.index, (), **how)


_QUOTIENTS = {"divide": divide, "power": power}


def _sharding_error(array: Any, method: str, sharding: Any) -> ValueError:
    function = f"{typeof(array)!r}.at[...].{method}"
    return sharding_error(function, "out_sharding", sharding)


def _access(
    mode: Any, is_sorted: bool, is_unique: bool, wrap: bool, fill_value: Any = None
) -> Access:
    if mode is not None:
        mode = _mode(mode)
    return Access(mode, fill_value, bool(wrap), bool(is_sorted), bool(is_unique))


def _mode(mode: Any) -> str:
    return lax.GatherScatterMode.from_any(mode).value


def _static_fill(value: Any) -> Any:
    """`fill_value` as a Python number: it is part of the program."""
    if value is None or isinstance(value, bool | int | float | complex):
        return value
    if not is_array_like(value) or isinstance(value, Tracer) or typeof(value).shape:
        got = repr(typeof(value)) if is_array_like(value) else f"{value!r:.60}"
        raise value_error(
            f"x.at[...].get: `fill_value` must be a concrete scalar, got {got}."
        )
    return np.asarray(value).item()


# ---- functions ---------------------------------------------------------------------


def applied_at(
    function: Callable[..., Any],
    x: Any,
    index: Any,
    operands: tuple[Any, ...],
    *,
    mode: Any = None,
    **how: Any,
) -> Any:
    """`x` with `function` applied at some places, as often as each is indexed.

    Args:
        function: from elements, and those of `operands`, to elements.
        operands: arrays that broadcast to the indexed elements.
        mode: that of `IndexedElements.get`, as are the other keywords.
    """
    type = typeof(x)
    reads_clipped = mode is not None and _mode(mode) == "fill"
    plan, given = parse(type, index, _access(mode, False, False, True))
    if how.get("unique_indices") or _are_distinct(plan, type.shape, given):
        chosen = At(x)[index]
        # What is out of bounds is not written, so it does not matter what is read.
        elements = chosen.get(mode="clip" if reads_clipped else mode, **how)
        made = function(elements, *operands)
        return chosen.set(lax.convert_element_type(made, type.dtype), mode=mode, **how)
    numbers = lax.reshape(lax.iota("int32", type.size), type.shape)
    mode = "fill" if mode is None else mode
    places = At(numbers)[index].get(mode=mode, fill_value=type.size, **how)
    if not (type.size and places.size):
        return x
    shape = typeof(places).shape
    flat = [
        lax.reshape(_broadcast("apply", type, operand, shape), (places.size,))
        for operand in operands
    ]
    return _apply_in_turn(x, lax.reshape(places, (places.size,)), *flat, of=function)


def _are_distinct(plan: Plan, shape: tuple[int, ...], operands: Sequence[Any]) -> bool:
    """Whether a plan is known to index no element twice."""
    if plan.is_basic or plan.distinct:
        return True
    sizes = list(shape)
    for axis in plan.inserted:
        sizes.insert(axis, 1)
    given, rest = iter(operands), iter(sizes)
    points = []
    for entry in plan.entries:
        if entry is Simple.NEW:
            continue
        size = next(rest)
        if entry is Simple.WHOLE or isinstance(entry, Steps):
            continue
        operand = next(given)
        if isinstance(entry, Points):
            if not isinstance(operand, np.ndarray | ArrayImpl):
                return False
            points.append(np.asarray(operand) % max(size, 1))
    rows = np.stack([p.ravel() for p in np.broadcast_arrays(*points)], axis=-1)
    return len(np.unique(rows, axis=0)) == len(rows)


@jit_when_eager(static_argnames=("of",))
def _apply_in_turn(x: Any, places: Any, *operands: Any, of: Callable[..., Any]) -> Any:
    type = typeof(x)

    def step(elements: Any, row: Any) -> Any:
        place, *others = row
        element = At(elements)[place].get(mode="clip", wrap_negative_indices=False)
        made = lax.convert_element_type(of(element, *others), type.dtype)
        return At(elements)[place].set(made, mode="drop"), None

    flat = lax.reshape(x, (type.size,))
    made, _ = lax.scan(step, flat, (places, *operands))
    return lax.reshape(made, type.shape)


# ---- updates -----------------------------------------------------------------------


def _update(operation: str, array: Any, index: Any, values: Any, access: Access) -> Any:
    type = typeof(array)
    if not is_array_like(values):
        values = _as_values(operation, type, values)
    _warn_if_lossy(operation, type, typeof(values))
    if _is_mask(index) and typeof(values).ndim <= type.ndim - typeof(index).ndim:
        return _update_masked(operation, array, index, values)
    plan, operands = parse(type, index, access)
    return _updated(operation, plan, access, array, values, *operands)


def _as_values(operation: str, array: ArrayType, values: Any) -> Any:
    if isinstance(values, list | tuple):
        return asarray(values)
    raise type_error(
        f"{array!r}.at[...].{operation}: `values` must be an array, a number or nested "
        f"lists of numbers, got {values!r:.60}."
    )


@jit_when_eager(static_argnames=("operation", "plan", "access"))
def _updated(
    operation: str, plan: Plan, access: Access, x: Any, values: Any, *operands: Any
) -> Any:
    type = typeof(x)
    dtype = _dtype_of_update(operation, type, typeof(values))
    values = _promotion.convert(values, dtype)
    x = _promotion.convert(x, dtype)
    whole = type.shape
    if plan.inserted:
        x = lax.expand_dims(x, plan.inserted)
    if operation == "set" and _is_box(plan):
        x = _set_box(plan, access, x, values, operands)
    else:
        x = _scatter(operation, plan, access, x, values, operands)
    x = lax.reshape(x, whole) if plan.inserted else x
    return x if dtype == type.dtype else lax.convert_element_type(x, type.dtype)


def _dtype_of_update(operation: str, array: ArrayType, values: ArrayType) -> np.dtype:
    """Dtype in which an update is computed; the array gets its own back."""
    if operation == "set" or values.dtype == array.dtype:
        return array.dtype
    pair = (array.dtype, array.weak_type), (values.dtype, values.weak_type)
    return dtypes.promote(pair)[0]


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
    dtype = _dtype_of_update(operation, type, typeof(values))
    values = _promotion.convert(values, dtype)
    values = _broadcast(operation, type, values, type.shape)
    if operation != "set":
        compute = {
            "add": lax.add,
            "subtract": lax.sub,
            "multiply": lax.mul,
            "min": lax.min,
            "max": lax.max,
        }[operation]
        values = compute(_promotion.convert(x, dtype), values)
        values = _promotion.convert(values, type.dtype)
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
            stacklevel=4,
        )

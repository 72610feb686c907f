"""Calls of Python functions, and of other code that transformations can't look into."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import ArrayImpl, host_value
from .._ir import (
    ArrayType,
    Primitive,
    array_type,
    dtypes,
    is_ordered,
    message,
    type_error,
    value_error,
)
from .._ops import _shape
from .._tracing import bind, check_live, device_array, typeof
from .._transforms import batch_size, to_front
from ._loops import scan

VMAP_METHODS = (
    "sequential",
    "sequential_unrolled",
    "expand_dims",
    "broadcast_all",
    "legacy_vectorized",
)


class HostCall(Primitive):
    """Calls `function` on NumPy arrays; it returns a sequence of them.

    Eagerly that is a plain call, so what it raises arrives as it is and a debugger
    works in it.
    """

    interned = False
    multiple_results = True

    function: Callable[..., Sequence[Any]]

    def eager(self) -> Callable[..., Any]:
        def run(*args: Any) -> list[Any]:
            values = [as_numpy(check_live(arg)) for arg in args]
            types = self.infer_type([typeof(arg) for arg in args])
            results = zip(self.function(*values), types, strict=True)
            where = _device_of(args)
            return [device_array(result, type, where) for result, type in results]

        return run

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return builder.host_call(
            self.function,
            args,
            has_side_effect=bool(self.effects),
            ordered=is_ordered(self.effects),
        )


def _device_of(args: Sequence[Any]) -> Any:
    """The device that arguments are committed to, where results go as well."""
    committed = (a.device for a in args if isinstance(a, ArrayImpl) and a.committed)
    return next(committed, None)


def as_numpy(value: Any) -> np.ndarray:
    """`value` as a callback gets it: a NumPy array of the dtype it has in programs."""
    if isinstance(value, ArrayImpl):
        return host_value(value)
    return np.asarray(value, typeof(value).dtype)


# ---- vmap ----------------------------------------------------------------------------


def check_vmap_method(function: str, method: Any) -> None:
    """Raise `ValueError` unless `method` is one of `VMAP_METHODS` or None."""
    if method is not None and method not in VMAP_METHODS:
        raise value_error(
            f"{function}: vmap_method must be None or one of "
            f"{', '.join(map(repr, VMAP_METHODS))}, got {method!r}."
        )


def batch_call(
    name: str,
    primitive: Primitive,
    batched: Callable[[int], Primitive],
    method: str | None,
    args: Sequence[Any],
    axes: Sequence[int | None],
) -> tuple[list[Any], list[int]]:
    """The batch rule of a call that no rule can look into.

    Args:
        name: what messages call it.
        primitive: the call for one element.
        batched: from the size of the batch to the one call for all of it.
        method: one of `VMAP_METHODS`, or None when the user gave none.

    Raises:
        NotImplementedError: `method` is None.
    """
    if method is None:
        raise NotImplementedError(
            message(
                f"vmap of {name}: `vmap_method` says how to call it for a batch, and "
                "none was given.",
                "Pass vmap_method='sequential' to call it for each element, or "
                "'expand_dims' or 'broadcast_all' if it takes arrays with a leading "
                "batch axis.",
            )
        )
    size = batch_size(args, axes)
    if method.startswith("sequential"):
        outs = _one_by_one(primitive, args, axes, size, method)
        return outs, [0] * len(outs)
    unmapped = {
        "expand_dims": lambda arg: _shape.broadcast(arg, (1,)),
        "broadcast_all": lambda arg: _shape.broadcast(arg, (size,)),
        "legacy_vectorized": lambda arg: arg,
    }[method]
    whole = [
        unmapped(arg) if axis is None else to_front(arg, axis, size)
        for arg, axis in zip(args, axes, strict=True)
    ]
    outs = bind(batched(size), *whole)
    return outs, [0] * len(outs)


def _one_by_one(
    primitive: Primitive,
    args: Sequence[Any],
    axes: Sequence[int | None],
    size: int,
    method: str,
) -> list[Any]:
    rows = [
        to_front(arg, axis, size)
        for arg, axis in zip(args, axes, strict=True)
        if axis is not None
    ]

    def step(carry: Any, row: Sequence[Any]) -> Any:
        mine = iter(row)
        full = [
            arg if axis is None else next(mine)
            for arg, axis in zip(args, axes, strict=True)
        ]
        return carry, bind(primitive, *full)

    unroll = size if method == "sequential_unrolled" else 1
    return scan(step, (), rows, unroll=max(unroll, 1))[1]


def batched_type(type: ArrayType, size: int) -> ArrayType:
    """The type of a batch of values."""
    return array_type((size, *type.shape), type.dtype)


# ---- declared results ----------------------------------------------------------------


def declared_type(function: str, argument: str, leaf: Any) -> ArrayType:
    """The array type that a leaf of `result_shape_dtypes` describes.

    Raises:
        TypeError: it has no shape or no dtype.
        ValueError: its dtype has 64 bits, and 64-bit types are not enabled.
    """
    if not hasattr(leaf, "shape") or not hasattr(leaf, "dtype"):
        raise type_error(
            f"{function}: expected {argument} to have a shape and a dtype, got "
            f"{type(leaf).__name__} {leaf!r:.60}.",
            "Describe every result with a `ShapeDtypeStruct(shape, dtype)`.",
        )
    dtype = np.dtype(leaf.dtype)
    if dtypes.canonical(dtype) != dtype:
        raise value_error(
            f"{function}: {argument} has the 64-bit dtype {dtype.name}, but 64-bit "
            "types are not enabled.",
            f"Use {dtypes.canonical(dtype).name}, or enable them with "
            "`config.update('enable_x64', True)`.",
        )
    return array_type(tuple(leaf.shape), dtype)

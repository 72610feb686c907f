"""Elements around and between those of an array: `pad`."""

from collections.abc import Sequence
from typing import Any

from .._ir import (
    ArrayType,
    Linear,
    Primitive,
    array_type,
    as_integers,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _creation
from ._shape import batch_size, batched_first, broadcast_in_dim, is_array


def pad(
    operand: Any, padding_value: Any, padding_config: Sequence[tuple[int, int, int]]
) -> Any:
    """Surround and space out the elements of an array.

    Args:
        operand: any shape and dtype.
        padding_value: a scalar of the same dtype.
        padding_config: for each axis how many elements to add in front and behind
            (negative numbers remove elements), and how many between neighbors.

    Returns:
        An array whose sizes are ``low + n + high + max(n - 1, 0) * interior``.

    Raises:
        TypeError: dtypes differ.
        ValueError: a number of interior elements or a resulting size is negative.

    Example:
        >>> from dolmen.core import lax
        >>> lax.pad(lax.iota("int32", 3), 9, [(1, 0, 1)]).tolist()
        [9, 0, 9, 1, 9, 2]
    """
    config = tuple(
        [as_integers("pad", "padding_config", entry) for entry in padding_config]
    )
    if is_array(operand) and not any(map(any, config)) and len(config) == operand.ndim:
        return operand
    if isinstance(padding_value, bool | int | float | complex):
        padding_value = _creation.scalar(padding_value, typeof(operand).dtype)
    return bind(Pad(config), operand, padding_value)


class Pad(Primitive):
    """Low, high and interior padding of each axis."""

    padding_config: tuple[tuple[int, int, int], ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, value = arg_types
        config = self.padding_config
        given = f"got {x!r} and padding_config={config}."
        if x.dtype != value.dtype:
            raise type_error(
                f"pad: `padding_value` must have the operand's dtype, got {x!r} and "
                f"{value!r}.",
                "Convert it with `.astype(...)`.",
            )
        if value.shape:
            raise value_error(f"pad: `padding_value` must be a scalar, got {value!r}.")
        if len(config) != x.ndim or any(len(entry) != 3 for entry in config):
            raise value_error(
                "pad: `padding_config` must hold (low, high, interior) for each of the "
                f"operand's {x.ndim} axes, {given}"
            )
        if any(interior < 0 for _, _, interior in config):
            raise value_error(f"pad: interior padding must not be negative, {given}")
        shape = tuple(
            low + high + n + (n - 1) * interior if n else low + high
            for n, (low, high, interior) in zip(x.shape, config, strict=True)
        )
        if any(n < 0 for n in shape):
            raise value_error(
                f"pad: more elements are removed than there are, {given}",
            )
        return array_type(shape, x.dtype, x.weak_type and value.weak_type)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        filled = [
            _creation.zeros_like(p) if t is None else t
            for p, t in zip(primals, tangents, strict=True)
        ]
        return bind(self, *primals), bind(self, *filled)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        from ._arithmetic import sub
        from ._reductions import reduce_sum

        (ct,), (x, value) = cotangents, args
        own = self._operand_part(ct, x.type if isinstance(x, Linear) else typeof(x))
        everything = tuple(range(len(self.padding_config)))
        return [
            own if isinstance(x, Linear) else None,
            # What the elements of the operand do not take, the padding takes.
            sub(reduce_sum(ct, everything), reduce_sum(own, everything))
            if isinstance(value, Linear)
            else None,
        ]

    def _operand_part(self, ct: Any, type: ArrayType) -> Any:
        from ._slicing import slice as take

        if any(low < 0 or high < 0 for low, high, _ in self.padding_config):
            # Elements that were removed get zero.
            uncut = [(-low, -high, 0) for low, high, _ in self.padding_config]
            ct = pad(ct, 0, uncut)
            starts: list[int] = [0] * type.ndim
        else:
            starts = [low for low, _, _ in self.padding_config]
        steps = [interior + 1 for _, _, interior in self.padding_config]
        limits = [
            start + (n - 1) * step + 1 if n else start
            for start, step, n in zip(starts, steps, type.shape, strict=True)
        ]
        return take(ct, starts, limits, steps)

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x, value), (axis, value_axis) = args, axes
        size = batch_size(args, axes)
        if value_axis is None:
            assert axis is not None
            config = list(self.padding_config)
            config.insert(axis, (0, 0, 0))
            return pad(x, value, config), axis
        from ._selection import select

        x = batched_first(x, axis, size)
        config = ((0, 0, 0), *self.padding_config)
        zero = _creation.scalar(0, typeof(x).dtype)
        own = pad(_creation.full(typeof(x).shape, True, bool), False, config)
        padded = pad(x, zero, config)
        values = broadcast_in_dim(value, padded.shape, (0,))
        return select(own, padded, values), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        config = self.padding_config
        return builder.emit(
            "pad",
            args,
            edge_padding_low=mlir.int_array([low for low, _, _ in config]),
            edge_padding_high=mlir.int_array([high for _, high, _ in config]),
            interior_padding=mlir.int_array([interior for _, _, interior in config]),
        )

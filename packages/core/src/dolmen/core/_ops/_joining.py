"""Concatenating arrays, and its transpose: splitting one."""

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
from . import _creation, _narrow
from ._shape import (
    as_axis,
    batch_size,
    batched_first,
    expand_dims,
    is_array,
    squeeze,
)


def concatenate(operands: Sequence[Any], dimension: int) -> Any:
    """Join arrays along an existing axis.

    Args:
        operands: at least one array; equal dtypes, and equal shapes but for the size of
            axis `dimension`.
        dimension: the axis along which they are joined.

    Raises:
        TypeError: dtypes differ.
        ValueError: there is no operand, or other sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.concatenate([jnp.array([1, 2]), jnp.array([3])], 0)
        Array([1, 2, 3], dtype=int32)
    """
    operands = list(operands)
    if not operands:
        raise value_error("concatenate: expected at least one operand, got none.")
    ndim = typeof(operands[0]).ndim
    axis = as_axis("concatenate", dimension, ndim)
    if len(operands) == 1 and is_array(operands[0]):
        return operands[0]
    return bind(Concatenate(axis), *operands)


class Concatenate(Primitive):
    """The operands one after the other along axis `dimension`."""

    dimension: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        first, d = arg_types[0], self.dimension
        listed = ", ".join(map(repr, arg_types))
        if any(t.dtype != first.dtype for t in arg_types):
            raise type_error(
                f"concatenate: operands must have equal dtypes, got {listed}.",
                "Convert them with `.astype(...)`, or use `jnp.concatenate`, which "
                "promotes.",
            )
        rest = first.shape[:d], first.shape[d + 1 :]
        if any(
            t.ndim != first.ndim or (t.shape[:d], t.shape[d + 1 :]) != rest
            for t in arg_types
        ):
            raise value_error(
                f"concatenate: operands must have equal shapes but for axis {d}, got "
                f"{listed}."
            )
        size = sum(t.shape[d] for t in arg_types)
        weak = all(t.weak_type for t in arg_types)
        return array_type((*rest[0], size, *rest[1]), first.dtype, weak)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        filled = [
            _creation.zeros_like(p) if t is None else t
            for p, t in zip(primals, tangents, strict=True)
        ]
        return bind(self, *primals), bind(self, *filled)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        from ._slicing import slice_in_dim

        (ct,) = cotangents
        made, start = [], 0
        for arg in args:
            linear = isinstance(arg, Linear)
            stop = start + (arg.type if linear else typeof(arg)).shape[self.dimension]
            made.append(
                slice_in_dim(ct, start, stop, axis=self.dimension) if linear else None
            )
            start = stop
        return made

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = batch_size(args, axes)
        moved = [batched_first(x, a, size) for x, a in zip(args, axes, strict=True)]
        return concatenate(moved, self.dimension + 1), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if builder.platform == "cpu" and builder.in_types[0].dtype in _narrow.TWO_BITS:
            return _narrow.lower_in_bytes(builder, self, args)[0]
        return builder.emit("concatenate", args, dimension=mlir.integer(self.dimension))


def split(operand: Any, sizes: Sequence[int], axis: int = 0) -> list[Any]:
    """Cut an array into consecutive pieces.

    Args:
        operand: any shape and dtype.
        sizes: sizes of the pieces along `axis`; they add up to the size of that axis.
        axis: the axis to cut.

    Returns:
        A list of arrays, one for each of `sizes`.

    Example:
        >>> from dolmen.core import lax
        >>> [x.shape for x in lax.split(lax.full((5, 2), 0.0), (2, 3))]
        [(2, 2), (3, 2)]
    """
    axis = as_axis("split", axis, typeof(operand).ndim, "axis")
    return list(bind(Split(as_integers("split", "sizes", sizes), axis), operand))


class Split(Primitive):
    """Consecutive pieces of the given `sizes` along `axis`."""

    multiple_results = True

    sizes: tuple[int, ...]
    axis: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        a = self.axis
        if any(n < 0 for n in self.sizes) or sum(self.sizes) != x.shape[a]:
            raise value_error(
                f"split: `sizes` must be non-negative and add up to {x.shape[a]}, the "
                f"size of axis {a} of {x!r}, got {self.sizes}."
            )
        return [x.with_shape((*x.shape[:a], n, *x.shape[a + 1 :])) for n in self.sizes]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        return bind(self, *primals), bind(self, *tangents)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (x,) = args
        a, shape = self.axis, x.type.shape
        pieces = [
            _creation.full((*shape[:a], n, *shape[a + 1 :]), 0, x.type.dtype)
            if ct is None
            else ct
            for ct, n in zip(cotangents, self.sizes, strict=True)
        ]
        return [concatenate(pieces, a)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (x,), (axis,) = args, axes
        assert axis is not None
        outs = split(x, self.sizes, self.axis + (axis <= self.axis))
        return outs, [axis] * len(outs)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        made, start = [], 0
        for size, type in zip(self.sizes, list(builder.out_types), strict=True):
            begin, end = [0] * type.ndim, list(type.shape)
            begin[self.axis], end[self.axis] = start, start + size
            made.append(
                builder.emit(
                    "slice",
                    args,
                    (type,),
                    start_indices=mlir.int_array(begin),
                    limit_indices=mlir.int_array(end),
                    strides=mlir.int_array([1] * type.ndim),
                )
            )
            start += size
        return made


def stack(operands: Sequence[Any], axis: int = 0) -> Any:
    """Join arrays of equal shape and dtype along a new axis.

    Args:
        operands: at least one array.
        axis: where the new axis stands in the result; negative ones count from its end.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.stack([jnp.array([1, 2]), jnp.array([3, 4])])
        Array([[1, 2],
               [3, 4]], dtype=int32)
    """
    operands = list(operands)
    if not operands:
        raise value_error("stack: expected at least one operand, got none.")
    at = as_axis("stack", axis, typeof(operands[0]).ndim + 1, "axis")
    return concatenate([expand_dims(x, (at,)) for x in operands], at)


def unstack(x: Any, axis: int = 0) -> tuple[Any, ...]:
    """The elements of an array along one axis, which they lack.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.unstack(jnp.array([[1, 2], [3, 4]]))
        (Array([1, 2], dtype=int32), Array([3, 4], dtype=int32))
    """
    shape = typeof(x).shape
    at = as_axis("unstack", axis, len(shape), "axis")
    return tuple([squeeze(piece, (at,)) for piece in split(x, (1,) * shape[at], at)])

"""Sorting, and the largest elements."""

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, array_type, dtypes, value_error
from .._lowering import mlir
from .._tracing import bind, record, typeof
from . import _creation, _narrow, _shape
from ._conversion import real_dtype
from ._cumulative import gather_along
from ._elementwise import check_kind

_INDEX = np.dtype(np.int32)
_WIDE = np.dtype(np.int64)

# Integers of the width of each floating-point dtype.
_ORDERED_AS = {
    np.dtype(np.float16): np.dtype(np.int16),
    dtypes.bfloat16: np.dtype(np.int16),
    np.dtype(np.float32): np.dtype(np.int32),
    np.dtype(np.float64): np.dtype(np.int64),
}


def sort(
    operand: Any, dimension: int = -1, is_stable: bool = True, num_keys: int = 1
) -> Any:
    """Sorts along an axis, in ascending order.

    Args:
        operand: an array of any dtype, or a sequence of arrays of equal shape that are
            sorted together.
        dimension: the axis.
        is_stable: keep the order of equal elements.
        num_keys: how many leading operands decide the order, the first one first.

    Returns:
        The sorted array, or a tuple of arrays. NaN comes last, -0 equals 0 (alone,
        without other operands, it comes first), and complex
        numbers are ordered by real, then imaginary part. Derivatives follow the
        elements.

    Raises:
        ValueError: shapes differ, or `num_keys` is not between 1 and the number of
            operands.

    Example:
        >>> from dolmen.core import lax
        >>> keys, values = lax.sort((lax.full((2,), 1), lax.iota("int32", 2)))
        >>> values
        Array([0, 1], dtype=int32)
    """
    is_sequence = isinstance(operand, Sequence)
    operands = tuple(operand) if is_sequence else (operand,)
    if not operands:
        raise value_error("sort: expected at least one operand, got none.")
    types = [typeof(x) for x in operands]
    if any(type.shape != types[0].shape for type in types):
        listed = ", ".join(map(repr, types))
        raise value_error(f"sort: operands must have equal shapes, got {listed}.")
    if not 1 <= num_keys <= len(operands):
        raise value_error(
            f"sort: `num_keys` must be between 1 and the number of operands "
            f"({len(operands)}), got {num_keys}."
        )
    axis = _shape.as_axis("sort", dimension, types[0].ndim)
    results = bind(Sort(axis, bool(is_stable), operator.index(num_keys)), *operands)
    return tuple(results) if is_sequence else results[0]


def sort_key_val(
    keys: Any, values: Any, dimension: int = -1, is_stable: bool = True
) -> Any:
    """Sorts `keys` along an axis and `values` in the same way.

    Args:
        keys: any dtype.
        values: the shape of `keys`.
        dimension: the axis.
        is_stable: keep the order of values with equal keys.

    Returns:
        The sorted keys, and the values belonging to them.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.sort_key_val(jnp.array([3, 1, 2]), jnp.array([30, 10, 20]))
        (Array([1, 2, 3], dtype=int32), Array([10, 20, 30], dtype=int32))
    """
    return sort((keys, values), dimension, is_stable, 1)


class Sort(Primitive):
    """Joint sort of arrays along an axis."""

    multiple_results = True

    dimension: int
    is_stable: bool
    num_keys: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        """Like the operands."""
        return list(arg_types)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Tangents are permuted as their primals are."""
        shape = typeof(primals[0]).shape
        places = _creation.broadcasted_iota(_INDEX, shape, self.dimension)
        *outs, order = bind(self, *primals, places)
        return outs, [
            None if t is None else gather_along(t, order, self.dimension)
            for t in tangents
        ]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The sorted axis makes way for the batch axis."""
        size = _shape.batch_size(args, axes)
        operands = [
            _shape.batched_first(x, axis, size)
            for x, axis in zip(args, axes, strict=True)
        ]
        primitive = Sort(self.dimension + 1, self.is_stable, self.num_keys)
        return bind(primitive, *operands), [0] * len(args)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`stablehlo.sort`, of integers wherever they compare as the keys do.

        XLA sorts a single operand of integers several times faster than anything under
        a comparison that knows NaN.
        """
        if _narrow.has_narrow(builder):
            return _narrow.lower_in_bytes(builder, self, args)
        key = builder.in_types[0]
        if len(args) == 1 and key.dtype in _ORDERED_AS:
            return [self._lower_as_integers(builder, args[0])]
        if len(args) > 1 and builder.platform == "cpu" and self._fits(key):
            return self._lower_with_places(builder, args)
        scalars = [array_type((), type.dtype) for type in builder.in_types]
        pairs = [scalar for scalar in scalars for _ in range(2)]

        def precedes(*elements: Any) -> Sequence[Any]:
            keys = []
            for index in range(self.num_keys):
                x, y = elements[2 * index : 2 * index + 2]
                keys += _key_parts(builder, x, y, scalars[index])
            return [_lexicographic(builder, keys)]

        results = builder.emit(
            "sort",
            args,
            regions=[(pairs, precedes)],
            dimension=mlir.integer(self.dimension),
            is_stable=mlir.boolean(self.is_stable),
        )
        return results if len(args) > 1 else [results]

    def _lower_as_integers(self, builder: Any, x: Any) -> Any:
        """Nobody can tell equal elements apart, except -0, which comes first."""
        (type,) = builder.out_types
        keys = _ordered(builder, _nan_alike(builder, x, type), type)
        integers = array_type(type.shape, _ORDERED_AS[type.dtype])
        keys = self._sorted(builder, keys, integers)
        keys = _with_signs_mended(builder, keys, integers)
        return builder.emit("bitcast_convert", (keys,), (type,))

    def _fits(self, key: ArrayType) -> bool:
        """Whether one key, and a place along the axis, are 32 bits each at most."""
        ordered = key.dtype in _ORDERED_AS or dtypes.kind(key.dtype) in "biu"
        short = 0 not in key.shape and key.shape[self.dimension] < 2**31
        return self.num_keys == 1 and ordered and key.dtype.itemsize <= 4 and short

    def _lower_with_places(self, builder: Any, args: Sequence[Any]) -> Any:
        """Sort keys with their places as low digits, then take what was there.

        The places make the sort stable. For 10**6 float32 numbers this takes a seventh
        of the time of a sort of pairs.
        """
        key = builder.in_types[0]
        wide, narrow = (array_type(key.shape, d) for d in (_WIDE, _INDEX))
        x = args[0]
        if key.dtype in _ORDERED_AS:
            x = _ordered(builder, _canonical(builder, x, key), key)
        digits = builder.emit("convert", (x,), (wide,))
        if dtypes.kind(key.dtype) == "u":
            half = builder.constant(2**31, wide)
            digits = builder.emit("subtract", (digits, half), (wide,))
        digits = builder.emit(
            "shift_left", (digits, builder.constant(32, wide)), (wide,)
        )
        places = builder.emit(
            "iota", (), (wide,), iota_dimension=mlir.integer(self.dimension)
        )
        packed = builder.emit("or", (digits, places), (wide,))
        packed = self._sorted(builder, packed, wide)
        order = builder.emit("convert", (packed,), (narrow,))
        program, _ = record(
            lambda order, *xs: [gather_along(x, order, self.dimension) for x in xs],
            (narrow, *builder.in_types),
        )
        return builder.inline(program, [order, *args])

    def _sorted(self, builder: Any, integers: Any, type: ArrayType) -> Any:
        """A single operand of signed integers, sorted."""
        scalar = array_type((), type.dtype)
        return builder.emit(
            "sort",
            (integers,),
            (type,),
            regions=[
                (
                    (scalar, scalar),
                    lambda a, b: [builder.compare("LT", a, b, scalar, "SIGNED")],
                )
            ],
            dimension=mlir.integer(self.dimension),
            is_stable=mlir.boolean(False),
        )


def _ordered(builder: Any, x: Any, type: ArrayType) -> Any:
    """Integers of the same width that compare as the numbers `x` do."""
    integers = array_type(type.shape, _ORDERED_AS[type.dtype])
    bits = builder.emit("bitcast_convert", (x,), (integers,))
    return _with_signs_mended(builder, bits, integers)


def _with_signs_mended(builder: Any, bits: Any, type: ArrayType) -> Any:
    """Bits of negative numbers in ascending order; its own inverse."""
    zero = builder.constant(0, type)
    mask = builder.constant(np.iinfo(type.dtype).max, type)
    is_negative = builder.compare("LT", bits, zero, type, "SIGNED")
    flipped = builder.emit("xor", (bits, mask), (type,))
    return builder.emit("select", (is_negative, flipped, bits), (type,))


def _key_parts(
    builder: Any, x: Any, y: Any, type: ArrayType
) -> list[tuple[Any, Any, ArrayType]]:
    """Pairs of scalars to compare one after the other, all NaN and zeros made alike."""
    kind = dtypes.kind(type.dtype)
    if kind == "c":
        part = array_type((), real_dtype(type.dtype))
        return [
            (
                _canonical(builder, builder.emit(operation, (x,), (part,)), part),
                _canonical(builder, builder.emit(operation, (y,), (part,)), part),
                part,
            )
            for operation in ("real", "imag")
        ]
    if kind == "f":
        return [(_canonical(builder, x, type), _canonical(builder, y, type), type)]
    return [(x, y, type)]


def _canonical(builder: Any, x: Any, type: ArrayType) -> Any:
    """Numbers with all zeros and all NaN made alike."""
    zero = builder.constant(0, type)
    is_zero = builder.compare("EQ", x, zero, type, "FLOAT")
    x = builder.emit("select", (is_zero, zero, x), (type,))
    return _nan_alike(builder, x, type)


def _nan_alike(builder: Any, x: Any, type: ArrayType) -> Any:
    is_nan = builder.compare("NE", x, x, type, "FLOAT")
    nan = builder.constant(np.nan, type)
    return builder.emit("select", (is_nan, nan, x), (type,))


def _lexicographic(builder: Any, keys: Sequence[tuple[Any, Any, ArrayType]]) -> Any:
    """Whether the first of two sequences of scalars comes before the second."""
    flag = (array_type((), np.dtype(bool)),)
    result = None
    for x, y, type in reversed(keys):
        kind = dtypes.kind(type.dtype)
        order = {"f": "TOTALORDER", "i": "SIGNED"}.get(kind, "UNSIGNED")
        less = builder.compare("LT", x, y, type, order)
        if result is not None:
            ties = builder.compare("EQ", x, y, type, order)
            rest = builder.emit("and", (ties, result), flag)
            less = builder.emit("or", (less, rest), flag)
        result = less
    return result


def top_k(operand: Any, k: int, *, axis: int = -1) -> Any:
    """The `k` largest elements along an axis and where they are.

    Args:
        operand: integers or floating point, with at least one axis.
        k: how many, at most the size of the axis.
        axis: the axis to search.

    Returns:
        The elements in descending order (NaN first) and their int32 indices; of equal
        elements those with lower indices come first. Derivatives follow the elements.

    Raises:
        ValueError: `k` is negative or larger than the axis.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import lax
        >>> values, indices = lax.top_k(np.float32([3.0, 1.0, 2.0]), 2)
        >>> indices
        Array([0, 2], dtype=int32)
    """
    type = typeof(operand)
    axis = _shape.as_axis("top_k", axis, type.ndim, "axis")
    k = operator.index(k)
    if not 0 <= k <= type.shape[axis]:
        raise value_error(
            f"top_k: `k` must be between 0 and the size of the axis, got k={k} for "
            f"axis {axis} of {type!r}."
        )
    last = type.ndim - 1
    values, indices = bind(TopK(k), _shape.move_axis(operand, axis, last))
    return _shape.move_axis(values, last, axis), _shape.move_axis(indices, last, axis)


class TopK(Primitive):
    """The largest elements along the last axis."""

    multiple_results = True

    k: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        """Elements and indices."""
        (x,) = arg_types
        check_kind(self.name, x, "biuf")
        shape = (*x.shape[:-1], self.k)
        return [x.with_shape(shape), array_type(shape, _INDEX)]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The tangents of the chosen elements."""
        (x,), (dx,) = primals, tangents
        values, indices = bind(self, x)
        tangent = gather_along(dx, indices, typeof(x).ndim - 1)
        return [values, indices], [tangent, None]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The batch axis must not be the last one."""
        (x,), (axis,) = args, axes
        return bind(self, _shape.move_axis(x, axis, 0)), [0, 0]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """`chlo.top_k`."""
        if _narrow.has_narrow(builder):
            return _narrow.lower_in_bytes(builder, self, args)
        return builder.emit("chlo.top_k", args, k=mlir.integer(self.k))

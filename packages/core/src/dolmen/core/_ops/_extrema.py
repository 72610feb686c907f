"""Where the largest or the smallest element is along an axis."""

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, record, typeof
from . import (
    _arithmetic,
    _barrier,
    _conversion,
    _creation,
    _cumulative,
    _narrow,
    _reductions,
    _shape,
)
from ._elementwise import check_kind, constant_like
from ._limits import highest, lowest

_BOOL = np.dtype(bool)

# Fewer elements, or fewer blocks, are not worth a second pass.
_WORTH_BLOCKS = 4096
_FEWEST_BLOCKS = 8


def argmax(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Where the largest element is along an axis: the first of equal ones.

    Args:
        operand: any dtype but complex; NaN counts as larger than every number.
        axis: which axis to reduce; it must not be empty.
        index_dtype: an integer dtype.

    Returns:
        Indices in `index_dtype`, an array without the axis.

    Raises:
        ValueError: the axis is empty.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.argmax(jnp.array([[1, 5], [3, 2]]), 1, "int32")
        Array([1, 0], dtype=int32)
    """
    return _arg(Argmax, operand, axis, index_dtype)


def argmin(operand: Any, axis: int, index_dtype: Any) -> Any:
    """Where the smallest element is along an axis: the first of equal ones.

    Args:
        operand: any dtype but complex; NaN counts as smaller than every number.
        axis: which axis to reduce; it must not be empty.
        index_dtype: an integer dtype.

    Returns:
        Indices in `index_dtype`, an array without the axis.

    Raises:
        ValueError: the axis is empty.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.argmin(jnp.array([[1, 5], [3, 2]]), 1, "int32")
        Array([0, 1], dtype=int32)
    """
    return _arg(Argmin, operand, axis, index_dtype)


def _arg(cls: Any, operand: Any, axis: int, index_dtype: Any) -> Any:
    function = cls.__name__.lower()
    type = typeof(operand)
    axis = _shape.as_axis(function, axis, type.ndim, "axis")
    dtype = dtypes.as_dtype(index_dtype, function=function)
    if dtypes.kind(dtype) not in "iu":
        raise type_error(
            f"{function}: `index_dtype` must be an integer dtype, got {dtype}."
        )
    if not type.shape[axis]:
        raise value_error(
            f"{function}: the axis must not be empty, got axis {axis} of {type!r}."
        )
    return bind(cls(axis, dtype), operand)


class ArgExtremum(Primitive):
    """Index of the extremum along an axis."""

    direction: ClassVar[str]
    extremum: ClassVar[type[_reductions.Reduction]]

    axis: int
    index_dtype: np.dtype

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        """Indices, without the axis."""
        (x,) = arg_types
        check_kind(self.name, x, "biuf")
        shape = x.shape[: self.axis] + x.shape[self.axis + 1 :]
        return array_type(shape, self.index_dtype)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """One comparison for each element but the first."""
        (x,) = arg_types
        return max(x.size - self.infer_type(arg_types).size, 0)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Indices have no tangents."""
        return bind(self, *primals), None

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """The reduced axis makes way for the batch axis."""
        (x,), (axis,) = args, axes
        assert axis is not None
        moved = self.axis + (self.axis >= axis)
        return bind(type(self)(moved, self.index_dtype), x), axis - (moved < axis)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A reduction of pairs of element and index, of long axes in two passes.

        XLA's CPU compiler makes vector code of a plain maximum, not of a reduction of
        pairs. So it looks for the best block by the blocks' extrema, then inside it:
        25 times faster for 10**7 elements.
        """
        if _narrow.has_narrow(builder):
            return _narrow.lower_in_bytes(builder, self, args)[0]
        (x,) = args
        (type,) = builder.in_types
        count = _block_count(type.shape[self.axis])
        if builder.platform == "cpu" and type.size >= _WORTH_BLOCKS and count:
            program, _ = record(lambda x: [self._by_blocks(x, count)], (type,))
            return builder.inline(program, args)[0]
        value = array_type((), type.dtype)
        index = array_type((), self.index_dtype)
        counts = builder.emit(
            "iota",
            (),
            (array_type(type.shape, self.index_dtype),),
            iota_dimension=mlir.integer(self.axis),
        )
        identity = lowest if self.direction == "GT" else highest
        _, indices = builder.emit(
            "reduce",
            (
                x,
                counts,
                builder.constant(identity(type.dtype), value),
                builder.constant(0, index),
            ),
            (array_type(builder.out_types[0].shape, type.dtype), *builder.out_types),
            regions=[
                (
                    (value, index, value, index),
                    lambda *pairs: self._better(builder, pairs, value, index),
                )
            ],
            dimensions=mlir.int_array((self.axis,)),
        )
        return indices

    def _by_blocks(self, x: Any, count: int) -> Any:
        """The index of the extremum by way of the block it is in."""
        shape, axis = typeof(x).shape, self.axis
        before, n, behind = shape[:axis], shape[axis], shape[axis + 1 :]
        width = n // count
        wide = np.dtype(np.int32 if n < 2**31 else np.int64)
        find = type(self)(axis, wide)
        blocks = _shape.reshape(x, (*before, count, width, *behind))
        best = _barrier.optimization_barrier(bind(self.extremum((axis + 1,)), blocks))
        # The first element of the block that has the extremum.
        start = bind(find, best)
        start = _arithmetic.mul(start, constant_like(start, width))
        places = _creation.broadcasted_iota(wide, (*before, width, *behind), axis)
        kept = _reductions.kept_axes(len(shape), (axis,))
        spread = _shape.broadcast_in_dim(start, typeof(places).shape, kept)
        block = _cumulative.gather_along(x, _arithmetic.add(spread, places), axis)
        place = bind(find, _barrier.optimization_barrier(block))
        found = _arithmetic.add(start, place)
        return _conversion.convert_element_type(found, self.index_dtype)

    def _better(
        self, builder: Any, pairs: Sequence[Any], value: ArrayType, index: ArrayType
    ) -> Sequence[Any]:
        """NaN beats numbers; of equals, the lower index wins."""
        x, i, y, j = pairs
        flag = (array_type((), _BOOL),)
        kind = dtypes.kind(value.dtype)
        wins = builder.compare(self.direction, x, y, value)
        ties = builder.compare("EQ", x, y, value)
        if kind == "f":
            x_is_nan = builder.compare("NE", x, x, value)
            y_is_nan = builder.compare("NE", y, y, value)
            y_is_number = builder.emit("not", (y_is_nan,), flag)
            alone = builder.emit("and", (x_is_nan, y_is_number), flag)
            both = builder.emit("and", (x_is_nan, y_is_nan), flag)
            wins = builder.emit("or", (wins, alone), flag)
            ties = builder.emit("or", (ties, both), flag)
        earlier = builder.compare("LT", i, j, index)
        ties = builder.emit("and", (ties, earlier), flag)
        first = builder.emit("or", (wins, ties), flag)
        return [
            builder.emit("select", (first, x, y), (value,)),
            builder.emit("select", (first, i, j), (index,)),
        ]


class Argmax(ArgExtremum):
    """Index of the maximum."""

    direction = "GT"
    extremum = _reductions.ReduceMax


class Argmin(ArgExtremum):
    """Index of the minimum."""

    direction = "LT"
    extremum = _reductions.ReduceMin


def _block_count(n: int) -> int:
    """The greatest divisor of `n` up to its square root; 0 if that is too small."""
    candidates = range(math.isqrt(n), _FEWEST_BLOCKS - 1, -1)
    return next((count for count in candidates if n % count == 0), 0)

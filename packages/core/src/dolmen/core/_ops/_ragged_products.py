"""The two products of grouped rows: with a matrix for each group, and with rows.

Axes: b batch, x batch of the rows alone, r rows, g groups. Each is the other's
transpose: with a matrix Y of k by n for a group, its rows give `lhs Y`; the cotangents
are `ct Y^T`, a product of the same kind, and `lhs^T ct` over the rows of the group.
"""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from .._ir import ArrayType, Linear, Primitive, array_type, dtypes
from .._tracing import bind, record_closed, typeof
from . import _shape
from ._arithmetic import add, div, max as maximum, min as minimum, rem
from ._bitwise import bitwise_and
from ._comparison import ge, lt
from ._conversion import convert_element_type
from ._creation import broadcasted_iota, full
from ._cumulative import cumsum
from ._dot import DotGeneral, Exactness, cotangent_product
from ._selection import select
from ._slicing import dynamic_index_in_dim, dynamic_slice, dynamic_update_slice

Axes = tuple[int, ...]

_INT32, _FLOAT32 = np.dtype("int32"), np.dtype("float32")


class RaggedProduct(Primitive):
    """The base of both: bilinear, computed tile by tile."""

    precision: Exactness = None
    preferred_element_type: np.dtype | None = None

    numbers: ClassVar[Any]  # of the product of one tile

    def result(self, arg_types: Sequence[ArrayType]) -> Axes:
        """The shape of the result."""
        raise self._missing("result")

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        x, y, _ = arg_types
        preferred = self.preferred_element_type
        weak = preferred is None and x.weak_type and y.weak_type
        dtype = x.dtype if preferred is None else preferred
        return array_type(self.result(arg_types), dtype, weak)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        """Every row is in one group."""
        x, y, _ = arg_types
        return 2 * x.size * y.shape[-1]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        (x, y, sizes), (dx, dy, _) = primals, tangents
        parts = [] if dx is None else [bind(self, dx, y, sizes)]
        parts += [] if dy is None else [bind(self, x, dy, sizes)]
        return bind(self, *primals), parts[0] if len(parts) == 1 else add(*parts)

    def _reversed(
        self, cls: Any, ct: Any, value: Any, sizes: Any, dtype: np.dtype
    ) -> Any:
        """A product of a cotangent with the other argument, as `dtype`.

        Of rows with matrices or of rows with rows, whichever `ct` is.
        """
        swap = cls is RaggedDot and isinstance(self, RaggedContraction)

        def product(ct: Any, value: Any) -> Any:
            pair = (value, ct) if swap else (ct, value)
            return bind(cls(self.precision, None), *pair, sizes)

        return cotangent_product(product, ct, value, dtype)

    def _batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        size = _shape.batch_size(args, axes)
        merged = [
            _merged(_shape.batched_first(arg, axis, size), 0)
            for arg, axis in zip(args, axes, strict=True)
        ]
        return _divided_axis(bind(self, *merged), 0, size), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        """A loop over the tiles of all groups.

        A product masked for each group, as one operation, would cost as many times as
        much as there are groups. A tile starts where its group does, or where the
        group's last tile ends, and is multiplied with what belongs to the group.
        """
        (out,) = builder.out_types
        x, y, sizes = builder.in_types
        if not (out.size and x.size and sizes.size):
            return builder.constant(0, out)
        # Products of narrow floats are summed over tiles as they are within one.
        narrow = dtypes.kind(out.dtype) == "f" and out.dtype.itemsize < 4
        acc = array_type(out.shape, _FLOAT32 if narrow else out.dtype)
        index = array_type((), _INT32)
        state = (index, index, acc)
        bounds = record_closed(lambda s: [_bounds(s, x.shape[2])], (sizes,))
        (ends,) = builder.inline(bounds, args[2:])
        step = record_closed(lambda *given: self._step(*given), (*state, x, y, sizes))
        count = builder.scalar(sizes.size, _INT32)
        zero = builder.scalar(0, _INT32)
        _, _, made = builder.emit(
            "while",
            (zero, zero, builder.constant(0, acc)),
            state,
            regions=[
                (
                    state,
                    lambda j, *_: [builder.compare("LT", j, count, index, "SIGNED")],
                ),
                (
                    state,
                    lambda *carry: builder.inline(step, (*carry, *args[:2], ends)),
                ),
            ],
        )
        return made if acc.dtype == out.dtype else builder.convert(made, out)

    def _step(self, j: Any, start: Any, made: Any, x: Any, y: Any, ends: Any) -> Any:
        """One tile: rows from `start` of group `j`, counted over all batches.

        Args:
            ends: where each group ends, and the next one begins.
        """
        _, outer, rows, _ = typeof(x).shape
        *_, groups = typeof(ends).shape
        size = _tile(rows, groups)
        flat = _shape.reshape(ends, (typeof(ends).size,))
        end = dynamic_index_in_dim(flat, j, 0, keepdims=False)
        # A tile that would reach beyond the last row begins earlier.
        at = minimum(start, _INT32.type(rows - size))
        row = add(broadcasted_iota(_INT32, (size, 1), 0), _column(at, size))
        after, before = ge(row, _column(start, size)), lt(row, _column(end, size))
        belongs = bitwise_and(after, before)
        place, group = _divided(j, groups)
        batch, column = _divided(place, outer)
        made = self._with_tile(made, x, y, belongs, (batch, column, at), (batch, group))

        following = add(start, _INT32.type(size))
        done = ge(following, end)
        # The first group of the next batch begins at its first row.
        last = ge(group, _INT32.type(groups - 1))
        begin = select(last, _INT32.type(0), maximum(end, _INT32.type(0)))
        return [
            add(j, convert_element_type(done, _INT32)),
            select(done, begin, following),
            made,
        ]

    def _with_tile(
        self, made: Any, x: Any, y: Any, belongs: Any, rows: Any, group: Any
    ) -> Any:
        """The result with the product of one tile.

        Args:
            belongs: which rows of the tile belong to the group, ``[size, 1]``.
            rows: the indices of the tile's first row.
            group: those of the group's matrix.
        """
        raise self._missing("_with_tile")

    def _product(self, a: Any, b: Any, like: Any) -> Any:
        dtype = typeof(like).dtype
        sums = None if dtype == typeof(a).dtype else dtype
        return bind(DotGeneral(self.numbers, self.precision, sums), a, b)


class RaggedDot(RaggedProduct):
    """Rows times the matrix of their group: [b,x,r,k], [b,g,k,n] to [b,x,r,n]."""

    numbers = (((1,), (0,)), ((), ()))

    def result(self, arg_types: Sequence[ArrayType]) -> Axes:
        """Rows and columns."""
        x, y, _ = arg_types
        return (*x.shape[:-1], y.shape[-1])

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """As the module says."""
        (ct,), (x, y, sizes) = cotangents, args
        if isinstance(x, Linear):
            made = self._reversed(RaggedDot, ct, _swapped(y), sizes, x.type.dtype)
            return [made, None, None]
        made = self._reversed(RaggedContraction, ct, x, sizes, y.type.dtype)
        return [None, _swapped(made), None]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One more axis of rows if matrices are shared, else one more batch axis."""
        (x, y, sizes), (x_axis, y_axis, sizes_axis) = args, axes
        if y_axis is not None:
            return self._batch(args, axes)
        size = _shape.batch_size(args, axes)
        x = _merged(_shape.batched_first(x, x_axis, size), 1)
        sizes = _merged(_shape.batched_first(sizes, sizes_axis, size), 1)
        return _divided_axis(bind(self, x, y, sizes), 1, size), 1

    def _with_tile(
        self, made: Any, x: Any, y: Any, belongs: Any, rows: Any, group: Any
    ) -> Any:
        size = typeof(belongs).shape[0]
        product = self._product(_matrix(x, rows, size), _matrix(y, group), made)
        old = _matrix(made, rows, size)
        mask = _shape.broadcast_in_dim(belongs, typeof(old).shape, (0, 1))
        return _updated(made, select(mask, product, old), rows)


class RaggedContraction(RaggedProduct):
    """Products over the rows of each group: [b,x,r,k], [b,x,r,n] to [b,g,k,n]."""

    numbers = (((0,), (0,)), ((), ()))

    def result(self, arg_types: Sequence[ArrayType]) -> Axes:
        """A matrix for each group."""
        x, y, sizes = arg_types
        return x.shape[0], sizes.shape[-1], x.shape[-1], y.shape[-1]

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        """As the module says."""
        (ct,), (x, y, sizes) = cotangents, args
        if isinstance(x, Linear):
            ct = _swapped(ct)
            return [self._reversed(RaggedDot, ct, y, sizes, x.type.dtype), None, None]
        return [None, self._reversed(RaggedDot, ct, x, sizes, y.type.dtype), None]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One more batch axis."""
        return self._batch(args, axes)

    def _with_tile(
        self, made: Any, x: Any, y: Any, belongs: Any, rows: Any, group: Any
    ) -> Any:
        size = typeof(belongs).shape[0]
        # Both are masked: what is beyond the groups may be infinite.
        a, b = (_masked(_matrix(arg, rows, size), belongs) for arg in (x, y))
        product = self._product(a, b, made)
        return _updated(made, add(_matrix(made, group), product), group)


def _column(scalar: Any, size: int) -> Any:
    return _shape.broadcast(scalar, (size, 1))


def _divided(x: Any, y: int) -> tuple[Any, Any]:
    """Quotient and remainder of a number that isn't negative."""
    return div(x, _INT32.type(y)), rem(x, _INT32.type(y))


def _swapped(matrices: Any) -> Any:
    return _shape.transpose(matrices, (0, 1, 3, 2))


def _merged(x: Any, axis: int) -> Any:
    """`x` with its first axis made the outer part of axis `axis` of the others."""
    moved = _shape.move_axis(x, 0, axis)
    shape = typeof(moved).shape
    size = shape[axis] * shape[axis + 1]
    return _shape.reshape(moved, (*shape[:axis], size, *shape[axis + 2 :]))


def _divided_axis(x: Any, axis: int, size: int) -> Any:
    """`x` with an axis of `size` made of the outer part of axis `axis`."""
    shape = typeof(x).shape
    parts = size, shape[axis] // size
    return _shape.reshape(x, (*shape[:axis], *parts, *shape[axis + 1 :]))


def _matrix(x: Any, start: Sequence[Any], rows: int | None = None) -> Any:
    """The matrix at an index, or `rows` rows of it."""
    *_, m, n = typeof(x).shape
    starts = [*start, *[_INT32.type(0)] * (typeof(x).ndim - len(start))]
    size = m if rows is None else rows
    return _shape.reshape(dynamic_slice(x, starts, (1, 1, size, n)), (size, n))


def _updated(x: Any, matrix: Any, start: Sequence[Any]) -> Any:
    starts = [*start, *[_INT32.type(0)] * (typeof(x).ndim - len(start))]
    return dynamic_update_slice(x, _shape.broadcast(matrix, (1, 1)), starts)


def _masked(x: Any, belongs: Any) -> Any:
    shape = typeof(x).shape
    zeros = full(shape, 0, typeof(x).dtype)
    return select(_shape.broadcast_in_dim(belongs, shape, (0, 1)), x, zeros)


def _bounds(sizes: Any, rows: int) -> Any:
    """Where groups of given sizes end, at most at the last row."""
    ends = cumsum(sizes, 2)
    return minimum(ends, full(typeof(ends).shape, rows, _INT32))


def _tile(rows: int, groups: int) -> int:
    """How many rows to multiply at once: about a group, within reason."""
    typical = 1 << (max(rows // groups, 1) - 1).bit_length()
    return min(rows, max(typical, 16), 512)

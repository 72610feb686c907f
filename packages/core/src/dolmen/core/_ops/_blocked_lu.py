"""LU factors with partial pivoting, block by block, where there is no LAPACK."""

from typing import Any

from .._tracing import typeof
from . import (
    _arithmetic,
    _comparison,
    _creation,
    _extrema,
    _reductions,
    _shape,
    _slicing,
)
from ._cholesky import triangular_solve
from ._conversion import imag
from ._elementwise import constant_like
from ._loop import repeat
from ._matrices import (
    INT32,
    along_columns,
    along_rows,
    first_columns,
    first_rows,
    fitted,
    matmul,
    one_for_zero,
    real_part,
    take_rows,
)
from ._selection import choose

# Columns between two products of matrices.
_WIDTH = 32


def blocked_lu(x: Any) -> list[Any]:
    """Both factors in one matrix, the pivots, the permutation, as `lu` gives them.

    Blocks of columns are factored one after the other; each then changes the columns
    after it by a product of matrices. Arrays in a loop have one size: what is done
    already is masked, and zeros fill the last block. They have no effect, since of
    equal elements the first one is the pivot.

    Source: the right-looking variant of Golub & Van Loan (2013), "Matrix Computations",
    4th edition, section 3.4.7.
    """
    *batch, m, n = typeof(x).shape
    k, axis = min(m, n), len(batch)
    width = min(_WIDTH, k)
    blocks = -(-k // width)
    x = fitted(x, max(m, blocks * width), max(n, blocks * width))
    rows = (*typeof(x).shape[:-1], 1)
    order = _creation.broadcasted_iota(INT32, rows, axis)
    pivots = _creation.full((*batch, blocks * width), 0, INT32)

    def step(block: Any, x: Any, pivots: Any, order: Any) -> list[Any]:
        first = _arithmetic.mul(block, constant_like(block, width))
        columns = _slicing.dynamic_slice_in_dim(x, first, width, axis + 1)
        columns, chosen, moves = _factored(columns, first)
        moves_of_rows = _shape.squeeze(moves, (axis + 1,))
        x = _changed(take_rows(x, moves_of_rows), columns, first)
        pivots = _slicing.dynamic_update_slice_in_dim(pivots, chosen, first, axis)
        return [x, pivots, take_rows(order, moves_of_rows)]

    x, pivots, order = repeat(blocks, step, [x, pivots, order])
    order = _shape.squeeze(first_rows(order, m), (axis + 1,))
    pivots = _slicing.slice_in_dim(pivots, 0, k, axis=axis)
    return [first_columns(first_rows(x, m), n), pivots, order]


def _factored(x: Any, first: Any) -> list[Any]:
    """Factor a block of columns; rows before `first` are done.

    Returns:
        The columns, with rows permuted; the pivots; the permutation.
    """
    *batch, m, width = typeof(x).shape
    axis = len(batch)
    rows = _creation.broadcasted_iota(INT32, (*batch, m), axis)
    places = _creation.broadcasted_iota(INT32, (*batch, width), axis)

    def step(i: Any, x: Any, pivots: Any, order: Any) -> list[Any]:
        at = _arithmetic.add(first, i)
        size = _size(_column(x, i))
        done = _comparison.lt(rows, at)
        size = choose(done, _creation.full_like(size, -1), size)
        pivot = _extrema.argmax(size, axis, INT32)
        chosen = _shape.broadcast_in_dim(pivot, typeof(pivots).shape, range(axis))
        pivots = choose(_comparison.eq(places, i), chosen, pivots)
        x, order = (swapped_rows(y, at, pivot) for y in (x, order))
        return [_eliminated(x, i, at, rows, places), pivots, order]

    order = _shape.expand_dims(rows, (axis + 1,))
    pivots = _creation.zeros_like(places)
    return repeat(width, step, [x, pivots, order])


def _size(x: Any) -> Any:
    """What pivots are chosen by: of complex numbers, as LAPACK, the sum of parts."""
    size = _arithmetic.abs(real_part(x))
    if typeof(x).dtype.kind != "c":
        return size
    return _arithmetic.add(size, _arithmetic.abs(imag(x)))


def _column(x: Any, index: Any) -> Any:
    axis = typeof(x).ndim - 1
    taken = _slicing.dynamic_slice_in_dim(x, index, 1, axis)
    return _shape.squeeze(taken, (axis,))


def swapped_rows(x: Any, here: Any, there: Any) -> Any:
    """Matrices with row `here` and row `there` swapped, one `there` for each."""
    type = typeof(x)
    axis = type.ndim - 2
    index = _creation.broadcasted_iota(INT32, type.shape, axis)
    there = _shape.broadcast_in_dim(there, type.shape, range(axis))
    is_there = _comparison.eq(index, there)
    picked = choose(is_there, x, _creation.zeros_like(x))
    picked = along_rows(_reductions.reduce_sum(picked, (axis,)), type.shape[axis])
    kept = _slicing.dynamic_slice_in_dim(x, here, 1, axis)
    kept = _shape.broadcast_in_dim(kept, type.shape, range(type.ndim))
    return choose(_comparison.eq(index, here), picked, choose(is_there, kept, x))


def _eliminated(x: Any, i: Any, at: Any, rows: Any, places: Any) -> Any:
    """A block after the elimination of its column `i`, whose pivot is in row `at`."""
    axis = typeof(rows).ndim - 1
    m, width = typeof(x).shape[-2:]
    column = _column(x, i)
    row = _slicing.dynamic_slice_in_dim(x, at, 1, axis)
    row = _shape.squeeze(row, (axis,))
    pivot = _slicing.dynamic_slice_in_dim(column, at, 1, axis)
    pivot = one_for_zero(pivot)  # a column without a pivot is zero
    pivot = _shape.broadcast_in_dim(pivot, typeof(column).shape, range(axis + 1))
    is_below = _comparison.gt(rows, at)
    column = choose(is_below, _arithmetic.div(column, pivot), column)
    factors = choose(is_below, column, _creation.zeros_like(column))
    row = choose(_comparison.gt(places, i), row, _creation.zeros_like(row))
    products = _arithmetic.mul(along_columns(factors, width), along_rows(row, m))
    x = _arithmetic.sub(x, products)
    column = _shape.expand_dims(column, (axis + 1,))
    return _slicing.dynamic_update_slice_in_dim(x, column, i, axis + 1)


def _changed(x: Any, columns: Any, first: Any) -> Any:
    """The whole matrix after its columns from `first` on have been factored."""
    *batch, m, n = typeof(x).shape
    width, axis = typeof(columns).shape[-1], len(batch)
    end = _arithmetic.add(first, constant_like(first, width))
    corner, beside = (
        _slicing.dynamic_slice_in_dim(y, first, width, axis) for y in (columns, x)
    )
    solved = triangular_solve(
        corner, beside, left_side=True, lower=True, unit_diagonal=True
    )
    index = _creation.broadcasted_iota(INT32, (*batch, width, n), axis + 1)
    is_after = _comparison.ge(index, end)
    beside = choose(is_after, solved, beside)
    x = _slicing.dynamic_update_slice_in_dim(x, beside, first, axis)
    index = _creation.broadcasted_iota(INT32, (*batch, m, width), axis)
    is_below = _comparison.ge(index, end)
    low = choose(is_below, columns, _creation.zeros_like(columns))
    upper = choose(is_after, beside, _creation.zeros_like(beside))
    x = _arithmetic.sub(x, matmul(low, upper))
    return _slicing.dynamic_update_slice_in_dim(x, columns, first, axis + 1)

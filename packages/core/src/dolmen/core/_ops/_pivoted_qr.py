"""QR factors with columns permuted, reflection by reflection, where LAPACK isn't."""

from typing import Any

from .._tracing import typeof
from . import (
    _arithmetic,
    _bitwise,
    _comparison,
    _creation,
    _extrema,
    _reductions,
    _shape,
    _slicing,
)
from ._blocked_lu import swapped_rows
from ._conversion import imag
from ._elementwise import constant_like
from ._loop import repeat
from ._matrices import (
    INT32,
    along_columns,
    along_rows,
    as_dtype_of,
    conjugated,
    over_batch,
    real_part,
    scaled,
    spread,
    transposed,
    triangle,
)
from ._selection import choose
from ._transcendental import sqrt

add, sub, mul, div = (
    _arithmetic.add,
    _arithmetic.sub,
    _arithmetic.mul,
    _arithmetic.div,
)


def pivoted_qr(x: Any) -> list[Any]:
    """Factors of matrices with elements as LAPACK's `geqp3` packs them.

    The norms that choose the next column are computed anew in each step, not updated:
    none of their digits cancel.

    Source: Golub & Van Loan (2013), "Matrix Computations", 4th edition, section 5.4.2.
    """
    *batch, m, n = typeof(x).shape
    x, scale = scaled(x)
    axis, k = len(batch), min(m, n)
    taus = _creation.full((*batch, k), 0, typeof(x).dtype)
    order = _creation.broadcasted_iota(INT32, (*batch, n, 1), axis)

    def step(i: Any, x: Any, taus: Any, order: Any) -> list[Any]:
        pivot = _longest(x, i)
        x, order = (swapped_rows(y, i, pivot) for y in (x, order))
        x, tau = _reflected(x, i)
        return [x, _put(taus, tau, i), order]

    # Its rows are the columns of the matrix.
    x, taus, order = repeat(k, step, [transposed(x), taus, order])
    x = transposed(x)
    factor = as_dtype_of(over_batch(scale, typeof(x).shape), x)
    x = add(triangle(x, -1), mul(triangle(x, lower=False), factor))
    return [x, taus, _shape.squeeze(order, (axis + 1,))]


def _longest(x: Any, i: Any) -> Any:
    """Which row from `i` on is the longest, without its first `i` elements."""
    *batch, n, _ = typeof(x).shape
    axis = len(batch)
    index = _creation.broadcasted_iota(INT32, typeof(x).shape, axis + 1)
    left = choose(_comparison.ge(index, i), x, _creation.zeros_like(x))
    squares = _reductions.reduce_sum(_square(left), (axis + 1,))
    rows = _creation.broadcasted_iota(INT32, (*batch, n), axis)
    done = _comparison.lt(rows, i)
    squares = choose(done, _creation.full_like(squares, -1), squares)
    return _extrema.argmax(squares, axis, INT32)


def _reflected(x: Any, i: Any) -> tuple[Any, Any]:
    """The rows with all but the first element (of those from `i` on) of row `i` zero.

    In place of the zeros stands the vector of the reflection ``I - tau v v^H``. The
    product of the adjoint of reflections with the matrix is `R`.
    """
    *batch, n, m = typeof(x).shape
    axis = len(batch)
    rows = _creation.broadcasted_iota(INT32, typeof(x).shape, axis)
    index = _creation.broadcasted_iota(INT32, (*batch, m), axis)
    row = _shape.squeeze(_slicing.dynamic_slice_in_dim(x, i, 1, axis), (axis,))
    # What is left of a row may be so short that its square is zero.
    done = _comparison.lt(index, i)
    left = choose(done, _creation.zeros_like(row), row)
    left, scale = scaled(_shape.expand_dims(left, (axis,)))
    left = _shape.squeeze(left, (axis,))
    scale = as_dtype_of(_shape.expand_dims(scale, (axis,)), row)
    alpha = _slicing.dynamic_slice_in_dim(left, i, 1, axis)
    is_after = _comparison.gt(index, i)
    rest = choose(is_after, left, _creation.zeros_like(row))
    square = _reductions.reduce_sum(_square(rest), (axis,))
    square = _shape.expand_dims(square, (axis,))
    norm = sqrt(add(square, _square(alpha)))
    is_negative = _comparison.lt(real_part(alpha), constant_like(norm, 0))
    beta = choose(is_negative, norm, _arithmetic.neg(norm))
    nothing = _comparison.eq(square, constant_like(square, 0))
    if typeof(x).dtype.kind == "c":
        is_real = _comparison.eq(imag(alpha), constant_like(square, 0))
        nothing = _bitwise.bitwise_and(nothing, is_real)
    one = _creation.full_like(alpha, 1)
    beta = as_dtype_of(beta, alpha)
    change = sub(beta, alpha)
    tau = div(change, choose(nothing, one, beta))
    tau = choose(nothing, _creation.zeros_like(tau), tau)
    beta = choose(nothing, alpha, beta)
    divisor = _arithmetic.neg(choose(nothing, one, change))
    v = div(rest, spread(divisor, row))
    reflection = choose(_comparison.eq(index, i), spread(one, row), v)
    across = along_rows(reflection, n)
    inner = _reductions.reduce_sum(mul(x, conjugated(across)), (axis + 1,))
    weights = mul(inner, spread(conjugated(tau), inner))
    changed = sub(x, mul(along_columns(weights, m), across))
    beta = mul(beta, scale)
    packed = choose(_comparison.eq(index, i), spread(beta, row), v)
    packed = choose(done, row, packed)
    x = choose(_comparison.gt(rows, i), changed, x)
    x = choose(_comparison.eq(rows, i), along_rows(packed, n), x)
    return x, tau


def _square(x: Any) -> Any:
    return real_part(mul(x, conjugated(x)))


def _put(x: Any, element: Any, i: Any) -> Any:
    return _slicing.dynamic_update_slice_in_dim(x, element, i, typeof(x).ndim - 1)

"""Eigenvalues and singular values by Jacobi rotations, where there is no LAPACK.

Rotations of pairs of rows that meet no other row of another pair are made at once, so
that a sweep over all pairs of `n` rows takes `n - 1` steps.
"""

from typing import Any

import numpy as np

from .._tracing import bind, typeof
from . import (
    _arithmetic,
    _bitwise,
    _comparison,
    _creation,
    _reductions,
    _shape,
    _slicing,
    _sort,
)
from ._elementwise import constant_like
from ._joining import concatenate
from ._loop import loop
from ._matrices import (
    INT32,
    adjoint,
    along_columns,
    along_rows,
    as_dtype_of,
    conjugated,
    diagonal,
    first_columns,
    fitted,
    identity_like,
    matmul,
    nan_unless_finite,
    over_batch,
    real_part,
    scaled,
    take_rows,
    transposed,
    triangle,
)
from ._qr import HouseholderQr
from ._reflections import householder_product
from ._selection import choose
from ._transcendental import sqrt

# Rotations converge quadratically in the end: ten sweeps are many.
_MOST_SWEEPS = 40

add, sub, mul, div = (
    _arithmetic.add,
    _arithmetic.sub,
    _arithmetic.mul,
    _arithmetic.div,
)


# ---- rotations -----------------------------------------------------------------------


def orthogonal_rows(x: Any, length: int) -> Any:
    """Rotate rows ``[..., n, p]`` until their first `length` elements are orthogonal.

    Of rows that are much shorter than the longest ones (by the dtype's epsilon) only
    that is certain that they are short.

    Source: Hestenes (1958), "Inversion of matrices by biorthogonalization and related
    results", J. SIAM 6; the order is that of Brent & Luk (1985), "The solution of
    singular-value and symmetric eigenvalue problems on multiprocessor arrays", SIAM J.
    Sci. Stat. Comput. 6.
    """
    *batch, n, p = typeof(x).shape
    if n < 2:
        return x
    half = (n + 1) // 2
    halves = _split(fitted(x, 2 * half, p), half)
    eps = np.finfo(typeof(x).dtype).eps
    squares = _inner(*[first_columns(x, length)] * 2)
    norm = sqrt(_reductions.reduce_sum(real_part(squares), (len(batch),)))
    floor = along_rows(_shape.expand_dims(norm, (len(batch),)), half)
    floor = _shape.reshape(mul(floor, constant_like(floor, eps)), (*batch, half))
    tolerance = 2 * eps * np.sqrt(length)
    steps = 2 * half - 1

    def goes_on(i: Any, turned: Any, *_: Any) -> Any:
        is_inside = _comparison.ne(
            _arithmetic.rem(i, constant_like(i, steps)), constant_like(i, 0)
        )
        is_early = _comparison.lt(i, constant_like(i, steps * _MOST_SWEEPS))
        return _bitwise.bitwise_and(is_early, _bitwise.bitwise_or(is_inside, turned))

    def step(i: Any, turned: Any, top: Any, bottom: Any) -> list[Any]:
        is_first = _comparison.eq(
            _arithmetic.rem(i, constant_like(i, steps)), constant_like(i, 0)
        )
        turned = _bitwise.bitwise_and(turned, _bitwise.bitwise_not(is_first))
        turns, top, bottom = _rotated(top, bottom, length, floor, tolerance)
        turns = _reductions.reduce_or(turns, tuple(range(typeof(turns).ndim)))
        return [
            add(i, constant_like(i, 1)),
            _bitwise.bitwise_or(turned, turns),
            *_moved_on(top, bottom),
        ]

    start = np.int32(0), np.True_, *halves
    *_, top, bottom = loop(goes_on, step, start)
    return _rows(concatenate((top, bottom), len(batch)), 0, n)


def _rotated(top: Any, bottom: Any, length: int, floor: Any, tolerance: float) -> Any:
    """Which pairs of rows are not orthogonal, and all pairs when they are.

    The angle is the smaller one of those that make rows `a` and `b` orthogonal, whose
    tangent `t` solves ``t^2 + 2 zeta t = 1`` with ``zeta = (|b|^2 - |a|^2) / 2 |a b|``.
    """
    parts = [first_columns(x, length) for x in (top, bottom)]
    a, b = (real_part(_inner(x, x)) for x in parts)
    inner = _inner(*parts)
    size = _arithmetic.abs(inner)
    lengths = [_arithmetic.max(sqrt(x), floor) for x in (a, b)]
    limit = mul(mul(*lengths), constant_like(size, tolerance))
    turns = _comparison.gt(size, limit)
    size = choose(turns, size, _creation.full_like(size, 1))
    one = _creation.full_like(size, 1)
    zeta = div(sub(b, a), mul(size, constant_like(size, 2)))
    tangent = _arithmetic.reciprocal(
        add(_arithmetic.abs(zeta), sqrt(add(one, mul(zeta, zeta))))
    )
    is_negative = _comparison.lt(zeta, constant_like(zeta, 0))
    tangent = choose(is_negative, _arithmetic.neg(tangent), tangent)
    tangent = choose(turns, tangent, _creation.zeros_like(tangent))
    cosine = _arithmetic.reciprocal(sqrt(add(one, mul(tangent, tangent))))
    sine = mul(cosine, tangent)
    phase = div(conjugated(inner), as_dtype_of(size, inner))
    phase = choose(turns, phase, _creation.full_like(phase, 1))
    p = typeof(top).shape[-1]
    cosine, sine, phase = (
        along_columns(as_dtype_of(x, top), p) for x in (cosine, sine, phase)
    )
    bottom = mul(bottom, phase)
    return (
        turns,
        sub(mul(cosine, top), mul(sine, bottom)),
        add(mul(sine, top), mul(cosine, bottom)),
    )


def _inner(x: Any, y: Any) -> Any:
    """Inner products of rows."""
    return _reductions.reduce_sum(mul(conjugated(x), y), (typeof(x).ndim - 1,))


def _moved_on(top: Any, bottom: Any) -> tuple[Any, Any]:
    """The next pairs: all rows but the first of `top` go round by one place."""
    axis = typeof(top).ndim - 2
    h = typeof(top).shape[axis]
    if h == 1:
        return top, bottom
    above = _rows(top, 0, 1), _rows(bottom, 0, 1), _rows(top, 1, h - 1)
    below = _rows(bottom, 1, h), _rows(top, h - 1, h)
    return concatenate(above, axis), concatenate(below, axis)


def _rows(x: Any, start: int, end: int) -> Any:
    return _slicing.slice_in_dim(x, start, end, axis=typeof(x).ndim - 2)


def _split(x: Any, rows: int) -> tuple[Any, Any]:
    return _rows(x, 0, rows), _rows(x, rows, typeof(x).shape[-2])


# ---- singular values -----------------------------------------------------------------


def svd(x: Any, *, full_matrices: bool, compute_uv: bool) -> list[Any]:
    """Singular values ``[..., k]``, and with `compute_uv` left and right vectors.

    QR factors of a tall `x` leave a triangle `R`. Rows of it that are orthogonal after
    the rotation `V`, ``R^H V == W``, are long ones and what rounding left: so QR
    factors ``W == Q D`` have a `D` that is diagonal but for rounding. Unlike rows that
    are divided by their lengths, the columns of `Q` are orthonormal also where
    singular values vanish.

    Source: Drmac & Veselic (2008), "New fast and accurate Jacobi SVD algorithm I", SIAM
    J. Matrix Anal. Appl. 29, without pivoting.
    """
    *_, m, n = typeof(x).shape
    if m < n:
        values, *vectors = svd(
            adjoint(x), full_matrices=full_matrices, compute_uv=compute_uv
        )
        return [values, *[adjoint(v) for v in reversed(vectors)]]
    x, scale = scaled(x)
    size = m if full_matrices else n
    q, r = _qr_factors(x, size)
    rows = conjugated(r)
    v = concatenate((rows, identity_like(rows)), typeof(x).ndim - 1)
    v = orthogonal_rows(v, n)
    v = transposed(_slicing.slice_in_dim(v, n, 2 * n, axis=typeof(x).ndim - 1))
    v = orthonormal(v)
    w = matmul(adjoint(r), v)
    lengths = real_part(_inner(transposed(w), transposed(w)))
    order = _order(_arithmetic.neg(lengths))
    w, v = (transposed(take_rows(transposed(y), order)) for y in (w, v))
    right, d = _qr_factors(w, n)
    d = diagonal(d)
    values = _arithmetic.abs(d)
    left = matmul(first_columns(q, n), v)
    if size > n:
        rest = _slicing.slice_in_dim(q, n, size, axis=typeof(q).ndim - 1)
        left = concatenate((left, rest), typeof(q).ndim - 1)
    is_zero = _comparison.eq(values, constant_like(values, 0))
    safe = choose(is_zero, _creation.full_like(values, 1), values)
    phase = div(d, as_dtype_of(safe, d))
    phase = choose(is_zero, _creation.full_like(phase, 1), phase)
    right = mul(right, along_rows(phase, n))
    falling = _arithmetic.neg(_sort.sort(_arithmetic.neg(values)))
    values = mul(falling, over_batch(scale, typeof(values).shape))
    made = [values, left, adjoint(right)]
    return nan_unless_finite(scale, made[: 3 if compute_uv else 1])


def _qr_factors(x: Any, size: int) -> tuple[Any, Any]:
    """`Q` with `size` columns, and the square `R`, of matrices that aren't wide."""
    m, n = typeof(x).shape[-2:]
    packed, taus = bind(HouseholderQr(pivoting=False), x)
    q = householder_product(fitted(packed, m, size), taus)
    return q, triangle(fitted(packed, n, n), lower=False)


# ---- Hermitian matrices --------------------------------------------------------------


def eigenvectors(x: Any) -> Any:
    """Eigenvectors of Hermitian matrices, whose squares must not overflow.

    With their norm added to the diagonal the matrices are not negative: their singular
    vectors are the eigenvectors.
    """
    type = typeof(x)
    n = type.shape[-1]
    squares = real_part(mul(x, conjugated(x)))
    norm = sqrt(_reductions.reduce_sum(squares, (type.ndim - 2, type.ndim - 1)))
    norm = over_batch(as_dtype_of(norm, x), type.shape)
    moved = add(x, mul(identity_like(x), norm))
    both = concatenate((transposed(moved), identity_like(x)), typeof(x).ndim - 1)
    both = orthogonal_rows(both, n)
    return transposed(_slicing.slice_in_dim(both, n, 2 * n, axis=typeof(x).ndim - 1))


def eigenpairs(x: Any, vectors: Any, scale: Any) -> list[Any]:
    """Eigenvectors, orthonormal up to rounding, and eigenvalues in rising order.

    Args:
        x: Hermitian.
        vectors: eigenvectors but for what some thousand rotations have lost.
        scale: what `x` was divided by.
    """
    vectors = orthonormal(vectors)
    images = matmul(x, vectors)
    values = real_part(_inner(transposed(vectors), transposed(images)))
    order = _order(values)
    vectors = transposed(take_rows(transposed(vectors), order))
    values = mul(_sort.sort(values), over_batch(scale, typeof(values).shape))
    return nan_unless_finite(scale, [vectors, values])


# ---- what both share -----------------------------------------------------------------


def orthonormal(v: Any) -> Any:
    """Unitary matrices of what is unitary to half the digits: a step of Newton."""
    error = sub(identity_like(v), matmul(adjoint(v), v))
    return add(v, matmul(v, mul(error, constant_like(error, 0.5))))


def _order(keys: Any) -> Any:
    """The permutation that sorts the last axis."""
    type = typeof(keys)
    places = _creation.broadcasted_iota(INT32, type.shape, type.ndim - 1)
    return _sort.sort_key_val(keys, places)[1]

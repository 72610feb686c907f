"""Systems with a tridiagonal matrix."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, array_type, value_error
from .._tracing import bind, typeof
from . import (
    _arithmetic,
    _comparison,
    _creation,
    _pad,
    _reductions,
    _shape,
    _slicing,
)
from ._elementwise import constant_like, is_linear
from ._joining import concatenate
from ._loop import repeat
from ._matrices import (
    INT32,
    MatrixFunction,
    along_columns,
    as_dtype_of,
    call_lapack,
    check_matrices,
    inlined,
    nan_where_failed,
    one_for_zero,
    over_batch,
    real_part,
    spread,
)
from ._selection import choose


def tridiagonal_solve(
    dl: Any, d: Any, du: Any, b: Any, *, perturb_singular: bool = False
) -> Any:
    """The solutions of ``a @ x == b``, `a` tridiagonal.

    Args:
        dl: float32, float64 or complex ``[..., n]``: element `i` stands in row `i`
            before the diagonal; the first one is ignored.
        d: the same dtype and shape: the diagonal.
        du: the same: element `i` stands in row `i` after the diagonal; the last one is
            ignored.
        b: the same dtype, ``[..., n, k]``.
        perturb_singular: move pivots that almost vanish away from zero, so that
            singular systems have large but finite solutions.

    Returns:
        ``[..., n, k]``; NaN where the matrix is singular, without `perturb_singular`.

    Raises:
        TypeError: dtypes differ, or are others.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> beside, d = jnp.array([1.0, 1.0]), jnp.array([2.0, 2.0])
        >>> lax.linalg.tridiagonal_solve(beside, d, beside, jnp.array([[4.0], [5.0]]))
        Array([[1.],
               [2.]], dtype=float32)
    """
    return bind(TridiagonalSolve(bool(perturb_singular)), dl, d, du, b)


class TridiagonalSolve(MatrixFunction):
    """The solution of a tridiagonal system."""

    perturb: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        dl, d, du, b = arg_types
        batch = check_matrices("tridiagonal_solve", arg_types, (1, 1, 1, 2))
        if not dl.shape == d.shape == du.shape == (*batch, b.shape[-2]):
            listed = ", ".join(map(repr, arg_types))
            raise value_error(
                "tridiagonal_solve: expected `dl`, `d` and `du` with as many elements "
                f"as `b` has rows, got {listed}."
            )
        return b.strengthened()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """From `A X = B`: `A dX = dB - dA X`."""
        (*diagonals, b), (*d_diagonals, db) = primals, tangents
        x = bind(self, *diagonals, b)
        # What the lower, the middle and the upper diagonal multiply.
        rows = _shifted(x, 1, -2), x, _shifted(x, -1, -2)
        right = db
        for change, row in zip(d_diagonals, rows, strict=True):
            if change is None:
                continue
            part = along_columns(change, typeof(x).shape[-1])
            part = _arithmetic.neg(_arithmetic.mul(part, row))
            right = part if right is None else _arithmetic.add(right, part)
        return x, bind(self, *diagonals, right)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (dl, d, du, b) = cotangents, args
        if any(map(is_linear, (dl, d, du))) or not is_linear(b):
            raise self._missing("transpose with respect to the matrix")
        transposed = _shifted(du, 1, -1), d, _shifted(dl, -1, -1)
        return [None, None, None, bind(self, *transposed, ct)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (out,) = builder.out_types
        if builder.platform != "cpu":
            if 0 in out.shape:
                return builder.constant(0, out)
            return inlined(builder, self._solved, args)[0]
        if self.perturb:
            routine = "tridiagonal_solve_perturbed"
            return call_lapack(builder, routine, args, (out,), aliases=())[0]
        info = array_type(out.shape[:-2], INT32)
        *_, x, info = call_lapack(
            builder,
            "gtsv",
            args,
            [*builder.in_types, info],
            aliases=[(i, i) for i in range(4)],
        )
        return nan_where_failed(builder, info, [x], [out])[0]

    def _solved(self, dl: Any, d: Any, du: Any, b: Any) -> list[Any]:
        """Gaussian elimination with row exchanges, then substitution from the end.

        In row `i` of the triangle three elements are not zero, that of the diagonal and
        two after it. The sums of what follows on the right belong to it.
        """
        axis, n = typeof(d).ndim - 1, typeof(d).shape[-1]
        # What stands before the first and after the last column is ignored.
        dl = _shifted(_shifted(dl, -1, -1), 1, -1)
        du = _shifted(_shifted(du, 1, -1), -1, -1)
        columns = [_shape.expand_dims(x, (axis + 1,)) for x in (dl, d, du)]
        rows = concatenate((*columns, b), axis + 1)
        triangle = _eliminated(rows, n, axis)
        pivots = _slicing.index_in_dim(triangle, 0, axis + 1, keepdims=False)
        size = _arithmetic.abs(pivots)
        if self.perturb:
            least = self._least_pivot(dl, d, du)
            safe = choose(
                _comparison.lt(real_part(pivots), constant_like(size, 0)),
                _arithmetic.neg(least),
                least,
            )
            is_small = _comparison.lt(size, least)
            pivots = choose(is_small, as_dtype_of(safe, pivots), pivots)
        solved = _substituted(triangle, pivots, n, axis)
        if self.perturb:
            return [solved]
        is_zero = _comparison.eq(size, constant_like(size, 0))
        is_singular = _reductions.reduce_or(is_zero, (axis,))
        nan = _creation.full_like(solved, np.nan)
        return [choose(over_batch(is_singular, typeof(solved).shape), nan, solved)]

    def _least_pivot(self, *diagonals: Any) -> Any:
        """The dtype's epsilon times the greatest element, for each row."""
        type = typeof(diagonals[0])
        sizes = [_arithmetic.abs(x) for x in diagonals]
        size = _arithmetic.max(_arithmetic.max(sizes[0], sizes[1]), sizes[2])
        size = _reductions.reduce_max(size, (type.ndim - 1,))
        finfo = np.finfo(type.dtype)
        least = _arithmetic.mul(size, constant_like(size, finfo.eps))
        least = _arithmetic.max(least, constant_like(least, finfo.tiny))
        return over_batch(least, type.shape)


def _eliminated(rows: Any, n: int, axis: int) -> Any:
    """Rows of the triangle, and what they equal.

    Args:
        rows: the three diagonals and right sides ``[..., n, 3 + k]``.
    """
    first = _row(rows, np.int32(0), axis)
    triangle = _creation.zeros_like(rows)

    def step(i: Any, triangle: Any, here: Any) -> list[Any]:
        following = _row(rows, _arithmetic.add(i, constant_like(i, 1)), axis)
        pivots = [_element(x, 0) for x in (here, following)]
        is_greater = _comparison.lt(*map(_arithmetic.abs, pivots))
        is_greater = spread(is_greater, here)
        upper = choose(is_greater, following, here)
        lower = choose(is_greater, here, following)
        pivot, below = _element(upper, 0), _element(lower, 0)
        factor = spread(_arithmetic.div(below, one_for_zero(pivot)), lower)
        lower = _arithmetic.sub(lower, _arithmetic.mul(factor, upper))
        return [_put(triangle, upper, i, axis), _moved(lower)]

    triangle, last = repeat(n - 1, step, [triangle, _moved(first)])
    return _put(triangle, last, np.int32(n - 1), axis)


def _substituted(triangle: Any, pivots: Any, n: int, axis: int) -> Any:
    """The solutions ``[..., n, k]``."""
    k = typeof(triangle).shape[-1] - 3
    solved = _slicing.slice_in_dim(triangle, 3, 3 + k, axis=axis + 1)
    pivots = _shape.expand_dims(pivots, (axis + 1,))
    none = _creation.zeros_like(_row(solved, np.int32(0), axis))

    def step(i: Any, solved: Any, first: Any, second: Any) -> list[Any]:
        place = _arithmetic.sub(constant_like(i, n - 1), i)
        row, right = _row(triangle, place, axis), _row(solved, place, axis)
        for column, known in ((1, first), (2, second)):
            factor = spread(_element(row, column), known)
            right = _arithmetic.sub(right, _arithmetic.mul(factor, known))
        pivot = spread(_row(pivots, place, axis), right)
        found = _arithmetic.div(right, pivot)
        return [_put(solved, found, place, axis), found, first]

    return repeat(n, step, [solved, none, none])[0]


def _row(x: Any, i: Any, axis: int) -> Any:
    return _slicing.dynamic_slice_in_dim(x, i, 1, axis)


def _put(x: Any, row: Any, i: Any, axis: int) -> Any:
    return _slicing.dynamic_update_slice_in_dim(x, row, i, axis)


def _element(row: Any, column: int) -> Any:
    return _slicing.slice_in_dim(row, column, column + 1, axis=typeof(row).ndim - 1)


def _moved(row: Any) -> Any:
    """A row without its first element, with a zero before the right sides."""
    parts = _element(row, 1), _element(row, 2), _creation.zeros_like(_element(row, 0))
    end = typeof(row).shape[-1]
    axis = typeof(row).ndim - 1
    return concatenate((*parts, _slicing.slice_in_dim(row, 3, end, axis=axis)), axis)


def _shifted(x: Any, by: int, axis: int) -> Any:
    """`x` moved along an axis; zeros move in."""
    edges = [(0, 0, 0)] * typeof(x).ndim
    edges[axis] = (by, -by, 0)
    return _pad.pad(x, constant_like(x, 0), edges)

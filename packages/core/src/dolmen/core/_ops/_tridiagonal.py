"""Systems with a tridiagonal matrix."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type, value_error
from .._tracing import bind, typeof
from . import _arithmetic, _pad
from ._elementwise import constant_like, is_linear
from ._matrices import (
    INT32,
    MatrixFunction,
    along_columns,
    call_lapack,
    check_matrices,
    nan_where_failed,
)


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


def _shifted(x: Any, by: int, axis: int) -> Any:
    """`x` moved along an axis; zeros move in."""
    edges = [(0, 0, 0)] * typeof(x).ndim
    edges[axis] = (by, -by, 0)
    return _pad.pad(x, constant_like(x, 0), edges)

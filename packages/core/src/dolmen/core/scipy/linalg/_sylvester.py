"""Equations between matrices, solved column by column of triangular forms."""

from collections.abc import Callable
from typing import Any

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._ops._matrices import adjoint, diagonal, identity_like, matmul, transposed
from ..._tracing import typeof
from ...numpy import linalg
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import broadcast_batches, check_square, operands
from ._schur import as_complex


@jit_when_eager(static_argnames=("method", "tol"))
def solve_sylvester(
    A: ArrayLike,
    B: ArrayLike,
    C: ArrayLike,
    *,
    method: str = "schur",
    tol: float = 1e-8,
) -> Array:
    """The solution of ``A @ X + X @ B == C``.

    Args:
        A: ``[..., m, m]``.
        B: ``[..., n, n]``.
        C: ``[..., m, n]``; leading axes broadcast.
        method: "schur", or "eigen", which is faster on accelerators but inexact for
            matrices whose eigenvectors are nearly dependent.
        tol: where the sum of an eigenvalue of `A` and one of `B` is smaller in modulus,
            there is no single solution, and the result is NaN.

    Returns:
        ``[..., m, n]``, real if all operands are.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: sizes don't fit, or another `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> a, b = jnp.array([[1.0]]), jnp.array([[2.0, 0.0], [0.0, 3.0]])
        >>> linalg.solve_sylvester(a, b, jnp.array([[6.0, 8.0]]))
        Array([[2., 2.]], dtype=float32)

    Source: Bartels & Stewart (1972), "Solution of the matrix equation AX + XB = C",
    doi:10.1145/361573.361582, with the complex Schur form also for real matrices.
    """
    if method not in _SOLVERS:
        raise value_error(
            f"solve_sylvester: `method` must be 'schur' or 'eigen', got {method!r}."
        )
    a, b, c = operands("solve_sylvester", A=A, B=B, C=C)
    check_square("solve_sylvester", "A", a)
    check_square("solve_sylvester", "B", b)
    sizes = typeof(a).shape[-1], typeof(b).shape[-1]
    if typeof(c).shape[-2:] != sizes:
        raise value_error(
            "solve_sylvester: `C` must have the rows of `A` and the columns of `B`, "
            f"got {typeof(a)!r}, {typeof(b)!r} and {typeof(c)!r}."
        )
    a, b, c = broadcast_batches("solve_sylvester", a, b, c)
    return sylvester(a, b, c, method, tol)


def sylvester(a: Any, b: Any, c: Any, method: str = "schur", tol: float = 0.0) -> Any:
    """See `solve_sylvester`; operands are alike. Derivatives solve such equations."""
    reduced, solve = _SOLVERS[method]
    left, right = (reduced(as_complex(lax.stop_gradient(x))) for x in (a, b))
    is_real = typeof(c).dtype.kind == "f"

    def solved(left: Any, right: Any, c: Any) -> Any:
        x = solve(left, right, as_complex(c), tol)
        return lax.real(x) if is_real else x

    # The transposed equation A^T X + X B^T = C is B X^T + X^T A = C^T.
    return lax.custom_linear_solve(
        lambda x: matmul(a, x) + matmul(x, b),
        c,
        solve=lambda _, c: solved(left, right, c),
        transpose_solve=lambda _, c: transposed(solved(right, left, transposed(c))),
    )


# ---- by triangular forms -------------------------------------------------------------


def _by_schur(left: Any, right: Any, c: Any, tol: float) -> Any:
    (r, u), (s, v) = left, right
    c = matmul(adjoint(u), matmul(c, v))

    def equation(y: Any, column: Any) -> tuple[Any, Any]:
        c, s, shift = column
        return r + shift * identity_like(r), c - matmul(y, s)

    start = jnp.zeros_like(c)
    columns = [each_column(x) for x in (c, s, diagonal(s)[..., None, :])]
    y = fill_columns(equation, start, columns)
    smallest = _smallest_sum(diagonal(r), diagonal(s))
    y = jnp.where(smallest <= tol, jnp.nan, y)
    return matmul(u, matmul(y, adjoint(v)))


def each_column(x: Any) -> Any:
    """The columns of matrices, as matrices of one column, along a new first axis."""
    return jnp.moveaxis(x, -1, 0)[..., None]


def fill_columns(
    equation: Callable[[Any, Any], tuple[Any, Any]], start: Any, columns: Any
) -> Any:
    """Matrices whose columns solve triangular equations, one after the other.

    Args:
        equation: from the matrices so far and the next of `columns` to upper
            triangular matrices and right sides of one column.
        start: the matrices before, with zeros where columns are to be added.
        columns: what the equations of the columns are made of.
    """
    place = jnp.arange(typeof(start).shape[-1])

    def step(x: Any, row: Any) -> tuple[Any, None]:
        index, column = row
        made = lax.linalg.triangular_solve(*equation(x, column), left_side=True)
        return x + jnp.where(place == index, made, 0), None

    return lax.scan(step, start, (place, columns))[0]


# ---- by eigenvalues ------------------------------------------------------------------


def _eigen(x: Any) -> Any:
    return lax.linalg.eig(x, compute_left_eigenvectors=False)


def _by_eigenvalues(left: Any, right: Any, c: Any, tol: float) -> Any:
    (r, u), (s, v) = left, right
    y = linalg.solve(u, matmul(c, v)) / (r[..., :, None] + s[..., None, :])
    y = jnp.where(_smallest_sum(r, s) <= tol, jnp.nan, y)
    return transposed(linalg.solve(transposed(v), transposed(matmul(u, y))))


def _smallest_sum(r: Any, s: Any) -> Any:
    sums = jnp.abs(r[..., :, None] + s[..., None, :])
    return jnp.min(sums, (-2, -1), keepdims=True, initial=jnp.inf)


_SOLVERS = {"schur": (lax.linalg.schur, _by_schur), "eigen": (_eigen, _by_eigenvalues)}

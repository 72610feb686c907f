"""The generalized minimal residual method."""

import functools
from typing import Any

from .... import lax, numpy as jnp
from ...._ir import value_error
from ....tree_util import tree_leaves, tree_map
from ._equation import Limits, size_of, solve
from ._vectors import add, combined, dots, nan_unless_known, norm, scaled, sub


def gmres(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    restart: int = 20,
    maxiter: int | None = None,
    M: Any = None,
    solve_method: str = "batched",
) -> tuple[Any, Any]:
    """Solve a linear equation with any regular matrix.

    Finds the vector of least residual in a Krylov space, and begins again from there.
    Derivatives are those of the exact solution; they take another solve, for gradients
    one with the transposed matrix.

    Args:
        A: the matrix: a floating-point or complex array ``[n, n]``, an object with
            ``A @ x``, or a function of trees like `b`.
        b: the right-hand side: a floating-point or complex array or tree of arrays of
            any shapes, which together are one vector.
        x0: a first guess of the shapes and dtypes of `b`; by default zeros.
        tol: iteration ends when ``norm(b - A x) <= max(tol * norm(b), atol)``; with a
            preconditioner, norms are those of ``M (b - A x)`` and ``M b``.
        atol: see `tol`.
        restart: dimension of the Krylov space, whose basis is kept in memory.
        maxiter: iteration ends after as many spaces; by default ten times the number of
            unknowns.
        M: an approximate inverse of `A`, in the forms that `A` can have. A matrix is
            transposed where `A` is, a function is used as it is.
        solve_method: "batched" builds the whole space, then solves one least squares
            problem, which suits accelerators; "incremental" keeps the solution up to
            date by Givens rotations, and stops inside a space.

    Returns:
        The solution, like `b`, and an integer that is 1 if the solution has a NaN and
        0 otherwise. Whether the iteration converged, ``b - A @ x`` tells.

    Raises:
        TypeError: `A` or `M` is neither a function nor a matrix; `b` is not
            floating-point or complex; `x0` or ``A x`` has another dtype.
        ValueError: `A` is not square, `x0` or ``A x`` has other shapes than `b`,
            `restart` is not positive, another `solve_method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.sparse.linalg import gmres
        >>> A = jnp.array([[2.0, 1.0], [0.0, 4.0]])
        >>> x, _ = gmres(A, jnp.array([2.5, 2.0]))
        >>> x.round(3)
        Array([1. , 0.5], dtype=float32)

    Source: Saad and Schultz (1986), "GMRES: a generalized minimal residual algorithm";
        orthogonalization by classical Gram-Schmidt, twice (Giraud, Langou and
        Rozložník, 2005).
    """
    if solve_method not in _SPACES:
        raise value_error(
            "gmres: `solve_method` must be 'batched' or 'incremental', got "
            f"{solve_method!r}."
        )
    if restart < 1:
        raise value_error(f"gmres: `restart` must be positive, got {restart}.")
    limits = Limits(tol, atol, maxiter)
    iterate = functools.partial(_restarted, limits, restart, _SPACES[solve_method])
    x = solve("gmres", iterate, A, b, x0, M)
    failed = [jnp.isnan(leaf).any() for leaf in tree_leaves(x)]
    return x, jnp.where(functools.reduce(jnp.logical_or, failed, False), 1, 0)


def _restarted(
    limits: Limits, restart: int, space: Any, A: Any, M: Any, b: Any, x0: Any
) -> Any:
    size = size_of(b)
    if not size:
        return x0
    steps = 10 * size if limits.maxiter is None else limits.maxiter
    dimension = min(restart, size)
    # What `max(tol * norm(b), atol)` becomes in the norm of the preconditioner.
    scale, near_scale = norm(b), norm(M(b))
    relative = jnp.maximum(limits.tol, limits.atol / jnp.where(scale == 0, 1, scale))
    enough = jnp.where(scale == 0, limits.atol, relative * near_scale)

    def residual(x: Any) -> Any:
        return M(sub(b, A(x)))

    def unfinished(state: Any) -> Any:
        step, _, r = state
        return (norm(r) > enough) & (step < steps)

    def body(state: Any) -> Any:
        step, x, r = state
        x = add(x, space(lambda v: M(A(v)), r, dimension, enough))
        return step + 1, x, residual(x)

    _, x, r = lax.while_loop(unfinished, body, (0, x0, residual(x0)))
    return nan_unless_known(x, r)


# ---- one Krylov space ----------------------------------------------------------------


def _first(r: Any, dimension: int) -> tuple[Any, Any]:
    """Room for a basis whose first vector has the direction of `r`; the norm of `r`."""
    beta = norm(r)
    room = tree_map(lambda x: jnp.zeros((dimension + 1, *x.shape), x.dtype), r)
    return _put(room, 0, scaled(1 / beta, r)), beta


def _put(basis: Any, k: Any, vector: Any) -> Any:
    return tree_map(lambda vectors, v: vectors.at[k].set(v), basis, vector)


def _arnoldi(A: Any, basis: Any, k: Any) -> tuple[Any, Any]:
    """Find the next basis vector.

    Returns:
        The basis with vector ``k + 1``, and how vector ``k`` is mapped: its image in
        terms of the basis. Once the space is exhausted, the other vectors are zero, and
        said to be mapped to themselves, so that they get no part of the solution.
    """
    vector = tree_map(lambda vectors: vectors[k], basis)
    image = A(vector)
    before = norm(image)
    column: Any = 0
    for _ in range(2):
        part = dots(basis, image)
        image = sub(image, combined(basis, part))
        column = column + part
    after = norm(image)
    tiny = jnp.finfo(after.dtype).eps * before
    length = jnp.where(after <= tiny, 0, after)
    inverse = jnp.where(length == 0, 0, 1 / jnp.where(length == 0, 1, length))
    column = column.at[k + 1].set(length.astype(column.dtype))
    column = column.at[k].add(jnp.where(norm(vector) == 0, 1, 0).astype(column.dtype))
    return _put(basis, k + 1, scaled(inverse, image)), column


def _batched(A: Any, r: Any, dimension: int, enough: Any) -> Any:
    """The correction that a whole Krylov space allows, by one least squares problem."""
    basis, beta = _first(r, dimension)

    def body(k: Any, state: Any) -> Any:
        basis, columns = state
        basis, column = _arnoldi(A, basis, k)
        return basis, columns.at[k].set(column.astype(columns.dtype))

    room = _room(r, (dimension, dimension + 1))
    basis, columns = lax.fori_loop(0, dimension, body, (basis, room))
    q, upper = jnp.linalg.qr(columns.T)
    return _correction(basis, upper, beta * jnp.conj(q[0]))


def _incremental(A: Any, r: Any, dimension: int, enough: Any) -> Any:
    """The correction by rotations that keep the factors triangular, step by step."""
    basis, beta = _first(r, dimension)

    def unfinished(state: Any) -> Any:
        k, _, _, turn = state
        return (k < dimension) & (beta * jnp.abs(turn[k, 0]) > enough)

    def body(state: Any) -> Any:
        k, basis, columns, turn = state
        basis, column = _arnoldi(A, basis, k)
        column = jnp.matmul(turn, column.astype(turn.dtype), precision="highest")
        pair = lax.dynamic_slice(column, (k,), (2,))
        length = jnp.sqrt(jnp.sum(jnp.abs(pair) ** 2)).astype(pair.dtype)
        c, s = jnp.where(length == 0, jnp.array([1, 0]), pair / length)
        rotation = jnp.array([[jnp.conj(c), jnp.conj(s)], [-s, c]])
        rows = lax.dynamic_slice(turn, (k, 0), (2, dimension + 1))
        rows = jnp.matmul(rotation, rows, precision="highest")
        turn = lax.dynamic_update_slice(turn, rows, (k, 0))
        column = column.at[k].set(length).at[k + 1].set(0)
        return k + 1, basis, columns.at[k].set(column), turn

    # Vectors that are not built are mapped to themselves, and get nothing.
    dtype = _room(r, ()).dtype
    columns = jnp.eye(dimension, dimension + 1, dtype=dtype)
    turn = jnp.eye(dimension + 1, dtype=dtype)
    start = (0, basis, columns, turn)
    k, basis, columns, turn = lax.while_loop(unfinished, body, start)
    target = jnp.where(jnp.arange(dimension) < k, beta * turn[:dimension, 0], 0)
    return _correction(basis, columns[:, :dimension].T, target)


def _room(r: Any, shape: tuple[int, ...]) -> Any:
    """Zeros for the coefficients of a space."""
    # Factorizations know no narrower dtypes than float32.
    return jnp.zeros(shape, jnp.result_type(jnp.float32, *tree_leaves(r)))


def _correction(basis: Any, upper: Any, target: Any) -> Any:
    target = target.astype(upper.dtype)
    factors = lax.linalg.triangular_solve(upper, target[:, None], left_side=True)
    return combined(tree_map(lambda vectors: vectors[:-1], basis), factors[:, 0])


_SPACES = {"batched": _batched, "incremental": _incremental}

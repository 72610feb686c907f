"""Conjugate gradients, and their kin for matrices that are not symmetric."""

import functools
from typing import Any

from .... import lax, numpy as jnp
from ._equation import Limits, size_of, solve
from ._vectors import add, dot, nan_unless_known, real_dot, scaled, sub


def cg(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve a linear equation with a Hermitian positive-definite matrix.

    Derivatives are those of the exact solution; they take another solve.

    Args:
        A: the matrix: a floating-point or complex array ``[n, n]``, an object with
            ``A @ x``, or a function of trees like `b`.
        b: the right-hand side: a floating-point or complex array or tree of arrays of
            any shapes, which together are one vector.
        x0: a first guess of the shapes and dtypes of `b`; by default zeros.
        tol: iteration ends when ``norm(b - A x) <= max(tol * norm(b), atol)``.
        atol: see `tol`.
        maxiter: iteration ends after as many steps; by default ten times the number of
            unknowns.
        M: an approximate inverse of `A`, Hermitian and positive definite, in the forms
            that `A` can have; the closer, the fewer steps.

    Returns:
        The solution, like `b`, and None in the place of SciPy's convergence
        information. Whether the iteration converged, ``b - A @ x`` tells.

    Raises:
        TypeError: `A` or `M` is neither a function nor a matrix; `b` is not
            floating-point or complex; `x0` or ``A x`` has another dtype.
        ValueError: `A` is not square, `x0` or ``A x`` has other shapes than `b`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.sparse.linalg import cg
        >>> A = jnp.array([[2.0, 0.0], [0.0, 4.0]])
        >>> x, _ = cg(A, jnp.array([2.0, 2.0]))
        >>> x.round(3)
        Array([1. , 0.5], dtype=float32)

    Source: Hestenes and Stiefel (1952), preconditioned as in Saad (2003), "Iterative
        methods for sparse linear systems", algorithm 9.1.
    """
    limits = Limits(tol, atol, maxiter)
    iterate = functools.partial(_conjugate_gradients, limits)
    return solve("cg", iterate, A, b, x0, M, positive=True), None


def _stops(limits: Limits, b: Any) -> tuple[Any, Any]:
    """The squared norm of a residual that is small enough, and the number of steps."""
    enough = jnp.maximum(limits.tol**2 * real_dot(b, b), limits.atol**2)
    steps = 10 * size_of(b) if limits.maxiter is None else limits.maxiter
    return enough, steps


def _conjugate_gradients(limits: Limits, A: Any, M: Any, b: Any, x0: Any) -> Any:
    enough, steps = _stops(limits, b)

    def unfinished(state: Any) -> Any:
        step, _, r, _, _ = state
        return (real_dot(r, r) > enough) & (step < steps)

    def body(state: Any) -> Any:
        step, x, r, p, rho = state
        Ap = A(p)
        alpha = rho / real_dot(p, Ap).astype(rho.dtype)
        x, r = add(x, scaled(alpha, p)), sub(r, scaled(alpha, Ap))
        z = M(r)
        following = real_dot(r, z).astype(rho.dtype)
        return step + 1, x, r, add(z, scaled(following / rho, p)), following

    r = sub(b, A(x0))
    z = M(r)
    start = (0, x0, r, z, real_dot(r, z))
    _, x, r, *_ = lax.while_loop(unfinished, body, start)
    return nan_unless_known(x, r)


def bicgstab(
    A: Any,
    b: Any,
    x0: Any = None,
    *,
    tol: float = 1e-5,
    atol: float = 0.0,
    maxiter: int | None = None,
    M: Any = None,
) -> tuple[Any, None]:
    """Solve a linear equation with any regular matrix, in constant memory.

    Derivatives are those of the exact solution; they take another solve, for gradients
    one with the transposed matrix.

    Args:
        A: the matrix: a floating-point or complex array ``[n, n]``, an object with
            ``A @ x``, or a function of trees like `b`.
        b: the right-hand side: a floating-point or complex array or tree of arrays of
            any shapes, which together are one vector.
        x0: a first guess of the shapes and dtypes of `b`; by default zeros.
        tol: iteration ends when ``norm(b - A x) <= max(tol * norm(b), atol)``.
        atol: see `tol`.
        maxiter: iteration ends after as many steps, each of which uses `A` twice; by
            default ten times the number of unknowns.
        M: an approximate inverse of `A`, in the forms that `A` can have. A matrix is
            transposed where `A` is, a function is used as it is.

    Returns:
        The solution, like `b`, and None in the place of SciPy's convergence
        information. Whether the iteration converged, ``b - A @ x`` tells.

    Raises:
        TypeError: `A` or `M` is neither a function nor a matrix; `b` is not
            floating-point or complex; `x0` or ``A x`` has another dtype.
        ValueError: `A` is not square, `x0` or ``A x`` has other shapes than `b`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.sparse.linalg import bicgstab
        >>> A = jnp.array([[2.0, 0.0], [0.0, 4.0]])
        >>> x, _ = bicgstab(A, jnp.array([2.0, 2.0]), tol=1e-6)
        >>> x.round(3)
        Array([1. , 0.5], dtype=float32)

    Source: van der Vorst (1992), "Bi-CGSTAB: a fast and smoothly converging variant of
        Bi-CG", preconditioned as in Saad (2003), section 9.
    """
    iterate = functools.partial(_stabilized, Limits(tol, atol, maxiter))
    return solve("bicgstab", iterate, A, b, x0, M), None


def _stabilized(limits: Limits, A: Any, M: Any, b: Any, x0: Any) -> Any:
    enough, steps = _stops(limits, b)
    shadow = sub(b, A(x0))

    def unfinished(state: Any) -> Any:
        step, _, r, _, _, works = state
        return works & (real_dot(r, r) > enough) & (step < steps)

    def body(state: Any) -> Any:
        step, x, r, p, rho, _ = state
        near_p = M(p)
        v = A(near_p)
        alpha = _quotient(rho, dot(shadow, v))
        s = sub(r, scaled(alpha, v))
        near_s = M(s)
        t = A(near_s)
        omega = _quotient(dot(t, s), dot(t, t))
        x = add(x, add(scaled(alpha, near_p), scaled(omega, near_s)))
        r = sub(s, scaled(omega, t))
        following = dot(shadow, r)
        beta = _quotient(following, rho) * _quotient(alpha, omega)
        p = add(r, scaled(beta, sub(p, scaled(omega, v))))
        # Where one of these vanishes, there is no next direction to search in.
        works = (alpha != 0) & (omega != 0) & (following != 0)
        return step + 1, x, r, p, following, works

    start = (0, x0, shadow, shadow, dot(shadow, shadow), True)
    _, x, r, *_ = lax.while_loop(unfinished, body, start)
    return nan_unless_known(x, r)


def _quotient(a: Any, b: Any) -> Any:
    """`a / b`, and zero where `b` is zero."""
    return jnp.where(b == 0, 0, a / jnp.where(b == 0, 1, b))

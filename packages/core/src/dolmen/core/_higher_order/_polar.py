"""Polar decompositions by dynamically weighted Halley iteration."""

from typing import Any

import numpy as np

from .._ir import value_error
from .._ops import _arithmetic, _comparison, _creation, _reductions, _shape, _slicing
from .._ops._bitwise import bitwise_and, bitwise_not, bitwise_or
from .._ops._cholesky import cholesky, triangular_solve
from .._ops._conversion import convert_element_type, stop_gradient
from .._ops._joining import concatenate
from .._ops._lu import lu_solve
from .._ops._matrices import (
    INT32,
    adjoint,
    along_columns,
    along_rows,
    as_dtype_of,
    check_matrices,
    conjugated,
    hermitian_part,
    identity_like,
    matmul,
    real_part,
)
from .._ops._qr import qr
from .._ops._selection import choose
from .._ops._spectral import eigh
from .._ops._transcendental import rsqrt, sqrt
from .._tracing import typeof
from ._custom_jvp import custom_jvp
from ._jit import jit_when_eager
from ._linear_solve import custom_linear_solve
from ._loops import scan
from ._while_loops import while_loop

# Above this weight a step by Cholesky factors would lose too many digits.
_LARGEST_WEIGHT = 100
_HALLEY = (3.0, 1.0, 3.0)


def qdwh(
    x: Any,
    *,
    is_hermitian: bool = False,
    max_iterations: int | None = None,
    eps: float | None = None,
    dynamic_shape: tuple[int, int] | None = None,
) -> tuple[Any, Any, Any, Any]:
    """The polar decomposition ``x == u @ h``, by products and factorizations alone.

    Args:
        x: float32, float64 or complex ``[m, n]`` with ``m >= n``, of full rank.
        is_hermitian: a promise that `x` is Hermitian; the result is the same without.
        max_iterations: the greatest number of steps, by default 10.
        eps: accuracy, by default the dtype's epsilon.
        dynamic_shape: sizes of the part of `x` that counts, which may be traced; what
            lies beyond is taken for zero.

    Returns:
        `u` ``[m, n]``, whose columns are orthonormal; `h` ``[n, n]``, Hermitian and
        positive; the number of steps; whether they converged, which they don't for NaN.
        Derivatives of `u` and `h` need full rank.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: `x` has not two axes, or more columns than rows.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> u, h, _, converged = lax.linalg.qdwh(jnp.array([[3.0], [4.0]]))
        >>> u.round(3), h.round(3), bool(converged)
        (Array([[0.6],
               [0.8]], dtype=float32), Array([[5.]], dtype=float32), True)

    Source: Nakatsukasa, Bai & Gygi (2010), "Optimizing Halley's iteration for computing
    the matrix polar decomposition", SIAM J. Matrix Anal. Appl. 31.
    """
    type = typeof(x)
    check_matrices("qdwh", (type,))
    if type.ndim != 2 or type.shape[0] < type.shape[1]:
        raise value_error(
            f"qdwh: expected two axes, and no more columns than rows, got {type!r}."
        )
    steps = 10 if max_iterations is None else int(max_iterations)
    eps = float(np.finfo(type.dtype).eps if eps is None else eps)
    return _qdwh(x, dynamic_shape, steps=steps, eps=eps)


@jit_when_eager(static_argnames=("steps", "eps"))
def _qdwh(x: Any, sizes: Any, *, steps: int, eps: float) -> Any:
    for axis, size in enumerate(sizes or ()):
        index = _creation.broadcasted_iota(INT32, typeof(x).shape, axis)
        inside = _comparison.lt(index, convert_element_type(size, INT32))
        x = choose(inside, x, _creation.zeros_like(x))
    u, count, converged = _iterated(stop_gradient(x), steps, eps)
    u, h = polar_factors(x, stop_gradient(u))
    return u, h, count, converged


def _iterated(x: Any, limit: int, eps: float) -> tuple[Any, Any, Any]:
    """The unitary factor, the number of steps, and whether they converged."""
    weights = _weights(eps, limit)
    first = [w for w in weights if w[2] > _LARGEST_WEIGHT]
    rest = np.array([*weights[len(first) :], _HALLEY])
    real = typeof(real_part(x)).dtype
    u = _arithmetic.mul(x, _like(_inverse_bound(x), x))
    if first:
        u, _ = scan(_by_qr, u, np.array(first, real))
    rest = rest.astype(real)
    tolerance = _creation.full((), np.cbrt(5 * eps), real)

    def goes_on(state: Any) -> Any:
        i, _, close = state
        is_weighted = _comparison.lt(i, len(weights))
        is_allowed = _comparison.lt(i, limit)
        is_wanted = bitwise_or(is_weighted, bitwise_not(close))
        return bitwise_and(is_allowed, is_wanted)

    def step(state: Any) -> Any:
        i, u, _ = state
        index = _arithmetic.sub(i, len(first))
        weight = _slicing.dynamic_index_in_dim(rest, index, keepdims=False)
        moved = _by_cholesky(u, weight)
        change = _norm(_arithmetic.sub(moved, u))
        return _arithmetic.add(i, 1), moved, _comparison.le(change, tolerance)

    start = len(first), u, _creation.full((), False, bool)
    count, u, close = while_loop(goes_on, step, start)
    # A step of Newton and Schulz gains the digits that are left.
    half = _creation.full_like(u, 0.5)
    rest_of_one = matmul(u, _arithmetic.sub(_eye(u), matmul(adjoint(u), u)))
    return _arithmetic.add(u, _arithmetic.mul(half, rest_of_one)), count, close


def _weights(least: float, limit: int) -> list[tuple[float, float, float]]:
    """Weights `(a, b, c)` of the steps ``u (a + b u^H u) / (1 + c u^H u)``.

    Each is the best for singular values between the least one and 1, which it moves to
    between the next least one and 1 (equations 3.5 to 3.7 of the source).
    """
    found = []
    end = 1 - 5 * least
    while least < end and len(found) < limit:
        square = least**2
        d = np.cbrt(4 * (1 - square) / square**2)
        root = np.sqrt(1 + d)
        a = root + np.sqrt(2 - d + 2 * (2 - square) / (square * root))
        b = (a - 1) ** 2 / 4
        c = a + b - 1
        least *= (a + b * square) / (1 + c * square)
        found.append((a, b, c))
    return found


def _by_qr(u: Any, weights: Any) -> tuple[Any, None]:
    """A step by QR factors of ``[sqrt(c) u; 1]`` (equation 4.2)."""
    a, b, c = _parts(weights)
    root, ratio = sqrt(c), _arithmetic.div(b, c)
    stacked = concatenate((_arithmetic.mul(_like(root, u), u), _eye(u)), 0)
    q, _ = qr(stacked, full_matrices=False)
    m = typeof(u).shape[0]
    top = _slicing.slice_in_dim(q, 0, m)
    bottom = _slicing.slice_in_dim(q, m, typeof(q).shape[0])
    factor = _arithmetic.div(_arithmetic.sub(a, ratio), root)
    return _combined(ratio, u, factor, matmul(top, adjoint(bottom))), None


def _by_cholesky(u: Any, weights: Any) -> Any:
    """A step by the Cholesky factor of ``1 + c u^H u`` (equation 4.3)."""
    a, b, c = _parts(weights)
    ratio = _arithmetic.div(b, c)
    square = matmul(adjoint(u), u)
    square = _arithmetic.add(_eye(u), _arithmetic.mul(_like(c, square), square))
    factor = cholesky(square, symmetrize_input=False)
    solved = triangular_solve(factor, u, lower=True, transpose_a=True, conjugate_a=True)
    solved = triangular_solve(factor, solved, lower=True)
    return _combined(ratio, u, _arithmetic.sub(a, ratio), solved)


def _combined(p: Any, x: Any, q: Any, y: Any) -> Any:
    mul = _arithmetic.mul
    return _arithmetic.add(mul(_like(p, x), x), mul(_like(q, y), y))


def _parts(weights: Any) -> list[Any]:
    return [_slicing.index_in_dim(weights, i, keepdims=False) for i in range(3)]


def _like(scalar: Any, x: Any) -> Any:
    """A real scalar as an array like `x`."""
    return _shape.broadcast_in_dim(as_dtype_of(scalar, x), typeof(x).shape, ())


def _eye(u: Any) -> Any:
    """The identity with as many columns as `u`."""
    n = typeof(u).shape[1]
    return identity_like(_creation.full((n, n), 0, typeof(u).dtype))


def _inverse_bound(x: Any) -> Any:
    """One over a bound of the greatest singular value; 1 for zero."""
    size = _arithmetic.abs(x)
    sums = [_reductions.reduce_sum(size, (axis,)) for axis in (0, 1)]
    zero = _creation.full((), 0, typeof(size).dtype)
    bounds = [_arithmetic.max(zero, _reductions.reduce_max(s, (0,))) for s in sums]
    one = _creation.full_like(zero, 1)
    inverse = _arithmetic.mul(*map(rsqrt, bounds))
    return choose(_comparison.eq(bounds[0], zero), one, inverse)


def _norm(x: Any) -> Any:
    squares = real_part(_arithmetic.mul(x, conjugated(x)))
    return sqrt(_reductions.reduce_sum(squares, (0, 1)))


# ---- derivatives ---------------------------------------------------------------------


@custom_jvp
def polar_factors(x: Any, u: Any) -> tuple[Any, Any]:
    """The decomposition of matrices ``[..., m, n]`` whose unitary factor is known."""
    return u, hermitian_part(matmul(adjoint(u), x))


@polar_factors.defjvp
def _polar_jvp(primals: Any, tangents: Any) -> Any:
    """`dU = U W + (1 - U U^H) dX H^-1` and `dH = U^H dX - W H`.

    `W` is anti-Hermitian and solves `W H + H W = D - D^H` with `D = U^H dX`. Source:
    Kenney & Laub (1991), "Polar decomposition and matrix sign function condition
    estimates", SIAM J. Sci. Stat. Comput. 12; the case of more rows is ours.
    """
    (x, known), (dx, _) = primals, tangents
    u, h = polar_factors(x, known)
    inner = matmul(adjoint(u), dx)
    turn = _on_both_sides(h, _arithmetic.sub(inner, adjoint(inner)))
    du = matmul(u, turn)
    *_, m, n = typeof(x).shape
    if m > n:
        outside = _arithmetic.sub(dx, matmul(u, inner))
        du = _arithmetic.add(du, adjoint(lu_solve(h, adjoint(outside))))
    return (u, h), (du, hermitian_part(_arithmetic.sub(inner, matmul(turn, h))))


def _on_both_sides(h: Any, right: Any) -> Any:
    """The solution of ``w @ h + h @ w == right``.

    Its derivatives are those of the equation: those of eigenvectors aren't finite where
    eigenvalues of `h` are equal.
    """
    vectors, values = eigh(stop_gradient(h), symmetrize_input=False)
    n = typeof(values).shape[-1]
    sums = _arithmetic.add(along_rows(values, n), along_columns(values, n))

    def solve(_: Any, right: Any) -> Any:
        w = matmul(adjoint(vectors), matmul(right, vectors))
        w = _arithmetic.div(w, as_dtype_of(sums, h))
        return matmul(vectors, matmul(w, adjoint(vectors)))

    return custom_linear_solve(
        lambda w: _arithmetic.add(matmul(w, h), matmul(h, w)),
        right,
        solve,
        # The transpose of a Hermitian matrix is its conjugate.
        lambda f, right: conjugated(solve(f, conjugated(right))),
    )

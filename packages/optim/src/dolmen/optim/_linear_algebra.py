"""Iterations of linear algebra that optimizers are made of."""

from collections.abc import Callable
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, random, tree, typeof


def power_iteration(
    matrix: Any,
    *,
    v0: Any = None,
    num_iters: Any = 100,
    error_tolerance: Any = 1e-6,
    precision: Any = "highest",
    key: Any = None,
) -> tuple[Any, Any]:
    """The eigenvalue that is largest in absolute value, and its eigenvector.

    Args:
        matrix: symmetric float ``[n, n]``, or a linear function of trees like `v0`.
        v0: start, float ``[n]`` or a tree; by default uniformly random.
        num_iters: at most as many products.
        error_tolerance: stop when ``|A v - λ v| < error_tolerance |λ|``.
        precision: of matrix products.
        key: of the random start, by default ``random.key(0)``.

    Returns:
        The eigenvalue, and a tree like `v0` of norm 1, or 0 if the matrix is 0.

    Raises:
        TypeError: `matrix` is not real and floating-point.
        ValueError: `matrix` is a function and there is no `v0`, or is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> value, vector = power_iteration(jnp.diag(jnp.array([1.0, -3.0])))
        >>> round(float(value), 4), round(abs(float(vector[1])), 4)
        (-3.0, 1.0)

    Source: von Mises and Pollaczek-Geiringer (1929), "Praktische Verfahren der
    Gleichungsauflösung".
    """
    if callable(matrix):
        product: Callable[[Any], Any] = matrix
        if v0 is None:
            raise ValueError(
                extend.error_message(
                    "power_iteration: `v0` must be given where `matrix` is a function."
                )
            )
    else:
        matrix = _square("power_iteration", matrix)
        product = lambda v: jnp.matmul(matrix, v, precision=precision)  # noqa: E731
        if v0 is None:
            key = random.key(0) if key is None else key
            v0 = random.uniform(key, matrix.shape[-1:], matrix.dtype, -1, 1)

    def is_not_done(state: Any) -> Any:
        vector, moved, value, count = state
        rest = tree.map(lambda z, v: z - value * v, moved, vector)
        converged = jnp.abs(_norm(rest) / value) < error_tolerance
        return ~converged & (count < num_iters)

    def step(state: Any) -> Any:
        _, moved, _, count = state
        vector = _normalized(moved)
        moved = product(vector)
        return vector, moved, _dot(vector, moved), count + 1

    start = _normalized(v0)
    moved = product(start)
    # A value of zero: at least one step is made.
    zero = jnp.zeros_like(_dot(start, moved))
    state = (start, moved, zero, jnp.asarray(0))
    _, moved, value, _ = lax.while_loop(is_not_done, step, state)
    return value, _normalized(moved)


def matrix_inverse_pth_root(
    matrix: Any,
    p: int,
    num_iters: Any = 100,
    ridge_epsilon: Any = 1e-6,
    error_tolerance: Any = 1e-6,
    precision: Any = "highest",
) -> tuple[Any, Any]:
    """``A^(-1/p)`` of a symmetric positive-definite matrix, by products only.

    A coupled Newton iteration: ``M`` goes to the identity while ``H`` goes to the root.
    Accelerators are better at this than at eigenvalues.

    Args:
        matrix: float ``[n, n]``, symmetric positive semi-definite, not zero.
        p: positive integer.
        num_iters: at most as many steps.
        ridge_epsilon: times the greatest eigenvalue, is added to the diagonal.
        error_tolerance: stop when no element of ``M - 1`` is larger.
        precision: of matrix products.

    Returns:
        The root, in the dtype of `matrix` (computed in float32 or wider), and the
        largest element of ``M - 1``. If it grows, the root before that is given.

    Raises:
        TypeError: `matrix` is not real and floating-point.
        ValueError: `matrix` is not square, or `p` is no positive integer.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> root, error = matrix_inverse_pth_root(jnp.diag(jnp.array([4.0, 16.0])), 2)
        >>> [round(float(x), 3) for x in jnp.diag(root)]
        [0.5, 0.25]

    Source: Guo and Higham (2006), "A Schur-Newton method for the matrix pth root and
    its inverse"; Anil et al. (2020), arXiv:2002.09018, for the ridge and the stop.
    """
    matrix = _square("matrix_inverse_pth_root", matrix)
    if not isinstance(p, int) or p < 1:
        raise ValueError(
            extend.error_message(
                f"matrix_inverse_pth_root: `p` must be a positive integer, got {p!r}."
            )
        )
    wide = matrix.astype(jnp.promote_types(matrix.dtype, jnp.float32))
    identity = jnp.eye(len(wide), dtype=wide.dtype)
    largest, _ = power_iteration(wide, precision=precision)
    damped = wide + ridge_epsilon * jnp.maximum(largest, 1e-16) * identity

    def times(a: Any, b: Any) -> Any:
        return jnp.matmul(a, b, precision=precision)

    def error_of(m: Any) -> Any:
        return jnp.max(jnp.abs(m - identity))

    def is_not_done(state: Any) -> Any:
        _, _, _, error, shrinks, count = state
        return (count < num_iters) & (error > error_tolerance) & shrinks

    def step(state: Any) -> Any:
        m, root, _, error, _, count = state
        factor = ((p + 1) * identity - m) / p
        m = times(_power(factor, p, times), m)
        new_error = error_of(m)
        return (
            m,
            times(root, factor),
            root,
            new_error,
            new_error < 1.2 * error,
            count + 1,
        )

    # Scaled so that all eigenvalues of M are in (0, (p + 1) / 2], where it converges.
    scale = (1 + p) / (2 * jnp.linalg.norm(damped))
    m, root = damped * scale, identity * scale ** (1 / p)
    start = (m, root, root, error_of(m), jnp.asarray(True), jnp.asarray(0))
    m, root, before, error, shrinks, _ = lax.while_loop(is_not_done, step, start)
    return jnp.where(shrinks, root, before).astype(matrix.dtype), error


def nnls(A: Any, b: Any, iters: int, unroll: int | bool = 1, L: Any = None) -> Any:
    """Nonnegative least squares: the ``x ≥ 0`` that minimizes ``|A x - b|²``.

    By an accelerated projected gradient method: after ``k`` steps the excess of
    ``|A x - b|²`` is at most ``4 L |x*|² / k²``. Runs under `vmap`, and in one loop.

    Args:
        A: float ``[m, n]``.
        b: float ``[m]``, or ``[m, k]`` for ``k`` problems.
        iters: number of steps.
        unroll: steps in each turn of the loop.
        L: a bound of the largest eigenvalue of ``A.T A``; by default the lesser of two
            norms of it.

    Returns:
        float ``[n]`` or ``[n, k]``.

    Raises:
        ValueError: the shapes do not fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = nnls(jnp.array([[1.0, 0.0], [0.0, 2.0]]), jnp.array([-1.0, 1.0]), 50)
        >>> [round(float(value), 4) for value in x]
        [0.0, 0.5]

    Source: Beck and Teboulle (2009), "A fast iterative shrinkage-thresholding
    algorithm".
    """
    dtype = jnp.result_type(A, b, 1.0)
    A, b = jnp.asarray(A, dtype), jnp.asarray(b, dtype)
    if A.ndim != 2 or b.ndim not in (1, 2) or b.shape[0] != A.shape[0]:
        raise ValueError(
            extend.error_message(
                "nnls: `A` must be [m, n] and `b` [m] or [m, k], got "
                f"{typeof(A)} and {typeof(b)}."
            )
        )
    gram, target = A.mT @ A, A.mT @ b
    if L is None:
        frobenius = jnp.sqrt(jnp.sum(gram * gram))
        L = jnp.minimum(frobenius, jnp.max(jnp.sum(jnp.abs(gram), axis=0), initial=0))
    L = jnp.where(L == 0, 1, L)

    def step(carry: Any, _: None) -> tuple[Any, None]:
        x, ahead, t = carry
        new_x = jnp.maximum(ahead - (gram @ ahead - target) / L, 0)
        new_t = (1 + jnp.sqrt(1 + 4 * t * t)) / 2
        return (new_x, new_x + (t - 1) / new_t * (new_x - x), new_t), None

    start = jnp.zeros_like(target)
    carry = (start, start, jnp.ones((), target.dtype))
    (x, _, _), _ = lax.scan(step, carry, length=iters, unroll=unroll)
    return x


def _power(m: Any, p: int, times: Callable[[Any, Any], Any]) -> Any:
    """``m**p`` by repeated squaring."""
    if p == 1:
        return m
    half = _power(m, p // 2, times)
    square = times(half, half)
    return times(square, m) if p % 2 else square


def _square(function: str, matrix: Any) -> Any:
    matrix = jnp.asarray(matrix)
    if not jnp.issubdtype(matrix.dtype, jnp.floating):
        raise TypeError(
            extend.error_message(
                f"{function}: `matrix` must be real and floating-point, got "
                f"{typeof(matrix)}."
            )
        )
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise ValueError(
            extend.error_message(
                f"{function}: `matrix` must be [n, n], got {typeof(matrix)}."
            )
        )
    return matrix


def _norm(x: Any) -> Any:
    return jnp.sqrt(jnp.real(_dot(x, x)))


def _dot(x: Any, y: Any) -> Any:
    pairs = zip(tree.leaves(x), tree.leaves(y), strict=True)
    return sum(jnp.vdot(_wide(a), _wide(b), precision="highest") for a, b in pairs)


def _wide(x: Any) -> Any:
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))


def _normalized(x: Any) -> Any:
    norm = _norm(x)
    norm = jnp.where(norm == 0, 1, norm)
    return tree.map(lambda leaf: (leaf / norm).astype(jnp.asarray(leaf).dtype), x)

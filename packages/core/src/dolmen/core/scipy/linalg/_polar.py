"""The polar decomposition."""

from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order._polar import polar_factors
from ..._ir import message, value_error
from ..._ops._matrices import adjoint, hermitian_part, matmul
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import matrices


@jit_when_eager(static_argnames=("side", "method", "eps", "max_iterations"))
def polar(
    a: ArrayLike,
    side: str = "right",
    *,
    method: str = "qdwh",
    eps: float | None = None,
    max_iterations: int | None = None,
) -> tuple[Array, Array]:
    """The polar decomposition: ``a == U @ P``, or ``a == P @ U`` for the side "left".

    Args:
        a: ``[..., m, n]``.
        side: "right" or "left".
        method: "qdwh", an iteration that suits accelerators, for "right" with
            ``m >= n`` and for "left" with ``m <= n``; or "svd".
        eps: relative error at which the iteration stops; by default that of the dtype.
        max_iterations: after which it stops in any case; by default 10.

    Returns:
        `U` ``[..., m, n]``, with orthonormal columns or, if these are more, rows; `P`,
        Hermitian and positive semidefinite, ``[..., n, n]`` for "right" or
        ``[..., m, m]`` for "left". Derivatives need independent columns, or rows if
        these are fewer.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` has fewer than two axes, another `side` or another `method`.
        NotImplementedError: shape and side don't suit "qdwh".

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.polar(jnp.array([[0.0, -2.0], [2.0, 0.0]]), method="svd")
        (Array([[ 0., -1.],
               [ 1.,  0.]], dtype=float32), Array([[2., 0.],
               [0., 2.]], dtype=float32))

    Source: Nakatsukasa, Bai & Gygi (2010), "Optimizing Halley's iteration for computing
    the matrix polar decomposition", doi:10.1137/090774999.
    """
    if side not in ("right", "left"):
        raise value_error(f"polar: `side` must be 'right' or 'left', got {side!r}.")
    if method not in _UNITARY:
        raise value_error(f"polar: `method` must be 'qdwh' or 'svd', got {method!r}.")
    a = matrices("polar", "a", a)
    m, n = typeof(a).shape[-2:]
    if method == "qdwh" and m != n and (m > n) != (side == "right"):
        raise NotImplementedError(
            message(
                f"polar: the method 'qdwh' does not suit side={side!r} for matrices "
                f"with {m} rows and {n} columns, got {typeof(a)!r}.",
                "Use method='svd'.",
            )
        )
    is_tall = m >= n
    x = a if is_tall else adjoint(a)
    u, p = polar_factors(x, _UNITARY[method](lax.stop_gradient(x), eps, max_iterations))
    u = u if is_tall else adjoint(u)
    if is_tall and side == "left":
        p = hermitian_part(matmul(a, adjoint(u)))
    elif not is_tall and side == "right":
        p = hermitian_part(matmul(adjoint(u), a))
    return u, p


def _by_svd(x: Any, eps: Any, max_iterations: Any) -> Any:
    del eps, max_iterations
    u, _, v = lax.linalg.svd(x, full_matrices=False)
    return matmul(u, v)


def _by_qdwh(x: Any, eps: Any, max_iterations: Any) -> Any:
    def one(x: Any) -> Any:
        return lax.linalg.qdwh(x, eps=eps, max_iterations=max_iterations)[0]

    return jnp.vectorize(one, signature="(m,n)->(m,n)")(x)


_UNITARY = {"qdwh": _by_qdwh, "svd": _by_svd}

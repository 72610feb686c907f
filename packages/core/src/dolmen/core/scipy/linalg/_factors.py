"""Factorizations by triangular and orthogonal matrices."""

from typing import Any

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._ops._matrices import (
    adjoint,
    conjugated,
    first_columns,
    first_rows,
    identity_like,
    take_rows,
    triangle,
)
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import check_matrices, matrices, operands, square_matrices

# ---- Cholesky ------------------------------------------------------------------------


@jit_when_eager(static_argnames=("lower", "overwrite_a", "check_finite"))
def cholesky(
    a: ArrayLike,
    lower: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> Array:
    """The triangular matrices ``R`` with ``R.mT.conj() @ R == a``.

    Args:
        a: ``[..., n, n]``, Hermitian and positive definite; the upper triangle is
            read, or with `lower` the lower one.
        lower: give ``L == R.mT.conj()``, so that ``L @ L.mT.conj() == a``.
        overwrite_a: ignored.
        check_finite: ignored.

    Returns:
        ``[..., n, n]``; NaN where `a` is not positive definite (SciPy raises).

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.cholesky(jnp.array([[4, 2], [2, 5]]))
        Array([[2., 1.],
               [0., 2.]], dtype=float32)
    """
    return triangular_factor(square_matrices("cholesky", "a", a), lower)


def triangular_factor(a: Any, lower: bool) -> Any:
    """The Cholesky factors of matrices of which one triangle is read."""
    if lower:
        return lax.linalg.cholesky(a, symmetrize_input=False)
    return adjoint(lax.linalg.cholesky(adjoint(a), symmetrize_input=False))


def cho_factor(
    a: ArrayLike,
    lower: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> tuple[Array, bool]:
    """Cholesky factors as `cho_solve` takes them.

    Args:
        a: as for `cholesky`.
        lower: as for `cholesky`.
        overwrite_a: ignored.
        check_finite: ignored.

    Returns:
        A pair of what `cholesky` returns and `lower`. (The other triangle is zero;
        SciPy's isn't.)

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.cho_factor(jnp.array([[4.0]]))
        (Array([[2.]], dtype=float32), False)
    """
    del overwrite_a, check_finite
    return _cho_factor(a, bool(lower)), lower


@jit_when_eager(name="cho_factor", static_argnames=("lower",))
def _cho_factor(a: Any, lower: bool) -> Any:
    return triangular_factor(square_matrices("cho_factor", "a", a), lower)


# ---- LU ------------------------------------------------------------------------------


@jit_when_eager(static_argnames=("overwrite_a", "check_finite"))
def lu_factor(
    a: ArrayLike, overwrite_a: bool = False, check_finite: bool = True
) -> tuple[Array, Array]:
    """LU factors with partial pivoting as `lu_solve` takes them.

    Args:
        a: ``[..., m, n]``.
        overwrite_a: ignored.
        check_finite: ignored.

    Returns:
        ``[..., m, n]`` with `U` in the upper triangle and `L`, whose diagonal is one,
        below it; the pivots, int32 ``[..., min(m, n)]``: row `i` was swapped with row
        ``pivots[i]``, in this order.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` has fewer than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.lu_factor(jnp.array([[1.0, 2.0], [2.0, 8.0]]))[1]
        Array([1, 1], dtype=int32)
    """
    factors, pivots, _ = lax.linalg.lu(matrices("lu_factor", "a", a))
    return factors, pivots


@jit_when_eager(static_argnames=("permute_l", "overwrite_a", "check_finite"))
def lu(
    a: ArrayLike,
    permute_l: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> tuple[Array, Array] | tuple[Array, Array, Array]:
    """LU factors with partial pivoting: ``a == P @ L @ U``.

    Args:
        a: ``[..., m, n]``.
        permute_l: give ``P @ L`` in place of `P` and `L`.
        overwrite_a: ignored.
        check_finite: ignored.

    Returns:
        With ``k = min(m, n)``: a permutation matrix `P` ``[..., m, m]``, which is real;
        `L` ``[..., m, k]``, lower triangular with ones on the diagonal; and `U`
        ``[..., k, n]``, upper triangular.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` has fewer than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> p, l, u = linalg.lu(jnp.array([[1.0, 2.0], [2.0, 8.0]]))
        >>> u
        Array([[ 2.,  8.],
               [ 0., -2.]], dtype=float32)
    """
    a = matrices("lu", "a", a)
    factors, _, permutation = lax.linalg.lu(a)
    *batch, m, n = typeof(a).shape
    k = min(m, n)
    low = first_columns(factors, k)
    low = triangle(low, -1) + identity_like(low)
    upper = triangle(first_rows(factors, k), lower=False)
    back = jnp.argsort(permutation)
    if permute_l:
        return take_rows(low, back), upper
    square = jnp.zeros((*batch, m, m), jnp.finfo(typeof(a).dtype).dtype)
    return take_rows(identity_like(square), back), low, upper


# ---- QR ------------------------------------------------------------------------------


@jit_when_eager(
    static_argnames=("overwrite_a", "lwork", "mode", "pivoting", "check_finite")
)
def qr(
    a: ArrayLike,
    overwrite_a: bool = False,
    lwork: Any = None,
    mode: str = "full",
    pivoting: bool = False,
    check_finite: bool = True,
) -> tuple[Array, ...]:
    """QR factors: ``a == Q @ R``, or ``a[:, permutation] == Q @ R`` with pivoting.

    Args:
        a: ``[..., m, n]``.
        overwrite_a: ignored.
        lwork: ignored.
        mode: "full": `Q` ``[..., m, m]``, whose columns are orthonormal, and `R`
            ``[..., m, n]``, upper triangular; "r": the same `R` alone; "economic": `Q`
            ``[..., m, k]`` and `R` ``[..., k, n]`` with ``k = min(m, n)``.
        pivoting: permute the columns so that the diagonal of `R` decreases.
        check_finite: ignored.

    Returns:
        A tuple of the matrices, and with pivoting of the permutation, int32
        ``[..., n]``.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` has fewer than two axes, or another `mode`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> q, r = linalg.qr(jnp.ones((3, 2)), mode="economic")
        >>> q.shape, r.shape
        ((3, 2), (2, 2))
    """
    if mode not in ("full", "r", "economic"):
        raise value_error(
            f"qr: `mode` must be 'full', 'r' or 'economic', got {mode!r}."
        )
    q, *rest = lax.linalg.qr(
        matrices("qr", "a", a), pivoting=pivoting, full_matrices=mode != "economic"
    )
    return tuple(rest) if mode == "r" else (q, *rest)


@jit_when_eager(
    static_argnames=("mode", "pivoting", "conjugate", "overwrite_a", "overwrite_c")
)
def qr_multiply(
    a: ArrayLike,
    c: ArrayLike,
    mode: str = "right",
    pivoting: bool = False,
    conjugate: bool = False,
    overwrite_a: bool = False,
    overwrite_c: bool = False,
) -> tuple[Array, ...]:
    """Products with the `Q` of QR factors: ``a == Q @ R``.

    Args:
        a: ``[..., m, n]``; `Q` is ``[..., m, k]`` with ``k = min(m, n)``.
        c: for "right" ``[m]`` or ``[..., l, m]``, for "left" ``[k]`` or
            ``[..., k, l]``; leading axes broadcast.
        mode: "right" gives ``c @ Q``, "left" ``Q @ c``.
        pivoting: see `qr`.
        conjugate: multiply with the conjugate of `Q`.
        overwrite_a: ignored.
        overwrite_c: ignored.

    Returns:
        The product; `R` ``[..., k, n]``; and with pivoting the permutation, int32
        ``[..., n]``.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: sizes don't fit, or another `mode`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> a, c = jnp.array([[0.0, 1.0], [2.0, 0.0]]), jnp.array([3.0, 5.0])
        >>> product, r = linalg.qr_multiply(a, c, "left")
        >>> [x.tolist() for x in (product, r)]
        [[-5.0, -3.0], [[-2.0, 0.0], [0.0, -1.0]]]
    """
    if mode not in ("right", "left"):
        raise value_error(
            f"qr_multiply: `mode` must be 'right' or 'left', got {mode!r}."
        )
    a, c = operands("qr_multiply", a=a, c=c)
    check_matrices("qr_multiply", "a", a)
    q, *rest = lax.linalg.qr(a, pivoting=pivoting, full_matrices=False)
    q = conjugated(q) if conjugate else q
    shape, wanted = typeof(c).shape, typeof(q).shape[-2 if mode == "right" else -1]
    axis = -1 if mode == "right" or len(shape) == 1 else -2
    if not shape or shape[axis] != wanted:
        raise value_error(
            f"qr_multiply: for the mode {mode!r} `c` must have {wanted} "
            f"{'columns' if mode == 'right' else 'rows'}, since `a` is {typeof(a)!r}, "
            f"got {typeof(c)!r}."
        )
    factors = (c, q) if mode == "right" else (q, c)
    return jnp.matmul(*factors, precision="highest"), *rest


# ---- singular values -----------------------------------------------------------------

_DRIVERS = {
    "gesdd": lax.linalg.SvdAlgorithm.DEFAULT,
    "gesvd": lax.linalg.SvdAlgorithm.QR,
}


@jit_when_eager(
    static_argnames=(
        "full_matrices",
        "compute_uv",
        "overwrite_a",
        "check_finite",
        "lapack_driver",
    )
)
def svd(
    a: ArrayLike,
    full_matrices: bool = True,
    compute_uv: bool = True,
    overwrite_a: bool = False,
    check_finite: bool = True,
    lapack_driver: str = "gesdd",
) -> Any:
    """Singular values, descending, and vectors: ``a == U @ diag(s) @ Vh``.

    Args:
        a: ``[..., m, n]``.
        full_matrices: make `U` and `Vh` square.
        compute_uv: give the vectors too.
        overwrite_a: ignored.
        check_finite: ignored.
        lapack_driver: "gesdd" for divide and conquer, "gesvd" for QR iteration.

    Returns:
        `U` ``[..., m, k]``, `s` ``[..., min(m, n)]`` and `Vh` ``[..., k, n]``; `s`
        alone without `compute_uv`.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` has fewer than two axes, or another `lapack_driver`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.svd(jnp.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
        Array([4., 3.], dtype=float32)
    """
    if lapack_driver not in _DRIVERS:
        raise value_error(
            f"svd: `lapack_driver` must be 'gesdd' or 'gesvd', got {lapack_driver!r}."
        )
    return lax.linalg.svd(
        matrices("svd", "a", a),
        full_matrices=full_matrices,
        compute_uv=compute_uv,
        algorithm=_DRIVERS[lapack_driver],
    )

"""Factorizations as named tuples."""

from typing import Any, NamedTuple

import numpy as np

from ... import lax
from ..._ir import value_error
from ..._ops._matrices import (
    adjoint,
    along_rows,
    as_dtype_of,
    conjugated,
    take_rows,
    transposed,
)
from ..._ops._qr import householder_qr
from ..._ops._spectral import check_subset
from ..._tracing import typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._promotion import promote_args_inexact
from ._systems import square_type


class EigResult(NamedTuple):
    """Eigenvalues ``[..., n]`` and eigenvectors ``[..., n, n]``, the columns."""

    eigenvalues: Array
    eigenvectors: Array


class EighResult(NamedTuple):
    """Eigenvalues ``[..., n]`` and eigenvectors ``[..., n, n]``, the columns."""

    eigenvalues: Array
    eigenvectors: Array


class QRResult(NamedTuple):
    """`Q` ``[..., m, k]`` and `R` ``[..., k, n]``."""

    Q: Array
    R: Array


class SVDResult(NamedTuple):
    """`U` ``[..., m, k]``, `S` ``[..., min(m, n)]`` and `Vh` ``[..., k, n]``."""

    U: Array
    S: Array
    Vh: Array


@jit_when_eager(static_argnames=("upper", "symmetrize_input"))
def cholesky(
    a: ArrayLike, *, upper: bool = False, symmetrize_input: bool = True
) -> Array:
    """The triangular matrix `L` with ``L @ L.mT.conj() == a``.

    Args:
        a: ``[..., n, n]``, Hermitian and positive definite.
        upper: give ``L.mT.conj()``.
        symmetrize_input: take the mean of `a` and its adjoint; else only one triangle
            is read, the upper one with `upper`.

    Returns:
        ``[..., n, n]``; NaN where `a` is not positive definite (NumPy raises).

    Raises:
        ValueError: the last two sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.cholesky(jnp.array([[4, 2], [2, 5]]))
        Array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    (x,) = promote_args_inexact("cholesky", a)
    if upper and not symmetrize_input:
        x = adjoint(x)
    factor = lax.linalg.cholesky(x, symmetrize_input=symmetrize_input)
    return adjoint(factor) if upper else factor


@jit_when_eager
def eig(a: ArrayLike) -> EigResult:
    """Eigenvalues, in no particular order, and right eigenvectors.

    Args:
        a: ``[..., n, n]``.

    Returns:
        Complex eigenvalues ``[..., n]`` and eigenvectors ``[..., n, n]``, the columns,
        of length one; complex also where NumPy finds them real. Their derivatives are
        those of `lax.linalg.eig`, which asks for a promise.

    Raises:
        ValueError: the last two sizes differ.
        NotImplementedError: the result is differentiated.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.eig(jnp.array([[1, 2], [0, 3]])).eigenvalues
        Array([1.+0.j, 3.+0.j], dtype=complex64)
    """
    square_type("eig", a)
    (x,) = promote_args_inexact("eig", a)
    return EigResult(*lax.linalg.eig(x, compute_left_eigenvectors=False))


@jit_when_eager
def eigvals(a: ArrayLike) -> Array:
    """Eigenvalues ``[..., n]`` of ``[..., n, n]``, complex and in no particular order.

    They have derivatives where they are distinct.

    Raises:
        ValueError: the last two sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.eigvals(jnp.array([[0.0, 1.0], [-1.0, 0.0]]))
        Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    square_type("eigvals", a)
    (x,) = promote_args_inexact("eigvals", a)
    return lax.linalg.eig(
        x, compute_left_eigenvectors=False, compute_right_eigenvectors=False
    )[0]


@jit_when_eager(static_argnames=("UPLO", "symmetrize_input"))
def eigh(
    a: ArrayLike, UPLO: str | None = None, symmetrize_input: bool = True
) -> EighResult:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices.

    Args:
        a: ``[..., n, n]``.
        UPLO: "L" or "U": which triangle is read without `symmetrize_input`.
        symmetrize_input: take the mean of `a` and its adjoint.

    Returns:
        Real eigenvalues ``[..., n]`` and eigenvectors ``[..., n, n]``, the columns.

    Raises:
        ValueError: the last two sizes differ, or `UPLO` is another text.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.eigh(jnp.array([[2, 0], [0, 1]])).eigenvalues
        Array([1., 2.], dtype=float32)
    """
    if UPLO not in (None, "L", "U"):
        raise value_error(f"eigh: `UPLO` must be None, 'L' or 'U', got {UPLO!r}.")
    square_type("eigh", a)
    (x,) = promote_args_inexact("eigh", a)
    vectors, values = lax.linalg.eigh(
        x, lower=UPLO != "U", symmetrize_input=symmetrize_input
    )
    return EighResult(values, vectors)


@jit_when_eager(static_argnames=("UPLO", "symmetrize_input"))
def eigvalsh(
    a: ArrayLike, UPLO: str | None = "L", *, symmetrize_input: bool = True
) -> Array:
    """Eigenvalues of Hermitian matrices, ascending: see `eigh`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.eigvalsh(jnp.array([[2.0, 1.0], [1.0, 2.0]]))
        Array([1., 3.], dtype=float32)
    """
    square_type("eigvalsh", a)
    return eigh(a, UPLO, symmetrize_input).eigenvalues


@jit_when_eager(static_argnames=("mode",))
def qr(a: ArrayLike, mode: str = "reduced") -> Any:
    """QR factors: ``a == Q @ R``, the columns of `Q` orthonormal, `R` triangular.

    Args:
        a: ``[..., m, n]``.
        mode: "reduced": `Q` ``[..., m, k]`` and `R` ``[..., k, n]`` with
            ``k = min(m, n)``; "complete": the same with ``k = m``; "r": `R` alone, as
            reduced; "raw": LAPACK's reflections, transposed, and their scales.

    Returns:
        A `QRResult`; an array with "r".

    Raises:
        ValueError: another `mode`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> q, r = jnp.linalg.qr(jnp.ones((3, 2)))
        >>> q.shape, r.shape
        ((3, 2), (2, 2))
    """
    (x,) = promote_args_inexact("qr", a)
    if mode == "raw":
        packed, taus = householder_qr(x)
        return QRResult(lax.transpose(packed, _swapped(packed)), taus)
    if mode not in ("reduced", "complete", "r"):
        raise value_error(
            f"qr: `mode` must be 'reduced', 'complete', 'r' or 'raw', got {mode!r}."
        )
    q, r = lax.linalg.qr(x, full_matrices=mode == "complete")
    return r if mode == "r" else QRResult(q, r)


def _swapped(x: Any) -> tuple[int, ...]:
    n = typeof(x).ndim
    return (*range(n - 2), n - 1, n - 2)


@jit_when_eager(
    static_argnames=("full_matrices", "compute_uv", "hermitian", "subset_by_index")
)
def svd(
    a: ArrayLike,
    full_matrices: bool = True,
    compute_uv: bool = True,
    hermitian: bool = False,
    subset_by_index: tuple[int, int] | None = None,
) -> Any:
    """Singular values, descending, and vectors: ``a == U @ diag(S) @ Vh``.

    Args:
        a: ``[..., m, n]``.
        full_matrices: make `U` and `Vh` square.
        compute_uv: give the vectors too.
        hermitian: a promise that `a` is Hermitian: its eigenvalues are computed
            instead, which is faster. The mean of `a` and its adjoint is taken.
        subset_by_index: None, or ``(0, min(m, n))``.

    Returns:
        An `SVDResult`; the values ``[..., min(m, n)]`` alone without `compute_uv`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.svd(jnp.array([[3, 0], [0, 4]]), compute_uv=False)
        Array([4., 3.], dtype=float32)
    """
    (x,) = promote_args_inexact("svd", a)
    if hermitian:
        check_subset("svd", subset_by_index, square_type("svd", a).shape[-1])
        made = _hermitian_svd(x)
        return made if compute_uv else made.S
    made = lax.linalg.svd(
        x,
        full_matrices=full_matrices,
        compute_uv=compute_uv,
        subset_by_index=subset_by_index,
    )
    return SVDResult(*made) if compute_uv else made


def _hermitian_svd(x: Any) -> SVDResult:
    """Singular values are absolute eigenvalues; signs go to the left vectors."""
    vectors, values = lax.linalg.eigh(x)
    axis = typeof(values).ndim - 1
    place = lax.broadcasted_iota(np.int32, typeof(values).shape, axis)
    _, order = lax.sort_key_val(lax.neg(lax.abs(values)), place)
    # Rows of these are eigenvectors, and one eigenvalue each.
    rows = take_rows(transposed(vectors), order)
    values = take_rows(lax.expand_dims(values, (axis + 1,)), order)
    is_negative = lax.lt(values, lax.full_like(values, 0))
    signs = lax.select(is_negative, lax.full_like(values, -1), lax.full_like(values, 1))
    signs = as_dtype_of(lax.squeeze(signs, (axis + 1,)), rows)
    left = lax.mul(transposed(rows), along_rows(signs, typeof(rows).shape[-1]))
    sizes = lax.abs(lax.squeeze(values, (axis + 1,)))
    return SVDResult(left, sizes, conjugated(rows))


@jit_when_eager
def svdvals(x: ArrayLike, /) -> Array:
    """Singular values ``[..., min(m, n)]`` of ``[..., m, n]``, descending.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.svdvals(jnp.array([[3.0, 0.0], [0.0, -4.0]]))
        Array([4., 3.], dtype=float32)
    """
    return svd(x, compute_uv=False)

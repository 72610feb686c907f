"""Eigenvalues and eigenvectors of matrices that aren't Hermitian."""

import enum
import warnings
from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type, message, value_error
from .._tracing import bind, typeof
from . import _arithmetic, _comparison, _creation, _extrema, _reductions
from ._conversion import complex, convert_element_type, imag
from ._lu import lu_solve
from ._matrices import (
    INT32,
    MatrixFunction,
    adjoint,
    along_columns,
    along_rows,
    as_dtype_of,
    call_lapack,
    check_matrices,
    check_square,
    complex_type,
    conjugated,
    diagonal,
    inverse_gaps,
    matmul,
    nan_where_failed,
    real_part,
    transposed,
)


class EigImplementation(enum.Enum):
    """Which library computes eigenvalues; the CPU has LAPACK only."""

    CUSOLVER = "cusolver"
    MAGMA = "magma"
    LAPACK = "lapack"


def eig(
    x: Any,
    *,
    compute_left_eigenvectors: bool = True,
    compute_right_eigenvectors: bool = True,
    enable_eigvec_derivs: bool = False,
    implementation: EigImplementation | None = None,
    use_magma: bool | None = None,
) -> list[Any]:
    """Eigenvalues and eigenvectors of square matrices.

    The right eigenvectors are the columns of `vr` with ``x @ vr == vr * w``, the left
    ones those of `vl` with ``vl.mT.conj() @ x == w[:, None] * vl.mT.conj()``. They have
    length one, and their component of greatest modulus is real.

    Args:
        x: float32, float64 or complex ``[..., n, n]``.
        compute_left_eigenvectors: whether to give `vl`.
        compute_right_eigenvectors: whether to give `vr`.
        enable_eigvec_derivs: a promise that the eigenvalues are distinct and that no
            eigenvector has two components of greatest modulus; without it only the
            eigenvalues have derivatives, and only where no eigenvectors are computed.
        implementation: None or `EigImplementation.LAPACK`.
        use_magma: deprecated; say it by `implementation`.

    Returns:
        A list of the eigenvalues `w` ``[..., n]`` in no particular order, then `vl` and
        `vr`, both ``[..., n, n]``, if they are wanted. All are complex; NaN where the
        algorithm doesn't converge.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: the last two sizes of `x` differ, or another implementation.
        NotImplementedError: eigenvectors are differentiated without the promise.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.eig(jnp.array([[0.0, 1.0], [-1.0, 0.0]]))[0]
        Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    if use_magma is not None:
        warnings.warn(
            "eig: `use_magma` is deprecated. Say `implementation="
            "EigImplementation.MAGMA` or `LAPACK` instead.",
            DeprecationWarning,
            stacklevel=2,
        )
        chosen = EigImplementation.MAGMA if use_magma else EigImplementation.LAPACK
        implementation = chosen
    if implementation not in (None, EigImplementation.LAPACK):
        raise value_error(
            f"eig: {implementation} is not an implementation for the CPU.",
            "Leave `implementation` out.",
        )
    sides = bool(compute_left_eigenvectors), bool(compute_right_eigenvectors)
    return list(bind(Eig(*sides, bool(enable_eigvec_derivs)), x))


class Eig(MatrixFunction):
    """Eigenvalues, and left and right eigenvectors if they are wanted."""

    multiple_results = True

    left: bool
    right: bool
    differentiable_vectors: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        check_matrices("eig", arg_types)
        check_square("eig", x)
        vectors = complex_type(x.shape, x.dtype)
        values = complex_type(x.shape[:-1], x.dtype)
        return [values, *[vectors] * (self.left + self.right)]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dw = diag(D)` with `D = V^-1 dA V`; for the vectors see `_vectors_jvp`."""
        (x,), (dx,) = primals, tangents
        if (self.left or self.right) and not self.differentiable_vectors:
            raise NotImplementedError(
                message(
                    "eig: eigenvectors have derivatives only if the eigenvalues are "
                    "distinct and no eigenvector has two components of greatest "
                    "modulus, which is not checked.",
                    "Promise it with `lax.linalg.eig(..., enable_eigvec_derivs=True)`, "
                    "or compute the eigenvalues alone.",
                )
            )
        # Lengths and phases cancel in what the eigenvalues need of the vectors.
        full = self.replace(right=True, differentiable_vectors=True)
        values, *vectors = bind(full, x)
        dx = as_dtype_of(dx, values)
        right = vectors[-1]
        if not (self.left or self.right):
            half = transposed(lu_solve(right, dx))
            rows = typeof(right).ndim - 2
            return [values], [
                _reductions.reduce_sum(_arithmetic.mul(half, right), (rows,))
            ]
        d_values, d_right = _vectors_jvp(values, right, dx)
        d_vectors = [d_right]
        if self.left:
            # The left eigenvectors of a matrix are the right ones of its adjoint.
            of_adjoint = conjugated(values), vectors[0], adjoint(dx)
            d_vectors.insert(0, _vectors_jvp(*of_adjoint)[1])
        count = self.left + self.right
        return [values, *vectors[:count]], [d_values, *d_vectors[:count]]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (x,) = builder.in_types
        vectors = complex_type(x.shape, x.dtype)
        values = array_type(x.shape[:-1], x.dtype)
        is_real = x.dtype.kind == "f"
        parts = [values] * (1 + is_real)
        info = array_type(x.shape[:-2], INT32)
        *made, left, right, info = call_lapack(
            builder,
            "geev",
            args,
            [*parts, vectors, vectors, info],
            aliases=(),
            compute_left=_vectors_letter(self.left),
            compute_right=_vectors_letter(self.right),
        )
        all_values = complex_type(values.shape, x.dtype)
        w = builder.emit("complex", made, (all_values,)) if is_real else made[0]
        wanted = [w, *[left] * self.left, *[right] * self.right]
        return nan_where_failed(builder, info, wanted, builder.out_types)


def _vectors_letter(compute: bool) -> str:
    return "V" if compute else "N"


def _vectors_jvp(values: Any, vectors: Any, dx: Any) -> tuple[Any, Any]:
    """Tangents of eigenvalues and right eigenvectors.

    `dV = V (F * D) + V diag(c)` with `D = V^-1 dA V` and `F = 1 / (wj - wi)`, zero on
    the diagonal: Giles (2008), "Collected matrix derivative results for forward and
    reverse mode algorithmic differentiation", section 3.1. `c` keeps the length one and
    the greatest component real, as LAPACK chooses them: Boeddeker et al. (2017),
    arXiv:1701.00392, section 4.5, where another component is kept real.
    """
    inner = matmul(lu_solve(vectors, dx), vectors)
    n = typeof(vectors).shape[-1]
    gaps = _arithmetic.sub(along_rows(values, n), along_columns(values, n))
    moved = matmul(vectors, _arithmetic.mul(inverse_gaps(gaps), inner))
    rows = typeof(vectors).ndim - 2
    overlap = _arithmetic.mul(conjugated(vectors), moved)
    stretch = real_part(_reductions.reduce_sum(overlap, (rows,)))
    greatest = _extrema.argmax(_arithmetic.abs(vectors), rows, INT32)
    row = _creation.broadcasted_iota(INT32, typeof(vectors).shape, rows)
    is_greatest = _comparison.eq(row, along_rows(greatest, n))
    chosen = convert_element_type(is_greatest, typeof(vectors).dtype)

    def component(x: Any) -> Any:
        return _reductions.reduce_sum(_arithmetic.mul(chosen, x), (rows,))

    turn = _arithmetic.div(imag(component(moved)), real_part(component(vectors)))
    kept = complex(_arithmetic.neg(stretch), _arithmetic.neg(turn))
    change = _arithmetic.mul(vectors, along_rows(kept, n))
    return diagonal(inner), _arithmetic.add(moved, change)

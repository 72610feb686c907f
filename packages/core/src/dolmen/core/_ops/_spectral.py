"""Eigenvalues of Hermitian matrices, and singular values."""

import enum
import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, array_type
from .._tracing import bind, typeof
from . import _arithmetic, _jacobi, _slicing
from ._conversion import complex, imag
from ._elementwise import constant_like
from ._joining import concatenate
from ._matrices import (
    INT32,
    MatrixFunction,
    adjoint,
    along_columns,
    along_rows,
    as_dtype_of,
    call_expanded,
    call_lapack,
    check_matrices,
    check_square,
    diagonal,
    diagonal_part,
    first_columns,
    first_rows,
    hermitian_from,
    hermitian_part,
    inlined,
    inverse_gaps,
    matmul,
    nan_where_failed,
    real_part,
    real_type,
    scaled,
)

# What the Jacobi iteration reads and whether it sorts; the greatest number of sweeps,
# and what may be left beside the diagonal, its square relative to that of the matrix.
_JACOBI = "1,0,40,1e-13"


class EighImplementation(enum.Enum):
    """How accelerators compute eigenvalues; the CPU knows divide and conquer only."""

    QR = "qr"
    JACOBI = "jacobi"
    QDWH = "qdwh"


class SvdAlgorithm(enum.Enum):
    """How singular values are computed.

    Attributes:
        DEFAULT: the best for the platform: divide and conquer on the CPU, Jacobi
            rotations elsewhere.
        QR: QR iteration.
        JACOBI: Jacobi rotations, on accelerators.
        POLAR: polar decompositions, on accelerators.
        DIVIDE_AND_CONQUER: divide and conquer.
    """

    DEFAULT = "default"
    QR = "QR"
    JACOBI = "Jacobi"
    POLAR = "polar"
    DIVIDE_AND_CONQUER = "divide_and_conquer"


def check_subset(name: str, subset: Any, size: int) -> None:
    """Raise `NotImplementedError` unless the subset is all of `size` values."""
    if subset is not None and tuple(subset) != (0, size):
        raise NotImplementedError(
            f"{name}: subset_by_index={subset} is not supported on the CPU. Slice the "
            "results instead."
        )


# ---- Hermitian matrices --------------------------------------------------------------


def eigh(
    x: Any,
    *,
    lower: bool = True,
    symmetrize_input: bool = True,
    sort_eigenvalues: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    implementation: EighImplementation | None = None,
) -> tuple[Any, Any]:
    """Eigenvectors and eigenvalues of Hermitian matrices.

    Args:
        x: float32, float64 or complex ``[..., n, n]``.
        lower: which triangle of `x` is read.
        symmetrize_input: take the mean of `x` and its adjoint.
        sort_eigenvalues: ignored: they always ascend.
        subset_by_index: None, or ``(0, n)``.
        implementation: None or `EighImplementation.QR`; the CPU has one algorithm.

    Returns:
        Eigenvectors ``[..., n, n]``, the columns, and eigenvalues ``[..., n]``, real
        and ascending; NaN where the algorithm doesn't converge. Derivatives of
        eigenvectors are not finite where eigenvalues are equal.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: the last two sizes of `x` differ.
        NotImplementedError: a part of the eigenvalues, or another algorithm.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.eigh(jnp.array([[2.0, 0.0], [0.0, 1.0]]))[1]
        Array([1., 2.], dtype=float32)
    """
    type = typeof(x)
    check_matrices("eigh", (type,))
    check_square("eigh", type)
    check_subset("eigh", subset_by_index, type.shape[-1])
    if implementation not in (None, EighImplementation.QR):
        raise NotImplementedError(
            f"eigh: {implementation} is not supported on the CPU. Leave "
            "`implementation` out."
        )
    if symmetrize_input:
        x = hermitian_part(x)
    vectors, values = bind(Eigh(bool(lower)), x)
    return vectors, values


class Eigh(MatrixFunction):
    """Eigenvectors and eigenvalues; one triangle of the matrix is read."""

    multiple_results = True

    reads_lower: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        check_matrices("eigh", arg_types)
        check_square("eigh", x)
        return x.strengthened(), real_type(x.shape[:-1], x.dtype)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dw = diag(D)`, `dV = V (F * D)` with `D = V^H dA V`, `F = 1 / (wj - wi)`.

        Giles (2008), "Collected matrix derivative results for forward and reverse mode
        algorithmic differentiation", section 3.1. `F` is zero on the diagonal: that is
        how LAPACK's choice of length and phase is kept.
        """
        (x,), (dx,) = primals, tangents
        vectors, values = bind(self, x)
        dx = hermitian_from(dx, lower=self.reads_lower)
        inner = matmul(adjoint(vectors), matmul(dx, vectors))
        d_values = real_part(diagonal(inner))
        n = typeof(x).shape[-1]
        gaps = _arithmetic.sub(along_rows(values, n), along_columns(values, n))
        turn = _arithmetic.mul(as_dtype_of(inverse_gaps(gaps), x), inner)
        return (vectors, values), (matmul(vectors, turn), d_values)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if builder.platform != "cpu":
            return self._lower_elsewhere(builder, args)
        vectors, values = builder.out_types
        types = (vectors, values, array_type(values.shape[:-1], INT32))
        uplo = "L" if self.reads_lower else "U"
        *made, info = call_lapack(builder, "syevd", args, types, mode="V", uplo=uplo)
        return nan_where_failed(builder, info, made, builder.out_types)

    def _lower_elsewhere(self, builder: Any, args: Sequence[Any]) -> list[Any]:
        (x,), types = builder.in_types, builder.out_types
        if 0 in x.shape:
            return [builder.constant(0, type) for type in types]
        vectors, values = types
        scale = array_type(x.shape[:-2], values.dtype)

        def start(x: Any) -> Any:
            return scaled(hermitian_from(x, lower=self.reads_lower))

        x, factor = inlined(builder, start, args)
        if values.dtype.itemsize == 4:
            made, _ = call_expanded(builder, "Eigh", [x], types, _JACOBI)
        else:
            # That rotates by angles of at least 1e-6, whatever its tolerance.
            (made,) = inlined(
                builder, lambda x: [_jacobi.eigenvectors(x)], [x], [vectors]
            )
        both = [vectors, vectors, scale]
        return inlined(builder, _jacobi.eigenpairs, [x, made, factor], both)


# ---- singular values -----------------------------------------------------------------


def svd(
    x: Any,
    *,
    full_matrices: bool = True,
    compute_uv: bool = True,
    subset_by_index: tuple[int, int] | None = None,
    algorithm: SvdAlgorithm | None = None,
) -> Any:
    """Singular values and vectors: ``x == U @ diag(s) @ Vh``.

    Args:
        x: float32, float64 or complex ``[..., m, n]``.
        full_matrices: make `U` and `Vh` square; else they have ``min(m, n)`` columns
            and rows.
        compute_uv: whether to compute the vectors.
        subset_by_index: None, or ``(0, min(m, n))``.
        algorithm: on the CPU DEFAULT, DIVIDE_AND_CONQUER or QR.

    Returns:
        `U` ``[..., m, m]`` or ``[..., m, k]``, `s` ``[..., k]``, real and descending,
        and `Vh` ``[..., n, n]`` or ``[..., k, n]`` with ``k = min(m, n)``; `s` alone
        without `compute_uv`. NaN where the algorithm doesn't converge. Derivatives of
        the vectors are not finite where singular values are equal. Vectors beyond the
        `k`-th are not determined by `x`; their derivative is the one orthogonal to all
        of them.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: `x` has fewer than two axes.
        NotImplementedError: a part of the values, or an algorithm of accelerators.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.svd(jnp.array([[3.0, 0.0], [0.0, 4.0]]), compute_uv=False)
        Array([4., 3.], dtype=float32)
    """
    type = typeof(x)
    check_matrices("svd", (type,))
    check_subset("svd", subset_by_index, min(type.shape[-2:]))
    if algorithm in (SvdAlgorithm.JACOBI, SvdAlgorithm.POLAR):
        raise NotImplementedError(
            f"svd: {algorithm} is not supported on the CPU. Leave `algorithm` out."
        )
    routine = "gesvd" if algorithm is SvdAlgorithm.QR else "gesdd"
    made = bind(Svd(bool(full_matrices), bool(compute_uv), routine), x)
    if not compute_uv:
        return made[0]
    values, left, right = made
    return left, values, right


class Svd(MatrixFunction):
    """Singular values, and with `compute_uv` left and right vectors."""

    multiple_results = True

    full_matrices: bool
    compute_uv: bool
    routine: str

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        check_matrices("svd", arg_types)
        return self._types(x)[: 3 if self.compute_uv else 1]

    def _types(self, x: ArrayType) -> list[ArrayType]:
        *batch, m, n = x.shape
        k = min(m, n)
        rows, columns = (m, n) if self.full_matrices else (k, k)
        left = array_type((*batch, m, rows), x.dtype)
        return [
            real_type((*batch, k), x.dtype),
            left,
            array_type((*batch, columns, n), x.dtype),
        ]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """Townsend (2016), "Differentiating the singular value decomposition".

        With `D = U^H dA V`: `ds = re diag(D)`, `dU = U (F * (D S + S D^H))` and
        `dV = V (F * (S D + D^H S))` for `F = 1 / (sj^2 - si^2)`, zero on the diagonal,
        plus what `dA` adds outside the columns of `U` and `V`. Of complex matrices the
        diagonal of `D` has an imaginary part, a change of phase, which goes to `U`.
        Columns that complete `U` or `V` to a square move only as far as they must to
        stay orthogonal.
        """
        (x,), (dx,) = primals, tangents
        *_, m, n = typeof(x).shape
        k = min(m, n)
        completed = self.compute_uv and self.full_matrices and m != n
        values, left, right = full = bind(
            self.replace(full_matrices=completed, compute_uv=True), x
        )
        if completed:
            left, right = first_columns(left, k), first_rows(right, k)
        v = adjoint(right)
        inner = matmul(adjoint(left), matmul(dx, v))
        d_values = real_part(diagonal(inner))
        if not self.compute_uv:
            return (values,), (d_values,)
        mul, add, sub = _arithmetic.mul, _arithmetic.add, _arithmetic.sub
        by_row, by_column = along_columns(values, k), along_rows(values, k)
        gaps = mul(sub(by_column, by_row), add(by_column, by_row))
        inverse = as_dtype_of(inverse_gaps(gaps), x)
        by_row, by_column = as_dtype_of(by_row, x), as_dtype_of(by_column, x)
        back = adjoint(inner)
        turn_u = mul(inverse, add(mul(inner, by_column), mul(by_row, back)))
        turn_v = mul(inverse, add(mul(by_row, inner), mul(back, by_column)))
        if typeof(x).dtype.kind == "c":
            phase = imag(diagonal_part(inner))
            phase = complex(constant_like(phase, 0), phase)
            turn_u = add(turn_u, _arithmetic.div(phase, by_column))
        d_left, d_v = matmul(left, turn_u), matmul(v, turn_v)
        if m > k:
            outside = sub(matmul(dx, v), matmul(left, inner))
            scale = as_dtype_of(along_rows(values, m), x)
            d_left = add(d_left, _arithmetic.div(outside, scale))
        if n > k:
            outside = sub(matmul(adjoint(dx), left), matmul(v, back))
            scale = as_dtype_of(along_rows(values, n), x)
            d_v = add(d_v, _arithmetic.div(outside, scale))
        if completed:
            d_left = _completed(full[1], left, d_left)
            d_v = _completed(adjoint(full[2]), v, d_v)
        return full, (d_values, d_left, adjoint(d_v))

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (x,) = builder.in_types
        if 0 in x.shape[-2:]:
            return [_orthonormal(builder, type) for type in builder.out_types]
        if builder.platform != "cpu":
            svd = functools.partial(
                _jacobi.svd,
                full_matrices=self.full_matrices,
                compute_uv=self.compute_uv,
            )
            return inlined(builder, svd, args)
        types = self._types(x)
        all_types = [x, *types, array_type(x.shape[:-2], INT32)]
        mode = "N" if not self.compute_uv else "A" if self.full_matrices else "S"
        _, *made, info = call_lapack(builder, self.routine, args, all_types, mode=mode)
        made = nan_where_failed(builder, info, made, types)
        return made[: len(builder.out_types)]


def _completed(full: Any, thin: Any, d_thin: Any) -> Any:
    """The tangent of a square unitary matrix, from that of its first columns."""
    k, size = typeof(thin).shape[-1], typeof(full).shape[-1]
    others = _slicing.slice_in_dim(full, k, size, axis=typeof(full).ndim - 1)
    moved = _arithmetic.neg(matmul(thin, matmul(adjoint(d_thin), others)))
    return concatenate((d_thin, moved), typeof(full).ndim - 1)


def _orthonormal(builder: Any, type: ArrayType) -> Any:
    """Vectors of a matrix without elements."""
    if 0 in type.shape:
        return builder.constant(0, type)
    rows, columns = type.shape[-2:]
    eye = np.broadcast_to(np.eye(rows, columns), type.shape)
    return builder.constant(eye, type)

"""QR factors by Householder reflections."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type
from .._tracing import bind, typeof
from . import _arithmetic, _creation, _reductions
from ._cholesky import triangular_solve
from ._conversion import complex, imag
from ._elementwise import constant_like
from ._matrices import (
    INT32,
    MatrixFunction,
    adjoint,
    along_rows,
    as_dtype_of,
    call_expanded,
    call_lapack,
    check_matrices,
    diagonal_part,
    first_columns,
    first_rows,
    fitted,
    identity_like,
    inlined,
    matmul,
    one_for_zero,
    take_rows,
    transposed,
    triangle,
)
from ._pivoted_qr import pivoted_qr
from ._reflections import householder_product


def qr(
    x: Any,
    *,
    pivoting: bool = False,
    full_matrices: bool = True,
    use_magma: bool | None = None,
) -> tuple[Any, ...]:
    """QR factors: ``x == Q @ R``, or ``x[:, permutation] == Q @ R`` with pivoting.

    Args:
        x: float32, float64 or complex ``[..., m, n]``.
        pivoting: permute the columns so that the diagonal of `R` decreases.
        full_matrices: make `Q` square; else it has ``min(m, n)`` columns.
        use_magma: for GPUs only; ignored.

    Returns:
        `Q` ``[..., m, k]``, whose columns are orthonormal; `R` ``[..., k, n]``, upper
        triangular; with pivoting also the permutation, int32 ``[..., n]``. `k` is `m`
        or ``min(m, n)``. Derivatives need the first ``min(m, n)`` columns (after
        pivoting) to be independent. The columns of a square `Q` beyond the `n`-th are
        not determined by `x`; their derivative is the one orthogonal to all of them.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: `x` has fewer than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> q, r = lax.linalg.qr(jnp.array([[3.0, 1.0], [4.0, 2.0]]))
        >>> bool(jnp.allclose(q @ r, jnp.array([[3.0, 1.0], [4.0, 2.0]]), atol=1e-6))
        True
    """
    return tuple(bind(Qr(bool(pivoting), bool(full_matrices)), x))


class Qr(MatrixFunction):
    """`Q` and `R`, and the permutation with pivoting."""

    multiple_results = True

    pivoting: bool
    full_matrices: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        batch = check_matrices("qr", arg_types)
        *_, m, n = x.shape
        k = m if self.full_matrices else min(m, n)
        shapes = ((*batch, m, k), (*batch, k, n))
        factors = [array_type(shape, x.dtype) for shape in shapes]
        return [*factors, array_type((*batch, n), INT32)][: 2 + self.pivoting]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The derivative of what the factors are defined by.

        `dQ = Q W` plus what `dA` adds outside the columns of `Q`, `W` anti-Hermitian;
        `dR` is upper triangular, with a real diagonal as that of `R`. So with
        `C = Q^H dA R^-1` (over the first `min(m, n)` columns of `A` and `R`) the lower
        triangle of `W` is that of `C`, and its diagonal the imaginary part of that.

        Source: Walter & Lehmann (2018), "Algorithmic differentiation of linear algebra
        functions with application in optimum experimental design", section 3.2; the
        complex and the not square case are ours.
        """
        (x,), (dx,) = primals, tangents
        q, r, *permutation = bind(self, x)
        if permutation:
            dx = transposed(take_rows(transposed(dx), permutation[0]))
        *_, m, n = typeof(x).shape
        k, size = min(m, n), typeof(r).shape[-2]
        scaled = triangular_solve(
            first_columns(first_rows(r, k), k), first_columns(dx, k)
        )
        inner = fitted(matmul(adjoint(q), scaled), size, size)
        below = triangle(inner, -1)
        turn = _arithmetic.sub(below, adjoint(below))
        if typeof(x).dtype.kind == "c":
            middle = imag(diagonal_part(inner))
            turn = _arithmetic.add(turn, complex(constant_like(middle, 0), middle))
        dq = matmul(q, turn)
        if size < m:
            outside = _arithmetic.sub(scaled, matmul(q, inner))
            dq = _arithmetic.add(dq, outside)
        dr = _arithmetic.sub(matmul(adjoint(q), dx), matmul(turn, r))
        dr = triangle(dr, lower=False)  # zero but for rounding
        return (q, r, *permutation), (dq, dr, *([None] * len(permutation)))

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        return inlined(builder, self._factors, args)

    def _factors(self, x: Any) -> list[Any]:
        m, n = typeof(x).shape[-2:]
        size = m if self.full_matrices else min(m, n)
        packed, taus, *permutation = bind(HouseholderQr(self.pivoting), x)
        q = fitted(packed, m, size)
        if 0 in typeof(taus).shape:
            q = identity_like(q)
        else:
            q = householder_product(q, taus)
        r = triangle(fitted(packed, size, n), lower=False)
        return [q, r, *permutation]


# ---- reflections ---------------------------------------------------------------------


def householder_qr(x: Any, *, pivoting: bool = False) -> tuple[Any, ...]:
    """QR factors as LAPACK's `geqrf` packs them.

    Args:
        x: float32, float64 or complex ``[..., m, n]``.
        pivoting: see `qr`.

    Returns:
        ``[..., m, n]`` with `R` in the upper triangle and the reflections below it;
        their scales ``[..., min(m, n)]``; with pivoting also the permutation.
    """
    return tuple(bind(HouseholderQr(pivoting), x))


class HouseholderQr(MatrixFunction):
    """`R` and the reflections in one matrix, their scales, the permutation."""

    multiple_results = True

    pivoting: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        batch = check_matrices("qr", arg_types)
        taus = array_type((*batch, min(x.shape[-2:])), x.dtype)
        permutation = array_type((*batch, x.shape[-1]), INT32)
        return [x.strengthened(), taus, permutation][: 2 + self.pivoting]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        packed, taus, *permutation = builder.out_types
        if builder.platform != "cpu" and not permutation:
            return self._expanded(builder, args)
        if not permutation:
            return call_lapack(builder, "geqrf", args, (packed, taus))
        (order,) = permutation
        if 0 in packed.shape:
            axis = order.ndim - 1
            made = inlined(
                builder,
                lambda: [_creation.broadcasted_iota(INT32, order.shape, axis)],
                (),
                (),
            )
            return [builder.constant(0, packed), builder.constant(0, taus), *made]
        if builder.platform != "cpu":
            return inlined(builder, pivoted_qr, args)
        # Zeros let LAPACK choose every column; it counts from one.
        free = builder.constant(0, order)
        types = (packed, order, taus)
        aliases = ((0, 0), (1, 1))
        packed, chosen, taus = call_lapack(
            builder, "geqp3", (*args, free), types, aliases
        )
        one = builder.constant(1, order)
        return [packed, taus, builder.emit("subtract", (chosen, one), (order,))]

    def _expanded(self, builder: Any, args: Sequence[Any]) -> list[Any]:
        """By XLA's expansion, whose squares of short columns would be zero."""
        packed, taus = builder.out_types
        if 0 in packed.shape:
            return [builder.constant(0, type) for type in (packed, taus)]
        m, axis = packed.shape[-2], packed.ndim - 2

        def start(x: Any) -> list[Any]:
            scale = _reductions.reduce_max(_arithmetic.abs(x), (axis,))
            scale = as_dtype_of(along_rows(one_for_zero(scale), m), x)
            return [_arithmetic.div(x, scale), scale]

        def finish(made: Any, scale: Any) -> list[Any]:
            upper = _arithmetic.mul(triangle(made, lower=False), scale)
            return [_arithmetic.add(triangle(made, -1), upper)]

        x, scale = inlined(builder, start, args)
        made, scales = call_expanded(builder, "Qr", [x], (packed, taus))
        return [*inlined(builder, finish, [made, scale], (packed, packed)), scales]

"""QR factors by Householder reflections."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type, value_error
from .._tracing import bind, record, typeof
from . import _arithmetic, _creation, _shape, _slicing
from ._cholesky import triangular_solve
from ._conversion import complex, imag
from ._elementwise import constant_like
from ._matrices import (
    INT32,
    MatrixFunction,
    adjoint,
    call_lapack,
    check_matrices,
    diagonal_part,
    first_columns,
    first_rows,
    fitted,
    identity_like,
    matmul,
    take_rows,
    transposed,
    triangle,
)


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
        program, _ = record(self._factors, builder.in_types)
        return builder.inline(program, args)

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
        if not permutation:
            return call_lapack(builder, "geqrf", args, (packed, taus))
        (order,) = permutation
        if 0 in packed.shape:
            program, _ = record(
                lambda: [
                    _creation.broadcasted_iota(INT32, order.shape, order.ndim - 1)
                ],
                (),
            )
            none = call_lapack(builder, "geqrf", args, (packed, taus))
            return [*none, *builder.inline(program, ())]
        # Zeros let LAPACK choose every column; it counts from one.
        free = builder.constant(0, order)
        types = (packed, order, taus)
        aliases = ((0, 0), (1, 1))
        packed, chosen, taus = call_lapack(
            builder, "geqp3", (*args, free), types, aliases
        )
        one = builder.constant(1, order)
        return [packed, taus, builder.emit("subtract", (chosen, one), (order,))]


def householder_product(a: Any, taus: Any) -> Any:
    """The product of the reflections ``I - tau v v^H`` that QR factors consist of.

    Args:
        a: float32, float64 or complex ``[..., m, n]`` with ``n <= m``: below the
            diagonal of column `i` the vector of reflection `i`, whose entry on the
            diagonal is one and above it zero.
        taus: the same dtype, ``[..., k]`` with ``k <= n``: the scales.

    Returns:
        ``[..., m, n]``, the first `n` columns of the product.

    Raises:
        TypeError: dtypes differ, or are others.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> a, tau = jnp.array([[1.0], [1.0]]), jnp.array([1.0])
        >>> lax.linalg.householder_product(a, tau)
        Array([[ 0.],
               [-1.]], dtype=float32)
    """
    return bind(HouseholderProduct(), a, taus)


class HouseholderProduct(MatrixFunction):
    """The first columns of a product of reflections."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        a, taus = arg_types
        check_matrices("householder_product", arg_types, (2, 1))
        *_, m, n = a.shape
        if not taus.shape[-1] <= n <= m:
            raise value_error(
                "householder_product: expected `a` to have at least as many rows as "
                f"columns, and no more `taus` than columns, got {a!r} and {taus!r}."
            )
        return a.strengthened()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The product rule over reflections, from the last to the first."""
        (a, taus), (da, dtaus) = primals, tangents
        q = bind(self, a, taus)
        count = typeof(taus).shape[-1]
        product = identity_like(a)
        d_product = _creation.zeros_like(a)
        vectors = _arithmetic.add(triangle(a, -1), identity_like(a))
        d_vectors = triangle(da, -1) if da is not None else _creation.zeros_like(a)
        d_taus = dtaus if dtaus is not None else _creation.zeros_like(taus)
        for i in reversed(range(count)):
            v, dv = _column(vectors, i), _column(d_vectors, i)
            scale, d_scale = _scale(taus, i), _scale(d_taus, i)
            d_product = _arithmetic.sub(
                _reflected(d_product, v, scale, v),
                _arithmetic.add(
                    _arithmetic.add(
                        _outer(product, dv, scale, v), _outer(product, v, scale, dv)
                    ),
                    _outer(product, v, d_scale, v),
                ),
            )
            product = _reflected(product, v, scale, v)
        return q, d_product

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (product,) = call_lapack(builder, "orgqr", args, builder.out_types)
        return product


def _column(x: Any, index: int) -> Any:
    return _slicing.slice_in_dim(x, index, index + 1, axis=typeof(x).ndim - 1)


def _scale(taus: Any, index: int) -> Any:
    """One scale of each product, as a matrix of one element."""
    rank = typeof(taus).ndim
    one = _slicing.slice_in_dim(taus, index, index + 1, axis=rank - 1)
    return _shape.expand_dims(one, (rank,))


def _outer(product: Any, left: Any, scale: Any, right: Any) -> Any:
    """``left scale right^H product``."""
    return matmul(left, matmul(scale, matmul(adjoint(right), product)))


def _reflected(product: Any, left: Any, scale: Any, right: Any) -> Any:
    return _arithmetic.sub(product, _outer(product, left, scale, right))

"""Products of Householder reflections, as LAPACK packs them."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, value_error
from .._tracing import bind, typeof
from . import _arithmetic, _comparison, _creation, _pad, _shape, _slicing
from ._cholesky import triangular_solve
from ._elementwise import constant_like, is_linear
from ._matrices import (
    MatrixFunction,
    adjoint,
    along_rows,
    call_expanded,
    call_lapack,
    check_matrices,
    conjugated,
    first_columns,
    fitted,
    identity_like,
    inlined,
    matmul,
    triangle,
)
from ._selection import choose


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
        if builder.platform != "cpu":
            return self._lower_elsewhere(builder, args)
        (product,) = call_lapack(builder, "orgqr", args, builder.out_types)
        return product

    def _lower_elsewhere(self, builder: Any, args: Sequence[Any]) -> Any:
        """With a scale for each column: reflections whose scale is zero do nothing."""
        (out,), (a, taus) = builder.out_types, builder.in_types
        missing = a.shape[-1] - taus.shape[-1]

        def completed(a: Any, taus: Any) -> list[Any]:
            edges = [*[(0, 0, 0)] * (taus.ndim - 1), (0, missing, 0)]
            return [a, _pad.pad(taus, constant_like(taus, 0), edges)]

        if 0 in out.shape:
            return builder.constant(0, out)
        target = "ProductOfElementaryHouseholderReflectors"
        args = inlined(builder, completed, args) if missing else args
        return call_expanded(builder, target, args, (out,))[0]


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


# ---- products with other matrices ----------------------------------------------------


def ormqr(
    a: Any, taus: Any, c: Any, *, left: bool = True, transpose: bool = False
) -> Any:
    """Products of `Q` of a QR factorization with matrices, without `Q` itself.

    Args:
        a: float32, float64 or complex ``[..., m, n]``: the reflections, as
            `householder_product` takes them; what follows the `k`-th column is ignored.
        taus: the same dtype, ``[..., k]`` with ``k <= min(m, n)``: the scales.
        c: the same dtype, ``[..., m, p]``, or ``[..., p, m]`` without `left`.
        left: compute ``Q @ c``; else ``c @ Q``. `Q` is square.
        transpose: take the adjoint of `Q` instead.

    Returns:
        An array like `c`.

    Raises:
        TypeError: dtypes differ, or are others.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> a, taus = jnp.array([[1.0], [1.0]]), jnp.array([1.0])
        >>> lax.linalg.ormqr(a, taus, jnp.eye(2))
        Array([[ 0., -1.],
               [-1.,  0.]], dtype=float32)
    """
    types = [typeof(x) for x in (a, taus, c)]
    check_matrices("ormqr", types, (2, 1, 2))
    rows, columns = types[0].shape[-2:]
    count = types[1].shape[-1]
    if count > min(rows, columns):
        raise value_error(
            "ormqr: expected no more `taus` than rows and columns of `a`, got "
            f"{types[0]!r} and {types[1]!r}."
        )
    if types[2].shape[-2 if left else -1] != rows:
        raise value_error(
            f"ormqr: expected `c` to have as many {'rows' if left else 'columns'} as "
            f"`a` has rows, got {types[0]!r} and {types[2]!r}."
        )
    reflections = first_columns(a, count)
    return bind(Reflect(bool(left), bool(transpose)), reflections, taus, c)


class Reflect(MatrixFunction):
    """The product of reflections times a matrix."""

    left: bool
    adjoint: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        return arg_types[2].strengthened()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """The product rule; the derivative of the factor is that of the full one."""
        (a, taus, c), (da, dtaus, dc) = primals, tangents
        made = bind(self, a, taus, c)
        parts = []
        if dc is not None:
            parts.append(bind(self, a, taus, dc))
        if da is not None or dtaus is not None:
            size = typeof(a).shape[-2]
            square = [x if x is None else fitted(x, size, size) for x in (a, da)]
            _, dq = HouseholderProduct().jvp((square[0], taus), (square[1], dtaus))
            dq = adjoint(dq) if self.adjoint else dq
            parts.append(matmul(dq, c) if self.left else matmul(c, dq))
        return made, parts[0] if len(parts) == 1 else _arithmetic.add(*parts)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (a, taus, c) = cotangents, args
        if is_linear(a) or is_linear(taus) or not is_linear(c):
            raise self._missing("transpose with respect to the reflections")
        # The transpose of Q is the conjugate of its adjoint.
        back = bind(self.replace(adjoint=not self.adjoint), a, taus, conjugated(ct))
        return [None, None, conjugated(back)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        taus = builder.in_types[1]
        if 0 in taus.shape:
            return args[2]
        if builder.platform != "cpu":
            return inlined(builder, self._multiplied, args)[0]
        (product,) = call_lapack(
            builder,
            "ormqr",
            args,
            builder.out_types,
            aliases=((2, 0),),
            left=self.left,
            transpose=self.adjoint,
        )
        return product

    def _multiplied(self, a: Any, taus: Any, c: Any) -> list[Any]:
        """With `Q` as ``I - V T V^H``, by products of matrices.

        The inverse of `T` has the inverse scales on its diagonal, and above it what
        ``V^H V`` has. A scale of zero is that of no reflection, like a vector of zeros.

        Source: Joffrain, Low, Quintana-Orti, van de Geijn & Van Zee (2006),
        "Accumulating Householder transformations, revisited", ACM TOMS 32.
        """
        is_none = _comparison.eq(taus, constant_like(taus, 0))
        v = _arithmetic.add(triangle(a, -1), identity_like(a))
        rows = typeof(a).shape[-2]
        v = choose(along_rows(is_none, rows), _creation.zeros_like(v), v)
        scales = choose(is_none, _creation.full_like(taus, 1), taus)
        inner = matmul(adjoint(v), v)
        inverse = along_rows(_arithmetic.reciprocal(scales), typeof(taus).shape[-1])
        inverse = _arithmetic.mul(identity_like(inner), inverse)
        inverse = _arithmetic.add(triangle(inner, 1, lower=False), inverse)
        product = matmul(adjoint(v), c) if self.left else matmul(c, v)
        product = triangular_solve(
            inverse,
            product,
            left_side=self.left,
            transpose_a=self.adjoint,
            conjugate_a=self.adjoint,
        )
        change = matmul(v, product) if self.left else matmul(product, adjoint(v))
        return [_arithmetic.sub(c, change)]

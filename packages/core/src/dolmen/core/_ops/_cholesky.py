"""Cholesky factors and systems with a triangular matrix."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type, value_error
from .._lowering import mlir
from .._tracing import bind, typeof
from . import _arithmetic
from ._elementwise import constant_like, is_linear
from ._matrices import (
    INT32,
    MatrixFunction,
    adjoint,
    call_lapack,
    check_matrices,
    check_square,
    conjugated,
    diagonal_part,
    hermitian_from,
    hermitian_part,
    inlined,
    matmul,
    nan_unless,
    transposed,
    triangle,
)

# ---- cholesky ------------------------------------------------------------------------


def cholesky(x: Any, *, symmetrize_input: bool = True) -> Any:
    """The lower triangular matrices `L` with ``L @ L.mT.conj() == x``.

    Args:
        x: float32, float64 or complex ``[..., n, n]``, Hermitian and positive definite.
        symmetrize_input: take the mean of `x` and its adjoint; else only the lower
            triangle of `x` is read.

    Returns:
        ``[..., n, n]`` in the dtype of `x`; NaN where `x` is not positive definite.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: the last two sizes of `x` differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.cholesky(jnp.array([[4.0, 2.0], [2.0, 5.0]]))
        Array([[2., 0.],
               [1., 2.]], dtype=float32)
    """
    _check_cholesky(typeof(x))
    return bind(Cholesky(), hermitian_part(x) if symmetrize_input else x)


def _check_cholesky(type: ArrayType) -> None:
    check_matrices("cholesky", (type,))
    check_square("cholesky", type)


class Cholesky(MatrixFunction):
    """The factor of a Hermitian matrix, of which the lower triangle is read."""

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (x,) = arg_types
        _check_cholesky(x)
        return x.strengthened()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dL = L phi(L^-1 dA L^-H)`: `phi` takes the lower half, the diagonal halved.

        Murray (2016), arXiv:1602.07527, equation 8.
        """
        (x,), (dx,) = primals, tangents
        factor = bind(self, x)
        inner = triangular_solve(
            factor, hermitian_from(dx), lower=True, transpose_a=True, conjugate_a=True
        )
        inner = triangular_solve(factor, inner, left_side=True, lower=True)
        half = _arithmetic.mul(diagonal_part(inner), constant_like(inner, 0.5))
        return factor, matmul(factor, _arithmetic.add(triangle(inner, -1), half))

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (out,) = builder.out_types
        if builder.platform != "cpu":
            if out.dtype.kind == "c":
                # LAPACK takes the diagonal for real, compilers for what it is.
                args = inlined(builder, lambda x: [hermitian_from(x)], args)
            factor = builder.emit("cholesky", args, (out,), lower=mlir.boolean(True))
        else:
            info = array_type(out.shape[:-2], INT32)
            factor, info = call_lapack(builder, "potrf", args, (out, info), uplo="L")
            factor = nan_unless(builder, "EQ", info, factor, out)
        # The routines leave what they don't read.
        return _lower_triangle(builder, factor, out)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        (x,) = arg_types
        return x.size * x.shape[-1] // 3


def _lower_triangle(builder: Any, x: Any, type: ArrayType) -> Any:
    indices = array_type(type.shape, INT32)
    row, column = (
        builder.emit("iota", (), (indices,), iota_dimension=mlir.integer(axis))
        for axis in (type.ndim - 2, type.ndim - 1)
    )
    inside = builder.compare("GE", row, column, indices, "SIGNED")
    return builder.emit("select", (inside, x, builder.constant(0, type)), (type,))


# ---- triangular systems --------------------------------------------------------------


def triangular_solve(
    a: Any,
    b: Any,
    *,
    left_side: bool = False,
    lower: bool = False,
    transpose_a: bool = False,
    conjugate_a: bool = False,
    unit_diagonal: bool = False,
) -> Any:
    """The solutions of ``op(a) @ x == b`` or ``x @ op(a) == b``, `a` triangular.

    Args:
        a: float32, float64 or complex ``[..., n, n]``; one triangle is read.
        b: the same dtype and leading axes, ``[..., n, k]``, or ``[..., k, n]`` without
            `left_side`. ``[..., n]`` is one right side.
        left_side: whether the matrix stands on the left of the unknowns.
        lower: which triangle of `a` is read.
        transpose_a: solve with the transpose of `a`.
        conjugate_a: solve with the complex conjugate of `a`.
        unit_diagonal: take the diagonal of `a` for ones.

    Returns:
        An array like `b`.

    Raises:
        TypeError: dtypes differ, or are others.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> a, b = jnp.array([[2.0, 0.0], [1.0, 4.0]]), jnp.array([[2.0], [9.0]])
        >>> lax.linalg.triangular_solve(a, b, left_side=True, lower=True)
        Array([[1.],
               [2.]], dtype=float32)
    """
    a_type, b_type = typeof(a), typeof(b)
    if conjugate_a and not transpose_a:
        a = conjugated(a)
    form = "N" if not transpose_a else "C" if conjugate_a else "T"
    solver = TriangularSolve(bool(left_side), bool(lower), form, bool(unit_diagonal))
    if b_type.ndim != a_type.ndim - 1:
        return bind(solver, a, b)
    from . import _shape

    axis = b_type.ndim if left_side else b_type.ndim - 1
    return _shape.squeeze(bind(solver, a, _shape.expand_dims(b, (axis,))), (axis,))


_TRANSPOSES = {"N": "NO_TRANSPOSE", "T": "TRANSPOSE", "C": "ADJOINT"}


class TriangularSolve(MatrixFunction):
    """The solution of a triangular system.

    Attributes:
        form: "N" for the matrix itself, "T" for its transpose, "C" for its adjoint.
    """

    left_side: bool
    reads_lower: bool
    form: str
    unit_diagonal: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        a, b = arg_types
        check_matrices("triangular_solve", arg_types, (2, 2))
        check_square("triangular_solve", a)
        if a.shape[-1] != b.shape[-2 if self.left_side else -1]:
            raise value_error(
                f"triangular_solve: expected `b` to have as many "
                f"{'rows' if self.left_side else 'columns'} as `a`, got {a!r} and "
                f"{b!r}."
            )
        return b.strengthened()

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """From `A X = B`: `A dX = dB - dA X`."""
        (a, b), (da, db) = primals, tangents
        x = bind(self, a, b)
        right = db
        if da is not None:
            right = _arithmetic.neg(self._times(da, x))
            if db is not None:
                right = _arithmetic.add(db, right)
        return x, bind(self, a, right)

    def _times(self, a: Any, x: Any) -> Any:
        """The product that solving inverts."""
        offset = int(self.unit_diagonal)
        offset = -offset if self.reads_lower else offset
        a = triangle(a, offset, lower=self.reads_lower)
        a = {"N": lambda m: m, "T": transposed, "C": adjoint}[self.form](a)
        return matmul(a, x) if self.left_side else matmul(x, a)

    def transpose(self, cotangents: Sequence[Any], args: Sequence[Any]) -> Any:
        (ct,), (a, b) = cotangents, args
        if is_linear(a) or not is_linear(b):
            raise self._missing("transpose with respect to the matrix")
        if self.form == "C":
            a, form = conjugated(a), "N"
        else:
            form = "N" if self.form == "T" else "T"
        return [None, bind(self.replace(form=form), a, ct)]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (out,) = builder.out_types
        if builder.platform != "cpu":
            return builder.emit(
                "triangular_solve",
                args,
                left_side=mlir.boolean(self.left_side),
                lower=mlir.boolean(self.reads_lower),
                unit_diagonal=mlir.boolean(self.unit_diagonal),
                transpose_a=mlir.attribute(
                    f"#stablehlo<transpose {_TRANSPOSES[self.form]}>"
                ),
            )
        (x,) = call_lapack(
            builder,
            "trsm",
            args,
            (out,),
            aliases=((1, 0),),
            side="L" if self.left_side else "R",
            uplo="L" if self.reads_lower else "U",
            trans_x=self.form,
            diag="U" if self.unit_diagonal else "N",
        )
        return x

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        a, b = arg_types
        return b.size * a.shape[-1]

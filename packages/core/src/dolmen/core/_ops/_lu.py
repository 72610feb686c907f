"""LU factors with partial pivoting."""

from collections.abc import Sequence
from typing import Any

from .._ir import ArrayType, array_type, type_error, value_error
from .._tracing import bind, record, typeof
from . import (
    _arithmetic,
    _comparison,
    _creation,
    _reductions,
    _selection,
    _shape,
    _slicing,
)
from ._blocked_lu import blocked_lu
from ._cholesky import triangular_solve
from ._elementwise import constant_like
from ._matrices import (
    INT32,
    MatrixFunction,
    call_expanded,
    call_lapack,
    check_matrices,
    first_columns,
    first_rows,
    fitted,
    identity_like,
    inlined,
    matmul,
    nan_unless,
    take_rows,
    triangle,
)

# What the compiler of TPUs has a factorization of.
_ON_TPU = ("float32", "complex64")


def lu(x: Any) -> tuple[Any, Any, Any]:
    """LU factors of matrices with partial pivoting: ``x[permutation] == L @ U``.

    Args:
        x: float32, float64 or complex ``[..., m, n]``.

    Returns:
        A triple: ``[..., m, n]`` with `U` in the upper triangle and `L`, whose diagonal
        is one, below it; the pivots, int32 ``[..., min(m, n)]``: row `i` was swapped
        with row ``pivots[i]``, in this order; the permutation of the rows, int32
        ``[..., m]``. A singular matrix has zeros on the diagonal of `U`.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: `x` has fewer than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> factors, pivots, _ = lax.linalg.lu(jnp.array([[1.0, 2.0], [2.0, 8.0]]))
        >>> factors
        Array([[ 2. ,  8. ],
               [ 0.5, -2. ]], dtype=float32)
        >>> pivots
        Array([1, 1], dtype=int32)
    """
    factors, pivots, permutation = bind(Lu(), x)
    return factors, pivots, permutation


class Lu(MatrixFunction):
    """Both factors in one matrix, the pivots, the permutation."""

    multiple_results = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        batch = check_matrices("lu", arg_types)
        pivots = array_type((*batch, min(x.shape[-2:])), INT32)
        return x.strengthened(), pivots, array_type(x.shape[:-1], INT32)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dL = L tril(F, -1)`, `dU = triu(F) U` with `F = L^-1 P dA U^-1`.

        De Hoog, Anderssen, Lukas (2011), "Differentiation of matrix functionals using
        triangular factorization". Factors of matrices that are not square are completed
        to square ones with rows and columns of the identity.
        """
        (x,), (dx,) = primals, tangents
        factors, pivots, permutation = bind(self, x)
        *_, m, n = typeof(x).shape
        k = min(m, n)
        low = fitted(triangle(first_columns(factors, k), -1), m, m)
        low = _arithmetic.add(low, identity_like(low))
        upper = first_rows(factors, k)
        corner = fitted(identity_like(upper), n, n)
        upper = fitted(triangle(upper, lower=False), n, n)
        rest = _arithmetic.sub(identity_like(upper), corner)
        upper = _arithmetic.add(upper, rest)
        inner = triangular_solve(
            low,
            take_rows(dx, permutation),
            left_side=True,
            lower=True,
            unit_diagonal=True,
        )
        inner = triangular_solve(upper, inner)
        d_low = matmul(low, fitted(triangle(inner, -1), m, m))
        d_upper = matmul(fitted(triangle(inner, lower=False), n, n), upper)
        tangent = _arithmetic.add(fitted(d_low, m, n), fitted(d_upper, m, n))
        return (factors, pivots, permutation), (tangent, None, None)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        if builder.platform != "cpu":
            return self._lower_elsewhere(builder, args)
        out, pivot_type, _ = builder.out_types
        info = array_type(out.shape[:-2], INT32)
        types = (out, pivot_type, info)
        factors, pivots, info = call_lapack(builder, "getrf", args, types)
        # Only a negative `info` is a failure; a positive one says singular.
        factors = nan_unless(builder, "GE", info, factors, out)
        # LAPACK counts from one.
        one = builder.constant(1, pivot_type)
        pivots = builder.emit("subtract", (pivots, one), (pivot_type,))
        permute = PivotsToPermutation(out.shape[-2])
        program, _ = record(lambda p: [bind(permute, p)], (pivot_type,))
        return [factors, pivots, *builder.inline(program, [pivots])]

    def _lower_elsewhere(self, builder: Any, args: Sequence[Any]) -> Any:
        types = builder.out_types
        if 0 in types[0].shape:
            factors, pivots = (builder.constant(0, type) for type in types[:2])
            program, _ = record(lambda: [_iota(types[2])], ())
            return [factors, pivots, *builder.inline(program, ())]
        if builder.platform == "tpu" and types[0].dtype.name in _ON_TPU:
            return call_expanded(builder, "LuDecomposition", args, types)
        return inlined(builder, blocked_lu, args)

    def cost(self, arg_types: Sequence[ArrayType]) -> int:
        (x,) = arg_types
        return x.size * min(x.shape[-2:])


def lu_solve(a: Any, b: Any) -> Any:
    """The solutions of ``a @ x == b``, both matrices, by LU factors."""
    factors, _, permutation = lu(a)
    b = take_rows(b, permutation)
    x = triangular_solve(factors, b, left_side=True, lower=True, unit_diagonal=True)
    return triangular_solve(factors, x, left_side=True)


# ---- pivots --------------------------------------------------------------------------


def lu_pivots_to_permutation(pivots: Any, permutation_size: int) -> Any:
    """The permutation that swapping rows one after the other amounts to.

    Args:
        pivots: int32 ``[..., k]``: row `i` is swapped with row ``pivots[i]``.
        permutation_size: number of rows, at least `k`.

    Returns:
        int32 ``[..., permutation_size]``: row `i` of the result is row
        ``permutation[i]`` of the original.

    Raises:
        TypeError: the pivots are no integers.
        ValueError: there are more pivots than rows.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.lu_pivots_to_permutation(jnp.array([2, 2]), 3)
        Array([2, 0, 1], dtype=int32)
    """
    return bind(PivotsToPermutation(int(permutation_size)), pivots)


class PivotsToPermutation(MatrixFunction):
    """Swaps of rows as one permutation of `size` rows."""

    size: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        (pivots,) = arg_types
        name = "lu_pivots_to_permutation"
        if pivots.dtype != INT32:
            raise type_error(
                f"{name}: expected int32 pivots, got {pivots!r}.",
                "Convert them with `.astype('int32')`.",
            )
        if pivots.ndim < 1 or pivots.shape[-1] > self.size:
            raise value_error(
                f"{name}: expected at most permutation_size={self.size} pivots along "
                f"the last axis, got {pivots!r}."
            )
        return array_type((*pivots.shape[:-1], self.size), INT32)

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (pivots,), (out,) = builder.in_types, builder.out_types
        counter = array_type((), INT32)
        identity, _ = record(lambda: [_iota(out)], ())
        if 0 in pivots.shape:
            return builder.inline(identity, ())[0]
        step, _ = record(_swap, (counter, out, pivots))
        types = (counter, out, pivots)
        start = [builder.constant(0, counter), *builder.inline(identity, ()), *args]

        def more(i: Any, *_: Any) -> list[Any]:
            end = builder.constant(pivots.shape[-1], counter)
            return [builder.compare("LT", i, end, counter, "SIGNED")]

        made = builder.emit_control(
            "while",
            start,
            types,
            regions=[
                (types, more),
                (types, lambda *carry: builder.inline(step, carry)),
            ],
            effects=frozenset(),
        )
        return made[1]


def _iota(type: ArrayType) -> Any:
    return _creation.broadcasted_iota(INT32, type.shape, type.ndim - 1)


def _swap(i: Any, permutation: Any, pivots: Any) -> list[Any]:
    """One swap, of all permutations of the batch."""
    type = typeof(permutation)
    axis = type.ndim - 1
    zeros = _creation.zeros_like(permutation)
    other = _slicing.dynamic_slice_in_dim(pivots, i, 1, axis)
    other = _shape.broadcast_in_dim(other, type.shape, range(type.ndim))
    place = _iota(type)
    is_here = _comparison.eq(place, i)
    is_there = _comparison.eq(place, other)

    def at(mask: Any) -> Any:
        value = _reductions.reduce_sum(
            _selection.choose(mask, permutation, zeros), (axis,)
        )
        return _shape.broadcast_in_dim(value, type.shape, range(axis))

    here, there = at(is_here), at(is_there)
    swapped = _selection.choose(is_there, here, permutation)
    swapped = _selection.choose(is_here, there, swapped)
    return [_arithmetic.add(i, constant_like(i, 1)), swapped, pivots]

"""What factorizations share: batches of matrices, calls of LAPACK, triangles.

Matrices are the last two axes of an array; the leading ones number a batch.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import lapack_target
from .._ir import ArrayType, Primitive, array_type, dtypes, type_error, value_error
from .._lowering import mlir
from .._tracing import bind, record, typeof
from . import (
    _arithmetic,
    _comparison,
    _conversion,
    _creation,
    _dot,
    _gather,
    _pad,
    _reductions,
    _selection,
    _shape,
    _slicing,
)
from ._elementwise import constant_like

DTYPES = ("float32", "float64", "complex64", "complex128")
INT32 = np.dtype("int32")


class MatrixFunction(Primitive):
    """An operation on matrices, whose operands may all have leading batch axes."""

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """One more leading axis of every operand."""
        size = _shape.batch_size(args, axes)
        outs = bind(
            self,
            *[
                _shape.batched_first(x, a, size)
                for x, a in zip(args, axes, strict=True)
            ],
        )
        return outs, [0] * len(outs) if self.multiple_results else 0


def check_matrices(
    name: str, arg_types: Sequence[ArrayType], ranks: Sequence[int] = (2,)
) -> tuple[int, ...]:
    """The batch axes of operands that without them have `ranks` axes.

    Raises:
        TypeError: their dtype is not that of a factorization, or they differ.
        ValueError: an operand has too few axes, or batch axes differ.
    """
    listed = ", ".join(map(repr, arg_types))
    dtype = arg_types[0].dtype
    if dtype.name not in DTYPES or any(t.dtype != dtype for t in arg_types):
        raise type_error(
            f"{name}: expected {', '.join(DTYPES[:-1])} or {DTYPES[-1]}, the same for "
            f"all operands, got {listed}.",
            "Convert with `.astype(...)` first.",
        )
    expected = ", ".join(f"at least {rank}" for rank in ranks)
    if any(t.ndim < rank for t, rank in zip(arg_types, ranks, strict=True)):
        raise value_error(f"{name}: expected {expected} axes, got {listed}.")
    batches = {t.shape[: t.ndim - r] for t, r in zip(arg_types, ranks, strict=True)}
    if len(batches) > 1:
        raise value_error(
            f"{name}: leading axes of the operands must be equal, got {listed}.",
            "Broadcast the operands first.",
        )
    return batches.pop()


def check_real(name: str, arg_types: Sequence[ArrayType]) -> None:
    """Raise `TypeError` unless all are floating point of one dtype, not complex."""
    dtype = arg_types[0].dtype
    if dtypes.kind(dtype) != "f" or any(t.dtype != dtype for t in arg_types):
        listed = ", ".join(map(repr, arg_types))
        raise type_error(
            f"{name}: expected floating point that is not complex, the same dtype for "
            f"all operands, got {listed}.",
            "Convert with `.astype(...)` first.",
        )


def check_square(name: str, type: ArrayType) -> None:
    """Raise `ValueError` unless the last two sizes are equal."""
    if type.ndim >= 2 and type.shape[-1] != type.shape[-2]:
        raise value_error(f"{name}: expected square matrices, got {type!r}.")


def real_type(shape: tuple[int, ...], dtype: np.dtype) -> ArrayType:
    """The type of real numbers as wide as the parts of `dtype`."""
    return array_type(shape, _conversion.real_dtype(dtype))


def complex_type(shape: tuple[int, ...], dtype: np.dtype) -> ArrayType:
    """The type of complex numbers whose parts are as wide as those of `dtype`."""
    return array_type(shape, np.result_type(dtype, np.complex64))


# ---- calls of LAPACK ---------------------------------------------------------------


def call_lapack(
    builder: Any,
    routine: str,
    args: Sequence[Any],
    types: Sequence[ArrayType],
    aliases: Sequence[tuple[int, int]] = ((0, 0),),
    **attributes: str | bool | int,
) -> list[Any]:
    """Handles of what a routine gives; the dtype of the first operand decides which.

    Args:
        routine: name without the letter of the dtype (see `lapack_target`).
        args: those with the most axes are matrices; they lie column by column, and so
            do results with as many axes.
        types: of the results.
        aliases: operands (with results) whose memory the routine overwrites.
        **attributes: letters, flags and 32-bit numbers.

    Raises:
        NotImplementedError: the platform is not the CPU.
    """
    if builder.platform != "cpu":
        raise NotImplementedError(
            f"LAPACK's {routine} runs on the CPU only, not on {builder.platform}. Move "
            "the factorization to the CPU with `device_put`."
        )
    if any(0 in mlir.shape(x) for x in args):
        return [builder.constant(0, type) for type in types]
    batch = max(map(mlir.rank, args)) - 2
    column_major = (*range(batch), batch + 1, batch)

    def layout(rank: int) -> tuple[int, ...] | None:
        return column_major if rank == batch + 2 else None

    partition = mlir.dictionary({"num_batch_dims": mlir.string(str(batch))})
    made = builder.custom_call(
        lapack_target(routine, builder.in_types[0].dtype),
        args,
        types,
        backend_config={key: _attribute(value) for key, value in attributes.items()},
        operand_layouts=[layout(mlir.rank(x)) for x in args],
        result_layouts=[layout(type.ndim) for type in types],
        aliases=aliases,
        **{"mhlo.frontend_attributes": partition},
    )
    return [made] if len(types) == 1 else list(made)


def _attribute(value: str | bool | int) -> Any:
    """LAPACK's letters are numbers of eight bits."""
    if isinstance(value, str):
        return mlir.unsigned(ord(value), 8)
    return (
        mlir.boolean(value)
        if value is True or value is False
        else mlir.integer(value, 32)
    )


def nan_unless(builder: Any, direction: str, info: Any, x: Any, type: ArrayType) -> Any:
    """`x` where `info` (one number for each matrix) is so related to 0, else NaN."""
    batch = mlir.shape(info)
    flags = array_type(batch, INT32)
    zero = builder.constant(0, flags)
    ok = builder.compare(direction, info, zero, flags, "SIGNED")
    whole = array_type(type.shape, np.dtype(bool))
    ok = builder.broadcast(ok, whole, range(len(batch)))
    nan = complex(np.nan, np.nan) if type.dtype.kind == "c" else np.nan
    return builder.emit("select", (ok, x, builder.constant(nan, type)), (type,))


def nan_where_failed(
    builder: Any, info: Any, made: Sequence[Any], types: Sequence[ArrayType]
) -> list[Any]:
    """Results of the matrices for which a routine says that it succeeded, else NaN."""
    return [
        nan_unless(builder, "EQ", info, x, type)
        for x, type in zip(made, types, strict=True)
    ]


# ---- without LAPACK ----------------------------------------------------------------


def call_expanded(
    builder: Any,
    target: str,
    args: Sequence[Any],
    types: Sequence[ArrayType],
    options: str = "",
) -> list[Any]:
    """Handles of what a call gives that XLA's compilers replace by operations."""
    args = [builder.whole(x, (mlir.rank(x) - 2, mlir.rank(x) - 1)) for x in args]
    made = builder.custom_call(
        target, args, types, backend_config=options, api_version=1
    )
    return [made] if len(types) == 1 else list(made)


def inlined(
    builder: Any,
    function: Callable[..., Sequence[Any]],
    args: Sequence[Any],
    types: Sequence[ArrayType] | None = None,
) -> list[Any]:
    """Handles of what a function of arrays gives.

    Args:
        types: of the arguments, by default those of the equation.
    """
    program, _ = record(function, builder.in_types if types is None else types)
    return builder.inline(program, args)


# ---- matrices ----------------------------------------------------------------------


def matmul(x: Any, y: Any) -> Any:
    """Products of matrices; accelerators compute them in full precision."""
    return _dot.batch_matmul(x, y, _dot.Precision.HIGHEST)


def symmetric_product(
    a_matrix: Any,
    c_matrix: Any,
    *,
    alpha: Any = 1.0,
    beta: Any = 0.0,
    symmetrize_output: bool = False,
) -> Any:
    """``alpha * a_matrix @ a_matrix.mT + beta * c_matrix``.

    Args:
        a_matrix: floating point, not complex, ``[..., m, n]``.
        c_matrix: the same dtype, ``[..., m, m]``, symmetric.
        alpha: a number, not complex.
        beta: a number, not complex.
        symmetrize_output: read the lower triangle of `c_matrix` only.

    Returns:
        ``[..., m, m]`` in the dtype of the operands.

    Raises:
        TypeError: dtypes differ, or are others; a factor is complex.
        ValueError: shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> lax.linalg.symmetric_product(jnp.array([[1.0], [2.0]]), jnp.zeros((2, 2)))
        Array([[1., 2.],
               [2., 4.]], dtype=float32)
    """
    types = typeof(a_matrix), typeof(c_matrix)
    check_real("symmetric_product", types)
    if types[0].ndim < 2 or types[1].shape != (
        *types[0].shape[:-1],
        types[0].shape[-2],
    ):
        raise value_error(
            "symmetric_product: expected `c_matrix` to be square, with the rows and "
            f"leading axes of `a_matrix`, got {types[0]!r} and {types[1]!r}."
        )
    for name, factor in {"alpha": alpha, "beta": beta}.items():
        if dtypes.kind(typeof(factor).dtype) == "c":
            raise type_error(
                f"symmetric_product: `{name}` must not be complex, got {factor!r}."
            )
    product = matmul(a_matrix, transposed(a_matrix))
    parts = (product, alpha), (c_matrix, beta)
    made = _arithmetic.add(*[_arithmetic.mul(x, _filled(x, k)) for x, k in parts])
    return hermitian_from(made) if symmetrize_output else made


def _filled(like: Any, value: Any) -> Any:
    """An array like another one that holds one number, traced or not."""
    type = typeof(like)
    value = _conversion.convert_element_type(value, type.dtype)
    return _shape.broadcast_in_dim(value, type.shape, ())


def transposed(x: Any) -> Any:
    """The last two axes swapped."""
    n = typeof(x).ndim
    return _shape.transpose(x, (*range(n - 2), n - 1, n - 2))


def conjugated(x: Any) -> Any:
    """The complex conjugate; what is real stays as it is."""
    return _conversion.conj(x) if typeof(x).dtype.kind == "c" else x


def adjoint(x: Any) -> Any:
    """The conjugate transpose."""
    return transposed(conjugated(x))


def real_part(x: Any) -> Any:
    """The real part; what is real stays as it is."""
    return _conversion.real(x) if typeof(x).dtype.kind == "c" else x


def as_dtype_of(x: Any, like: Any) -> Any:
    """Real numbers as numbers of the dtype of `like`."""
    return _conversion.convert_element_type(x, typeof(like).dtype)


def triangle(x: Any, offset: int = 0, *, lower: bool = True) -> Any:
    """`x` with zeros above (below, for the upper triangle) the diagonal `offset`."""
    shape = typeof(x).shape
    n = len(shape)
    row = _creation.broadcasted_iota(INT32, shape, n - 2)
    column = _creation.broadcasted_iota(INT32, shape, n - 1)
    edge = _arithmetic.add(row, constant_like(row, offset))
    inside = (_comparison.ge if lower else _comparison.le)(edge, column)
    return _selection.choose(inside, x, _creation.zeros_like(x))


def diagonal_part(x: Any) -> Any:
    """`x` with zeros off the diagonal."""
    return triangle(triangle(x), lower=False)


def diagonal(x: Any) -> Any:
    """The diagonals of square matrices."""
    return _reductions.reduce_sum(diagonal_part(x), (typeof(x).ndim - 1,))


def identity_like(x: Any) -> Any:
    """Identity matrices of the shape and dtype of `x`, also when it is not square."""
    type = typeof(x)
    return diagonal_part(_creation.full(type.shape, 1, type.dtype))


def along_rows(v: Any, rows: int) -> Any:
    """Matrices with `rows` rows, each of which is the vector `v`."""
    *batch, n = typeof(v).shape
    kept = (*range(len(batch)), len(batch) + 1)
    return _shape.broadcast_in_dim(v, (*batch, rows, n), kept)


def along_columns(v: Any, columns: int) -> Any:
    """Matrices with `columns` columns, each of which is the vector `v`."""
    *batch, n = typeof(v).shape
    return _shape.broadcast_in_dim(v, (*batch, n, columns), range(len(batch) + 1))


def hermitian_part(x: Any) -> Any:
    """The mean of `x` and its adjoint."""
    half = constant_like(x, 0.5)
    return _arithmetic.mul(_arithmetic.add(x, adjoint(x)), half)


def hermitian_from(x: Any, *, lower: bool = True) -> Any:
    """The Hermitian matrices of which one triangle is read."""
    strict = triangle(x, -1 if lower else 1, lower=lower)
    middle = as_dtype_of(real_part(diagonal_part(x)), x)
    return _arithmetic.add(_arithmetic.add(strict, adjoint(strict)), middle)


def first_rows(x: Any, count: int) -> Any:
    """The first rows of each matrix."""
    return _slicing.slice_in_dim(x, 0, count, axis=typeof(x).ndim - 2)


def first_columns(x: Any, count: int) -> Any:
    """The first columns of each matrix."""
    return _slicing.slice_in_dim(x, 0, count, axis=typeof(x).ndim - 1)


def fitted(x: Any, rows: int, columns: int) -> Any:
    """`x` cut, or filled up with zeros, to this size."""
    *batch, m, n = typeof(x).shape
    edges = [*[(0, 0, 0)] * len(batch), (0, rows - m, 0), (0, columns - n, 0)]
    return _pad.pad(x, constant_like(x, 0), edges)


def take_rows(x: Any, permutation: Any) -> Any:
    """The rows of each matrix in the order of its permutation."""
    *batch, _, n = typeof(x).shape
    if 0 in typeof(x).shape:
        return x
    rank = len(batch)
    numbers = _gather.GatherDimensionNumbers(
        offset_dims=(rank + 1,),
        collapsed_slice_dims=(rank,),
        start_index_map=(rank,),
        operand_batching_dims=tuple(range(rank)),
        start_indices_batching_dims=tuple(range(rank)),
    )
    indices = _shape.expand_dims(permutation, (rank + 1,))
    sizes = (*[1] * rank, 1, n)
    return _gather.gather(x, indices, numbers, sizes, mode="promise_in_bounds")


def scaled(x: Any) -> tuple[Any, Any]:
    """Matrices whose greatest element is one, so that squares don't overflow.

    And what they were divided by, ``[...]``.
    """
    type = typeof(x)
    size = _arithmetic.abs(x)
    scale = _reductions.reduce_max(size, (type.ndim - 2, type.ndim - 1))
    scale = one_for_zero(scale)
    return _arithmetic.div(x, as_dtype_of(over_batch(scale, type.shape), x)), scale


def one_for_zero(x: Any) -> Any:
    """`x` to divide by: with ones in the place of zeros."""
    is_zero = _comparison.eq(x, constant_like(x, 0))
    return _selection.choose(is_zero, _creation.full_like(x, 1), x)


def spread(x: Any, like: Any) -> Any:
    """The one element of an axis of `x` as often as `like` has elements there."""
    return over_batch(x, typeof(like).shape)


def over_batch(x: Any, shape: tuple[int, ...]) -> Any:
    """A number for each matrix (or vector) as an array of `shape`."""
    return _shape.broadcast_in_dim(x, shape, range(typeof(x).ndim))


def nan_unless_finite(scale: Any, made: list[Any]) -> list[Any]:
    """Results, NaN for matrices with an element that is not finite."""
    finite = _comparison.is_finite(scale)
    return [
        _selection.choose(
            over_batch(finite, typeof(x).shape), x, _creation.full_like(x, np.nan)
        )
        for x in made
    ]


def inverse_gaps(gaps: Any) -> Any:
    """One over the differences of eigenvalues, zero on the diagonal."""
    eye = identity_like(gaps)
    return _arithmetic.sub(_arithmetic.reciprocal(_arithmetic.add(gaps, eye)), eye)

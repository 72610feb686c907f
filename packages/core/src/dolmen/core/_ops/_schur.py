"""The Schur form of matrices."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .._ir import ArrayType, array_type, message
from .._tracing import bind, typeof
from . import (
    _bitwise,
    _comparison,
    _creation,
    _pad,
    _selection,
    _shape,
    _slicing,
)
from ._arithmetic import add, div, mul, neg, sub
from ._cholesky import triangular_solve
from ._conversion import convert_element_type
from ._elementwise import constant_like
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
    diagonal,
    identity_like,
    inverse_gaps,
    matmul,
    nan_where_failed,
    real_part,
    transposed,
    triangle,
)
from ._transcendental import sqrt


def schur(
    x: Any,
    *,
    compute_schur_vectors: bool = True,
    sort_eig_vals: bool = False,
    select_callable: Callable[..., Any] | None = None,
) -> list[Any]:
    """The Schur form of square matrices: ``x == Q @ T @ Q.mT.conj()``.

    Args:
        x: float32, float64 or complex ``[..., n, n]``.
        compute_schur_vectors: whether to give `Q`.
        sort_eig_vals: must be false.
        select_callable: ignored.

    Returns:
        A list of `T` and, if it is wanted, the unitary `Q`, both ``[..., n, n]`` in the
        dtype of `x`. `T` is upper triangular, with the eigenvalues on the diagonal; of
        a real `x` pairs of complex eigenvalues are blocks of two rows with equal
        elements on the diagonal. NaN where the algorithm doesn't converge. Derivatives
        need distinct eigenvalues, and blocks of a real `T` that are no multiples of a
        rotation. Phases of complex vectors are not determined by `x`; the derivative is
        the one that leaves them.

    Raises:
        TypeError: `x` has another dtype.
        ValueError: the last two sizes of `x` differ.
        NotImplementedError: the eigenvalues are to be sorted.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> x = jnp.array([[1.0, 2.0], [0.0, 3.0]])
        >>> lax.linalg.schur(x, compute_schur_vectors=False)
        [Array([[1., 2.],
               [0., 3.]], dtype=float32)]
    """
    if sort_eig_vals:
        raise NotImplementedError(
            message(
                f"schur: `sort_eig_vals` must be false, got {sort_eig_vals!r}: sorting "
                "is not supported.",
                "Leave it out.",
            )
        )
    return list(bind(Schur(bool(compute_schur_vectors)), x))


class Schur(MatrixFunction):
    """The triangular form, and with `vectors` the unitary matrix."""

    multiple_results = True

    vectors: bool

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (x,) = arg_types
        check_matrices("schur", arg_types)
        check_square("schur", x)
        return [x.strengthened()] * (1 + self.vectors)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """`dQ = Q W`, `dT = D + T W - W T` with `D = Q^H dA Q`, `W` anti-Hermitian.

        Below the diagonal (the blocks, of a real `T`) `dT` is zero, which determines
        `W` there: Konstantinov, Petkov & Christov (1994), "Nonlocal perturbation
        analysis of the Schur system of a matrix", SIAM J. Matrix Anal. Appl. 15. What
        keeps the diagonals of blocks equal, and how the equation is solved, is ours.
        """
        (x,), (dx,) = primals, tangents
        form, vectors = bind(self.replace(vectors=True), x)
        if typeof(x).shape[-1] < 2:
            made = [dx, _creation.zeros_like(dx)]
        else:
            made = list(_tangents(form, vectors, dx))
        count = 1 + self.vectors
        return [form, vectors][:count], made[:count]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (x,) = builder.in_types
        parts = [array_type(x.shape[:-1], x.dtype)] * (1 + (x.dtype.kind == "f"))
        info = array_type(x.shape[:-2], INT32)
        form, vectors, *_, info = call_lapack(
            builder,
            "gees",
            args,
            [x, x, *parts, info, info],
            mode="V" if self.vectors else "N",
            sort="N",
        )
        made = [form, vectors][: len(builder.out_types)]
        return nan_where_failed(builder, info, made, builder.out_types)


# ---- derivative ----------------------------------------------------------------------


def _tangents(form: Any, vectors: Any, dx: Any) -> tuple[Any, Any]:
    blocks = _blocks(form)
    inner = matmul(adjoint(vectors), matmul(dx, vectors))
    lower = _lower_turn(form, inner, blocks)
    turn = sub(lower, adjoint(lower))
    change = add(inner, _commutator(form, turn))
    within = blocks.turn_that_equalizes(diagonal(change))
    turn = add(turn, within)
    change = add(change, _commutator(form, within))
    # Zero but for rounding.
    change = sub(change, blocks.below(change))
    return change, matmul(vectors, turn)


def _commutator(x: Any, y: Any) -> Any:
    return sub(matmul(x, y), matmul(y, x))


def _lower_turn(form: Any, inner: Any, blocks: "_Blocks") -> Any:
    """The part `X` below the blocks of what makes ``X T - T X`` equal `D` there.

    With eigenvectors `V` of a triangular `T`, which are triangular too, nothing above
    reaches below under ``V^-1 (...) V``, and there the equation is diagonal.
    """
    rotation = blocks.rotation()
    back = adjoint(rotation)
    form, turned = (
        matmul(back, matmul(as_dtype_of(m, rotation), rotation)) for m in (form, inner)
    )
    values, n = diagonal(form), typeof(form).shape[-1]
    vectors = _triangular_vectors(form, values)
    turned = triangular_solve(vectors, matmul(turned, vectors), left_side=True)
    gaps = sub(along_rows(values, n), along_columns(values, n))
    turned = blocks.below(mul(turned, inverse_gaps(gaps)))
    turned = triangular_solve(vectors, matmul(vectors, turned))
    made = matmul(rotation, matmul(blocks.below(turned), back))
    return real_part(made) if typeof(inner).dtype.kind == "f" else made


def _triangular_vectors(form: Any, values: Any) -> Any:
    """Eigenvectors of upper triangular matrices, with ones on the diagonal.

    One triangular system for each: that of the rows and columns before its own.
    """
    *batch, n, _ = typeof(form).shape
    rank = len(batch)
    shape = (*batch, n, n, n)
    number, row, column = (
        _creation.broadcasted_iota(INT32, shape, rank + i) for i in range(3)
    )
    spread = _shape.broadcast_in_dim(form, shape, (*range(rank), rank + 1, rank + 2))
    own = _shape.broadcast_in_dim(values, shape, range(rank + 1))
    before = _comparison.lt(row, number), _comparison.lt(column, number)
    eye = identity_like(spread)
    systems = _selection.choose(
        _bitwise.bitwise_and(*before), sub(spread, mul(eye, own)), eye
    )
    # Row j is minus column j above the diagonal, and one on it.
    right = transposed(sub(identity_like(form), triangle(form, 1, lower=False)))
    right = _shape.expand_dims(right, (rank + 2,))
    found = triangular_solve(systems, right, left_side=True)
    return transposed(_shape.squeeze(found, (rank + 2,)))


class _Blocks(NamedTuple):
    """The blocks ``[[a, b], [c, a]]`` on the diagonal of a real form.

    All fields have one element for each pair of rows; complex forms have no blocks.

    Attributes:
        above: `b`.
        beneath: `c`.
        exist: whether there is a block.
    """

    above: Any
    beneath: Any
    exist: Any

    def below(self, x: Any) -> Any:
        """`x` below the diagonal, but zero in the blocks."""
        strict = triangle(x, -1)
        first = sub(strict, triangle(x, -2))
        inside = _beside_diagonal(convert_element_type(self.exist, typeof(x).dtype), -1)
        return sub(strict, mul(first, inside))

    def rotation(self) -> Any:
        """Complex unitary matrices that make the form triangular.

        Eigenvectors of a block are `(b, i m)` and `(b, -i m)` with `m^2 = -b c`. The
        columns are the first one, and what is orthogonal to it.
        """
        one, zero = _creation.full_like(self.above, 1), _creation.zeros_like(self.above)
        b = _selection.choose(self.exist, self.above, one)
        square = neg(mul(self.above, self.beneath))
        m = sqrt(_selection.choose(self.exist, square, one))
        length = sqrt(add(mul(b, b), mul(m, m)))
        cosine = _selection.choose(self.exist, div(b, length), one)
        sine = _selection.choose(self.exist, div(m, length), zero)
        # A row is in one block at most.
        on = mul(_padded(cosine, 1, 1, 0), _padded(cosine, 1, 0, 1))
        beside = add(_beside_diagonal(sine, 1), _beside_diagonal(sine, -1))
        on, beside = (
            convert_element_type(x, complex_type((), typeof(x).dtype).dtype)
            for x in (on, beside)
        )
        on = mul(identity_like(beside), along_rows(on, typeof(beside).shape[-1]))
        return add(on, mul(constant_like(beside, 1j), beside))

    def turn_that_equalizes(self, change: Any) -> Any:
        """The turn within blocks that makes changes of their diagonals equal."""
        axis, n = typeof(change).ndim - 1, typeof(change).shape[-1]
        first = _slicing.slice_in_dim(change, 0, n - 1, axis=axis)
        second = _slicing.slice_in_dim(change, 1, n, axis=axis)
        one, zero = _creation.full_like(self.above, 1), _creation.zeros_like(self.above)
        both = add(self.above, self.beneath)
        angle = div(
            sub(second, first), _selection.choose(self.exist, add(both, both), one)
        )
        angle = _selection.choose(self.exist, angle, zero)
        return sub(_beside_diagonal(angle, -1), _beside_diagonal(angle, 1))


def _blocks(form: Any) -> _Blocks:
    rank, n = typeof(form).ndim, typeof(form).shape[-1]

    def beside(later: int, earlier: int) -> Any:
        part = _slicing.slice_in_dim(form, 1, n, axis=later)
        return diagonal(_slicing.slice_in_dim(part, 0, n - 1, axis=earlier))

    above, beneath = beside(rank - 1, rank - 2), beside(rank - 2, rank - 1)
    exist = _comparison.ne(beneath, _creation.zeros_like(beneath))
    return _Blocks(above, beneath, exist)


def _beside_diagonal(v: Any, offset: int) -> Any:
    """Square matrices with `v` after (1) or before (-1) the diagonal."""
    rows = along_rows(v, typeof(v).shape[-1])
    matrix = mul(rows, identity_like(rows))
    down = int(offset < 0)
    axis = typeof(matrix).ndim - 1
    matrix = _padded(matrix, 0, down, 1 - down, axis=axis - 1)
    return _padded(matrix, 0, 1 - down, down, axis=axis)


def _padded(x: Any, value: Any, before: int, after: int, axis: int = -1) -> Any:
    edges = [(0, 0, 0)] * typeof(x).ndim
    edges[axis] = (before, after, 0)
    return _pad.pad(x, constant_like(x, value), edges)

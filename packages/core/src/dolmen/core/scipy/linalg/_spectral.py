"""Eigenvalues and eigenvectors of Hermitian matrices."""

import functools
import operator
from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ..._ir import type_error, value_error
from ..._ops._matrices import adjoint, hermitian_part, matmul, real_part
from ..._tracing import typeof
from ..._transforms import jvp
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import broadcast_batches, check_square, on_diagonal, operands


@jit_when_eager(
    static_argnames=(
        "lower",
        "eigvals_only",
        "overwrite_a",
        "overwrite_b",
        "turbo",
        "eigvals",
        "type",
        "check_finite",
    )
)
def eigh(
    a: ArrayLike,
    b: ArrayLike | None = None,
    lower: bool = True,
    eigvals_only: bool = False,
    overwrite_a: bool = False,
    overwrite_b: bool = False,
    turbo: bool = True,
    eigvals: tuple[int, int] | None = None,
    type: int = 1,
    check_finite: bool = True,
) -> Any:
    """Eigenvalues, ascending, and eigenvectors of Hermitian matrices.

    Args:
        a: ``[..., n, n]``; its mean with its adjoint is taken, whatever `lower` says.
        b: Hermitian and positive definite matrices ``[..., n, n]`` of the generalized
            problem; None for the identity.
        lower: ignored.
        eigvals_only: give no eigenvectors.
        overwrite_a: ignored.
        overwrite_b: ignored.
        turbo: ignored.
        eigvals: first and last index of the eigenvalues to give; None for all.
        type: of the generalized problem: 1 for ``a @ v == w * b @ v``, 2 for
            ``a @ b @ v == w * v``, 3 for ``b @ a @ v == w * v``.
        check_finite: ignored.

    Returns:
        Real eigenvalues ``[..., k]`` and eigenvectors ``[..., n, k]``, the columns;
        without these the eigenvalues alone. Eigenvectors of the generalized problem
        have ``v.conj() @ b @ v == 1``, with the inverse of `b` for type 3.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `a` or `b` is not square, they don't broadcast, `eigvals` is out of
            bounds, or another `type`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> a, b = jnp.array([[2.0, 0.0], [0.0, 3.0]]), jnp.array([[1.0, 0], [0, 4.0]])
        >>> linalg.eigh(a, b, eigvals_only=True)
        Array([0.75, 2.  ], dtype=float32)
    """
    if type not in (1, 2, 3):
        raise value_error(f"eigh: `type` must be 1, 2 or 3, got {type!r}.")
    a, *metric = operands("eigh", a=a, **({} if b is None else {"b": b}))
    check_square("eigh", "a", a)
    if not metric:
        vectors, values = lax.linalg.eigh(a)
    else:
        a, b = broadcast_batches("eigh", a, _like(a, *metric))
        vectors, values = _generalized(hermitian_part(a), b, type)
    n = typeof(values).shape[-1]
    low, high = (
        (0, n - 1) if eigvals is None else _indices("eigh", "eigvals", eigvals, n)
    )
    values = values[..., low : high + 1]
    return values if eigvals_only else (values, vectors[..., low : high + 1])


def _like(a: Any, b: Any) -> Any:
    """`b`, if it has matrices of the size of those of `a`."""
    if typeof(b).shape[-2:] != typeof(a).shape[-2:]:
        raise value_error(
            "eigh: `b` must have matrices of the size of those of `a`, got "
            f"{typeof(a)!r} and {typeof(b)!r}."
        )
    return b


def _generalized(a: Any, b: Any, type: int) -> tuple[Any, Any]:
    """Reduce to one matrix by Cholesky factors.

    With `L L^H = b` it is `L^-1 a L^-H` for type 1, else `L^H a L`; its eigenvectors
    are `L^H v`, for type 3 `L^-1 v`.

    Source: Martin & Wilkinson (1968), "Reduction of the symmetric eigenproblem
    Ax = λBx and related problems to standard form", doi:10.1007/BF02162167.
    """
    factor = lax.linalg.cholesky(b)
    solve = functools.partial(lax.linalg.triangular_solve, factor, lower=True)
    if type == 1:
        a = solve(solve(a, left_side=True), transpose_a=True, conjugate_a=True)
    else:
        a = matmul(adjoint(factor), matmul(a, factor))
    vectors, values = lax.linalg.eigh(a)
    if type == 3:
        return matmul(factor, vectors), values
    vectors = solve(vectors, left_side=True, transpose_a=True, conjugate_a=True)
    return vectors, values


def _indices(function: str, name: str, pair: Any, n: int) -> tuple[int, int]:
    """First and last index of a range of eigenvalues."""
    try:
        low, high = map(operator.index, pair)
    except TypeError:
        raise type_error(
            f"{function}: `{name}` must be two integers, got {pair!r}."
        ) from None
    if not 0 <= low <= high < n:
        raise value_error(
            f"{function}: `{name}` must be indices of the first and the last of {n} "
            f"eigenvalues, got {pair!r}."
        )
    return low, high


# ---- tridiagonal matrices ------------------------------------------------------------


def eigh_tridiagonal(
    d: ArrayLike,
    e: ArrayLike,
    *,
    eigvals_only: bool = False,
    select: str = "a",
    select_range: tuple[float, float] | None = None,
    tol: float | None = None,
    key: Array | None = None,
) -> Any:
    """Eigenvalues, ascending, and eigenvectors of Hermitian tridiagonal matrices.

    Args:
        d: the diagonals ``[..., n]``, of which the real part is taken.
        e: the entries ``[..., n - 1]`` below them.
        eigvals_only: give no eigenvectors. That takes memory for a few vectors only,
            where eigenvectors take that of whole matrices.
        select: which eigenvalues: "a" for all, "i" for those with indices in
            `select_range`, both ends included, "v" for those in the interval that it
            bounds, without its lower end. With "v" `d` and `e` can't be traced: the
            shape of the result depends on them.
        select_range: a pair, for "i" and "v".
        tol: when to stop, an absolute error of eigenvalues; by default rounding errors
            of the greatest one. Eigenvalues that come with vectors have no other error.
        key: ignored: the algorithm makes no random choice.

    Returns:
        Real eigenvalues ``[..., k]`` and eigenvectors ``[..., n, k]``, the columns;
        without these the eigenvalues alone.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `e` has not one entry less than `d`, leading axes don't broadcast,
            `select_range` is missing or out of bounds, or another `select`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.eigh_tridiagonal(jnp.zeros(2), jnp.array([3.0]), eigvals_only=True)
        Array([-3.,  3.], dtype=float32)

    Source: Barth, Martin & Wilkinson (1967), "Calculation of the eigenvalues of a
    symmetric tridiagonal matrix by the method of bisection", doi:10.1007/BF02162154.
    """
    del key
    function = "eigh_tridiagonal"
    d, e = operands(function, d=d, e=e)
    sizes = [typeof(x).shape[-1:] for x in (d, e)]
    if () in sizes or sizes[1][0] != max(sizes[0][0] - 1, 0):
        raise value_error(
            f"{function}: `e` must have one entry less than `d`, got {typeof(d)!r} and "
            f"{typeof(e)!r}."
        )
    if select not in ("a", "i", "v"):
        raise value_error(
            f"{function}: `select` must be 'a', 'i' or 'v', got {select!r}."
        )
    n = sizes[0][0]
    chosen: tuple[int, int] | None = (0, n - 1)
    if select != "a":
        if select_range is None:
            raise value_error(
                f"{function}: for select={select!r} expected `select_range`, got None."
            )
        if select == "i":
            chosen = _indices(function, "select_range", select_range, n)
    d, e = broadcast_batches(function, real_part(d), e, ranks=(1, 1))
    if select == "v":
        chosen = _inside(d, e, select_range)
    return _tridiagonal(d, e, chosen, eigvals_only, tol)


def _inside(d: Any, e: Any, interval: Any) -> tuple[int, int]:
    """First and last index of the eigenvalues in an interval."""
    if typeof(d).ndim > 1:
        raise value_error(
            "eigh_tridiagonal: with select='v' there can be one matrix only, got "
            f"{typeof(d)!r}."
        )
    ends = jnp.array(interval, typeof(d).dtype)
    low, high = _count_up_to(d, lax.square(lax.abs(e)), ends)
    return int(low), int(high) - 1


@jit_when_eager(
    name="eigh_tridiagonal", static_argnames=("chosen", "eigvals_only", "tol")
)
def _tridiagonal(
    d: Any, e: Any, chosen: tuple[int, int], eigvals_only: bool, tol: float | None
) -> Any:
    low, high = chosen
    if eigvals_only:
        return _eigenvalues(d, e, low, high, tol)
    values, vectors = _dense_eigh(d, e)
    return values[..., low : high + 1], vectors[..., low : high + 1]


def _dense_eigh(d: Any, e: Any) -> tuple[Any, Any]:
    dense = on_diagonal(d) + on_diagonal(e, 1)
    vectors, values = lax.linalg.eigh(dense, lower=False, symmetrize_input=False)
    return values, vectors


@functools.partial(custom_jvp, nondiff_argnums=(2, 3, 4))
def _eigenvalues(d: Any, e: Any, low: int, high: int, tol: float | None) -> Any:
    """Halve intervals that contain one eigenvalue each, all at once."""
    shape = (*typeof(d).shape[:-1], high + 1 - low)
    if 0 in shape:
        return jnp.zeros(shape, typeof(d).dtype)
    # Of a matrix whose entries are at most one, squares don't overflow.
    size = jnp.maximum(jnp.max(jnp.abs(d), -1), jnp.max(jnp.abs(e), -1, initial=0))
    size = jnp.where(size == 0, 1, size)[..., None]
    d, sizes = d / size, jnp.abs(e) / size
    # Gershgorin's circles have their centers in `d`.
    widths = [(0, 0)] * (typeof(d).ndim - 1)
    radius = jnp.pad(sizes, [*widths, (1, 0)]) + jnp.pad(sizes, [*widths, (0, 1)])
    info = jnp.finfo(typeof(d).dtype)
    index = jnp.broadcast_to(jnp.arange(low, high + 1), shape)
    least = jnp.broadcast_to(jnp.min(d - radius, -1, keepdims=True), shape)
    greatest = jnp.broadcast_to(jnp.max(d + radius, -1, keepdims=True), shape)
    limit = 0 if tol is None else tol / size
    squares = lax.square(sizes)

    def go_on(state: Any) -> Any:
        step, low, high = state
        return (step < info.nmant + 4) & jnp.any(high - low > limit)

    def halve(state: Any) -> Any:
        step, low, high = state
        middle = (low + high) / 2
        beyond = _count_up_to(d, squares, middle) > index
        low, high = jnp.where(beyond, low, middle), jnp.where(beyond, middle, high)
        return step + 1, low, high

    _, least, greatest = lax.while_loop(go_on, halve, (0, least, greatest))
    return (least + greatest) / 2 * size


@_eigenvalues.defjvp
def _eigenvalues_jvp(
    low: int, high: int, tol: float | None, primals: Any, tangents: Any
) -> Any:
    """The derivatives of eigenvalues don't depend on how they were found."""
    values, slopes = jvp(lambda d, e: _dense_eigh(d, e)[0], primals, tangents)
    del values
    return _eigenvalues(*primals, low, high, tol), slopes[..., low : high + 1]


def _count_up_to(d: Any, squares: Any, x: Any) -> Any:
    """How many eigenvalues are not greater than each of `x` ``[..., k]``.

    They are as many as the negative pivots when the matrix minus `x` is factorized, if
    zeros are taken for negative.

    Args:
        d: the diagonals ``[..., n]``.
        squares: of the absolute values beside them, ``[..., n - 1]``.
        x: real numbers.
    """
    tiny = jnp.finfo(typeof(d).dtype).tiny
    squares = jnp.pad(squares, [(0, 0)] * (typeof(d).ndim - 1) + [(1, 0)])

    def step(state: Any, row: Any) -> tuple[Any, None]:
        pivot, count = state
        entry, square = row
        pivot = entry[..., None] - x - square[..., None] / pivot
        pivot = jnp.where(jnp.abs(pivot) < tiny, -tiny, pivot)
        return (pivot, count + (pivot < 0)), None

    rows = jnp.moveaxis(d, -1, 0), jnp.moveaxis(squares, -1, 0)
    start = jnp.ones_like(x), jnp.zeros(typeof(x).shape, jnp.int32)
    (_, count), _ = lax.scan(step, start, rows)
    return count

"""Matrices made of vectors: each entry repeats, or is made of, entries of one.

Leading axes of the vectors number a batch of matrices.
"""

from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import ArrayType, array_type, value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._contraction import promoted
from ...numpy._creation import _shape_of
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import (
    broadcast_shape,
    promote_args_inexact,
    type_of,
)


@jit_when_eager
def toeplitz(c: ArrayLike, r: ArrayLike | None = None) -> Array:
    """Matrices with equal entries along every diagonal.

    Args:
        c: the first columns ``[..., n]``; a scalar is a column of one entry.
        r: the first rows ``[..., m]``, whose first entry is not read; by default the
            conjugates of `c`, which makes the matrices Hermitian up to their diagonal.

    Returns:
        ``[..., n, m]`` in the promoted dtype, with entries ``c[i - j]``, above the
        diagonal ``r[j - i]``.

    Raises:
        ValueError: leading axes don't broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.toeplitz(jnp.array([1, 2, 3]), jnp.array([1, 4]))
        Array([[1, 4],
               [2, 1],
               [3, 2]], dtype=int32)
    """
    type_of("toeplitz", "c", c)
    column: Any = jnp.atleast_1d(c)
    row = jnp.conj(column) if r is None else r
    type_of("toeplitz", "r", row)
    column, row = _alike("toeplitz", "cr", column, jnp.atleast_1d(row))
    sizes = typeof(column).shape[-1], typeof(row).shape[-1]
    return _toeplitz(jnp.concatenate([row[..., :0:-1], column], -1), sizes)


@jit_when_eager
def hankel(c: ArrayLike, r: ArrayLike | None = None) -> Array:
    """Matrices with equal entries along every antidiagonal.

    Args:
        c: the first columns ``[..., n]``.
        r: the last rows ``[..., m]``, whose first entry is not read; by default zeros
            of the shape of `c`.

    Returns:
        ``[..., n, m]`` with entries ``concatenate([c, r[1:]])[i + j]``, in the promoted
        dtype.

    Raises:
        ValueError: an operand is a scalar, or leading axes don't broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.hankel(jnp.array([1, 2]), jnp.array([0, 3, 4]))
        Array([[1, 2, 3],
               [2, 3, 4]], dtype=int32)
    """
    _vectors("hankel", "c", c)
    last = jnp.zeros_like(c) if r is None else r
    _vectors("hankel", "r", last)
    column, last = _alike("hankel", "cr", c, last)
    sizes = typeof(column).shape[-1], typeof(last).shape[-1]
    return _hankel(jnp.concatenate([column, last[..., 1:]], -1), sizes)


@jit_when_eager
def circulant(c: ArrayLike) -> Array:
    """Matrices whose columns are the first one, turned round by one more entry each.

    Args:
        c: the first columns ``[..., n]``; a scalar is a column of one entry.

    Returns:
        ``[..., n, n]`` with entries ``c[(i - j) % n]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.circulant(jnp.array([1, 2, 3]))
        Array([[1, 3, 2],
               [2, 1, 3],
               [3, 2, 1]], dtype=int32)
    """
    type_of("circulant", "c", c)
    column: Any = jnp.atleast_1d(c)
    size = typeof(column).shape[-1]
    return _toeplitz(jnp.concatenate([column[..., 1:], column], -1), (size, size))


@jit_when_eager(static_argnames=("n", "mode"))
def convolution_matrix(a: ArrayLike, n: int, mode: str = "full") -> Array:
    """The matrices ``A`` with ``A @ v == jnp.convolve(a, v, mode)`` for `n` entries.

    Args:
        a: ``[..., m]``, not empty.
        n: number of entries of `v`, positive.
        mode: "full", "same" or "valid", see `dolmen.core.numpy.convolve`.

    Returns:
        ``[..., k, n]`` where `k` is ``m + n - 1``, ``max(m, n)`` or
        ``max(m, n) - min(m, n) + 1``.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `a` is a scalar or empty, `n` is not positive, or another `mode`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.convolution_matrix(jnp.array([1, 2]), 3)
        Array([[1, 0, 0],
               [2, 1, 0],
               [0, 2, 1],
               [0, 0, 2]], dtype=int32)
    """
    (n,) = _shape_of("convolution_matrix", n, "n")
    type = _vectors("convolution_matrix", "a", a, least=1)
    if not n:
        raise value_error("convolution_matrix: `n` must be positive, got 0.")
    if mode not in ("full", "same", "valid"):
        raise value_error(
            "convolution_matrix: `mode` must be 'full', 'same' or 'valid', got "
            f"{mode!r}."
        )
    cut = min(type.shape[-1], n) - 1
    before, after = {
        "full": (0, 0),
        "same": (cut // 2, cut - cut // 2),
        "valid": (cut, cut),
    }[mode]
    around = [(0, 0)] * (type.ndim - 1) + [(n - 1, n - 1)]
    rows = type.shape[-1] + n - 1
    whole = _toeplitz(jnp.pad(a, around), (rows, n))
    return whole[..., before : rows - after, :]


def _toeplitz(diagonals: Any, sizes: tuple[int, int]) -> Any:
    """Matrices with these diagonals, from the upper right to the lower left one."""
    return jnp.flip(_hankel(diagonals, sizes), -1)


def _hankel(v: Any, sizes: tuple[int, int]) -> Any:
    """Matrices with entries ``v[i + j]``, by no more than copies and reshapes.

    Copies of `v`, one for each row, are written one after the other and read in rows
    that are longer by one: each row then starts one entry later in its copy.
    """
    rows, columns = sizes
    *batch, size = typeof(v).shape
    if 0 in sizes:
        return jnp.zeros((*batch, *sizes), typeof(v).dtype)
    copies = lax.broadcast_in_dim(
        v, (*batch, rows, size), (*range(len(batch)), len(batch) + 1)
    )
    flat = lax.reshape(copies, (*batch, rows * size))
    flat = jnp.pad(flat, [(0, 0)] * len(batch) + [(0, rows)])
    return lax.reshape(flat, (*batch, rows, size + 1))[..., :columns]


@jit_when_eager
def companion(a: ArrayLike) -> Array:
    """Matrices whose eigenvalues are the roots of polynomials.

    Args:
        a: coefficients ``[..., n]``, at least two, of the highest power first; that one
            must not be zero (NaN or infinity come out, where SciPy raises).

    Returns:
        ``[..., n - 1, n - 1]``, floating point: the first row is ``-a[1:] / a[0]``,
        ones stand below the diagonal.

    Raises:
        ValueError: there are fewer coefficients.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.companion(jnp.array([1, -3, 2]))
        Array([[ 3., -2.],
               [ 1.,  0.]], dtype=float32)
    """
    _vectors("companion", "a", a, least=2)
    (x,) = promote_args_inexact("companion", a)
    row = -x[..., 1:] / x[..., :1]
    return _with_first_row(row, jnp.ones_like(row[..., 1:]))


@jit_when_eager
def leslie(f: ArrayLike, s: ArrayLike) -> Array:
    """Leslie matrices: how a population by age grows in one step.

    Args:
        f: fecundities ``[..., n]`` of at least two ages.
        s: shares ``[..., n - 1]`` that survive to the next age.

    Returns:
        ``[..., n, n]``: the first row is `f`, below the diagonal stands `s`.

    Raises:
        ValueError: sizes are others, or leading axes don't broadcast.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.leslie(jnp.array([0.5, 2.0]), jnp.array([0.25]))
        Array([[0.5 , 2.  ],
               [0.25, 0.  ]], dtype=float32)
    """
    types = _vectors("leslie", "f", f, least=2), _vectors("leslie", "s", s)
    if types[1].shape[-1] != types[0].shape[-1] - 1:
        raise value_error(
            "leslie: `s` must have one entry less than `f`, got "
            f"{types[0]!r} and {types[1]!r}."
        )
    return _with_first_row(*_alike("leslie", "fs", f, s))


def _with_first_row(row: Any, below: Any) -> Any:
    """Square matrices with this first row, `below` the diagonal, and zeros."""
    batch = len(typeof(row).shape) - 1
    scaled = below[..., None] * jnp.eye(typeof(below).shape[-1], dtype=row.dtype)
    rest = jnp.pad(scaled, [(0, 0)] * (batch + 1) + [(0, 1)])
    return jnp.concatenate([row[..., None, :], rest], -2)


@jit_when_eager
def fiedler(a: ArrayLike) -> Array:
    """Symmetric matrices of distances between numbers.

    Args:
        a: ``[..., n]``; a scalar is one number.

    Returns:
        ``[..., n, n]`` with entries ``abs(a[i] - a[j])``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.fiedler(jnp.array([1, 4, 9]))
        Array([[0, 3, 8],
               [3, 0, 5],
               [8, 5, 0]], dtype=int32)
    """
    type_of("fiedler", "a", a)
    x: Any = jnp.atleast_1d(a)
    return jnp.abs(x[..., :, None] - x[..., None, :])


@jit_when_eager
def fiedler_companion(a: ArrayLike) -> Array:
    """Matrices with five diagonals whose eigenvalues are the roots of polynomials.

    Args:
        a: coefficients ``[..., n]`` as for `companion`, at least one.

    Returns:
        ``[..., n - 1, n - 1]``, floating point.

    Raises:
        ValueError: there is no coefficient.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.fiedler_companion(jnp.array([1, 2, 3, 4]))
        Array([[-2., -3.,  1.],
               [ 1.,  0.,  0.],
               [ 0., -4.,  0.]], dtype=float32)

    Source: Fiedler (2003), "A note on companion matrices", Linear Algebra and its
    Applications 372.
    """
    type_of("fiedler_companion", "a", a)
    (x,) = promote_args_inexact("fiedler_companion", jnp.atleast_1d(a))
    _vectors("fiedler_companion", "a", x, least=1)
    ratios = -x[..., 1:] / x[..., :1]
    row, column = np.indices((typeof(ratios).shape[-1],) * 2)
    even, offset = row % 2 == 0, column - row
    by_row = (even & (offset == -1)) | ((row == 0) & (column == 0))
    by_column = even & (offset == 1)
    ones = np.where(even, offset == 2, offset == -2) | ((row == 1) & (column == 0))
    entries = jnp.where(by_column, ratios[..., None, :], ones.astype(x.dtype))
    return jnp.where(by_row, ratios[..., :, None], entries)


@jit_when_eager
def block_diag(*arrs: ArrayLike) -> Array:
    """A matrix with given blocks along its diagonal, zeros elsewhere.

    Args:
        *arrs: matrices; vectors are single rows, scalars single entries.

    Returns:
        A matrix with as many rows and columns as all blocks together, in the promoted
        dtype. Without blocks it is a float ``[1, 0]``, as in SciPy.

    Raises:
        ValueError: a block has more than two axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.block_diag(jnp.ones((1, 2)), 2.0)
        Array([[1., 1., 0.],
               [0., 0., 2.]], dtype=float32)
    """
    types = [type_of("block_diag", f"arrs[{i}]", x) for i, x in enumerate(arrs)]
    if any(type.ndim > 2 for type in types):
        raise value_error(
            "block_diag: blocks must have at most two axes, got "
            f"{', '.join(map(repr, types))}."
        )
    blocks: list[Any] = [jnp.atleast_2d(x) for x in arrs] or [jnp.ones((1, 0))]
    width = sum(typeof(x).shape[1] for x in blocks)
    rows, start = [], 0
    for block in blocks:
        end = start + typeof(block).shape[1]
        rows.append(jnp.pad(block, ((0, 0), (start, width - end))))
        start = end
    return jnp.concatenate(rows, 0)


# ---- arguments -----------------------------------------------------------------------


def _vectors(function: str, argument: str, x: Any, least: int = 0) -> ArrayType:
    """The type of vectors with at least so many entries."""
    type = type_of(function, argument, x)
    if type.ndim < 1 or type.shape[-1] < least:
        wanted = f"at least {least} entries along its last axis" if least else "an axis"
        raise value_error(f"{function}: `{argument}` must have {wanted}, got {type!r}.")
    return type


def _alike(function: str, names: str, *vectors: Any) -> list[Any]:
    """Vectors of one dtype, with the same leading axes."""
    made = promoted(function, names, vectors)
    types = [array_type(typeof(v).shape[:-1], typeof(v).dtype) for v in made]
    batch = broadcast_shape(function, types)
    return [jnp.broadcast_to(v, (*batch, typeof(v).shape[-1])) for v in made]

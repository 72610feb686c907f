"""Matrices that are determined by their size.

Entries that grow fast are computed in double precision while tracing, and rounded once.
"""

import math
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import dtypes, type_error, value_error
from ...numpy._array_like import Array, DTypeLike
from ...numpy._creation import _shape_of
from ...numpy._eager import jit_when_eager

_FLOAT = np.dtype("float64")


def _size(function: str, n: Any) -> int:
    return _shape_of(function, n, "n")[0]


def _rounded(table: np.ndarray) -> Array:
    return jnp.asarray(table, dtypes.default(_FLOAT))


# ---- transforms ----------------------------------------------------------------------


def dft(n: int, scale: str | None = None, *, dtype: DTypeLike | None = None) -> Array:
    """The matrix of the discrete Fourier transform of `n` numbers.

    Args:
        n: the size.
        scale: None; "sqrtn" divides by ``sqrt(n)``, which makes the matrix unitary; "n"
            divides by `n`.
        dtype: of the result, complex; by default that of Python's complex numbers.

    Returns:
        ``[n, n]`` with entries ``exp(-2j * pi * i * j / n)``.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `n` is negative, another `scale`, or `dtype` is not complex.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.dft(2).real
        Array([[ 1.,  1.],
               [ 1., -1.]], dtype=float32)
    """
    size = _size("dft", n)
    if scale not in (None, "sqrtn", "n"):
        raise value_error(f"dft: `scale` must be None, 'sqrtn' or 'n', got {scale!r}.")
    made = dtypes.as_dtype(complex if dtype is None else dtype, function="dft")
    if dtypes.kind(made) != "c":
        raise value_error(
            f"dft: `dtype` must be complex, got {dtypes.short_name(made)}."
        )
    divisor = {None: 1.0, "sqrtn": math.sqrt(size), "n": float(size)}[scale]
    return _dft(size, divisor, made)


@jit_when_eager(static_argnames=("n", "divisor", "dtype"))
def _dft(n: int, divisor: float, dtype: np.dtype) -> Any:
    # Roots of unity are looked up: angles of large products would lose their digits.
    roots = np.exp(-2j * np.pi * np.arange(n) / max(n, 1)) / divisor
    place = jnp.arange(n)
    power = place[:, None] * place % max(n, 1)
    return jnp.take(jnp.asarray(roots, dtype), power, mode="fill")


def hadamard(n: int, dtype: DTypeLike = int) -> Array:
    """The Hadamard matrix that Sylvester's construction gives.

    Args:
        n: the size, a power of two.
        dtype: of the result.

    Returns:
        ``[n, n]`` of ones and minus ones, whose rows are orthogonal.

    Raises:
        TypeError: `n` is no integer, or `dtype` is bool.
        ValueError: `n` is no power of two.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.hadamard(2)
        Array([[ 1,  1],
               [ 1, -1]], dtype=int32)
    """
    size = _size("hadamard", n)
    if size.bit_count() != 1:
        raise value_error(f"hadamard: `n` must be a power of two, got {size}.")
    made = dtypes.as_dtype(dtype, function="hadamard")
    if dtypes.kind(made) == "b":
        raise type_error("hadamard: `dtype` must be a numeric dtype, got bool.")
    return _hadamard(size, made)


@jit_when_eager(static_argnames=("n", "dtype"))
def _hadamard(n: int, dtype: np.dtype) -> Any:
    place = jnp.arange(n)
    odd = lax.population_count(place[:, None] & place) % 2
    return 1 - 2 * odd.astype(dtype)


def helmert(n: int, full: bool = False) -> Array:
    """Orthonormal contrasts: each row compares a number with the mean of those before.

    Args:
        n: how many numbers, positive.
        full: put the row of the mean, ``1 / sqrt(n)``, on top.

    Returns:
        ``[n - 1, n]``, or ``[n, n]`` when `full`, floating point.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `n` is not positive.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.helmert(2)
        Array([[ 0.70710677, -0.70710677]], dtype=float32)
    """
    size = _size("helmert", n)
    if not size:
        raise value_error("helmert: `n` must be positive, got 0.")
    return _helmert(size, bool(full))


@jit_when_eager(static_argnames=("n", "full"))
def _helmert(n: int, full: bool) -> Any:
    row, column = jnp.arange(float(n))[:, None], jnp.arange(float(n))
    contrasts = jnp.where(column < row, 1, jnp.where(column == row, -row, 0))
    scale = jnp.where(row == 0, n, row * (row + 1))
    made = jnp.where(row == 0, 1, contrasts) / jnp.sqrt(scale)
    return made if full else made[1:]


# ---- Hilbert and Pascal --------------------------------------------------------------


def hilbert(n: int) -> Array:
    """The Hilbert matrix ``[n, n]``, floating point, with entries ``1 / (i + j + 1)``.

    Args:
        n: the size.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `n` is negative.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.hilbert(2)
        Array([[1.        , 0.5       ],
               [0.5       , 0.33333334]], dtype=float32)
    """
    return _hilbert(_size("hilbert", n))


@jit_when_eager(static_argnames=("n",))
def _hilbert(n: int) -> Any:
    place = jnp.arange(float(n))
    return 1 / (place[:, None] + place + 1)


def invhilbert(n: int) -> Array:
    """The inverse of the Hilbert matrix, ``[n, n]``, floating point.

    Its entries are integers; those that the dtype can't hold are rounded, or infinite.

    Args:
        n: the size.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `n` is negative.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.invhilbert(2)
        Array([[ 4., -6.],
               [-6., 12.]], dtype=float32)

    Source: Choi (1983), "Tricks or treats with the Hilbert matrix",
    doi:10.2307/2975779.
    """
    size = _size("invhilbert", n)
    place = np.arange(size)
    # Entry i, j is p[i] p[j] / (i + j + 1) with these p, whose signs alternate.
    p, factor = [], float(size)
    for i in range(size):
        p.append(factor)
        factor *= (i + 1 - size) * (i + 1 + size)
        factor /= (i + 1) ** 2
    return _rounded(np.outer(p, p).reshape(size, size) / (place[:, None] + place + 1))


def pascal(n: int, kind: str | None = None) -> Array:
    """The Pascal matrix of binomial coefficients.

    Args:
        n: the size.
        kind: "symmetric" (the default) has entries ``binomial(i + j, i)``; "lower" is
            triangular with ``binomial(i, j)``; "upper" is the transpose of that.

    Returns:
        ``[n, n]``, floating point; exact as far as the dtype holds the integers.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `n` is negative, or another `kind`.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.pascal(3)
        Array([[1., 1., 1.],
               [1., 2., 3.],
               [1., 3., 6.]], dtype=float32)
    """
    lower = _binomials(_size("pascal", n))
    if _kind("pascal", kind) == "symmetric":
        return _rounded(lower @ lower.T)
    return _rounded(lower if kind == "lower" else lower.T)


def invpascal(n: int, kind: str | None = None) -> Array:
    """The inverse of `pascal`, with the same arguments.

    Example:
        >>> from dolmen.core.scipy import linalg
        >>> linalg.invpascal(2)
        Array([[ 2., -1.],
               [-1.,  1.]], dtype=float32)
    """
    size = _size("invpascal", n)
    signs = (-1.0) ** np.arange(size)
    lower = _binomials(size) * signs * signs[:, None]
    if _kind("invpascal", kind) == "symmetric":
        return _rounded(lower.T @ lower)
    return _rounded(lower if kind == "lower" else lower.T)


def _kind(function: str, kind: str | None) -> str:
    if kind not in (None, "symmetric", "lower", "upper"):
        raise value_error(
            f"{function}: `kind` must be 'symmetric', 'lower' or 'upper', got {kind!r}."
        )
    return kind or "symmetric"


def _binomials(n: int) -> np.ndarray:
    """Entry i, j is "i over j", by Pascal's rule."""
    rows = np.zeros((n, n))
    for i in range(n):
        rows[i, 0] = 1
        rows[i, 1:] = rows[i - 1, 1:] + rows[i - 1, :-1] if i else 0
    return rows

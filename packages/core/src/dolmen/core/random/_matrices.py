"""Random matrices and vectors whose components depend on each other."""

import operator
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._higher_order import jit_when_eager
from .._ir import value_error
from ..numpy._array_like import Array, ArrayLike, DTypeLike, Shape
from ..numpy._promotion import to_inexact, type_of
from ._arguments import as_shape, convert, sampled_dtype, single_key
from ._keys import KeyArray
from ._normal import standard_normal

_METHODS = ("cholesky", "eigh", "svd")


def orthogonal(
    key: Any,
    n: int,
    shape: Shape = (),
    dtype: DTypeLike = float,
    m: int | None = None,
    *,
    out_sharding: Any = None,
) -> Array:
    """Orthogonal (unitary for complex dtypes) matrices, none preferred to another.

    Args:
        key: a single key.
        n: number of rows.
        shape: leading shape of the result.
        dtype: floating point or complex.
        m: number of columns, by default `n`. Of rows and columns the fewer ones are
            orthonormal.

    Returns:
        An array of shape ``(*shape, n, m)``.

    Raises:
        TypeError: `dtype` is neither floating point nor complex.
        ValueError: `n` or `m` is negative.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import random
        >>> q = random.orthogonal(random.key(0), 3)
        >>> bool(jnp.allclose(q @ q.T, jnp.eye(3), atol=1e-6))
        True

    Source: Mezzadri (2007), "How to generate random matrices from the classical compact
    groups", arXiv:math-ph/0609050.
    """
    one = single_key("orthogonal", key, out_sharding)
    made = sampled_dtype("orthogonal", dtype, "fc")
    rows = operator.index(n)
    columns = rows if m is None else operator.index(m)
    if min(rows, columns) < 0:
        raise value_error(
            f"orthogonal: `n` and `m` must not be negative, got {n} and {m}."
        )
    sizes = (*as_shape("orthogonal", shape), rows, columns)
    return _orthogonal(one, shape=sizes, dtype=made)


@jit_when_eager(static_argnames=("shape", "dtype"))
def _orthogonal(key: KeyArray, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    *batch, n, m = shape
    wide = n < m
    sizes = (*batch, max(n, m), min(n, m))
    q, r = jnp.linalg.qr(_single(standard_normal(key, sizes, dtype)))
    # The factor that makes the diagonal of `r` positive makes the distribution uniform.
    diagonal = jnp.diagonal(r, axis1=-2, axis2=-1)
    q = q * (diagonal / jnp.abs(diagonal))[..., None, :]
    return (q.mT if wide else q).astype(dtype)


def _single(x: Any) -> Any:
    """`x` in at least float32, for what knows no half precision."""
    return x.astype(np.float32) if x.dtype.itemsize < 4 else x


def multivariate_normal(
    key: Any,
    mean: ArrayLike,
    cov: ArrayLike,
    shape: Shape | None = None,
    dtype: DTypeLike = None,
    method: str = "cholesky",
    *,
    out_sharding: Any = None,
) -> Array:
    """Normal vectors of given means and covariances.

    Args:
        key: a single key.
        mean: ``[..., n]``.
        cov: ``[..., n, n]``, positive definite (semidefinite for "eigh" and "svd").
        shape: leading shape of the result, by default that of the parameters.
        dtype: a floating-point dtype, by default that of the parameters.
        method: how `cov` is factored: "cholesky" (the fastest), "eigh" or "svd".

    Returns:
        An array of shape ``(*shape, n)``, differentiable in `mean` and `cov`; NaN where
        `cov` can't be factored.

    Raises:
        TypeError: `dtype` is no floating-point dtype.
        ValueError: `method` does not exist, or the shapes don't fit.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import random
        >>> cov = jnp.array([[2.0, 0.5], [0.5, 1.0]])
        >>> random.multivariate_normal(random.key(0), jnp.zeros(2), cov, (3,)).shape
        (3, 2)
    """
    function = "multivariate_normal"
    one = single_key(function, key, out_sharding)
    if method not in _METHODS:
        listed = ", ".join(map(repr, _METHODS))
        raise value_error(
            f"{function}: `method` must be one of {listed}, got {method!r}."
        )
    types = type_of(function, "mean", mean), type_of(function, "cov", cov)
    sizes = _vector_shape(function, *types, shape)
    if dtype is None:
        dtype = to_inexact(jnp.result_type(mean, cov))
    made = sampled_dtype(function, dtype, "f")
    return _multivariate_normal(one, mean, cov, shape=sizes, dtype=made, method=method)


@jit_when_eager(static_argnames=("shape", "dtype", "method"))
def _multivariate_normal(
    key: KeyArray,
    mean: Any,
    cov: Any,
    shape: tuple[int, ...],
    dtype: np.dtype,
    method: str,
) -> Any:
    cov = _single(convert(cov, dtype))
    if method == "cholesky":
        factor = jnp.linalg.cholesky(cov)
    else:
        values, vectors = jnp.linalg.eigh(cov) if method == "eigh" else _svd(cov)
        factor = vectors * jnp.sqrt(values)[..., None, :]
    z = standard_normal(key, shape, dtype)
    factor = factor.astype(dtype)
    return convert(mean, dtype) + jnp.einsum("...ij,...j->...i", factor, z)


def _svd(cov: Any) -> tuple[Any, Any]:
    u, s, _ = jnp.linalg.svd(cov)
    return s, u


def _vector_shape(function: str, mean: Any, cov: Any, shape: Any) -> tuple[int, ...]:
    """Shape of the vectors.

    Raises:
        ValueError: the parameters don't fit each other or `shape`.
    """
    n = mean.shape[-1] if mean.ndim else None
    wanted = None if shape is None else as_shape(function, shape)
    if n is not None and cov.shape[-2:] == (n, n):
        batches = [mean.shape[:-1], cov.shape[:-2], wanted or ()]
        try:
            batch = lax.broadcast_shapes(*batches)
        except ValueError:
            batch = None
        if batch is not None and wanted in (None, batch):
            return (*batch, n)
    target = "" if wanted is None else f", and their leading axes broadcast to {wanted}"
    raise value_error(
        f"{function}: `mean` must be [..., n] and `cov` [..., n, n]{target}: `mean` is "
        f"{mean!r}, `cov` is {cov!r}.",
        "" if wanted is None else "Give `shape` all leading axes of the result.",
    )

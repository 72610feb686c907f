"""Functions of matrices: the square root, and any function by Parlett's recurrence."""

from collections.abc import Callable
from typing import Any

from ... import lax, numpy as jnp
from ..._higher_order import custom_jvp
from ..._ir import message, value_error
from ..._ops._matrices import adjoint, diagonal, identity_like, matmul, triangle
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import on_diagonal, square_matrices
from ._schur import as_complex
from ._sylvester import each_column, fill_columns, sylvester


@jit_when_eager(static_argnames=("blocksize",))
def sqrtm(A: ArrayLike, blocksize: int = 1) -> Array:
    """The principal square roots of square matrices.

    Args:
        A: ``[..., n, n]``, without negative eigenvalues; of these the roots in the
            upper half plane are taken.
        blocksize: must be 1.

    Returns:
        ``[..., n, n]``, complex. NaN where `A` has no square root, as some singular
        matrices. Differentiable where `A` is not singular.

    Raises:
        TypeError: `A` is no array, or of half precision.
        ValueError: `A` is not square.
        NotImplementedError: another `blocksize`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.sqrtm(jnp.array([[4.0, 5.0], [0.0, 9.0]]))
        Array([[2.+0.j, 1.+0.j],
               [0.+0.j, 3.+0.j]], dtype=complex64)

    Source: Björck & Hammarling (1983), "A Schur method for the square root of a
    matrix", doi:10.1016/0024-3795(83)80010-X.
    """
    if blocksize != 1:
        raise NotImplementedError(
            message(
                f"sqrtm: `blocksize` must be 1, got {blocksize!r}: roots by blocks are "
                "not supported.",
                "Leave it out.",
            )
        )
    return _square_root(as_complex(square_matrices("sqrtm", "A", A)))


@custom_jvp
def _square_root(a: Any) -> Any:
    t, z = lax.linalg.schur(a)
    roots = lax.sqrt(diagonal(t))

    def equation(x: Any, column: Any) -> tuple[Any, Any]:
        above, root = column
        return _without_zeros(x + root * identity_like(x)), above

    start = on_diagonal(roots)
    columns = each_column(triangle(t, 1, lower=False)), each_column(roots[..., None, :])
    x = fill_columns(equation, start, columns)
    # Zero over zero is zero, everything else over zero is not finite.
    sums = roots[..., :, None] + roots[..., None, :]
    x = jnp.where((sums == 0) & (x != 0), jnp.nan, x)
    return matmul(z, matmul(x, adjoint(z)))


@_square_root.defjvp
def _square_root_jvp(primals: Any, tangents: Any) -> Any:
    """From `X X = A`: `X dX + dX X = dA`."""
    (a,), (da,) = primals, tangents
    x = _square_root(a)
    return x, sylvester(x, x, da)


def _without_zeros(x: Any) -> Any:
    """Triangular matrices with ones for the zeros on their diagonals."""
    eye = identity_like(x)
    return jnp.where((eye != 0) & (x == 0), eye, x)


@jit_when_eager(static_argnames=("func", "disp"))
def funm(
    A: ArrayLike, func: Callable[[Array], Array], disp: bool = True
) -> Array | tuple[Array, Array]:
    """A function of a square matrix.

    Args:
        A: ``[n, n]``.
        func: from the eigenvalues, complex ``[n]``, to the function of them.
        disp: without it, an estimate of the error is given too. (Nothing is printed.)

    Returns:
        ``[n, n]``, complex; without `disp` a pair of it and an estimate of its relative
        error, a real scalar. Equal or nearly equal eigenvalues make it wrong, unless
        `A` is normal; the estimate tells. There are no derivatives.

    Raises:
        TypeError: `A` is no array, or of half precision.
        ValueError: `A` is not square, or there are several matrices.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.funm(jnp.array([[1.0, 3.0], [0.0, 4.0]]), jnp.square)
        Array([[ 1.+0.j, 15.+0.j],
               [ 0.+0.j, 16.+0.j]], dtype=complex64)

    Source: Davies & Higham (2003), "A Schur-Parlett algorithm for computing matrix
    functions", doi:10.1137/S0895479802410815, section 2, without its blocks.
    """
    a = square_matrices("funm", "A", A)
    if typeof(a).ndim != 2:
        raise value_error(f"funm: `A` must be one matrix, got {typeof(a)!r}.")
    t, z = lax.linalg.schur(as_complex(a))
    values = diagonal(t)
    images = as_complex(func(values))

    # From F T = T F, column by column: F is upper triangular, as T is.
    def equation(f: Any, column: Any) -> tuple[Any, Any]:
        above, value, image = column
        shifted = t - value * identity_like(t)
        return _without_zeros(shifted), matmul(f, above) - image * above

    rows = [each_column(x[None, :]) for x in (values, images)]
    columns = each_column(triangle(t, 1, lower=False)), *rows
    f = fill_columns(equation, on_diagonal(images), columns)
    result = matmul(z, matmul(f, adjoint(z)))
    return result if disp else (result, _error_estimate(t, values, result))


def _error_estimate(t: Any, values: Any, result: Any) -> Any:
    """Rounding errors, as far as small differences of eigenvalues make them grow."""
    eps = jnp.finfo(typeof(t).dtype).eps
    gaps = jnp.abs(values[:, None] - values[None, :]) + jnp.diag(
        jnp.full(len(values), jnp.inf)
    )
    smallest = jnp.min(gaps, initial=jnp.inf)
    smallest = jnp.minimum(smallest, jnp.min(jnp.abs(values[:1]), initial=jnp.inf))
    smallest = jnp.where(smallest == 0, eps, smallest)
    strict = jnp.abs(triangle(t, 1, lower=False))
    growth = jnp.max(jnp.sum(strict, 0), initial=0) / smallest
    error = jnp.clip(eps * growth, eps, 1)
    return jnp.where(jnp.all(jnp.isfinite(result)), error, jnp.inf)

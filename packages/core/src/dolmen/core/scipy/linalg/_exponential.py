"""The exponential of a matrix and its derivative."""

import math
from typing import Any

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._ops._matrices import identity_like, matmul
from ..._tracing import typeof
from ..._transforms import jvp
from ...numpy import linalg
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import check_square, operands, square_matrices

# The degree of Padé's approximant, by bits of a real number.
_DEGREES = {32: 7, 64: 13}


@jit_when_eager(static_argnames=("upper_triangular", "max_squarings"))
def expm(
    A: ArrayLike, *, upper_triangular: bool = False, max_squarings: int = 16
) -> Array:
    """Exponentials of square matrices.

    Args:
        A: ``[..., n, n]``.
        upper_triangular: a promise that `A` is upper triangular, which saves time.
        max_squarings: how often the result is squared at most. Matrices that need
            more, some with a norm above ``4 * 2**max_squarings``, give NaN.

    Returns:
        ``[..., n, n]``.

    Raises:
        TypeError: `A` is no array, or of half precision.
        ValueError: `A` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.expm(jnp.array([[0.0, 1.0], [0.0, 0.0]]))
        Array([[1., 1.],
               [0., 1.]], dtype=float32)

    Source: Al-Mohy & Higham (2009), "A new scaling and squaring algorithm for the
    matrix exponential", doi:10.1137/09074721X, with its highest degree only, and only
    the bound that protects from rounding errors (see `_squarings`).
    """
    a = square_matrices("expm", "A", A)
    if 0 in typeof(a).shape:
        return a
    degree = _DEGREES[jnp.finfo(a.dtype).bits]
    squarings = _squarings(jnp.abs(lax.stop_gradient(a)), degree)
    allowed = squarings <= max_squarings  # False for NaN
    squarings = jnp.where(allowed, squarings, 0)
    scale = jnp.exp2(-squarings)[..., None, None]
    even, odd = _pade(a * scale, degree)
    if upper_triangular:
        result = lax.linalg.triangular_solve(even - odd, even + odd, left_side=True)
    else:
        result = linalg.solve(even - odd, even + odd)

    def square(result: Any, step: Any) -> tuple[Any, None]:
        wanted = step < squarings

        def squared(x: Any) -> Any:
            return jnp.where(wanted[..., None, None], matmul(x, x), x)

        return lax.cond(jnp.any(wanted), squared, lambda x: x, result), None

    steps = jnp.arange(max_squarings, dtype=squarings.dtype)
    result, _ = lax.scan(square, result, steps)
    return jnp.where(allowed[..., None, None], result, jnp.nan)


def _squarings(a: Any, degree: int) -> Any:
    """How often exponentials have to be squared, ``[...]`` whole numbers.

    As often as it takes for the first term that Padé's approximant of degree `m` leaves
    out, ``c |A|^(2m+1)``, to be a rounding error beside ``|A|`` (the source's `ell`).
    Powers of absolute values may be far below those of the norm. Powers of the matrix
    itself may be smaller yet, but then rounding errors count.

    Args:
        a: absolute values of matrices ``[..., n, n]``.
        degree: `m`.
    """
    norm = jnp.max(jnp.sum(a, -2), -1)
    info = jnp.finfo(norm.dtype)
    norm = jnp.where(norm == 0, 1, norm)
    a = a / norm[..., None, None]

    def multiplied(row: Any, _: Any) -> tuple[Any, Any]:
        row = matmul(row, a)
        greatest = jnp.maximum(jnp.max(row, (-2, -1), keepdims=True), info.tiny)
        return row / greatest, jnp.log2(greatest)[..., 0, 0]

    # The norm of a power is the greatest sum of a column.
    row = jnp.ones_like(a[..., :1, :])
    _, growth = lax.scan(multiplied, row, length=2 * degree + 1)
    left_out = math.comb(2 * degree, degree) * math.factorial(2 * degree + 1)
    error = jnp.sum(growth, 0) - math.log2(left_out) + info.nmant + 1
    return jnp.maximum(jnp.ceil(jnp.log2(norm) + error / (2 * degree)), 0)


def _pade(a: Any, degree: int) -> tuple[Any, Any]:
    """Even and odd part of the numerator of the diagonal Padé approximant.

    Those of the denominator are the even part and the negative odd part.
    """
    weights = [
        math.comb(degree, k) * math.factorial(2 * degree - k) / math.factorial(degree)
        for k in range(degree + 1)
    ]
    weights = [float(w / weights[-1]) for w in weights]
    a2 = matmul(a, a)
    a4 = matmul(a2, a2)
    powers = [identity_like(a), a2, a4, matmul(a4, a2)]

    def polynomial(weights: list[float]) -> Any:
        low = sum(w * x for w, x in zip(weights[:4], powers, strict=True))
        if len(weights) == 4:
            return low
        high = sum(w * x for w, x in zip(weights[4:], powers[1:], strict=True))
        return low + matmul(powers[3], high)

    return polynomial(weights[::2]), matmul(a, polynomial(weights[1::2]))


@jit_when_eager(static_argnames=("method", "compute_expm"))
def expm_frechet(
    A: ArrayLike, E: ArrayLike, *, method: str | None = None, compute_expm: bool = True
) -> Array | tuple[Array, Array]:
    """The derivative of `expm` at `A` in the direction `E`.

    Args:
        A: ``[..., n, n]``.
        E: the same shape.
        method: ignored: the derivative is that of the algorithm of `expm`.
        compute_expm: give ``expm(A)`` too.

    Returns:
        ``expm(A)`` and the derivative, both ``[..., n, n]``; without `compute_expm`
        the derivative alone.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `A` is not square, or `E` has another shape.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> direction = jnp.array([[0.0, 1.0], [2.0, 3.0]])
        >>> linalg.expm_frechet(jnp.zeros((2, 2)), direction, compute_expm=False)
        Array([[0., 1.],
               [2., 3.]], dtype=float32)

    Source: Al-Mohy & Higham (2009), "Computing the Fréchet derivative of the matrix
    exponential, with an application to condition number estimation", section 4.
    """
    a, direction = operands("expm_frechet", A=A, E=E)
    check_square("expm_frechet", "A", a)
    if typeof(a).shape != typeof(direction).shape:
        raise value_error(
            "expm_frechet: `E` must have the shape of `A`, got "
            f"{typeof(a)!r} and {typeof(direction)!r}."
        )
    value, derivative = jvp(expm, (a,), (direction,))
    return (value, derivative) if compute_expm else derivative

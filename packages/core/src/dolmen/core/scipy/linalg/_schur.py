"""Forms of matrices under unitary similarity: Schur and Hessenberg form."""

from typing import Any

from ... import lax, numpy as jnp
from ..._ir import value_error
from ..._ops._matrices import adjoint, complex_type, identity_like, matmul, triangle
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ._operands import (
    broadcast_batches,
    check_square,
    on_diagonal,
    operands,
    square_matrices,
)


@jit_when_eager(static_argnames=("output",))
def schur(a: ArrayLike, output: str = "real") -> tuple[Array, Array]:
    """The Schur form of square matrices: ``a == Z @ T @ Z.mT.conj()``.

    Args:
        a: ``[..., n, n]``.
        output: "real" or "complex", for real `a`: with "real" pairs of complex
            eigenvalues are blocks of two rows on the diagonal of `T`.

    Returns:
        `T`, upper triangular with the eigenvalues on the diagonal, and the unitary `Z`,
        both ``[..., n, n]``. They have no derivatives.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square, or another `output`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> linalg.schur(jnp.array([[1.0, 2.0], [0.0, 3.0]]))[0]
        Array([[1., 2.],
               [0., 3.]], dtype=float32)
    """
    if output not in ("real", "complex"):
        raise value_error(
            f"schur: `output` must be 'real' or 'complex', got {output!r}."
        )
    a = square_matrices("schur", "a", a)
    form, vectors = lax.linalg.schur(a if output == "real" else as_complex(a))
    return form, vectors


def as_complex(x: Any) -> Any:
    """Numbers of the complex dtype whose parts are as wide as those of `x`."""
    type = typeof(x)
    return lax.convert_element_type(x, complex_type(type.shape, type.dtype).dtype)


@jit_when_eager(static_argnames=("check_finite",))
def rsf2csf(
    T: ArrayLike, Z: ArrayLike, check_finite: bool = True
) -> tuple[Array, Array]:
    """The complex Schur form of matrices whose real one is known.

    Args:
        T: the real Schur form ``[..., n, n]``: upper triangular but for blocks of two
            rows on the diagonal, which don't touch each other.
        Z: the orthogonal matrices ``[..., n, n]`` beside it.
        check_finite: ignored.

    Returns:
        The triangular and the unitary matrices, both complex ``[..., n, n]``.

    Raises:
        TypeError: an operand is no array, or of half precision.
        ValueError: `T` is not square, or `Z` has other sizes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> block = jnp.array([[0.0, 1.0], [-1.0, 0.0]])
        >>> form, vectors = linalg.rsf2csf(block, jnp.eye(2))
        >>> jnp.round(jnp.diagonal(form), 3)
        Array([0.+1.j, 0.-1.j], dtype=complex64)
    """
    t, z = operands("rsf2csf", T=T, Z=Z)
    check_square("rsf2csf", "T", t)
    if typeof(z).shape[-2:] != typeof(t).shape[-2:]:
        raise value_error(
            "rsf2csf: `Z` must have matrices of the size of those of `T`, got "
            f"{typeof(t)!r} and {typeof(z)!r}."
        )
    t, z = broadcast_batches("rsf2csf", t, z)
    turn = _block_rotations(t)
    z = matmul(as_complex(z), adjoint(turn))
    t = matmul(turn, matmul(as_complex(t), adjoint(turn)))
    return triangle(t, lower=False), z


def _block_rotations(t: Any) -> Any:
    """Unitary matrices that make the blocks on the diagonal triangular.

    Each block has its own plane, so all rotations are one matrix.
    """
    *batch, n = typeof(t).shape[:-1]
    if n < 2:
        return identity_like(as_complex(t))
    edges = [(0, 0)] * len(batch)
    below = jnp.diagonal(t, -1, -2, -1)
    above, on = jnp.diagonal(t, 1, -2, -1), jnp.diagonal(t, 0, -2, -1)
    first, second = on[..., :-1], on[..., 1:]
    eps = jnp.finfo(typeof(below).dtype).eps
    is_block = jnp.abs(below) > eps * (jnp.abs(first) + jnp.abs(second))
    # An eigenvalue of the block, minus its last entry.
    half = (first - second) / 2
    root = lax.sqrt(as_complex(half * half + above * below))
    shifted = half + root
    length = jnp.hypot(jnp.abs(shifted), jnp.abs(below))
    length = jnp.where(is_block, length, 1)
    cosine = jnp.where(is_block, shifted / length, 1)
    sine = jnp.where(is_block, below / length, 0)
    rotation = jnp.pad(jnp.conj(cosine), [*edges, (0, 1)], constant_values=1)
    rotation = rotation * jnp.pad(cosine, [*edges, (1, 0)], constant_values=1)
    beside = on_diagonal(jnp.conj(sine), 1) - on_diagonal(sine, -1)
    return on_diagonal(rotation) + beside


@jit_when_eager(static_argnames=("calc_q", "overwrite_a", "check_finite"))
def hessenberg(
    a: ArrayLike,
    *,
    calc_q: bool = False,
    overwrite_a: bool = False,
    check_finite: bool = True,
) -> Array | tuple[Array, Array]:
    """The Hessenberg form of square matrices: ``a == Q @ H @ Q.mT.conj()``.

    Args:
        a: ``[..., n, n]``.
        calc_q: give `Q` too.
        overwrite_a: ignored.
        check_finite: ignored.

    Returns:
        `H` ``[..., n, n]``, zero below the diagonal next to the main one; with `calc_q`
        a pair of it and the unitary `Q`. They have no derivatives.

    Raises:
        TypeError: `a` is no array, or of half precision.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import linalg
        >>> a = jnp.array([[1.0, 2.0, 3.0], [0.0, 4.0, 5.0], [6.0, 7.0, 8.0]])
        >>> linalg.hessenberg(a)[2, 0]
        Array(0., dtype=float32)
    """
    a = square_matrices("hessenberg", "a", a)
    packed, taus = lax.linalg.hessenberg(a)
    form = triangle(packed, -1, lower=False)
    if not calc_q:
        return form
    if typeof(a).shape[-1] < 2:
        return form, identity_like(a)
    # The first row and column are left alone.
    edges = [(0, 0)] * (typeof(a).ndim - 2) + [(1, 0), (1, 0)]
    q = jnp.pad(lax.linalg.householder_product(packed[..., 1:, :-1], taus), edges)
    return form, q.at[..., 0, 0].set(1)

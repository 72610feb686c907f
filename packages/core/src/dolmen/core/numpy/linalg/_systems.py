"""Systems of equations and determinants, by LU factors."""

from typing import Any, NamedTuple

import numpy as np

from ... import lax
from ..._ir import array_type, value_error
from ..._ops._matrices import check_square, diagonal, identity_like, matmul, take_rows
from ..._tracing import typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._promotion import broadcast_shape, promote_args_inexact, type_of
from .._sorting import argsort


class SlogdetResult(NamedTuple):
    """Sign (or phase) and logarithm of the absolute value, both ``[...]``."""

    sign: Array
    logabsdet: Array


@jit_when_eager
def solve(a: ArrayLike, b: ArrayLike) -> Array:
    """The solution of ``a @ x == b``.

    Args:
        a: ``[..., n, n]``.
        b: ``[n]``, or ``[..., n, k]``; leading axes broadcast.

    Returns:
        An array like `b`; not finite where `a` is singular (NumPy raises).

    Raises:
        ValueError: `a` is not square, or sizes don't match.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.solve(jnp.array([[2, 0], [1, 4]]), jnp.array([2, 9]))
        Array([1., 2.], dtype=float32)
    """
    types = _square_type("solve", a), type_of("solve", "b", b)
    (n,), vector = types[0].shape[-1:], types[1].ndim == 1
    if not types[1].shape or types[1].shape[-1 if vector else -2] != n:
        raise value_error(
            f"solve: expected `b` with {n} rows, as `a` has, got {types[0]!r} and "
            f"{types[1]!r}."
        )
    a, b = alike("solve", a, b)
    if vector:
        b = lax.expand_dims(b, (1,))
    x = _solved(*_batched("solve", a, b))
    return lax.squeeze(x, (typeof(x).ndim - 1,)) if vector else x


def _square_type(function: str, a: Any) -> Any:
    type = type_of(function, "a", a)
    if type.ndim < 2:
        raise value_error(f"{function}: expected `a` to have two axes, got {type!r}.")
    check_square(function, type)
    return type


def alike(function: str, *args: Any) -> list[Any]:
    """Operands of one floating-point dtype; shapes stay."""
    probes = [np.zeros((), typeof(x).dtype) for x in args]
    dtype = typeof(promote_args_inexact(function, *probes)[0]).dtype
    return [lax.convert_element_type(x, dtype) for x in args]


def _batched(function: str, a: Any, b: Any) -> list[Any]:
    """Matrices with the same leading axes."""
    types = typeof(a), typeof(b)
    batch = broadcast_shape(
        function, [array_type(t.shape[:-2], t.dtype) for t in types]
    )
    shapes = [(*batch, *t.shape[-2:]) for t in types]
    return [
        lax.broadcast_in_dim(x, shape, range(len(shape) - t.ndim, len(shape)))
        for x, t, shape in zip((a, b), types, shapes, strict=True)
    ]


def _solved(a: Any, b: Any) -> Any:
    """The factors are no part of the derivatives: these solve with them again."""
    factors, _, permutation = lax.linalg.lu(lax.stop_gradient(a))
    low = {"left_side": True, "lower": True, "unit_diagonal": True}

    def forwards(_: Any, right: Any) -> Any:
        x = lax.linalg.triangular_solve(factors, take_rows(right, permutation), **low)
        return lax.linalg.triangular_solve(factors, x, left_side=True)

    def transposed(_: Any, right: Any) -> Any:
        x = lax.linalg.triangular_solve(
            factors, right, left_side=True, transpose_a=True
        )
        x = lax.linalg.triangular_solve(factors, x, transpose_a=True, **low)
        return take_rows(x, argsort(permutation))

    return lax.custom_linear_solve(
        lambda x: matmul(a, x), b, solve=forwards, transpose_solve=transposed
    )


@jit_when_eager
def inv(a: ArrayLike) -> Array:
    """The inverse of square matrices ``[..., n, n]``.

    Not finite where `a` is singular (NumPy raises).

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.inv(jnp.array([[2.0, 0.0], [0.0, 4.0]]))
        Array([[0.5 , 0.  ],
               [0.  , 0.25]], dtype=float32)
    """
    _square_type("inv", a)
    (x,) = promote_args_inexact("inv", a)
    return _solved(x, identity_like(x))


@jit_when_eager
def det(a: ArrayLike) -> Array:
    """The determinants ``[...]`` of square matrices ``[..., n, n]``.

    Derivatives are not finite where `a` is singular.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.det(jnp.array([[3.0, 1.0], [0.0, 4.0]]))
        Array(12., dtype=float32)
    """
    _square_type("det", a)
    (x,) = promote_args_inexact("det", a)
    pivots, parity = _pivots(x)
    return lax.mul(lax.reduce_prod(pivots, (typeof(pivots).ndim - 1,)), parity)


@jit_when_eager(static_argnames=("method",))
def slogdet(a: ArrayLike, *, method: str | None = None) -> SlogdetResult:
    """Sign and logarithm of the absolute value of determinants.

    Args:
        a: ``[..., n, n]``.
        method: None or "lu".

    Returns:
        The sign ``[...]``, a phase for complex `a`, and the logarithm ``[...]``, real;
        0 and -inf where `a` is singular.

    Raises:
        ValueError: the last two sizes differ, or another `method`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.slogdet(jnp.array([[0.0, 1.0], [1.0, 0.0]])).sign
        Array(-1., dtype=float32)
    """
    if method not in (None, "lu"):
        raise value_error(f"slogdet: `method` must be None or 'lu', got {method!r}.")
    _square_type("slogdet", a)
    (x,) = promote_args_inexact("slogdet", a)
    pivots, parity = _pivots(x)
    axes = (typeof(pivots).ndim - 1,)
    sign = lax.mul(lax.reduce_prod(lax.sign(pivots), axes), parity)
    return SlogdetResult(sign, lax.reduce_sum(lax.log(lax.abs(pivots)), axes))


def _pivots(x: Any) -> tuple[Any, Any]:
    """The diagonals of the triangular factors, and the signs of the permutations."""
    factors, swaps, _ = lax.linalg.lu(x)
    type = typeof(swaps)
    axis = type.ndim - 1
    place = lax.broadcasted_iota(type.dtype, type.shape, axis)
    moved = lax.convert_element_type(lax.ne(swaps, place), type.dtype)
    odd = lax.rem(lax.reduce_sum(moved, (axis,)), type.dtype.type(2))
    parity = lax.sub(type.dtype.type(1), lax.mul(odd, type.dtype.type(2)))
    return diagonal(factors), lax.convert_element_type(parity, typeof(x).dtype)

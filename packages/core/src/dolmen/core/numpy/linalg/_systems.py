"""Systems of equations, by LU factors."""

from typing import Any

import numpy as np

from ... import lax
from ..._ir import array_type, value_error
from ..._ops._matrices import check_square, identity_like, matmul, take_rows
from ..._tracing import typeof
from .._array_like import Array, ArrayLike
from .._eager import jit_when_eager
from .._promotion import broadcast_shape, promote_args_inexact, type_of
from .._sorting import argsort


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
    types = square_type("solve", a), type_of("solve", "b", b)
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


def square_type(function: str, a: Any) -> Any:
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
    square_type("inv", a)
    (x,) = promote_args_inexact("inv", a)
    return _solved(x, identity_like(x))

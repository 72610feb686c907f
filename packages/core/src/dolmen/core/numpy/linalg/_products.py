"""Products of matrices, and what the array API standard lists beside them."""

import math
import operator
import string
from collections.abc import Sequence
from typing import Any

from ... import lax
from ..._ir import type_error, value_error
from ..._ops._matrices import identity_like
from ..._tracing import typeof
from .. import _contraction, _manipulation, _products
from .._array_like import Array, ArrayLike, DTypeLike
from .._eager import jit_when_eager
from .._einsum import einsum_arrays
from .._manipulation import matrix_transpose as matrix_transpose
from .._products import vecdot as vecdot
from .._promotion import type_of
from ._systems import inv, solve, square_type


def matmul(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Matrix product: see `dolmen.core.numpy.matmul`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.matmul(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    return _products.matmul(
        x1, x2, precision=precision, preferred_element_type=preferred_element_type
    )


def cross(x1: ArrayLike, x2: ArrayLike, /, *, axis: int = -1) -> Array:
    """Cross products of vectors with three components along `axis`.

    Raises:
        ValueError: the vectors have another number of components.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    types = type_of("cross", "x1", x1), type_of("cross", "x2", x2)
    sizes = [t.shape[_manipulation.as_axis("cross", axis, t.ndim)] for t in types]
    if sizes != [3, 3]:
        raise value_error(
            f"cross: vectors must have 3 components along axis {axis}, got "
            f"{types[0]!r} and {types[1]!r}."
        )
    return _products.cross(x1, x2, axis=axis)


def diagonal(x: ArrayLike, /, *, offset: int = 0) -> Array:
    """Diagonals ``[..., k]`` of matrices ``[..., m, n]``; `offset` counts upwards.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.diagonal(jnp.array([[1, 2], [3, 4]]))
        Array([1, 4], dtype=int32)
    """
    return _manipulation.diagonal(x, offset, -2, -1)


def trace(x: ArrayLike, /, *, offset: int = 0, dtype: DTypeLike | None = None) -> Array:
    """Sums ``[...]`` of the diagonals of matrices ``[..., m, n]``, as `dtype`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.trace(jnp.array([[1, 2], [3, 4]]))
        Array(5, dtype=int32)
    """
    return _manipulation.trace(x, offset, -2, -1, dtype)


def outer(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Products ``[n, m]`` of the elements of two vectors ``[n]`` and ``[m]``.

    Raises:
        ValueError: an operand is no vector.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.outer(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([[3, 4],
               [6, 8]], dtype=int32)
    """
    types = type_of("outer", "x1", x1), type_of("outer", "x2", x2)
    if any(t.ndim != 1 for t in types):
        raise value_error(
            f"outer: operands must have one axis, got {types[0]!r} and {types[1]!r}."
        )
    return _products.outer(x1, x2)


def tensordot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axes: Any = 2,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: Any = None,
) -> Array:
    """Sum product over chosen axes: see `dolmen.core.numpy.tensordot`.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.tensordot(jnp.ones((2, 3)), jnp.ones((3, 4)), axes=1).shape
        (2, 4)
    """
    return _products.tensordot(
        x1,
        x2,
        axes,
        precision=precision,
        preferred_element_type=preferred_element_type,
        out_sharding=out_sharding,
    )


@jit_when_eager(static_argnames=("n",))
def matrix_power(a: ArrayLike, n: int) -> Array:
    """Square matrices multiplied with themselves.

    Args:
        a: ``[..., k, k]``; integers stay integers unless `n` is negative.
        n: the exponent, a Python integer; negative ones take the inverse.

    Returns:
        ``[..., k, k]``.

    Raises:
        TypeError: `n` is no integer.
        ValueError: `a` is not square.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.matrix_power(jnp.array([[1, 1], [0, 1]]), 5)
        Array([[1, 5],
               [0, 1]], dtype=int32)
    """
    try:
        count = operator.index(n)
    except TypeError:
        raise type_error(f"matrix_power: `n` must be an integer, got {n!r}.") from None
    square_type("matrix_power", a)
    (square,) = _contraction.promoted("matrix_power", "a", (a,))
    if count < 0:
        square, count = inv(square), -count
    result = None
    while count:
        if count & 1:
            result = square if result is None else matmul(result, square)
        count >>= 1
        square = matmul(square, square) if count else square
    return identity_like(square) if result is None else result


@jit_when_eager(static_argnames=("precision",))
def multi_dot(arrays: Sequence[ArrayLike], *, precision: Any = None) -> Array:
    """The product of several matrices, in the order with the fewest operations.

    Args:
        arrays: at least two matrices; the first and the last may be vectors.
        precision: as for `matmul`.

    Returns:
        A matrix, a vector or a scalar.

    Raises:
        ValueError: there are fewer, or they have other numbers of axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> a = jnp.ones((2, 3))
        >>> jnp.linalg.multi_dot([a, a.T, jnp.ones(2)]).tolist()
        [6.0, 6.0]
    """
    types = [type_of("multi_dot", f"arrays[{i}]", x) for i, x in enumerate(arrays)]
    ends = {0, len(types) - 1}
    if len(types) < 2 or any(
        t.ndim != 2 and not (t.ndim == 1 and i in ends) for i, t in enumerate(types)
    ):
        listed = ", ".join(map(repr, types))
        raise value_error(
            "multi_dot: expected at least two matrices, of which the first and the "
            f"last may be vectors, got {listed}."
        )
    letters = [string.ascii_letters[i : i + 2] for i in range(len(types))]
    if types[0].ndim == 1:
        letters[0] = letters[0][1]
    if types[-1].ndim == 1:
        letters[-1] = letters[-1][0]
    kept = letters[0][:-1] + letters[-1][1:]
    how = _contraction.dot_options("multi_dot", precision, None)
    return einsum_arrays(",".join(letters) + "->" + kept, arrays, "optimal", how)


@jit_when_eager(static_argnames=("ind",))
def tensorinv(a: ArrayLike, ind: int = 2) -> Array:
    """The inverse for `tensordot` over `ind` axes.

    Args:
        a: an array whose first `ind` sizes have the product of the others.
        ind: how many axes are those of rows, at least one.

    Returns:
        An array of shape ``a.shape[ind:] + a.shape[:ind]``.

    Raises:
        ValueError: the products differ, or `ind` is not positive.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.tensorinv(jnp.eye(4).reshape(4, 2, 2), ind=1).shape
        (2, 2, 4)
    """
    type = type_of("tensorinv", "a", a)
    rows, columns = type.shape[:ind], type.shape[ind:]
    if ind <= 0 or math.prod(rows) != math.prod(columns):
        raise value_error(
            f"tensorinv: the first ind={ind} sizes of `a` must have the product of the "
            f"others, and `ind` be positive, got {type!r}."
        )
    size = math.prod(columns)
    return lax.reshape(inv(lax.reshape(a, (size, size))), columns + rows)


@jit_when_eager(static_argnames=("axes",))
def tensorsolve(
    a: ArrayLike, b: ArrayLike, axes: tuple[int, ...] | None = None
) -> Array:
    """The solution of ``tensordot(a, x, x.ndim) == b``.

    Args:
        a: ``[*b.shape, ...]``, where the other sizes have the product of `b`'s.
        b: any shape.
        axes: axes of `a` to be moved to its end first.

    Returns:
        An array with the shape of the other axes of `a`.

    Raises:
        ValueError: the products differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.linalg.tensorsolve(jnp.eye(4).reshape(2, 2, 4), jnp.ones((2, 2)))
        Array([1., 1., 1., 1.], dtype=float32)
    """
    types = type_of("tensorsolve", "a", a), type_of("tensorsolve", "b", b)
    if axes is not None:
        moved = _manipulation.as_axes("tensorsolve", axes, types[0].ndim, "axes")
        kept = [i for i in range(types[0].ndim) if i not in moved]
        a = lax.transpose(a, (*kept, *moved))
    shape = typeof(a).shape[types[1].ndim :]
    size = math.prod(shape)
    if size != types[1].size or size**2 != types[0].size:
        raise value_error(
            "tensorsolve: expected `a` to have the square of the elements of `b`, got "
            f"{types[0]!r} and {types[1]!r}."
        )
    flat = lax.reshape(b, (size,))
    return lax.reshape(solve(lax.reshape(a, (size, size)), flat), shape)

"""Matrices as arguments: arrays of one dtype, and right sides that fit a matrix."""

from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import array_type, type_error, value_error
from ..._ops._matrices import DTYPES, along_rows, triangle
from ..._tracing import typeof
from ...numpy._promotion import broadcast_shape, promote_args_inexact, type_of


def operands(function: str, **named: Any) -> list[Any]:
    """Arguments as arrays of one floating-point or complex dtype; shapes stay.

    Raises:
        TypeError: one of them is no array, or they have fewer than 32 bits.
    """
    arrays = [
        jnp.asarray(x) if isinstance(x, list | tuple) else x for x in named.values()
    ]
    types = [type_of(function, name, x) for name, x in zip(named, arrays, strict=True)]
    # Only dtypes are promoted: shapes needn't broadcast.
    probes = [np.zeros((), type.dtype) for type in types]
    dtype = typeof(promote_args_inexact(function, *probes)[0]).dtype
    if dtype.name not in DTYPES:
        raise type_error(
            f"{function}: expected {', '.join(DTYPES[:-1])} or {DTYPES[-1]}, got "
            f"{', '.join(map(repr, types))}.",
            "Convert with `.astype(...)` first.",
        )
    return [lax.convert_element_type(x, dtype) for x in arrays]


def matrices(function: str, name: str, x: Any) -> Any:
    """Matrices ``[..., m, n]`` in a dtype that factorizations know.

    Raises:
        TypeError: see `operands`.
        ValueError: `x` has fewer than two axes.
    """
    (x,) = operands(function, **{name: x})
    check_matrices(function, name, x)
    return x


def square_matrices(function: str, name: str, x: Any) -> Any:
    """`matrices` with as many rows as columns.

    Raises:
        TypeError: see `operands`.
        ValueError: `x` is not square.
    """
    (x,) = operands(function, **{name: x})
    check_square(function, name, x)
    return x


def check_matrices(function: str, name: str, x: Any) -> None:
    """Raise `ValueError` unless `x` has two axes."""
    if typeof(x).ndim < 2:
        raise value_error(
            f"{function}: `{name}` must have at least two axes, got {typeof(x)!r}."
        )


def check_square(function: str, name: str, x: Any) -> None:
    """Raise `ValueError` unless the last two sizes are equal."""
    shape = typeof(x).shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise value_error(
            f"{function}: `{name}` must be square matrices, got {typeof(x)!r}."
        )


def broadcast_batches(function: str, *arrays: Any, ranks: Any = None) -> list[Any]:
    """Operands with equal leading axes.

    Args:
        function: for messages.
        *arrays: the operands.
        ranks: how many axes of each are its own; by default two.

    Raises:
        ValueError: the leading axes don't broadcast.
    """
    shapes = [typeof(x).shape for x in arrays]
    edges = [
        len(shape) - rank
        for shape, rank in zip(shapes, ranks or [2] * len(shapes), strict=True)
    ]
    batches = [
        array_type(shape[:edge], typeof(x).dtype)
        for x, shape, edge in zip(arrays, shapes, edges, strict=True)
    ]
    batch = broadcast_shape(function, batches)
    return [
        jnp.broadcast_to(x, (*batch, *shape[edge:]))
        for x, shape, edge in zip(arrays, shapes, edges, strict=True)
    ]


def on_diagonal(entries: Any, offset: int = 0) -> Any:
    """Matrices ``[..., n, n]`` with these entries on one diagonal, zeros elsewhere."""
    edges = [(0, 0)] * (typeof(entries).ndim - 1) + [(max(offset, 0), max(-offset, 0))]
    entries = jnp.pad(entries, edges)
    rows = along_rows(entries, typeof(entries).shape[-1])
    return triangle(triangle(rows, offset), offset, lower=False)


def system(function: str, name: str, a: Any, b: Any) -> tuple[Any, Any, bool]:
    """Square matrices and right sides with the same leading axes.

    Args:
        function: for messages.
        name: of the argument `a`.
        a: ``[..., n, n]``.
        b: ``[..., n, k]``; ``[n]``; or ``[..., n]``, with one axis less than `a`.

    Returns:
        ``[..., n, n]``, ``[..., n, k]``, and whether the right sides are vectors, which
        here have ``k = 1``.

    Raises:
        TypeError: see `operands`.
        ValueError: `a` is not square, or `b` doesn't fit.
    """
    a, b = operands(function, **{name: a, "b": b})
    check_square(function, name, a)
    n, shape = typeof(a).shape[-1], typeof(b).shape
    vectors = len(shape) == 1 or (len(shape) == typeof(a).ndim - 1 and shape[-1] == n)
    if not shape or shape[-1 if vectors else -2] != n:
        raise value_error(
            f"{function}: `b` must have {n} rows, as `{name}` has, got {typeof(a)!r} "
            f"and {typeof(b)!r}."
        )
    if vectors:
        b = lax.expand_dims(b, (len(shape),))
    a, b = broadcast_batches(function, a, b)
    return a, b, vectors


def as_given(x: Any, vectors: bool) -> Any:
    """Solutions as vectors if the right sides were."""
    return lax.squeeze(x, (typeof(x).ndim - 1,)) if vectors else x

"""Products of arrays: matrices, vectors and tensors."""

import operator
from collections.abc import Sequence
from typing import Any

from .. import lax
from .._ir import ArrayType, dtypes, value_error
from .._ops._shape import sharding_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._contraction import Labels, arranged, contract, dot_options, promoted
from ._eager import jit_when_eager
from ._einsum import einsum, einsum_arrays
from ._manipulation import as_axes, as_axis, moveaxis
from ._promotion import convert, type_of


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: None = None,
) -> Array:
    """Matrix product, over leading axes that broadcast.

    Args:
        a: ``[..., n, k]``, or ``[k]``.
        b: ``[..., k, m]``, or ``[k]``.
        precision: "default", "high" or "highest", where the backend has a choice; or
            one for each operand.
        preferred_element_type: dtype in which to add, and of the result.
        out_sharding: must be None.

    Returns:
        ``[..., n, m]``, without the axis of an operand that had only one.

    Raises:
        ValueError: an operand is a scalar, or sizes don't match.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> (jnp.ones((2, 3)) @ jnp.ones(3)).tolist()
        [3.0, 3.0]
    """
    if out_sharding is not None:
        raise sharding_error("matmul", "out_sharding", out_sharding)
    types = type_of("matmul", "a", a), type_of("matmul", "b", b)
    _check_matmul(*types)
    how = dot_options("matmul", precision, preferred_element_type)
    a, b = promoted("matmul", "ab", (a, b))
    left, right, kept = _matmul_labels(types[0].ndim, types[1].ndim)
    out, labels = contract(a, left, b, right, kept, how)
    return arranged(out, labels, kept)


def _check_matmul(a: ArrayType, b: ArrayType) -> None:
    if not (a.ndim and b.ndim):
        raise value_error(
            f"matmul: operands must have axes, got `a` {a!r} and `b` {b!r}.",
            "Use `*` to multiply by a scalar.",
        )
    inner = b.shape[0 if b.ndim == 1 else -2]
    if a.shape[-1] != inner:
        fix = ""
        if b.ndim > 1 and b.shape[-1] == a.shape[-1]:
            fix = "Transpose `b` (`b.mT`), or name the axes with `einsum`."
        elif a.ndim > 1 and a.shape[-2] == inner:
            fix = "Transpose `a` (`a.mT`), or name the axes with `einsum`."
        raise value_error(
            f"matmul: contracting sizes must match: `a` is {a!r}, `b` is {b!r} "
            f"({a.shape[-1]} != {inner}).",
            fix,
        )
    outer = zip(a.shape[:-2][::-1], b.shape[:-2][::-1], strict=False)
    if any(n != m and 1 not in (n, m) for n, m in outer):
        raise value_error(
            f"matmul: leading axes don't broadcast: `a` is {a!r}, `b` is {b!r}."
        )


def _matmul_labels(a: int, b: int) -> tuple[Labels, Labels, Labels]:
    """Labels of operands with `a` and `b` axes, and of their matrix product."""
    batch = tuple(range(max(a, b, 2) - 2))
    left = (*batch[len(batch) - max(a - 2, 0) :], *("k" if a == 1 else "nk"))
    right = (*batch[len(batch) - max(b - 2, 0) :], *("k" if b == 1 else "km"))
    return left, right, (*batch, *("n" if a > 1 else ""), *("m" if b > 1 else ""))


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def dot(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: None = None,
) -> Array:
    """Sum product over the last axis of `a` and the last but one of `b`.

    Args:
        a: ``[..., k]``, or a scalar.
        b: ``[..., k, m]``, ``[k]``, or a scalar.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.
        out_sharding: must be None.

    Returns:
        The axes of `a` without its last, then those of `b` without ``k``; the plain
        product if either is a scalar.

    Raises:
        ValueError: the contracted sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.dot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    if out_sharding is not None:
        raise sharding_error("dot", "out_sharding", out_sharding)
    types = type_of("dot", "a", a), type_of("dot", "b", b)
    how = dot_options("dot", precision, preferred_element_type)
    if types[0].ndim and types[1].ndim:
        axes = ((types[0].ndim - 1,), (max(types[1].ndim - 2, 0),))
        _check_contraction("dot", *types, axes)
        return _dot_general("dot", a, b, axes, how)
    return _scale("dot", a, b, how)


def _dot_general(function: str, a: Any, b: Any, axes: Any, how: dict[str, Any]) -> Any:
    a, b = promoted(function, "ab", (a, b))
    return lax.dot_general(a, b, (axes, ((), ())), **how)


def _scale(function: str, a: Any, b: Any, how: dict[str, Any]) -> Any:
    a, b = promoted(function, "ab", (a, b))
    wanted = how["preferred_element_type"]
    if wanted is not None:
        a, b = convert(a, wanted), convert(b, wanted)
    return lax.mul(a, b)


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def vdot(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Scalar product of the flattened arrays; the conjugate of `a` is taken.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.vdot(jnp.array([1j, 2]), jnp.array([1j, 3]))
        Array(7.+0.j, dtype=complex64)
    """
    types = type_of("vdot", "a", a), type_of("vdot", "b", b)
    if types[0].size != types[1].size:
        raise value_error(
            f"vdot: operands must have equally many elements: `a` is {types[0]!r}, `b` "
            f"is {types[1]!r}."
        )
    how = dot_options("vdot", precision, preferred_element_type)
    a, b = promoted("vdot", "ab", (a, b))
    a = lax.conj(a) if dtypes.kind(typeof(a).dtype) == "c" else a
    a, b = (lax.reshape(x, (typeof(x).size,)) for x in (a, b))
    return contract(a, ("i",), b, ("i",), (), how)[0]


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def inner(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Sum product over the last axes of both operands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.inner(jnp.array([1, 2]), jnp.array([3, 4]))
        Array(11, dtype=int32)
    """
    types = type_of("inner", "a", a), type_of("inner", "b", b)
    how = dot_options("inner", precision, preferred_element_type)
    if not (types[0].ndim and types[1].ndim):
        return _scale("inner", a, b, how)
    axes = ((types[0].ndim - 1,), (types[1].ndim - 1,))
    _check_contraction("inner", *types, axes)
    return _dot_general("inner", a, b, axes, how)


@jit_when_eager(static_argnames=("out",))
def outer(a: ArrayLike, b: ArrayLike, out: None = None) -> Array:
    """Products of every element of `a` with every one of `b`: ``[a.size, b.size]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.outer(jnp.array([1, 2]), jnp.array([3, 4]))
        Array([[3, 4],
               [6, 8]], dtype=int32)
    """
    if out is not None:
        raise NotImplementedError("outer: `out` is not supported; arrays never change.")
    type_of("outer", "a", a)
    type_of("outer", "b", b)
    a, b = promoted("outer", "ab", (a, b))
    shape = typeof(a).size, typeof(b).size
    a = lax.broadcast_in_dim(lax.reshape(a, shape[:1]), shape, (0,))
    return lax.mul(a, lax.broadcast_in_dim(lax.reshape(b, shape[1:]), shape, (1,)))


@jit_when_eager(static_argnames=("axis", "precision", "preferred_element_type"))
def vecdot(
    x1: ArrayLike,
    x2: ArrayLike,
    /,
    *,
    axis: int = -1,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Scalar products along an axis of arrays that broadcast; `x1` is conjugated.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.vecdot(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    types = type_of("vecdot", "x1", x1), type_of("vecdot", "x2", x2)
    axes = [as_axis("vecdot", axis, t.ndim) for t in types]
    if types[0].shape[axes[0]] != types[1].shape[axes[1]]:
        raise value_error(
            f"vecdot: sizes of axis {axis} must match: `x1` is {types[0]!r}, `x2` is "
            f"{types[1]!r}."
        )
    how = dot_options("vecdot", precision, preferred_element_type)
    x1, x2 = promoted("vecdot", ("x1", "x2"), (x1, x2))
    x1 = lax.conj(x1) if dtypes.kind(typeof(x1).dtype) == "c" else x1
    x1, x2 = (moveaxis(x, at, -1) for x, at in zip((x1, x2), axes, strict=True))
    return einsum_arrays("...i,...i->...", (x1, x2), False, how)


@jit_when_eager
def matvec(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Matrices ``[..., n, k]`` times vectors ``[..., k]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.matvec(jnp.array([[1, 2], [3, 4]]), jnp.array([1, 1]))
        Array([3, 7], dtype=int32)
    """
    return einsum("...nk,...k->...n", x1, x2)


@jit_when_eager
def vecmat(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Vectors ``[..., k]``, conjugated, times matrices ``[..., k, m]``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.vecmat(jnp.array([1, 1]), jnp.array([[1, 2], [3, 4]]))
        Array([4, 6], dtype=int32)
    """
    type = type_of("vecmat", "x1", x1)
    x1 = lax.conj(x1) if dtypes.kind(type.dtype) == "c" else x1
    return einsum("...k,...km->...m", x1, x2)


def tensordot(
    a: ArrayLike,
    b: ArrayLike,
    axes: Any = 2,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
    out_sharding: None = None,
) -> Array:
    """Sum product over chosen axes.

    Args:
        a: an array.
        b: an array.
        axes: a pair of axes (or of sequences of them), one for each operand; or a
            number: that many last axes of `a` and first ones of `b`.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.
        out_sharding: must be None.

    Returns:
        The other axes of `a`, then those of `b`.

    Raises:
        ValueError: the numbers of axes or the contracted sizes differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.tensordot(jnp.ones((2, 3, 4)), jnp.ones((3, 4, 5))).shape
        (2, 5)
    """
    if out_sharding is not None:
        raise sharding_error("tensordot", "out_sharding", out_sharding)
    types = type_of("tensordot", "a", a), type_of("tensordot", "b", b)
    if isinstance(axes, Sequence):
        if len(axes) != 2:
            raise value_error(
                f"tensordot: `axes` must be a number or a pair, got {axes!r}."
            )
        pair = tuple(
            as_axes("tensordot", own, t.ndim, f"axes[{i}]")
            for i, (own, t) in enumerate(zip(axes, types, strict=True))
        )
    else:
        count = operator.index(axes)
        if not 0 <= count <= min(types[0].ndim, types[1].ndim):
            raise value_error(
                "tensordot: `axes` must not exceed the numbers of axes of `a` "
                f"{types[0]!r} and `b` {types[1]!r}, got {count}."
            )
        ndim = types[0].ndim
        pair = (tuple(range(ndim - count, ndim)), tuple(range(count)))
    _check_contraction("tensordot", *types, pair)
    how = dot_options("tensordot", precision, preferred_element_type)
    return _tensordot(a, b, axes=pair, **how)


def _check_contraction(function: str, a: ArrayType, b: ArrayType, axes: Any) -> None:
    sizes = [
        tuple(t.shape[i] for i in own) for t, own in zip((a, b), axes, strict=True)
    ]
    if sizes[0] != sizes[1]:
        raise value_error(
            f"{function}: contracting sizes must match: `a` is {a!r}, `b` is {b!r} "
            f"({_pretty(sizes[0])} != {_pretty(sizes[1])})."
        )


def _pretty(sizes: tuple[int, ...]) -> str:
    return str(sizes[0]) if len(sizes) == 1 else str(sizes)


@jit_when_eager(static_argnames=("axes", "precision", "preferred_element_type"))
def _tensordot(
    a: Any, b: Any, *, axes: Any, precision: Any, preferred_element_type: Any
) -> Any:
    how = {"precision": precision, "preferred_element_type": preferred_element_type}
    return _dot_general("tensordot", a, b, axes, how)


@jit_when_eager
def kron(a: ArrayLike, b: ArrayLike) -> Array:
    """Kronecker product: `b`, scaled by each element of `a`, in the place of it.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.kron(jnp.array([1, 10]), jnp.array([1, 2]))
        Array([ 1,  2, 10, 20], dtype=int32)
    """
    type_of("kron", "a", a)
    type_of("kron", "b", b)
    a, b = promoted("kron", "ab", (a, b))
    rank = max(typeof(a).ndim, typeof(b).ndim)
    shapes = [(1,) * (rank - typeof(x).ndim) + typeof(x).shape for x in (a, b)]
    pairs = tuple(n for pair in zip(*shapes, strict=True) for n in pair)
    a = lax.broadcast_in_dim(lax.reshape(a, shapes[0]), pairs, range(0, 2 * rank, 2))
    b = lax.broadcast_in_dim(lax.reshape(b, shapes[1]), pairs, range(1, 2 * rank, 2))
    sizes = tuple(n * m for n, m in zip(*shapes, strict=True))
    return lax.reshape(lax.mul(a, b), sizes)


@jit_when_eager(static_argnames=("axisa", "axisb", "axisc", "axis"))
def cross(
    a: ArrayLike,
    b: ArrayLike,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Array:
    """Cross product of vectors with two or three components.

    Args:
        a: vectors along axis `axisa`; the other axes broadcast.
        b: vectors along axis `axisb`.
        axisa: axis of the components of `a`.
        axisb: axis of the components of `b`.
        axisc: axis of the components of the result.
        axis: all three.

    Returns:
        Vectors with three components; if both operands have two, only the third one,
        without an axis.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> jnp.cross(jnp.array([1, 0, 0]), jnp.array([0, 1, 0]))
        Array([0, 0, 1], dtype=int32)
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    types = type_of("cross", "a", a), type_of("cross", "b", b)
    axes = (
        as_axis("cross", axisa, types[0].ndim, "axisa"),
        as_axis("cross", axisb, types[1].ndim, "axisb"),
    )
    sizes = [t.shape[i] for t, i in zip(types, axes, strict=True)]
    if any(size not in (2, 3) for size in sizes):
        raise value_error(
            f"cross: vectors must have 2 or 3 components: `a` is {types[0]!r} (axis "
            f"{axes[0]}), `b` is {types[1]!r} (axis {axes[1]})."
        )
    a, b = promoted("cross", "ab", (a, b))
    a, b = moveaxis(a, axes[0], -1), moveaxis(b, axes[1], -1)
    (*outer_a, n), (*outer_b, m) = typeof(a).shape, typeof(b).shape
    shape = lax.broadcast_shapes(outer_a, outer_b)

    def part(x: Any, i: int) -> Any:
        own = typeof(x).shape
        x = lax.index_in_dim(x, i, axis=len(own) - 1, keepdims=False)
        first = len(shape) - len(own) + 1
        return lax.broadcast_in_dim(x, shape, tuple(range(first, len(shape))))

    def minor(i: int, j: int) -> Any:
        terms = []
        for p, q in ((i, j), (j, i)):
            terms.append(lax.mul(part(a, p), part(b, q)) if p < n and q < m else None)
        positive, negative = terms
        if positive is None or negative is None:
            return lax.neg(negative) if positive is None else positive
        return lax.sub(positive, negative)

    if n == m == 2:
        return minor(0, 1)
    columns = [
        lax.expand_dims(minor(i, j), (len(shape),)) for i, j in ((1, 2), (2, 0), (0, 1))
    ]
    return moveaxis(lax.concatenate(columns, len(shape)), -1, axisc)

"""Products of arrays: each contraction of two is one `dot_general`.

Axes are named by labels. A contraction of two labelled operands is planned from labels
and sizes alone (and remembered): which axes are batch, contracted or free, and which
labels the result of `dot_general` has. Everything here, `matmul` included, is such a
plan and at most one transpose.
"""

import functools
import itertools
import math
import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import lax
from .._ir import ArrayType, dtypes, type_error, value_error
from .._tracing import typeof
from ._array_like import Array, ArrayLike, DTypeLike
from ._eager import jit_when_eager
from ._manipulation import as_axes, as_axis, diagonal, moveaxis
from ._promotion import convert, type_of

Labels = tuple[Any, ...]

# ---- one contraction ---------------------------------------------------------------


class _Contraction(NamedTuple):
    """How two labelled operands become one.

    Attributes:
        left: axes to squeeze (their size is 1) and to sum over before.
        right: the same of the other operand.
        swapped: whether the right operand comes first.
        numbers: `dimension_numbers` of `dot_general`; None for an elementwise product.
        labels: of the result.
    """

    left: tuple[tuple[int, ...], tuple[int, ...]]
    right: tuple[tuple[int, ...], tuple[int, ...]]
    swapped: bool
    numbers: Any
    labels: Labels


@functools.lru_cache(4096)
def _plan_pair(
    left: Labels,
    left_shape: tuple[int, ...],
    right: Labels,
    right_shape: tuple[int, ...],
    kept: Labels,
) -> _Contraction:
    """Plan the product of two operands, of whose labels only `kept` stay.

    Labels are distinct within an operand. A label of size 1 in one operand and larger
    in the other stretches.
    """
    sizes = [dict(zip(left, left_shape, strict=True))]
    sizes.append(dict(zip(right, right_shape, strict=True)))
    before = []
    for own, other in (sizes, sizes[::-1]):
        squeezed = [
            label
            for label, size in own.items()
            if size == 1 and other.get(label, 1) != 1
        ]
        summed = [label for label in own if label not in other and label not in kept]
        before.append((squeezed, summed))
    axes = []
    names = []
    for own, (squeezed, summed) in zip(sizes, before, strict=True):
        order = list(own)
        rest = [label for label in order if label not in squeezed]
        axes.append(
            (
                tuple(order.index(label) for label in squeezed),
                tuple(rest.index(label) for label in summed),
            )
        )
        names.append([label for label in rest if label not in summed])
    a, b = names
    shared = [label for label in a if label in b]
    batch = [label for label in kept if label in shared]
    contracted = [label for label in shared if label not in kept]
    free = [[label for label in own if label not in shared] for own in (a, b)]
    if a == b and not contracted:
        return _Contraction(axes[0], axes[1], False, None, tuple(a))
    orders = [(*batch, *free[0], *free[1]), (*batch, *free[1], *free[0])]
    wanted = [label for label in kept if label in orders[0]]
    swapped = orders[0] != tuple(wanted) and orders[1] == tuple(wanted)
    first, second = (b, a) if swapped else (a, b)
    numbers = (
        (
            tuple(first.index(label) for label in contracted),
            tuple(second.index(label) for label in contracted),
        ),
        (
            tuple(first.index(label) for label in batch),
            tuple(second.index(label) for label in batch),
        ),
    )
    return _Contraction(axes[0], axes[1], swapped, numbers, orders[swapped])


def _contract(
    left: Any,
    left_labels: Labels,
    right: Any,
    right_labels: Labels,
    kept: Labels,
    how: dict[str, Any],
) -> tuple[Any, Labels]:
    """The product of two operands and its labels."""
    plan = _plan_pair(
        left_labels, typeof(left).shape, right_labels, typeof(right).shape, kept
    )
    left, right = _prepared(left, plan.left), _prepared(right, plan.right)
    wanted = how["preferred_element_type"]
    # Only an intermediate product has the preferred dtype already.
    mixed = typeof(left).dtype != typeof(right).dtype
    if wanted is not None and (mixed or plan.numbers is None):
        left, right = convert(left, wanted), convert(right, wanted)
    if plan.numbers is None:
        return lax.mul(left, right), plan.labels
    first, second = (right, left) if plan.swapped else (left, right)
    precision = how["precision"]
    if plan.swapped and isinstance(precision, tuple):
        precision = precision[::-1]
    out = lax.dot_general(
        first,
        second,
        plan.numbers,
        precision=precision,
        preferred_element_type=wanted,
    )
    return out, plan.labels


def _prepared(x: Any, axes: tuple[tuple[int, ...], tuple[int, ...]]) -> Any:
    squeezed, summed = axes
    x = lax.squeeze(x, squeezed) if squeezed else x
    return _sum(x, summed) if summed else x


def _sum(x: Any, axes: tuple[int, ...]) -> Any:
    if typeof(x).dtype == bool:
        return lax.reduce_or(x, axes)
    return lax.reduce_sum(x, axes)


def _arranged(x: Any, labels: Labels, wanted: Labels) -> Any:
    """`x` with its axes in the order of `wanted`."""
    if labels == wanted:
        return x
    return lax.transpose(x, [labels.index(label) for label in wanted])


def _promoted(function: str, names: Sequence[str], args: Sequence[Any]) -> list[Any]:
    types = [type_of(function, n, x) for n, x in zip(names, args, strict=True)]
    try:
        dtype, weak = dtypes.promote([(t.dtype, t.weak_type) for t in types])
    except TypeError as error:
        raise type_error(f"{function}: {error}") from None
    return [convert(x, dtype, weak) for x in args]


def _how(function: str, precision: Any, preferred: Any) -> dict[str, Any]:
    if preferred is not None:
        preferred = dtypes.as_dtype(preferred, function=function)
    return {"precision": precision, "preferred_element_type": preferred}


# ---- matrices ----------------------------------------------------------------------


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def matmul(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Matrix product, over leading axes that broadcast.

    Args:
        a: ``[..., n, k]``, or ``[k]``.
        b: ``[..., k, m]``, or ``[k]``.
        precision: "default", "high" or "highest", where the backend has a choice; or
            one for each operand.
        preferred_element_type: dtype in which to add, and of the result.

    Returns:
        ``[..., n, m]``, without the axis of an operand that had only one.

    Raises:
        ValueError: an operand is a scalar, or sizes don't match.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> (jnp.ones((2, 3)) @ jnp.ones(3)).tolist()
        [3.0, 3.0]
    """
    types = type_of("matmul", "a", a), type_of("matmul", "b", b)
    _check_matmul(*types)
    how = _how("matmul", precision, preferred_element_type)
    a, b = _promoted("matmul", "ab", (a, b))
    left, right, kept = _matmul_labels(types[0].ndim, types[1].ndim)
    out, labels = _contract(a, left, b, right, kept, how)
    return _arranged(out, labels, kept)


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
) -> Array:
    """Sum product over the last axis of `a` and the last but one of `b`.

    Args:
        a: ``[..., k]``, or a scalar.
        b: ``[..., k, m]``, ``[k]``, or a scalar.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.

    Returns:
        The axes of `a` without its last, then those of `b` without ``k``; the plain
        product if either is a scalar.

    Raises:
        ValueError: the contracted sizes differ.
    """
    types = type_of("dot", "a", a), type_of("dot", "b", b)
    how = _how("dot", precision, preferred_element_type)
    if types[0].ndim and types[1].ndim:
        axes = ((types[0].ndim - 1,), (max(types[1].ndim - 2, 0),))
        _check_contraction("dot", *types, axes)
        return _dot_general("dot", a, b, axes, how)
    return _scale("dot", a, b, how)


def _dot_general(function: str, a: Any, b: Any, axes: Any, how: dict[str, Any]) -> Any:
    a, b = _promoted(function, "ab", (a, b))
    return lax.dot_general(a, b, (axes, ((), ())), **how)


def _scale(function: str, a: Any, b: Any, how: dict[str, Any]) -> Any:
    a, b = _promoted(function, "ab", (a, b))
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
    """Scalar product of the flattened arrays; the conjugate of `a` is taken."""
    types = type_of("vdot", "a", a), type_of("vdot", "b", b)
    if types[0].size != types[1].size:
        raise value_error(
            f"vdot: operands must have equally many elements: `a` is {types[0]!r}, `b` "
            f"is {types[1]!r}."
        )
    how = _how("vdot", precision, preferred_element_type)
    a, b = _promoted("vdot", "ab", (a, b))
    a = lax.conj(a) if dtypes.kind(typeof(a).dtype) == "c" else a
    a, b = (lax.reshape(x, (typeof(x).size,)) for x in (a, b))
    return _contract(a, ("i",), b, ("i",), (), how)[0]


@jit_when_eager(static_argnames=("precision", "preferred_element_type"))
def inner(
    a: ArrayLike,
    b: ArrayLike,
    *,
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Sum product over the last axes of both operands."""
    types = type_of("inner", "a", a), type_of("inner", "b", b)
    how = _how("inner", precision, preferred_element_type)
    if not (types[0].ndim and types[1].ndim):
        return _scale("inner", a, b, how)
    axes = ((types[0].ndim - 1,), (types[1].ndim - 1,))
    _check_contraction("inner", *types, axes)
    return _dot_general("inner", a, b, axes, how)


@jit_when_eager(static_argnames=("out",))
def outer(a: ArrayLike, b: ArrayLike, out: None = None) -> Array:
    """Products of every element of `a` with every one of `b`: ``[a.size, b.size]``."""
    if out is not None:
        raise NotImplementedError("outer: `out` is not supported; arrays never change.")
    type_of("outer", "a", a)
    type_of("outer", "b", b)
    a, b = _promoted("outer", "ab", (a, b))
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
    """Scalar products along an axis of arrays that broadcast; `x1` is conjugated."""
    types = type_of("vecdot", "x1", x1), type_of("vecdot", "x2", x2)
    axes = [as_axis("vecdot", axis, t.ndim) for t in types]
    if types[0].shape[axes[0]] != types[1].shape[axes[1]]:
        raise value_error(
            f"vecdot: sizes of axis {axis} must match: `x1` is {types[0]!r}, `x2` is "
            f"{types[1]!r}."
        )
    how = _how("vecdot", precision, preferred_element_type)
    x1, x2 = _promoted("vecdot", ("x1", "x2"), (x1, x2))
    x1 = lax.conj(x1) if dtypes.kind(typeof(x1).dtype) == "c" else x1
    x1, x2 = (moveaxis(x, at, -1) for x, at in zip((x1, x2), axes, strict=True))
    return _einsum_arrays("...i,...i->...", (x1, x2), False, how)


@jit_when_eager
def matvec(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Matrices ``[..., n, k]`` times vectors ``[..., k]``."""
    return einsum("...nk,...k->...n", x1, x2)


@jit_when_eager
def vecmat(x1: ArrayLike, x2: ArrayLike, /) -> Array:
    """Vectors ``[..., k]``, conjugated, times matrices ``[..., k, m]``."""
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
) -> Array:
    """Sum product over chosen axes.

    Args:
        a: an array.
        b: an array.
        axes: a pair of axes (or of sequences of them), one for each operand; or a
            number: that many last axes of `a` and first ones of `b`.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.

    Returns:
        The other axes of `a`, then those of `b`.

    Raises:
        ValueError: the numbers of axes or the contracted sizes differ.
    """
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
    how = _how("tensordot", precision, preferred_element_type)
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
    """Kronecker product: `b`, scaled by each element of `a`, in the place of it."""
    type_of("kron", "a", a)
    type_of("kron", "b", b)
    a, b = _promoted("kron", "ab", (a, b))
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
    a, b = _promoted("cross", "ab", (a, b))
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


# ---- einsum ------------------------------------------------------------------------


class _Expression(NamedTuple):
    """A parsed `einsum`: labels of the operands and of the result, sizes of labels."""

    inputs: tuple[Labels, ...]
    output: Labels
    sizes: dict[Any, int]


def einsum(
    subscripts: Any,
    /,
    *operands: Any,
    out: None = None,
    optimize: Any = "auto",
    precision: Any = None,
    preferred_element_type: DTypeLike | None = None,
) -> Array:
    """Sums of products in Einstein's notation.

    Args:
        subscripts: a letter for each axis of each operand, ``"ij,jk->ik"``. Letters
            that don't stand behind the arrow are summed over; a letter twice in one
            operand means its diagonal; ``...`` stands for axes that broadcast. Without
            an arrow the result has the letters that occur once, in alphabetical order.
        *operands: the arrays. Alternatively to letters, ``einsum(a, [0, 1], b, [1, 2],
            [0, 2])``.
        out: must be None.
        optimize: the order of contractions: "auto" or True, "optimal", "greedy", False
            (from left to right), or a path as `einsum_path` returns it.
        precision: as for `matmul`.
        preferred_element_type: as for `matmul`.

    Returns:
        An array with an axis for each label of the result.

    Raises:
        ValueError: the subscripts are malformed, or don't fit the operands.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> a = jnp.arange(4.0).reshape(2, 2)
        >>> jnp.einsum("ii", a).item(), jnp.einsum("ij,kj->ik", a, a).tolist()
        (3.0, [[1.0, 3.0], [3.0, 13.0]])

    Source: the order of contractions is that of smallest intermediate cost; "greedy"
    follows Smith and Gray (2018), doi:10.21105/joss.00753.
    """
    if out is not None:
        raise NotImplementedError(
            "einsum: `out` is not supported; arrays never change."
        )
    subscripts, operands = _as_text(subscripts, operands)
    if isinstance(optimize, Sequence) and not isinstance(optimize, str):
        steps = [step for step in optimize if not isinstance(step, str)]
        optimize = tuple(tuple(map(operator.index, step)) for step in steps)
    for i, operand in enumerate(operands):
        type_of("einsum", f"operand {i}", operand)
    how = _how("einsum", precision, preferred_element_type)
    return _einsum(list(operands), subscripts=subscripts, optimize=optimize, **how)


@jit_when_eager(
    static_argnames=("subscripts", "optimize", "precision", "preferred_element_type")
)
def _einsum(
    operands: list[Any],
    *,
    subscripts: str,
    optimize: Any,
    precision: Any,
    preferred_element_type: Any,
) -> Any:
    how = {"precision": precision, "preferred_element_type": preferred_element_type}
    return _einsum_arrays(subscripts, operands, optimize, how)


def _einsum_arrays(
    subscripts: str, operands: Sequence[Any], optimize: Any, how: dict[str, Any]
) -> Any:
    operands = _promoted(
        "einsum", [f"operand {i}" for i in range(len(operands))], operands
    )
    shapes = tuple(typeof(x).shape for x in operands)
    expression = _parse(subscripts, shapes)
    path = _path(subscripts, shapes, optimize)
    work = [
        _on_diagonals(x, labels)
        for x, labels in zip(operands, expression.inputs, strict=True)
    ]
    for step in path:
        chosen = [work[i] for i in step]
        work = [pair for i, pair in enumerate(work) if i not in step]
        others = {label for _, labels in work for label in labels}
        result, labels = chosen[0]
        for position, (x, own) in enumerate(chosen[1:], 2):
            later = {label for _, ls in chosen[position:] for label in ls}
            kept = _kept(expression.output, (labels, own), others | later)
            result, labels = _contract(result, labels, x, own, kept, how)
        work.append((result, labels))
    ((result, labels),) = work
    result, labels = _reduced(result, labels, expression)
    wanted = how["preferred_element_type"]
    result = result if wanted is None else convert(result, wanted)
    return _arranged(result, labels, expression.output)


def _kept(output: Labels, own: Sequence[Labels], others: set[Any]) -> Labels:
    """Labels that are needed later, those of the result first and in its order."""
    mine = list(dict.fromkeys(itertools.chain(*own)))
    first = [label for label in output if label in mine]
    return (*first, *(x for x in mine if x in others and x not in output))


def _reduced(x: Any, labels: Labels, expression: _Expression) -> tuple[Any, Labels]:
    """Sum over what the result lacks."""
    axes = tuple(i for i, label in enumerate(labels) if label not in expression.output)
    x = _sum(x, axes) if axes else x
    return x, tuple(label for label in labels if label in expression.output)


def _on_diagonals(x: Any, labels: Labels) -> tuple[Any, Labels]:
    """One axis for each label: repeated ones mean a diagonal."""
    while len(set(labels)) != len(labels):
        label = next(label for label in labels if labels.count(label) > 1)
        first = labels.index(label)
        second = labels.index(label, first + 1)
        x = diagonal(x, 0, first, second)
        rest = [x for i, x in enumerate(labels) if i not in (first, second)]
        labels = (*rest, label)
    return x, labels


_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def _as_text(subscripts: Any, operands: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """Subscripts as text, also when they are given as lists behind each operand."""
    if isinstance(subscripts, str):
        return subscripts.replace(" ", ""), operands
    given = [subscripts, *operands]
    output = given.pop() if len(given) % 2 else None
    lists = given[1::2]
    text = ",".join(map(_letters, lists))
    return (text if output is None else f"{text}->{_letters(output)}"), tuple(
        given[::2]
    )


def _letters(labels: Any) -> str:
    try:
        return "".join("..." if x is Ellipsis else _LETTERS[x] for x in labels)
    except (TypeError, IndexError):
        raise value_error(
            "einsum: labels must be `...` or integers from 0 to 51, got "
            f"{labels!r:.60}."
        ) from None


@functools.lru_cache(4096)
def _parse(subscripts: str, shapes: tuple[tuple[int, ...], ...]) -> _Expression:
    """Labels of every operand and the result; axes under `...` become integers."""
    left, arrow, right = subscripts.partition("->")
    terms = left.split(",")
    if len(terms) != len(shapes):
        raise value_error(
            f"einsum: {subscripts!r} describes {len(terms)} operands, got "
            f"{len(shapes)}."
        )
    inputs = tuple(
        _expand(subscripts, term, len(shape), i)
        for i, (term, shape) in enumerate(zip(terms, shapes, strict=True))
    )
    every = list(itertools.chain(*inputs))
    broadcast = sorted({label for label in every if isinstance(label, int)})
    if arrow:
        output = _expand(subscripts, right, len(broadcast), None)
    else:
        single = sorted(
            x for x in set(every) if isinstance(x, str) and every.count(x) == 1
        )
        output = (*broadcast, *single)
    for label in output:
        if output.count(label) > 1:
            raise value_error(
                f"einsum: {subscripts!r}: the result has label {label!r} twice."
            )
        if label not in every:
            raise value_error(
                f"einsum: {subscripts!r}: no operand has label {label!r} of the result."
            )
    return _Expression(inputs, output, _label_sizes(subscripts, inputs, shapes))


def _expand(subscripts: str, term: str, ndim: int, operand: int | None) -> Labels:
    """Labels of one term. Axes under `...` are counted from the last: -1, -2, ..."""
    head, dots, tail = term.partition("...")
    letters = head + tail
    wrong = [letter for letter in letters if letter not in _LETTERS]
    if wrong:
        raise value_error(
            f"einsum: {subscripts!r} may hold letters, commas, `...` and one `->`, got "
            f"{wrong[0]!r}."
        )
    if operand is None:
        return (*head, *(range(-ndim, 0) if dots else ()), *tail)
    hidden = ndim - len(letters)
    if hidden < 0 or (hidden and not dots):
        raise value_error(
            f"einsum: {subscripts!r}: term {term!r} has {len(letters)} labels, but "
            f"operand {operand} has {ndim} axes."
        )
    return (*head, *range(-hidden, 0), *tail)


def _label_sizes(
    subscripts: str, inputs: Sequence[Labels], shapes: Sequence[tuple[int, ...]]
) -> dict[Any, int]:
    sizes: dict[Any, int] = {}
    for operand, (labels, shape) in enumerate(zip(inputs, shapes, strict=True)):
        for label, size in zip(labels, shape, strict=True):
            known = sizes.get(label, 1)
            repeated = (
                labels.count(label) > 1
                and len({n for x, n in zip(labels, shape, strict=True) if x == label})
                > 1
            )
            if (known != size and 1 not in (known, size)) or repeated:
                name = (
                    f"label {label!r}" if isinstance(label, str) else "an axis of `...`"
                )
                other = known if not repeated else set(shape)
                raise value_error(
                    f"einsum: {subscripts!r}: {name} has size {size} in operand "
                    f"{operand}, but {other} before."
                )
            sizes[label] = max(known, size) if 0 not in (known, size) else 0
    return sizes


# ---- the order of contractions -----------------------------------------------------

_OPTIMAL_UP_TO = 5  # operands; the search doubles several times with each more

Path = tuple[tuple[int, ...], ...]


@functools.lru_cache(4096)
def _path(subscripts: str, shapes: tuple[tuple[int, ...], ...], optimize: Any) -> Path:
    """Which operands to contract at each step; results go to the end of the list."""
    count = len(shapes)
    if isinstance(optimize, tuple):
        return _checked_path(optimize, count)
    if optimize not in ("auto", "optimal", "greedy", True, False, None):
        raise value_error(
            "einsum: `optimize` must be a bool, 'auto', 'optimal', 'greedy' or a path, "
            f"got {optimize!r}."
        )
    if count < 3:
        return ((0, 1),) if count == 2 else ()
    if not optimize:
        return ((0, 1), *((0, n - 1) for n in range(count - 1, 1, -1)))
    expression = _parse(subscripts, shapes)
    inputs = [frozenset(labels) for labels in expression.inputs]
    if optimize == "optimal" or (optimize != "greedy" and count <= _OPTIMAL_UP_TO):
        return _optimal(inputs, frozenset(expression.output), expression.sizes)
    return _greedy(inputs, frozenset(expression.output), expression.sizes)


def _checked_path(path: Path, count: int) -> Path:
    left = count
    for step in path:
        if len(set(step)) != len(step) or not all(0 <= i < left for i in step):
            raise value_error(f"einsum: path {path} does not fit {count} operands.")
        left += 1 - len(step)
    return path if left == 1 else (*path, tuple(range(left)))


def _cost(labels: frozenset[Any], sizes: dict[Any, int]) -> int:
    return math.prod(sizes[label] for label in labels)


def _remaining(
    pair: frozenset[Any], others: Sequence[frozenset[Any]], output: frozenset[Any]
) -> frozenset[Any]:
    """Labels of a product that the other operands or the result need."""
    return pair & output.union(*others)


def _optimal(
    inputs: list[frozenset[Any]], output: frozenset[Any], sizes: dict[Any, int]
) -> Path:
    """The order with the fewest multiplications, by trying all."""

    def search(work: tuple[frozenset[Any], ...]) -> tuple[int, Path]:
        if len(work) == 1:
            return 0, ()
        best: tuple[int, Path] | None = None
        for i, j in itertools.combinations(range(len(work)), 2):
            rest = [x for k, x in enumerate(work) if k not in (i, j)]
            union = work[i] | work[j]
            made = _remaining(union, rest, output)
            cost, path = search((*rest, made))
            cost += _cost(union, sizes)
            if best is None or cost < best[0]:
                best = cost, ((i, j), *path)
        assert best is not None
        return best

    return search(tuple(inputs))[1]


def _greedy(
    inputs: list[frozenset[Any]], output: frozenset[Any], sizes: dict[Any, int]
) -> Path:
    """Always contract the pair whose product grows least over its operands."""
    work, path = list(inputs), []
    while len(work) > 1:

        def growth(pair: tuple[int, int]) -> tuple[int, int]:
            i, j = pair
            rest = [x for k, x in enumerate(work) if k not in pair]  # noqa: B023
            a, b = work[i], work[j]  # noqa: B023
            made = _remaining(a | b, rest, output)
            grown = _cost(made, sizes) - _cost(a, sizes) - _cost(b, sizes)
            return grown, _cost(a | b, sizes)

        i, j = min(itertools.combinations(range(len(work)), 2), key=growth)
        rest = [x for k, x in enumerate(work) if k not in (i, j)]
        work = [*rest, _remaining(work[i] | work[j], rest, output)]
        path.append((i, j))
    return tuple(path)


def einsum_path(
    subscripts: Any, /, *operands: Any, optimize: Any = "auto"
) -> tuple[list[Any], str]:
    """The order in which `einsum` contracts its operands, and a description of it.

    Returns:
        A list of steps, each the positions of the operands it contracts (the product
        goes to the end of the list), and text with the labels of each step.
    """
    subscripts, operands = _as_text(subscripts, operands)
    if isinstance(optimize, Sequence) and not isinstance(optimize, str):
        optimize = tuple(tuple(step) for step in optimize if not isinstance(step, str))
    shapes = tuple(type_of("einsum_path", "operands", x).shape for x in operands)
    expression = _parse(subscripts, shapes)
    path = _path(subscripts, shapes, optimize)
    work = [frozenset(labels) for labels in expression.inputs]
    lines = [f"{subscripts}: {len(path)} contractions"]
    for step in path:
        union = frozenset().union(*(work[i] for i in step))
        work = [x for i, x in enumerate(work) if i not in step]
        work.append(_remaining(union, work, frozenset(expression.output)))
        lines.append(f"{step}: {_cost(union, expression.sizes)} multiplications")
    return list(path), "\n".join(lines)

"""Norms: of a whole tree, and of one array without a derivative at zero."""

import functools
import operator
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._batches import Batches
from ._known import Known
from ._trees import check_floating, type_or_none


def global_norm(updates: Any) -> Any:
    """Euclidean norm of all elements of a tree, as if they were one vector.

    Squares and sums are computed in float32, or in the dtype of a leaf if wider; one
    NaN makes the norm NaN. The norm of an empty tree is zero.

    Raises:
        TypeError: a leaf is not a floating-point or complex array.

    Example:
        >>> global_norm({"w": [3.0], "b": 4.0})
        Array(5., dtype=float32)
    """
    leaves = tree.leaves(updates)
    types = tuple(map(type_or_none, leaves))

    def find_batches() -> Batches:
        check_floating("global_norm", "`updates`", updates)
        return Batches(types)

    parts = _known.of(types, find_batches).split([leaves])
    return _root_of_sum([_sum_of_all_squares(*part) for _, part in parts])


_known: Known[Batches] = Known()


@dc.jit
def _sum_of_all_squares(leaves: tuple[Any, ...]) -> Any:
    return functools.reduce(operator.add, map(sum_of_squares, leaves))


@dc.jit
def sum_of_squares(leaf: Any) -> Any:
    """Squared norm of an array, in float32 or wider."""
    leaf = _wide(leaf)
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return jnp.sum(jnp.square(leaf.real) + jnp.square(leaf.imag))
    return jnp.sum(jnp.square(leaf))


def inner_product(a: Any, b: Any) -> Any:
    """``Σ conj(a) b`` of two trees as vectors, in float32 or wider."""
    products = [
        jnp.vdot(*map(_wide, pair), precision="highest")
        for pair in zip(tree.leaves(a), tree.leaves(b), strict=True)
    ]
    return functools.reduce(operator.add, products, jnp.float32(0.0))


def sum_of_elements(values: Any) -> Any:
    """Of all leaves; a float32 or wider scalar if they are."""
    sums = map(jnp.sum, tree.leaves(values))
    return functools.reduce(operator.add, sums, jnp.float32(0.0))


@dc.jit
def _root_of_sum(squares: list[Any]) -> Any:
    return jnp.sqrt(functools.reduce(operator.add, squares, jnp.float32(0.0)))


def safe_norm(
    x: Any,
    min_norm: Any,
    ord: Any = None,
    axis: Any = None,
    keepdims: bool = False,
) -> Any:
    """A norm that is at least `min_norm` and has a derivative everywhere.

    Computed in float32, or in the dtype of `x` if wider. Where the norm is at most
    `min_norm`, its derivative is zero, even for ``x = 0``.

    Args:
        x: floating-point or complex array.
        min_norm: smallest result.
        ord: which norm, see `dolmen.core.numpy.linalg.norm`.
        axis: axes of the vectors or matrices.
        keepdims: keep these axes, with size 1.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> safe_norm(jnp.array([3.0, 4.0]), 0.0)
        Array(5., dtype=float32)
        >>> dc.grad(safe_norm)(jnp.zeros(2), 0.0)
        Array([0., 0.], dtype=float32)
    """
    x = _wide(x)
    is_small = jnp.linalg.norm(x, ord, axis, keepdims=True) <= min_norm
    norm = jnp.linalg.norm(jnp.where(is_small, 1, x), ord, axis, keepdims=keepdims)
    return jnp.where(is_small.reshape(norm.shape), min_norm, norm)


def safe_root_mean_squares(x: Any, min_rms: Any) -> Any:
    """Root mean square, at least `min_rms`, with a derivative everywhere.

    Computed as `safe_norm` is.

    Args:
        x: floating-point or complex array.
        min_rms: smallest result.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> safe_root_mean_squares(jnp.array([1.0, 7.0]), 0.0)
        Array(5., dtype=float32)
    """
    x = jnp.asarray(x)
    mean = sum_of_squares(x) / max(x.size, 1)
    is_small = jnp.sqrt(mean) <= min_rms
    return jnp.where(is_small, min_rms, jnp.sqrt(jnp.where(is_small, 1, mean)))


def _wide(x: Any) -> Any:
    x = jnp.asarray(x)
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))

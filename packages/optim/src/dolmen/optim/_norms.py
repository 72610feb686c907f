"""The norm of a whole tree."""

import functools
import operator
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._engine import compiled_when_eager
from ._trees import check_floating


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
    check_floating("global_norm", "`updates`", updates)
    return _norm(None, tree.leaves(updates))


def _norm_of_leaves(_: None, leaves: list[Any]) -> Any:
    squares = map(_sum_of_squares, leaves)
    return jnp.sqrt(functools.reduce(operator.add, squares, jnp.float32(0.0)))


_norm = compiled_when_eager(_norm_of_leaves)


def _sum_of_squares(leaf: Any) -> Any:
    leaf = jnp.asarray(leaf)
    leaf = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return jnp.sum(jnp.square(leaf.real) + jnp.square(leaf.imag))
    return jnp.sum(jnp.square(leaf))

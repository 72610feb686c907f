"""The norm of a whole tree."""

import functools
import operator
from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

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
    return _root_of_sum([_sum_of_squares(leaf) for leaf in tree.leaves(updates)])


@dc.jit
def _sum_of_squares(leaf: Any) -> Any:
    leaf = leaf.astype(jnp.promote_types(leaf.dtype, jnp.float32))
    if jnp.issubdtype(leaf.dtype, jnp.complexfloating):
        return jnp.sum(jnp.square(leaf.real) + jnp.square(leaf.imag))
    return jnp.sum(jnp.square(leaf))


@dc.jit
def _root_of_sum(squares: list[Any]) -> Any:
    return jnp.sqrt(functools.reduce(operator.add, squares, jnp.float32(0.0)))

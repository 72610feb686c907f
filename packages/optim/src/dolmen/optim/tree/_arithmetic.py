"""Arithmetic of trees as vectors, leaf by leaf."""

import functools
import operator
from collections.abc import Sequence
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree as trees


def tree_add(tree_x: Any, tree_y: Any, *other_trees: Any) -> Any:
    """Sums of the corresponding leaves.

    Args:
        tree_x: tree.
        tree_y: tree of the same structure.
        *other_trees: more of them.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> tree_add({"a": 1.0}, {"a": 2.0}, {"a": 4.0})
        {'a': 7.0}
    """
    return trees.map(
        lambda *xs: functools.reduce(operator.add, xs), tree_x, tree_y, *other_trees
    )


def tree_sub(tree_x: Any, tree_y: Any) -> Any:
    """Differences of the corresponding leaves.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> tree_sub({"a": 1.0}, {"a": 2.0})
        {'a': -1.0}
    """
    return trees.map(operator.sub, tree_x, tree_y)


def tree_mul(tree_x: Any, tree_y: Any) -> Any:
    """Products of the corresponding leaves.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> tree_mul({"a": 3.0}, {"a": 2.0})
        {'a': 6.0}
    """
    return trees.map(operator.mul, tree_x, tree_y)


def tree_div(tree_x: Any, tree_y: Any) -> Any:
    """Quotients of the corresponding leaves.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> tree_div({"a": 3.0}, {"a": 2.0})
        {'a': 1.5}
    """
    return trees.map(operator.truediv, tree_x, tree_y)


def tree_scale(scalar: Any, tree: Any) -> Any:
    """Every leaf times a number.

    Example:
        >>> tree_scale(2.0, {"a": 3.0})
        {'a': 6.0}
    """
    return trees.map(lambda x: scalar * x, tree)


def tree_add_scale(tree_x: Any, scalar: Any, tree_y: Any) -> Any:
    """``tree_x + scalar * tree_y``, leaf by leaf; None stays None.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> tree_add_scale({"a": 3.0, "b": None}, 2.0, {"a": 4.0, "b": None})
        {'a': 11.0, 'b': None}
    """
    return trees.map(lambda x, y: x + scalar * y, tree_x, tree_y)


def tree_conj(tree: Any) -> Any:
    """Complex conjugates of the leaves.

    Example:
        >>> tree_conj({"a": 3.0 - 1.0j})
        {'a': Array(3.+1.j, dtype=complex64, weak_type=True)}
    """
    return trees.map(jnp.conj, tree)


def tree_real(tree: Any) -> Any:
    """Real parts of the leaves.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_real({"a": jnp.array([3.0 - 1.0j])})
        {'a': Array([3.], dtype=float32)}
    """
    return trees.map(jnp.real, tree)


def tree_clip(tree: Any, min_value: Any = None, max_value: Any = None) -> Any:
    """Every element brought between two bounds; None is no bound.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_clip({"a": jnp.array([-3.0, 0.5])}, -1.0)
        {'a': Array([-1. ,  0.5], dtype=float32)}
    """
    return trees.map(lambda x: jnp.clip(x, min_value, max_value), tree)


def tree_where(condition: Any, tree_x: Any, tree_y: Any) -> Any:
    """Leaves of one tree or the other.

    Args:
        condition: booleans that broadcast to every leaf, such as a single one.
        tree_x: taken where it is True.
        tree_y: taken where it is False; of the same structure.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_where(False, {"a": jnp.array([1.0])}, {"a": jnp.array([2.0])})
        {'a': Array([2.], dtype=float32)}
    """
    return trees.map(lambda x, y: jnp.where(condition, x, y), tree_x, tree_y)


def tree_batch_shape(tree: Any, shape: Sequence[int] = ()) -> Any:
    """Every leaf repeated along new leading axes.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_batch_shape({"a": jnp.ones(3)}, (2,))["a"].shape
        (2, 3)
    """
    return trees.map(lambda x: jnp.broadcast_to(x, (*shape, *jnp.shape(x))), tree)


def tree_zeros_like(tree: Any, dtype: Any = None) -> Any:
    """Zeros in the shapes of the leaves, in their dtypes or in this one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_zeros_like({"a": jnp.ones(2)})
        {'a': Array([0., 0.], dtype=float32)}
    """
    return trees.map(lambda x: jnp.zeros_like(x, dtype=dtype), tree)


def tree_ones_like(tree: Any, dtype: Any = None) -> Any:
    """Ones in the shapes of the leaves, in their dtypes or in this one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_ones_like({"a": jnp.zeros(2)}, int)
        {'a': Array([1, 1], dtype=int32)}
    """
    return trees.map(lambda x: jnp.ones_like(x, dtype=dtype), tree)


def tree_full_like(tree: Any, fill_value: Any, dtype: Any = None) -> Any:
    """A number in the shapes of the leaves, in their dtypes or in this one.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_full_like({"a": jnp.zeros(2)}, 3.0)
        {'a': Array([3., 3.], dtype=float32)}
    """
    return trees.map(lambda x: jnp.full_like(x, fill_value, dtype=dtype), tree)

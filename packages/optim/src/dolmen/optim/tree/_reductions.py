"""One number out of a whole tree."""

import functools
import operator
from collections.abc import Callable
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree as trees

from .._norms import sum_of_squares


def tree_sum(tree: Any, associative_reduction: bool = False) -> Any:
    """The sum of all elements; 0 for a tree without any.

    Args:
        tree: of arrays.
        associative_reduction: add the sums of the leaves in pairs, then pairs of pairs
            and so forth: shorter chains and smaller rounding errors.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_sum({"a": jnp.array([1.0, 2.0]), "b": 3.0})
        Array(6., dtype=float32)
    """
    sums = trees.map(jnp.sum, tree)
    if associative_reduction:
        return trees.reduce_associative(lambda a, b: a + b, sums, identity=0)
    return functools.reduce(operator.add, trees.leaves(sums), 0)


def tree_max(tree: Any) -> Any:
    """The greatest element; -inf for a tree without any.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_max({"a": jnp.array([1.0, 7.0]), "b": 3.0})
        Array(7., dtype=float32)
    """
    return _extreme(jnp.max, jnp.maximum, tree, -float("inf"))


def tree_min(tree: Any) -> Any:
    """The least element; inf for a tree without any.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_min({"a": jnp.array([1.0, 7.0]), "b": 3.0})
        Array(1., dtype=float32)
    """
    return _extreme(jnp.min, jnp.minimum, tree, float("inf"))


def tree_size(tree: Any) -> int:
    """The number of all elements.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_size({"a": jnp.ones((2, 3)), "b": 1.0})
        7
    """
    return sum(jnp.size(leaf) for leaf in trees.leaves(tree))


def tree_vdot(tree_x: Any, tree_y: Any) -> Any:
    """The inner product of two trees as vectors, ``Σ conj(x) y``; 0 for empty ones.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_vdot({"a": jnp.array([1.0, 2.0])}, {"a": jnp.array([3.0, 4.0])})
        Array(11., dtype=float32)
    """
    products = trees.map(
        lambda x, y: jnp.vdot(x, y, precision="highest"), tree_x, tree_y
    )
    return functools.reduce(operator.add, trees.leaves(products), 0)


def tree_norm(tree: Any, ord: Any = None, squared: bool = False) -> Any:
    """A norm of a tree as one vector; 0 for a tree without elements.

    Args:
        tree: of arrays.
        ord: 2 or None for the Euclidean norm, summed in float32 or wider; 1 for the sum
            of absolute values; `inf` (a number, or "inf" or "infinity") for the
            greatest of them.
        squared: give the square of the norm.

    Raises:
        ValueError: `ord` is another.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = {"a": jnp.array([3.0]), "b": -4.0}
        >>> float(tree_norm(x)), float(tree_norm(x, 1)), float(tree_norm(x, jnp.inf))
        (5.0, 7.0, 4.0)
    """
    leaves = [jnp.asarray(leaf) for leaf in trees.leaves(tree)]
    if ord is None or ord == 2:
        squares = functools.reduce(
            operator.add, map(sum_of_squares, leaves), jnp.float32(0)
        )
        return squares if squared else jnp.sqrt(squares)
    sizes = [jnp.abs(leaf) for leaf in leaves]
    if ord == 1:
        norm = jnp.asarray(tree_sum(sizes))
    elif ord in (float("inf"), "inf", "infinity"):
        norm = _extreme(jnp.max, jnp.maximum, sizes, 0.0)
    else:
        raise ValueError(
            extend.error_message(
                f"tree.norm: `ord` must be 1, 2, None or inf, got {ord!r}."
            )
        )
    return norm * norm if squared else norm


def tree_allclose(
    a: Any, b: Any, rtol: Any = 1e-5, atol: Any = 1e-8, equal_nan: bool = False
) -> Any:
    """Whether ``|a - b| ≤ atol + rtol |b|`` for all elements.

    Args:
        a: tree of arrays.
        b: tree of the same structure.
        rtol: relative tolerance.
        atol: absolute tolerance.
        equal_nan: whether NaN is close to NaN.

    Raises:
        ValueError: the structures differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> bool(tree_allclose({"a": jnp.ones(2)}, {"a": jnp.ones(2) + 1e-6}))
        True
    """
    close = trees.map(
        lambda x, y: jnp.allclose(x, y, rtol=rtol, atol=atol, equal_nan=equal_nan), a, b
    )
    return functools.reduce(operator.and_, trees.leaves(close), True)


def _extreme(
    of_leaf: Callable[..., Any], of_two: Callable[..., Any], tree: Any, start: float
) -> Any:
    found = [of_leaf(leaf) for leaf in trees.leaves(tree) if jnp.size(leaf)]
    return functools.reduce(of_two, found, jnp.asarray(start))

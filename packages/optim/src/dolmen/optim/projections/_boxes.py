"""Boxes: bounds for every element."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree as trees

from .._trees import check_real_floating


def projection_non_negative(tree: Any) -> Any:
    """The nearest tree without negative elements.

    Args:
        tree: of real floating-point arrays.

    Raises:
        TypeError: a leaf is not a real floating-point array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_non_negative({"w": jnp.array([-1.0, 2.0])})
        {'w': Array([0., 2.], dtype=float32)}
    """
    check_real_floating("projection_non_negative", "`tree`", tree)
    return trees.map(lambda x: jnp.maximum(x, 0), tree)


def projection_box(tree: Any, lower: Any, upper: Any) -> Any:
    """The nearest tree whose elements lie between two bounds.

    Args:
        tree: of real floating-point arrays.
        lower: a number, or a tree like `tree` (or a prefix of it) of lower bounds.
        upper: likewise the upper bounds.

    Raises:
        TypeError: a leaf is not a real floating-point array.
        ValueError: the bounds are no prefix of the tree.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> x = {"w": jnp.array([-3.0, 0.5]), "b": jnp.array(2.0)}
        >>> projection_box(x, {"w": -1.0, "b": -jnp.inf}, 1.0)
        {'b': Array(1., dtype=float32), 'w': Array([-1. ,  0.5], dtype=float32)}
    """
    return _clipped("projection_box", tree, lower, upper)


def projection_hypercube(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose elements lie between 0 and `scale`.

    Args:
        tree: of real floating-point arrays.
        scale: the edge, a number or a tree like `tree` or a prefix of it.

    Raises:
        TypeError: a leaf is not a real floating-point array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_hypercube(jnp.array([-1.0, 0.5, 3.0]))
        Array([0. , 0.5, 1. ], dtype=float32)
    """
    return _clipped("projection_hypercube", tree, 0, scale)


def _clipped(function: str, tree: Any, lower: Any, upper: Any) -> Any:
    check_real_floating(function, "`tree`", tree)
    leaves, structure = trees.flatten(tree)
    lows = _bounds(function, "lower", lower, tree)
    highs = _bounds(function, "upper", upper, tree)
    clipped = [
        jnp.clip(x, low, high).astype(jnp.asarray(x).dtype)
        for x, low, high in zip(leaves, lows, highs, strict=True)
    ]
    return structure.unflatten(clipped)


def _bounds(function: str, name: str, bounds: Any, tree: Any) -> list[Any]:
    """One bound for each leaf of the tree."""
    try:
        return trees.leaves(trees.broadcast(bounds, tree))
    except ValueError as error:
        raise ValueError(
            extend.error_message(
                f"{function}: `{name}` must be a number or a prefix of `tree`: {error}"
            )
        ) from None

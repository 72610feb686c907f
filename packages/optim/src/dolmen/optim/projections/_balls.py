"""Balls, spheres and the simplex: bounds for a norm."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import extend, flatten_util, tree as trees

from .._norms import global_norm, sum_of_squares
from .._trees import check_floating, check_real_floating
from ._simplex import project_onto_simplex


def projection_simplex(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree without negative elements whose sum is `scale`.

    Args:
        tree: of real floating-point arrays.
        scale: the sum, not negative.

    Raises:
        TypeError: a leaf is not a real floating-point array.
        ValueError: the tree has no element.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_simplex({"a": jnp.array([2.0, 1.5]), "b": jnp.array(-1.0)})
        {'a': Array([0.75, 0.25], dtype=float32), 'b': Array(0., dtype=float32)}

    Source: Duchi et al. (2008), "Efficient projections onto the l1-ball for learning in
    high dimensions".
    """
    return _on_simplex("projection_simplex", tree, scale)


def projection_l1_sphere(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose absolute values sum to `scale`.

    Zeros count as positive: where several trees are equally near, this is one of them.

    Args:
        tree: of real floating-point arrays.
        scale: the radius, not negative.

    Raises:
        TypeError: a leaf is not a real floating-point array.
        ValueError: the tree has no element.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_l1_sphere(jnp.array([-2.0, 1.5, 0.0]))
        Array([-0.75,  0.25,  0.  ], dtype=float32)
    """
    return _on_l1_sphere("projection_l1_sphere", tree, scale)


def projection_l1_ball(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose absolute values sum to at most `scale`.

    Args:
        tree: of real floating-point arrays.
        scale: the radius, not negative.

    Raises:
        TypeError: a leaf is not a real floating-point array.
        ValueError: the tree has no element.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_l1_ball(jnp.array([-2.0, 1.5, 0.0]))
        Array([-0.75,  0.25,  0.  ], dtype=float32)
        >>> projection_l1_ball(jnp.array([0.25, -0.5]))
        Array([ 0.25, -0.5 ], dtype=float32)
    """
    on_sphere = _on_l1_sphere("projection_l1_ball", tree, scale)
    values, _ = flatten_util.ravel_pytree(tree)
    inside = jnp.sum(jnp.abs(values)) <= scale
    return trees.map(lambda x, y: jnp.where(inside, x, y), tree, on_sphere)


def projection_l2_sphere(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose Euclidean norm is `scale`; NaN for a tree of zeros.

    Args:
        tree: of floating-point or complex arrays.
        scale: the radius.

    Raises:
        TypeError: a leaf is not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_l2_sphere({"a": jnp.array(3.0), "b": jnp.array(-4.0)}, 10.0)
        {'a': Array(6., dtype=float32), 'b': Array(-8., dtype=float32)}
    """
    check_floating("projection_l2_sphere", "`tree`", tree)
    return _scaled(tree, scale / global_norm(tree))


def projection_l2_ball(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose Euclidean norm is at most `scale`.

    Args:
        tree: of floating-point or complex arrays.
        scale: the radius.

    Raises:
        TypeError: a leaf is not floating-point.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_l2_ball(jnp.array([3.0, -4.0]), 10.0)
        Array([ 3., -4.], dtype=float32)
        >>> projection_l2_ball(jnp.array([3.0, -4.0]), 2.5)
        Array([ 1.5, -2. ], dtype=float32)
    """
    check_floating("projection_l2_ball", "`tree`", tree)
    # Squares are bounded, not the norm: that has no derivative at zero.
    squares = sum(map(sum_of_squares, trees.leaves(trees.map(jnp.asarray, tree))))
    return _scaled(tree, scale / jnp.sqrt(jnp.maximum(squares, scale**2)))


def projection_linf_ball(tree: Any, scale: Any = 1) -> Any:
    """The nearest tree whose elements have absolute values of at most `scale`.

    Args:
        tree: of real floating-point arrays.
        scale: the radius.

    Raises:
        TypeError: a leaf is not a real floating-point array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_linf_ball(jnp.array([-3.0, 0.5]))
        Array([-1. ,  0.5], dtype=float32)
    """
    check_real_floating("projection_linf_ball", "`tree`", tree)
    return trees.map(
        lambda x: jnp.clip(x, -scale, scale).astype(jnp.asarray(x).dtype), tree
    )


def _on_simplex(function: str, tree: Any, scale: Any) -> Any:
    check_real_floating(function, "`tree`", tree)
    values, unravel = flatten_util.ravel_pytree(tree)
    if values.size == 0:
        raise ValueError(
            extend.error_message(
                f"{function}: `tree` must have an element: no empty tree has a sum."
            )
        )
    wide = values.astype(jnp.promote_types(values.dtype, jnp.float32))
    return unravel(project_onto_simplex(wide, scale).astype(values.dtype))


def _on_l1_sphere(function: str, tree: Any, scale: Any) -> Any:
    check_real_floating(function, "`tree`", tree)
    sizes = _on_simplex(function, trees.map(jnp.abs, tree), scale)
    return trees.map(lambda x, size: jnp.where(x < 0, -size, size), tree, sizes)


def _scaled(tree: Any, factor: Any) -> Any:
    return trees.map(lambda x: (factor * x).astype(jnp.asarray(x).dtype), tree)

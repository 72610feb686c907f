"""Lines, planes and half-spaces."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree as trees

from .._norms import inner_product
from .._trees import check_floating, check_real_floating, check_structures


def projection_vector(x: Any, a: Any) -> Any:
    """The nearest multiple of `a`: ``⟨a, x⟩ / ⟨a, a⟩ a``.

    Args:
        x: tree of floating-point or complex arrays.
        a: tree of the same structure and shapes; NaN results if it is zero.

    Raises:
        TypeError: a leaf is not floating-point.
        ValueError: the trees differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_vector(jnp.array([3.0, 5.0]), jnp.array([2.0, 0.0]))
        Array([3., 0.], dtype=float32)
    """
    _check_vectors("projection_vector", x, a)
    factor = inner_product(a, x) / inner_product(a, a)
    return trees.map(lambda x, a: (factor * a).astype(jnp.asarray(x).dtype), x, a)


def projection_hyperplane(x: Any, a: Any, b: Any) -> Any:
    """The nearest tree ``y`` with ``⟨a, y⟩ = b``.

    Args:
        x: tree of floating-point or complex arrays.
        a: the normal, a tree of the same structure and shapes, not zero.
        b: a number.

    Raises:
        TypeError: a leaf is not floating-point.
        ValueError: the trees differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_hyperplane(jnp.array([3.0, 5.0]), jnp.array([2.0, 0.0]), 2.0)
        Array([1., 5.], dtype=float32)
    """
    _check_vectors("projection_hyperplane", x, a)
    return _moved_along(x, a, (b - inner_product(a, x)) / inner_product(a, a))


def projection_halfspace(x: Any, a: Any, b: Any) -> Any:
    """The nearest tree ``y`` with ``⟨a, y⟩ ≤ b``.

    Args:
        x: tree of real floating-point arrays.
        a: the normal, a tree of the same structure and shapes, not zero.
        b: a number.

    Raises:
        TypeError: a leaf is not a real floating-point array.
        ValueError: the trees differ.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> projection_halfspace(jnp.array([3.0, 5.0]), jnp.array([2.0, 0.0]), 2.0)
        Array([1., 5.], dtype=float32)
        >>> projection_halfspace(jnp.array([0.0, 5.0]), jnp.array([2.0, 0.0]), 2.0)
        Array([0., 5.], dtype=float32)
    """
    check_real_floating("projection_halfspace", "`x`", x)
    _check_vectors("projection_halfspace", x, a)
    step = (b - inner_product(a, x)) / inner_product(a, a)
    return _moved_along(x, a, jnp.minimum(step, 0))


def _moved_along(x: Any, a: Any, step: Any) -> Any:
    return trees.map(lambda x, a: (x + step * a).astype(jnp.asarray(x).dtype), x, a)


def _check_vectors(function: str, x: Any, a: Any) -> None:
    check_floating(function, "`x`", x)
    check_floating(function, "`a`", a)
    check_structures(
        function, ("`x`", x), ("`a`", a), "Both are vectors of the same space."
    )

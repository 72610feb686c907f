"""Moving averages of updates."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree as trees


def tree_update_moment(updates: Any, moments: Any, decay: Any, order: Any) -> Any:
    """``decay * moment + (1 - decay) * update**order``, leaf by leaf.

    None instead of an update stays None.

    Example:
        >>> tree_update_moment({"a": 4.0}, {"a": 2.0}, decay=0.5, order=2)
        {'a': 9.0}
    """
    return _updated(lambda g, t: (1 - decay) * g**order + decay * t, updates, moments)


def tree_update_moment_per_elem_norm(
    updates: Any, moments: Any, decay: Any, order: Any
) -> Any:
    """`tree_update_moment` of absolute values where updates are complex.

    Example:
        >>> tree_update_moment_per_elem_norm({"a": 4.0}, {"a": 2.0}, 0.5, 2)
        {'a': 9.0}
    """

    def power(g: Any) -> Any:
        if not jnp.iscomplexobj(g):
            return g**order
        squares = jnp.square(jnp.real(g)) + jnp.square(jnp.imag(g))
        return squares if order == 2 else squares ** (order / 2)

    return _updated(lambda g, t: (1 - decay) * power(g) + decay * t, updates, moments)


def tree_update_infinity_moment(
    updates: Any, moments: Any, decay: Any, eps: Any
) -> Any:
    """``max(|update| + eps, decay * moment)``, leaf by leaf.

    None instead of an update stays None.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_update_infinity_moment(
        ...     [jnp.array([-3.0, 0.5])], [jnp.array([2.0, 2.0])], decay=0.5, eps=0.0)
        [Array([3., 1.], dtype=float32)]
    """
    return _updated(
        lambda g, t: jnp.maximum(jnp.abs(g) + eps, decay * t), updates, moments
    )


def tree_bias_correction(moment: Any, decay: Any, count: Any) -> Any:
    """``moment / (1 - decay**count)``: the moving average without its start at zero.

    Args:
        moment: tree of moving averages.
        decay: of the averages.
        count: steps done, at least 1.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> tree_bias_correction({"a": jnp.array([0.5])}, decay=0.5, count=1)
        {'a': Array([1.], dtype=float32)}

    Source: Kingma and Ba (2014), arXiv:1412.6980, section 3.
    """
    correction = jnp.asarray(1 - decay**count)
    return trees.map(lambda t: t / correction.astype(jnp.asarray(t).dtype), moment)


def _updated(rule: Any, updates: Any, moments: Any) -> Any:
    return trees.map(
        lambda g, t: None if g is None else rule(g, t),
        updates,
        moments,
        is_leaf=lambda x: x is None,
    )

"""What an optimizer's state costs."""

import math
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree


def state_bytes(state: Any) -> dict[str, int]:
    """Bytes of an optimizer's state, by its classes and fields.

    Args:
        state: any tree, such as a state. Descriptions of arrays do, so that
            ``state_bytes(dc.eval_shape(optimizer.init, params))`` tells before there is
            a state.

    Returns:
        From ``"ScaleByAdamState.mu"`` and the like to bytes, largest first. Leaves that
        are in no named tuple count under ``"others"``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> state_bytes(optim.adamw(1e-3).init({"w": jnp.ones((2, 3))}))
        {'ScaleByAdamState.mu': 24, 'ScaleByAdamState.nu': 24,
            'ScaleByAdamState.count': 4}
    """
    totals: dict[str, int] = {}
    _add_bytes(state, "others", totals)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _add_bytes(node: Any, name: str, totals: dict[str, int]) -> None:
    fields = getattr(type(node), "_fields", None)
    children = tree.leaves(node, is_leaf=lambda x: x is not node)
    if fields is not None:
        for field in fields:
            _add_bytes(getattr(node, field), f"{type(node).__name__}.{field}", totals)
    elif len(children) == 1 and children[0] is node:
        totals[name] = totals.get(name, 0) + _nbytes(node)
    else:
        for child in children:
            _add_bytes(child, name, totals)


def _nbytes(leaf: Any) -> int:
    if not hasattr(leaf, "dtype"):  # a Python number
        leaf = jnp.asarray(leaf)
    return math.prod(leaf.shape) * leaf.dtype.itemsize

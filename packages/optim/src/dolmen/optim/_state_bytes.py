"""What an optimizer's state costs."""

import math
from collections.abc import Callable
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree


def state_bytes(state: Any, *, per_device: bool = False) -> dict[str, int]:
    """Bytes of an optimizer's state, by its classes and fields.

    Args:
        state: any tree, such as a state. Descriptions of arrays do, so that
            ``state_bytes(dc.eval_shape(optimizer.init, params))`` tells before there is
            a state.
        per_device: count what one device holds of arrays on a mesh (`shard_state`).

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
    _add_bytes(state, "others", totals, _held if per_device else _whole)
    return dict(sorted(totals.items(), key=lambda item: -item[1]))


def _whole(array: Any) -> tuple[int, ...]:
    return array.shape


def _held(array: Any) -> tuple[int, ...]:
    """Shape of the part of an array that one device holds."""
    sharding = getattr(array, "sharding", None)
    return array.shape if sharding is None else sharding.shard_shape(array.shape)


def _add_bytes(
    node: Any,
    name: str,
    totals: dict[str, int],
    shape: Callable[[Any], tuple[int, ...]],
) -> None:
    fields = getattr(type(node), "_fields", None)
    children = tree.leaves(node, is_leaf=lambda x: x is not node)
    if fields is not None:
        for field in fields:
            place = f"{type(node).__name__}.{field}"
            _add_bytes(getattr(node, field), place, totals, shape)
    elif len(children) == 1 and children[0] is node:
        leaf = node if hasattr(node, "dtype") else jnp.asarray(node)  # a number
        nbytes = math.prod(shape(leaf)) * leaf.dtype.itemsize
        totals[name] = totals.get(name, 0) + nbytes
    else:
        for child in children:
            _add_bytes(child, name, totals, shape)

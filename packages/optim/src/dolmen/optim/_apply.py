"""Adding updates to parameters."""

from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._engine import compiled_when_eager
from ._trees import check_floating, check_structures


def apply_updates(params: Any, updates: Any) -> Any:
    """Parameters plus updates, in the dtypes of the parameters.

    The sum is computed in the wider dtype of the two and rounded once.

    Args:
        params: tree of parameters.
        updates: tree with the same structure and shapes.

    Raises:
        TypeError: an update is not a floating-point array.
        ValueError: the trees differ; all differences are listed.

    Example:
        >>> apply_updates({"w": 2.0}, {"w": -0.5})
        {'w': Array(1.5, dtype=float32)}
    """
    check_structures(
        "apply_updates",
        ("`params`", params),
        ("`updates`", updates),
        "Pass the updates that `update` returned for these parameters.",
    )
    check_floating("apply_updates", "`updates`", updates)
    leaves, structure = tree.flatten(params)
    return structure.unflatten(_add(None, leaves, tree.leaves(updates)))


def _add_leaves(_: None, params: list[Any], updates: list[Any]) -> list[Any]:
    pairs = zip(map(jnp.asarray, params), updates, strict=True)
    return [(p + u).astype(p.dtype) for p, u in pairs]


_add = compiled_when_eager(_add_leaves)

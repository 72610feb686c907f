"""Adding updates to parameters."""

from typing import Any

import dolmen.core as dc
from dolmen.core import tree, typeof

from ._batches import batches
from ._engine import strong
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
    ps, structure = tree.flatten(params)
    us = tree.leaves(updates)
    new: list[Any] = [None] * len(ps)
    for indices in batches(zip(map(typeof, ps), map(typeof, us), strict=True)):
        added = _added([ps[i] for i in indices], [us[i] for i in indices])
        for i, p in zip(indices, added, strict=True):
            new[i] = p
    return structure.unflatten(new)


@dc.jit
def _added(params: list[Any], updates: list[Any]) -> list[Any]:
    params = list(map(strong, params))
    return [(p + u).astype(p.dtype) for p, u in zip(params, updates, strict=True)]

"""Adding updates to parameters."""

from itertools import zip_longest
from typing import Any

import dolmen.core as dc
from dolmen.core import tree

from ._batches import Batches
from ._engine import strong
from ._known import Known
from ._trees import check_floating, check_structures, type_or_none


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
    ps, structure = tree.flatten(params)
    us, update_structure = tree.flatten(updates)
    kinds = list(zip_longest(map(type_or_none, ps), map(type_or_none, us)))

    def find_batches() -> Batches:
        check_structures(
            "apply_updates",
            ("`params`", params),
            ("`updates`", updates),
            "Pass the updates that `update` returned for these parameters.",
        )
        check_floating("apply_updates", "`updates`", updates)
        return Batches(kinds)

    found = _known.of((structure, update_structure, *kinds), find_batches)
    added = [[_added(*part)] for _, part in found.split([ps, us])]
    return structure.unflatten(*found.join(added, 1))


_known: Known[Batches] = Known()


@dc.jit
def _added(params: tuple[Any, ...], updates: tuple[Any, ...]) -> list[Any]:
    params = tuple(map(strong, params))
    return [(p + u).astype(p.dtype) for p, u in zip(params, updates, strict=True)]

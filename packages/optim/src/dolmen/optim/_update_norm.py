"""Updates of a given norm."""

from typing import Any

from dolmen.core import tree

from ._arguments import check_numbers
from ._engine import strong
from ._norms import global_norm
from ._packed import takes_packed
from ._transformation import EmptyState, GradientTransformation, init_empty_state


def normalize_by_update_norm(
    scale_factor: Any = 1.0, eps: Any = 1e-6
) -> GradientTransformation:
    """Gives updates the norm `scale_factor`, that of all leaves as one vector.

    Args:
        scale_factor: the norm; the sign is kept.
        eps: added to the norm that updates are divided by.

    Raises:
        TypeError: an argument is no number.

    Example:
        >>> from dolmen import optim
        >>> transform = optim.normalize_by_update_norm(scale_factor=-1.0)
        >>> updates, _ = transform.update([3.0, 4.0], transform.init([0.0, 0.0]))
        >>> [round(float(u), 4) for u in updates]
        [-0.6, -0.8]
    """
    check_numbers("normalize_by_update_norm", scale_factor=scale_factor, eps=eps)

    @takes_packed
    def update(
        updates: Any, state: EmptyState, params: Any = None
    ) -> tuple[Any, EmptyState]:
        by = scale_factor / (global_norm(updates) + eps)
        return tree.map(lambda g: (g * by).astype(strong(g).dtype), updates), state

    return GradientTransformation(init_empty_state, update)

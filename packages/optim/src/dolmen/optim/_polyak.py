"""Polyak's step size: how far the loss is above its minimum, over the gradient."""

from typing import Any

import numpy as np

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from ._arguments import check_numbers
from ._engine import strong
from ._norms import sum_of_squares
from ._packed import takes_packed
from ._transformation import (
    EmptyState,
    GradientTransformationExtraArgs,
    init_empty_state,
)
from ._trees import check_floating


def scale_by_polyak(
    f_min: Any = 0.0,
    max_learning_rate: Any = 1.0,
    eps: Any = 0.0,
    variant: str = "sps",
) -> GradientTransformationExtraArgs:
    """Multiplies updates by ``(value - f_min) / (|updates|² + eps)``.

    `update` needs the loss: ``update(grads, state, params, value=loss)``. The step is
    zero where the gradient vanishes.

    Args:
        f_min: lower bound of the loss.
        max_learning_rate: the step size is at most this.
        eps: added to the squared norm.
        variant: "sps", or "sps+", which takes no step where the loss is below `f_min`.

    Raises:
        ValueError: there is no such variant.

    Example:
        >>> transform = scale_by_polyak()
        >>> updates, _ = transform.update([4.0], transform.init([2.0]), value=8.0)
        >>> updates
        [Array(2., dtype=float32)]

    Source: Loizou et al. (2020), arXiv:2002.10542; Berrada et al. (2019),
    arXiv:1906.05661, for `eps`.
    """
    check_numbers(
        "scale_by_polyak", f_min=f_min, max_learning_rate=max_learning_rate, eps=eps
    )
    if variant not in ("sps", "sps+"):
        raise ValueError(
            extend.error_message(
                f"scale_by_polyak: `variant` must be 'sps' or 'sps+', got {variant!r}."
            )
        )

    @takes_packed
    def update(
        updates: Any,
        state: EmptyState,
        params: Any = None,
        *,
        value: Any = None,
        **extra_args: Any,
    ) -> tuple[Any, EmptyState]:
        if value is None:
            raise TypeError(
                extend.error_message(
                    "scale_by_polyak: `value` must be given, the loss at `params`.",
                    "Call `update(grads, state, params, value=loss)`.",
                )
            )
        check_floating("scale_by_polyak", "`updates`", updates)
        leaves, structure = tree.flatten(updates)
        leaves = [strong(leaf) for leaf in leaves]
        square = sum(map(sum_of_squares, leaves), jnp.float32(0.0)) + eps
        gap = jnp.asarray(value - f_min, square.dtype)
        if variant == "sps+":
            gap = jnp.maximum(gap, 0)
        vanishes = square <= np.finfo(float).eps
        step = gap / jnp.where(vanishes, 1, square)
        step = jnp.where(vanishes, 0, jnp.minimum(step, max_learning_rate))
        return structure.unflatten([step * leaf for leaf in leaves]), state

    return GradientTransformationExtraArgs(init_empty_state, update)

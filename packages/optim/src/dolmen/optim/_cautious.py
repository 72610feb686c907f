"""Caution: no step against the gradient of the moment."""

from typing import Any

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import tree

from ._engine import strong
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)
from ._trees import check_real, check_structures


def cautious(inner: GradientTransformation) -> GradientTransformationExtraArgs:
    """Leaves out what would go uphill: updates with the sign of their gradient.

    Momentum may point against the gradient of the moment. Such elements become zero;
    the others of the array are scaled up in turn, by one over their share (at most
    1000). The state is that of `inner`.

    Args:
        inner: an optimizer, whose updates are to be added. Decay of weights should not
            be inside: ``chain(cautious(adam(lr)), add_decayed_weights(-lr * decay))``.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = cautious(optim.sgd(1.0, momentum=0.9))
        >>> state = optimizer.init(jnp.zeros(2))
        >>> _, state = optimizer.update(jnp.array([4.0, 1.0]), state)
        >>> optimizer.update(jnp.array([-1.0, 1.0]), state)[0]
        Array([ 0. , -3.8], dtype=float32)

    Source: Liang et al. (2024), arXiv:2411.16085, with the scaling of its code.
    """
    inner = with_extra_args_support(inner)

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, Any]:
        check_real("cautious", "`updates`", updates)
        steps, state = inner.update(updates, state, params, **extra_args)
        check_structures(
            "cautious",
            ("`updates`", updates),
            ("the updates of `inner`", steps),
            "It must keep the structure of the gradients.",
        )
        return tree.map(_downhill, updates, steps), state

    return GradientTransformationExtraArgs(inner.init, update)


@dc.jit
def _downhill(g: Any, step: Any) -> Any:
    # Not of the product: it may underflow.
    keeps = jnp.sign(strong(g)) * jnp.sign(strong(step)) < 0
    share = keeps.sum() / max(keeps.size, 1)
    return jnp.where(keeps, step / jnp.maximum(share, 1e-3), 0).astype(step.dtype)

"""Optimistic gradients, for games between players who all learn."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._arguments import Number
from ._engine import Rule, transformation, zeros_like_params
from ._moments import stored, widened
from ._transformation import GradientTransformation


class ScaleByOptimisticGradientState(NamedTuple):
    """State of `scale_by_optimistic_gradient`.

    Attributes:
        is_initial_step: whether no step was done, a boolean scalar.
        previous_gradient: a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_optimistic_gradient().init({"w": 1.0}).is_initial_step
        Array(True, dtype=bool)
    """

    is_initial_step: Any
    previous_gradient: Any


def scale_by_optimistic_gradient(
    alpha: Any = 1.0, beta: Any = 1.0
) -> GradientTransformation:
    """Extrapolates from the last gradient: ``(alpha + beta) g - beta g_previous``.

    In the first step the last gradient is this one. Plain descent circles around the
    equilibrium of a bilinear game; with this it gets there.

    Args:
        alpha: weight of the gradient.
        beta: weight of its change.

    Example:
        >>> transform = scale_by_optimistic_gradient()
        >>> state = transform.init(0.0)
        >>> for gradient in (1.0, 3.0):
        ...     updates, state = transform.update(gradient, state)
        >>> updates
        Array(5., dtype=float32)

    Source: Mokhtari et al. (2019), arXiv:1901.08511.
    """
    return transformation(_OptimisticGradient(alpha, beta))


@dataclass(frozen=True)
class _OptimisticGradient(Rule):
    alpha: Number
    beta: Number

    name = "scale_by_optimistic_gradient"
    elementwise = True
    slots = ("previous_gradient",)

    def init(self, params):
        return ScaleByOptimisticGradientState(
            is_initial_step=jnp.asarray(True),
            previous_gradient=zeros_like_params(self.name, params),
        )

    def prepare(self, updates, state):
        is_first = state.is_initial_step
        return is_first, state._replace(is_initial_step=jnp.asarray(False))

    def apply(self, shared, g, p, slots):
        (previous,) = slots
        g = widened(g, previous)
        previous = jnp.where(shared, g, previous.astype(g.dtype))
        update = (self.alpha + self.beta) * g - self.beta * previous
        return update, stored((g,), slots)

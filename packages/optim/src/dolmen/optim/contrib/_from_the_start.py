"""Methods that measure from the first parameters: MADGRAD and COCOB."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from .._arguments import Number, NumberOrSchedule
from .._chain import chain
from .._counts import safe_increment, zero_count
from .._engine import (
    Rule,
    copied_params,
    full_like_params,
    transformation,
    zeros_like_params,
)
from .._moments import stored, widened
from .._scaling import scale_by_learning_rate, value_at
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
)
from .._trees import check_real_floating
from .._weight_decay import add_decayed_weights


class MadgradState(NamedTuple):
    """State of `scale_by_madgrad`.

    Attributes:
        count: steps done, an int32 scalar.
        grad_sum_sq: weighted sum of the squared gradients, a tree like the parameters.
        s: weighted sum of the gradients, likewise.
        x0: the first parameters.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.scale_by_madgrad(0.1).init({"w": 2.0}).x0
        {'w': Array(2., dtype=float32)}
    """

    count: Any
    grad_sum_sq: Any
    s: Any
    x0: Any


def scale_by_madgrad(
    learning_rate: ScalarOrSchedule, momentum: Any = 0.9, eps: Any = 1e-6
) -> GradientTransformation:
    """Dual averaging with AdaGrad's squares, under a cube root.

    With weights ``w = learning_rate sqrt(t)`` in step ``t``::

        z = x0 - sum(w g) / (cbrt(sum(w g²)) + eps)
        x = momentum x + (1 - momentum) z

    The updates lead from ``x`` to the new ``x``; no learning rate belongs after it.

    Args:
        learning_rate: a number or a schedule.
        momentum: weight of the parameters as they are.
        eps: added to the cube root and to the learning rate.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_madgrad(1.0, momentum=0.0)
        >>> updates, _ = transform.update([8.0], transform.init([0.0]), [0.0])
        >>> round(float(updates[0]), 3)
        -2.0

    Source: Defazio and Jelassi (2021), arXiv:2101.11075.
    """
    return transformation(_Madgrad(learning_rate, momentum, eps))


@dataclass(frozen=True)
class _Madgrad(Rule):
    learning_rate: NumberOrSchedule
    momentum: Number
    eps: Number

    name = "scale_by_madgrad"
    elementwise = True
    slots = ("grad_sum_sq", "s", "x0")
    needs_params = True

    def init(self, params):
        check_real_floating(self.name, "`params`", params)
        return MadgradState(
            count=zero_count(),
            grad_sum_sq=zeros_like_params(self.name, params),
            s=zeros_like_params(self.name, params),
            x0=copied_params(params),
        )

    def prepare(self, updates, state):
        rate = value_at(self.learning_rate, state.count, self.name, "learning_rate")
        weight = (rate + self.eps) * jnp.sqrt(state.count + 1)
        return weight, state._replace(count=safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        squares, total, start = slots
        g = widened(g, *slots)
        squares, total = squares + shared * g**2, total + shared * g
        z = start - total / (jnp.cbrt(squares) + self.eps)
        update = (1 - self.momentum) * (z - p)
        return update, (*stored((squares, total), slots[:2]), start)


def madgrad(
    learning_rate: ScalarOrSchedule,
    momentum: Any = 0.9,
    weight_decay: ScalarOrSchedule = 0.0,
    eps: Any = 1e-6,
) -> GradientTransformationExtraArgs:
    """MADGRAD: dual averaging with AdaGrad's squares and momentum.

    Args:
        learning_rate: a number or a schedule.
        momentum: weight of the parameters as they are.
        weight_decay: a number or a schedule, added to the gradient; less than with
            other methods.
        eps: added to the cube root and to the learning rate.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.madgrad(1.0, momentum=0.0)
        >>> updates, _ = optimizer.update([8.0], optimizer.init([0.0]), [0.0])
        >>> round(float(updates[0]), 3)
        -2.0

    Source: Defazio and Jelassi (2021), arXiv:2101.11075.
    """
    return chain(
        add_decayed_weights(weight_decay),
        scale_by_madgrad(learning_rate, momentum, eps),
    )


class COCOBState(NamedTuple):
    """State of `scale_by_cocob`; all are trees like the parameters.

    Attributes:
        init_particles: the first parameters.
        cumulative_gradients: minus the sum of the gradients.
        scale: largest magnitude of a gradient so far.
        subgradients: sum of the magnitudes.
        reward: what the bets have won, at least zero.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.scale_by_cocob().init({"w": 2.0}).init_particles
        {'w': Array(2., dtype=float32)}
    """

    init_particles: Any
    cumulative_gradients: Any
    scale: Any
    subgradients: Any
    reward: Any


def scale_by_cocob(alpha: Any = 100.0, eps: Any = 1e-8) -> GradientTransformation:
    """Bets on the direction of every gradient and stakes what it has won so far.

    There is no learning rate. The updates lead to the new parameters.

    Args:
        alpha: bounds the share that is staked in early steps.
        eps: first scale of the gradients.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.scale_by_cocob(alpha=100.0)
        >>> updates, _ = transform.update([2.0], transform.init([1.0]), [1.0])
        >>> round(float(updates[0]), 4)
        -0.01

    Source: Orabona and Tommasi (2017), arXiv:1705.07795, algorithm 2.
    """
    return transformation(_Cocob(alpha, eps))


@dataclass(frozen=True)
class _Cocob(Rule):
    alpha: Number
    eps: Number

    name = "scale_by_cocob"
    elementwise = True
    slots = COCOBState._fields
    needs_params = True

    def init(self, params):
        check_real_floating(self.name, "`params`", params)
        return COCOBState(
            init_particles=copied_params(params),
            cumulative_gradients=zeros_like_params(self.name, params),
            scale=full_like_params(self.name, params, self.eps),
            subgradients=zeros_like_params(self.name, params),
            reward=zeros_like_params(self.name, params),
        )

    def apply(self, shared, g, p, slots):
        start, total, largest, size, reward = slots
        g = widened(g, *slots)
        largest, size = jnp.maximum(largest, jnp.abs(g)), size + jnp.abs(g)
        reward = jnp.maximum(reward - g * (p - start), 0)
        total = total - g
        share = total / (largest * jnp.maximum(size + largest, self.alpha * largest))
        update = start + share * (largest + reward) - p
        return update, (start, *stored((total, largest, size, reward), slots[1:]))


def cocob(
    learning_rate: ScalarOrSchedule = 1.0,
    alpha: Any = 100.0,
    eps: Any = 1e-8,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """COCOB: descent without a learning rate, by coin betting.

    Args:
        learning_rate: factor of the gradients; a number or a schedule.
        alpha: bounds the share that is staked in early steps.
        eps: first scale of the gradients.
        weight_decay: a number or a schedule, added to the gradient.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.cocob()
        >>> updates, _ = optimizer.update([2.0], optimizer.init([1.0]), [1.0])
        >>> round(float(updates[0]), 4)
        -0.01

    Source: Orabona and Tommasi (2017), arXiv:1705.07795, algorithm 2.
    """
    return chain(
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate, flip_sign=False),
        scale_by_cocob(alpha, eps),
    )

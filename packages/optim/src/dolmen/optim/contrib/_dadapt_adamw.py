"""D-adaptation: AdamW that finds its learning rate from the sum of its gradients."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import tree

from .._arguments import check_number_or_schedule
from .._counts import safe_increment, zero_count
from .._engine import strong, zeros_like_params
from .._moments import correction
from .._norms import sum_of_elements
from .._packed import takes_packed
from .._scaling import value_at
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._trees import check_against_state, check_real_floating


class DAdaptAdamWState(NamedTuple):
    """State of `dadapt_adamw`.

    Attributes:
        exp_avg: first moment of the scaled gradients, a tree like the parameters.
        exp_avg_sq: second moment of the gradients, likewise.
        grad_sum: moving average of the scaled gradients, likewise.
        estim_lr: estimate of the distance to the solution, which never falls.
        numerator_weighted: moving average of what the gradients say of that distance.
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.dadapt_adamw().init({"w": 2.0}).grad_sum
        {'w': Array(0., dtype=float32)}
    """

    exp_avg: Any
    exp_avg_sq: Any
    grad_sum: Any
    estim_lr: Any
    numerator_weighted: Any
    count: Any


def dadapt_adamw(
    learning_rate: ScalarOrSchedule = 1.0,
    betas: tuple[Any, Any] = (0.9, 0.999),
    eps: Any = 1e-8,
    estim_lr0: Any = 1e-6,
    weight_decay: Any = 0.0,
) -> GradientTransformationExtraArgs:
    """AdamW with a learning rate that is found on the way.

    Args:
        learning_rate: factor of the rate found: 1, or a schedule that goes up to 1.
        betas: decays of the two moments.
        eps: added to the root of the second moment.
        estim_lr0: first estimate; small.
        weight_decay: multiplied by the learning rate.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.dadapt_adamw(estim_lr0=0.5)
        >>> updates, state = optimizer.update([2.0], optimizer.init([4.0]), [4.0])
        >>> round(float(updates[0]), 4)
        -0.5

    Source: Defazio and Mishchenko (2023), arXiv:2301.07733, algorithm 5.
    """
    name = "dadapt_adamw"
    check_number_or_schedule(name, "learning_rate", learning_rate)
    b1, b2 = betas
    b3 = b2**0.5

    @takes_packed
    def init(params: Any) -> DAdaptAdamWState:
        check_real_floating(name, "`params`", params)
        zeros = [zeros_like_params(name, params) for _ in range(3)]
        return DAdaptAdamWState(
            *zeros,
            estim_lr=jnp.asarray(estim_lr0, jnp.float32),
            numerator_weighted=jnp.zeros((), jnp.float32),
            count=zero_count(),
        )

    @takes_packed
    def update(
        updates: Any, state: DAdaptAdamWState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, DAdaptAdamWState]:
        check_against_state(name, ("grad_sum", state.grad_sum), updates, params)
        count = safe_increment(state.count)
        rate = value_at(learning_rate, state.count, name, "learning_rate")
        d = state.estim_lr
        bias = correction(b2, count) ** 0.5 / correction(b1, count)
        step = (d * rate * bias).astype(d.dtype)
        gs = tree.map(lambda g, s: strong(g).astype(s.dtype), updates, state.grad_sum)

        agreement = sum_of_elements(
            tree.map(
                lambda g, s, v: g * s / (jnp.sqrt(v) + eps),
                gs,
                state.grad_sum,
                state.exp_avg_sq,
            )
        )
        m = tree.map(lambda m, g: b1 * m + (1 - b1) * step * g, state.exp_avg, gs)
        v = tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.exp_avg_sq, gs)
        total = tree.map(lambda s, g: b3 * s + (1 - b3) * step * g, state.grad_sum, gs)

        numerator = b3 * state.numerator_weighted + (1 - b3) * step * agreement
        size = sum_of_elements(tree.map(jnp.abs, total))
        # Without a gradient so far there is nothing to go by.
        found = numerator / ((1 - b3) * jnp.where(size == 0, 1, size))
        new_d = jnp.maximum(d, jnp.where(size == 0, 0, found)).astype(d.dtype)

        changes = tree.map(
            lambda m, v, p: -weight_decay * step * p - m / (jnp.sqrt(v) + eps),
            m,
            v,
            params,
        )
        return changes, DAdaptAdamWState(
            exp_avg=m,
            exp_avg_sq=v,
            grad_sum=total,
            estim_lr=new_d,
            numerator_weighted=numerator.astype(d.dtype),
            count=count,
        )

    return GradientTransformationExtraArgs(init, update)

"""Prodigy: Adam that finds its learning rate from the distance it has come."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import tree

from .._arguments import check_number_or_schedule
from .._counts import safe_increment, zero_count
from .._engine import copied_params, strong, zeros_like_params
from .._moments import correction
from .._norms import sum_of_elements
from .._packed import takes_packed
from .._scaling import value_at
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._trees import check_against_state, check_real_floating


class ProdigyState(NamedTuple):
    """State of `prodigy`.

    Attributes:
        exp_avg: first moment of the scaled gradients, a tree like the parameters.
        exp_avg_sq: second moment, likewise.
        grad_sum: decaying sum of the scaled gradients, likewise.
        params0: the parameters at the beginning.
        estim_lr: estimate of the distance to the solution, which never falls.
        numerator_weighted: decaying sum of what the gradients say of that distance.
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.prodigy().init({"w": 2.0}).params0
        {'w': Array(2., dtype=float32)}
    """

    exp_avg: Any
    exp_avg_sq: Any
    grad_sum: Any
    params0: Any
    estim_lr: Any
    numerator_weighted: Any
    count: Any


def prodigy(
    learning_rate: ScalarOrSchedule = 1.0,
    betas: tuple[Any, Any] = (0.9, 0.999),
    beta3: Any = None,
    eps: Any = 1e-8,
    estim_lr0: Any = 1e-6,
    estim_lr_coef: Any = 1.0,
    weight_decay: Any = 0.0,
    safeguard_warmup: bool = False,
) -> GradientTransformationExtraArgs:
    """Adam with a learning rate that is found on the way.

    The estimate ``d`` of the distance to the solution grows with the product of the
    gradients and the way that was come, over the sum of the gradients.

    Args:
        learning_rate: factor of the rate found: 1, or a schedule that goes up to 1.
        betas: decays of the two moments.
        beta3: decay of the sums; by default the root of the second of `betas`.
        eps: added to the root of the second moment, times the estimate.
        estim_lr0: first estimate; small.
        estim_lr_coef: factor of the estimate, to make steps longer or shorter.
        weight_decay: multiplied by the learning rate.
        safeguard_warmup: leave the learning rate out of the sum of gradients, so that a
            warm-up does not spoil the estimate.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.prodigy(estim_lr0=0.5)
        >>> updates, state = optimizer.update([2.0], optimizer.init([4.0]), [4.0])
        >>> round(float(updates[0]), 4)  # -0.5 times Adam's first correction
        -0.5

    Source: Mishchenko and Defazio (2023), arXiv:2306.06101, algorithm 4.
    """
    name = "prodigy"
    check_number_or_schedule(name, "learning_rate", learning_rate)
    b1, b2 = betas
    b3 = b2**0.5 if beta3 is None else beta3

    @takes_packed
    def init(params: Any) -> ProdigyState:
        check_real_floating(name, "`params`", params)
        zeros = [zeros_like_params(name, params) for _ in range(3)]
        return ProdigyState(
            *zeros,
            params0=copied_params(params),
            estim_lr=jnp.asarray(estim_lr0, jnp.float32),
            numerator_weighted=jnp.zeros((), jnp.float32),
            count=zero_count(),
        )

    @takes_packed
    def update(
        updates: Any, state: ProdigyState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, ProdigyState]:
        check_against_state(name, ("params0", state.params0), updates, params)
        count = safe_increment(state.count)
        rate = value_at(learning_rate, state.count, name, "learning_rate")
        d = state.estim_lr
        bias = correction(b2, count) ** 0.5 / correction(b1, count)
        step = (d * rate * bias).astype(d.dtype)
        scaled = tree.map(lambda g, m: d * strong(g).astype(m.dtype), updates, state[0])

        m = tree.map(lambda m, g: b1 * m + (1 - b1) * g, state.exp_avg, scaled)
        v = tree.map(lambda v, g: b2 * v + (1 - b2) * g * g, state.exp_avg_sq, scaled)
        weight = (d if safeguard_warmup else step) / estim_lr0
        total = tree.map(lambda s, g: b3 * s + weight * g, state.grad_sum, scaled)

        way = sum_of_elements(
            tree.map(lambda g, p0, p: g * (p0 - p), updates, state.params0, params)
        )
        numerator = b3 * state.numerator_weighted + d / estim_lr0 * step * way
        size = sum_of_elements(tree.map(jnp.abs, total))
        # Without a gradient so far there is nothing to go by.
        found = estim_lr_coef * numerator / jnp.where(size == 0, 1, size)
        new_d = jnp.maximum(d, jnp.where(size == 0, 0, found)).astype(d.dtype)

        changes = tree.map(
            lambda m, v, p: (
                -weight_decay * step * p - step * m / (jnp.sqrt(v) + new_d * eps)
            ),
            m,
            v,
            params,
        )
        numerator = numerator.astype(d.dtype)
        return changes, ProdigyState(
            m, v, total, state.params0, new_d, numerator, count
        )

    return GradientTransformationExtraArgs(init, update)

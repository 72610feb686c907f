"""Learning without a schedule: gradients at an average of the parameters."""

from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._arguments import check_number_or_schedule
from .._chain import chain
from .._counts import safe_increment
from .._optimizers import sgd
from .._packed import takes_packed
from .._rms import scale_by_rms
from .._scaling import scale_by_learning_rate, value_at
from .._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    with_extra_args_support,
)
from .._trees import check_params
from .._weight_decay import add_decayed_weights
from ..schedules import warmup_constant_schedule


class ScheduleFreeState(NamedTuple):
    """State of `schedule_free`.

    Attributes:
        b1: how much the parameters of gradients are those of evaluation.
        weight_sum: of all steps.
        step_count: the coming step, counted from 1, an int32 scalar.
        max_lr: the largest learning rate so far.
        base_optimizer_state: of the optimizer inside.
        z: the parameters it moves.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> contrib.schedule_free(optim.sgd(0.1), 0.1).init({"w": 1.0}).z
        {'w': Array(1., dtype=float32)}
    """

    b1: Any
    weight_sum: Any
    step_count: Any
    max_lr: Any
    base_optimizer_state: Any
    z: Any


def schedule_free(
    base_optimizer: GradientTransformation,
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    weight_lr_power: Any = 2.0,
    state_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Averages the parameters of an optimizer, which then needs no decaying schedule.

    The optimizer moves parameters ``z``; their average ``x`` is for evaluation, see
    `schedule_free_eval_params`; gradients are taken at ``y = b1 x + (1 - b1) z``, which
    are the parameters that updates are added to.

    Args:
        base_optimizer: an optimizer without momentum.
        learning_rate: its learning rate, a number or a schedule that warms up.
        b1: see above; takes the place of momentum.
        weight_lr_power: power of the largest learning rate so far by which steps weigh
            in the average.
        state_dtype: dtype of ``z``; by default that of the parameters.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.schedule_free(optim.sgd(0.5), learning_rate=0.5)
        >>> x = 4.0
        >>> state = optimizer.init(x)
        >>> for _ in range(20):
        ...     updates, state = optimizer.update(x, state, x)  # of x² / 2
        ...     x = x + updates
        >>> bool(abs(contrib.schedule_free_eval_params(state, x)) < 0.5)
        True

    Source: Defazio et al. (2024), arXiv:2405.15682.
    """
    base_optimizer = with_extra_args_support(base_optimizer)
    check_number_or_schedule("schedule_free", "learning_rate", learning_rate)

    @takes_packed
    def init(params: Any) -> ScheduleFreeState:
        z = tree.map(lambda p: jnp.array(p, state_dtype or jnp.result_type(p)), params)
        return ScheduleFreeState(
            jnp.asarray(b1, jnp.float32),
            jnp.zeros((), jnp.float32),
            jnp.ones((), jnp.int32),
            jnp.zeros((), jnp.float32),
            base_optimizer.init(params),
            z,
        )

    @takes_packed
    def update(
        updates: Any, state: ScheduleFreeState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, ScheduleFreeState]:
        check_params("schedule_free", params)
        rate = value_at(
            learning_rate, state.step_count, "schedule_free", "learning_rate"
        )
        max_lr = jnp.maximum(state.max_lr, jnp.asarray(rate, jnp.float32))
        weight = max_lr**weight_lr_power
        weight_sum = state.weight_sum + weight
        share = jnp.where(weight_sum > 0, weight / weight_sum, 0)
        steps, base = base_optimizer.update(
            updates, state.base_optimizer_state, params, **extra_args
        )
        leaves, structure = tree.flatten(params)
        made = [
            _averaged(p, z, step, share, b1)
            for p, z, step in zip(
                leaves, tree.leaves(state.z), tree.leaves(steps), strict=True
            )
        ]
        return structure.unflatten([update for update, _ in made]), ScheduleFreeState(
            state.b1,
            weight_sum,
            safe_increment(state.step_count),
            max_lr,
            base,
            structure.unflatten([z for _, z in made]),
        )

    return GradientTransformationExtraArgs(init, update)


@dc.jit
def _averaged(y: Any, z: Any, step: Any, share: Any, b1: Any) -> tuple[Any, Any]:
    """The update of ``y``, and the new ``z``."""
    y = jnp.asarray(y, jnp.result_type(y))
    moved = z + step.astype(z.dtype)
    x = (y - (1 - b1) * z) / b1
    x = (1 - share) * x + share * moved
    return (b1 * x + (1 - b1) * moved - y).astype(y.dtype), moved.astype(z.dtype)


def schedule_free_eval_params(state: Any, params: Any) -> Any:
    """The averaged parameters of `schedule_free`, for evaluation.

    Args:
        state: of `schedule_free`, however deep inside the state of a chain.
        params: those that gradients are taken at.

    Raises:
        ValueError: `state` holds no such state, or several.

    Example:
        >>> from dolmen import optim
        >>> from dolmen.optim import contrib
        >>> state = contrib.schedule_free(optim.sgd(0.1), 0.1).init({"w": 1.0})
        >>> contrib.schedule_free_eval_params(state, {"w": 1.0})
        {'w': Array(1., dtype=float32)}
    """
    found = [
        part
        for part in tree.leaves(
            state, is_leaf=lambda part: isinstance(part, ScheduleFreeState)
        )
        if isinstance(part, ScheduleFreeState)
    ]
    if len(found) != 1:
        raise ValueError(
            extend.error_message(
                "schedule_free_eval_params: `state` must hold one ScheduleFreeState, "
                f"got {len(found)}.",
                "Pass the state of `schedule_free`, `schedule_free_sgd` or "
                "`schedule_free_adamw`.",
            )
        )
    own = found[0]
    return tree.map(
        lambda y, z: ((y - (1 - own.b1) * z) / own.b1).astype(jnp.result_type(y)),
        params,
        own.z,
    )


def schedule_free_sgd(
    learning_rate: Any = 1.0,
    warmup_steps: int | None = None,
    b1: Any = 0.9,
    weight_decay: Any = None,
    weight_lr_power: Any = 2.0,
    state_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """`schedule_free` around stochastic gradient descent.

    Args:
        learning_rate: a number.
        warmup_steps: how many steps it rises from 0; None for none.
        b1: see `schedule_free`.
        weight_decay: None for none.
        weight_lr_power: see `schedule_free`.
        state_dtype: see `schedule_free`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.schedule_free_sgd(0.1)
        >>> updates, _ = optimizer.update(1.0, optimizer.init(2.0), 2.0)
        >>> round(float(updates), 4)
        -0.1

    Source: Defazio et al. (2024), arXiv:2405.15682.
    """
    rate = _warmed_up(learning_rate, warmup_steps)
    optimizer: Any = sgd(rate)
    if weight_decay is not None:
        optimizer = chain(add_decayed_weights(weight_decay), optimizer)
    return schedule_free(optimizer, rate, b1, weight_lr_power, state_dtype)


def schedule_free_adamw(
    learning_rate: Any = 0.0025,
    warmup_steps: int | None = None,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: Any = 0.0,
    weight_lr_power: Any = 2.0,
    state_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """`schedule_free` around AdamW without momentum.

    Args:
        learning_rate: a number.
        warmup_steps: how many steps it rises from 0; None for none.
        b1: see `schedule_free`.
        b2: decay of the second moment.
        eps: added outside its root.
        weight_decay: strength of the weight decay.
        weight_lr_power: see `schedule_free`.
        state_dtype: see `schedule_free`.

    Example:
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.schedule_free_adamw(0.1)
        >>> updates, _ = optimizer.update(1.0, optimizer.init(2.0), 2.0)
        >>> round(float(updates), 4)
        -0.1

    Source: Defazio et al. (2024), arXiv:2405.15682.
    """
    rate = _warmed_up(learning_rate, warmup_steps)
    optimizer = chain(
        scale_by_rms(b2, eps, eps_in_sqrt=False, bias_correction=True),
        add_decayed_weights(weight_decay),
        scale_by_learning_rate(rate),
    )
    return schedule_free(optimizer, rate, b1, weight_lr_power, state_dtype)


def _warmed_up(learning_rate: Any, warmup_steps: int | None) -> ScalarOrSchedule:
    if warmup_steps is None:
        return learning_rate
    return warmup_constant_schedule(0.0, learning_rate, warmup_steps)

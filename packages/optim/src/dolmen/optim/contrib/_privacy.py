"""Gradient descent that tells little of any single example."""

from typing import Any

from .._chain import chain
from .._momentum import trace
from .._noise import differentially_private_aggregate
from .._scaling import scale_by_learning_rate
from .._transformation import (
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    identity,
)


def dpsgd(
    learning_rate: ScalarOrSchedule,
    l2_norm_clip: Any,
    noise_multiplier: Any,
    seed: int,
    momentum: Any = None,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """Differentially private gradient descent.

    Updates must have a leading axis of examples, unlike the parameters; see
    `differentially_private_aggregate`.

    Args:
        learning_rate: a number or a schedule.
        l2_norm_clip: largest `global_norm` of an example's gradient.
        noise_multiplier: standard deviation of the noise on the sum, as a multiple of
            `l2_norm_clip`.
        seed: of the noise.
        momentum: decay of the sum of past gradients; None means none.
        nesterov: Nesterov's momentum.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.optim import contrib
        >>> optimizer = contrib.dpsgd(1.0, 1.0, noise_multiplier=0.0, seed=0)
        >>> grads = jnp.array([0.5, 2.0])  # of two examples
        >>> optimizer.update(grads, optimizer.init(jnp.zeros(())))[0]
        Array(-0.75, dtype=float32)

    Source: Abadi et al. (2016), arXiv:1607.00133.
    """
    return chain(
        differentially_private_aggregate(l2_norm_clip, noise_multiplier, seed=seed),
        identity() if momentum is None else trace(momentum, nesterov),
        scale_by_learning_rate(learning_rate),
    )

"""Step sizes relative to the norm of each array, for large batches."""

from collections.abc import Callable
from typing import Any

from .._adam import scale_by_adam
from .._arguments import check_number_or_schedule
from .._chain import chain
from .._layerwise import scale_by_novograd, scale_by_trust_ratio
from .._masking import masked
from .._momentum import trace
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._weight_decay import add_decayed_weights


def fromage(
    learning_rate: ScalarOrSchedule, min_norm: Any = 1e-6
) -> GradientTransformationExtraArgs:
    """Fromage: each array takes a step of a fixed size relative to its norm.

    Parameters are also shrunk by ``1 / sqrt(1 + learning_rate²)``, so that their norm
    does not grow.

    Args:
        learning_rate: relative size of steps, a number or a schedule.
        min_norm: what norms are at least.

    Example:
        >>> optimizer = fromage(0.75)
        >>> params = [5.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -4.0

    Source: Bernstein et al. (2020), arXiv:2002.03432.
    """
    check_number_or_schedule("fromage", "learning_rate", learning_rate)

    def shrinkage(rate: Any) -> Any:
        return 1 / (1 + rate**2) ** 0.5

    return chain(
        scale_by_trust_ratio(min_norm),
        scale_by_learning_rate(
            _of_rate(learning_rate, lambda rate: rate * shrinkage(rate))
        ),
        add_decayed_weights(_of_rate(learning_rate, lambda rate: shrinkage(rate) - 1)),
    )


def _of_rate(rate: ScalarOrSchedule, function: Callable[[Any], Any]) -> Any:
    """A function of the learning rate: a number or a schedule, as the rate is."""
    if callable(rate):
        return lambda count: function(rate(count))
    return function(rate)


def lars(
    learning_rate: ScalarOrSchedule,
    weight_decay: ScalarOrSchedule = 0.0,
    weight_decay_mask: Any = True,
    trust_coefficient: Any = 0.001,
    eps: Any = 0.0,
    trust_ratio_mask: Any = True,
    momentum: Any = 0.9,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """LARS: momentum of gradients scaled to the norm of each array.

    Args:
        learning_rate: a number or a schedule.
        weight_decay: a number or a schedule, added to the gradient.
        weight_decay_mask: which parameters decay, see `add_decayed_weights`.
        trust_coefficient: step size relative to the norm of the parameter.
        eps: added to the norm of the gradient.
        trust_ratio_mask: which gradients are scaled, see `masked`.
        momentum: decay of the sum of past steps.
        nesterov: Nesterov's momentum.

    Example:
        >>> optimizer = lars(1.0, trust_coefficient=0.1)
        >>> params = [5.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.5

    Source: You et al. (2017), arXiv:1708.03888.
    """
    return chain(
        add_decayed_weights(weight_decay, weight_decay_mask),
        masked(
            scale_by_trust_ratio(trust_coefficient=trust_coefficient, eps=eps),
            trust_ratio_mask,
        ),
        scale_by_learning_rate(learning_rate),
        trace(momentum, nesterov),
    )


def lamb(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """LAMB: AdamW with steps scaled to the norm of each array.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        weight_decay: a number or a schedule, added before scaling.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = lamb(0.1)
        >>> params = [5.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.5

    Source: You et al. (2019), arXiv:1904.00962.
    """
    return chain(
        scale_by_adam(b1, b2, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_trust_ratio(),
        scale_by_learning_rate(learning_rate),
    )


def novograd(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.25,
    eps: Any = 1e-6,
    eps_root: Any = 0.0,
    weight_decay: Any = 0.0,
) -> GradientTransformationExtraArgs:
    """NovoGrad: momentum of gradients divided by an average norm of each array.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the sum of gradients.
        b2: decay of the average of squared norms.
        eps: added to the root of that average.
        eps_root: added under the root.
        weight_decay: how much of the parameter is added to its normalized gradient.

    Example:
        >>> optimizer = novograd(0.1)
        >>> params = [5.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Ginsburg et al. (2019), arXiv:1905.11286.
    """
    return chain(
        scale_by_novograd(b1, b2, eps, eps_root, weight_decay),
        scale_by_learning_rate(learning_rate),
    )

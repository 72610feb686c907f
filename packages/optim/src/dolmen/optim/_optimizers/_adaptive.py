"""Step sizes from past squares: AdaGrad and what came of it."""

from typing import Any

from .._chain import chain
from .._momentum import trace
from .._rms import (
    scale_by_adadelta,
    scale_by_rms,
    scale_by_rss,
    scale_by_stddev,
)
from .._scaling import scale, scale_by_learning_rate
from .._sublinear import scale_by_sm3
from .._transformation import (
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    identity,
)
from .._weight_decay import add_decayed_weights


def adagrad(
    learning_rate: ScalarOrSchedule,
    initial_accumulator_value: Any = 0.1,
    eps: Any = 1e-7,
) -> GradientTransformationExtraArgs:
    """AdaGrad: steps divided by the root of the sum of all squares so far.

    Args:
        learning_rate: a number or a schedule.
        initial_accumulator_value: what the sums begin with.
        eps: added under the root.

    Example:
        >>> optimizer = adagrad(1.0, initial_accumulator_value=5.0)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.6667

    Source: Duchi et al. (2011), "Adaptive subgradient methods".
    """
    return chain(
        scale_by_rss(initial_accumulator_value, eps),
        scale_by_learning_rate(learning_rate),
    )


def adadelta(
    learning_rate: ScalarOrSchedule = None,
    rho: Any = 0.9,
    eps: Any = 1e-6,
    weight_decay: ScalarOrSchedule = 0.0,
    weight_decay_mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Adadelta: steps in the units of the parameters.

    Args:
        learning_rate: a number or a schedule; with None, updates are not scaled, nor is
            their sign changed: subtract them.
        rho: decay of the averages.
        eps: added under the roots.
        weight_decay: a number or a schedule, added to the gradient.
        weight_decay_mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = adadelta(1.0)
        >>> params = [0.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 5)
        -0.00316

    Source: Zeiler (2012), arXiv:1212.5701.
    """
    return chain(
        add_decayed_weights(weight_decay, weight_decay_mask),
        scale_by_adadelta(rho, eps),
        scale_by_learning_rate(learning_rate),
    )


def rmsprop(
    learning_rate: ScalarOrSchedule,
    decay: Any = 0.9,
    eps: Any = 1e-8,
    initial_scale: Any = 0.0,
    eps_in_sqrt: bool = True,
    centered: bool = False,
    momentum: Any = None,
    nesterov: bool = False,
    bias_correction: bool = False,
) -> GradientTransformationExtraArgs:
    """RMSProp: steps divided by the root mean square of past gradients.

    Args:
        learning_rate: a number or a schedule.
        decay: of the averages.
        eps: added to the mean square, or to its root.
        initial_scale: what the mean squares begin with.
        eps_in_sqrt: whether `eps` is added under the root; PyTorch adds it outside.
        centered: divide by the standard deviation.
        momentum: decay of the sum of past steps; None means none.
        nesterov: Nesterov's momentum.
        bias_correction: correct the averages for their start.

    Example:
        >>> optimizer = rmsprop(0.1, decay=0.75)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.2

    Source: Hinton (2012), "Neural networks for machine learning", lecture 6; Graves
    (2013), arXiv:1308.0850.
    """
    scale_by = scale_by_stddev if centered else scale_by_rms
    return chain(
        scale_by(decay, eps, initial_scale, eps_in_sqrt, bias_correction),
        scale_by_learning_rate(learning_rate),
        identity() if momentum is None else trace(momentum, nesterov),
    )


def sm3(learning_rate: Any, momentum: Any = 0.9) -> GradientTransformationExtraArgs:
    """SM3: AdaGrad with a bound on the sums that takes a vector for each axis.

    Args:
        learning_rate: a number.
        momentum: decay of the average of the updates.

    Example:
        >>> optimizer = sm3(0.1, momentum=0.5)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.05

    Source: Anil et al. (2019), arXiv:1901.11150.
    """
    return chain(scale_by_sm3(momentum), scale(-learning_rate))

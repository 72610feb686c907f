"""Optimizers that estimate Adam's moments otherwise."""

from typing import Any

from .._adam import scale_by_adamax, scale_by_amsgrad
from .._adam_variants import (
    scale_by_adan,
    scale_by_belief,
    scale_by_radam,
    scale_by_yogi,
)
from .._chain import chain
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._weight_decay import add_decayed_weights


def amsgrad(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    bias_correction_mu: bool = True,
    bias_correction_nu: bool = True,
) -> GradientTransformationExtraArgs:
    """AMSGrad: Adam divided by the largest second moment so far.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of the first moment; by default float32, or that of the
            parameter if wider.
        bias_correction_mu: correct the first moment for its start at zero.
        bias_correction_nu: correct the second moment before the maximum is taken.

    Example:
        >>> optimizer = amsgrad(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Reddi et al. (2018), arXiv:1904.09237.
    """
    return chain(
        scale_by_amsgrad(
            b1, b2, eps, eps_root, mu_dtype, bias_correction_mu, bias_correction_nu
        ),
        scale_by_learning_rate(learning_rate),
    )


def adamax(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
) -> GradientTransformationExtraArgs:
    """AdaMax: Adam with a decaying maximum in the place of the second moment.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the maximum.
        eps: added to the absolute values.

    Example:
        >>> optimizer = adamax(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Kingma and Ba (2014), arXiv:1412.6980, section 7.1.
    """
    return chain(scale_by_adamax(b1, b2, eps), scale_by_learning_rate(learning_rate))


def adamaxw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    weight_decay: ScalarOrSchedule = 1e-4,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """AdaMax with weight decay apart from the gradient.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the maximum.
        eps: added to the absolute values.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = adamaxw(0.1, weight_decay=0.5)
        >>> params = [2.0]
        >>> updates, state = optimizer.update([1.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.2

    Source: Kingma and Ba (2014), arXiv:1412.6980; Loshchilov and Hutter (2017),
    arXiv:1711.05101.
    """
    return chain(
        scale_by_adamax(b1, b2, eps),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def adabelief(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-16,
    eps_root: Any = 1e-16,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """AdaBelief: steps are long where gradients are what was expected.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment, that of the distance from the first.
        eps: added to the root of the second moment.
        eps_root: added to the second moment in every step.
        nesterov: look ahead by one gradient, as in NAdam.

    Example:
        >>> optimizer = adabelief(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1111

    Source: Zhuang et al. (2020), arXiv:2010.07468.
    """
    return chain(
        scale_by_belief(b1, b2, eps, eps_root, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def yogi(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-3,
) -> GradientTransformationExtraArgs:
    """Yogi: Adam whose second moment changes by bounded amounts.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: weight of the past in the second moment.
        eps: added to the root of the second moment.

    Example:
        >>> optimizer = yogi(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 3)
        -0.1

    Source: Zaheer et al. (2018), "Adaptive methods for nonconvex optimization".
    """
    return chain(scale_by_yogi(b1, b2, eps), scale_by_learning_rate(learning_rate))


def radam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    threshold: Any = 5.0,
    *,
    nesterov: bool = False,
) -> GradientTransformationExtraArgs:
    """Rectified Adam: momentum until the second moment can be trusted, then Adam.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        threshold: length of the second moment's average from which it is used.
        nesterov: look ahead by one gradient, as in NAdam.

    Example:
        >>> optimizer = radam(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.2

    Source: Liu et al. (2019), arXiv:1908.03265.
    """
    return chain(
        scale_by_radam(b1, b2, eps, eps_root, threshold, nesterov=nesterov),
        scale_by_learning_rate(learning_rate),
    )


def adan(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.98,
    b2: Any = 0.92,
    b3: Any = 0.99,
    eps: Any = 1e-8,
    eps_root: Any = 1e-8,
    weight_decay: ScalarOrSchedule = 0.0,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Adan: adaptive Nesterov momentum.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the gradients' average.
        b2: decay of the average of their differences.
        b3: decay of the squares' average.
        eps: added to the root of the squares' average.
        eps_root: added under the root.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = adan(0.1)
        >>> params = [0.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Xie et al. (2022), arXiv:2208.06677; see `scale_by_adan`.
    """
    return chain(
        scale_by_adan(b1, b2, b3, eps, eps_root),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )

"""Adam, AdamW and their Nesterov variants."""

from typing import Any

from .._adam import scale_by_adam
from .._chain import chain
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule
from .._weight_decay import add_decayed_weights


def adam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = False,
    nu_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Adam: steps of about the learning rate in every coordinate.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of the first moment; by default float32, or that of the
            parameter if wider.
        nesterov: look ahead by one gradient (NAdam).
        nu_dtype: dtype of the second moment, see `scale_by_adam`.

    Example:
        >>> optimizer = adam(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Kingma and Ba (2014), arXiv:1412.6980.
    """
    return chain(
        scale_by_adam(
            b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov, nu_dtype=nu_dtype
        ),
        scale_by_learning_rate(learning_rate),
    )


def adamw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 1e-4,
    mask: Any = None,
    *,
    nesterov: bool = False,
    nu_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Adam with weight decay apart from the gradient.

    The step is ``-learning_rate (adam's update + weight_decay parameter)``: the decay
    is multiplied by the learning rate, as in PyTorch, unlike in the paper.

    Args:
        learning_rate: a number or a schedule.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of the first moment; by default float32, or that of the
            parameter if wider.
        weight_decay: a number or a schedule.
        mask: which parameters decay, see `add_decayed_weights`.
        nesterov: look ahead by one gradient (NAdamW).
        nu_dtype: dtype of the second moment, see `scale_by_adam`.

    Example:
        >>> optimizer = adamw(0.1, weight_decay=0.5)
        >>> params = [2.0]
        >>> updates, state = optimizer.update([1.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.2

    Source: Loshchilov and Hutter (2017), arXiv:1711.05101.
    """
    return chain(
        scale_by_adam(
            b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov, nu_dtype=nu_dtype
        ),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def nadam(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = True,
) -> GradientTransformationExtraArgs:
    """Adam with Nesterov's momentum: `adam` with ``nesterov=True``.

    Example:
        >>> optimizer = nadam(0.1)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1474

    Source: Dozat (2016), "Incorporating Nesterov momentum into Adam".
    """
    return adam(learning_rate, b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov)


def nadamw(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 1e-4,
    mask: Any = None,
    *,
    nesterov: bool = True,
) -> GradientTransformationExtraArgs:
    """AdamW with Nesterov's momentum: `adamw` with ``nesterov=True``.

    Example:
        >>> optimizer = nadamw(0.1, weight_decay=0.5)
        >>> params = [2.0]
        >>> updates, state = optimizer.update([1.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.2474

    Source: Dozat (2016), "Incorporating Nesterov momentum into Adam"; Loshchilov and
    Hutter (2017), arXiv:1711.05101.
    """
    return adamw(
        learning_rate,
        b1,
        b2,
        eps,
        eps_root,
        mu_dtype,
        weight_decay,
        mask,
        nesterov=nesterov,
    )

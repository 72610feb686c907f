"""Adam with optimism, for games between players who all learn."""

import warnings
from typing import Any

from dolmen.core import extend

from .._adam import scale_by_adam
from .._chain import chain
from .._optimism import scale_by_optimistic_gradient
from .._scaling import scale_by_learning_rate
from .._transformation import GradientTransformationExtraArgs, ScalarOrSchedule


def optimistic_adam_v2(
    learning_rate: ScalarOrSchedule,
    *,
    alpha: Any = 1.0,
    beta: Any = 1.0,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    nesterov: bool = True,
) -> GradientTransformationExtraArgs:
    """Adam whose update is extrapolated from the last one.

    Args:
        learning_rate: a number or a schedule.
        alpha: weight of Adam's update.
        beta: weight of its change since the last step.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of the first moment; by default float32, or that of the
            parameter if wider.
        nesterov: look ahead by one gradient (NAdam).

    Example:
        >>> optimizer = optimistic_adam_v2(0.1, nesterov=False)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Daskalakis et al. (2017), arXiv:1711.00141.
    """
    return chain(
        scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov),
        scale_by_optimistic_gradient(alpha, beta),
        scale_by_learning_rate(learning_rate),
    )


def optimistic_adam(
    learning_rate: Any,
    optimism: Any = None,
    b1: Any = 0.9,
    b2: Any = 0.999,
    eps: Any = 1e-8,
    eps_root: Any = 0.0,
    mu_dtype: Any = None,
    *,
    nesterov: bool = True,
) -> GradientTransformationExtraArgs:
    """Deprecated form of `optimistic_adam_v2`, with a fixed learning rate.

    Args:
        learning_rate: a number.
        optimism: learning rate of the change since the last step; by default
            `learning_rate`.
        b1: decay of the first moment.
        b2: decay of the second moment.
        eps: added to the root of the second moment.
        eps_root: added under the root.
        mu_dtype: dtype of the first moment.
        nesterov: look ahead by one gradient (NAdam).

    Raises:
        ValueError: `learning_rate` is a schedule.

    Example:
        >>> import warnings
        >>> with warnings.catch_warnings(action="ignore"):
        ...     optimizer = optimistic_adam(0.1, nesterov=False)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> round(float(updates[0]), 4)
        -0.1

    Source: Daskalakis et al. (2017), arXiv:1711.00141.
    """
    warnings.warn(
        "optimistic_adam is deprecated: write optimistic_adam_v2(learning_rate), which "
        "also takes schedules.",
        DeprecationWarning,
        stacklevel=2,
    )
    if callable(learning_rate):
        raise ValueError(
            extend.error_message(
                "optimistic_adam: `learning_rate` must be a number, got a schedule.",
                "Use `optimistic_adam_v2(schedule)`.",
            )
        )
    return chain(
        scale_by_adam(b1, b2, eps, eps_root, mu_dtype, nesterov=nesterov),
        scale_by_optimistic_gradient(
            learning_rate, learning_rate if optimism is None else optimism
        ),
        scale_by_learning_rate(1.0),
    )

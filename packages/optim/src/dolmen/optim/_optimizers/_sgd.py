"""Descent along the gradient, its momentum, or their signs."""

from typing import Any

from .._chain import chain
from .._momentum import ema, trace
from .._noise import add_noise
from .._optimism import scale_by_optimistic_gradient
from .._polyak import scale_by_polyak
from .._scaling import scale, scale_by_learning_rate
from .._signs import scale_by_lion, scale_by_rprop, scale_by_sign
from .._transformation import (
    GradientTransformationExtraArgs,
    ScalarOrSchedule,
    identity,
)
from .._weight_decay import add_decayed_weights


def sgd(
    learning_rate: ScalarOrSchedule,
    momentum: Any = None,
    nesterov: bool = False,
    accumulator_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Stochastic gradient descent, with momentum on request.

    Args:
        learning_rate: a number or a schedule.
        momentum: decay of the sum of past gradients; None means none.
        nesterov: Nesterov's momentum.
        accumulator_dtype: dtype of the sum; by default float32, or that of the
            parameter if wider.

    Example:
        >>> optimizer = sgd(0.5)
        >>> updates, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> updates
        [Array(-1., dtype=float32)]
    """
    direction = identity()
    if momentum is not None:
        direction = trace(momentum, nesterov, accumulator_dtype)
    return chain(direction, scale_by_learning_rate(learning_rate))


def noisy_sgd(
    learning_rate: ScalarOrSchedule,
    eta: Any = 0.01,
    gamma: Any = 0.55,
    key: Any = None,
    *,
    seed: int | None = None,
) -> GradientTransformationExtraArgs:
    """Gradient descent with normal noise that dies away.

    Its variance in step ``t``, from 1, is ``eta / t**gamma``.

    Args:
        learning_rate: a number or a schedule.
        eta: variance in the first step.
        gamma: how fast it falls.
        key: random key, or an integer to make one of.
        seed: older name of an integer `key`.

    Raises:
        TypeError: neither or both of `key` and `seed` are given.

    Example:
        >>> optimizer = noisy_sgd(0.5, eta=0.0, key=0)
        >>> optimizer.update([2.0], optimizer.init([0.0]))[0]
        [Array(-1., dtype=float32)]

    Source: Neelakantan et al. (2015), arXiv:1511.06807.
    """
    return chain(
        add_noise(eta, gamma, key, seed=seed), scale_by_learning_rate(learning_rate)
    )


def polyak_sgd(
    max_learning_rate: Any = 1.0,
    scaling: ScalarOrSchedule = 1.0,
    f_min: Any = 0.0,
    eps: Any = 0.0,
    variant: str = "sps",
) -> GradientTransformationExtraArgs:
    """Gradient descent with Polyak's step size, which needs the loss in every step.

    Call ``update(grads, state, params, value=loss)``.

    Args:
        max_learning_rate: the step size is at most this.
        scaling: factor of the gradient before the step size is found, a number or a
            schedule.
        f_min: lower bound of the loss.
        eps: added to the squared norm of the gradient.
        variant: see `scale_by_polyak`.

    Example:
        >>> optimizer = polyak_sgd()
        >>> updates, state = optimizer.update([4.0], optimizer.init([2.0]), value=8.0)
        >>> updates
        [Array(-2., dtype=float32)]

    Source: Loizou et al. (2020), arXiv:2002.10542.
    """
    return chain(sgd(scaling), scale_by_polyak(f_min, max_learning_rate, eps, variant))


def sign_sgd(learning_rate: ScalarOrSchedule) -> GradientTransformationExtraArgs:
    """Steps of the learning rate in every coordinate, against the gradient's sign.

    Example:
        >>> optimizer = sign_sgd(0.5)
        >>> optimizer.update([2.0], optimizer.init([0.0]))[0]
        [Array(-0.5, dtype=float32)]

    Source: Bernstein et al. (2018), arXiv:1802.04434.
    """
    return chain(scale_by_sign(), scale_by_learning_rate(learning_rate))


def signum(
    learning_rate: ScalarOrSchedule,
    beta: Any = 0.9,
    accumulator_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """Steps of the learning rate against the sign of the gradients' moving average.

    Args:
        learning_rate: a number or a schedule.
        beta: decay of the average.
        accumulator_dtype: dtype of the average; by default float32, or that of the
            parameter if wider.

    Example:
        >>> optimizer = signum(0.5)
        >>> optimizer.update([2.0], optimizer.init([0.0]))[0]
        [Array(-0.5, dtype=float32)]

    Source: Bernstein et al. (2018), arXiv:1802.04434.
    """
    return chain(
        ema(beta, debias=False, accumulator_dtype=accumulator_dtype),
        scale_by_sign(),
        scale_by_learning_rate(learning_rate),
    )


def lion(
    learning_rate: ScalarOrSchedule,
    b1: Any = 0.9,
    b2: Any = 0.99,
    mu_dtype: Any = None,
    weight_decay: ScalarOrSchedule = 1e-3,
    mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Lion: steps of the learning rate against the sign of a mixture of gradients.

    Its steps are longer than Adam's; a learning rate 3 to 10 times smaller suits it,
    with as much larger a weight decay.

    Args:
        learning_rate: a number or a schedule.
        b1: weight of the moving average in the mixture.
        b2: decay of the moving average.
        mu_dtype: dtype of the average; by default float32, or that of the parameter if
            wider.
        weight_decay: a number or a schedule, multiplied by the learning rate.
        mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = lion(0.5, weight_decay=0.0)
        >>> params = [0.0]
        >>> optimizer.update([2.0], optimizer.init(params), params)[0]
        [Array(-0.5, dtype=float32)]

    Source: Chen et al. (2023), arXiv:2302.06675.
    """
    return chain(
        scale_by_lion(b1, b2, mu_dtype),
        add_decayed_weights(weight_decay, mask),
        scale_by_learning_rate(learning_rate),
    )


def rprop(
    learning_rate: Any,
    eta_minus: Any = 0.5,
    eta_plus: Any = 1.2,
    min_step_size: Any = 1e-6,
    max_step_size: Any = 50.0,
) -> GradientTransformationExtraArgs:
    """Rprop: a step size for every element, changed by the signs of gradients.

    For gradients of the whole data set; those of batches change their sign too often.
    Each step takes effect one step late, see `scale_by_rprop`.

    Args:
        learning_rate: first size of all steps.
        eta_minus: factor of the size where the sign flips.
        eta_plus: factor of the size where it stays.
        min_step_size: smallest size.
        max_step_size: largest size.

    Example:
        >>> optimizer = rprop(0.5)
        >>> _, state = optimizer.update([2.0], optimizer.init([0.0]))
        >>> optimizer.update([2.0], state)[0]
        [Array(-0.5, dtype=float32)]

    Source: Riedmiller and Braun (1993), "A direct adaptive method for faster
    backpropagation learning".
    """
    return chain(
        scale_by_rprop(
            learning_rate, eta_minus, eta_plus, min_step_size, max_step_size
        ),
        scale(-1.0),
    )


def optimistic_gradient_descent(
    learning_rate: ScalarOrSchedule, alpha: Any = 1.0, beta: Any = 1.0
) -> GradientTransformationExtraArgs:
    """Gradient descent that extrapolates from the last gradient, for games.

    Args:
        learning_rate: a number or a schedule.
        alpha: weight of the gradient.
        beta: weight of its change since the last step.

    Example:
        >>> optimizer = optimistic_gradient_descent(0.5)
        >>> optimizer.update([2.0], optimizer.init([0.0]))[0]
        [Array(-1., dtype=float32)]

    Source: Mokhtari et al. (2019), arXiv:1901.08511.
    """
    return chain(
        scale_by_optimistic_gradient(alpha, beta),
        scale_by_learning_rate(learning_rate),
    )

"""Step sizes from past squares: AdaGrad and what came of it."""

from typing import Any

from .._chain import chain
from .._clipping import clip_by_block_rms
from .._layerwise import scale_by_param_block_rms
from .._momentum import ema, trace
from .._rms import (
    scale_by_adadelta,
    scale_by_rms,
    scale_by_rss,
    scale_by_stddev,
)
from .._scaling import scale, scale_by_learning_rate
from .._sublinear import scale_by_factored_rms, scale_by_sm3
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


def adafactor(
    learning_rate: ScalarOrSchedule = None,
    min_dim_size_to_factor: int = 128,
    decay_rate: Any = 0.8,
    decay_offset: Any = 0,
    multiply_by_parameter_scale: bool = True,
    clipping_threshold: Any = 1.0,
    momentum: Any = None,
    dtype_momentum: Any = "float32",
    weight_decay_rate: ScalarOrSchedule = None,
    eps: Any = 1e-30,
    factored: bool = True,
    weight_decay_mask: Any = None,
) -> GradientTransformationExtraArgs:
    """Adafactor: second moments kept as rows and columns, for large models.

    Args:
        learning_rate: a number or a schedule; None means 1.
        min_dim_size_to_factor: arrays are factored whose two largest axes have at least
            this size.
        decay_rate: exponent of the decay, see `scale_by_factored_rms`.
        decay_offset: subtracted from the step, for fine-tuning.
        multiply_by_parameter_scale: multiply steps by the root mean square of the
            parameter.
        clipping_threshold: largest root mean square of an array's update; None for no
            limit.
        momentum: decay of an average of the updates; None means none.
        dtype_momentum: dtype of that average.
        weight_decay_rate: a number or a schedule, *not* multiplied by the learning
            rate; None means none.
        eps: added to squares.
        factored: False keeps all second moments.
        weight_decay_mask: which parameters decay, see `add_decayed_weights`.

    Example:
        >>> optimizer = adafactor(0.1)
        >>> params = [3.0]
        >>> updates, state = optimizer.update([2.0], optimizer.init(params), params)
        >>> round(float(updates[0]), 4)
        -0.3

    Source: Shazeer and Stern (2018), arXiv:1804.04235.
    """
    parts: list[Any] = [
        scale_by_factored_rms(
            factored, decay_rate, decay_offset, min_dim_size_to_factor, eps
        )
    ]
    if clipping_threshold is not None:
        parts.append(clip_by_block_rms(clipping_threshold))
    if learning_rate is not None:
        parts.append(scale_by_learning_rate(learning_rate, flip_sign=False))
    if multiply_by_parameter_scale:
        parts.append(scale_by_param_block_rms())
    if momentum is not None:
        parts.append(ema(momentum, debias=False, accumulator_dtype=dtype_momentum))
    if weight_decay_rate is not None:
        parts.append(add_decayed_weights(weight_decay_rate, weight_decay_mask))
    return chain(*parts, scale(-1))


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
    return chain(scale_by_sm3(momentum), scale_by_learning_rate(learning_rate))

"""Momentum: a decaying sum, or a moving average, of past updates."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from ._arguments import Decay, Dtype, Number
from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation, zeros_like_params
from ._moments import correction, debiased, moved, stored, widened
from ._transformation import GradientTransformation


class TraceState(NamedTuple):
    """State of `trace`.

    Attributes:
        trace: decaying sum of the updates, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.trace(0.9).init({"w": 1.0})
        TraceState(trace={'w': Array(0., dtype=float32)})
    """

    trace: Any


def trace(
    decay: Any, nesterov: bool = False, accumulator_dtype: Any = None
) -> GradientTransformation:
    """Adds up past updates with decay: ``t = g + decay t``.

    Args:
        decay: weight of the past.
        nesterov: return ``g + decay t`` with the new ``t`` instead of ``t``.
        accumulator_dtype: dtype of the stored sum; by default float32, or that of the
            parameter if wider.

    Example:
        >>> transform = trace(0.9)
        >>> state = transform.init(0.0)
        >>> for _ in range(2):
        ...     updates, state = transform.update(1.0, state)
        >>> updates
        Array(1.9, dtype=float32)

    Source: Sutskever et al. (2013), "On the importance of initialization and momentum
    in deep learning".
    """
    return transformation(_Trace(decay, nesterov, accumulator_dtype))


@dataclass(frozen=True)
class _Trace(Rule):
    decay: Number
    nesterov: bool
    accumulator_dtype: Dtype

    name = "trace"
    elementwise = True
    slots = ("trace",)

    def init(self, params):
        return TraceState(zeros_like_params(self.name, params, self.accumulator_dtype))

    def apply(self, shared, g, p, slots):
        (old,) = slots
        g = widened(g, old)
        new = g + self.decay * old.astype(g.dtype)
        update = g + self.decay * new if self.nesterov else new
        return update, stored((new,), slots)


class EmaState(NamedTuple):
    """State of `ema`.

    Attributes:
        count: steps done, an int32 scalar.
        ema: moving average of the updates, a tree like the parameters.

    Example:
        >>> from dolmen import optim
        >>> optim.ema(0.9).init({"w": 1.0}).ema
        {'w': Array(0., dtype=float32)}
    """

    count: Any
    ema: Any


def ema(
    decay: Any, debias: bool = True, accumulator_dtype: Any = None
) -> GradientTransformation:
    """Replaces updates by their moving average: ``m = decay m + (1 - decay) g``.

    Args:
        decay: weight of the past.
        debias: divide by ``1 - decay**t`` in step ``t``, as if the average had not
            begun at zero.
        accumulator_dtype: dtype of the stored average; by default float32, or that of
            the parameter if wider.

    Example:
        >>> transform = ema(0.9)
        >>> state = transform.init(0.0)
        >>> for update in (1.0, 2.0):
        ...     updates, state = transform.update(update, state)
        >>> round(float(updates), 4)
        1.5263
    """
    return transformation(_Ema(decay, debias, accumulator_dtype))


@dataclass(frozen=True)
class _Ema(Rule):
    decay: Decay
    debias: bool
    accumulator_dtype: Dtype

    name = "ema"
    elementwise = True
    slots = ("ema",)

    def init(self, params):
        average = zeros_like_params(self.name, params, self.accumulator_dtype)
        return EmaState(zero_count(), average)

    def prepare(self, updates, state):
        count = safe_increment(state.count)
        return correction(self.decay, count), state._replace(count=count)

    def apply(self, shared, g, p, slots):
        (old,) = slots
        new = moved(old, widened(g, old), self.decay)
        update = debiased(new, shared) if self.debias else new
        return update, stored((new,), slots)

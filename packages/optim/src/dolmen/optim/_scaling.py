"""Scaling by a number, by a schedule, by the learning rate."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._counts import safe_increment, zero_count
from ._engine import Rule, transformation
from ._transformation import (
    EmptyState,
    GradientTransformation,
    ScalarOrSchedule,
    Schedule,
    identity,
)

ScaleState = EmptyState


def scale(step_size: Any) -> GradientTransformation:
    """Multiplies updates by a number.

    Args:
        step_size: the number.

    Example:
        >>> transform = scale(-0.5)
        >>> transform.update({"w": 2.0}, transform.init({"w": 0.0}))
        ({'w': Array(-1., dtype=float32)}, EmptyState())
    """
    return transformation(_Scale(step_size))


@dataclass(frozen=True)
class _Scale(Rule):
    step_size: Any
    name = "scale"
    elementwise = True

    def prepare(self, updates, state):
        return self.step_size, state

    def apply(self, shared, g, p, slots):
        return shared * g, slots


class ScaleByScheduleState(NamedTuple):
    """State of `scale_by_schedule`.

    Attributes:
        count: steps done, an int32 scalar.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_schedule(lambda count: 0.1).init(None)
        ScaleByScheduleState(count=Array(0, dtype=int32))
    """

    count: Any


def scale_by_schedule(step_size_fn: Schedule) -> GradientTransformation:
    """Multiplies updates by a number that depends on the step.

    Args:
        step_size_fn: from the count of steps done before this one (0 in the first) to
            the number, which is converted to the dtype of each update.

    Example:
        >>> transform = scale_by_schedule(lambda count: 1.0 / (1 + count))
        >>> state = transform.init(0.0)
        >>> for _ in range(2):
        ...     updates, state = transform.update(1.0, state)
        >>> updates
        Array(0.5, dtype=float32)
    """
    return transformation(_ScaleBySchedule(step_size_fn))


@dataclass(frozen=True)
class _ScaleBySchedule(Rule):
    step_size_fn: Schedule
    name = "scale_by_schedule"
    elementwise = True

    def init(self, params):
        return ScaleByScheduleState(zero_count())

    def prepare(self, updates, state):
        step_size = self.step_size_fn(state.count)
        return step_size, ScaleByScheduleState(safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        return jnp.asarray(shared, g.dtype) * g, slots


def value_at(value: ScalarOrSchedule, count: Any) -> Any:
    """A number, or what a schedule says for the count of steps done."""
    return value(count) if callable(value) else value


def scale_by_learning_rate(
    learning_rate: ScalarOrSchedule = None, *, flip_sign: bool = True
) -> GradientTransformation:
    """Multiplies updates by the negative learning rate, which makes them descend.

    Args:
        learning_rate: a number, a schedule, or None for no scaling.
        flip_sign: False multiplies by the positive learning rate.

    Example:
        >>> transform = scale_by_learning_rate(0.1)
        >>> updates, _ = transform.update(2.0, transform.init(0.0))
        >>> updates
        Array(-0.2, dtype=float32)
    """
    if learning_rate is None:
        return identity()
    sign = -1 if flip_sign else 1
    if callable(learning_rate):
        schedule: Schedule = learning_rate
        return scale_by_schedule(lambda count: sign * schedule(count))
    return scale(sign * learning_rate)

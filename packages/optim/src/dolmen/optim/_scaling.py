"""Scaling by a number, by a schedule, by the learning rate."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import dolmen.core.numpy as jnp

from ._arguments import (
    Number,
    as_written,
    check_broadcast_to_update,
    check_number_or_schedule,
    check_returned,
    check_schedule,
)
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
    return transformation(_Scale(step_size, ("scale", "step_size")))


@dataclass(frozen=True)
class _Scale(Rule):
    step_size: Number
    argument: tuple[str, str]
    name = "scale"
    elementwise = True

    def prepare(self, updates, state):
        return self.step_size, state

    def apply(self, shared, g, p, slots):
        check_broadcast_to_update(*self.argument, shared, g)
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
    argument = "scale_by_schedule", "step_size_fn"
    check_schedule(*argument, step_size_fn)
    return transformation(_ScaleBySchedule(step_size_fn, argument))


@dataclass(frozen=True)
class _ScaleBySchedule(Rule):
    step_size_fn: Schedule
    argument: tuple[str, str]
    name = "scale_by_schedule"
    elementwise = True

    def init(self, params):
        return ScaleByScheduleState(zero_count())

    def prepare(self, updates, state):
        step_size = value_at(self.step_size_fn, state.count, *self.argument)
        return step_size, ScaleByScheduleState(safe_increment(state.count))

    def apply(self, shared, g, p, slots):
        check_broadcast_to_update(*self.argument, shared, g)
        return jnp.asarray(shared, g.dtype) * g, slots


def value_at(value: ScalarOrSchedule, count: Any, function: str, argument: str) -> Any:
    """A number, or what a schedule says for the count of steps done.

    Args:
        value: the number or schedule.
        count: of steps.
        function: for messages.
        argument: of the function, that `value` is.

    Raises:
        TypeError: the schedule returned no number.
    """
    if not callable(value):
        return value
    returned = value(count)
    check_returned(function, argument, returned)
    return returned


def scale_by_learning_rate(
    learning_rate: ScalarOrSchedule = None, *, flip_sign: bool = True
) -> GradientTransformation:
    """Multiplies updates by the negative learning rate, which makes them descend.

    Args:
        learning_rate: a number, a schedule, or None for no scaling.
        flip_sign: False multiplies by the positive learning rate.

    Raises:
        TypeError: `learning_rate` is neither, or, by `update`, the schedule returned no
            number.
        ValueError: by `update`: an array of learning rates has not the shape of an
            update and does not broadcast to it.

    Example:
        >>> transform = scale_by_learning_rate(0.1)
        >>> updates, _ = transform.update(2.0, transform.init(0.0))
        >>> updates
        Array(-0.2, dtype=float32)
    """
    if learning_rate is None:
        return identity()
    argument = "scale_by_learning_rate", "learning_rate"
    check_number_or_schedule(*argument, learning_rate)
    argument = as_written(*argument, learning_rate)
    sign = -1 if flip_sign else 1
    if callable(learning_rate):
        return transformation(
            _ScaleBySchedule(
                lambda count: sign * value_at(learning_rate, count, *argument), argument
            )
        )
    return transformation(_Scale(sign * learning_rate, argument))

"""Schedules that remember something between steps."""

from typing import Any, NamedTuple, Protocol, runtime_checkable

from .._counts import safe_increment, zero_count
from .._transformation import Schedule


@runtime_checkable
class StatefulSchedule(Protocol):
    """A schedule with a state: what `inject_hyperparams` takes beside functions.

    Example:
        >>> class HalfOnPlateau:
        ...     def init(self):
        ...         return 1.0
        ...     def update(self, state, *, stuck=False, **extra_args):
        ...         return state / 2 if stuck else state
        ...     def __call__(self, state, **extra_args):
        ...         return state
        >>> isinstance(HalfOnPlateau(), StatefulSchedule)
        True
    """

    def init(self) -> Any:
        """The first state."""
        ...

    def update(self, state: Any, **extra_args: Any) -> Any:
        """The state after a step.

        Args:
            state: before it.
            **extra_args: what the optimizer's `update` was given.
        """
        ...

    def __call__(self, state: Any, **extra_args: Any) -> Any:
        """The value in a step that begins in this state."""
        ...


class WrappedScheduleState(NamedTuple):
    """State of `WrappedSchedule`.

    Attributes:
        count: steps done, an int32 scalar.
    """

    count: Any


class WrappedSchedule:
    """A function of the count of steps as a `StatefulSchedule`.

    Args:
        schedule_fn: from the count of steps done to a number.

    Example:
        >>> schedule = WrappedSchedule(lambda count: 2.0 * count)
        >>> state = schedule.init()
        >>> float(schedule(schedule.update(state)))
        2.0
    """

    def __init__(self, schedule_fn: Schedule) -> None:
        self.schedule_fn = schedule_fn

    def init(self) -> WrappedScheduleState:
        """No step done."""
        return WrappedScheduleState(zero_count())

    def update(
        self, state: WrappedScheduleState, **extra_args: Any
    ) -> WrappedScheduleState:
        """One step more."""
        return WrappedScheduleState(safe_increment(state.count))

    def __call__(self, state: WrappedScheduleState, **extra_args: Any) -> Any:
        """The function's value at the count."""
        return self.schedule_fn(state.count)

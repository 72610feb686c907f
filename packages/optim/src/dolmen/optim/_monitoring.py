"""Measuring updates on their way."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from ._momentum import ema
from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    init_empty_state,
)

Measure = Callable[[Any], Any]


class SnapshotState(NamedTuple):
    """State of `snapshot`.

    Attributes:
        measurement: the latest, by its name.

    Example:
        >>> from dolmen import optim
        >>> optim.snapshot("norm", optim.global_norm).init([3.0, 4.0])
        SnapshotState(measurement={'norm': Array(5., dtype=float32)})
    """

    measurement: dict[str, Any]


def snapshot(measure_name: str, measure: Measure) -> GradientTransformation:
    """Keeps in its state what a function makes of the updates.

    Args:
        measure_name: name of the measurement in the state.
        measure: from a tree like the updates to any tree of arrays.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> transform = optim.chain(
        ...     snapshot("norm", optim.global_norm), optim.scale(0.1))
        >>> state = transform.init(jnp.zeros(2))
        >>> updates, state = transform.update(jnp.array([3.0, 4.0]), state)
        >>> state[0].measurement["norm"]
        Array(5., dtype=float32)
    """

    def init(params: Any) -> SnapshotState:
        return SnapshotState({measure_name: measure(params)})

    def update(
        updates: Any, state: SnapshotState, params: Any = None
    ) -> tuple[Any, SnapshotState]:
        return updates, SnapshotState({measure_name: measure(updates)})

    return GradientTransformation(init, update)


class MonitorState(NamedTuple):
    """State of `monitor`.

    Attributes:
        measurements: the latest by their names; none before the first step.
        measure_states: of the measures, in their order.

    Example:
        >>> from dolmen import optim
        >>> optim.monitor({"norm": optim.global_norm}).init([0.0])
        MonitorState(measurements={}, measure_states=(EmptyState(),))
    """

    measurements: dict[str, Any]
    measure_states: tuple[Any, ...]


def monitor(
    measures: Mapping[str, GradientTransformation | Measure],
) -> GradientTransformationExtraArgs:
    """Keeps several measurements of the updates in its state.

    Args:
        measures: by name, functions of the updates, or transformations such as
            `measure_with_ema` makes, whose "updates" are the measurement.

    Example:
        >>> from dolmen import optim
        >>> transform = monitor({"norm": optim.global_norm})
        >>> updates, state = transform.update([3.0, 4.0], transform.init([0.0, 0.0]))
        >>> state.measurements
        {'norm': Array(5., dtype=float32)}
    """
    transforms = {
        name: measure
        if isinstance(measure, GradientTransformation)
        else _measuring(measure)
        for name, measure in measures.items()
    }

    def init(params: Any) -> MonitorState:
        return MonitorState(
            {}, tuple(made.init(params) for made in transforms.values())
        )

    def update(
        updates: Any, state: MonitorState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MonitorState]:
        measurements, states = {}, []
        for (name, made), own in zip(
            transforms.items(), state.measure_states, strict=True
        ):
            given = (
                extra_args if isinstance(made, GradientTransformationExtraArgs) else {}
            )
            measurements[name], own = made.update(updates, own, params, **given)
            states.append(own)
        return updates, MonitorState(measurements, tuple(states))

    return GradientTransformationExtraArgs(init, update)


def measure_with_ema(
    measure: Measure,
    decay: Any,
    debias: bool = True,
    accumulator_dtype: Any = None,
) -> GradientTransformationExtraArgs:
    """A moving average of a measurement, for `monitor`.

    Args:
        measure: from a tree like the updates to any tree of arrays.
        decay: weight of the past.
        debias: divide by the weight of all steps so far, as if there had been none
            before.
        accumulator_dtype: dtype of the average.

    Example:
        >>> from dolmen import optim
        >>> transform = optim.monitor(
        ...     {"norm": measure_with_ema(optim.global_norm, 0.9)})
        >>> updates, state = transform.update([3.0, 4.0], transform.init([0.0, 0.0]))
        >>> round(float(state.measurements["norm"]), 4)
        5.0
    """
    average = ema(decay, debias, accumulator_dtype)

    def init(params: Any) -> tuple[Any, Any]:
        return init_empty_state(params), average.init(measure(params))

    def update(
        updates: Any, state: tuple[Any, Any], params: Any = None, **extra_args: Any
    ) -> tuple[Any, tuple[Any, Any]]:
        empty, own = state
        measured, own = average.update(measure(updates), own)
        return measured, (empty, own)

    return GradientTransformationExtraArgs(init, update)


def _measuring(measure: Measure) -> GradientTransformation:
    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        return measure(updates), state

    return GradientTransformation(init_empty_state, update)

"""Smaller steps once the loss stops falling."""

from typing import Any, NamedTuple

import dolmen.core.numpy as jnp
from dolmen.core import extend, tree

from .._counts import safe_increment, zero_count
from .._transformation import GradientTransformationExtraArgs


class ReduceLROnPlateauState(NamedTuple):
    """State of `reduce_on_plateau`.

    Attributes:
        scale: factor of the updates.
        best_value: the lowest mean of the loss so far.
        plateau_count: means in a row that were not lower, an int32 scalar.
        cooldown_count: means to come that don't count, an int32 scalar.
        count: losses in the mean that is being taken, an int32 scalar.
        avg_value: that mean.

    Example:
        >>> from dolmen.optim import contrib
        >>> contrib.reduce_on_plateau().init(None).scale
        Array(1., dtype=float32)
    """

    scale: Any
    best_value: Any
    plateau_count: Any
    cooldown_count: Any
    count: Any
    avg_value: Any


def reduce_on_plateau(
    factor: float = 0.1,
    patience: int = 10,
    rtol: float = 1e-4,
    atol: float = 0.0,
    cooldown: int = 0,
    accumulation_size: int = 1,
    min_scale: float = 0.0,
) -> GradientTransformationExtraArgs:
    """Scales updates by a factor that falls whenever the loss has stopped to fall.

    Its `update` needs the keyword argument ``value``, the loss.

    Args:
        factor: of the new scale to the old.
        patience: losses in a row that may be no lower than the best.
        rtol: by how much a loss must be lower, relative to the best.
        atol: the same, absolute. One of the two must be 0.
        cooldown: losses after a change of the scale that don't count.
        accumulation_size: how many losses to take the mean of, as one.
        min_scale: the lowest scale.

    Raises:
        ValueError: an argument is out of its range; it is named.

    Example:
        >>> from dolmen.optim import contrib
        >>> transform = contrib.reduce_on_plateau(factor=0.5, patience=2)
        >>> state = transform.init(None)
        >>> for loss in (3.0, 2.0, 2.0, 2.0):
        ...     updates, state = transform.update(1.0, state, value=loss)
        ...     print(float(updates))
        1.0
        1.0
        1.0
        0.5

    Source: the scheduler of that name in PyTorch; Bengio (2012), arXiv:1206.5533.
    """
    _check(0 < factor < 1, f"`factor` must be between 0 and 1, got {factor}.")
    _check(rtol >= 0 and atol >= 0, f"`rtol` {rtol} or `atol` {atol} is negative.")
    _check(
        (rtol > 0) != (atol > 0),
        f"one of `rtol` and `atol` must be positive, the other 0, got {rtol} and "
        f"{atol}.",
    )
    _check(rtol <= 1, f"`rtol` must be at most 1, got {rtol}.")
    _check(
        accumulation_size >= 1,
        f"`accumulation_size` must be at least 1, got {accumulation_size}.",
    )

    def init(params: Any) -> ReduceLROnPlateauState:
        return ReduceLROnPlateauState(
            jnp.ones((), jnp.float32),
            jnp.full((), jnp.inf, jnp.float32),
            zero_count(),
            zero_count(),
            zero_count(),
            jnp.zeros((), jnp.float32),
        )

    def update(
        updates: Any,
        state: ReduceLROnPlateauState,
        params: Any = None,
        *,
        value: Any,
        **extra_args: Any,
    ) -> tuple[Any, ReduceLROnPlateauState]:
        count = safe_increment(state.count)
        mean = state.avg_value + (value - state.avg_value) / count
        mean = mean.astype(jnp.float32)
        judged = _judged(state, mean)
        full = count >= accumulation_size
        gathering = state._replace(count=count, avg_value=mean)
        state = tree.map(lambda a, b: jnp.where(full, a, b), judged, gathering)
        scaled = tree.map(lambda g: g * state.scale.astype(jnp.result_type(g)), updates)
        return scaled, state

    def _judged(state: ReduceLROnPlateauState, mean: Any) -> ReduceLROnPlateauState:
        """The state after another mean."""
        better = mean < (1 - rtol) * state.best_value - atol
        waiting = state.cooldown_count > 0
        plateau = jnp.where(better, 0, safe_increment(state.plateau_count))
        too_long = (plateau == patience) & ~waiting
        return ReduceLROnPlateauState(
            jnp.where(
                too_long, jnp.maximum(state.scale * factor, min_scale), state.scale
            ),
            jnp.where(better, mean, state.best_value),
            jnp.where(too_long | waiting, 0, plateau),
            jnp.where(
                too_long, cooldown, jnp.maximum(state.cooldown_count - 1, 0)
            ).astype(jnp.int32),
            zero_count(),
            jnp.zeros((), jnp.float32),
        )

    return GradientTransformationExtraArgs(init, update)


def _check(holds: bool, problem: str) -> None:
    if not holds:
        raise ValueError(extend.error_message(f"reduce_on_plateau: {problem}"))

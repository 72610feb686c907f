"""Finding a learning rate: train for a while with one that grows, and look."""

import itertools
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import dolmen.core as dc
from dolmen.core import extend

from ._apply import apply_updates
from ._optimizers import sgd
from ._plots import Plot
from ._transformation import with_extra_args_support


@dataclass(frozen=True)
class RangeTest:
    """What `find_learning_rate` saw.

    Attributes:
        learning_rates: of the steps, ascending.
        losses: before each step.
        smoothed: a moving average of them.

    Example:
        >>> test = RangeTest([0.001, 0.01, 0.1, 1.0], [4.0, 3.0, 1.0, 9.0],
        ...     [4.0, 3.5, 1.5, 5.0])
        >>> test.steepest, test.lowest
        (0.01, 0.1)
    """

    learning_rates: Sequence[float]
    losses: Sequence[float]
    smoothed: Sequence[float]

    @property
    def steepest(self) -> float:
        """The learning rate at which the loss falls fastest: a good choice."""
        slopes = [after - now for now, after in itertools.pairwise(self.smoothed)]
        return self.learning_rates[slopes.index(min(slopes))]

    @property
    def lowest(self) -> float:
        """The learning rate at the lowest loss: already too large, take a tenth."""
        return self.learning_rates[self.smoothed.index(min(self.smoothed))]

    @property
    def plot(self) -> Plot:
        """Losses over learning rates."""
        lines = {"loss": self.losses, "smoothed": self.smoothed}
        return Plot(self.learning_rates, lines, "learning rate", log_x=True)

    def __str__(self) -> str:
        found = f"steepest at {self.steepest:.3g}, lowest at {self.lowest:.3g}"
        return f"{self.plot}\n{found}"


def find_learning_rate(
    loss_fn: Callable[[Any, Any], Any],
    params: Any,
    batches: Iterable[Any],
    *,
    optimizer: Callable[..., Any] = sgd,
    low: float = 1e-7,
    high: float = 10.0,
    num_steps: int = 100,
    smoothing: float = 0.9,
    give_up: float = 4.0,
) -> RangeTest:
    """Trains with a learning rate that grows from step to step, and records the loss.

    The parameters given are left alone. The test ends early when the smoothed loss is
    `give_up` times its lowest, or not finite. The loss is also given to the optimizer,
    as ``value``.

    Args:
        loss_fn: from parameters and a batch to a number.
        params: where it starts, a tree of floating-point arrays.
        batches: as many as `num_steps` are used.
        optimizer: makes an optimizer of a learning rate, such as `optim.adamw`.
        low: the first learning rate.
        high: the last.
        num_steps: length of the test in steps.
        smoothing: decay of the moving average of the loss, at least 0 and below 1.
        give_up: the factor at which it ends.

    Returns:
        A `RangeTest`: ``print`` it, or take its ``steepest``.

    Raises:
        TypeError: `optimizer` is one already, not a function that makes one.
        ValueError: not ``0 < low < high``, `smoothing` is out of range, `batches` end
            too early, or fewer than two steps have a finite loss.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> def loss(w, batch):
        ...     return jnp.mean((w * batch - 2.0) ** 2)
        >>> batches = [jnp.ones(4)] * 60
        >>> test = find_learning_rate(loss, 0.0, batches, low=1e-4, num_steps=60)
        >>> 1e-3 < test.steepest < 1.0
        True

    Source: Smith (2015), arXiv:1506.01186.
    """
    if not 0 < low < high:
        raise ValueError(
            extend.error_message(
                "find_learning_rate: `low` must be positive and less than `high`, got "
                f"{low} and {high}."
            )
        )
    if not 0 <= smoothing < 1:
        raise ValueError(
            extend.error_message(
                "find_learning_rate: `smoothing` must be at least 0 and below 1, got "
                f"{smoothing}."
            )
        )
    if not callable(optimizer):
        raise TypeError(
            extend.error_message(
                "find_learning_rate: `optimizer` must be a function of a learning "
                f"rate, got {type(optimizer).__name__}.",
                "Pass `optim.adamw`, or `lambda rate: optim.adamw(rate, b2=0.95)`.",
            )
        )
    growth = (high / low) ** (1 / max(num_steps - 1, 1))
    made = with_extra_args_support(optimizer(lambda count: low * growth**count))

    @dc.jit
    def step(params: Any, state: Any, batch: Any) -> tuple[Any, Any, Any]:
        loss, grads = dc.value_and_grad(loss_fn)(params, batch)
        updates, state = made.update(grads, state, params, value=loss)
        return loss, apply_updates(params, updates), state

    state = made.init(params)
    rates: list[float] = []
    losses: list[float] = []
    smoothed: list[float] = []
    average = 0.0
    for count, batch in zip(range(num_steps), batches, strict=False):
        loss, params, state = step(params, state, batch)
        average = smoothing * average + (1 - smoothing) * float(loss)
        now = average / (1 - smoothing ** (count + 1))
        lowest = min(smoothed, default=now)
        # The distance from the lowest counts, of losses below zero too.
        if not math.isfinite(now) or now - lowest > (give_up - 1) * abs(lowest):
            break
        rates.append(low * growth**count)
        losses.append(float(loss))
        smoothed.append(now)
    else:
        if len(rates) < num_steps:
            raise ValueError(
                extend.error_message(
                    f"find_learning_rate: `batches` must last for {num_steps} steps, "
                    f"got {len(rates)}: the learning rate did not get beyond "
                    f"{low * growth ** max(len(rates) - 1, 0):.3g}.",
                    "Give more `batches`, or a smaller `num_steps`.",
                )
            )
    if len(rates) < 2:
        raise ValueError(
            extend.error_message(
                "find_learning_rate: at least two steps must have a finite loss, got "
                f"{len(rates)}.",
                "Give more `batches`, or start at a smaller `low`.",
            )
        )
    return RangeTest(rates, losses, smoothed)

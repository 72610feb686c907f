"""Schedules that go from one number to another, and stay there."""

from typing import Any

import dolmen.core.numpy as jnp

from .._arguments import check_number, check_numbers
from .._transformation import Schedule
from ._steps import check_positive_steps, check_steps


def constant_schedule(value: Any) -> Schedule:
    """The same number at every step.

    Example:
        >>> constant_schedule(0.1)(7)
        0.1
    """
    check_number("constant_schedule", "value", value)
    return lambda count: value


def polynomial_schedule(
    init_value: Any,
    end_value: Any,
    power: Any,
    transition_steps: int,
    transition_begin: int = 0,
) -> Schedule:
    """From one number to another along a power of the remaining fraction of steps.

    Args:
        init_value: until `transition_begin`.
        end_value: from ``transition_begin + transition_steps`` on.
        power: 1 is a straight line.
        transition_steps: length in steps; 0 keeps `init_value` for ever.
        transition_begin: steps before it starts.

    Raises:
        ValueError: a number of steps is negative.

    Example:
        >>> float(polynomial_schedule(1.0, 0.0, 2, transition_steps=4)(2))
        0.25
    """
    check_numbers(
        "polynomial_schedule", init_value=init_value, end_value=end_value, power=power
    )
    check_steps("polynomial_schedule", "transition_steps", transition_steps)
    check_steps("polynomial_schedule", "transition_begin", transition_begin)
    if transition_steps == 0:
        return constant_schedule(init_value)

    def schedule(count: Any) -> Any:
        done = jnp.clip(count - transition_begin, 0, transition_steps)
        # Compiled, the division may become a product with 1 / transition_steps and end
        # a little above 1; a negative base with a fractional power would be NaN.
        remaining = jnp.maximum(1 - done / transition_steps, 0.0)
        return (init_value - end_value) * remaining**power + end_value

    return schedule


def linear_schedule(
    init_value: Any, end_value: Any, transition_steps: int, transition_begin: int = 0
) -> Schedule:
    """From one number to another along a straight line.

    Args:
        init_value: until `transition_begin`.
        end_value: from ``transition_begin + transition_steps`` on.
        transition_steps: length in steps; 0 keeps `init_value` for ever.
        transition_begin: steps before it starts.

    Example:
        >>> float(linear_schedule(0.0, 1.0, transition_steps=4)(1))
        0.25
    """
    return polynomial_schedule(
        init_value, end_value, 1, transition_steps, transition_begin
    )


def exponential_decay(
    init_value: Any,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    """A number that is multiplied by `decay_rate` every `transition_steps` steps.

    Args:
        init_value: until `transition_begin`.
        transition_steps: steps in which it changes by one factor; 0 keeps `init_value`.
        decay_rate: the factor; 0 keeps `init_value`.
        transition_begin: steps before it starts.
        staircase: change only at multiples of `transition_steps`.
        end_value: bound that is not crossed.

    Raises:
        ValueError: a number of steps is negative.

    Example:
        >>> float(exponential_decay(1.0, 10, 0.25)(5))
        0.5
    """
    check_numbers("exponential_decay", init_value=init_value, decay_rate=decay_rate)
    if end_value is not None:
        check_number("exponential_decay", "end_value", end_value)
    check_steps("exponential_decay", "transition_steps", transition_steps)
    check_steps("exponential_decay", "transition_begin", transition_begin)
    if transition_steps == 0 or decay_rate == 0:
        return constant_schedule(init_value)
    bound = jnp.maximum if decay_rate < 1 else jnp.minimum

    def schedule(count: Any) -> Any:
        done = count - transition_begin
        exponent = done / transition_steps
        if staircase:
            exponent = jnp.floor(exponent)
        decayed = init_value * jnp.power(decay_rate, exponent)
        value = jnp.where(done <= 0, init_value, decayed)
        return value if end_value is None else bound(value, end_value)

    return schedule


def cosine_decay_schedule(
    init_value: Any, decay_steps: int, alpha: Any = 0.0, exponent: Any = 1.0
) -> Schedule:
    """Half a cosine wave from `init_value` down to ``alpha * init_value``.

    Args:
        init_value: at count 0.
        decay_steps: steps until the end.
        alpha: final fraction of `init_value`.
        exponent: power of the cosine part.

    Raises:
        ValueError: `decay_steps` is not positive.

    Example:
        >>> schedule = cosine_decay_schedule(1.0, decay_steps=10)
        >>> float(schedule(0)), float(schedule(10))
        (1.0, 0.0)

    Source: Loshchilov and Hutter (2016), arXiv:1608.03983, without restarts.
    """
    function = "cosine_decay_schedule"
    check_numbers(function, init_value=init_value, alpha=alpha, exponent=exponent)
    check_positive_steps(function, "decay_steps", decay_steps)

    def schedule(count: Any) -> Any:
        # Multiplied first: a quotient of integers would give rates a dtype that is
        # stronger than that of parameters in 16 bits.
        angle = jnp.pi * jnp.minimum(count, decay_steps) / decay_steps
        wave = 0.5 * (1 + jnp.cos(angle))
        return init_value * ((1 - alpha) * wave**exponent + alpha)

    return schedule

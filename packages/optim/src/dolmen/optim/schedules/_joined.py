"""Schedules one after another: warm-up, then a decay."""

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import dolmen.core.numpy as jnp
from dolmen.core import extend

from .._arguments import (
    check_number,
    check_numbers,
    check_schedule,
    described,
)
from .._transformation import Schedule
from ._decays import (
    constant_schedule,
    cosine_decay_schedule,
    exponential_decay,
    linear_schedule,
)
from ._steps import check_positive_steps, check_steps


def join_schedules(
    schedules: Sequence[Schedule], boundaries: Sequence[int]
) -> Schedule:
    """One schedule after another, each counting from its own beginning.

    Args:
        schedules: the parts.
        boundaries: counts at which the second, third, ... part begins.

    Raises:
        TypeError: a part is not a schedule.
        ValueError: there is not one boundary fewer than schedules, or a boundary is
            less than the one before.

    Example:
        >>> schedule = join_schedules(
        ...     [constant_schedule(1.0), linear_schedule(1.0, 0.0, 10)], [5])
        >>> float(schedule(4)), float(schedule(10))
        (1.0, 0.5)
    """
    if len(boundaries) != len(schedules) - 1:
        raise ValueError(
            extend.error_message(
                "join_schedules: `boundaries` must have one element fewer than "
                f"`schedules`, got {len(boundaries)} boundaries for {len(schedules)} "
                "schedules.",
                "Leave out the beginning of the first schedule.",
            )
        )

    for index, schedule in enumerate(schedules):
        check_schedule("join_schedules", f"schedules[{index}]", schedule)
    for index, boundary in enumerate(boundaries):
        check_number("join_schedules", f"boundaries[{index}]", boundary)
    known = [b for b in boundaries if isinstance(b, int | float)]
    if known != sorted(known):
        raise ValueError(
            extend.error_message(
                f"join_schedules: `boundaries` must rise, got {list(boundaries)}.",
                "They are counts from the beginning of the first schedule.",
            )
        )

    def joined(count: Any) -> Any:
        value = schedules[0](count)
        for boundary, schedule in zip(boundaries, schedules[1:], strict=True):
            value = jnp.where(count < boundary, value, schedule(count - boundary))
        return value

    return joined


def warmup_constant_schedule(
    init_value: Any, peak_value: Any, warmup_steps: int
) -> Schedule:
    """A straight line up, then the same number at every step.

    Args:
        init_value: at count 0.
        peak_value: from count `warmup_steps` on.
        warmup_steps: length of the way up.

    Raises:
        ValueError: `warmup_steps` is negative.

    Example:
        >>> schedule = warmup_constant_schedule(0.0, 1.0, 10)
        >>> float(schedule(5)), float(schedule(10)), float(schedule(99))
        (0.5, 1.0, 1.0)
    """
    check_steps("warmup_constant_schedule", "warmup_steps", warmup_steps)
    if warmup_steps == 0:
        return constant_schedule(peak_value)
    return linear_schedule(init_value, peak_value, warmup_steps)


def warmup_cosine_decay_schedule(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    decay_steps: int,
    end_value: Any = 0.0,
    exponent: Any = 1.0,
) -> Schedule:
    """A straight line up, then half a cosine wave down.

    Args:
        init_value: at count 0.
        peak_value: at count `warmup_steps`.
        warmup_steps: length of the way up.
        decay_steps: length of the whole schedule, the way up included.
        end_value: from count `decay_steps` on.
        exponent: power of the cosine part.

    Raises:
        ValueError: `decay_steps` is not greater than `warmup_steps`.

    Example:
        >>> schedule = warmup_cosine_decay_schedule(0.0, 1.0, 10, 110)
        >>> float(schedule(5)), float(schedule(10)), float(schedule(110))
        (0.5, 1.0, 0.0)
    """
    check_numbers(
        "warmup_cosine_decay_schedule",
        init_value=init_value,
        peak_value=peak_value,
        decay_steps=decay_steps,
        end_value=end_value,
        exponent=exponent,
    )
    check_steps("warmup_cosine_decay_schedule", "warmup_steps", warmup_steps)
    if not decay_steps > warmup_steps:
        raise ValueError(
            extend.error_message(
                "warmup_cosine_decay_schedule: `decay_steps` must be greater than "
                f"`warmup_steps`, got {decay_steps} and {warmup_steps}.",
                "`decay_steps` is the length of the whole schedule.",
            )
        )
    alpha = 0.0 if _is_zero(peak_value) else end_value / peak_value
    up = linear_schedule(init_value, peak_value, warmup_steps)
    down = cosine_decay_schedule(
        peak_value, decay_steps - warmup_steps, alpha, exponent
    )
    return join_schedules([up, down], [warmup_steps])


def warmup_exponential_decay_schedule(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    transition_steps: int,
    decay_rate: float,
    transition_begin: int = 0,
    staircase: bool = False,
    end_value: Any = None,
) -> Schedule:
    """A straight line up, then `exponential_decay`.

    Args:
        init_value: at count 0.
        peak_value: at count `warmup_steps`.
        warmup_steps: length of the way up.
        transition_steps: steps in which the decay changes by one factor.
        decay_rate: the factor.
        transition_begin: steps after the way up before the decay starts.
        staircase: change only at multiples of `transition_steps`.
        end_value: bound that is not crossed.

    Raises:
        ValueError: a number of steps is negative.

    Example:
        >>> schedule = warmup_exponential_decay_schedule(0.0, 1.0, 10, 20, 0.25)
        >>> float(schedule(5)), float(schedule(10)), float(schedule(20))
        (0.5, 1.0, 0.5)
    """
    check_steps("warmup_exponential_decay_schedule", "warmup_steps", warmup_steps)
    up = linear_schedule(init_value, peak_value, warmup_steps)
    down = exponential_decay(
        peak_value, transition_steps, decay_rate, transition_begin, staircase, end_value
    )
    return join_schedules([up, down], [warmup_steps])


def sgdr_schedule(cosine_kwargs: Iterable[Mapping[str, Any]]) -> Schedule:
    """One `warmup_cosine_decay_schedule` after another: warm restarts.

    Args:
        cosine_kwargs: arguments of each cycle. The next begins when the ``decay_steps``
            of the one before are done.

    Raises:
        TypeError: `cosine_kwargs` is no sequence of dicts.
        ValueError: there is no cycle, or an argument is refused.

    Example:
        >>> cycle = dict(init_value=0.0, peak_value=1.0, warmup_steps=0, decay_steps=10)
        >>> schedule = sgdr_schedule([cycle, {**cycle, "decay_steps": 20}])
        >>> [round(float(schedule(count)), 4) for count in (5, 10, 20)]
        [0.5, 1.0, 0.5]

    Source: Loshchilov and Hutter (2016), arXiv:1608.03983.
    """
    cycles: Any = cosine_kwargs
    if isinstance(cosine_kwargs, Iterable) and not isinstance(cosine_kwargs, Mapping):
        cycles = list(cosine_kwargs)
    if not isinstance(cycles, list) or not all(isinstance(c, Mapping) for c in cycles):
        raise TypeError(
            extend.error_message(
                "sgdr_schedule: `cosine_kwargs` must be a sequence of dicts, one for "
                f"each cycle, got {described(cosine_kwargs)}.",
                "Each holds arguments of `warmup_cosine_decay_schedule`.",
            )
        )
    if not cycles:
        raise ValueError(
            extend.error_message("sgdr_schedule: `cosine_kwargs` must hold a cycle.")
        )
    parts = [warmup_cosine_decay_schedule(**cycle) for cycle in cycles]
    ends = itertools.accumulate(cycle["decay_steps"] for cycle in cycles)
    return join_schedules(parts, list(ends)[:-1])


def warmup_stable_decay_schedule(
    init_value: Any,
    peak_value: Any,
    warmup_steps: int,
    stable_steps: int,
    decay_steps: int,
    end_value: Any = 0.0,
    decay: Literal["linear", "sqrt", "cosine", "exponential"] = "sqrt",
) -> Schedule:
    """A straight line up, a long plateau, and a short decay (WSD).

    Training can go on from any point of the plateau: how long it is need not be known
    at the start.

    Args:
        init_value: at count 0.
        peak_value: from count `warmup_steps` on, for `stable_steps` steps.
        warmup_steps: length of the way up.
        stable_steps: length of the plateau.
        decay_steps: length of the way down.
        end_value: from then on.
        decay: shape of the way down in its share ``t``: "linear", "sqrt" (``1 -
            sqrt(t)``), "cosine", or "exponential" (equal factors in equal times).

    Raises:
        ValueError: a number of steps is negative, `decay_steps` not positive, `decay`
            none of the four, or an exponential decay ends at zero.

    Example:
        >>> schedule = warmup_stable_decay_schedule(0.0, 1.0, 10, 80, 16)
        >>> [float(schedule(count)) for count in (5, 10, 90, 94, 106)]
        [0.5, 1.0, 1.0, 0.5, 0.0]

    Source: Hu et al. (2024), arXiv:2404.06395; "sqrt" from Hägele et al. (2024),
    arXiv:2405.18392.
    """
    function = "warmup_stable_decay_schedule"
    check_numbers(
        function, init_value=init_value, peak_value=peak_value, end_value=end_value
    )
    check_steps(function, "warmup_steps", warmup_steps)
    check_steps(function, "stable_steps", stable_steps)
    check_positive_steps(function, "decay_steps", decay_steps)
    if decay not in _REMAINING and decay != "exponential":
        raise ValueError(
            extend.error_message(
                f"{function}: `decay` must be one of "
                f"{[*_REMAINING, 'exponential']}, got {decay!r}."
            )
        )
    if decay == "exponential" and (_is_zero(end_value) or _is_zero(peak_value)):
        raise ValueError(
            extend.error_message(
                f"{function}: an exponential decay never reaches zero: `peak_value` "
                f"and `end_value` must not be 0, got {peak_value} and {end_value}.",
                "Choose a small `end_value`, such as a hundredth of the peak.",
            )
        )

    def down(count: Any) -> Any:
        done = jnp.clip(count / decay_steps, 0, 1)
        if decay == "exponential":
            return peak_value * (end_value / peak_value) ** done
        return end_value + (peak_value - end_value) * _REMAINING[decay](done)

    up = linear_schedule(init_value, peak_value, warmup_steps)
    starts = [warmup_steps, warmup_steps + stable_steps]
    return join_schedules([up, constant_schedule(peak_value), down], starts)


# What is left of the way down when a share of its steps is done.
_REMAINING = {
    "linear": lambda done: 1 - done,
    "sqrt": lambda done: 1 - jnp.sqrt(done),
    "cosine": lambda done: (1 + jnp.cos(jnp.pi * done)) / 2,
}


def _is_zero(value: Any) -> bool:
    return isinstance(value, int | float) and value == 0

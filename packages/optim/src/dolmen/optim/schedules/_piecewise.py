"""Schedules made of pieces between boundaries."""

from collections.abc import Sequence
from typing import Any, Literal

import dolmen.core.numpy as jnp
from dolmen.core import extend

from .._arguments import check_number, check_numbers
from .._transformation import Schedule
from ._steps import check_positive_steps, sorted_factors


def piecewise_constant_schedule(
    init_value: Any, boundaries_and_scales: dict[int, float] | None = None
) -> Schedule:
    """A number that is multiplied by a factor at each boundary.

    Args:
        init_value: before the first boundary.
        boundaries_and_scales: from a count to the factor that applies from there on.

    Raises:
        TypeError: a value is not a number, or the factors are no dict.
        ValueError: a factor is negative.

    Example:
        >>> schedule = piecewise_constant_schedule(1.0, {10: 0.1, 20: 0.5})
        >>> float(schedule(9)), float(schedule(10)), float(schedule(20))
        (1.0, 0.10000000149011612, 0.05000000074505806)
    """
    function = "piecewise_constant_schedule"
    check_number(function, "init_value", init_value)
    steps = sorted_factors(function, boundaries_and_scales)

    def schedule(count: Any) -> Any:
        value = init_value
        for boundary, factor in steps:
            value = jnp.where(count < boundary, value, value * factor)
        return value

    return schedule


def piecewise_interpolate_schedule(
    interpolate_type: Literal["linear", "cosine"],
    init_value: Any,
    boundaries_and_scales: dict[int, float] | None = None,
) -> Schedule:
    """A number that is multiplied by a factor up to each boundary, little by little.

    Args:
        interpolate_type: how it goes from boundary to boundary: "linear", or "cosine",
            half a wave.
        init_value: at count 0.
        boundaries_and_scales: from a count to the factor that has been applied there.

    Raises:
        TypeError: a value is not a number, or the factors are no dict.
        ValueError: `interpolate_type` is neither, a boundary is negative, or a factor.

    Example:
        >>> schedule = piecewise_interpolate_schedule("linear", 1.0, {10: 0.5, 20: 0.0})
        >>> float(schedule(5)), float(schedule(10)), float(schedule(15))
        (0.75, 0.5, 0.25)
    """
    function = "piecewise_interpolate_schedule"
    check_number(function, "init_value", init_value)
    steps = sorted_factors(function, boundaries_and_scales)
    if interpolate_type not in ("linear", "cosine"):
        raise ValueError(
            extend.error_message(
                f"{function}: `interpolate_type` must be 'linear' or 'cosine', got "
                f"{interpolate_type!r}."
            )
        )
    if steps and steps[0][0] < 0:
        raise ValueError(
            extend.error_message(
                f"{function}: the counts in `boundaries_and_scales` must not be "
                f"negative, got {steps[0][0]}."
            )
        )
    return _interpolated(interpolate_type, init_value, steps)


def linear_onecycle_schedule(
    transition_steps: int,
    peak_value: Any,
    pct_start: float = 0.3,
    pct_final: float = 0.85,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """A straight line up, one down to where it began, and one further down.

    Args:
        transition_steps: length of the whole cycle in steps.
        peak_value: the greatest value.
        pct_start: share of the steps that the way up takes.
        pct_final: share of the steps after which it is back at its first value.
        div_factor: `peak_value` over the first value.
        final_div_factor: the first value over the last.

    Raises:
        ValueError: `transition_steps` is not positive.

    Example:
        >>> schedule = linear_onecycle_schedule(100, 1.0, div_factor=4.0)
        >>> float(schedule(0)), float(schedule(30)), float(schedule(85))
        (0.25, 1.0, 0.25)

    Source: Smith and Topin (2017), arXiv:1708.07120.
    """
    function = "linear_onecycle_schedule"
    check_positive_steps(function, "transition_steps", transition_steps)
    check_numbers(
        function,
        peak_value=peak_value,
        pct_start=pct_start,
        pct_final=pct_final,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )
    pieces = [
        (int(pct_start * transition_steps), div_factor),
        (int(pct_final * transition_steps), 1 / div_factor),
        (transition_steps, 1 / final_div_factor),
    ]
    return _interpolated("linear", peak_value / div_factor, pieces)


def cosine_onecycle_schedule(
    transition_steps: int,
    peak_value: Any,
    pct_start: float = 0.3,
    div_factor: float = 25.0,
    final_div_factor: float = 1e4,
) -> Schedule:
    """Half a cosine wave up and half a wave down, further than it began.

    Args:
        transition_steps: length of the whole cycle in steps.
        peak_value: the greatest value.
        pct_start: share of the steps that the way up takes.
        div_factor: `peak_value` over the first value.
        final_div_factor: the first value over the last.

    Raises:
        ValueError: `transition_steps` is not positive.

    Example:
        >>> schedule = cosine_onecycle_schedule(100, 1.0, div_factor=4.0)
        >>> float(schedule(0)), float(schedule(30)), round(float(schedule(100)), 6)
        (0.25, 1.0, 2.5e-05)

    Source: Smith and Topin (2017), arXiv:1708.07120, with cosines.
    """
    function = "cosine_onecycle_schedule"
    check_positive_steps(function, "transition_steps", transition_steps)
    check_numbers(
        function,
        peak_value=peak_value,
        pct_start=pct_start,
        div_factor=div_factor,
        final_div_factor=final_div_factor,
    )
    pieces = [
        (int(pct_start * transition_steps), div_factor),
        (transition_steps, 1 / (div_factor * final_div_factor)),
    ]
    return _interpolated("cosine", peak_value / div_factor, pieces)


def _interpolated(
    kind: str, init_value: Any, pieces: Sequence[tuple[int, float]]
) -> Schedule:
    """From the initial value through each boundary's, in order of the boundaries."""

    def schedule(count: Any) -> Any:
        value, start, begun = init_value, 0, init_value
        for end, factor in pieces:
            reached = begun * factor
            done = jnp.clip((count - start) / max(end - start, 1), 0, 1)
            if kind == "cosine":
                done = (1 - jnp.cos(jnp.pi * done)) / 2
            piece = begun + (reached - begun) * done
            value = jnp.where(count < start, value, piece)
            # For a piece of no length: a jump at its boundary.
            value = jnp.where(count < end, value, reached)
            start, begun = end, reached
        return value

    return schedule

"""A step along a direction of descent, by the strong Wolfe conditions."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ... import lax, numpy as jnp

# A step must lower the function by this part of what its slope promises, and bring the
# slope down to this part.
_DECREASE, _CURVATURE = 1e-4, 0.9


class Point(NamedTuple):
    """A step along the line, and what the function is there."""

    step: Any
    value: Any
    slope: Any
    gradient: Any


class Search(NamedTuple):
    """State of a search: the last trial and the ends of the interval searched.

    Attributes:
        trial: the point tried last.
        low: the best end: of sufficient decrease, with the slope pointing to `high`.
        high: the other end; its step is infinite until there is one.
        count: how many points were tried.
        found: whether the trial satisfies the conditions.
    """

    trial: Point
    low: Point
    high: Point
    count: Any
    found: Any


def line_search(
    value_and_grad: Callable[[Any], Any],
    x: Any,
    direction: Any,
    value: Any,
    gradient: Any,
    first: Any,
    maxiter: Any,
) -> Search:
    """Find a step with the strong Wolfe conditions.

    Expanding until a step is too long, and then narrowing the interval, differ only in
    how the next trial is chosen; so both are one loop with one call of the function.
    Where decrease drowns in rounding errors, slopes decide alone.

    Args:
        value_and_grad: of the function that is minimized.
        x: where the line begins.
        direction: of descent.
        value: of the function at `x`.
        gradient: of the function at `x`.
        first: the step tried first.
        maxiter: how many are tried.

    Source: Nocedal and Wright (2006), "Numerical optimization", algorithms 3.5 and 3.6;
        approximate conditions from Hager and Zhang (2005), equation 4.1.
    """
    slope = jnp.vdot(gradient, direction)
    start = Point(jnp.zeros_like(value), value, slope, gradient)
    noise = 4 * jnp.finfo(value.dtype).eps * jnp.abs(value)

    def unfinished(state: tuple[Search, Any]) -> Any:
        search, step = state
        return ~search.found & (search.count < maxiter) & jnp.isfinite(step)

    def body(state: tuple[Search, Any]) -> tuple[Search, Any]:
        search, step = state
        reached, gradient = value_and_grad(x + step * direction)
        trial = Point(step, reached, jnp.vdot(gradient, direction), gradient)
        falls = trial.value <= value + _DECREASE * step * slope
        level = (trial.value <= value + noise) & (
            trial.slope <= (2 * _DECREASE - 1) * slope
        )
        # Written so that NaN counts as too long a step.
        good = (falls & (trial.value < search.low.value)) | level
        found = good & (jnp.abs(trial.slope) <= -_CURVATURE * slope)
        passed = good & (trial.slope * (search.high.step - search.low.step) >= 0)
        high = _choose(~good, trial, _choose(passed, search.low, search.high))
        low = _choose(good, trial, search.low)
        after = Search(trial, low, high, search.count + 1, found)
        return after, _next_step(low, high)

    nowhere = start._replace(step=jnp.full_like(value, jnp.inf))
    begin = Search(start, start, nowhere, 0, False)
    first = jnp.asarray(first, value.dtype)
    return lax.while_loop(unfinished, body, (begin, first))[0]


def _choose(condition: Any, a: Point, b: Point) -> Point:
    return Point(*(jnp.where(condition, x, y) for x, y in zip(a, b, strict=True)))


def _next_step(low: Point, high: Point) -> Any:
    """Twice the step while there is no upper end, else inside the interval.

    There it is the minimum of the cubic with the values and slopes of both ends, if
    that is not too near to an end, and else the middle.
    """
    width = high.step - low.step
    secant = 3 * (high.value - low.value) / width
    mean = low.slope + high.slope - secant
    root = jnp.sign(width) * jnp.sqrt(mean**2 - low.slope * high.slope)
    part = (high.slope + root - mean) / (high.slope - low.slope + 2 * root)
    inside = jnp.where((part >= 0.1) & (part <= 0.9), part, 0.5)
    return jnp.where(jnp.isinf(high.step), 2 * low.step, high.step - inside * width)

"""Dormand and Prince's method: Runge-Kutta steps of order five, of controlled size."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import lax, numpy as jnp
from ..tree_util import tree_leaves, tree_map

# Source: Hairer, Nørsett and Wanner (1993), "Solving ordinary differential equations
# I", table II.5.2; dense output as in their program DOPRI5.
_NODES = (1 / 5, 3 / 10, 4 / 5, 8 / 9, 1.0, 1.0)
_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_ERROR = (71 / 57600, 0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)
_DENSE = (
    -12715105075 / 11282082432,
    0,
    87487479700 / 32700410799,
    -10690763975 / 1880347072,
    701980252875 / 199316789632,
    -1453857185 / 822651844,
    69997945 / 29380423,
)
_SAFETY, _SHRINK, _GROW = 0.9, 0.2, 10.0

Derivative = Callable[[Any, Any], Any]


class Control(NamedTuple):
    """How accurate steps are, and how many and how long.

    Attributes:
        rtol: accepted error of a step, relative to the solution.
        atol: accepted error of a step.
        mxstep: most steps from one time to the next.
        hmax: the longest step.
    """

    rtol: float
    atol: float
    mxstep: float
    hmax: float


class _State(NamedTuple):
    y: Any
    slope: Any  # at the end of the last step
    time: Any
    step: Any  # that is tried next
    before: Any  # the time where the last step began
    curve: tuple[Any, ...]  # the solution during the last step, as `_at` takes it


def integrate(func: Derivative, control: Control, y0: Any, t: Any) -> Any:
    """The solution at each time, stacked; NaN where it could not be continued to."""
    slope = func(y0, t[0])
    first = _first_step(func, control, y0, t[0], slope)
    rest = tree_map(jnp.zeros_like, y0)
    start = _State(y0, slope, t[0], first, t[0], (y0, rest, rest, rest, rest))

    def advance(state: _State, target: Any) -> tuple[_State, Any]:
        def unfinished(loop: tuple[Any, _State]) -> Any:
            count, s = loop
            moves = s.time + s.step > s.time
            return (s.time < target) & (count < control.mxstep) & moves

        def body(loop: tuple[Any, _State]) -> tuple[Any, _State]:
            return loop[0] + 1, _step(func, control, loop[1])

        _, state = lax.while_loop(unfinished, body, (0, state))
        width = state.time - state.before
        part = (target - state.before) / jnp.where(width == 0, 1, width)
        known = (state.before <= target) & (target <= state.time)
        return state, _at(state.curve, jnp.where(known, part, jnp.nan))

    _, later = lax.scan(advance, start, t[1:])
    return tree_map(lambda a, b: jnp.concatenate([a[None], b]), y0, later)


def _plus(y: Any, step: Any, factors: tuple[float, ...], slopes: list[Any]) -> Any:
    """`y` and `step` times the sum of the slopes, each times its factor."""

    def leaf(y: Any, *ks: Any) -> Any:
        total = sum(a * k for a, k in zip(factors, ks, strict=False) if a)
        return y + _like(step, y) * total

    return tree_map(leaf, y, *slopes)


def _like(number: Any, leaf: Any) -> Any:
    """A real number in the precision of a leaf."""
    return number.astype(jnp.finfo(leaf.dtype).dtype)


def _step(func: Derivative, control: Control, state: _State) -> _State:
    """Try one step; the state after it, or with a shorter step if it was too long."""
    y, h = state.y, state.step
    slopes, after = [state.slope], y
    for node, factors in zip(_NODES, _STAGES, strict=True):
        # The last stage is evaluated at the result of the step.
        after = _plus(y, h, factors, slopes)
        slopes.append(func(after, state.time + node * h))
    error = _plus(tree_map(jnp.zeros_like, y), h, _ERROR, slopes)
    larger = tree_map(lambda a, b: jnp.maximum(abs(a), abs(b)), y, after)
    ratio = _mean_ratio(control, error, larger, h.dtype)
    accepted = ratio <= 1
    wanted = _SAFETY * jnp.where(ratio == 0, 1e-10, ratio) ** (-1 / 5)
    factor = jnp.clip(wanted, _SHRINK, jnp.where(accepted, _GROW, 1))
    taken = state._replace(
        y=after,
        slope=slopes[-1],
        time=state.time + h,
        before=state.time,
        curve=_curve(y, after, h, slopes),
    )
    kept = tree_map(lambda new, old: jnp.where(accepted, new, old), taken, state)
    return kept._replace(step=jnp.minimum(h * factor, control.hmax).astype(h.dtype))


def _mean_ratio(control: Control, error: Any, size: Any, dtype: np.dtype) -> Any:
    """Root of the mean square of the error over what is accepted."""

    def squares(error: Any, size: Any) -> Any:
        ratio = abs(error) / (control.atol + control.rtol * abs(size))
        return jnp.sum(ratio.astype(dtype) ** 2)

    count = sum(leaf.size for leaf in tree_leaves(error))
    total = sum(tree_leaves(tree_map(squares, error, size)))
    return jnp.sqrt(jnp.asarray(total / max(count, 1), dtype))


def _first_step(
    func: Derivative, control: Control, y0: Any, t0: Any, slope: Any
) -> Any:
    """A guess at the first step, from the sizes of the first two derivatives.

    Source: Hairer, Nørsett and Wanner (1993), section II.4.
    """

    def size(x: Any) -> Any:
        return _mean_ratio(control, x, y0, t0.dtype)

    d0, d1 = size(y0), size(slope)
    tiny = (d0 < 1e-5) | (d1 < 1e-5)
    h0 = jnp.where(tiny, 1e-6, 0.01 * d0 / jnp.where(tiny, 1, d1))
    moved = func(_plus(y0, h0, (1.0,), [slope]), t0 + h0)
    d2 = size(tree_map(lambda a, b: a - b, moved, slope)) / h0
    most = jnp.maximum(d1, d2)
    flat = most <= 1e-15
    h1 = jnp.where(
        flat, jnp.maximum(1e-6, h0 * 1e-3), (0.01 / jnp.where(flat, 1, most)) ** (1 / 5)
    )
    chosen = jnp.minimum(jnp.minimum(100 * h0, h1), control.hmax)
    return chosen.astype(t0.dtype)


def _curve(y: Any, after: Any, h: Any, slopes: list[Any]) -> tuple[Any, ...]:
    def leaf(y: Any, after: Any, first: Any, last: Any, bend: Any) -> tuple[Any, ...]:
        change, step = after - y, _like(h, y)
        excess = step * first - change
        return y, change, excess, change - step * last - excess, bend

    bend = _plus(tree_map(jnp.zeros_like, y), h, _DENSE, slopes)
    parts = [
        leaf(*leaves)
        for leaves in zip(
            *map(tree_leaves, (y, after, slopes[0], slopes[-1], bend)), strict=True
        )
    ]
    return tuple(_rebuilt(y, [part[i] for part in parts]) for i in range(5))


def _rebuilt(tree: Any, leaves: list[Any]) -> Any:
    remaining = iter(leaves)
    return tree_map(lambda _: next(remaining), tree)


def _at(curve: tuple[Any, ...], part: Any) -> Any:
    """The solution at a part of the last step, of order four."""

    def leaf(y: Any, change: Any, excess: Any, twist: Any, bend: Any) -> Any:
        s = _like(part, y)
        return y + s * (change + (1 - s) * (excess + s * (twist + (1 - s) * bend)))

    return tree_map(leaf, *curve)

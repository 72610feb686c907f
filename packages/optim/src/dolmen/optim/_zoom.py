"""A line search for steps that satisfy the strong Wolfe conditions.

Steps grow until the value rises or the slope does; then the interval between the last
two is narrowed. Sources: Nocedal and Wright, "Numerical Optimization" (2006),
algorithms 3.5 and 3.6; Hager and Zhang (2006), "Algorithm 851: CG_DESCENT", for the
approximate condition, which rounding doesn't spoil close to a minimum.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import debug, extend, lax, tree

from ._line_searches import (
    arguments_of,
    check_given,
    moved,
    real_dtype_of,
    real_product,
    taken,
)
from ._transformation import GradientTransformationExtraArgs


class ZoomLinesearchInfo(NamedTuple):
    """How a search went.

    Attributes:
        num_linesearch_steps: values and gradients computed, an int32 scalar.
        decrease_error: by how much the value is too large, 0 if it isn't.
        curvature_error: by how much the slope is too steep, 0 if it isn't.

    Example:
        >>> from dolmen import optim
        >>> int(optim.scale_by_zoom_linesearch(20).init(1.0).info.num_linesearch_steps)
        0
    """

    num_linesearch_steps: Any
    decrease_error: Any
    curvature_error: Any


class ScaleByZoomLinesearchState(NamedTuple):
    """State of `scale_by_zoom_linesearch`.

    Attributes:
        learning_rate: step taken last.
        value: of the function there, infinite before the first step.
        grad: gradient there.
        info: how the last search went.

    Example:
        >>> from dolmen import optim
        >>> optim.scale_by_zoom_linesearch(20).init(1.0).learning_rate
        Array(1., dtype=float32)
    """

    learning_rate: Any
    value: Any
    grad: Any
    info: ZoomLinesearchInfo


class _Point(NamedTuple):
    """A step with the value, and the slope along the updates, that it leads to."""

    step: Any
    value: Any
    slope: Any


class _Interval(NamedTuple):
    """Where the step is sought once the value or the slope has risen.

    Attributes:
        low: end with the lower value; the try before, while steps grow.
        high: the other end.
        third: the end that was given up last.
        has_third: whether there was one.
    """

    low: _Point
    high: _Point
    third: _Point
    has_third: Any


class _Search(NamedTuple):
    """Between two tries.

    Attributes:
        tries: values computed.
        found: the last try satisfies the conditions.
        ended: it does, or none can be found.
        zooming: steps no longer grow.
        interval: where to look.
        last: the last try.
        best: the last try if `found`, else the lowest value so far.
        grad: gradient at `best`.
        errors: in the value and the slope of the last try.
    """

    tries: Any
    found: Any
    ended: Any
    zooming: Any
    interval: _Interval
    last: _Point
    best: _Point
    grad: Any
    errors: tuple[Any, Any]


def scale_by_zoom_linesearch(
    max_linesearch_steps: int,
    max_learning_rate: Any = None,
    tol: Any = 0.0,
    increase_factor: Any = 2.0,
    slope_rtol: Any = 1e-4,
    curv_rtol: Any = 0.9,
    approx_dec_rtol: Any = 1e-6,
    stepsize_precision: Any = 1e-5,
    initial_guess_strategy: str = "keep",
    verbose: bool = False,
) -> GradientTransformationExtraArgs:
    """Scales updates by a step that lowers the value enough and flattens the slope.

    A step ``s`` along updates ``u`` is taken if
    ``f(p + s u) <= f(p) + slope_rtol s <u, grad f(p)>`` and
    ``|<u, grad f(p + s u)>| <= curv_rtol |<u, grad f(p)>|``, both up to `tol`. It
    belongs at the end of a chain. Its `update` needs the parameters and the keyword
    arguments ``value``, ``grad`` and ``value_fn``; other arguments go to ``value_fn``.

    Args:
        max_linesearch_steps: how many steps to try; then that to the lowest value is
            taken, which may be none.
        max_learning_rate: the largest step; None for no bound.
        tol: how far the conditions may be missed.
        increase_factor: of each step to the one before, while they grow.
        slope_rtol: share of the decrease that the slope promises which must come true.
        curv_rtol: largest slope, relative to that at the start.
        approx_dec_rtol: increase of the value, relative to it, up to which the slope
            alone decides about the decrease; None never.
        stepsize_precision: length of an interval, relative to its larger end, at which
            it is not narrowed further.
        initial_guess_strategy: first step tried: ``"one"``, or ``"keep"`` for the last
            one taken.
        verbose: print every value.

    Raises:
        ValueError: `initial_guess_strategy` is another.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen import optim
        >>> f = lambda x: 3 * x**2
        >>> optimizer = optim.chain(optim.sgd(1.0), optim.scale_by_zoom_linesearch(15))
        >>> x, state = 2.0, optimizer.init(2.0)
        >>> value, grad = dc.value_and_grad(f)(x)
        >>> updates, state = optimizer.update(
        ...     grad, state, x, value=value, grad=grad, value_fn=f)
        >>> round(float(x + updates), 4)  # a parabola fits at once
        0.0

    Source: Nocedal and Wright, "Numerical Optimization" (2006), algorithms 3.5 and 3.6;
    Hager and Zhang (2006), "Algorithm 851: CG_DESCENT".
    """
    if initial_guess_strategy not in ("keep", "one"):
        raise ValueError(
            extend.error_message(
                "scale_by_zoom_linesearch: `initial_guess_strategy` must be 'keep' or "
                f"'one', got {initial_guess_strategy!r}.",
                "'one' suits Newton-like updates, 'keep' gradients.",
            )
        )
    longest = jnp.inf if max_learning_rate is None else max_learning_rate

    def init(params: Any) -> ScaleByZoomLinesearchState:
        dtype = jnp.promote_types(real_dtype_of(params), jnp.float32)
        # One array each, so that the state may be donated.
        value, decrease, curvature = (jnp.asarray(jnp.inf, dtype) for _ in range(3))
        return ScaleByZoomLinesearchState(
            learning_rate=jnp.asarray(1.0, dtype),
            value=value,
            grad=tree.map(jnp.zeros_like, params),
            info=ZoomLinesearchInfo(jnp.asarray(0, jnp.int32), decrease, curvature),
        )

    def update(
        updates: Any,
        state: ScaleByZoomLinesearchState,
        params: Any = None,
        *,
        value: Any = None,
        grad: Any = None,
        value_fn: Callable[..., Any] | None = None,
        **extra_args: Any,
    ) -> tuple[Any, ScaleByZoomLinesearchState]:
        check_given(
            "scale_by_zoom_linesearch",
            params,
            value=value,
            grad=grad,
            value_fn=value_fn,
        )
        assert value_fn is not None
        arguments = arguments_of(value_fn, extra_args)
        dtype = state.value.dtype
        start = _Point(
            jnp.zeros((), dtype),
            jnp.asarray(value, dtype),
            real_product(updates, grad).astype(dtype),
        )

        def look(step: Any) -> tuple[_Point, Any]:
            there = moved(params, step, updates)
            new, slopes = dc.value_and_grad(value_fn)(there, **arguments)
            slope = real_product(updates, slopes).astype(dtype)
            slopes = tree.map(lambda g, old: g.astype(old.dtype), slopes, state.grad)
            new = jnp.asarray(new, dtype)
            # What is no number is no decrease.
            new = jnp.where(jnp.isnan(new), jnp.inf, new)
            return _Point(step, new, slope), slopes

        def errors_at(point: _Point) -> tuple[Any, Any]:
            bound = start.value + slope_rtol * point.step * start.slope
            decrease = point.value - bound
            if approx_dec_rtol is not None:
                flat = point.slope - (2 * slope_rtol - 1.0) * start.slope
                rise = point.value - start.value
                rise = rise - approx_dec_rtol * jnp.abs(start.value)
                decrease = jnp.minimum(decrease, jnp.maximum(flat, rise))
            decrease = jnp.where(jnp.isfinite(point.value), decrease, jnp.inf)
            curvature = jnp.abs(point.slope) - curv_rtol * jnp.abs(start.slope)
            curvature = jnp.where(jnp.isnan(curvature), jnp.inf, curvature)
            return jnp.maximum(decrease, 0.0), jnp.maximum(curvature, 0.0)

        def goes_on(search: _Search) -> Any:
            return ~search.ended & (search.tries < max_linesearch_steps)

        def try_one(search: _Search) -> _Search:
            first = search.tries == 0
            grown = jnp.where(first, guess, search.last.step * increase_factor)
            step = jnp.where(
                search.zooming, _inside(search.interval), jnp.minimum(grown, longest)
            ).astype(dtype)
            point, slopes = look(step)
            errors = decrease, curvature = errors_at(point)
            if verbose:
                debug.print(
                    "step {}: value {}, too large by {}; slope {}, too steep by {}",
                    *(step, point.value, decrease, point.slope, curvature),
                    ordered=True,
                )
            lower = decrease <= tol
            # The longest step is good enough where the value still falls.
            at_end = ~search.zooming & (step >= longest) & (point.slope < 0)
            found = lower & ((curvature <= tol) | at_end)

            higher = ~lower | (point.value >= search.interval.low.value)
            rises = ~lower | ((point.value >= search.last.value) & ~first)
            interval = _where(
                search.zooming,
                _narrowed(search.interval, point, higher),
                _grown(search.interval, point, rises),
            )
            zooming = search.zooming | rises | (point.slope >= 0)
            low, high = interval.low.step, interval.high.step
            narrow = stepsize_precision * jnp.maximum(jnp.abs(low), jnp.abs(high))
            better = found | (point.value < search.best.value)
            return _Search(
                search.tries + 1,
                found,
                found | (zooming & (jnp.abs(high - low) <= narrow)),
                zooming,
                interval,
                point,
                _where(better, point, search.best),
                _where(better, slopes, search.grad),
                errors,
            )

        keeps = initial_guess_strategy == "keep"
        guess = state.learning_rate if keeps else jnp.ones((), dtype)
        infinite = jnp.full((), jnp.inf, dtype)
        no = jnp.asarray(False)
        search = lax.while_loop(
            goes_on,
            try_one,
            _Search(
                jnp.int32(0),
                no,
                no,
                no,
                _Interval(start, start, start, no),
                start,
                start,
                tree.map(lambda g, old: jnp.asarray(g, old.dtype), grad, state.grad),
                (infinite, infinite),
            ),
        )
        return taken(search.best.step, updates), ScaleByZoomLinesearchState(
            search.best.step,
            search.best.value,
            search.grad,
            ZoomLinesearchInfo(search.tries, *search.errors),
        )

    return GradientTransformationExtraArgs(init, update)


def _where(condition: Any, a: Any, b: Any) -> Any:
    """`a` or `b`, two trees."""
    return tree.map(lambda x, y: jnp.where(condition, x, y), a, b)


def _grown(interval: _Interval, point: _Point, rises: Any) -> _Interval:
    """The interval after a try while steps grow; its low end is the try before."""
    before = interval.low
    return interval._replace(
        low=_where(rises, before, point), high=_where(rises, point, before)
    )


def _narrowed(interval: _Interval, point: _Point, higher: Any) -> _Interval:
    """The interval after a try inside."""
    low, high = interval.low, interval.high
    turns = ~higher & (point.slope * (high.step - low.step) >= 0)
    return _Interval(
        low=_where(higher, low, point),
        high=_where(higher, point, _where(turns, low, high)),
        third=_where(higher | turns, high, low),
        has_third=jnp.asarray(True),
    )


def _inside(interval: _Interval) -> Any:
    """The next step: minimum of a cubic, of a parabola, or the middle.

    The first is taken that is well inside the interval.
    """
    low, high = interval.low, interval.high
    length = jnp.abs(high.step - low.step)
    left = jnp.minimum(low.step, high.step)

    def holds(step: Any, margin: float) -> Any:
        # False for what is no number, too.
        return (step >= left + margin * length) & (step <= left + (1 - margin) * length)

    cubic, parabola = _cubic_minimum(interval), _parabola_minimum(low, high)
    middle = (low.step + high.step) / 2
    step = jnp.where(holds(parabola, 0.1), parabola, middle)
    return jnp.where(interval.has_third & holds(cubic, 0.2), cubic, step)


def _parabola_minimum(low: _Point, high: _Point) -> Any:
    """Of the parabola with the values of both and the slope of the first."""
    length = high.step - low.step
    curvature = (high.value - low.value - low.slope * length) / length**2
    return low.step - low.slope / (2 * curvature)


def _cubic_minimum(interval: _Interval) -> Any:
    """Of the cubic with the values of three points and the slope of the first."""
    low, high, third = interval.low, interval.high, interval.third
    x, y = high.step - low.step, third.step - low.step
    # low.value + low.slope t + b t**2 + a t**3 at t = x and t = y
    p = (high.value - low.value - low.slope * x) / x**2
    q = (third.value - low.value - low.slope * y) / y**2
    a = (p - q) / (x - y)
    b = p - a * x
    return low.step + (-b + jnp.sqrt(b * b - 3 * a * low.slope)) / (3 * a)

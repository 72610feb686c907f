"""BFGS: Newton's method with an estimate of the inverse Hessian from gradients."""

from collections.abc import Callable
from typing import Any, NamedTuple

from ... import lax, numpy as jnp
from . import _results as status
from ._line_search import line_search
from ._results import OptimizeResults, is_flat


class _State(NamedTuple):
    count: Any
    x: Any
    value: Any
    gradient: Any
    inverse: Any  # of the Hessian
    before: Any  # the last but one value
    calls: Any
    status: Any  # of the line search


def bfgs(
    value_and_grad: Callable[[Any], Any],
    x0: Any,
    *,
    maxiter: int | None = None,
    norm: float = float("inf"),
    gtol: float = 1e-5,
    line_search_maxiter: int = 10,
) -> OptimizeResults:
    """Minimize with a dense estimate of the inverse Hessian.

    Source: Nocedal and Wright (2006), "Numerical optimization", algorithm 6.1, with
        first steps of the line search by equation 3.60.
    """
    maxiter = 200 * x0.size if maxiter is None else maxiter

    def converged(state: _State) -> Any:
        return jnp.asarray(is_flat(state.gradient, norm, gtol))

    def unfinished(state: _State) -> Any:
        return ~converged(state) & (state.status == 0) & (state.count < maxiter)

    def body(state: _State) -> _State:
        direction = -jnp.matmul(state.inverse, state.gradient, precision="highest")
        slope = jnp.vdot(state.gradient, direction)
        guess = 2.02 * (state.value - state.before) / slope
        search = line_search(
            value_and_grad,
            state.x,
            direction,
            state.value,
            state.gradient,
            jnp.where((guess > 0) & (guess < 1), guess, 1),
            line_search_maxiter,
        )
        bracketed = jnp.isfinite(search.high.step)
        failure = jnp.where(bracketed, status.ZOOM_FAILED, status.NO_STEP_FOUND)
        # Without a step that satisfies the conditions, the best that falls is taken.
        best = search.low
        step = best.step * direction
        change = best.gradient - state.gradient
        return _State(
            state.count + 1,
            state.x + step,
            best.value,
            best.gradient,
            _updated(state.inverse, step, change),
            state.value,
            state.calls + search.count,
            jnp.where(search.found, 0, failure),
        )

    value, gradient = value_and_grad(x0)
    identity = jnp.eye(x0.size, dtype=x0.dtype)
    before = value + jnp.linalg.norm(gradient) / 2
    start = _State(0, x0, value, gradient, identity, before, 1, 0)
    end = lax.while_loop(unfinished, body, start)
    success = converged(end)
    ended = jnp.where(end.count >= maxiter, status.STEPS_USED_UP, status.CONVERGED)
    return OptimizeResults(
        x=end.x,
        success=success,
        status=jnp.where(
            success, status.CONVERGED, jnp.where(end.status != 0, end.status, ended)
        ),
        fun=end.value,
        jac=end.gradient,
        hess_inv=end.inverse,
        nfev=end.calls,
        njev=end.calls,
        nit=end.count,
    )


def _updated(inverse: Any, step: Any, change: Any) -> Any:
    """The inverse Hessian that maps `change` of the gradient to `step`, equation 6.17.

    Where the function is not convex along the step, or there was none, it stays.
    """
    curvature = jnp.vdot(change, step)
    rho = 1 / jnp.where(curvature > 0, curvature, 1)
    identity = jnp.eye(step.size, dtype=step.dtype)
    left = identity - rho * jnp.outer(step, change)
    middle = jnp.matmul(left, inverse, precision="highest")
    made = jnp.matmul(middle, left.T, precision="highest")
    return jnp.where(curvature > 0, made + rho * jnp.outer(step, step), inverse)

"""L-BFGS: BFGS whose estimate of the inverse Hessian is a list of the last steps."""

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
    steps: Any  # the last ones, newest last
    changes: Any  # of the gradient, by these steps
    rho: Any  # one over their inner products; zero where there is none
    calls: Any
    status: Any


def lbfgs(
    value_and_grad: Callable[[Any], Any],
    x0: Any,
    *,
    maxiter: float | None = None,
    norm: float = float("inf"),
    maxcor: int = 10,
    ftol: float = 2.220446049250313e-09,
    gtol: float = 1e-5,
    maxfun: float | None = None,
    maxgrad: float | None = None,
    maxls: int = 20,
) -> OptimizeResults:
    """Minimize with the last `maxcor` steps instead of an inverse Hessian.

    Source: Nocedal and Wright (2006), "Numerical optimization", algorithm 7.5.
    """
    limited = maxfun is not None or maxgrad is not None
    usual = float("inf") if limited else 200 * x0.size
    most_steps = usual if maxiter is None else maxiter
    most_calls = float("inf") if maxfun is None else maxfun
    most_gradients = float("inf") if maxgrad is None else maxgrad

    def converged(state: _State) -> Any:
        return jnp.asarray(is_flat(state.gradient, norm, gtol))

    def unfinished(state: _State) -> Any:
        return ~converged(state) & (state.status == 0)

    def body(state: _State) -> _State:
        direction = -_preconditioned(state)
        first = jnp.where(state.count == 0, _first_step(state.gradient), 1)
        search = line_search(
            value_and_grad,
            state.x,
            direction,
            state.value,
            state.gradient,
            first,
            maxls,
        )
        best = search.low
        step, change = best.step * direction, best.gradient - state.gradient
        curvature = jnp.vdot(change, step)
        rho = jnp.where(curvature > 0, 1 / curvature, 0)
        count, calls = state.count + 1, state.calls + search.count
        ends = [
            (~search.found, status.NO_STEP_FOUND),
            (state.value - best.value < ftol * jnp.abs(best.value), status.STALLED),
            (calls >= most_gradients, status.GRADIENTS_USED_UP),
            (calls >= most_calls, status.CALLS_USED_UP),
            (count >= most_steps, status.STEPS_USED_UP),
        ]
        return _State(
            count,
            state.x + step,
            best.value,
            best.gradient,
            _appended(state.steps, step),
            _appended(state.changes, change),
            _appended(state.rho, rho),
            calls,
            jnp.select([end for end, _ in ends], [code for _, code in ends], 0),
        )

    value, gradient = value_and_grad(x0)
    room = jnp.zeros((maxcor, x0.size), x0.dtype)
    none = jnp.zeros(maxcor, x0.dtype)
    used_up = jnp.where(most_steps <= 0, status.STEPS_USED_UP, 0)
    start = _State(0, x0, value, gradient, room, room, none, 1, used_up)
    end = lax.while_loop(unfinished, body, start)
    success = converged(end)
    return OptimizeResults(
        x=end.x,
        success=success,
        status=jnp.where(success, status.CONVERGED, end.status),
        fun=end.value,
        jac=end.gradient,
        hess_inv=None,
        nfev=end.calls,
        njev=end.calls,
        nit=end.count,
    )


def _first_step(gradient: Any) -> Any:
    """A first trial that moves by at most one."""
    return 1 / jnp.maximum(jnp.linalg.norm(gradient), 1)


def _appended(rows: Any, row: Any) -> Any:
    return jnp.concatenate([rows[1:], row[None]])


def _preconditioned(state: _State) -> Any:
    """The gradient times the inverse Hessian that the steps stand for.

    Source: algorithm 7.4, scaled by equation 7.20.
    """
    steps, changes, rho = state.steps, state.changes, state.rho

    def newest_first(q: Any, pair: Any) -> Any:
        step, change, rho = pair
        alpha = rho * jnp.vdot(step, q)
        return q - alpha * change, alpha

    def oldest_first(r: Any, pair: Any) -> Any:
        step, change, rho, alpha = pair
        return r + (alpha - rho * jnp.vdot(change, r)) * step, None

    rest, alphas = lax.scan(
        newest_first, state.gradient, (steps, changes, rho), reverse=True
    )
    length = jnp.vdot(changes[-1], changes[-1])
    known = (rho[-1] > 0) & (length > 0)
    scale = jnp.where(known, 1 / (rho[-1] * length), 1)
    return lax.scan(oldest_first, scale * rest, (steps, changes, rho, alphas))[0]

"""What a minimization says at its end."""

from typing import Any, NamedTuple

from ... import numpy as jnp

# Values of `OptimizeResults.status`.
CONVERGED, STEPS_USED_UP, CALLS_USED_UP, GRADIENTS_USED_UP = 0, 1, 2, 3
STALLED, NO_STEP_FOUND = 4, 5
# BFGS says so where its line search bracketed a step, but ran out of trials.
ZOOM_FAILED = 3


class OptimizeResults(NamedTuple):
    """The result of `minimize`, a pytree.

    Attributes:
        x: the minimum, ``[n]``.
        success: whether the gradient there is small enough.
        status: 0 if so; 1 after `maxiter` steps; 3 (of BFGS) and 5 if no step could be
            found along the last direction. L-BFGS also stops after `maxfun` calls (2),
            after `maxgrad` gradients (3), and when the function no longer falls (4).
        fun: the function at `x`.
        jac: its gradient at `x`, ``[n]``.
        hess_inv: the estimate of the inverse of its Hessian, ``[n, n]``; None of
            methods that have none.
        nfev: how often the function was called.
        njev: how often its gradient was.
        nit: the number of steps.
    """

    x: Any
    success: Any
    status: Any
    fun: Any
    jac: Any
    hess_inv: Any
    nfev: Any
    njev: Any
    nit: Any


def is_flat(gradient: Any, norm: float, gtol: Any) -> Any:
    """Whether a gradient is small enough for a minimum."""
    return jnp.linalg.norm(gradient, norm) < gtol if gradient.size else True

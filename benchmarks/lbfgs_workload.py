"""L-BFGS on Rosenbrock's function: one compiled loop, beside Optax's and SciPy's.

All stop at the same largest slope, in float64. In the rows with SciPy as peer, values
and gradients are SciPy's own too: `rosen` and `rosen_der`, on whole arrays in NumPy.
"""

from typing import Any

import numpy as np
from measure import best_wall, report

UNKNOWNS = (2, 10, 100)
LARGEST_SLOPE = 1e-8


def start(size: int) -> np.ndarray:
    """The customary one: -1.2, 1, -1.2, ..."""
    return np.resize([-1.2, 1.0], size)


def compiled_loop(core: Any, optim: Any) -> Any:
    """From a start to the minimum, its value and the number of evaluations."""
    jnp, lax = core.numpy, core.lax
    optimizer = optim.lbfgs()

    def value(x: Any) -> Any:
        return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)

    value_and_grad = optim.value_and_grad_from_state(value)

    def goes_on(carry: Any) -> Any:
        _, _, grad, evaluations = carry
        return (jnp.max(jnp.abs(grad)) > LARGEST_SLOPE) & (evaluations < 10_000)

    def step(carry: Any) -> Any:
        x, state, _, evaluations = carry
        now, grad = value_and_grad(x, state=state)
        updates, state = optimizer.update(
            grad, state, x, value=now, grad=grad, value_fn=value
        )
        x = optim.apply_updates(x, updates)
        tries = state[-1].info.num_linesearch_steps
        return x, state, state[-1].grad, (evaluations + tries).astype("int32")

    @core.jit
    def minimize(x: Any) -> Any:
        first = x, optimizer.init(x), core.grad(value)(x), jnp.int32(1)
        x, _, _, evaluations = lax.while_loop(goes_on, step, first)
        return x, value(x), evaluations

    return minimize


def minimizations(core: Any, optim: Any, *, is_peer: bool) -> None:
    """Report the time to the minimum, and how many evaluations it took."""
    with core.enable_x64(True):
        minimize = compiled_loop(core, optim)
        for size in UNKNOWNS:
            x = core.numpy.asarray(start(size))
            found, least, evaluations = minimize(x)
            assert np.allclose(found, 1.0, atol=1e-6), (found, least)
            ms = best_wall(lambda x=x: core.block_until_ready(minimize(x))) * 1e3
            name = f"L-BFGS, Rosenbrock of {size}"
            names = [name] if is_peer else [name, f"{name}, peer SciPy"]
            for one in names:
                report(f"{one}: run", ms, "ms")
                report(f"{one}: evaluations", int(evaluations), "")


def minimizations_by_scipy() -> None:
    """The rows with SciPy as peer, for the peer's process."""
    from scipy.optimize import minimize, rosen, rosen_der

    def run(size: int) -> Any:
        return minimize(
            rosen,
            start(size),
            jac=rosen_der,
            method="L-BFGS-B",
            options={"gtol": LARGEST_SLOPE, "ftol": 0.0, "maxfun": 10_000},
        )

    for size in UNKNOWNS:
        found = run(size)
        assert np.allclose(found.x, 1.0, atol=1e-6), found
        name = f"L-BFGS, Rosenbrock of {size}, peer SciPy"
        report(f"{name}: run", best_wall(lambda size=size: run(size)) * 1e3, "ms")
        report(f"{name}: evaluations", found.nfev, "")

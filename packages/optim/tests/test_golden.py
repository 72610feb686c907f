"""Trajectories and schedules agree with numbers computed by Optax."""

import golden
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

# One float32 rounding per operation, a dozen operations a step, five steps.
RTOL, ATOL = 3e-6, 3e-7

NAMES = {
    **{name: getattr(optim, name) for name in dir(optim)},
    "warm": optim.warmup_cosine_decay_schedule(0.0, 0.5, 2, 5, 0.1),
}


def gradient(p, step):
    return jnp.asarray(golden.CURVATURE) * p + 0.1 * step


@pytest.mark.parametrize("call", golden.TRAJECTORIES)
def test_eager_steps_follow_the_golden_trajectory(call):
    optimizer = eval(call, dict(NAMES))
    p = jnp.asarray(golden.START)
    state = optimizer.init(p)

    rows = []
    for step in range(5):
        updates, state = optimizer.update(gradient(p, step), state, p)
        p = optim.apply_updates(p, updates)
        rows.append(np.asarray(p))

    np.testing.assert_allclose(rows, golden.TRAJECTORIES[call], rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("call", golden.TRAJECTORIES)
def test_a_jitted_scan_follows_the_golden_trajectory(call):
    optimizer = eval(call, dict(NAMES))
    start = {"a": jnp.asarray(golden.START[:1]), "b": [jnp.asarray(golden.START[1:])]}
    curvature = {
        "a": jnp.asarray(golden.CURVATURE[:1]),
        "b": [jnp.asarray(golden.CURVATURE[1:])],
    }

    def step(carry, k):
        p, state = carry
        grads = dc.tree.map(lambda c, x: c * x + 0.1 * k, curvature, p)
        updates, state = optimizer.update(grads, state, p)
        p = optim.apply_updates(p, updates)
        return (p, state), jnp.concatenate([p["a"], p["b"][0]])

    @dc.jit
    def run(p):
        steps = jnp.arange(5, dtype=jnp.float32)
        return dc.lax.scan(step, (p, optimizer.init(p)), steps)[1]

    rows = run(start)

    np.testing.assert_allclose(rows, golden.TRAJECTORIES[call], rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("call", golden.SCHEDULES)
def test_schedules_have_the_golden_values(call):
    schedule = eval(call, dict(NAMES))

    values = [float(schedule(count)) for count in golden.COUNTS]

    np.testing.assert_allclose(values, golden.SCHEDULES[call], rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("call", golden.SCHEDULES)
def test_schedules_take_traced_counts(call):
    schedule = eval(call, dict(NAMES))
    counts = jnp.asarray(golden.COUNTS, jnp.int32)

    values = dc.jit(dc.vmap(lambda c: schedule(c) + jnp.zeros(())))(counts)

    np.testing.assert_allclose(values, golden.SCHEDULES[call], rtol=1e-6, atol=1e-7)

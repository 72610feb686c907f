"""Mechanic finds learning rates of other optimizers."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

STEPS = 60
SLOPE = np.array([0.5, 2.0, 0.1])
START = np.array([1.0, -2.0, 3.0])
NOISE = 0.2 * np.random.default_rng(2).normal(size=(STEPS, 3))


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def reference(rate, decay, eps, s_init, bettors):
    """Around momentum of 0.5, in float64 and in loops.

    Unlike ours it keeps the sum of all updates.
    """
    x, way, velocity = START, np.zeros(3), np.zeros(3)
    r, m, v = (np.zeros(bettors) for _ in range(3))
    s = np.full(bettors, s_init)
    for t in range(STEPS):
        g = SLOPE * x + NOISE[t]
        pull = decay * s.sum() * np.linalg.norm(g) / (np.linalg.norm(x) + eps)
        # The way is known from the parameters only up to `eps`.
        known = way * s.sum() / (s.sum() + eps)
        h = (g + pull * x) @ known
        for i in range(bettors):
            beta = 1 - 0.1 ** (i + 1)
            clipped = min(max(h, -m[i]), m[i])
            m[i] = max(beta * m[i], abs(h) + eps)
            v[i] = beta**2 * v[i] + h**2
            r[i] = beta * r[i] + clipped * s[i]
            s[i] = (s_init / bettors * m[i] + max(0, r[i])) / (np.sqrt(v[i]) + eps)
        velocity = 0.5 * velocity + g
        way = known + rate * velocity
        x = START - s.sum() * way
    return x, s


def run(optimizer, params, noises):
    def step(carry, noise):
        p, state = carry
        updates, state = optimizer.update(SLOPE * p + noise, state, p)
        return (optim.apply_updates(p, updates), state), None

    carry = params, optimizer.init(params)
    return dc.lax.scan(step, carry, jnp.asarray(noises))[0]


@pytest.mark.parametrize(("decay", "bettors"), [(0.0, 1), (0.5, 6)])
def test_steps_follow_the_paper(decay, bettors):
    with dc.enable_x64(True):
        base = optim.sgd(0.7, momentum=0.5)
        optimizer = contrib.mechanize(base, decay, 1e-3, 0.01, bettors)
        p, state = run(optimizer, jnp.asarray(START), NOISE)

    expected, factors = reference(0.7, decay, 1e-3, 0.01, bettors)
    np.testing.assert_allclose(p, expected, rtol=1e-8)
    np.testing.assert_allclose(state.s, factors, rtol=1e-8)


@pytest.mark.parametrize("rate", [1.0, 10.0, 100.0])
def test_the_solution_is_found_whatever_the_learning_rate_inside(rate):
    optimizer = contrib.mechanize(optim.adam(rate))

    p, _ = run(optimizer, jnp.asarray(START, "float32"), np.zeros((600, 3), "float32"))

    assert 0.5 * float(jnp.sum(SLOPE * p * p)) < 0.01


def test_the_beginning_is_where_the_first_step_is_done():
    optimizer = contrib.mechanize(optim.sgd(1.0))
    state = optimizer.init({"w": jnp.zeros(2)})
    params = {"w": jnp.asarray([3.0, 4.0])}

    for _ in range(2):
        _, state = optimizer.update(params, state, params)

    np.testing.assert_array_equal(state.x0["w"], [3.0, 4.0])


def test_the_optimizer_inside_gets_more_arguments():
    optimizer = contrib.mechanize(optim.polyak_sgd())
    params = jnp.ones(2)

    updates, _ = optimizer.update(params, optimizer.init(params), params, value=1.0)

    assert updates.shape == (2,)


def test_with_master_weights_parameters_of_16_bits_are_moved():
    optimizer = optim.with_master_weights(contrib.mechanize(optim.sgd(1.0)))

    p, _ = run(optimizer, jnp.asarray(START, "bfloat16"), np.zeros((300, 3), "float32"))

    assert p.dtype == jnp.bfloat16
    assert float(jnp.max(jnp.abs(p[:2]))) < 0.1


def test_someone_must_bet():
    with pytest.raises(ValueError) as raised:
        contrib.mechanize(optim.sgd(1.0), num_betas=0)

    assert message_of(raised) == "mechanize: `num_betas` must be at least 1, got 0."


def test_parameters_are_needed():
    optimizer = contrib.mechanize(optim.sgd(1.0))
    params = jnp.ones(2)

    with pytest.raises(ValueError, match=r"^mechanize: `params` must be given, got"):
        optimizer.update(params, optimizer.init(params))

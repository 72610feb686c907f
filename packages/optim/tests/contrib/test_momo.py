"""MoMo and its variant of Adam."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

STEPS = 40
SLOPE = np.array([0.5, 2.0, 0.1])
START = np.array([1.0, -2.0, 3.0])
NOISE = np.random.default_rng(2).normal(size=(STEPS, 3))


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def loss(p, noise):
    return 0.5 * (SLOPE * (p - 0.2 * noise) ** 2).sum() + 1.0


def reference(rate, beta, least, decay, adapts, b2=None, eps=1e-8):
    """Both methods in float64, with the model of the loss as in the paper."""
    x, lb = START, least
    d, v, f, gamma = np.zeros(3), np.zeros(3), 0.0, 0.0
    for t in range(1, STEPS + 1):
        g = SLOPE * (x - 0.2 * NOISE[t - 1])
        b = 0.0 if b2 is None and t == 1 else beta
        d = b * d + (1 - b) * g
        f = b * f + (1 - b) * loss(x, NOISE[t - 1])
        gamma = b * gamma + (1 - b) * g @ x
        rho, scales = 1.0, np.ones(3)
        if b2 is not None:
            v = b2 * v + (1 - b2) * g**2
            rho, scales = 1 - beta**t, eps + np.sqrt(v / (1 - b2**t))
        growth, square = 1 + rate * decay, (d**2 / scales).sum()
        h = growth * (f - gamma) + d @ x
        if adapts and h < growth * rho * lb:
            lb = max(h / (2 * rho * growth), least)
        tau = min(rate / rho, max(0.0, h - growth * rho * lb) / square)
        if adapts:
            lb = max((f + d @ x - gamma - tau * square / 2) / rho, least)
        x = x / growth - tau * d / scales
    return x


def run(optimizer):
    def step(carry, noise):
        p, state = carry
        value, grads = dc.value_and_grad(loss)(p, noise)
        updates, state = optimizer.update(grads, state, p, value=value)
        return (optim.apply_updates(p, updates), state), None

    params = jnp.asarray(START)
    carry = params, optimizer.init(params)
    (p, _), _ = dc.lax.scan(step, carry, jnp.asarray(NOISE))
    return p


@pytest.mark.parametrize("adapts", [False, True])
@pytest.mark.parametrize(("rate", "decay"), [(1.0, 0.0), (0.3, 0.1)])
def test_momo_follows_the_paper(rate, decay, adapts):
    with dc.enable_x64(True):
        p = run(contrib.momo(rate, 0.8, 0.3, decay, adapts))

    expected = reference(rate, 0.8, 0.3, decay, adapts)
    np.testing.assert_allclose(p, expected, rtol=1e-9)


@pytest.mark.parametrize("adapts", [False, True])
@pytest.mark.parametrize(("rate", "decay"), [(1.0, 0.0), (0.05, 0.1)])
def test_momo_adam_follows_the_paper(rate, decay, adapts):
    with dc.enable_x64(True):
        p = run(contrib.momo_adam(rate, 0.8, 0.95, 1e-6, 0.3, decay, adapts))

    expected = reference(rate, 0.8, 0.3, decay, adapts, 0.95, 1e-6)
    np.testing.assert_allclose(p, expected, rtol=1e-8)


@pytest.mark.parametrize("make", [contrib.momo, contrib.momo_adam])
def test_a_learning_rate_far_too_large_does_no_harm(make):
    optimizer = make(1000.0)

    def step(carry, _):
        p, state = carry
        value, grads = dc.value_and_grad(lambda p: jnp.sum(p**2))(p)
        updates, state = optimizer.update(grads, state, p, value=value)
        return (optim.apply_updates(p, updates), state), None

    start = jnp.asarray([3.0, -2.0])
    (p, _), _ = dc.lax.scan(step, (start, optimizer.init(start)), None, length=200)

    np.testing.assert_allclose(p, 0.0, atol=0.02)


@pytest.mark.parametrize("make", [contrib.momo, contrib.momo_adam])
def test_no_gradient_is_no_step(make):
    optimizer = make()
    params = jnp.ones(2)

    updates, _ = optimizer.update(
        jnp.zeros(2), optimizer.init(params), params, value=1.0
    )

    np.testing.assert_array_equal(updates, [0.0, 0.0])


@pytest.mark.parametrize("make", [contrib.momo, contrib.momo_adam])
def test_parameters_of_16_bits_have_averages_of_32(make):
    optimizer = make(optim.constant_schedule(0.1))
    params = {"w": jnp.ones(2, jnp.bfloat16)}

    state = optimizer.init(params)
    _, new = dc.jit(optimizer.update)(params, state, params, value=jnp.float16(2.0))

    assert new.exp_avg["w"].dtype == jnp.float32
    assert [x.dtype for x in dc.tree.leaves(new)] == [
        x.dtype for x in dc.tree.leaves(state)
    ]
    np.testing.assert_allclose(new.barf, new.gamma, rtol=1e-6)


@pytest.mark.parametrize("name", ["momo", "momo_adam"])
def test_the_loss_is_needed(name):
    optimizer = getattr(contrib, name)()
    params = jnp.ones(2)

    with pytest.raises(TypeError) as raised:
        optimizer.update(params, optimizer.init(params), params)

    assert message_of(raised) == (
        f"{name}: `value` must be given, the loss at `params`.\n"
        "Call `update(grads, state, params, value=loss)`."
    )


@pytest.mark.parametrize("name", ["momo", "momo_adam"])
def test_parameters_are_needed(name):
    optimizer = getattr(contrib, name)()
    params = jnp.ones(2)

    with pytest.raises(ValueError, match=f"^{name}: `params` must be given, got None"):
        optimizer.update(params, optimizer.init(params), value=1.0)

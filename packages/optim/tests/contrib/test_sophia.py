"""Sophia, and the estimate of the Hessian's diagonal."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random
from dolmen.optim import contrib

SLOPE = np.array([0.5, 2.0, 0.1])
START = np.array([1.0, -2.0, 3.0])


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def loss(p):
    return jnp.sum(0.5 * SLOPE * p**2 + 0.1 * p**4)


def reference(steps, rate, b1, b2, decay, gamma, most, every):
    """In float64; the Hessian is diagonal, so that any signs give the true diagonal."""
    p, m, h = START, np.zeros(3), np.zeros(3)
    for t in range(steps):
        g = SLOPE * p + 0.4 * p**3
        curvature = SLOPE + 1.2 * p**2
        m = b1 * m + (1 - b1) * g
        u = np.clip(m / (1 - b1 ** (t + 1)) / np.maximum(gamma * h, 1e-8), -most, most)
        if t % every == 0:
            h = b2 * h + (1 - b2) * curvature
        p = p - rate * (u + decay * p)
    return p


def run(optimizer, steps):
    def step(carry, _):
        p, state = carry
        updates, state = optimizer.update(dc.grad(loss)(p), state, p, obj_fn=loss)
        return (optim.apply_updates(p, updates), state), None

    params = jnp.asarray(START)
    (p, _), _ = dc.lax.scan(step, (params, optimizer.init(params)), None, length=steps)
    return p


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("most", [0.7, np.inf])
def test_steps_follow_the_formula(every, most):
    with dc.enable_x64(True):
        optimizer = contrib.sophia(
            0.1,
            0.8,
            0.5,
            weight_decay=0.01,
            gamma=1.5,
            clip_threshold=most if most < 1 else 1e9,
            update_interval=every,
        )
        p = run(optimizer, 20)

    expected = reference(20, 0.1, 0.8, 0.5, 0.01, 1.5, min(most, 1e9), every)
    np.testing.assert_allclose(p, expected, rtol=1e-10)


def test_without_a_threshold_steps_are_not_clipped():
    optimizer = contrib.sophia(1.0, weight_decay=0.0, eps=0.5, clip_threshold=None)
    params = jnp.asarray(START)

    updates, _ = optimizer.update(
        dc.grad(loss)(params), optimizer.init(params), params, obj_fn=loss
    )

    np.testing.assert_allclose(updates, -2 * (SLOPE * START + 0.4 * START**3), 1e-5)


def test_the_estimate_is_right_on_average():
    hessian = jnp.asarray([[2.0, 0.5], [0.5, -1.0]])
    transform = contrib.hutchinson_estimator_diag_hessian(random.key(3))
    params = jnp.ones(2)

    def step(state, _):
        estimate, state = transform.update(
            params, state, params, obj_fn=lambda p: 0.5 * p @ hessian @ p
        )
        return state, estimate

    _, estimates = dc.lax.scan(step, transform.init(params), None, length=2000)

    np.testing.assert_allclose(estimates.mean(0), [2.0, -1.0], atol=0.05)
    # Each is off by the other column, with one sign or the other.
    np.testing.assert_allclose(abs(estimates - estimates.mean(0)), 0.5, atol=0.05)


def test_another_estimate_of_curvature_can_be_given():
    square = optim.stateless(lambda g, p: dc.tree.map(lambda g: g * g, g))
    optimizer = contrib.sophia(0.1, b2=0.0, hessian_diagonal_fn=square)
    params = jnp.asarray([1.0, 2.0])

    _, state = optimizer.update(params, optimizer.init(params), params)

    np.testing.assert_array_equal(state[0].nu, [1.0, 4.0])


def test_parameters_of_16_bits_have_moments_of_32():
    optimizer = contrib.sophia(0.1, mu_dtype="bfloat16")
    params = jnp.ones(3, jnp.bfloat16)

    def step(state):
        return optimizer.update(params, state, params, obj_fn=lambda p: jnp.sum(p * p))

    updates, state = dc.jit(step)(optimizer.init(params))

    assert state[0].mu.dtype == jnp.bfloat16
    assert state[0].nu.dtype == jnp.float32
    np.testing.assert_allclose(updates, -0.1, rtol=1e-2)
    np.testing.assert_allclose(state[0].nu, 0.02, rtol=1e-5)


def test_the_share_of_unclipped_elements_is_printed(capfd):
    optimizer = contrib.sophia(
        0.1, eps=1.0, verbose=True, print_win_rate_every_n_steps=2
    )
    params = jnp.asarray([0.5, 2.0])
    state = optimizer.init(params)
    obj_fn = lambda p: 0.5 * jnp.sum(p * p)  # noqa: E731 - a formula

    for _ in range(4):
        _, state = dc.jit(optimizer.update, static_argnames="obj_fn")(
            params, state, params, obj_fn=obj_fn
        )
    dc.effects_barrier()

    expected = "sophia: 0.5 of the elements were not clipped\n"
    assert capfd.readouterr().out == 2 * expected


def test_the_loss_is_needed():
    optimizer = contrib.sophia(0.1)
    params = jnp.ones(2)

    with pytest.raises(ValueError) as raised:
        optimizer.update(params, optimizer.init(params), params)

    assert message_of(raised) == (
        "hutchinson_estimator_diag_hessian: `obj_fn` must be given, got None.\n"
        "Call `update(grads, state, params, obj_fn=loss)` with the loss as a function "
        "of the parameters."
    )


@pytest.mark.parametrize(
    ("transform", "name"),
    [
        (contrib.sophia(0.1), "sophia"),
        (
            contrib.hutchinson_estimator_diag_hessian(),
            "hutchinson_estimator_diag_hessian",
        ),
    ],
    ids=["sophia", "hutchinson"],
)
def test_parameters_are_needed(transform, name):
    with pytest.raises(ValueError, match=f"^{name}: `params` must be given, got None"):
        transform.update(jnp.ones(2), transform.init(jnp.ones(2)))

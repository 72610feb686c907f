"""Sharpness-aware minimization."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

CURVATURE = np.array([[0.5, 2.0], [1.0, 3.0]])
START = {"a": np.array([1.0, -2.0]), "b": np.array([0.5, 1.5])}


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def gradient(p):
    return {"a": CURVATURE[0] * p["a"], "b": CURVATURE[1] * p["b"] ** 3}


def reference(periods, steps_away, rate, rho, momentum):
    """Momentum from normalized steps away, in float64."""
    p = dict(START)
    velocity = {name: np.zeros(2) for name in p}
    for _ in range(periods):
        place = dict(p)
        for _ in range(steps_away):
            g = gradient(place)
            norm = np.sqrt(sum((x**2).sum() for x in g.values()))
            place = {name: place[name] + rho * g[name] / norm for name in p}
        g = gradient(place)
        for name in p:
            velocity[name] = momentum * velocity[name] + g[name]
            p[name] = p[name] - rate * velocity[name]
    return p


def made(sync_period, **options):
    away = optim.chain(contrib.normalize(), optim.sgd(0.1))
    return contrib.sam(optim.sgd(0.05, momentum=0.9), away, sync_period, **options)


@pytest.mark.parametrize("sync_period", [1, 2, 4])
def test_steps_follow_the_paper(sync_period):
    with dc.enable_x64(True):
        optimizer = made(sync_period)
        params = dc.tree.map(jnp.asarray, START)

        def step(carry, _):
            p, state = carry
            updates, state = optimizer.update(gradient(p), state, p)
            return (optim.apply_updates(p, updates), state), None

        carry = params, optimizer.init(params)
        (p, _), _ = dc.lax.scan(step, carry, None, length=10 * sync_period)

    expected = reference(10, sync_period - 1, 0.05, 0.1, 0.9)
    np.testing.assert_allclose(p["a"], expected["a"], rtol=1e-12)
    np.testing.assert_allclose(p["b"], expected["b"], rtol=1e-12)


def test_a_whole_period_is_one_call_in_opaque_mode():
    with dc.enable_x64(True):
        optimizer = made(3, opaque_mode=True)
        p = dc.tree.map(jnp.asarray, START)
        state = optimizer.init(p)
        for _ in range(5):
            updates, state = optimizer.update(
                gradient(p), state, p, grad_fn=lambda p, _: gradient(p)
            )
            p = optim.apply_updates(p, updates)

    expected = reference(5, 2, 0.05, 0.1, 0.9)
    np.testing.assert_allclose(p["a"], expected["a"], rtol=1e-12)
    np.testing.assert_allclose(p["b"], expected["b"], rtol=1e-12)


def test_gradients_away_are_averaged_over_a_mapped_axis():
    optimizer = contrib.sam(
        optim.sgd(1.0), optim.sgd(0.0), opaque_mode=True, batch_axis_name="batch"
    )

    def update(slope):
        p = jnp.float32(1.0)
        state = optimizer.init(p)
        return optimizer.update(p, state, p, grad_fn=lambda p, _: slope * p)[0]

    updates = dc.vmap(update, axis_name="batch")(jnp.asarray([1.0, 3.0]))

    np.testing.assert_array_equal(updates, [-2.0, -2.0])


@pytest.mark.parametrize(("reset_state", "count"), [(True, 0), (False, 1)])
def test_the_state_of_steps_away_may_be_kept(reset_state, count):
    optimizer = contrib.sam(optim.sgd(0.1), optim.adam(0.1), reset_state=reset_state)
    params = jnp.ones(2)
    state = optimizer.init(params)
    for _ in range(2):
        _, state = optimizer.update(params, state, params)

    assert int(optim.tree.get(state.adv_state, "count")) == count


def test_parameters_of_16_bits_come_back_where_they_were():
    optimizer = contrib.sam(optim.sgd(0.0), optim.sgd(0.3))
    params = jnp.asarray([1.0, 0.007], jnp.bfloat16)

    away, state = optimizer.update(params, optimizer.init(params), params)
    place = optim.apply_updates(params, away)
    back, _ = optimizer.update(place, state, place)

    np.testing.assert_array_equal(optim.apply_updates(place, back), params)


def test_normalized_updates_have_norm_1_or_0():
    transform = contrib.normalize()
    state = transform.init(None)

    updates, _ = transform.update([jnp.float16(3.0), jnp.float32(-4.0)], state)
    zeros, _ = transform.update([jnp.zeros(2)], state)

    np.testing.assert_allclose(np.asarray(updates, float), [0.6, -0.8], rtol=1e-3)
    assert [u.dtype for u in updates] == [jnp.float16, jnp.float32]
    np.testing.assert_array_equal(zeros[0], [0.0, 0.0])


def test_a_period_has_steps():
    with pytest.raises(ValueError) as raised:
        made(0)

    assert message_of(raised) == "sam: `sync_period` must be at least 1, got 0."


def test_opaque_mode_needs_a_gradient():
    optimizer = made(2, opaque_mode=True)
    params = jnp.ones(2)

    with pytest.raises(ValueError) as raised:
        optimizer.update(params, optimizer.init(params), params)

    assert message_of(raised) == (
        "sam: `grad_fn` must be given in opaque mode, got None.\n"
        "Call `update(grads, state, params, grad_fn=grad_fn)` with a function of "
        "parameters and step to gradients."
    )


@pytest.mark.parametrize("opaque_mode", [True, False])
def test_parameters_are_needed(opaque_mode):
    optimizer = made(2, opaque_mode=opaque_mode)
    params = jnp.ones(2)

    with pytest.raises(ValueError, match=r"^sam: `params` must be given, got None"):
        optimizer.update(params, optimizer.init(params))

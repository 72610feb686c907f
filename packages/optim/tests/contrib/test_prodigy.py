"""Prodigy and D-adaptation find their learning rates."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib


@pytest.mark.parametrize("make", [contrib.prodigy, contrib.dadapt_adamw])
@pytest.mark.parametrize("distance", [0.1, 100.0])
def test_the_estimate_grows_to_the_distance(make, distance):
    optimizer = make(optim.cosine_decay_schedule(1.0, 400))

    def step(carry, _):
        p, state = carry
        updates, state = optimizer.update(jnp.sign(p - distance), state, p)
        return (optim.apply_updates(p, updates), state), None

    start = jnp.zeros(1)
    carry = start, optimizer.init(start)
    (p, state), _ = dc.lax.scan(step, carry, None, length=400)

    np.testing.assert_allclose(p, distance, rtol=0.05)
    assert 0.05 * distance < float(state.estim_lr) < 3 * distance


@pytest.mark.parametrize("make", [contrib.prodigy, contrib.dadapt_adamw])
def test_gradients_of_zero_change_nothing(make):
    optimizer = make()
    params = jnp.ones(2)

    updates, state = optimizer.update(jnp.zeros(2), optimizer.init(params), params)

    np.testing.assert_array_equal(updates, np.zeros(2))
    np.testing.assert_allclose(state.estim_lr, 1e-6)


def test_parameters_are_needed():
    optimizer = contrib.prodigy()

    with pytest.raises(ValueError, match=r"^prodigy: `params` must be given, got None"):
        optimizer.update([1.0], optimizer.init([1.0]))

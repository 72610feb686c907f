"""Gradient descent that tells little of any single example."""

import numpy as np

import dolmen.core.numpy as jnp
from dolmen.optim import contrib


def test_steps_are_those_of_momentum_on_clipped_means():
    optimizer = contrib.dpsgd(0.5, 1.0, 0.0, seed=0, momentum=0.9)
    params = {"w": jnp.zeros(2)}
    grads = {"w": jnp.asarray([[3.0, 4.0], [0.0, 0.5]])}  # of two examples
    mean = np.array([0.3, 0.65])

    first, state = optimizer.update(grads, optimizer.init(params), params)
    second, _ = optimizer.update(grads, state, params)

    np.testing.assert_allclose(first["w"], -0.5 * mean, rtol=1e-5)
    np.testing.assert_allclose(second["w"], -0.5 * 1.9 * mean, rtol=1e-5)


def test_noise_is_a_multiple_of_the_bound():
    optimizer = contrib.dpsgd(1.0, 2.0, 3.0, seed=0)
    zeros = jnp.zeros((2, 4000))

    updates, _ = optimizer.update(zeros, optimizer.init(jnp.zeros(4000)))

    # A deviation of 2 * 3 on the sum of two.
    np.testing.assert_allclose(updates.std(), 3.0, rtol=0.05)

"""Step sizes from distances."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib


@pytest.mark.parametrize("make", [contrib.dog, contrib.dowg], ids=["dog", "dowg"])
@pytest.mark.parametrize("distance", [0.3, 30.0])
def test_the_solution_is_found_without_a_learning_rate(make, distance):
    optimizer = make()

    def step(carry, _):
        p, state = carry
        updates, state = optimizer.update(p - distance, state, p)
        return (optim.apply_updates(p, updates), state), None

    start = jnp.zeros(2)
    carry = start, optimizer.init(start)
    (p, _), _ = dc.lax.scan(step, carry, None, length=1500)

    np.testing.assert_allclose(p, distance, rtol=0.05)


def test_the_first_step_may_be_a_learning_rate():
    optimizer = contrib.dog(init_step=("learning_rate", 0.25))
    params = jnp.zeros(2)

    first, state = optimizer.update(jnp.ones(2), optimizer.init(params), params)
    second, _ = optimizer.update(jnp.ones(2), state, params + first)

    np.testing.assert_allclose(first, -0.25, rtol=1e-6)
    # The distance of 0.25 in both elements over the root of two squares each.
    np.testing.assert_allclose(second, -0.25 * np.sqrt(2) / 2, rtol=1e-5)


def test_first_steps_have_names():
    with pytest.raises(ValueError) as raised:
        contrib.dog(init_step=("size", 1.0))

    assert str(raised.value).splitlines()[0] == (
        "dog: `init_step` must begin with 'distance', 'learning_rate' or 'heuristic', "
        "got 'size'."
    )


@pytest.mark.parametrize("make", [contrib.dog, contrib.dowg], ids=["dog", "dowg"])
def test_parameters_are_needed(make):
    optimizer = make()

    with pytest.raises(ValueError, match=r"^dow?g: `params` must be given, got None"):
        optimizer.update([1.0], optimizer.init([1.0]))

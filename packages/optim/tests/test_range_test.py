"""The learning rate that is found is one that trains."""

import numpy as np
import pytest

import dolmen.core.numpy as jnp
from dolmen import optim

CURVATURE = jnp.asarray([1.0, 0.5, 2.0])


def loss(params, batch):
    return jnp.sum(CURVATURE * (params["w"] - batch) ** 2)


START = {"w": jnp.asarray([4.0, -3.0, 2.0])}


def batches(n):
    return [jnp.zeros(3)] * n


def test_rates_grow_by_a_factor_and_losses_are_those_before_the_steps():
    test = optim.find_learning_rate(
        loss, START, batches(5), low=1e-3, high=1e-1, num_steps=5, smoothing=0.0
    )

    np.testing.assert_allclose(test.learning_rates, np.geomspace(1e-3, 1e-1, 5))
    w, expected = np.asarray(START["w"]), []
    for rate in test.learning_rates:
        expected.append((np.asarray(CURVATURE) * w**2).sum())
        w = w - rate * 2 * np.asarray(CURVATURE) * w
    np.testing.assert_allclose(test.losses, expected, rtol=1e-5)
    np.testing.assert_allclose(test.smoothed, expected, rtol=1e-5)


def test_the_test_ends_where_training_diverges():
    test = optim.find_learning_rate(
        loss, START, batches(100), low=1e-3, high=1e3, smoothing=0.5
    )

    # A quadratic diverges once the rate is 2 / curvature, here 1 / 2.
    assert 0.1 < test.learning_rates[-1] < 100
    assert test.smoothed[-1] <= 4 * min(test.smoothed)
    assert 1e-2 < test.steepest < 0.5 < test.lowest
    assert "learning rate" in str(test)
    assert f"steepest at {test.steepest:.3g}" in str(test)


def test_any_optimizer_can_be_asked():
    test = optim.find_learning_rate(
        loss, START, batches(60), optimizer=optim.adam, low=1e-4, num_steps=60
    )

    assert 1e-3 < test.steepest < 5.0
    np.testing.assert_array_equal(START["w"], [4.0, -3.0, 2.0])


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.find_learning_rate(loss, START, [], low=1.0, high=0.1),
            "find_learning_rate: `low` must be positive and less than `high`, got 1.0 "
            "and 0.1.",
        ),
        (
            lambda: optim.find_learning_rate(loss, START, batches(1)),
            "find_learning_rate: at least two steps must have a finite loss, got 1.",
        ),
        (
            lambda: optim.find_learning_rate(
                lambda params, batch: params["w"][0] * jnp.nan, START, batches(9)
            ),
            "find_learning_rate: at least two steps must have a finite loss, got 0.",
        ),
    ],
)
def test_without_an_answer_there_is_an_error(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert str(raised.value).splitlines()[0] == expected

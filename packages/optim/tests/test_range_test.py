"""The learning rate that is found is one that trains."""

import re

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


def test_losses_below_zero_are_no_divergence():
    options = {"low": 1e-3, "high": 0.1, "num_steps": 20}

    test = optim.find_learning_rate(loss, START, batches(20), **options)
    lower = optim.find_learning_rate(
        lambda params, batch: loss(params, batch) - 100.0, START, batches(20), **options
    )

    np.testing.assert_allclose(lower.smoothed, np.asarray(test.smoothed) - 100)
    assert lower.steepest == test.steepest


def test_optimizers_that_need_the_loss_are_given_it():
    test = optim.find_learning_rate(
        loss, START, batches(30), optimizer=optim.contrib.momo, num_steps=30
    )

    assert len(test.losses) == 30


def test_an_optimizer_that_is_made_already_is_refused():
    with pytest.raises(TypeError) as raised:
        optim.find_learning_rate(loss, START, batches(3), optimizer=optim.adam(0.1))

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "find_learning_rate: `optimizer` must be a function of a learning rate, got "
        "GradientTransformationExtraArgs.\n"
        "  at <here>\n"
        "Pass `optim.adamw`, or `lambda rate: optim.adamw(rate, b2=0.95)`."
    )


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.find_learning_rate(loss, START, [], low=1.0, high=0.1),
            "find_learning_rate: `low` must be positive and less than `high`, got 1.0 "
            "and 0.1.",
        ),
        (
            lambda: optim.find_learning_rate(loss, START, batches(3), num_steps=9),
            "find_learning_rate: `batches` must last for 9 steps, got 3: the learning "
            "rate did not get beyond 1e-05.",
        ),
        (
            lambda: optim.find_learning_rate(loss, START, batches(2), smoothing=1.0),
            "find_learning_rate: `smoothing` must be at least 0 and below 1, got 1.0.",
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

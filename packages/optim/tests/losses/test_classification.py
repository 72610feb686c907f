"""Losses agree with float64 NumPy and SciPy, also where naive formulas fail."""

import numpy as np
import pytest
import scipy.special

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(size=(3, 4, 5)) * 5
LABELS = RNG.integers(0, 5, size=(3, 4))


def test_integer_labels_pick_the_log_probability():
    expected = -np.take_along_axis(
        scipy.special.log_softmax(LOGITS, axis=-1), LABELS[..., None], axis=-1
    )[..., 0]

    loss = optim.softmax_cross_entropy_with_integer_labels(
        jnp.asarray(LOGITS, jnp.float32), jnp.asarray(LABELS)
    )

    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axis", [0, 1, (0, 2), (2, 0)])
def test_integer_and_one_hot_labels_agree_on_any_axes(axis):
    axes = (axis,) if isinstance(axis, int) else axis
    others = [a for a in range(3) if a not in axes]
    sizes = [LOGITS.shape[a] for a in axes]
    labels = RNG.integers(0, np.prod(sizes), size=[LOGITS.shape[a] for a in others])
    one_hot = np.eye(np.prod(sizes))[labels].reshape(*labels.shape, *sizes)
    one_hot = one_hot.transpose(np.argsort([*others, *axes]))
    logits = jnp.asarray(LOGITS, jnp.float32)

    by_index = optim.softmax_cross_entropy_with_integer_labels(
        logits, jnp.asarray(labels), axis
    )
    by_vector = optim.softmax_cross_entropy(logits, jnp.asarray(one_hot), axis)

    np.testing.assert_allclose(by_index, by_vector, rtol=1e-5, atol=1e-5)


def test_excluded_classes_do_not_exist():
    where = np.array([True, True, False, True, False])
    labels = np.array([1, 3, 0])
    logits = jnp.asarray(LOGITS[:, 0], jnp.float32)

    loss = optim.softmax_cross_entropy_with_integer_labels(
        logits, jnp.asarray(labels), where=jnp.asarray(where[None])
    )

    kept = scipy.special.logsumexp(LOGITS[:, 0][:, where], axis=-1)
    expected = kept - LOGITS[:, 0][np.arange(3), labels]
    np.testing.assert_allclose(loss, expected, rtol=1e-5, atol=1e-5)


def test_the_gradient_is_softmax_minus_label():
    logits = jnp.asarray(LOGITS[0], jnp.float32)

    slope = dc.grad(
        lambda x: optim.softmax_cross_entropy_with_integer_labels(
            x, jnp.asarray(LABELS[0])
        ).sum()
    )(logits)

    expected = scipy.special.softmax(LOGITS[0], axis=-1) - np.eye(5)[LABELS[0]]
    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)


def test_huge_and_infinite_logits_stay_exact():
    logits = jnp.asarray([[1e4, 0.0, -jnp.inf], [0.0, 1e4, 0.0]])

    loss = optim.softmax_cross_entropy_with_integer_labels(logits, jnp.asarray([0, 0]))

    np.testing.assert_array_equal(loss, [0.0, 1e4])


def test_binary_cross_entropy_agrees_with_its_formula():
    logits = np.array([-80.0, -2.0, 0.0, 3.0, 80.0])
    labels = np.array([1.0, 0.3, 1.0, 0.0, 0.0])

    loss = optim.sigmoid_binary_cross_entropy(
        jnp.asarray(logits, jnp.float32), jnp.asarray(labels, jnp.float32)
    )

    expected = labels * np.logaddexp(0, -logits) + (1 - labels) * np.logaddexp(
        0, logits
    )
    np.testing.assert_allclose(loss, expected, rtol=1e-6)


def test_errors_are_squared_halved_and_made_linear():
    errors = np.array([-3.0, -1.0, 0.0, 0.5, 2.0])
    predictions = jnp.asarray(errors + 7, jnp.float32)
    targets = jnp.full(5, 7.0)
    huber = np.where(abs(errors) <= 1.5, errors**2 / 2, 1.5 * (abs(errors) - 0.75))

    np.testing.assert_allclose(optim.squared_error(predictions, targets), errors**2)
    np.testing.assert_allclose(optim.l2_loss(predictions, targets), errors**2 / 2)
    np.testing.assert_allclose(optim.huber_loss(predictions, targets, 1.5), huber)


def test_labels_outside_the_classes_give_nan():
    loss = optim.softmax_cross_entropy_with_integer_labels(
        jnp.zeros((3, 4)), jnp.asarray([0, 4, -1])
    )

    np.testing.assert_allclose(loss, [np.log(4), np.nan, np.log(4)], rtol=1e-6)

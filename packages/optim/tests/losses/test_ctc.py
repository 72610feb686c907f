"""The forward probabilities of CTC, and sequences at the edges."""

import itertools

import numpy as np
import pytest
from scipy import special

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

LOGITS = np.random.default_rng(2).normal(size=(1, 4, 3)).astype(np.float32)
LABELS = np.array([[1, 1]])


def merged(path):
    return [k for k, _ in itertools.groupby(path) if k != 0]


def probability_of_beginnings(frames, accepts):
    p = special.softmax(LOGITS[0], axis=-1)
    paths = itertools.product(range(3), repeat=frames)
    return sum(
        np.prod([p[t, k] for t, k in enumerate(path)])
        for path in paths
        if accepts(path)
    )


def test_forward_probabilities_are_those_of_all_beginnings():
    _, blank, label = optim.losses.ctc_loss_with_forward_probs(
        LOGITS, np.zeros((1, 4)), LABELS, np.zeros((1, 2))
    )

    frames, wanted = 3, LABELS[0].tolist()
    for n in range(3):
        ends_blank = probability_of_beginnings(
            frames, lambda path, n=n: path[-1] == 0 and merged(path) == wanted[:n]
        )
        np.testing.assert_allclose(jnp.exp(blank[2, 0, n]), ends_blank, rtol=1e-5)
    for n in range(1, 3):
        ends_in_label = probability_of_beginnings(
            frames, lambda path, n=n: path[-1] != 0 and merged(path) == wanted[:n]
        )
        np.testing.assert_allclose(
            jnp.exp(label[2, 0, n - 1]), ends_in_label, rtol=1e-5, atol=1e-30
        )
    assert (blank.shape, label.shape) == ((4, 1, 3), (4, 1, 2))


def test_the_last_forward_probability_is_the_loss():
    loss, blank, _ = optim.losses.ctc_loss_with_forward_probs(
        LOGITS, np.zeros((1, 4)), LABELS, np.zeros((1, 2))
    )

    np.testing.assert_array_equal(loss, -blank[-1, :, 2])


def test_labels_that_the_frames_are_too_few_for_are_all_but_impossible():
    loss = optim.ctc_loss(
        LOGITS[:, :2], np.zeros((1, 2)), LABELS, np.zeros((1, 2), bool)
    )

    assert 9e4 < float(loss[0]) < 1.1e5


def test_what_stands_in_the_padding_changes_neither_loss_nor_gradient():
    def loss(logits, labels):
        return optim.ctc_loss(logits, [[0, 0, 0, 1]], labels, [[0, 1]])[0]

    usual = dc.value_and_grad(loss)(LOGITS, np.array([[2, 0]]))
    strange = dc.value_and_grad(loss)(LOGITS, np.array([[2, -7]]))

    np.testing.assert_array_equal(strange[0], usual[0])
    np.testing.assert_array_equal(strange[1], usual[1])
    np.testing.assert_array_equal(usual[1][0, 3], np.zeros(3))


def test_a_label_outside_the_classes_gives_nan():
    loss = optim.ctc_loss(LOGITS, np.zeros((1, 4)), [[1, 3]], np.zeros((1, 2)))

    assert np.isnan(loss).all()


def test_no_label_means_blanks_only():
    loss = optim.ctc_loss(
        LOGITS, np.zeros((1, 4)), np.zeros((1, 0), np.int32), np.zeros((1, 0))
    )

    expected = -special.log_softmax(LOGITS[0], axis=-1)[:, 0].sum()
    np.testing.assert_allclose(loss, [expected], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_logits_are_summed_in_float32(dtype):
    logits = jnp.asarray(LOGITS, dtype)

    loss = optim.ctc_loss(logits, np.zeros((1, 4)), LABELS, np.zeros((1, 2)))

    wide = optim.ctc_loss(
        logits.astype(jnp.float32), np.zeros((1, 4)), LABELS, np.zeros((1, 2))
    )
    assert loss.dtype == jnp.float32
    np.testing.assert_array_equal(loss, wide)

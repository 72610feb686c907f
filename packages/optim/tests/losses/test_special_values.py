"""Gradients where naive formulas give NaN, and what losses refuse."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.optim import losses

INF = np.inf


@pytest.mark.parametrize(
    ("loss", "args", "expected"),
    [
        # Impossible classes have no gradient.
        (
            losses.safe_softmax_cross_entropy,
            (np.array([0.0, 0.0, -INF]), np.array([1.0, 0.0, 0.0])),
            [-0.5, 0.5, 0.0],
        ),
        (
            losses.kl_divergence,
            (np.array([-1.0, -INF]), np.array([1.0, 0.0])),
            [-1.0, 0.0],
        ),
        (
            lambda targets, log_p: losses.kl_divergence(log_p, targets),
            (np.array([1.0, 0.0]), np.array([-1.0, -2.0])),
            [2.0, 0.0],
        ),
        (
            losses.multiclass_sparsemax_loss,
            (np.array([0.0, -INF, 0.0]), np.array(2)),
            [0.5, 0.0, -0.5],
        ),
        # A power below one has an infinite slope at zero.
        (
            lambda x: losses.sigmoid_focal_loss(x, 1.0, gamma=0.5),
            (np.array(200.0),),
            0.0,
        ),
        (losses.log_cosh, (np.array(-1e4),), -1.0),
        (
            lambda x: losses.triplet_margin_loss(x, np.zeros(2), np.full(2, 0.5)),
            (np.zeros(2),),
            [2**-0.5, 2**-0.5],
        ),
        (
            lambda x: losses.ranking_softmax_loss(
                x, np.ones(2), where=np.zeros(2, bool)
            ),
            (np.array([1.0, 2.0]),),
            [0.0, 0.0],
        ),
    ],
)
def test_gradients_at_special_points(loss, args, expected):
    args = [np.asarray(x, np.float32) if x.dtype.kind == "f" else x for x in args]

    slope = dc.grad(loss)(*args)

    np.testing.assert_allclose(slope, expected, rtol=1e-5, atol=1e-6)


def test_log_cosh_is_curved_at_zero():
    assert float(dc.grad(dc.grad(losses.log_cosh))(0.0)) == 1.0


def test_a_batch_without_positive_pairs_has_no_loss():
    assert np.isnan(losses.ntxent(jnp.eye(3), jnp.arange(3)))


def test_softmax_cross_entropy_of_an_impossible_class_is_infinite():
    logits = jnp.asarray([0.0, -INF])

    loss = losses.safe_softmax_cross_entropy(logits, jnp.asarray([0.5, 0.5]))

    assert float(loss) == INF


def test_lists_without_items_make_no_nan_on_the_way():
    where = jnp.asarray([[True, False], [False, False]])

    with dc.debug_nans(True):
        loss = losses.ranking_softmax_loss(
            jnp.ones((2, 2)), jnp.ones((2, 2)), where=where
        )

    assert float(loss) == 0.0


def test_lists_are_arrays_too():
    loss = losses.softmax_cross_entropy(
        [[0.0, 0.0]], [[0.5, 0.5]], where=[[True, True]]
    )

    np.testing.assert_allclose(loss, [np.log(2)], rtol=1e-6)


def test_a_batch_may_be_empty():
    nothing = losses.multiclass_sparsemax_loss(jnp.zeros((0, 3)), jnp.zeros(0, int))

    assert nothing.shape == (0,)


X = jnp.ones((2, 3))
INTEGERS = jnp.ones((2, 3), jnp.int32)


@pytest.mark.parametrize(
    ("error", "call", "expected"),
    [
        (
            TypeError,
            lambda: losses.hinge_loss(INTEGERS, 1),
            "hinge_loss: `predictor_outputs` must be a floating-point array, got "
            "i32[2,3].\n  at <here>\nConvert them with `.astype(jnp.float32)`.",
        ),
        (
            TypeError,
            lambda: losses.kl_divergence(X, INTEGERS),
            "kl_divergence: `targets` must be a floating-point array, got i32[2,3].\n"
            "  at <here>\nConvert them with `.astype(jnp.float32)`.",
        ),
        (
            TypeError,
            lambda: losses.l2_loss(jnp.ones(2, jnp.complex64)),
            "l2_loss: `predictions` must be a floating-point array, got c64[2].\n"
            "  at <here>\nConvert them with `.astype(jnp.float32)`.",
        ),
        (
            TypeError,
            lambda: losses.multiclass_hinge_loss(X, jnp.ones(2)),
            "multiclass_hinge_loss: `labels` must be integers, got f32[2].\n"
            "  at <here>\nLabels are class numbers.",
        ),
        (
            ValueError,
            lambda: losses.multiclass_sparsemax_loss(X, INTEGERS),
            "multiclass_sparsemax_loss: `labels` must have the shape of `scores` "
            "without the last axis, got i32[2,3] for `scores` f32[2,3].\n"
            "  at <here>\nLabels are class numbers, not one-hot vectors.",
        ),
        (
            ValueError,
            lambda: losses.perceptron_loss(X, jnp.ones(3)),
            "perceptron_loss: `predictor_outputs` and `targets` must have the same "
            "shape, got f32[2,3] and f32[3].\n  at <here>\n"
            "Reshape or broadcast one of them.",
        ),
        (
            ValueError,
            lambda: losses.ntxent(X, jnp.arange(3)),
            "ntxent: `embeddings` must be [batch, n] and `labels` [batch], got "
            "f32[2,3] and i32[3].\n  at <here>",
        ),
        (
            ValueError,
            lambda: losses.dice_loss(X, X, reduction="max"),
            "dice_loss: `reduction` must be one of ['mean', 'sum', 'none'], got "
            "'max'.\n  at <here>",
        ),
        (
            ValueError,
            lambda: losses.binary_dice_loss(X, jnp.ones((2, 2))),
            "binary_dice_loss: `predictions` and `targets` must have the same shape, "
            "got f32[2,3,1] and f32[2,2,1].\n  at <here>\n"
            "Reshape or broadcast one of them.",
        ),
        (
            ValueError,
            lambda: losses.ctc_loss(X, X, jnp.ones((2, 1), int), jnp.ones((2, 1))),
            "ctc_loss: `logits` must be [batch, frames, classes] and `labels` "
            "[batch, n], got f32[2,3] and i32[2,1].\n  at <here>\n"
            "For one sequence add an axis of size 1 to both.",
        ),
        (
            ValueError,
            lambda: losses.ctc_loss(
                X[None], jnp.ones(2), jnp.ones((1, 1), int), jnp.ones((1, 1))
            ),
            "ctc_loss: `logit_paddings` must have the shape [1, 2], got [2].\n"
            "  at <here>",
        ),
        (
            ValueError,
            lambda: losses.ctc_loss(
                jnp.ones((1, 0, 2)),
                jnp.ones((1, 0)),
                jnp.ones((1, 1), int),
                jnp.ones((1, 1)),
            ),
            "ctc_loss: `logits` must have at least one frame, got f32[1,0,2].\n"
            "  at <here>",
        ),
    ],
)
def test_what_does_not_fit_is_refused(error, call, expected):
    with pytest.raises(error) as raised:
        call()

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == expected

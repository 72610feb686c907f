"""A batch in parts gives what the whole batch gives, in the order of the batch."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim.microbatching import (
    AccumulationType as Kind,
    Accumulator,
    micro_grad,
    micro_vmap,
    microbatch,
    reshape_batch_axis,
)

RNG = np.random.default_rng(0)
X = RNG.normal(size=(6, 3)).astype(np.float32)
Y = RNG.normal(size=6).astype(np.float32)
W = RNG.normal(size=3).astype(np.float32)


def summed_loss(w, x, y):
    return ((x @ w - y) ** 2).sum()


@pytest.mark.parametrize("size", [1, 2, 3, 6, None])
def test_gradients_of_a_sum_are_those_of_the_whole_batch(size):
    grad = dc.value_and_grad(summed_loss)

    made = dc.jit(microbatch(grad, argnums=(1, 2), microbatch_size=size))(W, X, Y)

    value, slope = grad(W, X, Y)
    np.testing.assert_allclose(made[0], value, rtol=1e-5)
    np.testing.assert_allclose(made[1], slope, rtol=1e-5)


def test_each_result_may_be_put_together_in_its_own_way():
    def f(x):
        return {"rows": 2 * x, "sum": x.sum(0), "mean": (x.mean(0), x.mean())}

    by = {"rows": Kind.CONCAT, "sum": Kind.SUM, "mean": Kind.MEAN}
    made = microbatch(f, 0, 2, by)(X)

    np.testing.assert_array_equal(made["rows"], 2 * X)
    np.testing.assert_allclose(made["sum"], X.sum(0), rtol=1e-5)
    np.testing.assert_allclose(made["mean"][0], X.mean(0), rtol=1e-5)
    np.testing.assert_allclose(made["mean"][1], X.mean(), rtol=1e-5, atol=1e-7)


def test_numbers_are_concatenated_one_for_each_microbatch():
    sums = microbatch(jnp.sum, 0, 3, Kind.CONCAT)(jnp.arange(6))

    np.testing.assert_array_equal(sums, [0 + 2 + 4, 1 + 3 + 5])


def test_rows_are_dealt_out_to_the_microbatches():
    parts = reshape_batch_axis({"x": jnp.arange(12).reshape(2, 6)}, 2, axis=-1)

    np.testing.assert_array_equal(
        parts["x"], np.arange(12).reshape(2, 2, 3).swapaxes(1, 2)
    )


def test_keywords_trees_and_other_axes_may_hold_the_batch():
    def f(scale, batch, *, y):
        return scale * (batch["x"] * y).sum()

    made = microbatch(f, 1, 3, argnames="y", in_axes=(1, 0))(
        2.0, {"x": X.T[:1]}, y=Y[:, None].T[0]
    )

    np.testing.assert_allclose(made, 2 * (X[:, 0] * Y).sum(), rtol=1e-5)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.SUM, 0.0 + 3 + 1 + 4),
        (Kind.MEAN, (0.0 + 3 + 1 + 4) / 3),
        (Kind.RUNNING_MEAN, (0.0 + 3 + 1 + 4) / 2),
        (Kind.CONCAT, [0.0, 1.0, 0.0, 3.0, 4.0, 0.0]),
    ],
)
def test_a_traced_number_of_microbatches_is_done(kind, expected):
    f = (lambda x: x) if kind is Kind.CONCAT else jnp.sum

    @dc.jit
    def run(x, count):
        return microbatch(f, 0, 2, kind, num_real_microbatches=count)(x)

    np.testing.assert_allclose(run(jnp.arange(6.0), 2), expected, rtol=1e-6)


def test_sums_of_half_precision_are_rounded_once():
    x = jnp.full(512, 1.0, jnp.bfloat16)

    total = microbatch(jnp.sum, 0, 1)(x)

    # In bfloat16 256 + 1 is 256.
    assert total.dtype == jnp.bfloat16
    assert float(total) == 512.0


def test_accumulators_of_ones_own_are_used():
    largest = Accumulator(
        lambda like: jnp.full(like.shape, -jnp.inf, like.dtype),
        lambda carry, value, index: jnp.maximum(carry, value),
        lambda carry: carry + 1,
        lambda values: values.max(0),
    )

    assert float(microbatch(jnp.max, 0, 2, largest)(Y)) == Y.max() + 1
    made = micro_vmap(lambda y: y, microbatch_size=2, accumulator=largest)(Y)
    assert float(made) == Y.max() + 1


def test_the_loop_is_differentiable():
    slope = dc.grad(lambda w: microbatch(summed_loss, (1, 2), 2)(w, X, Y))(W)

    np.testing.assert_allclose(slope, dc.grad(summed_loss)(W, X, Y), rtol=1e-5)


@pytest.mark.parametrize("size", [None, 2])
def test_micro_vmap_is_vmap(size):
    def f(w, x, *, y):
        return x @ w - y, x

    made = micro_vmap(f, (None, 0), microbatch_size=size)(W, X, y=Y)

    np.testing.assert_allclose(made[0], X @ W - Y, rtol=1e-5, atol=1e-6)
    np.testing.assert_array_equal(made[1], X)


@pytest.mark.parametrize("size", [None, 1, 3])
def test_micro_vmap_reduces_on_the_way(size):
    made = micro_vmap(lambda x: x, accumulator=Kind.MEAN, microbatch_size=size)(X)

    np.testing.assert_allclose(made, X.mean(0), rtol=1e-5)


@pytest.mark.parametrize(("keep", "shape"), [(True, (1, 3)), (False, (3,))])
def test_micro_grad_transforms_the_gradient_of_every_example(keep, shape):
    def loss(w, x, y):
        assert x.shape == shape
        return jnp.mean((x @ w - y) ** 2), jnp.sum(x)

    grad = micro_grad(
        loss,
        has_aux=True,
        batch_argnums=(1, 2),
        keep_batch_dim=keep,
        microbatch_size=2,
        transform_fn=lambda g: {"mean": g, "square": g**2},
        metrics_fn=lambda g: jnp.linalg.norm(g),
        accumulator={"mean": Kind.MEAN, "square": Kind.SUM},
    )
    made, each = dc.jit(grad)(W, X, Y)

    errors = X @ W - Y
    slopes = 2 * errors[:, None] * X
    np.testing.assert_allclose(made["mean"], slopes.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(made["square"], (slopes**2).sum(0), rtol=1e-4)
    np.testing.assert_allclose(each.values, errors**2, rtol=1e-4)
    np.testing.assert_allclose(each.metrics, np.linalg.norm(slopes, axis=1), rtol=1e-4)
    np.testing.assert_allclose(each.aux, X.sum(1), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    ("error", "call", "expected"),
    [
        (
            ValueError,
            lambda: microbatch(jnp.sum, 0, 4)(X),
            "microbatch: `microbatch_size` must divide the size of the batch, got 4 "
            "for 6.\n  at <here>\n"
            "Pad the batch, and weigh the rows of the padding with 0.",
        ),
        (
            ValueError,
            lambda: microbatch(lambda x, y: 0, (0, 1), 2)(X, {"y": Y[:4]}),
            "microbatch: all arrays of a batch must have the same size, got\n"
            "  argument 0: 6\n  argument 1['y']: 4\n  at <here>\n"
            "Name the arguments that have an axis of the batch in `argnums`.",
        ),
        (
            ValueError,
            lambda: microbatch(lambda x, y: 0, (0, 1), 2, argnames="z")(X, y=Y),
            "microbatch: the arguments [1, 'z'] have an axis of the batch, but the "
            "call has only [0, 'y'].\n  at <here>\n"
            "Pass by position what `argnums` names, by name what `argnames` names.",
        ),
        (
            TypeError,
            lambda: microbatch(jnp.sum, 0, 2, "sum")(X),
            "microbatch: `accumulator` must be an Accumulator, an AccumulationType or "
            "a tree of them, got str.\n  at <here>",
        ),
        (
            TypeError,
            lambda: microbatch(jnp.sum, 0, 2, Kind.MEAN)(jnp.arange(4)),
            "microbatch: MEAN must be of floating-point results, got i32[].\n"
            "  at <here>\nSum or concatenate them.",
        ),
        (
            ValueError,
            lambda: micro_vmap(jnp.sum, out_axes=1),
            "micro_vmap: `out_axes` must be 0, got 1.\n  at <here>",
        ),
    ],
)
def test_what_does_not_fit_is_refused(error, call, expected):
    with pytest.raises(error) as raised:
        call()

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == expected


def test_the_names_are_offered_at_the_top_too():
    assert optim.microbatch is microbatch

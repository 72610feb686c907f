"""Clipping of attention logits: against the loops of the paper, and by its effect."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import QKProjection

RNG = np.random.default_rng(6)
BATCH, TIME, FEATURES, HEADS, SIZE = 2, 5, 6, 3, 4
INPUTS = RNG.normal(size=(BATCH, TIME, FEATURES))
MULTI_HEAD = {"q": QKProjection(-2), "k": QKProjection(-2)}


def message_of(raised):
    return re.sub(r"  at .*", "  at <here>", str(raised.value))


def projections(scale):
    """One head is far louder than the others."""
    loud = scale * np.array([0.3, 3.0, 0.4])[:, None]
    return {
        name: loud * RNG.normal(size=(FEATURES, HEADS, SIZE)) for name in ("q", "k")
    }


def largest_logits(layer):
    """Of each head, by loops in NumPy."""
    most = np.full(HEADS, -np.inf)
    for x in INPUTS:
        for h in range(HEADS):
            q, k = x @ layer["q"][:, h], x @ layer["k"][:, h]
            most[h] = max(most[h], (q @ k.T / np.sqrt(SIZE)).max())
    return most


def clipped_by_loops(layer, most, threshold, power=0.5):
    """Algorithm 1 of arXiv:2507.20534, lines 10 to 15, for multi-head attention."""
    layer = {name: w.copy() for name, w in layer.items()}
    for h in range(HEADS):
        if most[h] > threshold:
            gamma = threshold / most[h]
            layer["q"][:, h] *= gamma**power
            layer["k"][:, h] *= gamma ** (1 - power)
    return layer


def test_training_with_clips_follows_the_loops_of_the_paper():
    threshold, rate = 1.5, 0.05
    optimizer = optim.chain(optim.sgd(rate), optim.qk_clip(MULTI_HEAD, threshold))
    layer = projections(1.0)
    with dc.enable_x64(True):
        params = {"attention": dc.tree.map(jnp.asarray, layer), "b": jnp.zeros(2)}
        state = optimizer.init(params)
        for grads in RNG.normal(size=(20, 2, FEATURES, HEADS, SIZE)):
            most = largest_logits(layer)
            layer = {n: layer[n] - rate * g for n, g in zip("qk", grads, strict=True)}
            layer = clipped_by_loops(layer, most, threshold)

            tree = {"attention": dict(zip("qk", grads, strict=True)), "b": np.ones(2)}
            updates, state = optimizer.update(
                tree, state, params, max_logits={"attention": most}
            )
            params = optim.apply_updates(params, updates)

    for name in "qk":
        got = params["attention"][name]
        np.testing.assert_allclose(got, layer[name], rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(params["b"], -20 * rate * np.ones(2))


def test_logits_end_at_the_threshold_and_small_ones_stay():
    layer = projections(1.0)
    most = largest_logits(layer)
    threshold = float(np.median(most)) + 0.1
    assert (most > threshold).tolist() == [False, True, False]

    clip = optim.qk_clip(MULTI_HEAD, threshold)
    zeros = dc.tree.map(np.zeros_like, layer)
    with dc.enable_x64(True):
        updates, _ = clip.update(zeros, clip.init(layer), layer, max_logits=most)
        after = largest_logits(dc.tree.map(np.add, layer, updates))

    np.testing.assert_allclose(after, np.minimum(most, threshold), rtol=1e-12)
    np.testing.assert_array_equal(updates["q"][:, [0, 2]], 0)


@pytest.mark.parametrize("power", [0.0, 0.25, 1.0])
def test_queries_and_keys_share_the_factor_by_their_powers(power):
    layer = projections(2.0)
    most = largest_logits(layer)
    clip = optim.qk_clip(
        {"q": QKProjection(-2, power), "k": QKProjection(-2, 1 - power)}, 1.0
    )
    zeros = dc.tree.map(np.zeros_like, layer)

    updates, _ = clip.update(zeros, clip.init(layer), layer, max_logits=most)

    expected = clipped_by_loops(layer, most, 1.0, power)
    for name in "qk":
        new = layer[name] + np.asarray(updates[name])
        np.testing.assert_allclose(new, expected[name], rtol=1e-5, atol=1e-5)


def test_heads_may_be_joined_with_their_sizes_and_layers_be_stacked():
    layers = [projections(1.0), projections(2.0)]
    logits = np.stack([largest_logits(layer) for layer in layers])
    joined = {
        name: np.stack([layer[name] for layer in layers]).reshape(2, FEATURES, -1)
        for name in "qk"
    }
    clip = optim.qk_clip({"*": QKProjection(-1)}, 1.0)
    params = {"blocks": joined}
    zeros = dc.tree.map(np.zeros_like, params)

    @dc.jit
    def step(params, most):
        state = clip.init(params)
        updates, _ = clip.update(zeros, state, params, max_logits={"blocks": most})
        return optim.apply_updates(params, updates)

    got = step(params, logits)["blocks"]
    for i, layer in enumerate(layers):
        expected = clipped_by_loops(layer, logits[i], 1.0)
        for name in "qk":
            wanted = expected[name].reshape(FEATURES, -1)
            np.testing.assert_allclose(got[name][i], wanted, rtol=1e-5, atol=1e-5)


def test_layers_are_found_by_nested_trees_and_by_paths():
    layers = [projections(1.0), projections(2.0)]
    params = {"blocks": [{"attention": layer} for layer in layers]}
    most = [largest_logits(layer) for layer in layers]
    clip = optim.qk_clip(MULTI_HEAD, 1.0)
    zeros = dc.tree.map(np.zeros_like, params)
    nested = {"blocks": [{"attention": m} for m in most]}
    by_path = {f"blocks/{i}/attention": m for i, m in enumerate(most)}

    results = [
        clip.update(zeros, clip.init(params), params, max_logits=given)[0]
        for given in (nested, by_path)
    ]

    for i, layer in enumerate(layers):
        expected = clipped_by_loops(layer, most[i], 1.0)
        for updates in results:
            new = layer["k"] + np.asarray(updates["blocks"][i]["attention"]["k"])
            np.testing.assert_allclose(new, expected["k"], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -200.0, 100.0])
def test_logits_that_are_not_finite_or_not_too_large_clip_nothing(value):
    clip = optim.qk_clip({"": QKProjection(-1)})
    w = jnp.ones((2, 3))
    logits = jnp.full(3, value)

    updates, _ = clip.update(0.1 * w, clip.init(w), w, max_logits=logits)

    np.testing.assert_array_equal(updates, 0.1 * w)


def test_sixteen_bit_projections_are_rounded_once():
    clip = optim.qk_clip({"": QKProjection(-1, 1.0)}, 100.0)
    w = jnp.asarray([1.0, 2.0], "bfloat16")

    updates, _ = clip.update(0 * w, clip.init(w), w, max_logits=jnp.full(2, 300.0))

    assert updates.dtype == "float32"
    expected = jnp.asarray([1 / 3, 2 / 3]).astype("bfloat16")
    np.testing.assert_array_equal(optim.apply_updates(w, updates), expected)


def test_attention_trained_too_fast_explodes_without_clips_only():
    target = RNG.normal(size=(BATCH, TIME, FEATURES)).astype("float32")
    x = jnp.asarray(INPUTS, "float32")

    def attend(params):
        q, k = (jnp.einsum("btf,fhd->bthd", x, params[n]) for n in "qk")
        logits = jnp.einsum("bthd,bshd->bhts", q, k) / SIZE**0.5
        mixed = jnp.einsum("bhts,bsf->btf", dc.nn.softmax(logits), x)
        return jnp.mean((mixed - target) ** 2), logits.max((0, 2, 3))

    def largest_after(optimizer, steps=60):
        def step(carry, _):
            params, state = carry
            (_, most), grads = dc.value_and_grad(attend, has_aux=True)(params)
            updates, state = optimizer.update(grads, state, params, max_logits=most)
            return (optim.apply_updates(params, updates), state), most

        params = dc.tree.map(lambda w: jnp.asarray(w, "float32"), projections(0.5))
        carry = params, optimizer.init(params)
        (params, _), _ = dc.lax.scan(step, carry, None, length=steps)
        return float(attend(params)[1].max())

    adam = optim.with_extra_args_support(optim.adam(0.5))
    clipped = optim.chain(optim.adam(0.5), optim.qk_clip(MULTI_HEAD, 20.0))

    assert largest_after(adam) > 200.0
    # The clip sees the logits before the step.
    assert largest_after(clipped) < 60.0


def test_muonclip_is_muon_and_then_the_clip():
    layer = dc.tree.map(lambda w: w.reshape(FEATURES, -1), projections(3.0))
    most = jnp.asarray([50.0, 500.0, 150.0])
    axes = {name: QKProjection(-1) for name in "qk"}
    muon = optim.contrib.muon(
        0.1, weight_decay=0.1, adam_b2=0.95, adam_weight_decay=0.1, consistent_rms=0.2
    )
    clip = optim.qk_clip(axes)
    both = optim.muonclip(0.1, axes)

    u, _ = muon.update(layer, muon.init(layer), layer)
    expected, _ = clip.update(u, clip.init(layer), layer, max_logits=most)
    updates, _ = both.update(layer, both.init(layer), layer, max_logits=most)

    for name in "qk":
        np.testing.assert_allclose(updates[name], expected[name], rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(
    ("projection", "given", "error", "message"),
    [
        (
            {"q": QKProjection(-1)},
            None,
            TypeError,
            "qk_clip: `max_logits` must be given, got None.\n"
            "  at <here>\n"
            "Call `update(grads, state, params, max_logits=...)` with the largest "
            "logit of each head, by the paths of the layers.",
        ),
        (
            {"query": QKProjection(-1)},
            {"attn": np.ones(3)},
            ValueError,
            "qk_clip: pattern 'attn/query' matches no path.\n"
            "  at <here>\n"
            "The nearest of 2 paths is 'attn/q'.",
        ),
        (
            {"q": QKProjection(-1)},
            {"attention": np.ones(3)},
            ValueError,
            "qk_clip: pattern 'attention/q' matches no path.\n"
            "  at <here>\n"
            "The nearest of 2 paths is 'attn/q'.",
        ),
        *[
            (
                {"q": QKProjection(axis)},
                {"attn": np.ones(shape)},
                ValueError,
                f"qk_clip: axis {axis} of attn/q must hold the heads, got shape "
                f"[6, 4] for logits of shape {list(shape)}.\n"
                "  at <here>\n"
                "Pass `QKProjection` with the axis of heads, from the end; logits are "
                "[heads], or [layers, heads] of stacked layers.",
            )
            for axis, shape in [
                *[(-1, (3,)), (1, (2,)), (-3, (2,)), (-1, ())],
                *[(-1, (3, 2)), (-2, (6, 2))],
            ]
        ],
    ],
)
def test_what_can_not_be_clipped_is_told(projection, given, error, message):
    params = {"attn": {"q": np.ones((6, 4)), "v": np.ones((6, 4))}}
    clip = optim.qk_clip(projection)

    with pytest.raises(error) as raised:
        clip.update(params, clip.init(params), params, max_logits=given)

    assert message_of(raised) == message

"""Blocks that a program repeats: lowered once, called, and left as calls on the CPU."""

import re

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, lax, random
from dolmen.core._lowering import _calls, _repeats

KEPT = 'inlineable = "false"'


def layer(w, h):
    """More operations than the smallest block that is taken out of line."""
    for step in range(12):
        h = jnp.tanh(h * w) + 0.1 * step * h
    return h - jnp.mean(h)


def network(ws, h):
    for w in ws:
        h = layer(w, h)
    return h


def weights(count, seed=0):
    return list(np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32))


def lowered(function, *args):
    return dc.jit(function).lower(*args).as_text()


@pytest.fixture
def any_size(monkeypatch):
    """Every repetition counts, however small."""
    monkeypatch.setattr(_repeats, "MIN_BLOCK", 2)
    monkeypatch.setattr(_repeats, "MIN_REPETITIONS", 2)
    monkeypatch.setattr(_repeats, "_WINDOW", 2)
    monkeypatch.setattr(_calls, "MIN_BLOCK", 1)
    monkeypatch.setattr(_calls, "MIN_REPETITIONS", 2)


def test_a_plain_loop_over_equal_layers_lowers_the_layer_once():
    text = lowered(network, weights(6), np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12
    assert text.count("call @block") == 6


def test_its_gradient_lowers_the_layer_once_forward_and_once_backward():
    gradient = dc.value_and_grad(lambda ws, h: network(ws, h).sum(), argnums=(0, 1))

    text = lowered(gradient, weights(6), np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12
    assert text.count("func.func private @block") == 2


def test_repeated_calls_stay_calls_on_the_cpu():
    text = lowered(network, weights(6), np.ones(3, np.float32))

    assert text.count(KEPT) == 6


def test_the_setting_leaves_all_calls_to_the_compiler():
    def f(ws, h):
        return network(ws, h)

    dc.config.update("keep_repeated_calls", False)
    try:
        text = lowered(f, weights(6), np.ones(3, np.float32))
    finally:
        dc.config.update("keep_repeated_calls", True)

    assert text.count("call @block") == 6
    assert KEPT not in text


def test_functions_that_fuse_whole_are_left_to_the_compiler():
    def elementwise(w, h):
        for step in range(12):
            h = jnp.where(w > 0, jnp.tanh(h * w), 0.1) * step + h
        return h

    inner = dc.jit(elementwise)
    outer = dc.jit(lambda w, h: inner(inner(w, h), h))

    text = lowered(
        lambda ws, h: [outer(w, h) for w in ws], weights(6), np.ones(3, np.float32)
    )

    assert text.count("call @") == 8
    assert KEPT not in text


def norm(leaves):
    """Sums of squares, some at a time, as optimizers take them of many arrays."""
    square = dc.jit(lambda x: jnp.sum(x * x))
    some = dc.jit(lambda *xs: sum(square(x) for x in xs))
    return jnp.sqrt(sum(some(*leaves[i : i + 16]) for i in range(0, len(leaves), 16)))


def test_functions_that_fuse_into_sums_are_left_to_the_compiler():
    text = lowered(norm, weights(64))

    assert text.count("call @") == 20
    assert KEPT not in text


def test_layers_that_use_their_sums_stay_calls():
    def f(ws, h):
        return jnp.sum(network(ws, h))

    assert lowered(f, weights(6), np.ones(3, np.float32)).count(KEPT) == 6


def test_beside_calls_that_are_kept_every_other_has_a_function_of_its_own():
    def f(ws, h, leaves):
        return network(ws, h) * norm(leaves)

    text = lowered(f, weights(6), np.ones(3, np.float32), weights(64))

    called = re.findall(r"call @(\w+)", text)
    others = [name for name in called if name != "block"]
    assert called.count("block") == text.count(KEPT) == 6
    assert len(others) == len(set(others)) == 4 + 64


def test_functions_of_their_own_compute_the_same():
    ws, leaves, h = weights(6), weights(64, seed=1), np.ones(3, np.float32)

    found = dc.jit(lambda ws, h, leaves: network(ws, h) * norm(leaves))(ws, h, leaves)

    expected = np.asarray(network(ws, h)) * np.sqrt(np.sum(np.square(leaves)))
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_calls_kept_on_purpose_share_their_function_beside_kept_blocks():
    class Apart(extend.Primitive):
        def infer_type(self, arg_types):
            return arg_types[0]

        def lower(self, builder, args):
            program, _ = extend.record(lambda x: [jnp.sin(x)], builder.in_types)
            return builder.call(program, args, inlineable=False)[0]

    def f(ws, h):
        return network([extend.bind(Apart(), w) for w in ws], h)

    text = lowered(f, weights(6), np.ones(3, np.float32))

    assert text.count("stablehlo.sine") == 1


def test_two_calls_are_left_to_the_compiler():
    block = dc.jit(layer)

    text = lowered(
        lambda ws, h: block(ws[1], block(ws[0], h)), weights(2), np.ones(3, np.float32)
    )

    assert text.count("call @layer") == 2
    assert KEPT not in text


def test_jitted_functions_that_do_the_same_share_one_function():
    def f(ws, h):
        for w in ws:
            h = dc.jit(lambda w, h: layer(w, h))(w, h)
        return h

    text = lowered(f, weights(3), np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12
    assert text.count(KEPT) == 3


def test_a_jitted_layer_is_traced_once_and_lowered_once_with_its_gradient():
    traces = []

    @dc.jit
    def block(w, h):
        traces.append(1)
        return layer(w, h)

    def loss(ws, h):
        for w in ws:
            h = block(w, h)
        return h.sum()

    text = lowered(dc.grad(loss), weights(6), np.ones(3, np.float32))

    assert len(traces) == 1
    assert text.count("stablehlo.tanh") == 12


def test_values_and_gradients_are_those_of_the_loop_without_calls(monkeypatch):
    ws, h = weights(6), np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def loss(ws, h):
        return jnp.sum(network(ws, h) ** 2)

    with_calls = dc.jit(dc.value_and_grad(lambda *a: loss(*a)))(ws, h)
    monkeypatch.setattr(_repeats, "MIN_REPETITIONS", 10**9)
    without = dc.jit(dc.value_and_grad(lambda *a: loss(*a)))(ws, h)

    np.testing.assert_allclose(with_calls[0], without[0], rtol=1e-5)
    np.testing.assert_allclose(
        np.stack(with_calls[1]), np.stack(without[1]), rtol=2e-4, atol=1e-6
    )


def masked_layer(w, h):
    """Its derivatives read much that follows cheaply from little."""
    centered = h - jnp.mean(h, -1, keepdims=True)
    h = centered / jnp.sqrt(jnp.mean(centered**2, -1, keepdims=True) + 1e-3)
    mask = jnp.tril(jnp.ones((h.shape[0], w.shape[1]), bool))
    h = jnp.where(mask, h @ w, -1.0)
    return 0.5 * h * (1 + jnp.tanh(0.8 * (h + 0.04 * h**3)))


def masked_gradient(jitted):
    """Gradients of a loss over a few of these layers."""
    layer = dc.jit(masked_layer) if jitted else masked_layer

    def loss(ws, h):
        for w in ws:
            h = layer(w, h)
        return jnp.sum(h * h)

    return dc.value_and_grad(loss)


@pytest.mark.parametrize(
    ("jitted", "name"), [(False, "block"), (True, "masked_layer_1")]
)
def test_a_block_returns_only_what_does_not_follow_cheaply_from_the_rest(jitted, name):
    ws, h = np.ones((6, 5, 5), np.float32), np.ones((4, 5), np.float32)

    text = dc.jit(masked_gradient(jitted)).lower(list(ws), h).as_text()

    (results,) = re.findall(rf"func.func private @{name}\(.*->(.*)", text)
    # The result, the input less its mean, the product and its tanh; means, deviations.
    assert results.count("tensor<4x5xf32>") <= 4
    assert results.count("tensor") <= 6


@pytest.mark.parametrize("jitted", [False, True])
def test_gradients_through_what_is_computed_again_are_those_without_blocks(jitted):
    rng = np.random.default_rng(0)
    ws = list(rng.normal(size=(6, 5, 5)).astype(np.float32))
    h = rng.normal(size=(4, 5)).astype(np.float32)

    value, gradients = dc.jit(masked_gradient(jitted))(ws, h)

    expected_value, expected = masked_gradient(False)(ws, h)
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    np.testing.assert_allclose(gradients, expected, rtol=1e-3, atol=1e-4)


def test_what_single_readers_need_is_computed_where_they_read():
    ws, h = weights(6), np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def f(ws, h):
        kept = []
        for w in ws:
            h = layer(w, h)
            kept.append(3.0 * h)
        return h + sum(jnp.sin(k) for k in kept[:2]) + jnp.exp(kept[4])

    found = dc.jit(f)(ws, h)

    np.testing.assert_allclose(found, f(ws, h), rtol=1e-5)


def test_equal_results_of_a_block_are_all_there():
    ws, h = weights(6), np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def f(ws, h):
        pairs, kept = [], []
        for w in ws:
            h = layer(w, h)
            pairs.append((3.0 * h, 3.0 * h))
            kept.append(5.0 * h)
        return pairs, sum(jnp.sin(k) for k in kept)

    pairs, total = dc.jit(f)(ws, h)

    expected_pairs, expected_total = f(ws, h)
    np.testing.assert_allclose(pairs, expected_pairs, rtol=1e-5)
    np.testing.assert_allclose(total, expected_total, rtol=1e-5)


def test_readers_that_differ_in_one_operand_stay_one_block():
    ws, h = weights(6), np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def f(ws, h):
        threes, fives = [], []
        for w in ws:
            h = layer(w, h)
            threes.append(3.0 * h)
            fives.append(5.0 * h)
        total, fives[-1] = jnp.cos(fives[-1]), ws[0]
        for three, five in zip(threes, fives, strict=True):
            for step in range(12):
                total = jnp.sin(total * three) + step * five
            total = total - jnp.mean(total)
        return total

    text = lowered(f, ws, h)

    assert text.count("stablehlo.sine") == 12
    assert text.count("func.func private") == 2
    np.testing.assert_allclose(dc.jit(f)(ws, h), f(ws, h), rtol=1e-4)


def test_a_loop_counter_makes_no_other_block():
    ws, h = weights(6), np.linspace(-1.0, 1.0, 3, dtype=np.float32)

    def f(ws, h, key):
        for index, w in enumerate(ws):
            h = layer(w, h)
            keep = random.bernoulli(random.fold_in(key, index), 0.7, h.shape)
            h = jnp.where(keep, h, 0.0) + jnp.int32(index) * jnp.int32(2)
        return jnp.sum(h * h)

    gradient = dc.value_and_grad(f)
    key = random.key(0)

    text = lowered(gradient, ws, h, key)
    value, gradients = dc.jit(gradient)(ws, h, key)

    assert text.count("stablehlo.tanh") == 12
    expected_value, expected = gradient(ws, h, key)
    np.testing.assert_allclose(value, expected_value, rtol=1e-5)
    np.testing.assert_allclose(gradients, expected, rtol=1e-3, atol=1e-6)


def test_integers_that_differ_inside_are_not_mixed_up(any_size):
    def f(x):
        for index in (3, 1, 2, 1):
            x = (x + index) * (x - 7) - index
        return x

    x = np.arange(5, dtype=np.int32)

    text = lowered(f, x)

    assert text.count("call @block") >= 3
    np.testing.assert_array_equal(dc.jit(f)(x), f(x))


def test_other_literals_make_another_block():
    def f(h):
        for index in range(4):
            h = layer(np.float32(index), h)
        return h

    assert "call @block" not in lowered(f, np.ones(3, np.float32))


def test_steps_too_small_for_a_block_are_taken_several_at_a_time():
    def f(h):
        for _ in range(48):
            h = jnp.tanh(h) + 0.5
        return h

    text = lowered(f, np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12
    assert text.count("call @block") == 4


def test_another_dataflow_inside_makes_another_block(any_size):
    def f(h):
        for index in range(6):
            a, b = jnp.sin(h), jnp.cos(h)
            h = a - b if index % 2 else b - a
        return h

    h = np.linspace(0.0, 1.0, 3, dtype=np.float32)
    expected = h
    for index in range(6):
        a, b = np.sin(expected), np.cos(expected)
        expected = a - b if index % 2 else b - a

    np.testing.assert_allclose(dc.jit(f)(h), expected, rtol=1e-4)


def test_effects_in_a_repeated_block_happen_each_time(capfd):
    def f(ws, h):
        for index, w in enumerate(ws):
            h = layer(w, h)
            dc.debug.print("layer {}", index)
        return h

    dc.jit(f)(weights(4), np.ones(3, np.float32)).block_until_ready()

    printed = capfd.readouterr().out.splitlines()
    assert sorted(printed) == ["layer 0", "layer 1", "layer 2", "layer 3"]


def test_blocks_inside_a_loop_body_are_lowered_once_too():
    def f(ws, h):
        return lax.scan(lambda c, _: (network(ws, c), None), h, None, length=3)[0]

    text = lowered(f, weights(6), np.ones(3, np.float32))

    assert text.count("stablehlo.tanh") == 12


def test_other_platforms_get_the_calls_without_the_mark():
    program = dc.jit(network).trace(weights(4), np.ones(3, np.float32)).jaxpr.jaxpr
    from dolmen.core._lowering import lower

    text = lower(program, platform="tpu").as_text()

    assert text.count("call @block") == 4
    assert KEPT not in text


@settings(max_examples=40, deadline=None, derandomize=True)
@given(data=st.data())
def test_programs_of_repeated_random_blocks_compute_the_same(data):
    """Oracle: the same steps in NumPy."""
    binary = st.sampled_from(["add", "subtract", "multiply", "maximum"])
    size = data.draw(st.integers(2, 4))
    block = [
        (data.draw(binary), data.draw(st.integers(0, 4)), data.draw(st.integers(0, 4)))
        for _ in range(size)
    ]
    count = data.draw(st.integers(2, 5))
    tail = data.draw(st.integers(0, size))

    def run(library, ws):
        recent = list(ws[:5])
        for index in range(count + 1):
            for name, i, j in block if index < count else block[:tail]:
                a, b = recent[-1 - i], recent[-1 - j]
                recent.append(0.5 * getattr(library, name)(a, b) + ws[index % 5])
        return recent[-3:]

    ws = [np.float32(x) for x in np.random.default_rng(size).normal(size=5)]
    with pytest.MonkeyPatch.context() as patch:
        for module, name, value in (
            (_repeats, "MIN_BLOCK", 2),
            (_repeats, "MIN_REPETITIONS", 2),
            (_repeats, "_WINDOW", 2),
            (_calls, "MIN_BLOCK", 1),
            (_calls, "MIN_REPETITIONS", 2),
        ):
            patch.setattr(module, name, value)
        found = dc.jit(lambda ws: run(jnp, ws))(ws)
        gradient = dc.jit(dc.grad(lambda ws: sum(run(jnp, ws))))(ws)

    np.testing.assert_allclose(found, run(np, ws), rtol=1e-4, atol=1e-5)
    # Operation by operation there are no blocks.
    expected = dc.grad(lambda ws: sum(run(jnp, ws)))(ws)
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)

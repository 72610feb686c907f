"""8-bit state: exact enough, right on average, a quarter of the bytes."""

import re

import numpy as np
import pytest
from sklearn.datasets import load_digits

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random

RNG = np.random.default_rng(2)


def restored(x, seed=0, **options):
    small = optim.quantized(jnp.asarray(x), random.key(seed), **options)
    return np.asarray(optim.dequantized(small))


@pytest.mark.parametrize("shape", [(), (0,), (3,), (256,), (5, 103)])
def test_signed_arrays_come_back_within_a_step_of_the_code(shape):
    x = RNG.normal(size=shape).astype(np.float32)

    got = restored(x)

    # Between neighboring codes: ((k + 1)² - k²) / 127² of the largest, k² = 127² part.
    most = np.abs(x).max(initial=0.0)
    step = (2 * 127 * np.sqrt(np.abs(x) * most) + most) / 127**2
    assert got.shape == shape
    assert (np.abs(got - x) <= 1.01 * step).all()
    assert (np.sign(got) * np.sign(x) >= 0).all()


def test_positive_numbers_stay_positive_over_ten_powers_of_ten():
    x = np.logspace(-10, 0, 200, dtype=np.float32)

    got = restored(x, non_negative=True)

    assert (got > 0).all()
    large = x > 1e-4
    np.testing.assert_allclose(got[large], x[large], rtol=0.2)


@pytest.mark.parametrize("non_negative", [False, True])
def test_rounding_is_right_on_average(non_negative):
    x = np.array([1.0, 0.5, 0.01234, 0.0, 0.1], np.float32)
    x = x if non_negative else x * np.array([1, -1, 1, 1, -1], np.float32)

    mean = dc.vmap(
        lambda key: optim.dequantized(
            optim.quantized(jnp.asarray(x), key, non_negative=non_negative)
        )
    )(random.split(random.key(0), 2000)).mean(0)

    np.testing.assert_allclose(mean, x, rtol=5e-3)


def test_an_average_moves_by_less_than_the_step_of_its_code():
    # A second moment of 1 whose gradients have become 0.1.
    optimizer = optim.with_8bit_state(optim.scale_by_rms(decay=0.999), min_size=1)
    grads = jnp.full(512, 0.1)
    state = optimizer.init(grads)
    one = optim.quantized(jnp.ones(512), random.key(0), non_negative=True)
    state = state._replace(inner_state=optim.ScaleByRmsState(one))

    state, _ = dc.lax.scan(
        lambda s, _: (optimizer.update(grads, s)[1], None), state, None, length=1000
    )

    expected = 0.01 + (1 - 0.01) * 0.999**1000
    nu = np.asarray(optim.dequantized(state.inner_state.nu))
    np.testing.assert_allclose(nu.mean(), expected, rtol=0.02)


def test_small_arrays_counts_and_complex_numbers_stay_as_they_are():
    optimizer = optim.with_8bit_state(optim.adam(0.1), min_size=8)
    params = {
        "large": jnp.ones(8),
        "small": jnp.ones(7),
        "complex": jnp.ones(8, "complex64"),
    }

    state = optimizer.init(params).inner_state[0]

    assert isinstance(state.mu["large"], optim.QuantizedArray)
    assert state.mu["large"].codes.dtype == "int8"
    assert state.nu["large"].codes.dtype == "uint8"
    assert state.nu["small"].dtype == "float32"
    assert state.mu["complex"].dtype == "complex64"
    assert state.count.dtype == "int32"


def test_adamw_takes_a_quarter_of_the_bytes():
    params = {"w": jnp.ones((128, 128))}
    plain = optim.state_bytes(optim.adamw(0.1).init(params))
    packed = optim.state_bytes(optim.with_8bit_state(optim.adamw(0.1)).init(params))

    assert sum(packed.values()) < 0.27 * sum(plain.values())
    assert list(plain) == [
        *("ScaleByAdamState.mu", "ScaleByAdamState.nu", "ScaleByAdamState.count")
    ]


def test_a_network_learns_as_well_as_with_float32_state():
    images, labels = load_digits(return_X_y=True)
    images = jnp.asarray(images / 16, "float32")
    labels = jnp.asarray(labels, "int32")
    start = {
        "in": jnp.asarray(RNG.normal(size=(64, 128)) / 8, "float32"),
        "out": jnp.asarray(RNG.normal(size=(128, 10)) / 12, "float32"),
    }

    def loss(params):
        logits = jnp.tanh(images @ params["in"]) @ params["out"]
        return optim.softmax_cross_entropy_with_integer_labels(logits, labels).mean()

    def trained(optimizer):
        def step(carry, _):
            params, state = carry
            updates, state = optimizer.update(dc.grad(loss)(params), state, params)
            return (optim.apply_updates(params, updates), state), None

        carry = start, optimizer.init(start)
        (params, _), _ = dc.lax.scan(step, carry, None, length=150)
        return float(loss(params))

    exact = trained(optim.adamw(3e-3))
    packed = trained(optim.with_8bit_state(optim.adamw(3e-3), min_size=1024))

    assert exact < 0.1
    np.testing.assert_allclose(packed, exact, rtol=0.05)


def test_the_state_of_the_optimizer_itself_is_refused():
    optimizer = optim.with_8bit_state(optim.adam(0.1))

    with pytest.raises(TypeError) as raised:
        optimizer.update([1.0], optim.adam(0.1).init([1.0]))

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "with_8bit_state: `state` must be a QuantizedState, got tuple.\n"
        "  at <here>\n"
        "Make it with the `init` of this very transformation."
    )


def test_bytes_are_known_before_there_is_a_state():
    optimizer = optim.with_8bit_state(optim.adamw(0.1))
    params = jnp.ones((64, 64))

    described = dc.eval_shape(optimizer.init, params)

    assert optim.state_bytes(described) == optim.state_bytes(optimizer.init(params))


def test_bytes_of_what_is_in_no_state_are_counted_too():
    assert optim.state_bytes([1.0, {"a": jnp.zeros(3, "int8")}]) == {"others": 7}
    assert optim.state_bytes(()) == {}

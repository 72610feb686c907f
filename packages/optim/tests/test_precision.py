"""Small updates of 16-bit parameters arrive."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(7)
TARGET = RNG.normal(size=64).astype(np.float32)


def trained(optimizer, dtype, steps=400):
    """Parameters after slow descent to `TARGET`, and the state."""
    params = {"w": jnp.zeros(64, dtype), "b": jnp.zeros(())}

    def step(carry, _):
        p, state = carry
        grads = {"w": p["w"] - jnp.asarray(TARGET, dtype), "b": p["b"] - 1}
        updates, state = optimizer.update(grads, state, p)
        return (optim.apply_updates(p, updates), state), None

    carry = params, optimizer.init(params)
    (params, state), _ = dc.lax.scan(step, carry, None, length=steps)
    return params, state


def error(params):
    return float(jnp.abs(params["w"].astype("float32") - TARGET).max())


SLOW = 0.01


def test_plain_bfloat16_gets_stuck():
    # What the remedies below are measured against.
    params, _ = trained(optim.sgd(SLOW), "bfloat16")

    assert error(params) > 0.1


def test_master_weights_follow_float32():
    single, _ = trained(optim.sgd(SLOW), "float32")

    half, state = trained(optim.with_master_weights(optim.sgd(SLOW)), "bfloat16")

    assert half["w"].dtype == "bfloat16"
    np.testing.assert_allclose(state.master["w"], single["w"], atol=0.03)
    np.testing.assert_array_equal(half["w"], state.master["w"].astype("bfloat16"))
    assert state.master["b"] == optim.MaskedNode()
    np.testing.assert_allclose(half["b"], single["b"], rtol=1e-6)


def test_moments_made_of_master_weights_are_float32():
    optimizer = optim.with_master_weights(optim.adamw(0.1, weight_decay=0.0))

    params, state = trained(optimizer, "bfloat16", 200)

    assert state.inner_state[0].mu["w"].dtype == jnp.float32
    assert error(params) < 0.02


def test_compensation_follows_float32():
    single, _ = trained(optim.sgd(SLOW), "float32")

    half, state = trained(optim.with_compensation(optim.sgd(SLOW)), "bfloat16")

    exact = half["w"].astype("float32") + state.rest["w"].astype("float32")
    assert state.rest["w"].dtype == "bfloat16"
    assert state.rest["b"] == optim.MaskedNode()
    np.testing.assert_allclose(exact, single["w"], atol=0.03)


def test_stochastic_rounding_follows_float32_on_average():
    single, _ = trained(optim.sgd(SLOW), "float32")

    half, _ = trained(optim.with_stochastic_rounding(optim.sgd(SLOW), 3), "bfloat16")

    difference = half["w"].astype("float32") - single["w"]
    assert float(jnp.abs(difference).max()) < 0.1
    assert abs(float(difference.mean())) < 0.01


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_stochastic_rounding_is_unbiased(value):
    optimizer = optim.with_stochastic_rounding(optim.scale(1.0), 0)
    params = jnp.full(20_000, value, "bfloat16")
    grads = jnp.full(20_000, value * 0.3 / 128, "float32")

    updates, _ = optimizer.update(grads, optimizer.init(params), params)

    assert sorted(set(np.abs(np.asarray(updates)))) == [0.0, 1 / 128]
    # 20,000 draws with probability 0.3: three deviations are 0.01.
    np.testing.assert_allclose(np.abs(updates).mean() * 128, 0.3, atol=0.01)


def test_steps_draw_other_numbers():
    optimizer = optim.with_stochastic_rounding(optim.scale(1.0), 0)
    params = jnp.ones(1000, "bfloat16")
    grads = jnp.full(1000, 0.5 / 128, "float32")

    first, state = optimizer.update(grads, optimizer.init(params), params)
    second, _ = optimizer.update(grads, state, params)

    assert 300 < int((first != second).sum()) < 700


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_stays_so(bad):
    optimizer = optim.with_stochastic_rounding(optim.scale(1.0), 0)
    params = jnp.ones(100, "bfloat16")
    grads = jnp.full(100, bad, "float32")

    updates, _ = optimizer.update(grads, optimizer.init(params), params)

    np.testing.assert_array_equal(updates, grads)


WRAPPERS = [
    optim.with_master_weights,
    optim.with_compensation,
    lambda inner: optim.with_stochastic_rounding(inner, 0),
]


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_parameters_of_32_bits_are_optimized_as_without(wrap):
    params = {"w": jnp.asarray(TARGET)}
    plain, wrapped = optim.adam(0.1), wrap(optim.adam(0.1))

    expected, _ = plain.update(params, plain.init(params), params)
    got, _ = wrapped.update(params, wrapped.init(params), params)

    np.testing.assert_array_equal(got["w"], expected["w"])


@pytest.mark.parametrize("wrap", WRAPPERS)
def test_extra_arguments_reach_the_optimizer(wrap):
    optimizer = wrap(optim.polyak_sgd())
    params = jnp.full(2, 2.0, "bfloat16")

    updates, _ = optimizer.update(params, optimizer.init(params), params, value=4.0)

    np.testing.assert_allclose(updates, -1.0)


def test_missing_parameters_are_told():
    optimizer = optim.with_compensation(optim.sgd(0.1))

    with pytest.raises(ValueError) as raised:
        optimizer.update([1.0], optimizer.init([1.0]))

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "with_compensation: `params` must be given, got None.\n"
        "  at <here>\n"
        "Call `update(grads, state, params)`."
    )


def test_float16_is_not_rounded_at_random():
    optimizer = optim.with_stochastic_rounding(optim.sgd(0.1), 0)

    with pytest.raises(TypeError) as raised:
        optimizer.init({"w": jnp.ones(2, "float16")})

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == (
        "with_stochastic_rounding: 16-bit parameters must be bfloat16, got f16[2].\n"
        "  at <here>\n"
        "Use `with_compensation` or `with_master_weights`."
    )


def test_both_moments_of_adam_have_a_dtype_of_their_own():
    optimizer = optim.adamw(0.1, b2=0.9, mu_dtype="float16", nu_dtype="bfloat16")

    state = optimizer.init(jnp.ones(2))
    _, state = optimizer.update(jnp.ones(2), state, jnp.ones(2))

    assert state[0].mu.dtype == "float16"
    assert state[0].nu.dtype == "bfloat16"
    np.testing.assert_allclose(state[0].nu.astype("float32"), 0.1, rtol=1e-2)

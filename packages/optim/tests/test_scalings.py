"""What every optimizer does with unusual trees, dtypes and gradients."""

import re
import warnings

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib

with warnings.catch_warnings(action="ignore"):
    OPTIMIZERS = {
        "adabelief": optim.adabelief(0.1),
        "acprop": contrib.acprop(0.1),
        "adadelta": optim.adadelta(0.1),
        "adafactor": optim.adafactor(0.1, momentum=0.9, weight_decay_rate=0.1),
        "adagrad": optim.adagrad(0.1),
        "adam": optim.adam(0.1),
        "adamax": optim.adamax(0.1),
        "adamaxw": optim.adamaxw(0.1),
        "adamw": optim.adamw(0.1),
        "ademamix": contrib.ademamix(0.1),
        "adopt": contrib.adopt(0.1),
        "adan": optim.adan(0.1),
        "amsgrad": optim.amsgrad(0.1),
        "centered_rmsprop": optim.rmsprop(
            0.1, centered=True, momentum=0.9, bias_correction=True
        ),
        "cocob": contrib.cocob(),
        "distance_over_gradients": optim.scale_by_distance_over_gradients(),
        "ema": optim.ema(0.9),
        "factored_rms": optim.scale_by_factored_rms(min_dim_size_to_factor=2),
        "fromage": optim.fromage(0.1),
        "lamb": optim.lamb(0.1),
        "lars": optim.lars(0.1),
        "lion": optim.lion(0.1),
        "madgrad": contrib.madgrad(0.1),
        "nadam": optim.nadam(0.1),
        "nadamw": optim.nadamw(0.1),
        "novograd": optim.novograd(0.1),
        "optimistic_adam": optim.optimistic_adam(0.1),
        "optimistic_adam_v2": optim.optimistic_adam_v2(0.1),
        "optimistic_gradient_descent": optim.optimistic_gradient_descent(0.1),
        "polyak_sgd": optim.polyak_sgd(),
        "radam": optim.radam(0.1),
        "rmsprop": optim.rmsprop(0.1),
        "rprop": optim.rprop(0.1),
        "sgd": optim.sgd(0.1, momentum=0.9),
        "shampoo": optim.shampoo(0.1),
        "soap": optim.soap(0.1),
        "sign_sgd": optim.sign_sgd(0.1),
        "simplified_ademamix": contrib.simplified_ademamix(0.1),
        "signum": optim.signum(0.1),
        "sm3": optim.sm3(0.1),
        "yogi": optim.yogi(0.1),
    }
EVERY = pytest.mark.parametrize("name", OPTIMIZERS)


def step(optimizer, grads, state, params):
    """One update, with a loss for those who ask."""
    transform = optim.with_extra_args_support(optimizer)
    return transform.update(grads, state, params, value=1.0)


@EVERY
def test_an_empty_tree_stays_empty(name):
    optimizer = OPTIMIZERS[name]

    updates, state = step(optimizer, {}, optimizer.init({}), {})

    assert updates == {}
    assert dc.tree.structure(state) == dc.tree.structure(optimizer.init({}))


@EVERY
def test_scalars_and_arrays_without_elements_are_updated(name):
    optimizer = OPTIMIZERS[name]
    params = {"scalar": jnp.float32(2.0), "nothing": jnp.ones((0, 3))}
    grads = {"scalar": jnp.float32(-1.0), "nothing": jnp.ones((0, 3))}
    state = optimizer.init(params)

    for _ in range(2):  # the first update of rprop is zero
        updates, state = step(optimizer, grads, state, params)

    assert updates["scalar"].shape == ()
    assert float(updates["scalar"]) != 0
    assert np.isfinite(float(updates["scalar"]))
    assert updates["nothing"].shape == (0, 3)


@EVERY
def test_states_keep_their_types_from_step_to_step(name):
    optimizer = OPTIMIZERS[name]
    params = {
        "half": jnp.ones((2, 3), "bfloat16"),
        "single": [jnp.ones(3)],
        "scalar": 1.0,
    }
    state = optimizer.init(params)

    types = dc.eval_shape(lambda s: step(optimizer, params, s, params)[1], state)

    assert dc.tree.structure(types) == dc.tree.structure(state)
    assert [(x.shape, x.dtype) for x in dc.tree.leaves(types)] == [
        (jnp.shape(x), jnp.asarray(x).dtype) for x in dc.tree.leaves(state)
    ]


@EVERY
def test_no_state_of_half_precision_parameters_is_half_precision(name):
    optimizer = OPTIMIZERS[name]

    state = optimizer.init({"w": jnp.ones((2, 3), "bfloat16")})

    assert not [x for x in dc.tree.leaves(state) if x.dtype == "bfloat16"]


ELEMENTWISE = [
    *("adabelief", "adadelta", "adagrad", "adam", "adamaxw", "adamw", "adan"),
    *("amsgrad", "centered_rmsprop", "ema", "lion", "nadamw", "optimistic_adam_v2"),
    *("optimistic_gradient_descent", "radam", "rmsprop", "sgd", "sign_sgd", "yogi"),
]


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_a_gradient_that_is_nan_spoils_no_other_element(name):
    optimizer = OPTIMIZERS[name]
    params = jnp.asarray([1.0, 2.0, 3.0])
    grads = jnp.asarray([0.5, np.nan, -0.5])

    updates, _ = step(optimizer, grads, optimizer.init(params), params)

    assert np.isnan(np.asarray(updates)).tolist() == [False, True, False]


# Decompositions of singular matrices depend on the last bit.
@pytest.mark.parametrize(
    "name", [x for x in OPTIMIZERS if x not in {"shampoo", "soap"}]
)
def test_jitted_steps_are_those_of_eager_ones(name):
    optimizer = OPTIMIZERS[name]
    rng = np.random.default_rng(5)
    params = {
        "a": jnp.asarray(rng.normal(size=(2, 3)), "float32"),
        "b": [jnp.asarray(rng.normal(size=3), "float32")] * 2,
    }
    state = optimizer.init(params)
    jitted = dc.jit(lambda g, s, p: step(optimizer, g, s, p))

    eager = jit = (params, state)
    for _ in range(3):
        eager = step(optimizer, eager[0], eager[1], params)
        jit = jitted(jit[0], jit[1], params)

    dc.tree.map(
        lambda x, y: np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-6), jit, eager
    )


def test_complex_elements_move_along_their_gradients():
    optimizer = optim.adam(0.1)
    z = jnp.asarray([3.0 + 4.0j, -2.0j])

    updates, state = optimizer.update(z, optimizer.init(z))

    np.testing.assert_allclose(updates, -0.1 * np.array([0.6 + 0.8j, -1j]), rtol=1e-5)
    assert state[0].nu.dtype == "complex64"


def test_decay_rates_of_factored_moments_may_be_any_function():
    seen = []

    def decay_rate_fn(step, rate):
        seen.append((int(step), rate))
        return 0.5

    transform = optim.scale_by_factored_rms(
        decay_rate=0.7, step_offset=-3, decay_rate_fn=decay_rate_fn
    )

    updates, state = transform.update([3.0], transform.init([0.0]))

    np.testing.assert_allclose(updates[0], np.sqrt(2.0), rtol=1e-6)
    np.testing.assert_allclose(state.v[0], 4.5, rtol=1e-6)
    assert seen == [(3, 0.7)]


def test_factored_moments_take_the_memory_of_rows_and_columns():
    transform = optim.scale_by_factored_rms()
    params = {"large": jnp.zeros((200, 2, 300)), "small": jnp.zeros((100, 300))}

    state = transform.init(params)

    shapes = dc.tree.map(jnp.shape, (state.v_row, state.v_col, state.v))
    assert [part["large"] for part in shapes] == [(200, 2), (2, 300), (1,)]
    assert [part["small"] for part in shapes] == [(1,), (1,), (100, 300)]


@pytest.mark.parametrize(("param", "update"), [(0.0, 2.0), (3.0, 0.0)])
def test_updates_pass_unchanged_where_a_norm_is_zero(param, update):
    transform = optim.scale_by_trust_ratio()
    params, updates = jnp.full(2, param), jnp.full(2, update)

    got, _ = transform.update(updates, transform.init(params), params)

    np.testing.assert_array_equal(got, updates)


def test_noise_of_noisy_descent_dies_away():
    optimizer = optim.noisy_sgd(1.0, eta=4.0, gamma=2.0, key=0)
    zeros = jnp.zeros(4000)

    first, state = optimizer.update(zeros, optimizer.init(zeros))
    _, state = optimizer.update(zeros, state)
    _, state = optimizer.update(zeros, state)
    fourth, _ = optimizer.update(zeros, state)

    np.testing.assert_allclose(first.std(), 2.0, rtol=0.05)
    np.testing.assert_allclose(fourth.std(), 0.5, rtol=0.05)


def test_safe_norms_have_derivatives_at_zero():
    zero = jnp.zeros((2, 3))

    assert not dc.grad(optim.safe_norm)(zero, 0.0).any()
    assert not dc.grad(optim.safe_root_mean_squares)(zero, 0.0).any()
    assert float(optim.safe_norm(zero, 0.5)) == 0.5
    assert float(optim.safe_root_mean_squares(zero, 0.5)) == 0.5


@pytest.mark.parametrize("keepdims", [False, True])
def test_safe_norms_take_axes_and_orders(keepdims):
    x = np.array([[3.0, -4.0], [0.1, 0.2]], np.float32)

    got = optim.safe_norm(x, 1.0, 1, 1, keepdims)

    expected = np.array([7.0, 1.0]).reshape((2, 1) if keepdims else 2)
    np.testing.assert_allclose(got, expected, rtol=1e-6)


# ---- errors --------------------------------------------------------------------------


def message_of(raised):
    return re.sub(r"  at .*", "  at <here>", str(raised.value))


def test_states_with_parts_for_other_leaves_are_refused():
    transform = optim.scale_by_sm3()
    one, two = {"a": jnp.ones(2)}, {"a": jnp.ones(2), "b": jnp.ones(2)}
    state = transform.init(two)._replace(mu=transform.init(one).mu)

    with pytest.raises(ValueError) as raised:
        transform.update(two, state)

    assert message_of(raised).startswith(
        "scale_by_sm3: `state.mu` must have a part for every leaf of `updates`: "
    )
    assert message_of(raised).endswith(
        "  at <here>\n"
        "Make the state with `init` from the parameters that the gradients belong to."
    )


def test_norms_of_parameters_need_parameters():
    optimizer = optim.novograd(0.1)

    with pytest.raises(ValueError) as raised:
        optimizer.update([1.0], optimizer.init([1.0]))

    assert message_of(raised) == (
        "scale_by_novograd: `params` must be given, got None.\n"
        "  at <here>\n"
        "Call `update(grads, state, params)`."
    )


def test_the_step_of_polyak_needs_the_loss():
    optimizer = optim.polyak_sgd()

    with pytest.raises(TypeError) as raised:
        optimizer.update([1.0], optimizer.init([1.0]))

    assert message_of(raised) == (
        "scale_by_polyak: `value` must be given, the loss at `params`.\n"
        "  at <here>\n"
        "Call `update(grads, state, params, value=loss)`."
    )


def test_bounds_of_complex_squares_are_refused():
    with pytest.raises(TypeError) as raised:
        optim.sm3(0.1).init({"w": jnp.ones(2), "z": [jnp.ones(2, "complex64")]})

    assert message_of(raised) == (
        "scale_by_sm3: the leaves of `params` must be real, got\n"
        "  ['z'][0]: c64[2]\n"
        "  at <here>\n"
        "Take real and imaginary parts as two parameters."
    )


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.scale_by_lion(mode="soft"),
            "scale_by_lion: `mode` must be 'hard', 'smooth' or 'refined', got 'soft'.",
        ),
        (
            lambda: optim.scale_by_polyak(variant="sps-"),
            "scale_by_polyak: `variant` must be 'sps' or 'sps+', got 'sps-'.",
        ),
    ],
)
def test_unknown_kinds_are_refused(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert str(raised.value).splitlines()[0] == expected


def test_the_old_form_of_optimistic_adam_is_deprecated_and_takes_no_schedule():
    with (
        pytest.warns(DeprecationWarning, match="write optimistic_adam_v2"),
        pytest.raises(ValueError, match="must be a number, got a schedule"),
    ):
        optim.optimistic_adam(lambda count: 0.1)


def test_updates_of_a_given_norm():
    updates = {"a": np.float32([3.0, 0.0]), "b": np.float32(-4.0)}
    transform = optim.normalize_by_update_norm(scale_factor=-2.0, eps=5.0)

    made, _ = transform.update(updates, transform.init(updates))

    np.testing.assert_allclose(made["a"], [-0.6, 0.0], rtol=1e-6)
    np.testing.assert_allclose(made["b"], 0.8, rtol=1e-6)
    zeros, _ = optim.normalize_by_update_norm().update([0.0], transform.init([0.0]))
    assert zeros == [0.0]
    with pytest.raises(TypeError, match=r"^normalize_by_update_norm: `eps` must be a"):
        optim.normalize_by_update_norm(eps="small")

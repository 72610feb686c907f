"""Transformations made of functions, in chains with names, or on one vector."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random
from dolmen.optim import contrib

PARAMS = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([3.0])}
GRADS = {"a": jnp.array([0.5, -1.0]), "b": jnp.array([0.25])}


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def apply(transform, grads=GRADS, params=PARAMS):
    """Updates of the first step, as lists, and the state after it."""
    updates, state = transform.update(grads, transform.init(params), params)
    return dc.tree.map(lambda leaf: np.asarray(leaf).tolist(), updates), state


def test_states_of_a_chain_have_names():
    transform = optim.named_chain(("clip", optim.clip(0.75)), ("sum", optim.trace(0.5)))

    updates, state = apply(transform)

    assert updates == {"a": [0.5, -0.75], "b": [0.25]}
    assert state["sum"].trace["a"].tolist() == [0.5, -0.75]


def test_names_of_a_chain_differ():
    with pytest.raises(ValueError) as raised:
        optim.named_chain(("a", optim.identity()), ("a", optim.identity()))

    assert message_of(raised) == (
        "named_chain: names must differ, got 'a' twice.\n"
        "The state of each transformation is found by its name."
    )


def test_functions_become_transformations():
    double = optim.stateless(
        lambda updates, params: dc.tree.map(jnp.add, updates, updates)
    )
    decay = optim.stateless_with_tree_map(lambda g, p: g if p is None else g + p)

    assert apply(double)[0] == {"a": [1.0, -2.0], "b": [0.5]}
    assert apply(decay)[0] == {"a": [1.5, 1.0], "b": [3.25]}
    kept, _ = decay.update(GRADS, decay.init(None))
    assert kept["a"].tolist() == [0.5, -1.0]


def test_all_leaves_are_one_vector():
    norms = []

    def note(updates, params):
        norms.append((updates.shape, params.shape))
        return -updates

    updates, state = apply(
        optim.flatten(optim.chain(optim.stateless(note), optim.trace(0.5)))
    )

    assert norms == [((3,), (3,))]
    assert updates == {"a": [-0.5, 1.0], "b": [-0.25]}
    assert state[1].trace.shape == (3,)


def test_each_leaf_is_clipped_to_its_root_mean_square():
    updates, _ = apply(optim.clip_by_block_rms(0.5))

    factor = 0.5 / np.sqrt((0.25 + 1) / 2)
    np.testing.assert_allclose(updates["a"], [0.5 * factor, -factor], rtol=1e-6)
    assert updates["b"] == [0.25]


@pytest.mark.parametrize(
    ("shape", "axes", "given"),
    [
        ((3,), (0,), None),
        ((1, 3), (0, 1), None),
        ((2, 3), (0,), None),
        ((2, 3, 2), (0,), None),
        ((2, 2, 2, 2), (0, 1, 2), None),
        ((2, 3), (1,), 1),
    ],
)
def test_gradients_are_clipped_unit_by_unit(shape, axes, given):
    rng = np.random.default_rng(0)
    params, grads = rng.normal(size=(2, *shape)).astype(np.float32)

    updates, _ = apply(optim.adaptive_grad_clip(0.3, axis=given), grads, params)

    def norm(x):
        return np.sqrt(np.sum(x**2, axis=axes, keepdims=True))

    expected = grads * np.minimum(1, 0.3 * norm(params) / norm(grads))
    np.testing.assert_allclose(updates, expected, rtol=2e-6)


def test_units_of_five_axes_must_be_told():
    leaf = jnp.ones((2, 2, 2, 2, 2))

    with pytest.raises(ValueError) as raised:
        apply(optim.adaptive_grad_clip(0.1), leaf, leaf)

    assert message_of(raised) == (
        "adaptive_grad_clip: leaves must have at most four axes, got shape "
        "(2, 2, 2, 2, 2).\nPass `axis`, the axes that one output depends on."
    )


BATCH = {"a": jnp.arange(6.0).reshape(3, 2), "b": jnp.arange(3.0)}


def test_examples_are_clipped_by_their_whole_norm():
    total, clipped = optim.per_example_global_norm_clip(BATCH, 1.5)

    rows = np.concatenate([BATCH["a"], BATCH["b"][:, None]], axis=1)
    norms = np.linalg.norm(rows, axis=1)
    expected = (rows * np.minimum(1, 1.5 / norms)[:, None]).sum(0)
    np.testing.assert_allclose(total["a"], expected[:2], rtol=1e-6)
    np.testing.assert_allclose(total["b"], expected[2], rtol=1e-6)
    assert int(clipped) == 2


@pytest.mark.parametrize(
    ("uniform", "bounds", "clipped"),
    [
        (True, (1.5 / 2**0.5, 1.5 / 2**0.5), (2, 1)),
        (False, (1.5 * (2 / 3) ** 0.5, 1.5 * (1 / 3) ** 0.5), (2, 2)),
    ],
)
def test_examples_are_clipped_leaf_by_leaf(uniform, bounds, clipped):
    totals, counts = optim.per_example_layer_norm_clip(BATCH, 1.5, uniform)

    norms = np.linalg.norm(BATCH["a"], axis=1)
    expected = (BATCH["a"] * np.minimum(1, bounds[0] / norms)[:, None]).sum(0)
    np.testing.assert_allclose(totals["a"], expected, rtol=1e-6)
    expected = np.minimum(BATCH["b"], bounds[1]).sum()
    np.testing.assert_allclose(totals["b"], expected, rtol=1e-6)
    assert (int(counts["a"]), int(counts["b"])) == clipped


def test_an_example_with_a_zero_gradient_adds_nothing():
    total, clipped = optim.per_example_global_norm_clip([jnp.zeros((2, 3))], 1.0)

    assert (total[0].tolist(), int(clipped)) == ([0.0, 0.0, 0.0], 0)


def test_examples_are_the_leading_axis_of_all_leaves():
    with pytest.raises(ValueError) as raised:
        optim.per_example_global_norm_clip([jnp.ones((2, 3)), jnp.ones(3)], 1.0)

    assert message_of(raised) == (
        "per_example_global_norm_clip: all leaves of `grads` must have the same "
        "leading axis of examples, got shapes (2, 3), (3,).\n"
        "Take them with `vmap(grad(loss), (None, 0))(params, batch)`."
    )


def test_noise_has_the_variance_of_its_step():
    zeros = {"a": jnp.zeros((100, 100)), "b": jnp.zeros(3)}
    transform = optim.add_noise(eta=4.0, gamma=2.0, key=0)
    state = transform.init(zeros)

    first, state = transform.update(zeros, state)
    second, state = transform.update(zeros, state)

    np.testing.assert_allclose(np.std(first["a"]), 2.0, rtol=0.03)
    np.testing.assert_allclose(np.std(second["a"]), 1.0, rtol=0.03)
    assert int(state.count) == 2


# Computed once by Optax 0.2.8 (JAX 0.10.2), in two steps.
NOISY = [[0.56290007, -1.2435514, -0.17236173], [-0.06804079, -0.73794067, 0.53311896]]


@pytest.mark.parametrize("key", [{"key": 0}, {"seed": 0}, {"key": random.key(0)}])
def test_noise_is_that_of_optax(key):
    grads = {"a": GRADS["a"], "b": jnp.float32(0.25)}
    transform = optim.add_noise(0.1, 0.5, **key)
    state = transform.init(grads)

    for expected in NOISY:
        updates, state = dc.jit(transform.update)(grads, state)
        got = [*updates["a"].tolist(), float(updates["b"])]
        np.testing.assert_allclose(got, expected, rtol=2e-6)


def test_noise_has_one_key():
    for given, names in (({}, "neither"), ({"key": 0, "seed": 0}, "both")):
        with pytest.raises(TypeError) as raised:
            optim.add_noise(0.1, 0.5, **given)

        assert message_of(raised) == (
            f"add_noise: expected `key` or `seed`, got {names}.\n"
            "Pass `key=random.key(0)`."
        )


def test_private_means_are_those_of_optax():
    transform = contrib.differentially_private_aggregate(1.5, 0.1, 0)

    updates, state = transform.update(BATCH, transform.init(PARAMS))
    again, _ = transform.update(BATCH, state)

    np.testing.assert_allclose(updates["a"], [0.44328082, 1.0051192], rtol=2e-6)
    np.testing.assert_allclose(updates["b"], 0.3474836, rtol=2e-6)
    np.testing.assert_allclose(again["a"], [0.50252974, 1.086823], rtol=2e-6)


def test_parameters_stay_nonnegative():
    grads = {"a": jnp.array([-3.0, -1.5]), "b": jnp.array([1.0])}

    updates, _ = apply(optim.keep_params_nonnegative(), grads)

    assert updates == {"a": [-1.0, -1.5], "b": [1.0]}


def test_nans_become_zero_and_are_remembered():
    grads = {"a": jnp.array([jnp.nan, 2.0]), "b": jnp.array([jnp.inf])}

    updates, state = apply(optim.zero_nans(), grads)

    assert updates == {"a": [0.0, 2.0], "b": [float("inf")]}
    assert (bool(state.found_nan["a"]), bool(state.found_nan["b"])) == (True, False)


def test_measurements_are_kept_on_the_way():
    transform = optim.chain(
        optim.snapshot("norm", optim.global_norm),
        optim.scale(2.0),
        optim.monitor(
            {
                "norm": optim.global_norm,
                "average": optim.measure_with_ema(optim.global_norm, 0.5),
            }
        ),
    )
    state = transform.init({"w": jnp.zeros(2)})

    for size in (1.0, 3.0):
        grads = {"w": jnp.array([0.0, size])}
        updates, state = dc.jit(transform.update)(grads, state)

    assert updates["w"].tolist() == [0.0, 6.0]
    assert float(state[0].measurement["norm"]) == 3.0
    assert float(state[2].measurements["norm"]) == 6.0
    # (0.5 * 2 * 0.5 + 0.5 * 6) / (1 - 0.5**2)
    np.testing.assert_allclose(state[2].measurements["average"], 14 / 3, rtol=1e-6)

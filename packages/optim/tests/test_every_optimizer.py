"""What holds for every optimizer: it descends, and it refuses what it can't do."""

import inspect

import numpy as np
import pytest
from every import OPTIMIZERS, public_transformations, ready

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(5)
TARGET = {
    "matrix": RNG.normal(size=(4, 3)).astype("float32"),
    "vector": RNG.normal(size=5).astype("float32"),
}
CURVATURE = dc.tree.map(lambda x: RNG.uniform(0.5, 2.0, x.shape), TARGET)


def quadratic(params):
    terms = dc.tree.map(
        lambda p, t, c: jnp.sum(jnp.asarray(c, "float32") * (p - t) ** 2) / 2,
        params,
        TARGET,
        CURVATURE,
    )
    return sum(dc.tree.leaves(terms))


def test_every_function_with_a_learning_rate_is_in_the_table():
    rates = {"learning_rate", "max_learning_rate"}
    functions = public_transformations()
    made = {
        name
        for name, function in functions.items()
        if rates & set(inspect.signature(function).parameters)
        and not name.startswith("scale_by_")
    }

    # Deprecated; a wrapper whose optimizers are in the table; a part of another.
    made -= {"optimistic_adam", "contrib.schedule_free", "contrib.scale_by_madgrad"}
    assert made <= set(OPTIMIZERS)
    assert set(OPTIMIZERS) <= set(functions)


def of_every_optimizer(test):
    return pytest.mark.parametrize("name", OPTIMIZERS)(test)


@of_every_optimizer
def test_a_quadratic_is_minimized(name):
    optimizer = ready(name)

    def step(carry, _):
        params, state = carry
        grads = dc.grad(quadratic)(params)
        updates, state = optimizer.update(grads, state, params, value_fn=quadratic)
        return (optim.apply_updates(params, updates), state), quadratic(params)

    start = dc.tree.map(lambda t: jnp.full(t.shape, 0.1), TARGET)
    carry = start, optimizer.init(start)
    losses = dc.lax.scan(step, carry, None, length=300)[1]

    assert float(losses[-20:].max()) < 1e-2 * float(losses[0]), losses[::30]


@of_every_optimizer
def test_the_first_state_can_be_donated(name):
    params = dc.tree.map(jnp.asarray, TARGET)
    optimizer = ready(name)
    donate = dc.jit(lambda *args: args, donate_argnums=(0, 1))

    # The same array twice can't be written over.
    for _ in range(2):
        params, _ = donate(params, optimizer.init(params))


WRAPPERS = {
    "MultiSteps": lambda inner: optim.MultiSteps(inner, 2),
    "apply_every": lambda inner: optim.chain(inner, optim.apply_every(2)),
    "apply_if_finite": lambda inner: optim.apply_if_finite(inner, 3),
    "cautious": optim.cautious,
    "flatten": optim.flatten,
    "inject_hyperparams": lambda inner: optim.inject_hyperparams(optim.adamw)(0.1),
    "masked": lambda inner: optim.masked(inner, {"matrix": True, "vector": False}),
    "mechanize": optim.contrib.mechanize,
    "params_ema": lambda inner: optim.chain(inner, optim.params_ema()),
    "params_mean": lambda inner: optim.chain(inner, optim.params_mean(1)),
    "schedule_free": lambda inner: optim.contrib.schedule_free(inner, 0.1),
    "split_real_and_imaginary": optim.contrib.split_real_and_imaginary,
    "transparent sam": lambda inner: optim.contrib.sam(inner, optim.sgd(0.1), 2, False),
    "with_8bit_state": lambda inner: optim.with_8bit_state(inner, min_size=1),
    "with_compensation": optim.with_compensation,
    "with_master_weights": optim.with_master_weights,
    "with_stochastic_rounding": lambda inner: optim.with_stochastic_rounding(inner, 0),
}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", WRAPPERS)
def test_the_first_state_of_a_wrapper_can_be_donated(name, dtype):
    params = dc.tree.map(lambda t: jnp.asarray(t, dtype), TARGET)
    optimizer = WRAPPERS[name](optim.adam(0.1))
    donate = dc.jit(lambda *args: args, donate_argnums=(0, 1))

    for _ in range(2):
        params, _ = donate(params, optimizer.init(params))


@of_every_optimizer
def test_sixteen_bit_and_wide_parameters_are_trained_together(name):
    optimizer = ready(name)
    params = {
        "half": jnp.full((4, 3), 0.5, "bfloat16"),
        "single": jnp.full((4, 3), 0.5, "float32"),
    }
    value_fn = lambda p: sum(jnp.sum(x.astype("float32") ** 2) for x in p.values())  # noqa: E731

    def step(params, state):
        grads = dc.grad(value_fn)(params)
        updates, state = optimizer.update(grads, state, params, value_fn=value_fn)
        return optim.apply_updates(params, updates), state

    before = params, dc.eval_shape(optimizer.init, params)
    after = dc.eval_shape(step, *before)

    types = [[(x.shape, x.dtype) for x in dc.tree.leaves(t)] for t in (before, after)]
    assert types[0] == types[1]


@of_every_optimizer
def test_an_empty_tree_is_trained_in_vain(name):
    optimizer = ready(name)

    updates, _ = optimizer.update(
        {}, optimizer.init({}), {}, value_fn=lambda p: jnp.float32(1.0)
    )

    assert updates == {}


@of_every_optimizer
def test_integers_among_the_parameters_are_refused_by_path(name):
    optimizer = ready(name)
    params = {"w": jnp.ones((2, 2)), "step": jnp.zeros((2, 2), "int32")}

    with pytest.raises(TypeError) as raised:
        optimizer.update(
            params, optimizer.init(params), params, value_fn=lambda p: jnp.float32(1.0)
        )

    assert "  ['step']: i32[" in str(raised.value)


@of_every_optimizer
def test_a_gradient_too_few_is_told_by_path(name):
    optimizer = ready(name)
    params = {"w": jnp.ones((2, 2)), "v": jnp.ones((2, 2))}
    state = optimizer.init(params)

    with pytest.raises(ValueError) as raised:
        optimizer.update(
            {"w": jnp.ones((2, 2))}, state, params, value_fn=lambda p: jnp.float32(1.0)
        )

    assert "['v']" in str(raised.value)


@of_every_optimizer
def test_a_gradient_of_another_shape_is_told_by_path(name):
    optimizer = ready(name)
    params = {"w": jnp.ones((2, 2)), "v": jnp.ones((2, 2))}
    grads = {"w": jnp.ones((2, 2)), "v": jnp.ones((2, 3))}
    state = optimizer.init(params)

    with pytest.raises(ValueError) as raised:
        optimizer.update(grads, state, params, value_fn=lambda p: jnp.float32(1.0))

    assert "['v']" in str(raised.value)


@pytest.mark.parametrize(
    "name", ["adamw", "lbfgs", "noisy_sgd", "contrib.muon", "contrib.schedule_free_sgd"]
)
def test_gradients_that_are_not_finite_can_be_skipped(name):
    inner = ready(name)
    optimizer = optim.apply_if_finite(inner, 3)
    params = {"w": jnp.ones((2, 2)), "v": jnp.ones((2, 2))}
    grads = {"w": jnp.ones((2, 2)), "v": jnp.full((2, 2), jnp.nan)}
    state = optimizer.init(params)

    updates, after = optimizer.update(
        grads, state, params, value_fn=lambda p: jnp.float32(1.0)
    )

    assert int(after.total_notfinite) == 1
    before, kept = (
        optim.tree_utils.tree_unwrap_random_key_data(s.inner_state)
        for s in (state, after)
    )
    dc.tree.map(np.testing.assert_array_equal, kept, before)
    dc.tree.map(lambda u: np.testing.assert_array_equal(u, 0 * u), updates)

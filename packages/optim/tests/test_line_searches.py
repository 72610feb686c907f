"""Line searches and L-BFGS, against SciPy and conditions checked in float64."""

import re

import numpy as np
import pytest
import scipy.optimize

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

START = np.array([-1.2, 1.0, 0.5])


def rosenbrock(x):
    return jnp.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def narrow(x):
    return jnp.sum(jnp.sqrt(1e-4 + (x - 2.0) ** 2)) + 0.01 * jnp.sum(x**2)


def steep(x):
    return jnp.sum(jnp.exp(5 * x)) - jnp.sum(x)


FUNCTIONS = pytest.mark.parametrize("f", [rosenbrock, narrow, steep])


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def searched(search, f, x, direction=None):
    """Value and gradient at `x`, the step taken from there, and the state."""
    value, grad = dc.value_and_grad(f)(x)
    updates = -grad if direction is None else direction
    made, state = dc.jit(search.update, static_argnames="value_fn")(
        updates, search.init(x), x, value=value, grad=grad, value_fn=f
    )
    return value, grad, made, state


@FUNCTIONS
def test_backtracking_ends_where_the_value_has_fallen_enough(f):
    with dc.enable_x64(True):
        search = optim.scale_by_backtracking_linesearch(60, 0.1, decrease_factor=0.5)
        value, grad, made, state = searched(search, f, jnp.asarray(START))
        new, longer = f(START + made), f(START + 2 * made)

    slope = -np.sum(np.asarray(grad) ** 2)
    assert new <= value + 0.1 * state.learning_rate * slope
    is_longest = state.learning_rate == 1.0
    assert is_longest or longer > value + 0.1 * 2 * state.learning_rate * slope
    np.testing.assert_allclose(state.value, new, 1e-12)
    assert state.info.decrease_error == 0.0


@FUNCTIONS
@pytest.mark.parametrize("strategy", ["one", "keep"])
def test_zooming_ends_where_the_strong_wolfe_conditions_hold(f, strategy):
    with dc.enable_x64(True):
        search = optim.scale_by_zoom_linesearch(
            40, curv_rtol=0.1, approx_dec_rtol=None, initial_guess_strategy=strategy
        )
        value, grad, made, state = searched(search, f, jnp.asarray(START))
        new, new_grad = dc.value_and_grad(f)(START + made)

    slope = -np.sum(np.asarray(grad) ** 2)
    assert new <= value + 1e-4 * state.learning_rate * slope
    assert abs(np.sum(np.asarray(new_grad * -grad))) <= 0.1 * abs(slope)
    np.testing.assert_allclose(state.value, new, 1e-12)
    np.testing.assert_allclose(state.grad, new_grad, 1e-9)


def test_a_search_that_fails_takes_the_lowest_value_it_saw():
    uphill = jnp.array([1.0, 1.0])

    value, _, made, state = searched(
        optim.scale_by_zoom_linesearch(5), lambda x: jnp.sum(x**2), uphill, uphill
    )

    assert made.tolist() == [0.0, 0.0]
    assert float(state.value) == float(value)
    assert float(state.info.decrease_error) > 0.0


def test_a_step_is_no_longer_than_allowed():
    search = optim.scale_by_zoom_linesearch(20, max_learning_rate=0.25)

    _, _, made, state = searched(search, lambda x: -jnp.sum(x), jnp.zeros(2))

    assert made.tolist() == [0.25, 0.25]
    assert float(state.learning_rate) == 0.25


@pytest.mark.parametrize(
    "search",
    [
        optim.scale_by_backtracking_linesearch(30),
        optim.scale_by_zoom_linesearch(30),
    ],
)
def test_values_that_are_no_numbers_are_no_progress(search):
    def defined_below_two(x):
        return jnp.where(x < 2.0, -x, jnp.nan)

    _, _, made, state = searched(search, defined_below_two, jnp.array(1.5))

    assert 0.0 < float(made) < 0.5
    assert np.isfinite(state.value)


# Computed once by Optax 0.2.8 (JAX 0.10.2, CPU, float32): parameters after each step.
OPTAX_LBFGS = [
    [-0.7924359, 0.7882784, 0.68903714],
    [-0.8629707, 0.77566314, 0.66816306],
    [-0.8938549, 0.8022544, 0.63909084],
    [-0.88765943, 0.7986302, 0.64141977],
]


@pytest.mark.parametrize("compiled", [False, True])
def test_lbfgs_takes_the_steps_of_optax(compiled):
    optimizer = optim.lbfgs()
    x = jnp.asarray(START, jnp.float32)

    def step(x, state):
        value, grad = dc.value_and_grad(rosenbrock)(x)
        updates, state = optimizer.update(
            grad, state, x, value=value, grad=grad, value_fn=rosenbrock
        )
        return optim.apply_updates(x, updates), state

    step = dc.jit(step) if compiled else step
    state = optimizer.init(x)
    for expected in OPTAX_LBFGS:
        x, state = step(x, state)
        np.testing.assert_allclose(x, expected, rtol=2e-5)


@FUNCTIONS
def test_lbfgs_finds_the_minimum_that_scipy_finds(f):
    optimizer = optim.lbfgs()
    value_and_grad = optim.value_and_grad_from_state(f)

    @dc.jit
    def minimize(x):
        def step(carry):
            x, state = carry
            value, grad = value_and_grad(x, state=state)
            updates, state = optimizer.update(
                grad, state, x, value=value, grad=grad, value_fn=f
            )
            return optim.apply_updates(x, updates), state

        return dc.lax.fori_loop(0, 60, lambda i, c: step(c), (x, optimizer.init(x)))[0]

    with dc.enable_x64(True):
        found = minimize(jnp.asarray(START))
        expected = scipy.optimize.minimize(
            lambda x: float(f(x)), START, jac=dc.grad(f), options={"gtol": 1e-10}
        )

    np.testing.assert_allclose(found, expected.x, atol=1e-6)


def test_trees_are_minimized_like_vectors():
    def split(params):
        return rosenbrock(jnp.concatenate([params["a"], params["b"]]))

    found = []
    for f, x in (
        (rosenbrock, jnp.float32(START)),
        (split, {"a": jnp.float32(START[:1]), "b": jnp.float32(START[1:])}),
    ):
        optimizer = optim.lbfgs(memory_size=2)
        state = optimizer.init(x)
        for _ in range(4):
            value, grad = dc.value_and_grad(f)(x)
            updates, state = optimizer.update(
                grad, state, x, value=value, grad=grad, value_fn=f
            )
            x = optim.apply_updates(x, updates)
        found.append(np.concatenate([np.ravel(leaf) for leaf in dc.tree.leaves(x)]))

    np.testing.assert_allclose(found[0], found[1], rtol=1e-5)


def test_a_kept_gradient_is_not_computed_again():
    seen = []

    def noted(x, shift):
        seen.append(shift)
        return jnp.sum((x - shift) ** 2)

    optimizer = optim.lbfgs()
    value_and_grad = optim.value_and_grad_from_state(noted)
    x = jnp.zeros(2)
    state = optimizer.init(x)

    value, grad = value_and_grad(x, 3.0, state=state)
    updates, state = optimizer.update(
        grad, state, x, value=value, grad=grad, value_fn=noted, shift=3.0, other=1
    )
    again, grad_again = value_and_grad(x + updates, 99.0, state=state)

    assert (float(value), grad.tolist()) == (18.0, [-6.0, -6.0])
    expected, expected_grad = dc.value_and_grad(noted)(x + updates, 3.0)
    np.testing.assert_allclose(again, expected, rtol=1e-6)
    np.testing.assert_allclose(grad_again, expected_grad, rtol=1e-6)


def test_states_without_a_kept_gradient_are_told():
    f = optim.value_and_grad_from_state(lambda x: x)

    with pytest.raises(ValueError) as raised:
        f(1.0, state=optim.sgd(0.1).init(1.0))

    assert message_of(raised) == (
        "value_and_grad_from_state: `state` must hold one line search that keeps "
        "gradients, got 0.\nUse `lbfgs`, or "
        "`scale_by_backtracking_linesearch(..., store_grad=True)`."
    )


@pytest.mark.parametrize(
    ("name", "search"),
    [
        (
            "scale_by_backtracking_linesearch",
            optim.scale_by_backtracking_linesearch(3),
        ),
        ("scale_by_zoom_linesearch", optim.scale_by_zoom_linesearch(3)),
    ],
)
def test_what_a_search_needs_is_named(name, search):
    with pytest.raises(TypeError) as raised:
        search.update(1.0, search.init(1.0), 1.0, value=2.0)

    assert message_of(raised) == (
        f"{name}: `update` needs `grad`, `value_fn`.\n"
        "Call `update(grads, state, params, value=value, grad=grads, value_fn=f)`, "
        "where `value, grads = value_and_grad(f)(params)`."
    )


def test_the_first_guess_has_two_strategies():
    with pytest.raises(ValueError) as raised:
        optim.scale_by_zoom_linesearch(3, initial_guess_strategy="two")

    assert message_of(raised) == (
        "scale_by_zoom_linesearch: `initial_guess_strategy` must be 'keep' or 'one', "
        "got 'two'.\n'one' suits Newton-like updates, 'keep' gradients."
    )

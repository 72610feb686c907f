"""Transformations that run in some steps only, gather updates, or follow others."""

import functools
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

PARAMS = {"a": jnp.array([1.0, 2.0]), "b": jnp.array([3.0])}
GRADS = {"a": jnp.array([0.5, -1.0]), "b": jnp.array([0.25])}
BROKEN = {"a": jnp.array([jnp.nan, -1.0]), "b": jnp.array([0.25])}
EAGER_AND_JIT = pytest.mark.parametrize("compiled", [False, True])


def steps(transform, gradients, compiled, params=PARAMS, **extra_args):
    """The updates of each step and its state, with `a` as lists of numbers."""
    update = dc.jit(transform.update) if compiled else transform.update
    state = transform.init(params)
    made = []
    for grads in gradients:
        updates, state = update(grads, state, params, **extra_args)
        made.append(np.round(updates["a"], 5).tolist())
    return made, state


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


@EAGER_AND_JIT
def test_updates_that_are_not_finite_are_ignored_until_there_are_too_many(compiled):
    transform = optim.apply_if_finite(optim.trace(0.5), max_consecutive_errors=1)

    made, state = steps(transform, [GRADS, BROKEN, GRADS, BROKEN, BROKEN], compiled)

    assert made[:4] == [[0.5, -1.0], [0.0, 0.0], [0.75, -1.5], [0.0, 0.0]]
    np.testing.assert_array_equal(made[4], [np.nan, -1.75])
    assert (int(state.notfinite_count), int(state.total_notfinite)) == (2, 3)
    assert not state.last_finite


@EAGER_AND_JIT
def test_a_condition_decides_whether_updates_are_transformed(compiled):
    transform = optim.conditionally_transform(
        optim.trace(0.5), lambda step: step % 2 == 0
    )

    made, state = steps(transform, [GRADS] * 3, compiled)

    assert made == [[0.5, -1.0], [0.5, -1.0], [0.75, -1.5]]
    assert int(state.step) == 3


@EAGER_AND_JIT
def test_a_condition_decides_whether_updates_are_zero(compiled):
    transform = optim.conditionally_mask(optim.trace(0.5), lambda step: step % 2 == 0)

    made, _ = steps(transform, [GRADS] * 3, compiled)

    assert made == [[0.5, -1.0], [0.0, 0.0], [0.75, -1.5]]


@pytest.mark.parametrize(
    "wrapper", [optim.conditionally_mask, optim.conditionally_transform]
)
def test_conditions_see_extra_arguments_only_if_asked(wrapper):
    def is_small(step, loss):
        return loss < 1.0

    transform = wrapper(optim.scale(2.0), is_small, forward_extra_args=True)

    assert steps(transform, [GRADS], False, loss=0.5)[0] == [[1.0, -2.0]]
    assert steps(transform, [GRADS], False, loss=2.0)[0] != [[1.0, -2.0]]
    with pytest.raises(TypeError, match="loss"):
        steps(wrapper(optim.scale(2.0), is_small), [GRADS], False, loss=0.5)


@EAGER_AND_JIT
@pytest.mark.parametrize(("mean", "expected"), [(True, 1.0), (False, 2.0)])
def test_gradients_of_several_steps_are_gathered(compiled, mean, expected):
    optimizer = optim.MultiSteps(optim.sgd(1.0, momentum=0.5), 2, use_grad_mean=mean)
    other = {"a": jnp.array([1.5, 3.0]), "b": jnp.array([0.0])}

    made, state = steps(optimizer, [GRADS, other, GRADS], compiled)

    assert made == [[0, 0], [-expected, -expected], [0, 0]]
    assert (int(state.mini_step), int(state.gradient_step)) == (1, 1)
    assert not optimizer.has_updated(state)


def test_mini_steps_equal_one_step_with_the_whole_batch():
    rng = np.random.default_rng(0)
    parts = [{"a": rng.normal(size=2), "b": rng.normal(size=1)} for _ in range(4)]
    parts = dc.tree.map(jnp.float32, parts)
    mean = dc.tree.map(lambda *leaves: sum(leaves) / 4, *parts)

    made, _ = steps(optim.MultiSteps(optim.adam(0.1), 4), parts, compiled=False)

    assert made[3] == steps(optim.adam(0.1), [mean], compiled=False)[0][0]


def test_the_number_of_gathered_gradients_follows_a_schedule():
    optimizer = optim.MultiSteps(optim.sgd(1.0), lambda step: step + 1)

    made, _ = steps(optimizer, [GRADS] * 6, compiled=False)

    assert [update[1] for update in made] == [1.0, 0.0, 1.0, 0.0, 0.0, 1.0]


@EAGER_AND_JIT
def test_gradients_may_be_left_out(compiled):
    optimizer = optim.MultiSteps(
        optim.sgd(1.0), 2, should_skip_update_fn=optim.skip_not_finite
    )

    made, state = steps(optimizer, [GRADS, BROKEN, GRADS, BROKEN], compiled)

    assert made == [[0, 0], [0, 0], [-0.5, 1.0], [0, 0]]
    assert int(state.skip_state["num_not_finite"]) == 1
    assert int(state.gradient_step) == 1


def test_large_gradients_and_those_without_a_norm_are_left_out():
    large = functools.partial(optim.skip_large_updates, max_squared_norm=1.3)

    assert large(GRADS, 0, PARAMS)[0]  # its squared norm is 1.3125
    assert large(BROKEN, 0, PARAMS)[0]
    assert not large({"a": GRADS["a"]}, 0, PARAMS)[0]


@pytest.mark.parametrize(
    ("count", "error", "text"),
    [
        (0, ValueError, "must be at least 1, got 0."),
        (2.5, TypeError, "must be an integer or a schedule, got 2.5."),
    ],
)
def test_how_many_gradients_to_gather_is_a_positive_integer(count, error, text):
    with pytest.raises(error) as raised:
        optim.MultiSteps(optim.sgd(1.0), count)

    assert message_of(raised).startswith(f"MultiSteps: `every_k_schedule` {text}")


@EAGER_AND_JIT
def test_transformations_before_apply_every_run_in_every_step(compiled):
    transform = optim.chain(optim.trace(1.0), optim.apply_every(2))

    made, _ = steps(transform, [GRADS] * 4, compiled)

    assert made == [[0, 0], [1.5, -3.0], [0, 0], [3.5, -7.0]]


@EAGER_AND_JIT
@pytest.mark.parametrize("reset_state", [False, True])
def test_slow_parameters_follow_fast_ones(compiled, reset_state):
    optimizer = optim.lookahead(
        optim.sgd(0.1, momentum=0.5), 2, 0.5, reset_state=reset_state
    )
    update = dc.jit(optimizer.update) if compiled else optimizer.update
    params = optim.LookaheadParams.init_synced(PARAMS)
    state = optimizer.init(params)
    seen = []
    for _ in range(3):
        updates, state = update(GRADS, state, params)
        params = optim.apply_updates(params, updates)
        seen.append((float(params.fast["b"][0]), float(params.slow["b"][0])))

    # Momentum 0.25, then 0.375; then 0.4375, or 0.25 if it starts anew.
    last = 2.96875 - 0.1 * (0.25 if reset_state else 0.4375)
    expected = [(2.975, 3.0), (2.96875, 2.96875), (last, 2.96875)]
    np.testing.assert_allclose(seen, expected, rtol=1e-6)
    assert int(state.steps_since_sync) == 1


def test_lookahead_says_what_its_parameters_are():
    optimizer = optim.lookahead(optim.sgd(0.1), 2, 0.5)

    with pytest.raises(TypeError) as raised:
        optimizer.init(PARAMS)

    assert message_of(raised) == (
        "lookahead: `params` must be LookaheadParams, got dict.\n"
        "Make them with `optim.LookaheadParams.init_synced(params)`."
    )

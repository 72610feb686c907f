"""What transformations are made with is checked where the user makes them."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random
from dolmen.optim import contrib

PARAMS = {"b": jnp.ones(2), "w": jnp.ones((2, 3))}


def step(optimizer, grads=PARAMS, params=PARAMS):
    """The updates of a first step."""
    return optimizer.update(grads, optimizer.init(params), params)[0]


def first_line(raised):
    return str(raised.value).splitlines()[0]


def refused(made, problem):
    return pytest.param(made, problem, id=problem.split(" must")[0])


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        refused(
            lambda: optim.adam("0.1"),
            "adam: `learning_rate` must be a number or a schedule, got str '0.1'.",
        ),
        refused(
            lambda: optim.adam([0.1]),
            "adam: `learning_rate` must be a number or a schedule, got list.",
        ),
        refused(
            lambda: optim.fromage("a"),
            "fromage: `learning_rate` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: optim.sm3("a"),
            "sm3: `learning_rate` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: contrib.prodigy("a"),
            "prodigy: `learning_rate` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: contrib.dadapt_adamw("a"),
            "dadapt_adamw: `learning_rate` must be a number or a schedule, got str "
            "'a'.",
        ),
        refused(
            lambda: contrib.momo("a"),
            "momo: `learning_rate` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: contrib.momo_adam("a"),
            "momo_adam: `learning_rate` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: contrib.schedule_free(optim.sgd(0.1), "a"),
            "schedule_free: `learning_rate` must be a number or a schedule, got str "
            "'a'.",
        ),
        refused(
            lambda: optim.adamw(0.1, weight_decay="a"),
            "adamw: `weight_decay` must be a number or a schedule, got str 'a'.",
        ),
        refused(
            lambda: optim.adam(0.1, b1="a"),
            "adam: `b1` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.sgd(0.1, momentum="a"),
            "sgd: `momentum` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.rmsprop(0.1, initial_scale="a"),
            "rmsprop: `initial_scale` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.clip("a"), "clip: `max_delta` must be a number, got str 'a'."
        ),
        refused(
            lambda: optim.scale(optim.sgd),
            "scale: `step_size` must be a number, got function sgd.",
        ),
        refused(
            lambda: optim.scale_by_schedule(0.1),
            "scale_by_schedule: `step_size_fn` must be a schedule, got float 0.1.",
        ),
        refused(
            lambda: optim.polyak_sgd("a"),
            "polyak_sgd: `max_learning_rate` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.apply_if_finite(optim.sgd(0.1), "a"),
            "apply_if_finite: `max_consecutive_errors` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.lookahead(optim.sgd(0.1), 5, "a"),
            "lookahead: `slow_step_size` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.add_noise("a", 0.55, key=0),
            "add_noise: `eta` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.noisy_sgd(0.1, key=0.5),
            "noisy_sgd: `key` must be a random key or an integer, got float 0.5.",
        ),
        refused(
            lambda: optim.dpsgd(0.1, None, 1.0, 0),
            "dpsgd: `l2_norm_clip` must be a number, got None.",
        ),
        refused(
            lambda: optim.adafactor(min_dim_size_to_factor="a"),
            "adafactor: `min_dim_size_to_factor` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.adam(0.1, mu_dtype="flt"),
            "adam: `mu_dtype` must be a dtype, got str 'flt'.",
        ),
        refused(
            lambda: optim.adam(lambda: 0.1),
            "adam: `learning_rate` as a schedule must take one argument, the count of "
            "steps done, got function <lambda>.<locals>.<lambda> that takes ().",
        ),
        refused(
            lambda: optim.adam(optim.constant_schedule.__class__),
            "adam: `learning_rate` as a schedule must take one argument, the count of "
            "steps done, got type function that takes (code, globals, name, argdefs, "
            "closure).",
        ),
        refused(
            lambda: optim.inject_hyperparams(optim.adam)(optim.linear_schedule),
            "adam: `learning_rate` as a schedule must take one argument, the count of "
            "steps done, got function linear_schedule that takes (init_value, "
            "end_value, transition_steps, transition_begin).",
        ),
        refused(
            lambda: optim.constant_schedule("a"),
            "constant_schedule: `value` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.cosine_decay_schedule("a", 10),
            "cosine_decay_schedule: `init_value` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.polynomial_schedule(1.0, 0.0, "a", 10),
            "polynomial_schedule: `power` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.linear_schedule(1.0, 0.0, "a"),
            "linear_schedule: `transition_steps` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.exponential_decay(1.0, 10, 0.5, end_value="a"),
            "exponential_decay: `end_value` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.warmup_cosine_decay_schedule(0.0, 1.0, 5, "a"),
            "warmup_cosine_decay_schedule: `decay_steps` must be a number, got str "
            "'a'.",
        ),
        refused(
            lambda: optim.warmup_stable_decay_schedule("a", 1.0, 5, 5, 5),
            "warmup_stable_decay_schedule: `init_value` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.linear_onecycle_schedule(10, "a"),
            "linear_onecycle_schedule: `peak_value` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.cosine_onecycle_schedule(10, 1.0, div_factor="a"),
            "cosine_onecycle_schedule: `div_factor` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.piecewise_constant_schedule(0.1, {"a": 0.5}),
            "piecewise_constant_schedule: a count in `boundaries_and_scales` must be a "
            "number, got str 'a'.",
        ),
        refused(
            lambda: optim.piecewise_constant_schedule(0.1, {10: "a"}),
            "piecewise_constant_schedule: `boundaries_and_scales[10]` must be a "
            "number, got str 'a'.",
        ),
        refused(
            lambda: optim.piecewise_interpolate_schedule("linear", 0.1, [10, 20]),
            "piecewise_interpolate_schedule: `boundaries_and_scales` must be a dict, "
            "got list.",
        ),
        refused(
            lambda: optim.join_schedules([1.0, 2.0], [10]),
            "join_schedules: `schedules[0]` must be a schedule, got float 1.0.",
        ),
        refused(
            lambda: optim.join_schedules([optim.constant_schedule(1.0)] * 2, ["a"]),
            "join_schedules: `boundaries[0]` must be a number, got str 'a'.",
        ),
        refused(
            lambda: optim.sgdr_schedule({"init_value": 1.0}),
            "sgdr_schedule: `cosine_kwargs` must be a sequence of dicts, one for each "
            "cycle, got dict.",
        ),
        refused(
            lambda: optim.sgdr_schedule(3),
            "sgdr_schedule: `cosine_kwargs` must be a sequence of dicts, one for each "
            "cycle, got int 3.",
        ),
    ],
)
def test_values_of_the_wrong_kind_are_refused(make, problem):
    with pytest.raises(TypeError) as raised:
        make()

    assert first_line(raised) == problem


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        refused(
            lambda: optim.masked(0.1, True),
            "masked: `inner` must be a GradientTransformation, got float 0.1.",
        ),
        refused(
            lambda: optim.MultiSteps(0.1, 2),
            "MultiSteps: `opt` must be a GradientTransformation, got float 0.1.",
        ),
        refused(
            lambda: optim.flatten(optim.sgd),
            "flatten: `inner` must be a GradientTransformation, got function sgd.",
        ),
        refused(
            lambda: optim.shard_state(3),
            "shard_state: `inner` must be a GradientTransformation, got int 3.",
        ),
        refused(
            lambda: optim.apply_if_finite(optim.MultiSteps, 3),
            "apply_if_finite: `inner` must be a GradientTransformation, got type "
            "MultiSteps.",
        ),
        refused(
            lambda: optim.selective_transform(0.1, freeze_mask=True),
            "selective_transform: `optimizer` must be a GradientTransformation, got "
            "float 0.1.",
        ),
        refused(
            lambda: optim.multi_transform({"a": optim.sgd}, {}),
            "partition: `transforms['a']` must be a GradientTransformation, got "
            "function sgd.",
        ),
        refused(
            lambda: optim.multi_transform([optim.sgd(0.1)], {}),
            "partition: `transforms` must be a mapping from labels to transformations, "
            "got list.",
        ),
        refused(
            lambda: optim.named_chain(optim.sgd(0.1)),
            "named_chain: argument 0 must be a pair of a name and a transformation, "
            "got GradientTransformationExtraArgs.",
        ),
        refused(
            lambda: optim.named_chain(("sgd", optim.sgd)),
            "named_chain: part 'sgd' must be a GradientTransformation, got function "
            "sgd.",
        ),
        refused(
            lambda: optim.inject_hyperparams(optim.adam(0.1)),
            "inject_hyperparams: `inner_factory` must be a function that makes a "
            "transformation, got GradientTransformationExtraArgs.",
        ),
    ],
)
def test_what_is_no_transformation_is_refused(make, problem):
    with pytest.raises(TypeError) as raised:
        make()

    assert first_line(raised) == problem


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        refused(
            lambda: optim.adam(0.1, b1=1.0),
            "adam: `b1` must be at least 0 and less than 1, got 1.0.",
        ),
        # The same number as `learning_rate`: which argument it is must stay clear.
        refused(
            lambda: optim.adamw(1.0, b2=1.0),
            "adamw: `b2` must be at least 0 and less than 1, got 1.0.",
        ),
        refused(
            lambda: optim.ema(-0.5),
            "ema: `decay` must be at least 0 and less than 1, got -0.5.",
        ),
        refused(
            lambda: optim.clip(-1.0),
            "clip: `max_delta` must not be negative, got -1.0.",
        ),
        refused(
            lambda: optim.clip_by_global_norm(-1),
            "clip_by_global_norm: `max_norm` must not be negative, got -1.",
        ),
        refused(
            lambda: optim.smooth_labels(jnp.ones(2), 2.0),
            "smooth_labels: `alpha` must be from 0 to 1, got 2.0.",
        ),
        refused(
            lambda: optim.join_schedules([optim.constant_schedule(1.0)] * 3, [20, 10]),
            "join_schedules: `boundaries` must rise, got [20, 10].",
        ),
    ],
)
def test_values_out_of_range_are_refused(make, problem):
    with pytest.raises(ValueError) as raised:
        make()

    assert first_line(raised) == problem


def test_the_line_is_the_one_that_makes_the_optimizer():
    def make():
        return optim.adam("0.1")

    with pytest.raises(TypeError) as raised:
        make()

    assert re.search(r"test_arguments\.py:\d+ in .*make$", str(raised.value))


def test_a_function_of_the_user_is_not_named():
    def my_optimizer(rate):
        return optim.adam(rate)

    with pytest.raises(TypeError, match=r"^adam: `learning_rate` must be a number"):
        my_optimizer("0.1")


def test_hyperparameters_in_the_state_are_checked_by_init():
    optimizer = optim.inject_hyperparams(optim.adam)("0.1")

    with pytest.raises(TypeError, match=r"^adam: `learning_rate` .*got str '0.1'"):
        optimizer.init(PARAMS)


@pytest.mark.parametrize(
    ("optimizer", "problem"),
    [
        (
            optim.adam(lambda count: None),
            "adam: `learning_rate` as a schedule must return a number, got None.",
        ),
        (
            optim.adam(optim.constant_schedule),
            "adam: `learning_rate` as a schedule must return a number, got function "
            "constant_schedule.<locals>.<lambda>.",
        ),
        (
            optim.adamw(0.1, weight_decay=lambda count: "a"),
            "adamw: `weight_decay` as a schedule must return a number, got str 'a'.",
        ),
        (
            contrib.madgrad(lambda count: None),
            "scale_by_madgrad: `learning_rate` as a schedule must return a number, got "
            "None.",
        ),
    ],
)
def test_schedules_must_return_numbers(optimizer, problem):
    with pytest.raises(TypeError) as raised:
        step(optimizer)

    assert first_line(raised) == problem


@pytest.mark.parametrize(
    ("optimizer", "problem"),
    [
        (
            optim.adam(jnp.ones(2)),
            "adam: `learning_rate` must be a scalar, or broadcast to every update, got "
            "f32[2] for an update f32[2,3].",
        ),
        (
            optim.adam(lambda count: jnp.ones(2)),
            "adam: `learning_rate` must be a scalar, or broadcast to every update, got "
            "f32[2] for an update f32[2,3].",
        ),
        (
            optim.adamw(0.1, weight_decay=jnp.ones((3, 2, 3))),
            "adamw: `weight_decay` must be a scalar, or broadcast to every update, got "
            "f32[3,2,3] for an update f32[2].",
        ),
    ],
)
def test_factors_must_fit_the_updates(optimizer, problem):
    with pytest.raises(ValueError) as raised:
        step(optimizer)

    assert first_line(raised) == problem


@pytest.mark.parametrize(
    "rate",
    [0.5, np.float32(0.5), np.array(0.5), jnp.asarray(0.5), lambda count: 0.5],
    ids=["float", "NumPy scalar", "NumPy array", "array", "schedule"],
)
def test_learning_rates_are_numbers_of_any_kind(rate):
    updates = step(optim.sgd(rate))

    np.testing.assert_array_equal(updates["b"], [-0.5, -0.5])


def test_elements_may_have_learning_rates_of_their_own():
    updates = step(optim.sgd(jnp.array([0.5, 0.25])), jnp.ones(2), jnp.ones(2))

    np.testing.assert_array_equal(updates, [-0.5, -0.25])


def test_constants_may_be_traced():
    def updates(rate, decay):
        return step(optim.adamw(rate, b1=decay, weight_decay=rate))["b"]

    rates, decays = jnp.array([0.5, 0.25]), jnp.array([0.5, 0.75])

    together = dc.jit(dc.vmap(updates))(rates, decays)

    alone = [updates(*both) for both in zip(rates, decays, strict=True)]
    np.testing.assert_allclose(together, jnp.stack(alone), rtol=1e-6)


def test_hyperparameters_may_be_mapped():
    def updates(rate):
        return step(optim.inject_hyperparams(optim.sgd)(rate))["b"]

    made = dc.vmap(updates)(jnp.array([0.5, 0.25]))

    np.testing.assert_array_equal(made, [[-0.5, -0.5], [-0.25, -0.25]])


def test_keys_may_be_integers_or_keys():
    of_integer = step(optim.noisy_sgd(0.1, key=3))["w"]
    of_key = step(optim.noisy_sgd(0.1, key=random.key(3)))["w"]

    np.testing.assert_array_equal(of_integer, of_key)


def test_parts_of_a_joined_schedule_may_be_empty():
    parts = [optim.constant_schedule(value) for value in (1.0, 2.0, 3.0)]

    schedule = optim.join_schedules(parts, [10, 10])

    assert float(schedule(10)) == 3.0

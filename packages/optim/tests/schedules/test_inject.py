"""Hyperparameters in the state, and schedules that have states of their own."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import schedules


class HalfWhenStuck:
    """Halves whenever the step before was told that it is stuck."""

    def init(self):
        return jnp.asarray(1.0)

    def update(self, state, *, stuck, **extra_args):
        return jnp.where(stuck, state / 2, state)

    def __call__(self, state, **extra_args):
        return state


def test_a_stateful_schedule_sees_the_extra_arguments_of_each_step():
    optimizer = schedules.inject_hyperparams(optim.sgd)(HalfWhenStuck())
    step = dc.jit(optimizer.update)
    state = optimizer.init(jnp.ones(1))

    rates = []
    for stuck in (False, True, True, False):
        _, state = step(jnp.ones(1), state, None, stuck=stuck)
        rates.append(float(state.hyperparams["learning_rate"]))

    assert rates == [1.0, 1.0, 0.5, 0.25]
    assert float(state.hyperparams_states["learning_rate"]) == 0.25
    assert int(state.count) == 4


def test_functions_of_the_count_are_wrapped():
    optimizer = schedules.inject_hyperparams(optim.sgd)(lambda count: 0.5 * count)
    state = optimizer.init(jnp.ones(1))

    _, state = optimizer.update(jnp.ones(1), state)
    updates, state = optimizer.update(jnp.ones(1), state)

    np.testing.assert_array_equal(updates, [-0.5])
    assert int(state.hyperparams_states["learning_rate"].count) == 2


def test_a_wrapped_schedule_counts_its_steps():
    schedule = schedules.WrappedSchedule(lambda count: 10 * count)
    state = schedule.init()

    values = []
    for _ in range(3):
        values.append(int(schedule(state)))
        state = schedule.update(state, stuck=True)

    assert isinstance(schedule, schedules.StatefulSchedule)
    assert values == [0, 10, 20]


def test_the_former_names_make_the_same():
    optimizer = schedules.inject_stateful_hyperparams(optim.sgd)(0.5)
    state = optimizer.init(jnp.ones(1))

    updates, _ = optimizer.update(jnp.ones(1), state)

    assert isinstance(state, schedules.InjectStatefulHyperparamsState)
    assert schedules.InjectHyperparamsState is schedules.InjectStatefulHyperparamsState
    np.testing.assert_array_equal(updates, [-0.5])


def test_extra_arguments_may_be_functions():
    def update(updates, state, params=None, *, value_fn, **extra_args):
        return dc.tree.map(lambda g: g * value_fn(params), updates), state

    def by_value(factor):
        del factor
        return optim.GradientTransformationExtraArgs(optim.init_empty_state, update)

    optimizer = schedules.inject_hyperparams(by_value)(1.0)
    params = jnp.asarray([3.0])

    updates, _ = optimizer.update(
        jnp.ones(1), optimizer.init(params), params, value_fn=jnp.sum
    )

    np.testing.assert_array_equal(updates, [3.0])


def test_a_hyperparameter_that_is_not_there_is_told():
    optimizer = schedules.inject_hyperparams(optim.sgd)(0.5, momentum=0.9)
    state = optimizer.init(jnp.ones(1))
    state.hyperparams["lr"] = 0.1

    with pytest.raises(ValueError) as raised:
        optimizer.update(jnp.ones(1), state)

    assert str(raised.value).splitlines()[0] == (
        "inject_hyperparams: `state.hyperparams` must have the names "
        "['learning_rate', 'momentum'], got ['learning_rate', 'lr', 'momentum']."
    )

"""Muon, schedule-free learning and steps that shrink on a plateau."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.optim import contrib
from dolmen.optim.contrib import MuonDimensionNumbers

RNG = np.random.default_rng(0)
GRADS = RNG.normal(size=(5, 3, 4)).astype(np.float32)


def message_of(raised):
    """The message without the user's line."""
    return re.sub(r"\n  at .*", "", str(raised.value))


def iterated(x, steps, a=3.4445, b=-4.775, c=2.0315):
    """Newton-Schulz steps in float64, from the singular values."""
    u, s, v = np.linalg.svd(x, full_matrices=False)
    s = s / np.linalg.norm(s)
    for _ in range(steps):
        s = a * s + b * s**3 + c * s**5
    return u @ np.diag(s) @ v


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("turned", [False, True])
def test_muon_agrees_with_its_formula(nesterov, turned):
    grads = GRADS.mT if turned else GRADS
    transform = contrib.scale_by_muon(ns_steps=3, beta=0.8, nesterov=nesterov)
    state = transform.init(grads[0])
    mu = np.zeros(grads[0].shape)
    for t, g in enumerate(grads, start=1):
        updates, state = transform.update(g, state)

        mu = 0.8 * mu + 0.2 * g
        ahead = 0.8 * mu / (1 - 0.8 ** (t + 1)) + 0.2 * g / (1 - 0.8**t)
        expected = iterated(ahead if nesterov else mu, 3)
        np.testing.assert_allclose(updates, expected, atol=1e-5)
    np.testing.assert_allclose(state.mu, mu, atol=1e-6)


def test_axes_that_are_not_of_the_matrix_are_a_batch():
    leaf = RNG.normal(size=(2, 3, 4)).astype(np.float32)
    numbers = {
        "layers": MuonDimensionNumbers(1, 2),
        "middle": MuonDimensionNumbers(0, -1),
        "heads": MuonDimensionNumbers((0, 1), 2),
    }
    transform = contrib.scale_by_muon(weight_dimension_numbers=numbers)
    grads = dict.fromkeys(numbers, leaf)

    updates, _ = transform.update(grads, transform.init(grads))

    layers = [iterated(part, 5) for part in leaf]
    middle = [iterated(leaf[:, i], 5) for i in range(3)]
    heads = iterated(leaf.reshape(6, 4), 5).reshape(2, 3, 4)
    np.testing.assert_allclose(updates["layers"], layers, atol=1e-5)
    np.testing.assert_allclose(updates["middle"], np.stack(middle, 1), atol=1e-5)
    np.testing.assert_allclose(updates["heads"], heads, atol=1e-5)


def test_equal_matrices_are_iterated_together():
    transform = contrib.scale_by_muon()
    grads = [jnp.ones((3, 4)), jnp.ones((4, 3)), jnp.ones((3, 4))]
    state = transform.init(grads)

    program = str(dc.make_jaxpr(transform.update)(grads, state))

    assert program.count("= dot_general[") == 5 * 3


@pytest.mark.parametrize(
    ("preconditioning", "norm"),
    [
        ("spectral", lambda s: s.max()),
        ("schatten", lambda s: np.sum(s**4) ** 0.25),
        ("frobenius", lambda s: np.sum(s**2) ** 0.5),
    ],
)
def test_singular_values_are_below_one_at_first(preconditioning, norm):
    transform = contrib.scale_by_muon(
        (1.0, 0.0, 0.0), 1, beta=0.0, preconditioning=preconditioning
    )

    updates, _ = transform.update(GRADS[0], transform.init(GRADS[0]))

    s = np.linalg.svd(GRADS[0], compute_uv=False)
    np.testing.assert_allclose(updates, GRADS[0] / norm(s), rtol=1e-5)


def test_rows_are_nearly_orthogonal_at_first():
    transform = contrib.scale_by_muon((1.0, 0.0, 0.0), 1, 0.0, preconditioning="aol")

    updates, _ = transform.update(GRADS[0], transform.init(GRADS[0]))

    sums = np.abs(GRADS[0] @ GRADS[0].T).sum(1, keepdims=True)
    np.testing.assert_allclose(updates, GRADS[0] / np.sqrt(sums), rtol=1e-5)
    assert np.linalg.norm(updates, 2) <= 1.0


def test_matrices_learn_by_muon_and_all_else_by_adam():
    params = {"kernel": jnp.asarray(GRADS[0]), "bias": jnp.ones(4)}
    optimizer = contrib.muon(
        0.5, weight_decay=0.1, adam_learning_rate=0.25, nesterov=False
    )

    updates, state = optimizer.update(params, optimizer.init(params), params)

    assert state.inner_states["muon"].inner_state[0].mu["bias"] == optim.MaskedNode()
    np.testing.assert_allclose(updates["bias"], -0.25 * np.ones(4), rtol=1e-5)
    expected = iterated(GRADS[0], 5) * (4 / 3) ** 0.5 + 0.1 * GRADS[0]
    np.testing.assert_allclose(updates["kernel"], -0.5 * expected, atol=1e-5)


def test_updates_of_all_shapes_may_have_the_same_size():
    optimizer = contrib.muon(1.0, (1.5, -0.5, 0.0), 40, consistent_rms=0.2)

    updates, _ = optimizer.update(GRADS[0], optimizer.init(GRADS[0]), GRADS[0])

    np.testing.assert_allclose(np.sqrt(np.mean(updates**2)), 0.2, rtol=1e-4)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: contrib.scale_by_muon().init(jnp.ones(3)),
            "scale_by_muon: a leaf of shape (3,) has no two different groups of axes 0 "
            "and 1.\nPass MuonDimensionNumbers for it, or leave it to another "
            "optimizer (None in `muon`).",
        ),
        (
            lambda: contrib.scale_by_muon("fast"),
            "scale_by_muon: `ns_coeffs` must be numbers or one of 'standard', 'dion', "
            "got 'fast'.",
        ),
        (
            lambda: contrib.scale_by_muon((1.0, 2.0)),
            "scale_by_muon: `ns_coeffs` must be three numbers, or three for each step, "
            "got shape (2,).",
        ),
        (
            lambda: contrib.scale_by_muon(preconditioning="none"),
            "scale_by_muon: `preconditioning` must be one of 'frobenius', 'spectral', "
            "'aol', 'schatten', got 'none'.",
        ),
    ],
)
def test_what_muon_cannot_do_is_told(call, message):
    with pytest.raises(ValueError) as raised:
        call()

    assert message_of(raised) == message


@pytest.mark.parametrize("compiled", [False, True])
def test_schedule_free_learning_agrees_with_its_formula(compiled):
    optimizer = contrib.schedule_free(
        optim.sgd(lambda count: 0.1 / (1 + count)), lambda t: 0.1 / t, b1=0.8
    )
    update = dc.jit(optimizer.update) if compiled else optimizer.update
    params = {"w": jnp.asarray(GRADS[0])}
    state = optimizer.init(params)

    x = z = y = GRADS[0].astype(np.float64)
    total, largest = 0.0, 0.0
    for t, g in enumerate(GRADS, start=1):
        updates, state = update({"w": g}, state, params)
        params = optim.apply_updates(params, updates)

        largest = max(largest, 0.1 / t)
        total += largest**2
        z = z - 0.1 / t * g
        x = x + largest**2 / total * (z - x)
        y = 0.8 * x + 0.2 * z
        np.testing.assert_allclose(params["w"], y, atol=1e-5)
    evaluated = contrib.schedule_free_eval_params((state,), params)
    np.testing.assert_allclose(evaluated["w"], x, atol=1e-5)


@pytest.mark.parametrize(
    "make", [contrib.schedule_free_sgd, contrib.schedule_free_adamw]
)
def test_schedule_free_optimizers_minimize(make):
    optimizer = make(0.5, warmup_steps=5, weight_decay=0.0)
    target = jnp.asarray(GRADS[0])

    @dc.jit
    def step(x, state):
        updates, state = optimizer.update(x - target, state, x)
        return optim.apply_updates(x, updates), state

    x = jnp.zeros_like(target)
    state = optimizer.init(x)
    for _ in range(100):
        x, state = step(x, state)

    found = contrib.schedule_free_eval_params(state, x)
    np.testing.assert_allclose(found, target, atol=0.1)


def test_averages_are_those_of_one_state():
    with pytest.raises(ValueError) as raised:
        contrib.schedule_free_eval_params(optim.sgd(0.1).init(1.0), 1.0)

    assert message_of(raised) == (
        "schedule_free_eval_params: `state` must hold one ScheduleFreeState, got 0.\n"
        "Pass the state of `schedule_free`, `schedule_free_sgd` or "
        "`schedule_free_adamw`."
    )


def scales(transform, values):
    """The scale of the updates after every loss."""
    state = transform.init(None)
    made = []
    for value in values:
        updates, state = transform.update({"w": 1.0}, state, value=value)
        made.append(round(float(updates["w"]), 4))
    return made


def test_steps_shrink_after_losses_that_are_no_lower():
    transform = contrib.reduce_on_plateau(0.1, 2, min_scale=0.05)

    assert scales(transform, [3.0, 2.0, 2.0, 2.0, 1.5, 1.6, 1.7]) == [
        *[1.0, 1.0, 1.0, 0.1, 0.1, 0.1, 0.05]
    ]


def test_losses_after_a_change_do_not_count():
    transform = contrib.reduce_on_plateau(0.5, 1, cooldown=2)

    assert scales(transform, [2.0, 2.0, 2.0, 2.0, 2.0]) == [1.0, 0.5, 0.5, 0.5, 0.25]


def test_losses_are_averaged():
    transform = contrib.reduce_on_plateau(0.5, 1, accumulation_size=2)

    assert scales(transform, [3.0, 1.0, 1.0, 3.5, 0.0, 0.0]) == [
        *[1.0, 1.0, 1.0, 0.5, 0.5, 0.5]
    ]


def test_how_much_lower_a_loss_must_be_may_be_absolute():
    transform = contrib.reduce_on_plateau(0.5, 1, rtol=0.0, atol=0.5)

    assert scales(transform, [3.0, 2.6, 2.4]) == [1.0, 0.5, 0.5]


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"factor": 1.5}, "`factor` must be between 0 and 1, got 1.5."),
        (
            {"atol": 0.1},
            "one of `rtol` and `atol` must be positive, the other 0, got 0.0001 and "
            "0.1.",
        ),
        ({"rtol": 1.5}, "`rtol` must be at most 1, got 1.5."),
        ({"rtol": -0.5}, "`rtol` -0.5 or `atol` 0.0 is negative."),
        (
            {"accumulation_size": 0},
            "`accumulation_size` must be at least 1, got 0.",
        ),
    ],
)
def test_ranges_of_arguments_are_told(options, problem):
    with pytest.raises(ValueError) as raised:
        contrib.reduce_on_plateau(**options)

    assert message_of(raised) == f"reduce_on_plateau: {problem}"


def test_the_state_of_schedule_free_sgd_is_that_of_sgd():
    params = {"w": jnp.ones(2)}

    plain = optim.contrib.schedule_free_sgd(0.1).init(params)
    decayed = optim.contrib.schedule_free_sgd(0.1, weight_decay=0.1).init(params)

    assert plain.base_optimizer_state == optim.sgd(0.1).init(params)
    assert decayed.base_optimizer_state[1] == optim.sgd(0.1).init(params)

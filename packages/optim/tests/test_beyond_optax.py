"""Averages of parameters, caution, and learning rates by depth and width."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim

RNG = np.random.default_rng(4)


def message_of(raised):
    return re.sub(r"  at .*", "  at <here>", str(raised.value))


# ---- averages ------------------------------------------------------------------------


def followed(average, steps, dtype=np.float32):
    """Parameters after each of some random steps, and the state of the average."""
    optimizer = optim.chain(optim.sgd(0.5), average)
    p = {"w": jnp.asarray(RNG.normal(size=3), dtype)}
    state, rows = optimizer.init(p), [p["w"]]
    step = dc.jit(optimizer.update)
    for grads in RNG.normal(size=(steps, 3)):
        updates, state = step({"w": jnp.asarray(grads, dtype)}, state, p)
        p = optim.apply_updates(p, updates)
        rows.append(p["w"])
    return np.asarray(rows, np.float64), state[1]


@pytest.mark.parametrize("warmup", [False, True])
def test_the_moving_average_follows_its_formula(warmup):
    rows, state = followed(optim.params_ema(0.6, warmup=warmup), 30)

    average = rows[0]
    for t, row in enumerate(rows[1:]):
        decay = min(0.6, (1 + t) / (10 + t)) if warmup else 0.6
        average = decay * average + (1 - decay) * row
    np.testing.assert_allclose(state.average["w"], average, rtol=1e-5, atol=1e-6)
    assert int(state.count) == 30


def test_the_mean_takes_every_third_step_from_the_fourth_on():
    rows, state = followed(optim.params_mean(4, every=3), 12)

    expected = rows[[4, 7, 10]].mean(0)
    np.testing.assert_allclose(state.average["w"], expected, rtol=1e-5, atol=1e-6)
    assert int(state.taken) == 3


def test_averages_of_half_precision_parameters_are_float32():
    _, ema = followed(optim.params_ema(), 2, "bfloat16")
    _, mean = followed(optim.params_mean(1), 2, "bfloat16")

    assert ema.average["w"].dtype == mean.average["w"].dtype == "float32"


def test_averages_are_fused_with_the_optimizer():
    optimizer = optim.chain(optim.adam(0.1), optim.params_ema())

    assert optim.explain(optimizer) == "pass 1: scale_by_adam, scale, params_ema"


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.params_mean(0),
            "params_mean: `start` must be positive, got 0.",
        ),
        (
            lambda: optim.params_mean(1, every=-2),
            "params_mean: `every` must be positive, got -2.",
        ),
    ],
)
def test_steps_of_the_mean_are_positive(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert message_of(raised) == (f"{expected}\n  at <here>\nSteps are counted from 1.")


# ---- caution -------------------------------------------------------------------------


def test_caution_keeps_what_goes_downhill_and_scales_it_up():
    optimizer = optim.cautious(optim.scale(-1.0))
    grads = {"a": jnp.asarray([1.0, -2.0, 0.0, 4.0]), "b": jnp.asarray([0.0])}

    updates, _ = optimizer.update(grads, optimizer.init(grads))

    np.testing.assert_allclose(updates["a"], np.array([-1.0, 2.0, 0.0, -4.0]) / 0.75)
    np.testing.assert_array_equal(updates["b"], [0.0])


def test_caution_takes_no_step_uphill():
    optimizer = optim.cautious(optim.adam(0.1))
    state = optimizer.init(jnp.zeros(50))

    for grads in RNG.normal(size=(5, 50)).astype(np.float32):
        updates, state = optimizer.update(grads, state)

    product = grads * np.asarray(updates)
    assert (product <= 0).all()
    assert 0 < (product == 0).sum() < 50
    assert isinstance(state[0], optim.ScaleByAdamState)


def test_caution_sees_the_signs_of_tiny_gradients():
    optimizer = optim.cautious(optim.sgd(1.0))
    grads = jnp.full(2, 1e-30)  # whose square is zero

    updates, _ = optimizer.update(grads, optimizer.init(grads))

    np.testing.assert_array_equal(updates, -grads)


def test_caution_finds_the_minimum():
    optimizer = optim.cautious(optim.adam(0.05))

    def step(carry, _):
        p, state = carry
        updates, state = optimizer.update(2 * (p - 3.0), state, p)
        return (optim.apply_updates(p, updates), state), None

    start = jnp.zeros(2)
    (p, _), _ = dc.lax.scan(step, (start, optimizer.init(start)), None, length=300)

    np.testing.assert_allclose(p, 3.0, atol=1e-2)


# ---- depth and width -----------------------------------------------------------------

PARAMS = {
    "embed": {"w": np.ones((4, 8)), "b": np.ones(8)},
    "head": {"w": np.ones((8, 2)), "scale": np.ones(())},
}


def scaled(transform, params=PARAMS):
    """The factor of each leaf."""
    ones = dc.tree.map(lambda p: jnp.ones(p.shape), params)
    updates, _ = dc.jit(transform.update)(ones, transform.init(ones))
    return dc.tree.map(lambda u: round(float(u.ravel()[0]), 6), updates)


def test_early_layers_move_less():
    by_pattern = optim.scale_by_depth(0.5, {"embed/b": 1, "embed/**": 0, "head/*": 3})
    by_function = optim.scale_by_depth(0.5, lambda tree: {"embed": 0, "head": 1})

    assert scaled(by_pattern) == {
        "embed": {"w": 0.125, "b": 0.25},
        "head": {"w": 1.0, "scale": 1.0},
    }
    assert scaled(by_function) == {
        "embed": {"w": 0.5, "b": 0.5},
        "head": {"w": 1.0, "scale": 1.0},
    }


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (
            "adam",
            {"embed": {"w": 1.0, "b": 1.0}, "head": {"w": 0.25, "scale": 1.0}},
        ),
        (
            "sgd",
            {"embed": {"w": 4.0, "b": 4.0}, "head": {"w": 0.25, "scale": 1.0}},
        ),
    ],
)
def test_widths_scale_as_in_the_paper(kind, expected):
    narrow = {
        "embed": {"w": np.ones((4, 2)), "b": np.ones(2)},
        "head": {"w": np.ones((2, 2)), "scale": np.ones(())},
    }

    assert scaled(optim.scale_by_width(narrow, kind)) == expected


def test_axes_of_widths_can_be_named():
    params, narrow = {"w": np.ones((2, 8, 4))}, {"w": np.ones((2, 2, 4))}

    assert scaled(optim.scale_by_width(narrow, fan_in=2, fan_out=1), params) == {
        "w": 1.0
    }
    assert scaled(optim.scale_by_width(narrow, fan_in=1, fan_out=2), params) == {
        "w": 0.25
    }


def test_a_base_with_other_axes_is_refused():
    transform = optim.scale_by_width({"w": np.ones(2), "b": np.ones(2)})

    with pytest.raises(ValueError) as raised:
        transform.update({"w": jnp.ones((2, 2)), "b": jnp.ones(2)}, optim.EmptyState())

    assert message_of(raised) == (
        "scale_by_width: `updates` and `base` must have the same numbers of axes:\n"
        "  w: [2, 2] and [2]\n"
        "  at <here>\n"
        "Make `base` with the function that makes the parameters, but narrow."
    )


def test_a_base_of_another_structure_is_refused():
    transform = optim.scale_by_width({"w": np.ones(2)})

    with pytest.raises(ValueError) as raised:
        transform.update({"v": jnp.ones(2)}, optim.EmptyState())

    assert message_of(raised) == (
        "scale_by_width: `updates` and `base` must have the same structure:\n"
        "  only in `updates`: ['v']\n"
        "  only in `base`: ['w']\n"
        "  at <here>\n"
        "Make `base` with the function that makes the parameters, but narrow."
    )


def test_kinds_of_width_are_named():
    with pytest.raises(ValueError, match="`kind` must be 'adam' or 'sgd', got 'lion'"):
        optim.scale_by_width({}, "lion")

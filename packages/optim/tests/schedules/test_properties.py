"""Schedules have no jumps at their joins, keep their bounds, and take any count."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.optim import schedules

# Each has its joins and its bounds: no step may be larger than the steepest slope.
STEPS = st.integers(1, 40)
VALUES = st.floats(0.01, 4.0)


@st.composite
def continuous_schedules(draw):
    """A schedule without jumps, its bounds, and its length in steps."""
    low, high = sorted([draw(VALUES), draw(VALUES)])
    up, flat, down = draw(STEPS), draw(STEPS), draw(STEPS)
    makers = {
        "polynomial": lambda: schedules.polynomial_schedule(high, low, 2, down, up),
        "linear": lambda: schedules.linear_schedule(high, low, down, up),
        "exponential": lambda: schedules.exponential_decay(
            high, down, 0.5, up, end_value=low
        ),
        "cosine": lambda: schedules.cosine_decay_schedule(high, down, low / high),
        "interpolated": lambda: schedules.piecewise_interpolate_schedule(
            "cosine", low, {up: high / low, up + down: low / high}
        ),
        "one cycle": lambda: schedules.cosine_onecycle_schedule(
            up + down, high, div_factor=high / low, final_div_factor=1.0
        ),
        "constant after warm-up": lambda: schedules.warmup_constant_schedule(
            low, high, up
        ),
        "cosine after warm-up": lambda: schedules.warmup_cosine_decay_schedule(
            low, high, up, up + down, low
        ),
        "exponential after warm-up": lambda: (
            schedules.warmup_exponential_decay_schedule(
                low, high, up, down, 0.5, flat, end_value=low
            )
        ),
        "plateau": lambda: schedules.warmup_stable_decay_schedule(
            low, high, up, flat, down, low, draw(st.sampled_from(["linear", "cosine"]))
        ),
    }
    name = draw(st.sampled_from(sorted(makers)))
    return makers[name](), low, high


@settings(deadline=None, max_examples=60)
@given(continuous_schedules())
def test_values_stay_between_the_bounds(drawn):
    schedule, low, high = drawn

    values = np.asarray(schedule(jnp.arange(128)))

    assert values.min() >= low * (1 - 1e-5)
    assert values.max() <= high * (1 + 1e-5)


@settings(deadline=None, max_examples=60)
@given(continuous_schedules())
def test_there_is_no_jump_at_the_joins(drawn):
    schedule, _, high = drawn
    # Of all shapes here a parabola is steepest: twice the mean slope, in one step.
    counts = jnp.linspace(0, 127, 127 * 64 + 1)

    values = np.asarray(schedule(counts))

    assert np.abs(np.diff(values)).max() <= 2 * high / 64 + 1e-5


@pytest.mark.parametrize(
    "make",
    [
        lambda: schedules.cosine_decay_schedule(1.0, 8),
        lambda: schedules.linear_onecycle_schedule(8, 1.0),
        lambda: schedules.warmup_stable_decay_schedule(0.0, 1.0, 2, 2, 2),
        lambda: schedules.sgdr_schedule(
            [{"init_value": 0, "peak_value": 1, "warmup_steps": 1, "decay_steps": 3}]
        ),
    ],
)
def test_python_numbers_and_traced_counts_give_the_same(make):
    schedule = make()

    one_by_one = [float(schedule(count)) for count in range(10)]
    traced = dc.jit(dc.vmap(schedule))(jnp.arange(10))

    np.testing.assert_allclose(traced, one_by_one, rtol=1e-6, atol=1e-7)


def test_values_may_be_differentiated():
    def value(peak):
        return schedules.warmup_cosine_decay_schedule(0.0, peak, 4, 12)(8)

    np.testing.assert_allclose(dc.grad(value)(2.0), 0.5, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: schedules.piecewise_interpolate_schedule("cubic", 1.0),
            "piecewise_interpolate_schedule: `interpolate_type` must be 'linear' or "
            "'cosine', got 'cubic'.",
        ),
        (
            lambda: schedules.piecewise_interpolate_schedule("linear", 1.0, {2: -1.0}),
            "piecewise_interpolate_schedule: the factors in `boundaries_and_scales` "
            "must not be negative, got {2: -1.0}.",
        ),
        (
            lambda: schedules.piecewise_interpolate_schedule("linear", 1.0, {-2: 1.0}),
            "piecewise_interpolate_schedule: the counts in `boundaries_and_scales` "
            "must not be negative, got -2.",
        ),
        (
            lambda: schedules.cosine_onecycle_schedule(0, 1.0),
            "cosine_onecycle_schedule: `transition_steps` must be positive, got 0.",
        ),
        (
            lambda: schedules.linear_onecycle_schedule(-1, 1.0),
            "linear_onecycle_schedule: `transition_steps` must be positive, got -1.",
        ),
        (
            lambda: schedules.warmup_constant_schedule(0.0, 1.0, -1),
            "warmup_constant_schedule: `warmup_steps` must not be negative, got -1.",
        ),
        (
            lambda: schedules.warmup_exponential_decay_schedule(0.0, 1.0, -1, 2, 0.5),
            "warmup_exponential_decay_schedule: `warmup_steps` must not be negative, "
            "got -1.",
        ),
        (
            lambda: schedules.sgdr_schedule([]),
            "sgdr_schedule: `cosine_kwargs` must hold a cycle.",
        ),
        (
            lambda: schedules.warmup_stable_decay_schedule(0.0, 1.0, 1, 1, 0),
            "warmup_stable_decay_schedule: `decay_steps` must be positive, got 0.",
        ),
        (
            lambda: schedules.warmup_stable_decay_schedule(
                0.0, 1.0, 1, 1, 1, decay="log"
            ),
            "warmup_stable_decay_schedule: `decay` must be one of ['linear', 'sqrt', "
            "'cosine', 'exponential'], got 'log'.",
        ),
        (
            lambda: schedules.warmup_stable_decay_schedule(
                0.0, 1.0, 1, 1, 1, decay="exponential"
            ),
            "warmup_stable_decay_schedule: an exponential decay never reaches zero: "
            "`peak_value` and `end_value` must not be 0, got 1.0 and 0.0.",
        ),
    ],
)
def test_wrong_values_are_refused(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert str(raised.value).splitlines()[0] == expected


@pytest.mark.parametrize(
    ("schedule", "counts"),
    [
        (schedules.cosine_decay_schedule(0.1, 10), [4, jnp.asarray(4), jnp.int32(4)]),
        (schedules.linear_schedule(0.1, 0.0, 10), [4, jnp.asarray(4)]),
        (schedules.exponential_decay(0.1, 10, 0.5), [4, jnp.asarray(4)]),
        (
            schedules.warmup_cosine_decay_schedule(0.0, 0.1, 3, 10),
            [4, jnp.asarray(4)],
        ),
    ],
)
def test_counts_make_rates_that_leave_parameters_in_16_bits(schedule, counts):
    params = jnp.ones(3, "bfloat16")

    for count in counts:
        for rate in (schedule(count), dc.jit(schedule)(count)):
            assert (params - rate * params).dtype == params.dtype

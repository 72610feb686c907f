"""Initializers: spread, dtypes, shapes; the numbers of JAX for the same key."""

import numpy as np
import pytest

from dolmen.core import nn, numpy as jnp, random

init = nn.initializers
KEY = random.key(0)


@pytest.mark.parametrize(
    ("make", "n"),
    [
        (init.glorot_uniform, (200 + 50) / 2),
        (init.glorot_normal, (200 + 50) / 2),
        (init.lecun_uniform, 200),
        (init.lecun_normal, 200),
        (init.he_uniform, 100),
        (init.he_normal, 100),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_variance_fits_the_shape(make, n):
    drawn = np.asarray(make()(KEY, (200, 50)))

    np.testing.assert_allclose(drawn.var() * n, 1, rtol=0.05)
    np.testing.assert_allclose(drawn.mean() * np.sqrt(n), 0, atol=0.05)


def test_receptive_field_counts_as_input():
    drawn = np.asarray(init.lecun_normal()(KEY, (3, 3, 20, 100)))

    np.testing.assert_allclose(drawn.var() * 180, 1, rtol=0.05)


def test_batch_axis_does_not_count():
    make = init.variance_scaling(1.0, "fan_in", "normal", batch_axis=0)

    np.testing.assert_allclose(
        np.asarray(make(KEY, (10, 50, 60))).var(), 1 / 50, rtol=0.05
    )


def test_complex_weights_have_the_variance_too():
    for distribution in ("normal", "uniform", "truncated_normal"):
        make = init.variance_scaling(2.0, "fan_out", distribution, dtype=jnp.complex64)
        drawn = np.asarray(make(KEY, (100, 100)))

        assert drawn.dtype == np.complex64
        np.testing.assert_allclose(np.mean(np.abs(drawn) ** 2) * 50, 1, rtol=0.05)


def test_call_overrides_the_dtype():
    assert init.normal(dtype=jnp.float32)(KEY, (2,), jnp.bfloat16).dtype == jnp.bfloat16
    assert init.constant(3)(KEY, (2,), jnp.int32).tolist() == [3, 3]
    assert init.ones(KEY, (2,)).tolist() == [1.0, 1.0]
    assert init.zeros(KEY, (2,), "int8").dtype == np.int8


def test_truncated_normal_stays_within_its_bounds():
    drawn = np.asarray(init.truncated_normal(0.5)(KEY, (2000,)))

    assert 0.9 < np.abs(drawn).max() <= 1.0


def test_initializers_match_their_protocol():
    assert isinstance(init.zeros, init.Initializer)
    assert isinstance(init.he_normal(), init.Initializer)


def test_vector_without_input_axis_fails():
    with pytest.raises(ValueError) as caught:
        init.glorot_normal()(KEY, (5,))

    problem, *_, fix = str(caught.value).splitlines()
    assert problem == (
        "variance_scaling: shape (5,) lacks one of the axes `in_axis` -2, `out_axis` "
        "-1, `batch_axis` ()."
    )
    assert fix == "Name the axes of inputs and outputs with `in_axis` and `out_axis`."


def test_unknown_mode_lists_the_known_ones():
    with pytest.raises(ValueError) as caught:
        init.variance_scaling(1.0, "fan", "normal")

    assert str(caught.value).splitlines()[0] == (
        "variance_scaling: `mode` must be one of 'fan_in', 'fan_out', 'fan_avg', "
        "'fan_geo_avg', got 'fan'."
    )


def test_names_of_two_authors_mean_the_same():
    assert init.xavier_normal is init.glorot_normal
    assert init.xavier_uniform is init.glorot_uniform
    assert init.kaiming_normal is init.he_normal
    assert init.kaiming_uniform is init.he_uniform


def test_uniform_numbers_lie_between_zero_and_their_scale():
    drawn = np.asarray(init.uniform(0.5)(KEY, (2000,)))

    assert 0 <= drawn.min() < 0.01
    assert 0.49 < drawn.max() < 0.5

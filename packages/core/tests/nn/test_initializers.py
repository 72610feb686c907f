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


@pytest.mark.parametrize(
    ("shape", "column_axis"), [((3, 4), -1), ((4, 3), -1), ((2, 3, 4), 0), ((2, 3), 1)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.complex64])
def test_orthogonal_matrices_have_orthonormal_rows_or_columns(
    shape, column_axis, dtype
):
    drawn = init.orthogonal(2.0, column_axis, dtype)(KEY, shape)

    assert (drawn.shape, drawn.dtype) == (shape, dtype)
    matrix = np.moveaxis(np.asarray(drawn), column_axis, -1) / 2
    values = np.linalg.svd(matrix.reshape(-1, shape[column_axis]))[1]
    np.testing.assert_allclose(values, 1, atol=1e-6)


def test_orthogonal_numbers_are_those_of_jax():
    drawn = init.orthogonal()(KEY, (3, 4))
    expected = [0.8337946, -0.04039752, -0.25450924, -0.4882415]

    np.testing.assert_allclose(drawn[0], expected, atol=1e-6)


def test_empty_orthogonal_matrices_exist():
    assert init.orthogonal()(KEY, (0, 3)).shape == (0, 3)


@pytest.mark.parametrize("shape", [(3, 2, 4), (4, 3, 2, 2), (1, 2, 4, 2, 3)])
def test_delta_orthogonal_kernels_are_a_matrix_in_the_middle(shape):
    drawn = np.array(init.delta_orthogonal(3.0)(KEY, shape))
    middle = tuple((n - 1) // 2 for n in shape[:-2])

    matrix = init.orthogonal(3.0)(KEY, shape[-2:])
    np.testing.assert_array_equal(drawn[middle], matrix)
    drawn[middle] = 0
    assert not drawn.any()


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: init.orthogonal()(KEY, (3,)),
            "orthogonal: expected a shape with two or more axes, `column_axis` -1 "
            "among them, got (3,).",
        ),
        (
            lambda: init.orthogonal(column_axis=2)(KEY, (3, 4)),
            "orthogonal: expected a shape with two or more axes, `column_axis` 2 among "
            "them, got (3, 4).",
        ),
        (
            lambda: init.delta_orthogonal()(KEY, (3, 4)),
            "delta_orthogonal: expected a shape of one to three spatial sizes, inputs "
            "and as many or more outputs, got (3, 4).",
        ),
        (
            lambda: init.delta_orthogonal()(KEY, (3, 4, 2)),
            "delta_orthogonal: expected a shape of one to three spatial sizes, inputs "
            "and as many or more outputs, got (3, 4, 2).",
        ),
    ],
)
def test_shapes_without_orthogonal_matrices_are_refused(call, expected):
    with pytest.raises(ValueError) as caught:
        call()

    assert str(caught.value).splitlines()[0] == expected

"""Orthogonal matrices and normal vectors; expected draws are those of JAX 0.10.2."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

import dolmen.core as dc
from dolmen.core import numpy as jnp, random

KEY = random.key(0)
MEAN = jnp.array([1.0, -1.0])
COV = jnp.array([[2.0, 0.5], [0.5, 1.0]])


def message_of(caught):
    """Without the line that names the place."""
    lines = str(caught.value).splitlines()
    return [line for line in lines if not line.startswith("  at ")]


def test_orthogonal_matrices_are_those_of_jax():
    made = random.orthogonal(KEY, 2, (2,))

    first = [[0.96610296, 0.25815725], [-0.25815725, 0.9661029]]
    second = [[0.33498383, -0.94222397], [-0.94222397, -0.3349837]]
    assert_allclose(made, [first, second], rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
@pytest.mark.parametrize(("n", "m"), [(3, 3), (2, 4), (4, 2), (1, 3)])
def test_the_fewer_ones_of_rows_and_columns_are_orthonormal(n, m, dtype):
    q = random.orthogonal(KEY, n, (2,), dtype, m)

    assert q.shape == (2, n, m)
    assert q.dtype == dtype
    assert_allclose(jnp.linalg.svd(q, compute_uv=False), 1, atol=1e-6)


def test_no_orthogonal_matrix_is_preferred():
    """Traces of uniformly distributed ones have mean 0 and variance 1."""
    traces = jnp.trace(random.orthogonal(KEY, 3, (4000,)), axis1=-2, axis2=-1)

    assert abs(traces.mean()) < 0.05
    assert abs(traces.var() - 1) < 0.1
    assert abs(jnp.linalg.det(random.orthogonal(KEY, 3, (4000,))).mean()) < 0.05


def test_orthogonal_matrices_without_rows():
    assert random.orthogonal(KEY, 0).shape == (0, 0)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("cholesky", [3.2947626, 1.4681523]),
        ("eigh", [-1.2268403, -3.4863081]),
        ("svd", [-1.9172783, -0.2564035]),
    ],
)
def test_normal_vectors_are_those_of_jax(method, expected):
    made = random.multivariate_normal(KEY, MEAN, COV, method=method)

    assert_allclose(made, expected, rtol=1e-5)


@pytest.mark.parametrize("method", ["cholesky", "eigh", "svd"])
def test_normal_vectors_have_their_mean_and_covariance(method):
    made = random.multivariate_normal(KEY, MEAN, COV, (20_000,), method=method)

    assert_allclose(made.mean(0), MEAN, atol=0.03)
    assert_allclose(np.cov(made.T), COV, atol=0.05)


def test_singular_covariances():
    made = random.multivariate_normal(KEY, MEAN, jnp.ones((2, 2)), (5,), method="svd")

    assert_allclose(made[:, 0] - made[:, 1], 2.0, atol=1e-3)


def test_parameters_broadcast():
    made = random.multivariate_normal(
        KEY, jnp.zeros((3, 1, 2)), jnp.stack([COV, 4 * COV])
    )

    assert made.shape == (3, 2, 2)
    assert made.dtype == jnp.float32


def test_half_precision_is_factored_in_single():
    half = COV.astype("bfloat16")

    made = random.multivariate_normal(KEY, MEAN.astype("bfloat16"), half, (3,))

    assert made.dtype == jnp.bfloat16


def test_gradient_by_the_mean_and_the_covariance():
    def total(mean, cov):
        return random.multivariate_normal(KEY, mean, cov, (4,)).sum()

    by_mean, by_cov = dc.jit(dc.grad(total, (0, 1)))(MEAN, COV)

    assert_allclose(by_mean, [4.0, 4.0])
    step = jnp.array([[0.0, 0.0], [0.0, 1e-2]])
    slope = (total(MEAN, COV + step) - total(MEAN, COV - step)) / 2e-2
    assert_allclose(by_cov[1, 1], slope, rtol=1e-2)


def test_negative_sizes():
    with pytest.raises(ValueError) as caught:
        random.orthogonal(KEY, 2, m=-1)

    assert message_of(caught) == [
        "orthogonal: `n` and `m` must not be negative, got 2 and -1."
    ]


def test_unknown_method():
    with pytest.raises(ValueError) as caught:
        random.multivariate_normal(KEY, MEAN, COV, method="lu")

    assert message_of(caught) == [
        "multivariate_normal: `method` must be one of 'cholesky', 'eigh', 'svd', got "
        "'lu'."
    ]


def test_shapes_that_do_not_fit():
    with pytest.raises(ValueError) as caught:
        random.multivariate_normal(KEY, MEAN, jnp.eye(3))
    with pytest.raises(ValueError) as of_shape:
        random.multivariate_normal(KEY, jnp.zeros((2, 2)), COV, (3,))

    assert message_of(caught) == [
        "multivariate_normal: `mean` must be [..., n] and `cov` [..., n, n]: `mean` is "
        "f32[2], `cov` is f32[3,3]."
    ]
    assert message_of(of_shape) == [
        "multivariate_normal: `mean` must be [..., n] and `cov` [..., n, n], and their "
        "leading axes broadcast to (3,): `mean` is f32[2,2], `cov` is f32[2,2].",
        "Give `shape` all leading axes of the result.",
    ]

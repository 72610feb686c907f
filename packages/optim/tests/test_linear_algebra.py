"""Iterations agree with direct methods of NumPy and SciPy."""

import re

import numpy as np
import pytest
import scipy.optimize
from scipy import stats

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen import optim
from dolmen.core import random

RNG = np.random.default_rng(1)


def symmetric(n, *, positive=False):
    m = RNG.normal(size=(n, n))
    return m @ m.T + 0.5 * np.eye(n) if positive else m + m.T


@pytest.mark.parametrize("sign", [1, -1])
def test_power_iteration_finds_the_largest_eigenvalue_of_either_sign(sign):
    m = sign * symmetric(5, positive=True)
    values, vectors = np.linalg.eigh(m)
    at = np.abs(values).argmax()

    value, vector = dc.jit(optim.power_iteration)(m.astype(np.float32))

    np.testing.assert_allclose(value, values[at], rtol=1e-4)
    np.testing.assert_allclose(abs(vector @ vectors[:, at]), 1.0, rtol=1e-4)


def test_the_largest_eigenvalue_of_zero_is_zero():
    value, vector = optim.power_iteration(jnp.zeros((2, 2)))

    assert float(value) == 0.0
    np.testing.assert_array_equal(vector, np.zeros(2))


def test_power_iteration_takes_functions_of_trees():
    def product(v):
        return {"a": 2.0 * v["a"], "b": -5.0 * v["b"]}

    value, vector = optim.power_iteration(
        product, v0={"a": jnp.ones(2), "b": jnp.ones(())}
    )

    np.testing.assert_allclose(value, -5.0, rtol=1e-5)
    np.testing.assert_allclose(abs(vector["b"]), 1.0, rtol=1e-5)


def test_power_iteration_stops_after_its_last_step():
    m = jnp.asarray(np.diag([1.0, 0.99]), jnp.float32)
    start = jnp.ones(2)

    value, _ = optim.power_iteration(m, v0=start, num_iters=1)

    np.testing.assert_allclose(value, (1 + 0.99**3) / (1 + 0.99**2), rtol=1e-5)


@pytest.mark.parametrize("p", [1, 2, 3, 4, 8])
def test_the_inverse_root_agrees_with_eigenvalues(p):
    m = symmetric(6, positive=True)
    values, vectors = np.linalg.eigh(m)

    root, error = dc.jit(lambda m: optim.matrix_inverse_pth_root(m, p))(
        m.astype(np.float32)
    )

    expected = vectors @ np.diag(values ** (-1 / p)) @ vectors.T
    np.testing.assert_allclose(root, expected, atol=2e-3 * np.abs(expected).max())
    assert float(error) < 1e-3


def test_the_inverse_root_of_a_singular_matrix_is_that_of_the_damped_one():
    m = jnp.asarray(np.diag([4.0, 0.0]), jnp.float32)

    root, _ = optim.matrix_inverse_pth_root(m, 2, ridge_epsilon=1e-2)

    np.testing.assert_allclose(np.diag(root), [4.04**-0.5, 0.04**-0.5], rtol=1e-4)


@pytest.mark.parametrize("size", [1, 3])
def test_the_inverse_root_keeps_its_dtype(size):
    root, _ = optim.matrix_inverse_pth_root(4 * jnp.eye(size, dtype=jnp.bfloat16), 2)

    assert root.dtype == jnp.bfloat16
    np.testing.assert_allclose(np.diag(root), np.full(size, 0.5), rtol=1e-2)


def test_nonnegative_least_squares_agree_with_scipy():
    a, b = RNG.normal(size=(8, 4)), RNG.normal(size=(8, 3))

    together = optim.nnls(a, b, 400)
    one_by_one = [optim.nnls(a, column, 400, L=40.0) for column in b.T]

    expected = [scipy.optimize.nnls(a, column)[0] for column in b.T]
    assert (np.asarray(expected) == 0).any()
    np.testing.assert_allclose(np.transpose(together), expected, atol=1e-4)
    np.testing.assert_allclose(one_by_one, expected, atol=1e-4)


def test_nonnegative_least_squares_take_integers():
    x = optim.nnls(np.array([[1, 0], [0, 2]]), np.array([-1, 1]), 100)

    np.testing.assert_allclose(x, [0.0, 0.5], atol=1e-4)


def test_power_iteration_of_a_complex_matrix_is_refused():
    with pytest.raises(TypeError) as raised:
        optim.power_iteration(np.eye(2, dtype=np.complex64))

    assert str(raised.value).splitlines()[0] == (
        "power_iteration: `matrix` must be real and floating-point, got c64[2,2]."
    )


def test_nonnegative_least_squares_of_nothing_is_zero():
    np.testing.assert_array_equal(optim.nnls(np.zeros((3, 2)), np.ones(3), 5), [0, 0])


def test_an_accelerated_step_is_faster_than_a_plain_one():
    a = np.diag([1.0, 30.0])
    x = optim.nnls(a, np.ones(2), 60)

    # 60 plain steps of 1 / 900 leave (1 - 1 / 900)^60 = 94 % of the error.
    assert 1 - float(x[0]) < 0.6


# ---- averages, gradients, distributions --------------------------------------------


def test_averages_mix_new_and_old():
    new, old = {"a": jnp.ones(2), "b": None}, {"a": jnp.full(2, 5.0), "b": None}

    made = optim.incremental_update(new, old, 0.25)

    np.testing.assert_array_equal(made["a"], [4.0, 4.0])
    assert made["b"] is None


def test_new_ones_are_taken_when_the_period_is_over():
    step = dc.jit(lambda n: optim.periodic_update([1.0], [0.0], n, 3)[0])

    assert [float(step(n)) for n in range(7)] == [1, 0, 0, 1, 0, 0, 1]


@pytest.mark.parametrize("scale", [0.0, 1.0, -2.5])
def test_gradients_are_scaled_in_both_modes_and_values_are_not(scale):
    def f(x):
        return jnp.sum(optim.scale_gradient({"x": x}, scale)["x"] ** 3)

    x = jnp.asarray([2.0, -1.0], jnp.float32)

    assert float(f(x)) == 7.0
    np.testing.assert_allclose(dc.grad(f)(x), scale * 3 * x**2)
    np.testing.assert_allclose(dc.jvp(f, (x,), (jnp.ones(2),))[1], scale * 15.0)
    np.testing.assert_allclose(dc.jit(dc.grad(f))(x), scale * 3 * x**2)


def test_normal_distributions_have_scipys_density():
    loc, log_scale = RNG.normal(size=(2, 3)), RNG.normal(size=3)
    normal = optim.multi_normal(loc, log_scale)
    x = RNG.normal(size=(4, 2, 3))

    expected = stats.norm.logpdf(x, loc, np.exp(log_scale)).sum((-1, -2))
    np.testing.assert_allclose(normal.log_prob(x), expected, rtol=1e-4)
    np.testing.assert_allclose(normal.params[0], loc, rtol=1e-6)
    np.testing.assert_allclose(normal.log_scale, log_scale, rtol=1e-6)


def test_samples_of_normal_distributions_are_distributed_so():
    sample = optim.multi_normal(3.0, np.log(2.0)).sample((2000,), random.key(0))

    assert stats.kstest(np.asarray(sample), stats.norm(3, 2).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: optim.power_iteration(lambda v: v),
            "power_iteration: `v0` must be given where `matrix` is a function.\n"
            "  at <here>",
        ),
        (
            lambda: optim.power_iteration(np.ones((2, 3), np.float32)),
            "power_iteration: `matrix` must be [n, n], got f32[2,3].\n  at <here>",
        ),
        (
            lambda: optim.matrix_inverse_pth_root(jnp.eye(2), 0.5),
            "matrix_inverse_pth_root: `p` must be a positive integer, got 0.5.\n"
            "  at <here>",
        ),
        (
            lambda: optim.nnls(jnp.ones((2, 3)), jnp.ones(3), 5),
            "nnls: `A` must be [m, n] and `b` [m] or [m, k], got f32[2,3] and f32[3]."
            "\n  at <here>",
        ),
        (
            lambda: optim.periodic_update({"a": 1.0}, {"a": jnp.ones(2)}, 0, 1),
            "periodic_update: `new_tensors` and `old_tensors` must have the same leaf "
            "shapes:\n  ['a']: `new_tensors` f32[], `old_tensors` f32[2]\n  at <here>\n"
            "Start with a copy of the new ones.",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call, expected):
    with pytest.raises(ValueError) as raised:
        call()

    assert re.sub(r"  at .*", "  at <here>", str(raised.value)) == expected

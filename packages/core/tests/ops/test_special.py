"""Special functions at their edges, and the derivatives that rows can't state."""

import re

import numpy as np
import pytest
import scipy.special

import dolmen.core as dc
from dolmen.core import lax

INF = np.inf
NAN = np.nan
EDGES = np.array(
    [
        (0, 1, 1, 0, 0, -1, 1, INF, 1, INF, NAN, 1),
        (1, 0, 1, 0, 1, 1, -1, 1, INF, INF, 1, NAN),
    ],
    np.float32,
)
BETA_EDGES = np.array(
    [
        (0, 1, 1, 1, 1, 1, INF, 1, -1, 0, NAN),
        (1, 0, 1, 1, 1, 1, 1, INF, 1, 0, 1),
        (0.5, 0.5, 0, 1, 2, -1, 0.5, 0.5, 0.5, 0.5, 0.5),
    ],
    np.float32,
)


@pytest.mark.parametrize(
    ("function", "oracle"),
    [(lax.igamma, scipy.special.gammainc), (lax.igammac, scipy.special.gammaincc)],
)
def test_incomplete_gamma_functions_have_the_limits_of_scipy(function, oracle):
    got = function(*EDGES)

    np.testing.assert_allclose(got, oracle(*EDGES), rtol=1e-6)


def test_the_incomplete_beta_function_has_its_limits():
    got = lax.betainc(*BETA_EDGES)

    np.testing.assert_array_equal(got, [1, 0, 0, 1, NAN, NAN, 0, 1, NAN, NAN, NAN])


@pytest.mark.parametrize(
    ("function", "oracle"),
    [(lax.igamma, scipy.special.gammainc), (lax.igammac, scipy.special.gammaincc)],
)
def test_large_arguments_keep_their_digits_in_single_precision(function, oracle):
    a = np.array([300, 3e3, 3e4, 3e5], np.float32)
    x = np.float32(a + np.sqrt(a) * np.array([-2, 1, -0.5, 2], np.float32))

    got = function(a, x)

    np.testing.assert_allclose(got, oracle(a.astype(float), x.astype(float)), rtol=2e-5)


@pytest.mark.parametrize(("dtype", "limit"), [(np.float64, 2e-14), (np.float32, 2e-6)])
def test_the_upper_function_of_a_small_shape_keeps_its_digits(dtype, limit):
    a = np.array([1e-8, 1e-4, 0.01, 0.3, 0.49], dtype)[:, None]
    x = np.array([0, 1e-10, 1e-3, 0.4, 1], dtype)
    a, x = np.broadcast_arrays(a, x)

    with dc.enable_x64(True):
        got = lax.igammac(a, x)

    expected = scipy.special.gammaincc(a.astype(float), x.astype(float))
    np.testing.assert_allclose(got, expected, rtol=limit)


@pytest.mark.parametrize(
    ("function", "oracle"),
    [(lax.igamma, scipy.special.gammainc), (lax.igammac, scipy.special.gammaincc)],
)
def test_gradient_by_the_shape_agrees_with_differences_under_jit_and_vmap(
    function, oracle
):
    a, x, h = np.array([0.4, 3.0, 9.0, 20.0]), np.array([2.0, 2.0, 12.0, 21.0]), 1e-5

    with dc.enable_x64(True):
        got = dc.jit(dc.vmap(dc.grad(function)))(a, x)

    expected = (oracle(a + h, x) - oracle(a - h, x)) / (2 * h)
    np.testing.assert_allclose(got, expected, rtol=1e-7)


@pytest.mark.parametrize(
    ("derivative", "name", "argument"),
    [
        (lambda: dc.grad(lax.igamma_grad_a)(2.0, 3.0), "igamma_grad_a", "a"),
        (lambda: dc.grad(lax.random_gamma_grad)(2.0, 3.0), "random_gamma_grad", "a"),
        (lambda: dc.grad(lax.betainc)(2.0, 3.0, 0.5), "betainc", "a"),
        (lambda: dc.grad(lax.betainc, 1)(2.0, 3.0, 0.5), "betainc", "b"),
        (lambda: dc.grad(lax.zeta)(2.0, 3.0), "zeta", "x"),
        (lambda: dc.grad(lax.polygamma)(1.0, 3.0), "polygamma", "m"),
    ],
)
def test_derivatives_that_do_not_exist_are_errors(derivative, name, argument):
    with pytest.raises(ValueError, match="is not implemented") as error:
        derivative()

    assert re.sub(r"  at .*\n", "", str(error.value)) == (
        f"{name}: the derivative by `{argument}` is not implemented.\n"
        "Differentiate by the other arguments alone, or stop the gradient of "
        f"`{argument}` with `lax.stop_gradient`."
    )


def test_slopes_of_bessel_functions_at_zero():
    assert dc.grad(lax.bessel_i0e)(0.0) == 0.0
    assert dc.grad(lax.bessel_i1e)(0.0) == 0.5


def test_empty_arrays_have_no_values():
    empty = np.zeros((0, 2), np.float32)

    assert lax.igamma(empty, 1.0).shape == (0, 2)
    assert lax.random_gamma_grad(empty, empty).shape == (0, 2)


def test_weak_types_are_those_of_all_operands():
    assert lax.igamma(1.0, 2.0).weak_type
    assert not lax.betainc(1.0, np.float32(2.0), 0.5).weak_type
    assert lax.bessel_i0e(dc.numpy.ones(2, "bfloat16")).dtype == "bfloat16"

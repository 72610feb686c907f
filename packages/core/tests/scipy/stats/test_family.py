"""What the functions of all distributions share."""

import inspect

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.scipy.stats import (
    beta,
    betabinom,
    binom,
    cauchy,
    chi2,
    expon,
    gamma,
    gumbel_r,
    logistic,
    nbinom,
    norm,
    poisson,
    truncnorm,
    uniform,
)


def message_of(caught):
    """Without the line that names the place."""
    lines = str(caught.value).splitlines()
    return [line for line in lines if not line.startswith("  at ")]


def test_signatures_name_the_parameters():
    assert str(inspect.signature(norm.cdf)) == "(x, loc=0, scale=1)"
    assert str(inspect.signature(gumbel_r.ppf)) == "(p, loc=0, scale=1)"


def test_docstrings_describe_every_parameter():
    assert norm.isf.__module__ == "dolmen.core.scipy.stats.norm"
    assert norm.isf.__doc__ == "\n".join(
        [
            "Inverse of `sf`: the number exceeded with probability `q`.",
            "",
            "Args:",
            "    q: probabilities, integers or floating point.",
            "    loc: a real number, by which the distribution is shifted.",
            "    scale: positive, the factor by which it is stretched.",
            "",
            "Returns:",
            "    A floating-point array of the arguments' broadcast shape; NaN",
            "    where a parameter is outside its domain.",
        ]
    )


def test_missing_argument():
    with pytest.raises(TypeError) as caught:
        norm.pdf()

    assert message_of(caught) == ["norm.pdf: missing a required argument: 'x'."]


def test_list_for_an_array():
    with pytest.raises(TypeError) as caught:
        norm.pdf(0.0, scale=[1.0])

    assert message_of(caught) == [
        "norm.pdf: `scale` must be an array or a scalar, got list.",
        "Convert it with `jnp.array(...)` first.",
    ]


def test_complex_numbers():
    with pytest.raises(TypeError) as caught:
        norm.pdf(jnp.ones(2, "complex64"))

    assert message_of(caught) == [
        "norm.pdf: arguments must be real, got c64[2], ~i32[], ~i32[]."
    ]


def test_shapes_that_do_not_broadcast():
    with pytest.raises(ValueError) as caught:
        norm.pdf(jnp.ones(2), jnp.ones(3))

    assert message_of(caught) == [
        "norm.pdf: operands don't broadcast: f32[2], f32[3], ~i32[] "
        "(2 != 3 in axis -1).",
        "Sizes of an axis, counted from the last, must be equal or 1; "
        "insert axes with `x[:, None]` or `expand_dims`.",
    ]


@pytest.mark.parametrize("function", [norm.pdf, norm.logcdf, uniform.ppf])
def test_scales_that_are_not_positive_give_nan(function):
    made = function(0.5, 0.0, jnp.array([-1.0, 0.0, jnp.nan]))

    assert np.isnan(made).all()


def test_arguments_broadcast():
    made = norm.logpdf(jnp.zeros((2, 1)), jnp.zeros(3))

    assert made.shape == (2, 3)


def test_half_precision_is_computed_in_single():
    x = jnp.linspace(-3, 3, 50).astype("bfloat16")

    made = logistic.pdf(x)

    assert made.dtype == jnp.bfloat16
    exact = logistic.pdf(x.astype("float32")).astype("bfloat16")
    assert (made == exact).all()


def test_empty_arrays():
    assert norm.cdf(jnp.zeros((0, 3))).shape == (0, 3)


def test_python_numbers_while_tracing():
    made = dc.jit(lambda: expon.logsf(2.0, scale=0.5))()

    assert made == -4.0
    assert made.weak_type


@pytest.mark.parametrize(
    "function", [expon.pdf, expon.logcdf, expon.sf, uniform.cdf, gumbel_r.pdf]
)
def test_gradient_is_zero_outside_the_support(function):
    grad = dc.vmap(dc.grad(function))

    assert (grad(jnp.array([-1e10, -3e38, -jnp.inf])) == 0).all()


def test_gradient_of_quantiles_is_infinite_at_the_ends():
    grad = dc.vmap(dc.grad(cauchy.ppf))

    assert (grad(jnp.array([0.0, 1.0])) == jnp.inf).all()


def test_functions_compose_with_transformations():
    def loss(scale, x):
        return dc.jit(norm.logpdf)(x, 0.5, scale).sum()

    hessians = dc.vmap(dc.hessian(loss), (0, None))(
        jnp.array([1.0, 2.0]), jnp.array([0.0, 2.0])
    )

    # Two derivatives of -d**2 / (2 s**2) - log(s).
    squares = 0.25 + 2.25
    assert_allclose(hessians, [-3 * squares + 2, -3 * squares / 16 + 0.5], rtol=1e-5)


def test_tails_do_not_underflow():
    assert_allclose(norm.logsf(50.0), -1254.8314, rtol=1e-6)
    assert_allclose(gumbel_r.logsf(200.0), -200.0)
    assert_allclose(cauchy.cdf(-1e20), 3.1830988e-21, rtol=1e-5)
    assert_allclose(cauchy.logpdf(1e25), -116.27399, rtol=1e-6)


@pytest.mark.parametrize(
    ("function", "args"),
    [
        (poisson.logpmf, (1e6, 1e6)),
        (binom.logpmf, (5e5, 1e6, 0.5)),
        (nbinom.logpmf, (1e6, 1e6, 0.5)),
        (gamma.logpdf, (1e6, 1e6)),
        (beta.logpdf, (0.5, 1e5, 1e5)),
        (betabinom.logpmf, (5e5, 1e6, 1e5, 1e5)),
    ],
)
def test_large_counts_keep_their_digits(function, args):
    name = function.__module__.rpartition(".")[2]
    oracle = getattr(getattr(scipy.stats, name), function.__name__)

    made = function(*map(np.float32, args))

    assert_allclose(made, oracle(*args), rtol=2e-5)


def test_derivative_by_a_number_of_trials():
    """Where all succeed, a term of the logarithm is singular."""
    slope = dc.grad(binom.logpmf, 1)(7.0, 7.0, 0.3)

    # digamma(8) - digamma(1) + log(0.7)
    assert_allclose(slope, 2.5928571 - 0.3566749, rtol=1e-5)


def test_parameters_outside_their_domain_give_nan():
    assert np.isnan(gamma.pdf(1.0, jnp.array([-1.0, 0.0, jnp.nan]))).all()
    assert np.isnan(binom.logpmf(-1, 2, jnp.array([-0.1, 1.1]))).all()
    assert np.isnan(truncnorm.cdf(jnp.array([-1.0, 0.5, 3.0]), 2.0, 1.0)).all()


@pytest.mark.parametrize("function", [gamma.cdf, gamma.logsf, chi2.logcdf])
def test_gradient_at_the_end_of_the_support_is_finite(function):
    assert dc.grad(function)(0.0, 2.0) == 0


@pytest.mark.parametrize("end", [-np.inf, -9.0])
def test_gradient_of_truncated_tails_is_finite(end):
    grad = dc.vmap(dc.grad(truncnorm.logsf), (0, None, None))

    made = grad(jnp.array([-8.9, -1.0, 8.9]), end, np.inf)

    x = np.array([-8.9, -1.0, 8.9])
    hazard = scipy.stats.norm.pdf(x) / scipy.stats.norm.sf(x)
    assert_allclose(made, -hazard, rtol=1e-4)

"""Perturbed functions have the means and slopes that theory gives them."""

import numpy as np
import pytest
from scipy import stats

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import nn, random
from dolmen.optim import perturbations

KEY = random.key(7)
X = jnp.asarray([0.3, -0.5, 1.0])


def best(x):
    return nn.one_hot(jnp.argmax(x), 3)


@pytest.mark.parametrize("use_baseline", [True, False])
def test_the_perturbed_argmax_under_gumbel_noise_is_the_softmax(use_baseline):
    smooth = perturbations.make_perturbed_fun(
        best, 20_000, sigma=0.5, use_baseline=use_baseline
    )

    mean, slope = dc.jit(lambda x: (smooth(KEY, x), dc.jacobian(smooth, 1)(KEY, x)))(X)

    expected, expected_slope = nn.softmax(X / 0.5), dc.jacobian(nn.softmax)(X / 0.5)
    # Standard errors: 0.0035 of the mean, about 0.02 of the slope.
    np.testing.assert_allclose(mean, expected, atol=0.015)
    np.testing.assert_allclose(slope, 2 * expected_slope, atol=0.1)


def test_normal_noise_smooths_a_tree_of_a_step_function():
    def step(x):
        return {"above": jnp.where(x["a"] + x["b"] > 0, 1.0, 0.0)}

    smooth = perturbations.make_perturbed_fun(
        step, 20_000, sigma=1.0, noise=perturbations.Normal()
    )
    x = {"a": 0.4, "b": jnp.asarray(0.2)}

    mean, slope = dc.jit(dc.value_and_grad(lambda x: smooth(KEY, x)["above"]))(x)

    scale = 2**0.5
    np.testing.assert_allclose(mean, stats.norm.cdf(0.6 / scale), atol=0.015)
    expected = stats.norm.pdf(0.6 / scale) / scale
    np.testing.assert_allclose(slope["a"], expected, atol=0.05)
    np.testing.assert_allclose(slope["b"], expected, atol=0.05)


def test_second_derivatives_are_estimated_too():
    smooth = perturbations.make_perturbed_fun(
        lambda x: jnp.abs(x), 20_000, sigma=1.0, noise=perturbations.Normal()
    )

    curvature = dc.jit(dc.grad(dc.grad(lambda x: smooth(KEY, x))))(0.0)

    # The mean of |x + z| has the second derivative 2 pdf(x).
    np.testing.assert_allclose(curvature, 2 * stats.norm.pdf(0.0), atol=0.1)


def test_the_mean_is_a_mean_of_values_exactly():
    smooth = perturbations.make_perturbed_fun(lambda x: 0.1 + 0 * x, 4)

    assert float(dc.jit(smooth)(KEY, 1.0)) == np.float32(0.1)


@pytest.mark.parametrize(
    ("noise", "oracle"),
    [(perturbations.Gumbel(), stats.gumbel_r), (perturbations.Normal(), stats.norm)],
)
def test_noises_are_distributed_as_their_log_densities_say(noise, oracle):
    sample = np.asarray(noise.sample(KEY, (2000,), jnp.float32))
    at = np.array([-1.0, 0.0, 2.5])

    relative = np.asarray(noise.log_prob(jnp.asarray(at))) - oracle.logpdf(at)

    assert stats.kstest(sample, oracle.cdf).pvalue > 1e-3
    np.testing.assert_allclose(relative, relative[0], atol=1e-6)


def test_a_sample_is_needed():
    with pytest.raises(ValueError) as raised:
        perturbations.make_perturbed_fun(best, 0)

    assert str(raised.value).splitlines()[0] == (
        "make_perturbed_fun: `num_samples` must be positive, got 0."
    )

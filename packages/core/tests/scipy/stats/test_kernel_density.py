"""`gaussian_kde` against SciPy's."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
from numpy.testing import assert_allclose

import dolmen.core as dc
from dolmen.core import numpy as jnp, random
from dolmen.core.scipy.stats import gaussian_kde

LINE = np.array([1.0, 2.0, 4.0, 4.5])
PLANE = np.array([[1.0, 2.0, 4.0, 3.0], [2.0, 1.0, 0.0, 1.5]])
WEIGHTS = np.array([1.0, 2.0, 1.0, 0.0])
POINTS = np.array([[1.0, 2.0, 0.5], [1.0, 1.0, -0.5]])


def message_of(caught):
    """Without the line that names the place."""
    lines = str(caught.value).splitlines()
    return [line for line in lines if not line.startswith("  at ")]


def pair(*args, **kwargs):
    with dc.enable_x64(True):
        made = gaussian_kde(*args, **kwargs)
    return made, scipy.stats.gaussian_kde(*args, **kwargs)


@pytest.mark.parametrize("bw_method", [None, "scott", "silverman", 0.5, lambda k: 0.5])
def test_densities_for_every_bandwidth(bw_method):
    made, oracle = pair(PLANE, bw_method)

    with dc.enable_x64(True):
        assert_allclose(made.covariance, oracle.covariance, rtol=1e-12)
        assert_allclose(made.inv_cov, oracle.inv_cov, rtol=1e-12)
        assert_allclose(made(POINTS), oracle(POINTS), rtol=1e-12)


@pytest.mark.parametrize("weights", [None, WEIGHTS])
def test_every_integral(weights):
    made, oracle = pair(LINE, weights=weights)
    other, other_oracle = pair(LINE + 0.5, "silverman")

    with dc.enable_x64(True):
        assert_allclose(made.neff, oracle.neff)
        assert_allclose(made.pdf(LINE), oracle.pdf(LINE), rtol=1e-12)
        assert_allclose(made.logpdf(2.5), oracle.logpdf(2.5), rtol=1e-12)
        assert_allclose(made.integrate_box_1d(0, 2), oracle.integrate_box_1d(0, 2))
        assert_allclose(
            made.integrate_gaussian(1.0, 2.0), oracle.integrate_gaussian(1.0, 2.0)
        )
        assert_allclose(made.integrate_kde(other), oracle.integrate_kde(other_oracle))


def test_integrals_in_the_plane():
    made, oracle = pair(PLANE, weights=WEIGHTS)
    cov = np.array([[1.0, 0.25], [0.25, 2.0]])

    with dc.enable_x64(True):
        assert_allclose(
            made.integrate_gaussian(POINTS[:, 0], cov),
            oracle.integrate_gaussian(POINTS[:, 0], cov),
        )
        assert_allclose(made.integrate_kde(made), oracle.integrate_kde(oracle))


def test_logarithms_far_out_are_finite():
    made, _ = pair(LINE)

    assert_allclose(gaussian_kde(jnp.asarray(LINE)).logpdf(1e3), made.logpdf(1e3), 1e-4)


def test_a_single_point_without_an_axis():
    density = gaussian_kde(jnp.asarray(PLANE))

    assert_allclose(density(POINTS[:, 0]), density(POINTS[:, :1]))


def test_samples_of_the_density_are_those_of_jax():
    density = gaussian_kde(jnp.array([[1.0, 2, 4, 3], [2.0, 1, 0, 1]]))

    made = density.resample(random.key(0), (3,))

    expected = [[-1.5026939, 3.2106135, 2.2192335], [3.0844388, 0.8011779, 1.2269361]]
    assert_allclose(made, expected, rtol=1e-4)


def test_samples_follow_the_density():
    density = gaussian_kde(jnp.asarray(LINE), weights=jnp.asarray(WEIGHTS))

    made = density.resample(random.key(1), (4000,))[0]

    inside = ((made > 1.5) & (made < 2.5)).mean()
    assert_allclose(inside, density.integrate_box_1d(1.5, 2.5), atol=0.03)


def test_estimates_pass_through_transformations():
    density = gaussian_kde(jnp.asarray(LINE))

    slopes = dc.jit(dc.vmap(dc.grad(lambda x, k: k(x)[0]), (0, None)))(
        jnp.array([1.0, 3.0]), density
    )

    step = 1e-2
    ahead, behind = (density(jnp.array([1.0, 3.0]) + d) for d in (step, -step))
    assert_allclose(slopes, (ahead - behind) / (2 * step), rtol=1e-2, atol=1e-4)


def test_gradient_by_the_samples():
    with dc.enable_x64(True):
        slope = dc.grad(lambda d: gaussian_kde(d)(1.5)[0])(LINE)
        step = np.array([0, 1e-6, 0, 0])
        ahead, behind = (gaussian_kde(LINE + d)(1.5)[0] for d in (step, -step))
        expected = float(ahead - behind) / 2e-6

    assert_allclose(slope[1], expected, rtol=1e-6)


def test_an_estimate_does_not_change():
    density = gaussian_kde(jnp.asarray(LINE))

    with pytest.raises(dataclasses.FrozenInstanceError):
        density.weights = 1
    with pytest.raises(NotImplementedError) as caught:
        density.set_bandwidth("scott")

    assert message_of(caught) == [
        "gaussian_kde.set_bandwidth: an estimate does not change.",
        "Make another with this `bw_method`.",
    ]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: gaussian_kde(jnp.ones(1)),
            "`dataset` must be [n] or [d, n], of two or more numbers, got f32[1].",
        ),
        (
            lambda: gaussian_kde(PLANE, weights=jnp.ones(3)),
            "`weights` must be [4], one for each sample, got f32[3].",
        ),
        (
            lambda: gaussian_kde(LINE, "wide"),
            "`bw_method` must be 'scott', 'silverman', a number or a function, got "
            "'wide'.",
        ),
    ],
)
def test_arguments_that_do_not_fit(call, expected):
    with pytest.raises(ValueError) as caught:
        call()

    assert message_of(caught) == [f"gaussian_kde: {expected}"]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda k: k(jnp.ones((3, 2))),
            "evaluate: `points` must be [2, m], as the samples have 2 dimensions, got "
            "f32[3,2].",
        ),
        (
            lambda k: k.integrate_box_1d(0.0, 1.0),
            "integrate_box_1d: the samples must have one dimension, got 2.",
        ),
        (
            lambda k: k.integrate_kde(gaussian_kde(LINE)),
            "integrate_kde: `other` must have 2 dimensions, got 1.",
        ),
        (
            lambda k: k.integrate_gaussian(jnp.zeros(3), jnp.eye(2)),
            "integrate_gaussian: `mean` must be [2] and `cov` [2, 2], got f32[3] and "
            "f32[2,2].",
        ),
    ],
)
def test_methods_with_other_dimensions(call, expected):
    density = gaussian_kde(PLANE)

    with pytest.raises(ValueError) as caught:
        call(density)

    assert message_of(caught) == [f"gaussian_kde.{expected}"]


def test_complex_samples():
    with pytest.raises(NotImplementedError) as caught:
        gaussian_kde(jnp.ones(3, "complex64"))

    assert message_of(caught) == ["gaussian_kde: `dataset` must be real, got c64[3]."]

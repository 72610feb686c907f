"""Windows, histograms and trimming: dtypes, tracing, and wrong arguments."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dolmen.core import grad, jit, numpy as jnp
from dolmen.core.errors import ConcretizationTypeError

X = np.array([0.5, -1.25, 2.0, 3.5, -0.75], np.float32)


def test_counts_have_the_dtypes_of_samples_and_weights():
    half = X.astype(np.float16)

    assert jnp.histogram(half)[0].dtype == np.float16
    assert jnp.histogram(half, weights=X)[0].dtype == np.float32
    assert jnp.histogram(half, weights=1j * X)[0].dtype == np.complex64
    assert jnp.histogram2d(half, half)[0].dtype == np.int32
    assert jnp.histogram2d(half, half, density=True)[0].dtype == np.float16


def test_many_samples_of_half_precision_are_all_counted():
    counts, _ = jnp.histogram(np.ones(5000, np.float16), 1)

    assert counts.tolist() == [5000.0]


def test_edges_may_be_traced():
    counts, edges = jit(lambda x, e: jnp.histogram(x, e))(X, np.array([0.0, 1.0, 4.0]))

    assert counts.tolist() == [1.0, 2.0]
    assert edges.tolist() == [0.0, 1.0, 4.0]


def test_density_has_derivatives_by_weights_and_edges():
    def first(width):
        return jnp.histogram(X, jnp.stack([0.0, width, 4.0]), density=True)[0][0]

    assert_allclose(grad(first)(1.0), -1 / 3, rtol=1e-6)


def test_kaiser_windows_of_any_narrowness_are_finite():
    assert_allclose(jnp.kaiser(3, 1e4), [0.0, 1.0, 0.0], atol=1e-6)


ERRORS = {
    "histogram: `a` must be real, got c64[5].": lambda: jnp.histogram(1j * X),
    "histogram: `weights` must have the shape of `a`: `a` is f32[5], `weights` is "
    "f32[2].": lambda: jnp.histogram(X, weights=X[:2]),
    "histogram: `bins` must be at least 1, got 0.": lambda: jnp.histogram(X, 0),
    "histogram: `bins` must be an integer or edges, got 2.5.": lambda: jnp.histogram(
        X, 2.5
    ),
    "histogram: `bins` must be a number or have one axis, got f32[1,1].": lambda: (
        jnp.histogram(X, jnp.ones((1, 1)))
    ),
    "histogram: `bins`: 'best' is not a valid estimator for `bins`.": lambda: (
        jnp.histogram(X, "best")
    ),
    "histogram_bin_edges: `range` must be a pair of edges, got 5.": lambda: (
        jnp.histogram_bin_edges(X, 3, 5)
    ),
    "histogram2d: `x` and `y` must have one axis of equal size: `x` is f32[5], `y` is "
    "f32[2].": lambda: jnp.histogram2d(X, X[:2]),
    "histogramdd: `sample` must have two axes, got f32[5].": lambda: jnp.histogramdd(X),
    "histogramdd: `weights` must have the shape (5,), one for each point, got "
    "f32[1].": (lambda: jnp.histogramdd(X[:, None], weights=X[:1])),
    "histogramdd: `bins` must have one entry for each of 1 axes, got 2.": lambda: (
        jnp.histogramdd(X[:, None], (2, 3))
    ),
    "histogramdd: `range` must have one entry for each of 1 axes, got 2.": lambda: (
        jnp.histogramdd(X[:, None], range=[None, None])
    ),
    "bartlett: `M` must not be negative, got -1.": lambda: jnp.bartlett(-1),
    "hamming: `M` must be an integer, got 2.5.": lambda: jnp.hamming(2.5),
    "kaiser: `beta` must be a scalar, got f32[5].": lambda: jnp.kaiser(3, X),
    "kaiser: `beta` must be real, got ~c64[].": lambda: jnp.kaiser(3, 1j),
    "i0: `x` must be real, got ~c64[].": lambda: jnp.i0(1j),
    "trim_zeros: `trim` must be 'f', 'b' or 'fb', got 'x'.": lambda: jnp.trim_zeros(
        X, "x"
    ),
    "trim_zeros: `axis` names an axis twice: (0, -1).": lambda: jnp.trim_zeros(
        X, axis=(0, -1)
    ),
    "nanargmax: no elements along axis 0 of f32[0].": lambda: jnp.nanargmax(X[:0]),
    "sort_complex: `axis` must be absent for an array with 0 axes, got -1.": lambda: (
        jnp.sort_complex(1.0)
    ),
    "unique: 2 elements are asked for, but f32[0] has none.": lambda: jnp.unique(
        X[:0], size=2
    ),
    "unique: `size` must not be negative, got -1.": lambda: jnp.unique(X, size=-1),
    "nonzero: `size` must be an integer, got 2.5.": lambda: jnp.nonzero(X, size=2.5),
    "nanargmax: `axis` must be an integer, got (0,).": lambda: jnp.nanargmax(
        X, axis=(0,)
    ),
    "cumsum: `axis` must be an integer, got 'a'.": lambda: jnp.cumsum(X, axis="a"),
    "polyder: `m` must be an integer, got 1.5.": lambda: jnp.polyder(X, 1.5),
    "histogram: `range` must be an array or a scalar, got NoneType None.": lambda: (
        jnp.histogram(X, range=(None, 3))
    ),
    "unique: `axis` must be between -1 and 0 for an array with 1 axes, got 1.": (
        lambda: jnp.unique(X, axis=1)
    ),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_arguments_are_told(problem):
    with pytest.raises((TypeError, ValueError)) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem


@pytest.mark.parametrize(
    "call",
    [
        jnp.bartlett,
        lambda n: jnp.kaiser(n, 1.0),
        lambda n: jnp.histogram(X, n),
        lambda n: jnp.histogram(n, "auto"),
        lambda n: jnp.trim_zeros(n[None]),
        lambda n: jnp.unique(n[None], axis=0),
    ],
)
def test_what_decides_about_shapes_can_not_be_traced(call):
    with pytest.raises(ConcretizationTypeError):
        jit(call)(3)

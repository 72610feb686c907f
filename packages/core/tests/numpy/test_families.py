"""Sequences, samples and polynomials: values, gradients, and each way of running."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dolmen.core import enable_x64, grad, jit, numpy as jnp, vmap

X = np.array([0.5, -1.25, 2.0, 3.5, -0.75])
Y = np.array([1.5, 0.25, -2.0])
Z = np.array([1.0 + 2.0j, -0.5j, 0.75])
M = np.array([[0.5, 2.0, -1.0, 4.0], [1.5, 0.25, 3.0, -2.0], [2.5, 1.0, 0.0, 1.25]])
I = np.array([3, 1, 4, 1, 5], np.int32)  # noqa: E741, the letter of integers
UP = np.array([-1.0, 0.5, 1.0, 2.5, 4.0])
AT = np.array([[-2.0, 0.75], [2.2, 9.0]])
TURNS = np.array([0.0, 3.0, 6.5, 1.0, -2.0, -5.5])

# By name: a function of the module and arrays, and the arrays.
CALLS = {
    "ediff1d": (lambda m, x: m.ediff1d(x, to_end=7, to_begin=x[:2]), (M,)),
    "ediff1d of one": (lambda m, x: m.ediff1d(x), (X[:1],)),
    "ediff1d of nothing": (lambda m, x: m.ediff1d(x, to_end=1.0), (X[:0],)),
    "gradient": (lambda m, x: m.gradient(x), (X,)),
    "gradient edges": (lambda m, x: m.gradient(x, 0.5, edge_order=2), (X,)),
    "gradient uneven": (lambda m, x, t: m.gradient(x, t), (X, UP)),
    "gradient uneven edges": (lambda m, x, t: m.gradient(x, t, edge_order=2), (X, UP)),
    "gradient axes": (lambda m, x: m.stack(m.gradient(x)), (M,)),
    "gradient one axis": (lambda m, x: m.gradient(x, 2.0, axis=-1), (M,)),
    "gradient mixed": (
        lambda m, x, t: m.stack(m.gradient(x, 2.0, t, axis=(0, 1))),
        (M, UP[:4]),
    ),
    "gradient of integers": (lambda m, x: m.gradient(x), (I,)),
    "interp": (lambda m, x, p, f: m.interp(x, p, f), (AT, UP, X)),
    "interp outside": (lambda m, x, p, f: m.interp(x, p, f, -1.0, 7.0), (AT, UP, X)),
    "interp period": (lambda m, x, p, f: m.interp(x, p, f, period=3.3), (AT, X, UP)),
    "interp at one": (lambda m, x, p, f: m.interp(x, p, f), (AT, UP[:1], X[:1])),
    "interp complex": (lambda m, x, p, f: m.interp(x, p, f), (AT, UP[:3], Z)),
    "interp at a jump": (
        lambda m, x, f: m.interp(x, np.array([0.0, 1.0, 1.0]), f),
        (np.array([0.5, 1.0]), Y),
    ),
    "interp at nan": (lambda m, x: m.interp(x, UP, X), (np.array([np.nan, 1.0]),)),
    "unwrap": (lambda m, x: m.unwrap(x), (TURNS,)),
    "unwrap of nothing": (lambda m, x: m.unwrap(x), (X[:0],)),
    "unwrap discont": (lambda m, x: m.unwrap(x, discont=4.0), (TURNS,)),
    "unwrap axis": (lambda m, x: m.unwrap(x, axis=0, period=2.0), (M,)),
    "unwrap even": (lambda m, x: m.unwrap(x, period=4), (2 * I,)),
    "unwrap odd": (lambda m, x: m.unwrap(x, period=5), (2 * I,)),
    **{
        f"{name} {mode} {len(a)}x{len(b)}": (
            lambda m, x, y, name=name, mode=mode: getattr(m, name)(x, y, mode),
            (a, b),
        )
        for name in ("convolve", "correlate")
        for mode in ("full", "same", "valid")
        for a, b in ((X, Y), (Y, X), (Y[:2], X))
    },
    "convolve complex": (lambda m, x, y: m.convolve(x, y), (Z, X)),
    "correlate complex": (lambda m, x, y: m.correlate(x, y, "full"), (X, Z)),
    "cov": (lambda m, x: m.cov(x), (M,)),
    "cov of one": (lambda m, x: m.cov(x, bias=True), (X,)),
    "cov with more": (lambda m, x, y: m.cov(x, y), (M, X[:4])),
    "cov of columns": (lambda m, x: m.cov(x, rowvar=False, ddof=0), (M,)),
    "cov weighted": (
        lambda m, x, a: m.cov(x, fweights=I[:4], aweights=abs(a)),
        (M, X[:4]),
    ),
    "cov complex": (lambda m, x: m.cov(x), (Z,)),
    "corrcoef": (lambda m, x: m.corrcoef(x), (M,)),
    "corrcoef of one": (lambda m, x: m.corrcoef(x), (X,)),
    "corrcoef complex": (lambda m, x, y: m.corrcoef(x, y), (Z, Y)),
    "polyadd": (lambda m, p, q: m.polyadd(p, q), (X, Y)),
    "polysub": (lambda m, p, q: m.polysub(p, q), (Y, X)),
    "polymul": (lambda m, p, q: m.polymul(p, q), (X, Y)),
    "polydiv": (
        lambda m, p, q: m.concatenate([v[-2:] for v in m.polydiv(p, q)]),
        (X, Y),
    ),
    "polydiv by longer": (lambda m, p, q: m.concatenate(m.polydiv(p, q)), (Y, X)),
    "polyder": (lambda m, p: m.polyder(p, 2), (X,)),
    "polyder to nothing": (lambda m, p: m.polyder(p, 1), (X[:1],)),
    "polyint": (lambda m, p: m.polyint(p, 2, np.array([3.0, 4.0])), (X,)),
    "polyval": (lambda m, p, x: m.polyval(p, x), (X, M)),
    "polyval complex": (lambda m, p, x: m.polyval(p, x), (X, Z)),
    "polyval of integers": (lambda m, p, x: m.polyval(p, x), (I, I)),
    "polyval in a loop": (lambda m, p, x: m.polyval(p, x), (np.tile(X, 4), M / 4)),
    "vander": (lambda m, x: m.vander(x), (X,)),
    "vander increasing": (lambda m, x: m.vander(x, 3, increasing=True), (I,)),
    "vander of no columns": (lambda m, x: m.vander(x, 0), (X,)),
}
SMOOTH = [
    "ediff1d",
    "gradient edges",
    "gradient uneven edges",
    "gradient mixed",
    "interp",
    "interp period",
    "unwrap",
    "convolve same 5x3",
    "correlate full 3x5",
    "cov weighted",
    "corrcoef",
    "polymul",
    "polydiv",
    "polyint",
    "polyval",
    "polyval in a loop",
    "vander",
]


def _run(name, module, dtype="float64"):
    function, args = CALLS[name]
    wide = {"float64": "complex128", "float32": "complex64"}[dtype]
    narrow = {"float64": dtype, "complex128": wide}
    cast = [x.astype(narrow.get(x.dtype.name, x.dtype)) for x in args]
    return np.asarray(function(module, *cast)), cast


@pytest.mark.parametrize("name", CALLS)
def test_double_precision_agrees_with_numpy(name):
    expected, _ = _run(name, np)

    with enable_x64(True):
        made, _ = _run(name, jnp)

    assert_allclose(made, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CALLS)
def test_single_precision_and_jit_agree_with_numpy(name):
    expected, args = _run(name, np, "float32")
    function, _ = CALLS[name]

    made = jit(lambda *args: function(jnp, *args))(*args)

    # Differences of numbers near 10, divided by up to 0.1: a hundred roundings.
    assert_allclose(made, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize("name", SMOOTH)
def test_gradient_agrees_with_central_differences(name):
    function, args = CALLS[name]
    rng = np.random.default_rng(0)
    directions = [rng.normal(size=x.shape) for x in args]

    def total(t):
        moved = [x + t * d for x, d in zip(args, directions, strict=True)]
        made = function(jnp, *moved)
        return (made * jnp.cos(jnp.arange(made.size)).reshape(made.shape)).sum()

    with enable_x64(True):
        slope = grad(total)(0.0)
        expected = (total(1e-6) - total(-1e-6)) / 2e-6

    assert_allclose(slope, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", SMOOTH)
def test_vmap_agrees_with_a_loop(name):
    function, args = CALLS[name]
    stacked = [np.stack([x, x[::-1] + 0.125]).astype(np.float32) for x in args]

    made = vmap(lambda *args: function(jnp, *args))(*stacked)

    rows = [function(jnp, *row) for row in zip(*stacked, strict=True)]
    assert_allclose(made, np.stack(rows), rtol=2e-5, atol=2e-5)


def test_interpolation_extrapolates_on_request():
    made = jnp.interp(AT, UP, X, left="extrapolate", right="extrapolate")

    first = X[0] - (X[1] - X[0]) / 1.5
    last = X[-1] + 5.0 * (X[-1] - X[-2]) / 1.5
    assert_allclose(np.asarray(made)[[0, 1], [0, 1]], [first, last], rtol=1e-5)


def test_products_and_rests_lose_leading_zeros_on_request():
    zeros = np.array([0.0, 0.0, 1.0, 2.0], np.float32)

    product = jnp.polymul(zeros, zeros, trim_leading_zeros=True)
    _, rest = jnp.polydiv(product, zeros[2:], trim_leading_zeros=True)

    assert product.tolist() == [1.0, 4.0, 4.0]
    assert rest.tolist() == []


@pytest.mark.parametrize("name", ["convolve", "polyadd", "polymul", "polyval"])
def test_weak_operands_take_the_dtype_of_the_others(name):
    half = np.array([1.0, 2.0], np.float16)

    made = getattr(jnp, name)(half, jnp.ones(2, jnp.int32))

    assert made.dtype == np.float16


ERRORS = {
    "gradient: `edge_order` must be 1 or 2, got 3.": lambda: jnp.gradient(
        X, edge_order=3
    ),
    "gradient: expected at least 2 samples along axis 0, got f32[1].": lambda: (
        jnp.gradient(jnp.ones(1))
    ),
    "gradient: expected no distance, one number, or one for each of 1 axes, got 2.": (
        lambda: jnp.gradient(X, 1.0, 2.0)
    ),
    "interp: `xp` and `fp` must have one axis of equal size, at least 1: `xp` is "
    "f32[2], `fp` is f32[3].": lambda: jnp.interp(1.0, jnp.ones(2), jnp.ones(3)),
    "interp: `left` must be a number or 'extrapolate', got 'on'.": lambda: jnp.interp(
        1.0, X, X, left="on"
    ),
    "convolve: `a` and `v` must have one axis and not be empty: `a` is f32[2], `v` is "
    "f32[0].": lambda: jnp.convolve(jnp.ones(2), jnp.ones(0)),
    "correlate: `mode` must be 'full', 'same' or 'valid', got 'most'.": lambda: (
        jnp.correlate(X, X, "most")
    ),
    "cov: `m` must have at most two axes, got f32[1,1,1].": lambda: jnp.cov(
        jnp.ones((1, 1, 1))
    ),
    "polyint: `k` must be a number or have 2 elements, got f32[3].": lambda: (
        jnp.polyint(X, 2, jnp.ones(3))
    ),
    "polyder: `m` must not be negative, got -1.": lambda: jnp.polyder(X, -1),
    "polyadd: `a2` must have at most one axis, got f32[1,1].": lambda: jnp.polyadd(
        X, jnp.ones((1, 1))
    ),
    "vander: `N` must not be negative, got -2.": lambda: jnp.vander(X, -2),
    "polyfit: `deg` must not be negative, got -1.": lambda: jnp.polyfit(X, X, -1),
    "polyfit: covariances of 5 coefficients take more than 5 samples, got 5.": lambda: (
        jnp.polyfit(X, X, 4, cov=True)
    ),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_arguments_are_told(problem):
    with pytest.raises(ValueError) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem


SHAPE_ERRORS = {
    "polyfit: `x` must have one axis and not be empty, got f32[0].": lambda: (
        jnp.polyfit(X[:0], X, 1)
    ),
    "polyfit: `y` must have as many rows as `x` has elements: `x` is f32[5], `y` is "
    "f32[3].": lambda: jnp.polyfit(X, Y, 1),
    "polyfit: `w` must have as many rows as `x` has elements: `x` is f32[5], `w` is "
    "f32[1,1].": lambda: jnp.polyfit(X, X, 1, w=jnp.ones((1, 1))),
}


@pytest.mark.parametrize("problem", SHAPE_ERRORS)
def test_shapes_of_samples_that_do_not_fit_are_type_errors_as_of_numpy(problem):
    with pytest.raises(TypeError) as caught:
        SHAPE_ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem

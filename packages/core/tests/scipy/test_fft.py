"""`scipy.fft` against SciPy's."""

import functools

import numpy as np
import pytest
import scipy.fft

import dolmen.core as dc
import dolmen.core.numpy as jnp

ROWS = [
    ("dct", (2, 5), "float64", {}),
    ("dct", (2, 4), "complex128", {}),
    ("dct", (1,), "float64", {}),
    ("dct", (3, 2), "float64", {"axis": 0, "n": 4}),
    ("idct", (2, 5), "float64", {}),
    ("idct", (2, 4), "complex128", {}),
    ("idct", (1,), "float64", {}),
    ("idct", (2, 2), "float64", {"axis": 0, "n": 6}),
    ("dctn", (2, 3), "float64", {}),
    ("dctn", (2, 3, 2), "float64", {"s": (4,), "axes": (1,)}),
    ("idctn", (2, 3), "float64", {}),
]
EVERY = pytest.mark.parametrize(
    ("name", "shape", "dtype", "options"), ROWS, ids=[f"{r[0]}-{r[1]}" for r in ROWS]
)


def draw(shape, dtype):
    parts = np.random.default_rng(1).normal(size=(2, *shape))
    return (parts[0] + 1j * parts[1]).astype(dtype) if dtype[0] == "c" else parts[0]


@EVERY
@pytest.mark.parametrize("norm", [None, "backward", "ortho", "forward"])
def test_transform_agrees_with_scipy(name, shape, dtype, options, norm):
    x = draw(shape, dtype)
    function = functools.partial(getattr(dc.scipy.fft, name), norm=norm, **options)

    with dc.enable_x64(True):
        got = function(x)
        batched = dc.jit(dc.vmap(function, -1, -1))(np.stack([x, 2 * x], -1))

    expected = getattr(scipy.fft, name)(x, norm=norm, **options)
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(batched[..., 1], 2 * expected, rtol=1e-12, atol=1e-13)
    assert got.dtype == expected.dtype


@EVERY
def test_gradient_agrees_with_differences(name, shape, dtype, options):
    x = draw(shape, dtype)
    function = functools.partial(getattr(dc.scipy.fft, name), **options)

    def loss(t):
        return jnp.sum(jnp.abs(function(x + t * np.flip(x) + t)) ** 3)

    with dc.enable_x64(True):
        got = dc.grad(loss)(0.0)
        expected = (loss(1e-5) - loss(-1e-5)) / 2e-5

    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["dct", "idct"])
@pytest.mark.parametrize("dtype", ["float16", "int32"])
def test_narrow_numbers_are_computed_with_in_float32(name, dtype):
    got = getattr(dc.scipy.fft, name)(jnp.arange(4).astype(dtype))

    expected = getattr(scipy.fft, name)(np.arange(4.0))
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    assert got.dtype == np.float32


ERRORS = [
    (
        lambda: dc.scipy.fft.dct(jnp.ones(3), norm="both"),
        "dct: `norm` must be 'backward', 'ortho' or 'forward', got 'both'.",
    ),
    (
        lambda: dc.scipy.fft.idct(jnp.ones(3), n=0),
        "idct: the number of points must be positive, got (0,).",
    ),
    (
        lambda: dc.scipy.fft.dctn(jnp.ones((2, 3)), s=(2,), axes=(0, 1)),
        "dctn: `s` and `axes` must have equal lengths, got s=(2,) for axes (0, 1).",
    ),
]


@pytest.mark.parametrize(("call", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, expected):
    with pytest.raises(ValueError) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected


def test_other_types_are_not_supported():
    with pytest.raises(
        NotImplementedError, match=r"^dct: only `type=2` is supported\.$"
    ):
        dc.scipy.fft.dct(jnp.ones(3), type=3)

"""`numpy.fft` against NumPy's."""

import functools

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

TOLERANCE = {"float32": 4e-6, "complex64": 4e-6, "float64": 1e-13, "complex128": 1e-13}
NORMS = [None, "ortho", "forward"]

# Name, shape and dtype of the argument, options.
ROWS = [
    ("fft", (5,), "complex64", {}),
    ("fft", (2, 4), "float64", {"n": 6}),
    ("fft", (3, 4), "complex128", {"n": 2, "axis": 0}),
    ("ifft", (2, 5), "complex128", {}),
    ("ifft", (3, 2), "float32", {"axis": -2}),
    ("rfft", (2, 5), "float64", {}),
    ("rfft", (4, 2), "float32", {"n": 5, "axis": 0}),
    ("irfft", (2, 3), "complex128", {}),
    ("irfft", (2, 3), "complex64", {"n": 5}),
    ("irfft", (4, 2), "float64", {"n": 3, "axis": 0}),
    ("hfft", (2, 3), "complex128", {}),
    ("hfft", (2, 3), "float64", {"n": 5}),
    ("ihfft", (2, 4), "float64", {}),
    ("fft2", (2, 3, 4), "complex128", {}),
    ("fft2", (2, 3, 4), "float32", {"s": (3, 2), "axes": (2, 0)}),
    ("ifft2", (2, 3), "complex128", {}),
    ("rfft2", (2, 3), "float64", {}),
    ("rfft2", (2, 3, 4), "float64", {"axes": (2, 0)}),
    ("irfft2", (2, 3), "complex128", {}),
    ("fftn", (), "complex128", {}),
    ("fftn", (2, 3), "complex128", {"axes": ()}),
    ("fftn", (2, 1, 3, 2, 2), "complex128", {}),
    ("fftn", (2, 3, 4), "complex128", {"s": (2, 5), "axes": (1, 2)}),
    ("ifftn", (2, 3, 2, 2), "complex128", {}),
    ("rfftn", (2, 3, 2, 3), "float64", {}),
    ("irfftn", (2, 3, 2, 3), "complex128", {}),
    ("irfftn", (2, 3, 2, 3), "complex128", {"s": (3, 5), "axes": (0, 2)}),
    ("fft", (0, 3), "float64", {}),
    ("fft", (4,), "bool", {}),
    ("fft", (4,), "int32", {}),
]

# NumPy's own default, deprecated there: without axes, those of `s` are the last.
WITH_LAST_AXES = ("fftn", (2, 3, 4), "complex128", {"s": (2, 5)})


def draw(shape, dtype):
    rng = np.random.default_rng(1)
    values = rng.normal(size=shape)
    if dtype.startswith("complex"):
        values = values + 1j * rng.normal(size=shape)
    return (4 * values).astype(dtype)


def of_rows(rows=ROWS):
    names = [f"{i}-{row[0]}" for i, row in enumerate(rows)]
    return pytest.mark.parametrize(
        ("name", "shape", "dtype", "options"), rows, ids=names
    )


def assert_close(got, expected, dtype):
    limit = TOLERANCE.get(dtype, 1e-13)
    assert got.shape == expected.shape
    np.testing.assert_allclose(got, expected, rtol=limit, atol=8 * limit)


@of_rows()
@pytest.mark.parametrize("norm", NORMS)
def test_transform_agrees_with_numpy(name, shape, dtype, options, norm):
    x = draw(shape, dtype)

    with dc.enable_x64(True):
        got = getattr(jnp.fft, name)(x, norm=norm, **options)

    expected = getattr(np.fft, name)(x, norm=norm, **options)
    assert_close(got, expected, dtype)
    assert got.dtype == expected.dtype


def test_sizes_without_axes_are_those_of_the_last_ones():
    x = draw((2, 3, 4), "complex64")

    got = jnp.fft.fftn(x, s=(2, 5))

    assert_close(got, np.fft.fftn(x, s=(2, 5), axes=(1, 2)), "complex64")


@pytest.mark.parametrize("name", ["fft", "ifft", "hfft", "ihfft"])
def test_backward_is_the_default_norm(name):
    x = draw((3,), "float32")

    got = getattr(jnp.fft, name)(x, norm="backward")

    np.testing.assert_array_equal(got, getattr(jnp.fft, name)(x))


def test_transform_without_axes_is_complex_unlike_numpys():
    got = jnp.fft.fftn(jnp.ones((2,)), axes=())

    assert got.tolist() == [1, 1]
    assert got.dtype == np.complex64


@of_rows(ROWS[:27])
def test_transform_is_the_same_under_jit_and_vmap(name, shape, dtype, options):
    x = draw((2, *shape), dtype)
    function = functools.partial(getattr(jnp.fft, name), **options)

    with dc.enable_x64(True):
        got = dc.jit(dc.vmap(function))(x)
        expected = np.stack([function(row) for row in x])

    assert_close(got, expected, dtype)


@of_rows([row for row in ROWS[1:27] if row[2] in ("float64", "complex128")])
def test_gradient_agrees_with_differences(name, shape, dtype, options):
    x = draw(shape, dtype)
    direction = np.flip(x)

    def loss(t):
        out = getattr(jnp.fft, name)(x + t * direction, norm="ortho", **options)
        return jnp.sum(jnp.abs(out) ** 3)

    with dc.enable_x64(True):
        got = dc.grad(loss)(0.0)
        expected = (loss(1e-5) - loss(-1e-5)) / 2e-5

    np.testing.assert_allclose(got, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "int8", "bool"])
def test_narrow_numbers_are_computed_with_in_float32(dtype):
    assert jnp.fft.fft(jnp.ones(4, dtype)).dtype == np.complex64
    assert jnp.fft.rfft(jnp.ones(4, dtype)).tolist() == [4, 0, 0]
    assert jnp.fft.irfft(jnp.ones(3, dtype)).dtype == np.float32


@pytest.mark.parametrize("n", [0, 1, 4, 5])
@pytest.mark.parametrize("d", [1.0, 0.25])
def test_frequencies_agree_with_numpy(n, d):
    got = jnp.fft.fftfreq(n, d)

    np.testing.assert_allclose(got, np.fft.fftfreq(n, d) if n else [], rtol=1e-6)
    assert got.dtype == np.float32


@pytest.mark.parametrize("n", [1, 4, 5])
def test_real_frequencies_agree_with_numpy(n):
    got = dc.jit(lambda d: jnp.fft.rfftfreq(n, d, dtype="float16"))(2.0)

    np.testing.assert_allclose(got, np.fft.rfftfreq(n, 2.0), rtol=1e-3)
    assert got.dtype == np.float16


@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
@pytest.mark.parametrize("axes", [None, 1, -2, (0, 2), ()])
def test_shift_agrees_with_numpy(name, axes):
    x = np.arange(3 * 4 * 5).reshape(3, 4, 5)

    got = getattr(jnp.fft, name)(jnp.array(x), axes)

    np.testing.assert_array_equal(got, getattr(np.fft, name)(x, axes))


ERRORS = [
    (
        lambda: jnp.fft.rfft(jnp.ones(3, "complex64")),
        TypeError,
        "rfft: `a` must be real, got c64[3].\n"
        "Take its real part, or use a transform of complex numbers.",
    ),
    (
        lambda: jnp.fft.fft([1.0]),
        TypeError,
        "fft: `a` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.fft.fft(jnp.ones(3), n=0),
        ValueError,
        "fft: the number of points must be positive, got (0,).",
    ),
    (
        lambda: jnp.fft.irfft(jnp.ones(1)),
        ValueError,
        "irfft: the last axis transformed must have at least one point, got 0.",
    ),
    (
        lambda: jnp.fft.rfftn(jnp.ones(3), axes=()),
        ValueError,
        "rfftn: expected at least one axis to transform.",
    ),
    (
        lambda: jnp.fft.hfft(jnp.ones(3), norm="both"),
        ValueError,
        "hfft: `norm` must be 'backward', 'ortho' or 'forward', got 'both'.",
    ),
    (
        lambda: jnp.fft.ifft(1.0),
        ValueError,
        "ifft: `axis` must be absent for an array with 0 axes, got -1.",
    ),
    (
        lambda: jnp.fft.fftn(jnp.ones((2, 3)), axes=(0, -2)),
        ValueError,
        "fftn: `axes` names an axis twice: (0, -2).",
    ),
    (
        lambda: jnp.fft.fftn(jnp.ones((2, 3)), (2, 3), (0,)),
        ValueError,
        "fftn: `s` and `axes` must have equal lengths, got s=(2, 3) for axes (0,).",
    ),
    (
        lambda: jnp.fft.rfft2(jnp.ones((2, 3)), axes=(0,)),
        ValueError,
        "rfft2: `axes` must be two axes, got (0,).\nUse `rfftn` for another number.",
    ),
    (
        lambda: jnp.fft.fftfreq(-1),
        ValueError,
        "fftfreq: `n` must not be negative, got -1.",
    ),
    (
        lambda: jnp.fft.rfftfreq(3, jnp.ones(2)),
        ValueError,
        "rfftfreq: `d` must be a scalar, got f32[2].",
    ),
    (
        lambda: dc.lax.fft(jnp.ones(3), "dft", (3,)),
        ValueError,
        "fft: `fft_type` must be a `lax.FftType` or one of 'FFT', 'IFFT', 'RFFT', "
        "'IRFFT', got 'dft'.",
    ),
    (
        lambda: dc.lax.fft(jnp.ones(3, "complex64"), "RFFT", (3,)),
        TypeError,
        "fft: RFFT is of real numbers, got c64[3].\nTake the real part, or use FFT.",
    ),
    (
        lambda: dc.lax.fft(jnp.ones((2, 3)), "irfft", (6,)),
        ValueError,
        "fft: the last axes must have sizes (4,) for IRFFT with fft_lengths=(6,), got "
        "c64[2,3].",
    ),
    (
        lambda: dc.lax.fft(jnp.ones(3), "fft", ()),
        ValueError,
        "fft: `fft_lengths` must be one to three sizes of trailing axes, got () for "
        "c64[3].",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    told = [
        line for line in str(caught.value).splitlines() if not line.startswith("  at ")
    ]
    assert "\n".join(told) == expected

"""Images of another size: dtypes, compositions and wrong arguments."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import image, numpy as jnp
from dolmen.core.image import ResizeMethod

LINE = jnp.array([0.0, 2.0, 1.0])


@pytest.mark.parametrize(
    ("dtype", "method", "expected"),
    [
        ("uint8", "nearest", "uint8"),
        ("bool", "nearest", "bool"),
        ("uint8", "linear", "float32"),
        ("float16", "cubic", "float16"),
        ("bfloat16", "area", "bfloat16"),
        ("complex64", "lanczos3", "complex64"),
    ],
)
def test_the_result_has_the_dtype_of_the_image(dtype, method, expected):
    made = image.resize(LINE.astype(dtype), (4,), method)

    assert made.dtype == jnp.dtype(expected)


def test_an_image_stays_as_it_is_if_nothing_is_to_be_done():
    assert image.resize(LINE, (3,), "lanczos5").tolist() == LINE.tolist()


def test_many_pixels_of_half_precision_keep_their_places():
    ramp = jnp.linspace(0, 1, 4096, dtype="float16")

    made = image.resize(ramp, (1024,), "linear")

    np.testing.assert_allclose(made, np.linspace(0, 1, 1024), atol=2e-3)


@pytest.mark.parametrize("name", ["bilinear", "trilinear", "triangle", "linear"])
def test_methods_have_synonyms(name):
    assert ResizeMethod.from_string(name) is ResizeMethod.LINEAR


def test_the_second_derivative_by_the_scale_agrees_with_differences():
    def seen(scale):
        line, move = np.array([0.0, 2.0, 1.0]), np.array([0.3])
        made = image.scale_and_translate(line, (4,), (0,), scale[None], move, "cubic")
        return jnp.sum(made**2)

    slope = dc.jit(dc.grad(seen))
    with dc.enable_x64(True):
        made = dc.vmap(dc.grad(dc.grad(seen)))(np.array([1.2, 0.83]))
        step = 1e-5
        expected = [
            (slope(np.float64(s + step)) - slope(np.float64(s - step))) / (2 * step)
            for s in (1.2, 0.83)
        ]

    np.testing.assert_allclose(made, expected, rtol=1e-6)


ONE = jnp.ones(1)
ERRORS = [
    (
        lambda: image.resize(LINE, (2, 2), "linear"),
        ValueError,
        "resize: `shape` must have a size for each of 1 axes of `image`, none "
        "negative, got (2, 2).",
    ),
    (
        lambda: image.resize(LINE, (-1,), "linear"),
        ValueError,
        "resize: `shape` must have a size for each of 1 axes of `image`, none "
        "negative, got (-1,).",
    ),
    (
        lambda: image.resize(LINE[:0], (2,), "linear"),
        ValueError,
        "resize: an empty axis has no pixels to fill shape (2,) from: `image` is "
        "f32[0].",
    ),
    (
        lambda: image.resize(LINE, (2,), "spline"),
        ValueError,
        "resize: there is no method 'spline'.\n"
        "Use one of 'nearest', 'linear', 'lanczos3', 'lanczos5', 'cubic', "
        "'cubic-pytorch', 'area', 'bilinear', 'trilinear', 'triangle', 'bicubic', "
        "'tricubic'.",
    ),
    (
        lambda: image.resize([1.0], (2,), "linear"),
        TypeError,
        "resize: `image` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: image.scale_and_translate(LINE, (4,), (0,), ONE * 1j, ONE, "cubic"),
        TypeError,
        "scale_and_translate: `scale` must be real, got c64[1].",
    ),
    (
        lambda: image.scale_and_translate(LINE, (4,), (0,), ONE, 1.0, "cubic"),
        ValueError,
        "scale_and_translate: `translation` must have one element for each of 1 "
        "spatial axes, got ~f32[].",
    ),
    (
        lambda: image.scale_and_translate(LINE, (4,), (), ONE[:0], ONE[:0], "cubic"),
        ValueError,
        "scale_and_translate: `shape` must keep the size of axis 0, which is not among "
        "`spatial_dims`: 4 != 3.",
    ),
    (
        lambda: image.scale_and_translate(LINE, (4,), (0,), ONE, ONE, "nearest"),
        ValueError,
        "scale_and_translate: `method` must not be 'nearest'.\n"
        "Use `resize`, or another method.",
    ),
    (
        lambda: image.scale_and_translate(LINE, (4,), (1,), ONE, ONE, "linear"),
        ValueError,
        "scale_and_translate: `spatial_dims` must be between -1 and 0 for an array "
        "with 1 axes, got 1.",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected

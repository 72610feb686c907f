"""Dtypes and wrong arguments of what samples between points, and of quantization."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import numpy as jnp
from dolmen.core.scipy import integrate
from dolmen.core.scipy.cluster.vq import vq
from dolmen.core.scipy.interpolate import RegularGridInterpolator
from dolmen.core.scipy.ndimage import map_coordinates

LINE = np.array([0.0, 2.0, 6.0], np.float32)
PLATE = np.ones((3, 2), np.float32)
GRID = (LINE, LINE[:2])


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("int8", [1, 4]), ("uint8", [1, 4]), ("bool", [1, 1]), ("float16", [1, 4])],
)
def test_samples_keep_the_dtype(dtype, expected):
    made = map_coordinates(LINE.astype(dtype), [jnp.array([0.5, 1.5])], 1)

    assert made.dtype == jnp.dtype(dtype)
    assert made.tolist() == expected


def test_samples_of_integers_round_halves_away_from_zero():
    x = jnp.array([0, 1, -1, -2])

    assert map_coordinates(x, [jnp.array([0.5, 2.5])], 1).tolist() == [1, -2]
    assert map_coordinates(x, [jnp.array([0.5, 2.5])], 0).tolist() == [1, -2]


def test_an_array_without_axes_is_its_only_sample():
    assert map_coordinates(jnp.array(3.0), [], 1).tolist() == 3.0


def test_an_interpolator_passes_through_transformations():
    f = RegularGridInterpolator((LINE,), LINE**2)

    def total(f, x):
        return f(x[:, None]).sum()

    slope = dc.jit(dc.grad(total, allow_int=True))(f, jnp.array([1.0, 4.0]))

    assert isinstance(slope, RegularGridInterpolator)
    assert slope.values.tolist() == [0.5, 1.0, 0.5]
    lanes = dc.vmap(lambda f: f(jnp.array([1.0])), in_axes=0)(
        dc.tree.map(lambda x: jnp.stack([x, x + 1]), f)
    )
    np.testing.assert_allclose(lanes, [[2.0], [1.0]])


def test_places_are_given_in_several_ways():
    f = RegularGridInterpolator(GRID, np.outer(LINE, LINE[:2] + 1))
    points = jnp.array([[1.0, 0.5], [3.0, 1.0]])
    expected = [1.5, 6.0]

    assert f(points).tolist() == expected
    assert f(tuple(points.T)).tolist() == expected
    assert f(points[None]).tolist() == [expected]
    assert f(points[0]).tolist() == expected[:1]
    assert f(points.ravel()).tolist() == expected
    assert f(points, method="nearest").tolist() == [0.0, 2.0]


def test_a_place_that_is_nan_has_no_value():
    f = RegularGridInterpolator((LINE,), LINE, method="nearest", fill_value=0.0)

    assert np.isnan(f(jnp.array([np.nan]))).all()


def test_a_grid_of_one_point_is_known_there_only():
    f = RegularGridInterpolator((LINE[1:2],), LINE[2:])

    np.testing.assert_array_equal(f(jnp.array([[2.0], [2.5]])), [6.0, np.nan])


def test_of_equally_near_codes_the_first_one_counts():
    codes, distances = vq(jnp.array([1.0, 4.0]), jnp.array([2.0, 0.0, 6.0, 2.0]))

    assert (codes.tolist(), distances.tolist()) == ([0, 0], [1.0, 2.0])


def test_complex_features_have_two_parts():
    codes, distances = vq(jnp.array([3 + 4j]), jnp.array([3 + 10j, 0j]))

    assert (codes.tolist(), distances.tolist()) == ([1], [5.0])


def test_a_distance_of_zero_has_the_derivative_zero():
    slope = dc.grad(lambda x: vq(x, LINE)[1].sum())(jnp.array([2.0, 7.0]))

    assert slope.tolist() == [0.0, 1.0]


def test_codes_are_int32_and_distances_floating_point():
    codes, distances = vq(np.array([[1, 5]]), np.array([[0, 0], [1, 4]]))

    assert (codes.dtype, distances.dtype) == (jnp.int32, jnp.float32)
    assert (codes.tolist(), distances.tolist()) == ([1], [1.0])


def test_what_is_not_supported_is_told():
    calls = [
        lambda: map_coordinates(LINE, [LINE], 2),
        lambda: map_coordinates(LINE, [LINE], 1, mode="grid-wrap"),
        lambda: RegularGridInterpolator((LINE,), LINE, bounds_error=True),
    ]
    for call in calls:
        with pytest.raises(NotImplementedError):
            call()


NAME = "RegularGridInterpolator"
ERRORS = [
    (
        lambda: map_coordinates(PLATE, [LINE], 1),
        ValueError,
        "map_coordinates: `coordinates` must have an entry for each of 2 axes of "
        "`input`, got 1.",
    ),
    (
        lambda: map_coordinates(LINE, [LINE * 1j], 1),
        TypeError,
        "map_coordinates: `coordinates` must be real, got c64[3].",
    ),
    (
        lambda: map_coordinates(LINE, [LINE], 1, cval=1j),
        ValueError,
        "map_coordinates: `cval` must be a number, real for real `input`, got ~c64[].",
    ),
    (
        lambda: map_coordinates(PLATE, [LINE, LINE[:2]], 1),
        ValueError,
        "map_coordinates: operands don't broadcast: f32[3], f32[2] (3 != 2 in axis "
        "-1).\n"
        "Sizes of an axis, counted from the last, must be equal or 1; insert axes with "
        "`x[:, None]` or `expand_dims`.",
    ),
    (
        lambda: map_coordinates(LINE[:0], [LINE], 1),
        ValueError,
        "map_coordinates: `input` must not be empty, got f32[0].",
    ),
    (
        lambda: RegularGridInterpolator((LINE,), LINE, method="cubic"),
        ValueError,
        f"{NAME}: `method` must be 'linear' or 'nearest', got 'cubic'.",
    ),
    (
        lambda: RegularGridInterpolator((LINE,) * 2, LINE),
        ValueError,
        f"{NAME}: `points` must not have more entries than `values` axes: 2 > 1.",
    ),
    (
        lambda: RegularGridInterpolator((LINE[:2],), LINE),
        ValueError,
        f"{NAME}: `points[0]` must have one axis of as many elements as `values` has "
        "along axis 0, 3, at least 1; got f32[2].",
    ),
    (
        lambda: RegularGridInterpolator((LINE[::-1],), LINE),
        ValueError,
        f"{NAME}: `points[0]` must be strictly ascending.",
    ),
    (
        lambda: RegularGridInterpolator((LINE[[0, 1, 1]],), LINE),
        ValueError,
        f"{NAME}: `points[0]` must be strictly ascending.",
    ),
    (
        lambda: RegularGridInterpolator((LINE,), LINE, fill_value=np.complex64(1)),
        ValueError,
        f"{NAME}: `fill_value` must be real as `values` are, got c64[].",
    ),
    (
        lambda: RegularGridInterpolator(GRID, PLATE)(PLATE.T),
        ValueError,
        f"{NAME}: `xi` must have 2 coordinates along its last axis, got f32[2,3].",
    ),
    (
        lambda: RegularGridInterpolator(GRID, PLATE)([[0.0, 1.0]]),
        TypeError,
        f"{NAME}: `xi` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: vq(LINE, PLATE),
        ValueError,
        "vq: `obs` and `code_book` must have one axis, or both two: `obs` is f32[3], "
        "`code_book` is f32[3,2].",
    ),
    (
        lambda: vq(PLATE, PLATE.T),
        ValueError,
        "vq: `obs` and `code_book` must have equally many features: `obs` is f32[3,2], "
        "`code_book` is f32[2,3].",
    ),
    (
        lambda: vq(PLATE, PLATE[:0]),
        ValueError,
        "vq: `code_book` must not be empty: `obs` is f32[3,2], `code_book` is "
        "f32[0,2].",
    ),
    (
        lambda: integrate.trapezoid([1.0]),
        TypeError,
        "trapezoid: `y` must be an array or a scalar, got list.\n"
        "Convert it with `jnp.array(...)` first.",
    ),
]


@pytest.mark.parametrize(("call", "error", "expected"), ERRORS)
def test_wrong_arguments_are_told(call, error, expected):
    with pytest.raises(error) as caught:
        call()

    lines = str(caught.value).splitlines()
    assert "\n".join(s for s in lines if not s.startswith("  at ")) == expected

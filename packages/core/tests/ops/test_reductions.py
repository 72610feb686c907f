import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax


def test_axis_out_of_range_is_refused():
    with pytest.raises(ValueError) as error:
        lax.reduce_sum(np.zeros((2, 3), "f4"), (2,))

    assert str(error.value).splitlines()[0] == (
        "reduce_sum: `axes` must be between -2 and 1 for an operand with 2 axes, got 2."
    )


def test_index_of_an_empty_axis_is_refused():
    with pytest.raises(ValueError) as error:
        lax.argmax(np.zeros((2, 0), "f4"), 1, "int32")

    assert str(error.value).splitlines()[0] == (
        "argmax: the axis must not be empty, got axis 1 of f32[2,0]."
    )


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
def test_equal_extrema_share_the_derivative(function):
    x = np.float32([1, 1, 1, 1])

    got = dc.grad(lambda x: function(x, (0,)))(x)

    np.testing.assert_array_equal(got, [0.25, 0.25, 0.25, 0.25])


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32", "float64"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_extremum_of_many_elements_with_nan_is_nan(function, dtype, axes):
    # XLA gives reductions of so many elements to another library on CPUs.
    x = np.ones((64, 128), dtype)
    x[5, 7] = np.nan

    with dc.enable_x64(True):
        got = function(x, axes)

    has_nan = np.isnan(x).any(axes)
    np.testing.assert_array_equal(np.isnan(np.float32(got)), has_nan)
    np.testing.assert_array_equal(np.float32(got)[~has_nan], 1)


@pytest.mark.parametrize(
    ("function", "expected"), [(lax.reduce_max, np.inf), (lax.reduce_min, -np.inf)]
)
def test_extremum_of_many_elements_with_both_infinities_is_one(function, expected):
    x = np.ones(4096, np.float32)
    x[[17, 2000]] = np.inf, -np.inf

    assert function(x, (0,)) == expected


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
def test_extremum_with_nan_is_nan(function):
    assert np.isnan(function(np.float32([1, np.nan, 2]), (0,)))


@pytest.mark.parametrize(
    ("dtype", "least", "greatest"),
    [
        ("float32", -np.inf, np.inf),
        ("int8", -128, 127),
        ("uint8", 0, 255),
        ("bool", False, True),
    ],
)
def test_extrema_of_nothing_are_the_limits_of_the_dtype(dtype, least, greatest):
    x = np.zeros(0, dtype)

    assert lax.reduce_max(x, (0,)) == least
    assert lax.reduce_min(x, (0,)) == greatest


def test_complex_extremum_is_lexicographic():
    x = np.complex64([1 + 2j, 1 + 3j, 0 + 9j])

    assert lax.reduce_max(x, (0,)) == 1 + 3j
    assert lax.reduce_min(x, (0,)) == 9j


def test_second_derivative_of_a_product_with_zeros():
    x = np.float32([0.0, 0.0, 2.0])

    got = dc.hessian(lambda x: lax.reduce_prod(x, (0,)))(x)

    np.testing.assert_array_equal(got, [[0, 2, 0], [2, 0, 0], [0, 0, 0]])


def test_reduction_by_a_known_function_is_that_reduction():
    def total(x):
        return lax.reduce(x, np.float32(1), lax.add, (0,))

    x = np.float32([1, 2, 3])

    assert total(x) == 7
    np.testing.assert_array_equal(dc.grad(total)(x), [1, 1, 1])


def test_reduction_by_another_function_has_no_derivative():
    def norm(x):
        return lax.reduce(x, np.float32(0), lambda a, b: a + b * 2 - b, (0,))

    with pytest.raises(NotImplementedError) as error:
        dc.grad(norm)(np.float32([1, 2]))

    assert str(error.value).startswith(
        "reduce: a reduction by a function other than `lax.add`, `lax.mul`, `lax.max` "
        "or `lax.min` has no derivative."
    )


def test_init_of_another_dtype_is_refused():
    with pytest.raises(TypeError) as error:
        lax.reduce(np.float32([1]), np.int32(0), lax.add, (0,))

    assert str(error.value).splitlines()[0] == (
        "reduce: each of `init_values` must be a scalar of its operand's dtype, got "
        "i32[] for f32[1]."
    )

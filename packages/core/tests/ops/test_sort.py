import numpy as np
import pytest

from dolmen.core import lax


def test_nan_of_either_sign_comes_last():
    x = np.float32([np.nan, 0.5, -np.inf, -np.nan, np.inf, -0.5])

    got = lax.sort(x)

    np.testing.assert_array_equal(got, [-np.inf, -0.5, 0.5, np.inf, np.nan, np.nan])


def test_keys_that_are_zeros_of_either_sign_are_equal():
    keys = np.float32([0.0, -0.0, 1.0, -0.0])

    _, places = lax.sort((keys, np.arange(4, dtype=np.int32)))

    np.testing.assert_array_equal(places, [0, 1, 3, 2])


def test_numbers_of_keys_must_fit_the_operands():
    with pytest.raises(ValueError) as error:
        lax.sort((np.zeros(3, "f4"),), num_keys=2)

    assert str(error.value).splitlines()[0] == (
        "sort: `num_keys` must be between 1 and the number of operands (1), got 2."
    )


def test_operands_of_different_shapes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.sort((np.zeros(3, "f4"), np.zeros(2, "f4")))

    assert str(error.value).splitlines()[0] == (
        "sort: operands must have equal shapes, got f32[3], f32[2]."
    )


def test_more_elements_than_there_are_are_refused():
    with pytest.raises(ValueError) as error:
        lax.top_k(np.zeros((2, 3), "f4"), 4)

    assert str(error.value).splitlines()[0] == (
        "top_k: `k` must be between 0 and the size of the axis, got k=4 for axis 1 of "
        "f32[2,3]."
    )


def test_nan_is_the_largest_element():
    values, indices = lax.top_k(np.float32([1, np.nan, 3]), 2)

    np.testing.assert_array_equal(values, [np.nan, 3])
    np.testing.assert_array_equal(indices, [1, 2])

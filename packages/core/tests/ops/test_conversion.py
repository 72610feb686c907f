import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax


def test_numpy_array_becomes_an_array_though_nothing_is_converted():
    got = lax.convert_element_type(np.zeros(3), "float32")

    assert isinstance(got, dc.Array)
    assert got.dtype == np.float32


def test_dtype_makes_a_python_scalar_strong():
    assert not lax.convert_element_type(1.0, "float32").weak_type


def test_floats_out_of_range_become_the_nearest_integer():
    x = np.float32([300, -5, 1e20, -1e20])

    np.testing.assert_array_equal(
        lax.convert_element_type(x, "uint8"), [255, 0, 255, 0]
    )
    np.testing.assert_array_equal(
        lax.convert_element_type(x, "int32"), [300, -5, 2**31 - 1, -(2**31)]
    )


def test_bits_of_wider_elements_need_a_last_axis_of_their_ratio():
    with pytest.raises(ValueError) as error:
        lax.bitcast_convert_type(np.zeros(3, np.int8), "int32")

    assert str(error.value).splitlines()[0] == (
        "bitcast_convert_type: to become i32 the last axis must have size 4, got i8[3]."
    )


def test_bits_of_booleans_are_refused():
    with pytest.raises(TypeError) as error:
        lax.bitcast_convert_type(np.zeros(3, bool), "int8")

    assert str(error.value).splitlines()[0] == (
        "bitcast_convert_type: expected integer or floating-point dtypes, got bool[3] "
        "to become i8."
    )


def test_gradient_stops():
    def function(tree):
        stopped = lax.stop_gradient(tree)
        return stopped["x"] * tree["x"]

    assert dc.grad(function)({"x": 3.0, "n": 2.0}) == {"x": 3.0, "n": 0.0}


def test_precision_without_exponent_is_refused():
    with pytest.raises(ValueError) as error:
        lax.reduce_precision(1.0, 0, 3)

    assert str(error.value).splitlines()[0] == (
        "reduce_precision: expected at least 1 bit of exponent and 0 of mantissa, got "
        "exponent_bits=0, mantissa_bits=3."
    )


@pytest.mark.parametrize(
    ("dtype", "name"), [("complex64", "c64"), ("float16", "f16"), ("int32", "i32")]
)
def test_parts_of_complex_numbers_are_of_single_or_double_precision(dtype, name):
    with pytest.raises(TypeError) as error:
        lax.complex(np.ones(2, dtype), np.ones(2, dtype))

    lines = str(error.value).splitlines()
    assert lines[0] == f"complex: the parts must be float32 or float64, got {name}[2]."
    assert lines[-1] == "Convert them with `.astype(...)` first."

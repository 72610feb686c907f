"""Parts of floating-point numbers: subnormal ones, signs of zeros, derivatives."""

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dolmen.core import enable_x64, grad, numpy as jnp

SUBNORMAL = {"float32": [1e-45, -2e-39], "float64": [5e-324, -1e-310]}


@pytest.mark.parametrize("dtype", SUBNORMAL)
@pytest.mark.parametrize("name", ["frexp", "modf", "spacing"])
def test_parts_of_subnormal_numbers_are_not_lost(name, dtype):
    x = np.array(SUBNORMAL[dtype], dtype)

    with enable_x64(True):
        made = getattr(jnp, name)(x)

    assert_array_equal(made, getattr(np, name)(x))


def test_fractions_of_whole_numbers_keep_the_sign():
    fraction, _ = jnp.modf(np.array([-3.0, -0.0, -np.inf, 3.0, 0.0, np.inf]))

    assert np.signbit(fraction).tolist() == [True] * 3 + [False] * 3


def test_the_fraction_rises_as_its_number_does():
    slopes = [grad(lambda x: jnp.modf(x)[0])(x) for x in (-3.0, -0.5, 0.0, 2.5, 3.0)]

    assert slopes == [1.0] * 5


def test_the_mantissa_has_the_slope_of_its_power_of_two():
    assert grad(lambda x: jnp.frexp(x)[0])(3.0) == 0.25


@pytest.mark.parametrize("exponent", [-(2**31), -150, 127, 129, 2**31 - 1])
def test_any_exponent_scales_or_leaves_the_range(exponent):
    x = np.array([1.0, 2.0**-100, 2.0**100], np.float32)

    made = jnp.ldexp(x, np.int32(exponent))

    with np.errstate(over="ignore"):
        expected = np.ldexp(x, exponent)
    smallest = np.finfo(np.float32).tiny
    assert_array_equal(made, np.where(expected < smallest, 0, expected))


def test_unsigned_exponents_are_not_taken_for_negative_ones():
    assert jnp.ldexp(np.float32(1), np.uint32(2**32 - 1)) == np.inf


ERRORS = {
    "frexp: `x` must be real numbers, got ~c64[].": lambda: jnp.frexp(1j),
    "modf: `x` must be real numbers, got ~c64[].": lambda: jnp.modf(1j),
    "spacing: `x` must be real numbers, got ~c64[].": lambda: jnp.spacing(1j),
    "ldexp: `x1` must be real numbers, got ~c64[].": lambda: jnp.ldexp(1j, 2),
    "ldexp: `x2` must be integers, got ~f32[].": lambda: jnp.ldexp(1.0, 2.0),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_dtypes_are_told(problem):
    with pytest.raises(TypeError) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem

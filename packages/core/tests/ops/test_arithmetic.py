import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax, numpy as jnp


def test_operands_of_different_dtypes_are_refused():
    with pytest.raises(TypeError) as error:
        lax.add(np.float32(1), np.int32(1))

    lines = str(error.value).splitlines()
    assert lines[0] == "add: operands must have equal dtypes, got f32[], i32[]."
    assert lines[1].startswith("  at ")
    assert lines[2] == (
        "Convert one with `.astype(...)`, or use the function of `dolmen.core.numpy`, "
        "which promotes."
    )


def test_operands_of_different_shapes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.mul(np.zeros(3, "float32"), np.zeros((2, 3), "float32"))

    lines = str(error.value).splitlines()
    assert lines[0] == (
        "mul: operands must have equal shapes (or none), got f32[3], f32[2,3]."
    )
    assert lines[2] == (
        "Broadcast them first, or use the function of `dolmen.core.numpy`, which "
        "broadcasts."
    )


def test_booleans_can_not_be_subtracted():
    with pytest.raises(TypeError) as error:
        lax.sub(True, True)

    assert str(error.value).splitlines()[0] == (
        "sub: expected a signed integer or unsigned integer or floating-point or "
        "complex operand, got bool[]."
    )


def test_negative_power_of_integers_is_refused():
    with pytest.raises(TypeError) as error:
        lax.integer_pow(np.int32(2), -1)

    assert str(error.value).splitlines()[0] == (
        "integer_pow: a negative exponent needs a floating-point or complex operand, "
        "got i32[] to the power -1."
    )


def test_python_scalars_stay_weak_only_among_themselves():
    assert lax.add(1.0, 2.0).weak_type
    assert not lax.add(1.0, np.float32(2)).weak_type


@pytest.mark.parametrize("function", [lax.max, lax.min])
def test_equal_operands_share_the_derivative(function):
    gradients = dc.grad(function, (0, 1))(2.0, 2.0)

    assert gradients == (0.5, 0.5)


@pytest.mark.parametrize("function", [lax.max, lax.min])
def test_nan_wins(function):
    x = np.float32([np.nan, 1, np.nan])
    y = np.float32([1, np.nan, np.nan])

    assert np.isnan(function(x, y)).all()


@pytest.mark.parametrize(
    ("x", "slope"), [(2.0, 1.0), (0.0, 1.0), (-0.0, 1.0), (-2.0, -1.0), (0j, 0j)]
)
def test_absolute_value_has_the_derivative_from_the_right_at_zero(x, slope):
    assert dc.grad(lax.abs)(x) == slope


def test_products_are_computed_in_a_dtype_that_is_given():
    x = np.full(2, 100, np.int8)

    got = lax.mul(x, np.float32(100), out_dtype="int32")
    slope = dc.grad(lambda x: lax.mul(x, x, out_dtype="float32"))(jnp.bfloat16(3))

    assert (got.dtype, got.tolist()) == ("int32", [10000, 10000])
    assert (slope.dtype, slope) == ("bfloat16", 6)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        # d/dx and d/dy at the corners of x**y
        (0.0, 1.0, (1.0, 0.0)),
        (0.0, 0.0, (0.0, 0.0)),
        (0.0, 2.0, (0.0, 0.0)),
        (-2.0, 2.0, (-4.0, np.nan)),
        (2.0, 0.0, (0.0, np.log(2.0))),
    ],
)
def test_derivatives_of_powers_at_corners(x, y, expected):
    got = dc.grad(lax.pow, (0, 1))(x, y)

    np.testing.assert_allclose(got, expected, rtol=1e-6)


def test_derivative_of_the_sign_of_a_complex_zero_is_finite():
    _, tangent = dc.jvp(lax.sign, (np.complex64(0),), (np.complex64(1),))

    assert np.isfinite(tangent)


def test_sum_and_product_of_booleans_are_their_disjunction_and_conjunction():
    x, y = np.array([True, True, False]), np.array([True, False, False])

    np.testing.assert_array_equal(lax.add(x, y), x | y)
    np.testing.assert_array_equal(lax.mul(x, y), x & y)


def test_products_of_python_numbers_stay_weak():
    weak = lax.mul(1.0, 2.0, out_dtype="float32")
    strong = lax.mul(np.float32(1), 2.0, out_dtype="float32")

    assert (weak.weak_type, strong.weak_type) == (True, False)


@pytest.mark.parametrize(
    ("dtype", "bits"), [("int64", 64), ("uint64", 64), ("int4", 4)]
)
def test_high_halves_of_extremes_are_exact(dtype, bits):
    low, high = int(ml_dtypes.iinfo(dtype).min), int(ml_dtypes.iinfo(dtype).max)
    numbers = [low, low + 1, high, high - 1, high // 3, 3]
    pairs = [(x, y) for x in numbers for y in numbers]

    with dc.enable_x64(True):
        x, y = (
            np.array(part, object).astype(dtype) for part in zip(*pairs, strict=True)
        )
        got = np.asarray(lax.mulhi(x, y))

    assert [int(z) for z in got] == [(x * y) >> bits for x, y in pairs]

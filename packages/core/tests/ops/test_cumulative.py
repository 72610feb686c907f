import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"), [((5000,), 0), ((3, 1100, 2), 1), ((65, 300), 0), ((2, 131), 1)]
)
def test_long_axes_are_scanned_in_blocks(shape, axis, reverse):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.int32)
    ahead = np.flip(x, axis) if reverse else x
    expected = np.cumsum(ahead, axis)
    expected = np.flip(expected, axis) if reverse else expected

    got = lax.cumsum(x, axis, reverse)

    np.testing.assert_array_equal(got, expected)


def test_bfloat16_is_summed_in_float32():
    ones = np.ones(3000, ml_dtypes.bfloat16)

    got = lax.cumsum(ones)

    # In bfloat16 the sum would stay at 256; 3000 rounds to 3008.
    assert got.dtype == ml_dtypes.bfloat16
    assert float(got[-1]) == 3008


def test_gradient_of_a_product_is_exact_at_zeros():
    x = np.float32([2.0, 0.0, 3.0])

    got = dc.jacrev(lax.cumprod)(x)

    np.testing.assert_array_equal(got, [[1, 0, 0], [0, 2, 0], [0, 6, 0]])


def test_latest_of_equal_maxima_gets_the_derivative():
    x = np.float32([1, 3, 3, 2])

    got = dc.grad(lambda x: lax.cumsum(lax.cummax(x))[-1])(x)

    np.testing.assert_array_equal(got, [1, 1, 2, 0])


def test_log_sum_exp_of_minus_infinity_has_derivative_zero():
    x = np.float32([-np.inf, -np.inf, 0.0])

    got = dc.jacfwd(lax.cumlogsumexp)(x)

    np.testing.assert_array_equal(lax.cumlogsumexp(x), [-np.inf, -np.inf, 0])
    np.testing.assert_array_equal(got, [[0, 0, 0], [0, 0, 0], [0, 0, 1]])


def test_log_sum_exp_does_not_overflow():
    x = np.float32([-1e4, 1e4, 1e4])

    got = lax.cumlogsumexp(x)

    np.testing.assert_allclose(got, [-1e4, 1e4, 1e4 + np.log(2)])


def test_scalar_is_refused():
    with pytest.raises(ValueError) as error:
        lax.cumsum(1.0)

    assert str(error.value).splitlines()[0] == (
        "cumsum: expected an operand with at least one axis, got ~f32[]."
    )

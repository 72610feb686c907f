import time

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax
from dolmen.core._ops._cumulative import linear_recurrence


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        ((300, 9), 1),  # windows
        *(((100,), 0), ((2, 131), 1)),  # one block in parts
        *(((65, 300), 0), ((9, 100), 1), ((3000, 7), 1)),  # rows side by side
        *(((5000,), 0), ((40001,), 0), ((3, 1100, 2), 1)),  # blocks in parts
        ((600, 301), 0),  # blocks of a part of each row
    ],
)
def test_long_axes_are_scanned_in_blocks(shape, axis, reverse):
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.int32)
    ahead = np.flip(x, axis) if reverse else x
    expected = np.cumsum(ahead, axis)
    expected = np.flip(expected, axis) if reverse else expected

    got = lax.cumsum(x, axis, reverse)

    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("reverse", [False, True])
def test_long_recurrences_are_solved_in_blocks(reverse):
    rng = np.random.default_rng(0)
    a, b = rng.uniform(-0.9, 0.9, 40001), rng.normal(size=40001)
    order = slice(None, None, -1) if reverse else slice(None)
    h, expected = 0.0, []
    for factor, term in zip(a[order], b[order], strict=True):
        h = factor * h + term
        expected.append(h)

    got = linear_recurrence(np.float32(a), np.float32(b), 0, reverse)

    np.testing.assert_allclose(got, expected[order], rtol=1e-5, atol=1e-5)


def test_long_sums_are_more_accurate_than_those_from_left_to_right():
    x = np.float32(np.random.default_rng(0).normal(size=1_000_000))
    exact = np.cumsum(x, dtype=np.float64)

    got = lax.cumsum(x)

    error, from_left = np.abs(got - exact).max(), np.abs(np.cumsum(x) - exact).max()
    assert error < from_left / 4


def test_sums_of_what_is_not_negative_never_decrease():
    x = np.float32(np.random.default_rng(0).uniform(size=100_003))

    got = np.asarray(lax.cumsum(x))

    assert np.diff(got).min() >= 0


def test_steps_of_a_long_scan_cost_nanoseconds():
    x = np.ones(1_000_000, np.float32)
    scan = dc.jit(lax.cumsum)
    scan(x).block_until_ready()

    times = []
    for _ in range(5):
        started = time.perf_counter()
        scan(x).block_until_ready()
        times.append(time.perf_counter() - started)

    # About 2 ms, since XLA compiles the innermost loop whole. If it ran each operation
    # of a step by itself, at about a microsecond, it would be 500 ms.
    assert min(times) < 0.1


@pytest.mark.parametrize("scan", [lax.cummax, lax.cummin, lax.cumlogsumexp])
def test_nan_stays_from_block_to_block(scan):
    x = np.zeros(40001, np.float32)
    x[20000] = np.nan

    got = np.asarray(scan(x))

    assert not np.isnan(got[:20000]).any()
    assert np.isnan(got[20000:]).all()


def test_scans_compile_inside_loops_and_branches():
    def step(carry, x):
        summed = lax.cond(x[0] > 0, lax.cumsum, lax.cumprod, x)
        return carry + summed, summed[-1]

    xs = np.float32([np.full(700, 1.0), np.full(700, -1.0)])

    carry, last = dc.jit(lambda xs: lax.scan(step, np.zeros(700, np.float32), xs))(xs)

    np.testing.assert_array_equal(last, [700, 1])
    np.testing.assert_array_equal(carry[:4], [0, 3, 2, 5])


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

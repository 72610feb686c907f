"""Which reductions run as one operation, and what windows refuse."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import equations, problem

X = np.random.default_rng(0).permutation(24).reshape(4, 6).astype(np.float32)


@pytest.mark.parametrize(
    ("init", "computation"),
    [
        (0.0, lax.add),
        (-np.inf, lax.max),
        (np.inf, lax.min),
        (0.0, lambda a, b: lax.add(b, a)),
    ],
)
def test_known_reductions_are_one_operation(init, computation):
    names = equations(lambda x: lax.reduce_window(x, init, computation, (2, 2)), X)

    assert len(names) == 1
    assert names[0].startswith("reduce_window_")


def test_any_other_computation_works_and_has_a_derivative():
    def pooled(x):
        return lax.reduce_window(x, 1.0, lax.mul, (2, 3), (2, 3))

    expected = X.reshape(2, 2, 2, 3).prod((1, 3))
    np.testing.assert_allclose(pooled(X), expected)

    gradient = dc.grad(lambda x: lax.reduce_sum(pooled(x), (0, 1)))(X)
    rest = np.prod([X[0, 1], X[0, 2], *X[1, :3]])
    np.testing.assert_allclose(np.asarray(gradient)[0, 0], rest)


def test_first_of_equal_elements_has_the_derivative_of_the_maximum():
    x = np.float32([1, 2, 2, 0])

    gradient = dc.grad(
        lambda x: lax.reduce_sum(lax.reduce_window(x, -np.inf, lax.max, (4,)), (0,))
    )(x)

    np.testing.assert_array_equal(gradient, [0, 1, 0, 0])


def test_integers_start_from_their_own_extremes():
    x = np.array([[3, -7], [5, 1]], np.int8)

    got = lax.reduce_window_max(x, (1, 2), padding=((0, 0), (1, 0)))

    np.testing.assert_array_equal(got, [[3, 3], [5, 5]])


def test_gradient_of_average_pooling_slides_no_second_window():
    def loss(x):
        return lax.reduce_sum(lax.reduce_window_sum(x, (2, 3), (2, 3)), (0, 1))

    program = dc.make_jaxpr(dc.grad(loss))(X).jaxpr

    names = [equation.primitive.name for equation in program.equations]
    assert names.count("reduce_window_sum") == 1


def test_init_value_of_another_dtype_is_refused():
    with pytest.raises(TypeError) as error:
        lax.reduce_window(X, np.int32(0), lax.add, (2, 2))
    assert problem(error) == (
        "reduce_window: initial values must have the dtype of their operand, got i32[] "
        "for f32[4,6].\nConvert it with `.astype(...)` first."
    )


def test_window_must_name_every_axis():
    with pytest.raises(ValueError) as error:
        lax.reduce_window_max(X, (2,))
    assert problem(error) == (
        "reduce_window: expected one window size, stride and dilation for each of the "
        "2 axes of f32[4,6], got window_dimensions=(2,), window_strides=(1, 1), "
        "base_dilation=(1, 1), window_dilation=(1, 1)."
    )


# ---- windows over trees --------------------------------------------------------------


def larger(a, b):
    """The larger value and where it is, of two pairs."""
    wins = lax.ge(a[0], b[0])
    return tuple(lax.select(wins, x, y) for x, y in zip(a, b, strict=True))


def largest_and_place(x):
    places = lax.iota("int32", 6)
    return lax.reduce_window((x, places), (-np.inf, -1), larger, (2,), (2,))


def test_windows_over_several_arrays_at_once():
    x = np.float32([1, 5, 2, 2, 9, -1])

    values, places = largest_and_place(x)
    slope = dc.grad(lambda x: lax.reduce_sum(largest_and_place(x)[0], (0,)))(x)
    lanes = dc.vmap(largest_and_place)(np.stack([x, -x]))[1]

    assert (values.tolist(), places.tolist()) == ([5, 2, 9], [1, 2, 4])
    assert slope.tolist() == [0, 1, 1, 0, 1, 0]
    assert lanes.tolist() == [[1, 2, 4], [0, 2, 5]]


def test_windows_over_arrays_of_different_shapes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.reduce_window((np.ones(2), np.ones(3)), (0.0, 0.0), larger, (2,))
    assert problem(error) == (
        "reduce_window: operands must have equal shapes, got f32[2], f32[3]."
    )


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(1, 0), (0, 2)]])
def test_shapes_are_those_of_window_reductions(padding):
    x = np.ones((5, 6), np.float32)
    options = ((2, 3), (1, 2), padding, (1, 2), (2, 1))

    made = lax.reduce_window(x, 0.0, lax.add, *options)

    assert made.shape == lax.reduce_window_shape_tuple(x.shape, *options)


def test_elements_are_combined_in_their_order():
    """Functions t -> a t + b are composed: associative, not commutative."""

    def composed(f, g):
        return f[0] * g[0], f[0] * g[1] + f[1]

    rng = np.random.default_rng(1)
    a, b = rng.uniform(0.5, 1.5, (2, 6, 9))
    with dc.enable_x64(True):
        made = lax.reduce_window((a, b), (1.0, 0.0), composed, (2, 7), (1, 2))

    for i, j in np.ndindex(5, 2):
        expected = (1.0, 0.0)
        for m, n in np.ndindex(2, 7):
            place = i + m, 2 * j + n
            expected = composed(expected, (a[place], b[place]))
        np.testing.assert_allclose([x[i, j] for x in made], expected, rtol=1e-12)


@pytest.mark.parametrize("size", range(1, 10))
def test_windows_of_every_size_by_doubling(size):
    x = np.random.default_rng(0).uniform(0.5, 1.5, 20).astype(np.float32)

    got = lax.reduce_window(x, 1.0, lax.mul, (size,), (3,), window_dilation=(2,))

    last = 20 - 2 * (size - 1)
    expected = [x[i : i + 2 * size - 1 : 2].prod() for i in range(0, last, 3)]
    np.testing.assert_allclose(got, expected, rtol=1e-5)


def test_windows_larger_than_the_array_have_no_positions():
    got = lax.reduce_window(X, 1.0, lax.mul, (5, 2))

    assert got.shape == (0, 5)


def test_a_window_of_a_scalar_is_the_scalar():
    assert lax.reduce_window(np.float32(3), 2.0, lax.mul, ()) == 6


@pytest.mark.parametrize("function", [lax.max, lax.min])
def test_extrema_of_windows_that_do_not_overlap_keep_nan(function):
    # XLA makes plain reductions of so many of them on CPUs.
    x = np.ones((64, 64), np.float32)
    x[3, 17] = np.nan
    identity = -np.inf if function is lax.max else np.inf

    got = lax.reduce_window(x, np.float32(identity), function, (8, 8), (8, 8), "VALID")

    expected = np.ones((8, 8))
    expected[0, 2] = np.nan
    np.testing.assert_array_equal(got, expected)

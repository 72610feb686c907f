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
        "reduce_window: `init_value` must be a scalar of the operand's dtype, got "
        "i32[] for f32[4,6]."
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
        "reduce_window: expected arrays of one shape and an `init_value` for each of "
        "them, got (array([1., 1.]), array([1., 1., 1.])) and (0.0, 0.0)."
    )


@pytest.mark.parametrize("padding", ["SAME", "VALID", [(1, 0), (0, 2)]])
def test_shapes_are_those_of_window_reductions(padding):
    x = np.ones((5, 6), np.float32)
    options = ((2, 3), (1, 2), padding, (1, 2), (2, 1))

    made = lax.reduce_window(x, 0.0, lax.add, *options)

    assert made.shape == lax.reduce_window_shape_tuple(x.shape, *options)

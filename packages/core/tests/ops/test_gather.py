"""Gather and scatter beyond their rules: fill values, narrow indices, messages."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import problem

ELEMENTS = lax.GatherDimensionNumbers((), (0,), (0,))
WRITTEN = ELEMENTS.transposed()
PLACES = np.array([[1], [7]], np.int32)
PLACES_TWICE = np.array([[1], [1], [0]], np.int32)


@pytest.mark.parametrize(
    ("dtype", "fill"),
    [
        (np.float32, np.nan),
        (ml_dtypes.bfloat16, np.nan),
        (np.complex64, np.nan),
        (np.int8, -128),
        (np.int32, -(2**31)),
        (np.uint16, 2**16 - 1),
        (np.bool_, True),
    ],
)
def test_places_outside_are_filled_with_a_value_that_shows(dtype, fill):
    x = np.zeros(3, dtype)

    got = np.asarray(lax.gather(x, PLACES, ELEMENTS, (1,)))

    assert got.dtype == dtype
    np.testing.assert_array_equal(got.astype(np.complex128), [0, complex(fill)])


def test_equal_gathers_that_fill_with_nan_are_compiled_once():
    x = np.zeros(3, np.float32)

    def primitive(fill):
        program = dc.make_jaxpr(
            lambda x: lax.gather(x, PLACES, ELEMENTS, (1,), fill_value=fill)
        )(x).jaxpr
        return program.equations[-1].primitive

    assert primitive(float("nan")) is primitive(np.float32("nan"))


@pytest.mark.parametrize("mode", ["clip", "fill"])
def test_narrow_indices_reach_sizes_beyond_their_range(mode):
    x = np.arange(1000, dtype=np.float32)
    places = np.array([[5], [127]], np.int8)

    got = lax.gather(x, places, ELEMENTS, (1,), mode=mode)

    np.testing.assert_array_equal(got, [5, 127])


def test_unsigned_indices_are_never_inside_when_too_large():
    x = np.arange(3, dtype=np.float32)
    places = np.array([[2**32 - 1], [1]], np.uint32)

    got = lax.gather(x, places, ELEMENTS, (1,), mode="fill", fill_value=-5)

    np.testing.assert_array_equal(got, [-5, 1])


def test_losing_updates_get_no_gradient():
    def loss(updates):
        made = lax.scatter(np.zeros(3, np.float32), PLACES_TWICE, updates, WRITTEN)
        return lax.reduce_sum(lax.mul(made, np.float32([2, 3, 4])), (0,))

    updates = np.float32([5, 6, 7])
    made = lax.scatter(np.zeros(3, np.float32), PLACES_TWICE, updates, WRITTEN)
    winner = updates.tolist().index(float(np.asarray(made)[1]))

    got = np.asarray(dc.grad(loss)(updates))

    expected = np.float32([0, 0, 2])
    expected[winner] = 3
    np.testing.assert_array_equal(got, expected)


def test_ties_of_scatter_max_share_the_gradient():
    def result(x, updates):
        places = np.zeros((2, 1), np.int32)
        return lax.scatter_max(x, places, updates, WRITTEN)

    _, pull = dc.vjp(result, np.float32([1]), np.float32([1, 1]))
    of_x, of_updates = pull(np.float32([3]))

    np.testing.assert_allclose(of_x, [1])
    np.testing.assert_allclose(of_updates, [1, 1])


def test_derivative_of_repeated_products_is_refused():
    def product(updates):
        made = lax.scatter_mul(np.ones(3, np.float32), PLACES, updates, WRITTEN)
        return lax.reduce_sum(made, (0,))

    with pytest.raises(NotImplementedError) as error:
        dc.grad(product)(np.ones(2, np.float32))
    assert str(error.value) == (
        "scatter_mul: the derivative with respect to `updates` is defined for "
        "unique_indices=True only, because repeated places multiply each other's "
        "updates."
    )


def test_scatter_apply_refuses_to_close_over_arrays():
    array = lax.full((), 2.0)

    with pytest.raises(ValueError) as error:
        lax.scatter_apply(
            np.ones(3, np.float32),
            PLACES,
            lambda x: lax.mul(x, array),
            WRITTEN,
            update_shape=(2,),
        )
    assert problem(error) == (
        "scatter_apply: `func` must not close over arrays.\n"
        "Gather the elements, apply `func` to them and scatter the results."
    )


def test_unknown_mode_is_refused():
    with pytest.raises(ValueError) as error:
        lax.gather(np.ones(3), PLACES, ELEMENTS, (1,), mode="wrap")
    assert problem(error) == (
        "`mode` must be 'clip', 'fill', 'drop', 'promise_in_bounds' or a "
        "`lax.GatherScatterMode`, got 'wrap'."
    )


def test_float_indices_are_refused():
    with pytest.raises(TypeError) as error:
        lax.gather(np.ones(3, np.float32), PLACES.astype(np.float32), ELEMENTS, (1,))
    assert problem(error) == (
        "gather: indices must be integers, got f32[2,1].\n"
        "Convert them with `.astype(jnp.int32)`."
    )


def test_updates_of_the_wrong_shape_are_refused():
    with pytest.raises(ValueError) as error:
        lax.scatter_add(
            np.ones(3, np.float32),
            PLACES,
            np.ones(3, np.float32),
            WRITTEN,
        )
    assert problem(error) == (
        "scatter_add: `updates` must have the batch axes of the indices, (2,), and "
        "window axes at (), got f32[3]."
    )


@pytest.mark.parametrize(
    ("places", "axes", "expected"),
    [
        (([0, 2], [1, -1]), (0, 1), lambda x: x[[0, 2], [1, 3]]),
        (([1, 6],), (-1,), lambda x: x[:, [1, 2]].T),
        (([2, -4], [0, 1]), (1, 0), lambda x: x[[0, 1], [2, 0]]),
    ],
)
def test_parts_are_taken_at_places_that_wrap_around(places, axes, expected):
    x = np.arange(12.0, dtype=np.float32).reshape(3, 4)

    got = lax.index_take(x, [np.int32(p) for p in places], axes)

    np.testing.assert_array_equal(got, expected(x))


def test_places_along_other_axes_are_refused():
    with pytest.raises(ValueError) as error:
        lax.index_take(np.ones((2, 2)), [np.int32([0])], (0, 1))
    assert problem(error) == (
        "index_take: expected one vector of places for each of the axes (0, 1), got 1 "
        "of them."
    )

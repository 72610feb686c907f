"""Starts of slices: which are wrapped, clamped, refused."""

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax

from .test_shape import equations, problem

X = np.arange(20, dtype=np.int32).reshape(4, 5)


def test_slicing_by_a_traced_index_is_one_equation():
    names = equations(lambda x, i: lax.dynamic_slice(x, (i, 0), (1, 5)), X, np.int32(1))

    assert names == ["dynamic_slice"]


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint32])
def test_starts_of_any_integer_dtype_reach_beyond_their_own_range(dtype):
    x = np.arange(1000, dtype=np.float32)

    got = dc.jit(lambda x, i: lax.dynamic_slice(x, (i,), (2,)))(x, dtype(100))

    np.testing.assert_array_equal(got, [100, 101])


def test_starts_of_different_dtypes_may_mix():
    got = dc.jit(lambda x, i, j: lax.dynamic_slice(x, (i, j), (1, 2)))(
        X, np.int8(-1), np.uint32(9)
    )

    np.testing.assert_array_equal(got, [[18, 19]])


def test_negative_start_is_clamped_where_it_may_not_wrap():
    index = np.int32(-1)

    wrapped = lax.dynamic_index_in_dim(X, index, keepdims=False)
    clamped = lax.dynamic_index_in_dim(
        X, index, keepdims=False, allow_negative_indices=False
    )

    np.testing.assert_array_equal(wrapped, X[3])
    np.testing.assert_array_equal(clamped, X[0])


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_batched_operand_keeps_which_starts_wrap(axis):
    xs = np.arange(60, dtype=np.float32).reshape(3, 4, 5)

    def take(x, i, j):
        return lax.dynamic_slice(
            x, (i, j), (1, 1), allow_negative_indices=(True, False)
        )

    got = dc.jit(dc.vmap(take, (axis, None, None), axis))(
        xs, np.int32(-1), np.int32(-1)
    )

    expected = [slice(None)] * 3
    wraps, clamps = (a for a in range(3) if a != axis)
    expected[wraps], expected[clamps] = slice(-1, None), slice(0, 1)
    np.testing.assert_array_equal(got, xs[tuple(expected)])


def test_starts_may_come_as_one_array():
    starts = np.array([-2, 1])

    concrete = lax.dynamic_slice(X, starts, (2, 2))
    traced = dc.jit(lambda i: lax.dynamic_slice(X, i, (2, 2)))(starts)

    np.testing.assert_array_equal(concrete, X[2:4, 1:3])
    np.testing.assert_array_equal(traced, X[2:4, 1:3])


def test_one_axis_forms_agree_with_numpy():
    np.testing.assert_array_equal(lax.slice_in_dim(X, -3, None, 2, -1), X[:, -3::2])
    np.testing.assert_array_equal(lax.index_in_dim(X, -1, 1, False), X[:, -1])
    np.testing.assert_array_equal(lax.dynamic_slice_in_dim(X, 3, 2, 1), X[:, 3:5])
    updated = lax.dynamic_update_index_in_dim(X, np.zeros(4, np.int32), 2, 1)
    expected = X.copy()
    expected[:, 2] = 0
    np.testing.assert_array_equal(updated, expected)


def test_slice_refuses_limits_beyond_the_operand():
    with pytest.raises(ValueError) as error:
        lax.slice(X, (0, 0), (5, 5))
    assert problem(error) == (
        "slice: indices must satisfy 0 <= start <= limit <= size on every axis, got "
        "i32[4,5] with start_indices=(0, 0), limit_indices=(5, 5), strides=None.\n"
        "Use indexing (`x[...]`) or `slice_in_dim`, which accept negative indices."
    )


def test_dynamic_slice_refuses_float_starts():
    with pytest.raises(TypeError) as error:
        lax.dynamic_slice(X, (1.0, 0), (1, 1))
    assert problem(error) == (
        "dynamic_slice: start indices must be integer scalars, got ~f32[], ~i32[]."
    )


def test_dynamic_update_slice_refuses_a_larger_update():
    with pytest.raises(ValueError) as error:
        lax.dynamic_update_slice(X, np.zeros((5, 1), np.int32), (0, 0))
    assert problem(error) == (
        "dynamic_update_slice: `update` must have as many axes as the operand and be "
        "nowhere larger, got i32[4,5] and i32[5,1]."
    )

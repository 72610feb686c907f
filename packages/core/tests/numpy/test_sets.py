"""Set operations agree with NumPy, and with themselves when the size is given."""

import numpy as np
import pytest

from dolmen.core import errors, jit, numpy as jnp, vmap

A = np.array([3, 1, 4, 1, 5, 9], np.int32)
B = np.array([[9, 2], [6, 5], [3, 5]], np.int32)
F = np.array([1.0, np.nan, 2.5, 4.0, np.nan, -0.0], np.float32)
MANY = np.arange(0, 40, 3, dtype=np.float32)

PAIRS = {
    "integers": (A, B),
    "floats with nan": (F, np.array([np.nan, 0.0, 4.0], np.float32)),
    "mixed dtypes": (A, F),
    "long": (MANY, A),
    "nothing in the first": (A[:0], A),
    "nothing in the second": (A, A[:0]),
    "nothing in common": (A, A + 20),
    "scalars": (np.int32(3), np.int32(3)),
}
OPERATIONS = ["union1d", "intersect1d", "setdiff1d", "setxor1d", "isin"]


@pytest.mark.parametrize("pair", PAIRS)
@pytest.mark.parametrize("name", OPERATIONS)
def test_operation_agrees_with_numpy(name, pair):
    expected = getattr(np, name)(*PAIRS[pair])

    actual = np.asarray(getattr(jnp, name)(*PAIRS[pair]))

    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype.kind == expected.dtype.kind


@pytest.mark.parametrize("name", OPERATIONS[:4])
def test_size_under_jit_fills_up_with_the_fill_value(name):
    expected = getattr(np, name)(A, B)

    made = jit(lambda x, y: getattr(jnp, name)(x, y, size=8, fill_value=-7))(A, B)

    np.testing.assert_array_equal(made[: expected.size], expected)
    np.testing.assert_array_equal(made[expected.size :], -7)


@pytest.mark.parametrize(
    ("name", "filled"),
    [
        ("union1d", [1, 2, 3, 4, 5, 6, 9, 1]),
        ("intersect1d", [3, 5, 9, 3, 3, 3, 3, 3]),
        ("setdiff1d", [1, 4, 0, 0, 0, 0, 0, 0]),
        ("setxor1d", [1, 2, 4, 6, 1, 1, 1, 1]),
    ],
)
def test_without_fill_value_results_fill_up_as_in_jax(name, filled):
    made = getattr(jnp, name)(A, B, size=8)

    assert made.tolist() == filled


def test_size_cuts_the_result():
    assert jnp.setxor1d(A, B, size=2).tolist() == [1, 2]


def test_intersection_tells_where_elements_first_occur():
    made = jnp.intersect1d(A, B, return_indices=True)

    expected = np.intersect1d(A, B, return_indices=True)
    np.testing.assert_array_equal(np.stack(made), np.stack(expected))


def test_indices_of_an_intersection_fill_up_with_the_sizes():
    _, first, second = jnp.intersect1d(A, B, return_indices=True, size=5)

    assert first.tolist() == [0, 4, 5, 6, 6]
    assert second.tolist() == [4, 3, 0, 6, 6]


def test_difference_of_unique_elements_keeps_their_order():
    made = jnp.setdiff1d(A, np.array([1], np.int32), assume_unique=True)

    assert made.tolist() == [3, 4, 5, 9]


@pytest.mark.parametrize("method", ["compare_all", "binary_search", "sort"])
def test_isin_is_the_same_by_each_method(method):
    made = jnp.isin(B, A, invert=True, method=method)

    np.testing.assert_array_equal(made, np.isin(B, A, invert=True))


def test_operations_are_vectorized():
    rows = np.stack([A, A[::-1], A + 1])

    made = vmap(lambda x: jnp.setdiff1d(x, B, size=4, fill_value=0))(rows)

    expected = [np.setdiff1d(row, B) for row in rows]
    padded = [np.pad(row, (0, 4 - row.size)) for row in expected]
    np.testing.assert_array_equal(made, padded)


@pytest.mark.parametrize("name", ["all", "counts", "inverse"])
@pytest.mark.parametrize("x", [B, F], ids=["integers", "nan"])
def test_unique_families_agree_with_numpy(name, x):
    expected = getattr(np, f"unique_{name}")(x)

    made = getattr(jnp, f"unique_{name}")(x)

    assert made._fields == expected._fields
    joined = np.concatenate([np.ravel(part) for part in made])
    np.testing.assert_array_equal(
        joined, np.concatenate([np.ravel(part) for part in expected])
    )


def test_unique_values_are_sorted_and_each_nan_is_distinct():
    made = jnp.unique_values(F)

    np.testing.assert_array_equal(made, np.unique(F, equal_nan=False))


def test_nothing_in_common_fills_up_with_zeros():
    assert jnp.intersect1d(A, A + 20, size=2).tolist() == [0, 0]


def test_traced_operands_need_a_size():
    with pytest.raises(errors.ConcretizationTypeError, match="Pass `size`"):
        jit(jnp.setdiff1d)(A, B)


def test_unknown_method_is_refused():
    with pytest.raises(ValueError) as caught:
        jnp.isin(A, B, method="guess")

    assert str(caught.value).splitlines()[0] == (
        "isin: `method` must be 'auto', 'compare_all', 'binary_search' or 'sort', "
        "got 'guess'."
    )


def test_lists_are_refused():
    with pytest.raises(TypeError) as caught:
        jnp.union1d([1, 2], A)

    assert str(caught.value).splitlines()[0] == (
        "union1d: `ar1` must be an array or a scalar, got list."
    )

"""Taking, sorting, finding and counting agree with NumPy."""

import numpy as np
import pytest

from dolmen.core import grad, jit, numpy as jnp, vmap

M = np.array([[3, 1, 2, 1], [5, 9, 2, 6], [5, 3, 5, 8]], np.float32)
V = np.array([2, -1, 3, 3, 0], np.int32)
EDGES = np.array([0.0, 1.0, 2.5], np.float32)
VALUES = np.array([[-1.0, 0.0, 1.0], [2.0, 2.5, 9.0]], np.float32)
CONDITIONS = [M > 4, M > 2]

CALLS = {
    "take": lambda m: m.take(M, np.array([[0, 5], [11, -1]])),
    "take rows": lambda m: m.take(M, np.array([2, 0]), axis=0),
    "take one": lambda m: m.take(M, 1, axis=-1),
    "take wrap": lambda m: m.take(V, np.array([-7, 6, 4]), mode="wrap"),
    "take clip": lambda m: m.take(V, np.array([-7, 6, 4]), mode="clip"),
    "take_along_axis": lambda m: m.take_along_axis(M, np.argsort(M, 0), axis=0),
    "take_along_axis one": lambda m: m.take_along_axis(
        M, np.array([[2], [0], [-1]]), 1
    ),
    "take_along_axis broadcast": lambda m: m.take_along_axis(
        M, np.array([[2, 0]]), axis=1
    ),
    "take_along_axis of one row": lambda m: m.take_along_axis(
        M[:1], np.array([[2, 0], [1, 3]]), axis=1
    ),
    "take_along_axis flat": lambda m: m.take_along_axis(M, np.array([7, 0]), None),
    "sort": lambda m: m.sort(M),
    "sort axis": lambda m: m.sort(M, axis=0),
    "sort flat": lambda m: m.sort(M, axis=None),
    "argsort": lambda m: m.argsort(M, axis=1, stable=True),
    "argsort flat": lambda m: m.argsort(M, axis=None, stable=True),
    "lexsort": lambda m: m.lexsort((np.arange(5), V)),
    "searchsorted": lambda m: m.searchsorted(EDGES, VALUES),
    "searchsorted right": lambda m: m.searchsorted(EDGES, VALUES, side="right"),
    "searchsorted one": lambda m: m.searchsorted(EDGES, 1.5),
    "searchsorted empty": lambda m: m.searchsorted(EDGES[:0], VALUES),
    "searchsorted sorter": lambda m: m.searchsorted(
        EDGES[::-1], VALUES, sorter=np.array([2, 1, 0])
    ),
    "digitize": lambda m: m.digitize(VALUES, EDGES),
    "digitize right": lambda m: m.digitize(VALUES, EDGES, right=True),
    "digitize decreasing": lambda m: m.digitize(VALUES, EDGES[::-1]),
    "nonzero": lambda m: m.stack(m.nonzero(M > 4)),
    "flatnonzero": lambda m: m.flatnonzero(V),
    "argwhere": lambda m: m.argwhere(M > 4),
    "unique": lambda m: m.unique(M),
    "unique index": lambda m: m.unique(V, return_index=True)[1],
    "unique inverse": lambda m: m.unique(M, return_inverse=True)[1],
    "unique counts": lambda m: m.unique(M, return_counts=True)[1],
    "unique of nothing": lambda m: m.unique(V[:0]),
    "unique nan": lambda m: m.unique(np.array([np.nan, 1, np.nan], np.float32)),
    "bincount": lambda m: m.bincount(np.array([1, 1, 3])),
    "bincount weights": lambda m: m.bincount(
        np.array([1, 1, 3]), np.array([0.5, 1, 2], np.float32), minlength=6
    ),
    "bincount of nothing": lambda m: m.bincount(V[:0], minlength=2),
    "select": lambda m: m.select(CONDITIONS, [M, -M], 7),
    "choose": lambda m: m.choose(np.array([[0], [1]]), [V, -V]),
    "choose wrap": lambda m: m.choose(np.array([-1, 3]), [V[:2], -V[:2]], mode="wrap"),
    "choose clip": lambda m: m.choose(np.array([-1, 3]), [V[:2], -V[:2]], mode="clip"),
    "extract": lambda m: m.extract(M > 4, M),
    "compress": lambda m: m.compress(np.array([True, False, True]), M, axis=1),
    "delete": lambda m: m.delete(M, 1, axis=0),
    "delete slice": lambda m: m.delete(M, slice(None, None, 2), axis=1),
    "delete mask": lambda m: m.delete(V, V > 1),
    "insert": lambda m: m.insert(V, 1, 9),
    "insert several": lambda m: m.insert(V, np.array([0, 3]), np.array([8, 9])),
    "insert several at one": lambda m: m.insert(V, 2, np.array([8, 9])),
    "insert row": lambda m: m.insert(M, 1, np.arange(4, dtype=np.float32), axis=0),
    "insert column": lambda m: m.insert(M, 1, 0, axis=1),
}


@pytest.mark.parametrize("name", CALLS)
def test_functions_agree_with_numpy(name):
    expected = np.asarray(CALLS[name](np))

    actual = np.asarray(CALLS[name](jnp))

    np.testing.assert_array_equal(actual, expected)
    assert actual.dtype.kind == expected.dtype.kind


@pytest.mark.parametrize(
    "name",
    [
        "take wrap",
        "take_along_axis broadcast",
        "argsort",
        "searchsorted right",
        "digitize decreasing",
        "select",
        "choose clip",
    ],
)
def test_functions_mean_the_same_under_jit(name):
    expected = np.asarray(CALLS[name](np))

    np.testing.assert_array_equal(jit(lambda: CALLS[name](jnp))(), expected)


def test_partition_puts_the_kth_element_in_its_place():
    actual = np.asarray(jnp.partition(M, 2, axis=1))
    places = np.asarray(jnp.argpartition(M, 2, axis=1))

    np.testing.assert_array_equal(actual[:, 2], np.partition(M, 2, axis=1)[:, 2])
    np.testing.assert_array_equal(np.take_along_axis(M, places, 1), actual)


@pytest.mark.parametrize("values", [V, VALUES[0], np.array([1, np.nan, 3], np.float32)])
def test_descending_sort_is_the_reverse_and_stable(values):
    places = np.asarray(jnp.argsort(values, descending=True))

    expected = np.sort(values)[::-1]
    np.testing.assert_array_equal(jnp.sort(values, descending=True), expected)
    np.testing.assert_array_equal(values[places], expected)
    equal = np.flatnonzero(np.diff(values[places]) == 0)
    assert (places[equal] < places[equal + 1]).all()


def test_take_fills_out_of_bounds():
    actual = jnp.take(M, np.array([0, 7]), axis=0)

    np.testing.assert_array_equal(actual, [M[0], [np.nan] * 4])


def test_take_along_axis_fills_out_of_bounds():
    actual = jnp.take_along_axis(M, np.array([[9], [-1], [-5]]), 1, fill_value=-3)

    np.testing.assert_array_equal(actual, [[-3], [6], [-3]])


def test_nan_are_searched_behind_every_number():
    edges = np.array([0.0, 1.0, np.nan, np.nan], np.float32)
    values = np.array([0.5, np.nan], np.float32)

    for side in ("left", "right"):
        for method in ("scan", "compare_all"):
            actual = jnp.searchsorted(edges, values, side=side, method=method)
            np.testing.assert_array_equal(actual, np.searchsorted(edges, values, side))


@pytest.mark.parametrize(
    ("size", "expected"),
    [(2, [[0, 0], [1, 2]]), (4, [[0, 0, 1, -1], [1, 2, 0, -2]])],
)
def test_nonzero_of_traced_values_is_cut_or_filled(size, expected):
    x = np.array([[0, 5, 1], [2, 0, 0]])

    actual = jit(lambda v: jnp.nonzero(v, size=size, fill_value=(-1, -2)))(x)

    np.testing.assert_array_equal(np.stack(actual), expected)


def test_unique_of_traced_values_is_cut_or_filled():
    def distinct(v):
        return jnp.unique(v, True, True, True, size=5, fill_value=-9)

    values, index, inverse, counts = jit(distinct)(V)

    np.testing.assert_array_equal(values, [-1, 0, 2, 3, -9])
    np.testing.assert_array_equal(index[:4], [1, 4, 0, 2])
    np.testing.assert_array_equal(inverse, [2, 0, 3, 3, 1])
    np.testing.assert_array_equal(counts, [1, 1, 1, 2, 0])


def test_counts_of_the_last_distinct_element_end_where_it_ends():
    values, counts = jnp.unique(V, return_counts=True, size=1)

    assert (values.tolist(), counts.tolist()) == ([-1], [1])


def test_bincount_of_traced_values_drops_large_and_lifts_negative_ones():
    actual = jit(lambda v: jnp.bincount(v, length=3))(np.array([1, -4, 1, 7, 2]))

    np.testing.assert_array_equal(actual, [1, 2, 1])


def test_compress_of_traced_conditions_fills_up():
    def chosen(c, v):
        return jnp.compress(c, v, axis=1, size=3, fill_value=-1)

    actual = jit(chosen)(np.array([False, True, False, True]), M)

    expected = np.concatenate([M[:, [1, 3]], -np.ones((3, 1))], 1)
    np.testing.assert_array_equal(actual, expected)


def test_put_along_axis_returns_a_changed_copy():
    expected = M.copy()
    np.put_along_axis(expected, np.array([[2], [0], [1]]), -1, axis=1)

    places = np.array([[2], [0], [1]])
    actual = jnp.put_along_axis(M, places, -1.0, axis=1, inplace=False)

    np.testing.assert_array_equal(actual, expected)


def test_gradient_of_take_along_axis_returns_to_the_elements_taken():
    places = np.array([[2, 2], [0, 1], [3, 3]])

    actual = grad(lambda x: jnp.take_along_axis(x, places, 1).sum())(M)

    expected = np.zeros_like(M)
    np.add.at(expected, (np.arange(3)[:, None], places), 1)
    np.testing.assert_array_equal(actual, expected)


def test_gradient_of_sort_follows_the_order():
    weights = np.arange(4, dtype=np.float32)

    actual = grad(lambda x: (jnp.sort(x, axis=1) * weights).sum())(M)

    expected = np.zeros_like(M)
    order = np.argsort(M, axis=1, kind="stable")
    np.put_along_axis(expected, order, np.broadcast_to(weights, M.shape), 1)
    np.testing.assert_array_equal(actual, expected)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int4"])
def test_values_of_narrow_dtypes_are_counted(dtype):
    assert jnp.bincount(jnp.array([1, 0, 1], dtype)).tolist() == [1, 2]
    assert jnp.bincount(jnp.array([], dtype)).tolist() == []


def test_vmap_of_take_agrees_with_a_loop():
    index = np.array([[0, 3], [1, 1], [2, -1]])

    actual = vmap(jnp.take)(M, index)

    np.testing.assert_array_equal(actual, np.take_along_axis(M, index, 1))


def _message(error):
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


ERRORS = [
    (
        lambda: jnp.take(V, 1.0),
        TypeError,
        "take: `indices` must be integers, got ~f32[].",
    ),
    (
        lambda: jnp.take(V, 1, mode="raise"),
        ValueError,
        "take: `mode` must be 'fill', 'clip', 'wrap' or None, got 'raise'.\n"
        "Mode 'raise' can't exist: errors depend on values.",
    ),
    (
        lambda: jnp.take_along_axis(M, np.array([1]), 0),
        ValueError,
        "take_along_axis: `indices` must have as many axes as `arr`: `arr` is "
        "f32[3,4], `indices` is i32[1].",
    ),
    (
        lambda: jnp.sort(M, axis=2),
        ValueError,
        "sort: `axis` must be between -2 and 1 for an array with 2 axes, got 2.",
    ),
    (
        lambda: jnp.searchsorted(M, 1.0),
        ValueError,
        "searchsorted: `a` must have one axis, got f32[3,4].",
    ),
    (
        lambda: jnp.nonzero(1.0),
        ValueError,
        "nonzero: `a` must have at least one axis, got a scalar.\n"
        "Use `jnp.atleast_1d(a)` first.",
    ),
    (
        lambda: jnp.bincount(VALUES[0]),
        TypeError,
        "bincount: `x` must be integers, got f32[3].",
    ),
    (
        lambda: jnp.choose(np.array([2]), [V, V]),
        ValueError,
        "choose: `a` must be between 0 and 1, got values from 2 to 2.",
    ),
    (
        lambda: jnp.put_along_axis(M, np.array([[0]]), 0.0, 1),
        ValueError,
        "put_along_axis: arrays never change in place.\n"
        "Pass `inplace=False` and use the result.",
    ),
]


@pytest.mark.parametrize(("call", "error", "text"), ERRORS)
def test_wrong_arguments_are_named(call, error, text):
    with pytest.raises(error) as caught:
        call()

    assert _message(caught) == text


@pytest.mark.parametrize("function", [jnp.nonzero, jnp.unique, jnp.bincount])
def test_results_of_unknown_size_are_refused_under_jit(function):
    with pytest.raises(TypeError, match="expected a concrete value, got the traced"):
        jit(function)(V)

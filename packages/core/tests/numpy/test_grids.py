"""Index expressions and index arrays agree with NumPy."""

import numpy as np
import pytest

from dolmen.core import errors, jit, numpy as jnp, vmap

V = np.array([1, 2, 3], np.int32)
F = np.array([1.5, 2.5, 3.5], np.float32)
A = np.arange(6, dtype=np.float32).reshape(2, 3)
SQUARE = np.arange(9, dtype=np.float32).reshape(3, 3)
WHERE = np.array([[0, 5], [3, 1]])
PLACES = (np.array([0, 1, 1]), np.array([2, 0, 1]))

CALLS = {
    "r_ of arrays": lambda m: m.r_[V, F, 0.0],
    "r_ of slices": lambda m: m.r_[1:4, 0, 0:1:3j],
    "r_ of one": lambda m: m.r_[V],
    "r_ of lists": lambda m: m.r_[[1, 2], 3],
    "r_ along an axis": lambda m: m.r_["-1", A, A[:, :1]],
    "r_ with axes": lambda m: m.r_["0,2", V, V],
    "r_ with axes behind": lambda m: m.r_["0,2,0", V, V],
    "r_ along new axes": lambda m: m.r_["1,2,0", V, V],
    "r_ with an axis between": lambda m: m.r_["1,4,1", A, A],
    "c_": lambda m: m.c_[V, F],
    "c_ of rows": lambda m: m.c_[A[:1], 0, 0],
    "c_ of slices": lambda m: m.c_[1:3, 4:6],
    "mgrid": lambda m: m.mgrid[0:3, 1:2:0.5],
    "mgrid of one": lambda m: m.mgrid[2:9:3],
    "mgrid of one in a tuple": lambda m: m.mgrid[2:9:3,],
    "mgrid of points": lambda m: m.mgrid[:2, 0:1:3j],
    "ogrid": lambda m: m.add(*m.ogrid[0:3, 0:1:3j]),
    "ix_": lambda m: A[tuple(map(np.asarray, m.ix_(np.array([1, 0]), V[:2])))],
    "ix_ of booleans": lambda m: m.add(*m.ix_(V > 1, V)),
    "diag_indices_from": lambda m: m.stack(m.diag_indices_from(SQUARE)),
    "tril_indices_from": lambda m: m.stack(m.tril_indices_from(A, -1)),
    "triu_indices_from": lambda m: m.stack(m.triu_indices_from(A, 1)),
    "mask_indices": lambda m: m.stack(m.mask_indices(3, m.triu, 1)),
    "unravel_index": lambda m: m.stack(
        m.unravel_index(np.array([[0, 5], [3, 1]]), (2, 3))
    ),
    "ravel_multi_index": lambda m: m.ravel_multi_index(PLACES, (2, 3)),
    "ravel_multi_index columns": lambda m: m.ravel_multi_index(
        PLACES, (2, 3), order="F"
    ),
    "ravel_multi_index clip": lambda m: m.ravel_multi_index(PLACES, (1, 2), "clip"),
    "ravel_multi_index wrap": lambda m: m.ravel_multi_index(PLACES, (1, 2), "wrap"),
}


@pytest.mark.parametrize("name", CALLS)
def test_expressions_agree_with_numpy(name):
    expected = np.asarray(CALLS[name](np))

    actual = np.asarray(CALLS[name](jnp))

    np.testing.assert_allclose(actual, expected, rtol=1e-6)
    assert actual.shape == expected.shape
    assert actual.dtype.kind == expected.dtype.kind


UPDATES = {
    "fill_diagonal": (SQUARE, V),
    "fill_diagonal of a wide matrix": (A, 9.0),
    "fill_diagonal of a tall matrix": (np.zeros((7, 2), np.float32), F),
    "fill_diagonal of a cube": (np.zeros((2, 2, 2), np.float32), F),
    "fill_diagonal wrapped": (np.zeros((7, 2), np.float32), F, True),
    "put": (A, np.array([[0, 4], [2, 1]]), F),
    "put clip": (V, np.array([5]), 9, "clip"),
    "put wrap": (V, np.array([-1, 4, -7]), V + 6, "wrap"),
    "put nothing": (V, V[:0], 9),
    "place": (A, A > 2, F[:2]),
    "place everywhere": (V, V > 0, V[:2] + 5),
    "place nowhere": (V, V > 9, V),
}


@pytest.mark.parametrize("name", UPDATES)
@pytest.mark.parametrize("run", [lambda f: f, jit], ids=["eager", "jit"])
def test_replaced_elements_are_those_numpy_replaces(name, run):
    array, *args = UPDATES[name]
    expected = array.copy()
    getattr(np, name.split()[0])(expected, *args)
    function = getattr(jnp, name.split()[0])

    made = run(lambda x: function(x, *args, inplace=False))(array)

    np.testing.assert_array_equal(made, expected)
    assert np.asarray(made).dtype == expected.dtype


def test_default_mode_of_put_counts_from_the_end_and_clips():
    made = jnp.put(V, np.array([-1, -4]), np.array([7, 8]), inplace=False)

    assert made.tolist() == [8, 2, 7]


def test_unraveled_indices_out_of_bounds_are_clipped():
    rows, columns = jnp.unravel_index(np.array([6, -1, -9]), (2, 3))

    assert rows.tolist() == [1, 1, 0]
    assert columns.tolist() == [2, 2, 0]


def test_indices_are_made_under_vmap():
    def there_and_back(places):
        return jnp.ravel_multi_index(jnp.unravel_index(places, (2, 3)), (2, 3), "wrap")

    made = vmap(there_and_back)(WHERE)

    np.testing.assert_array_equal(made, WHERE)


def test_rows_and_columns_are_joined_on_request():
    assert jnp.r_["r", V, 4].tolist() == [[1, 2, 3, 4]]
    assert jnp.r_["c", V, 4].tolist() == [[1], [2], [3], [4]]


def test_traced_indices_need_a_mode():
    with pytest.raises(errors.ConcretizationTypeError, match="Pass `mode='clip'`"):
        jit(lambda i: jnp.ravel_multi_index((i, i), (2, 3)))(V)


def test_index_expressions_are_those_of_python():
    assert jnp.s_[1:2, ...] == (slice(1, 2), Ellipsis)
    assert jnp.index_exp[3] == (3,)


ERRORS = {
    "mgrid[...]: expected slices, got 3.": lambda: jnp.mgrid[3],
    "r_[...]: expected 'r', 'c', or up to three integers (axis, axes at least, first "
    "axis), got 'x'.": lambda: jnp.r_["x", V],
    "r_[...]: expected something to join.": lambda: jnp.r_[()],
    "ix_: `args[0]` must have one axis, got f32[2,3].": lambda: jnp.ix_(A),
    "fill_diagonal: arrays never change in place.": lambda: jnp.fill_diagonal(A, 1),
    "put: `mode` must be 'clip', 'wrap' or None, got 'raise'.": lambda: jnp.put(
        V, V, 1, "raise", inplace=False
    ),
    "place: `vals` must not be empty.": lambda: jnp.place(
        V, V > 1, V[:0], inplace=False
    ),
    "ravel_multi_index: `multi_index[1]` must be between 0 and 1, got values from 0 to "
    "2.": lambda: jnp.ravel_multi_index(PLACES, (2, 2)),
    "diag_indices_from: `arr` must have at least two axes of equal size, got "
    "f32[2,3].": lambda: jnp.diag_indices_from(A),
    "unravel_index: `indices` must be integers, got f32[3].": lambda: jnp.unravel_index(
        F, (2, 3)
    ),
}


@pytest.mark.parametrize("problem", ERRORS)
def test_wrong_arguments_are_told(problem):
    with pytest.raises((TypeError, ValueError)) as caught:
        ERRORS[problem]()

    assert str(caught.value).splitlines()[0] == problem

"""Index expressions mean what they mean in NumPy."""

import numpy as np
import pytest

from dolmen.core import ShapeDtypeStruct, eval_shape, grad, jit, numpy as jnp, vmap
from dolmen.core.errors import NonConcreteBooleanIndexError
from dolmen.core.numpy import _indexing
from dolmen.core.numpy._indexing import (
    Plan,
    Simple,
    Span,
    Steps,
    getitem,
    parse,
)

SHAPE = (3, 4, 5)
HOST = np.arange(60, dtype=np.float32).reshape(SHAPE)


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(HOST)


@pytest.mark.parametrize(
    "key",
    [
        (np.array([0, 1]), slice(None), np.array([2, 3])),
        (0, slice(None), np.array([2, 3])),
        (slice(None), np.array([0, 1]), ..., 0),
        (np.array([0, 1]), None, 1),
        (True, None, np.array([0, 1])),
    ],
)
def test_axes_of_separated_index_arrays_come_first(key):
    np.testing.assert_array_equal(getitem(jnp.asarray(HOST), key), HOST[key])


@pytest.mark.parametrize(
    ("key", "plan", "operands"),
    [
        (1, Plan((Simple.POINT, Simple.WHOLE, Simple.WHOLE)), [1]),
        (-1, Plan((Simple.POINT, Simple.WHOLE, Simple.WHOLE)), [2]),
        (slice(1, 3), Plan((Span(2, False), Simple.WHOLE, Simple.WHOLE)), [1]),
        (slice(0, 3), Plan((Simple.WHOLE,) * 3), []),
        (slice(None, None, -1), Plan((Span(3, True), Simple.WHOLE, Simple.WHOLE)), [0]),
        ((..., slice(1, 5, 2)), Plan((Simple.WHOLE,) * 2 + (Steps(1, 2, 2),)), []),
    ],
)
def test_integers_and_starts_are_operands_of_a_plan(x, key, plan, operands):
    assert parse(x.aval, key) == (plan, operands)


def test_a_loop_over_rows_compiles_once(x):
    compiled = _indexing._take_row.compiled
    getitem(x, 0)
    entries = compiled._cache_size()

    for i in range(3):
        np.testing.assert_array_equal(getitem(x, i), HOST[i])

    assert compiled._cache_size() == entries


@pytest.mark.parametrize("index", [-1, 2, -3])
def test_a_traced_integer_selects(x, index):
    actual = jit(getitem)(x, np.int32(index))

    np.testing.assert_array_equal(actual, HOST[index])


@pytest.mark.parametrize(("index", "nearest"), [(3, 2), (99, 2), (-4, 0), (-99, 0)])
def test_traced_integers_out_of_bounds_take_the_nearest(x, index, nearest):
    actual = jit(getitem)(x, np.int32(index))

    np.testing.assert_array_equal(actual, HOST[nearest])


def test_array_indices_out_of_bounds_take_the_nearest(x):
    actual = getitem(x, jnp.asarray(np.array([7, -9, -1])))

    np.testing.assert_array_equal(actual, HOST[[2, 0, 2]])


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint32"])
def test_narrow_index_dtypes_reach_the_whole_axis(dtype):
    values = np.arange(300)
    index = np.array([100, 2], dtype)

    actual = getitem(jnp.asarray(values), jnp.asarray(index))

    assert actual.tolist() == [100, 2]


def test_negative_narrow_indices_count_from_the_end_of_a_long_axis():
    actual = getitem(jnp.asarray(np.arange(300)), jnp.asarray(np.int8(-1)))

    assert actual.item() == 299


def test_large_unsigned_indices_do_not_wrap_around(x):
    actual = getitem(x, jnp.asarray(np.array([2**32 - 1], np.uint32)))

    np.testing.assert_array_equal(actual, HOST[[2]])


def test_numpy_integers_index_like_python_integers(x):
    np.testing.assert_array_equal(getitem(x, np.int64(1)), HOST[1])


def test_concrete_masks_select_under_grad(x):
    def loss(v):
        return getitem(v, v > 30).sum()

    np.testing.assert_array_equal(grad(loss)(x), (HOST > 30).astype(np.float32))


def test_gradient_of_repeated_indices_adds_up(x):
    index = np.array([0, 0, 2])

    actual = grad(lambda v: getitem(v, (index, 1)).sum())(x)

    expected = np.zeros(SHAPE, np.float32)
    expected[0, 1], expected[2, 1] = 2, 1
    np.testing.assert_array_equal(actual, expected)


def test_vmap_over_indices_agrees_with_a_loop(x):
    index = jnp.asarray(np.array([[0, 1], [2, 2]]))

    actual = vmap(lambda i: getitem(x, (i[0], slice(None), i[1])))(index)

    np.testing.assert_array_equal(actual, np.stack([HOST[0, :, 1], HOST[2, :, 2]]))


def test_vmap_over_the_array_agrees_with_a_loop(x):
    actual = vmap(lambda row: getitem(row, np.array([1, 0])))(x)

    np.testing.assert_array_equal(actual, HOST[:, [1, 0]])


def test_basic_expressions_record_no_gather(x):
    for key in (1, slice(1, 2), (0, ..., None), (slice(None, None, -2), 1)):
        program = jit(lambda v, key=key: getitem(v, key)).lower(x).as_text()
        assert "gather" not in program


# ---- errors ------------------------------------------------------------------------


def _message(error):
    """The message without the line that names the place."""
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


@pytest.mark.parametrize(
    ("key", "error", "text"),
    [
        (
            3,
            IndexError,
            "f32[3,4,5][...]: index 3 is out of bounds for axis 0 of size 3.\n"
            "Use `x.at[...].get(mode='clip')` or `mode='fill'` if it is meant to be.",
        ),
        (
            (0, -5),
            IndexError,
            "f32[3,4,5][...]: index -5 is out of bounds for axis 1 of size 4.\n"
            "Use `x.at[...].get(mode='clip')` or `mode='fill'` if it is meant to be.",
        ),
        (
            np.array([1, 7]),
            IndexError,
            "f32[3,4,5][...]: index 7 is out of bounds for axis 0 of size 3.\n"
            "Use `x.at[...].get(mode='clip')` or `mode='fill'` if it is meant to be.",
        ),
        (
            (0, 0, 0, 0),
            IndexError,
            "f32[3,4,5][...]: too many indices: the array has 3 axes, got indices for "
            "4.",
        ),
        (
            (..., ...),
            IndexError,
            "f32[3,4,5][...]: an index may hold one `...` only.",
        ),
        (
            np.ones((2, 4), bool),
            IndexError,
            "f32[3,4,5][...]: a boolean index must have the sizes (3, 4) of the axes "
            "it covers, got bool[2,4].",
        ),
        (
            [0, 1],
            TypeError,
            "f32[3,4,5][...]: expected an index, got the list [0, 1].\n"
            "Write `x[jnp.array([...])]` for an index array, `x[tuple(...)]` for "
            "several indices.",
        ),
        (
            1.0,
            TypeError,
            "f32[3,4,5][...]: an index must be an integer, a slice, None, `...`, or an "
            "integer or boolean array, got 1.0.",
        ),
        (
            np.array([1.0]),
            TypeError,
            "f32[3,4,5][...]: an index must be an integer, a slice, None, `...`, or an "
            "integer or boolean array, got f32[1].",
        ),
        (
            "a",
            TypeError,
            "f32[3,4,5][...]: an index must be an integer, a slice, None, `...`, or an "
            "integer or boolean array, got 'a'.",
        ),
        (
            slice(None, None, 0),
            ValueError,
            "f32[3,4,5][...]: the step of a slice must not be 0.",
        ),
        (
            slice(1.5, None),
            TypeError,
            "f32[3,4,5][...]: start, stop and step of a slice must be integers or "
            "None, got slice(1.5, None, None).",
        ),
        (
            (np.array([0, 1]), np.array([0, 1, 2])),
            IndexError,
            "x[...]: index arrays don't broadcast to one shape: (2,), (3,).",
        ),
    ],
)
def test_wrong_indices_are_named(x, key, error, text):
    with pytest.raises(error) as caught:
        getitem(x, key)

    assert _message(caught) == text


def test_a_traced_mask_is_refused_with_advice(x):
    with pytest.raises(NonConcreteBooleanIndexError) as caught:
        jit(lambda v: getitem(v, v > 0))(x)

    assert _message(caught).startswith(
        "boolean index of f32[3,4,5]: expected a concrete value, got the traced "
        "bool[3,4,5] while tracing <lambda>.\n"
    )
    assert _message(caught).endswith(
        "Use `jnp.where(mask, x, other)`, or `jnp.nonzero(mask, size=...)` for a "
        "result of fixed size."
    )


def test_traced_slice_bounds_are_refused_with_advice(x):
    with pytest.raises(IndexError) as caught:
        jit(lambda v, i: getitem(v, slice(i, i + 2)))(x, 0)

    assert _message(caught) == (
        "slice of f32[3,4,5]: `start`: expected a concrete value, got the traced "
        "~i32[] while tracing <lambda>.\n"
        "It is args[1], the argument `i` of <lambda>.\n"
        "It is used in `getitem(v, slice(i, i + 2))`.\n"
        "Use `lax.dynamic_slice(x, starts, sizes)` for a slice of fixed size at a "
        "traced start. If `i` is a setting rather than data, write "
        "`@jit(static_argnames=('i',))`."
    )


@pytest.mark.parametrize(
    "read",
    [
        lambda x: x[np.array([3 * 10**9])],
        lambda x: x[jnp.array([0])],
        lambda x: x.at[jnp.array(0)].set(1),
        lambda x: jnp.take(x, jnp.array([0])),
    ],
)
def test_indices_of_an_axis_that_they_do_not_reach_are_refused(read):
    long = ShapeDtypeStruct((4 * 10**9,), "int8")

    with pytest.raises(ValueError) as caught:
        eval_shape(read, long)

    assert _message(caught) == (
        "x[...]: an axis of 4000000000 elements can be sliced, but index arrays and "
        "traced integers reach 2147483647 of them at most.\n"
        "Reshape it to several shorter axes first."
    )


def test_slices_and_known_integers_reach_every_element_in_a_program():
    long = ShapeDtypeStruct((4 * 10**9,), "int8")

    made = eval_shape(lambda x: (x[3 * 10**9], x[3 * 10**9 :: 2]), long)

    assert [m.shape for m in made] == [(), (5 * 10**8,)]


def test_an_index_into_an_empty_axis_is_refused():
    with pytest.raises(IndexError) as caught:
        getitem(jnp.zeros((0, 2)), jnp.asarray(np.array([0])))

    assert _message(caught) == (
        "f32[0,2][...]: axis 0 is empty, so no index is in bounds."
    )

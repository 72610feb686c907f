"""`x.at[...]`: updates agree with NumPy's, modes and dtypes with their description."""

import inspect
import re
import warnings

import numpy as np
import pytest

from dolmen.core import debug_nans, grad, jit, make_jaxpr, numpy as jnp, vmap

HOST = np.arange(12, dtype=np.float32).reshape(3, 4)
REPEATED = np.array([0, 2, 0])

UFUNCS = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "power": np.power,
    "min": np.minimum,
    "max": np.maximum,
}


@pytest.fixture(scope="module")
def x():
    return jnp.asarray(HOST)


@pytest.mark.parametrize("name", UFUNCS)
def test_updates_treat_repeated_indices_like_ufunc_at(x, name):
    values = np.array([[2.0], [3.0], [4.0]], np.float32)
    expected = HOST.copy()
    UFUNCS[name].at(expected, (REPEATED, slice(1, 3)), values)

    actual = getattr(x.at[REPEATED, 1:3], name)(values)

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize("name", UFUNCS)
def test_updates_of_one_element_agree_with_numpy(x, name):
    expected = HOST.copy()
    expected[1, 2] = UFUNCS[name](expected[1, 2], np.float32(3))

    actual = jit(lambda v: getattr(v.at[1, 2], name)(3.0))(x)

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "key",
    [
        1,
        -1,
        slice(1, 3),
        (0, slice(None, None, -1)),
        (None, 2),
        ...,
        slice(None, None, 2),
    ],
)
def test_set_of_a_basic_index_broadcasts_values(x, key):
    expected = HOST.copy()
    expected[key] = np.array([1, 2, 3, 4], np.float32)

    actual = x.at[key].set(np.array([1, 2, 3, 4], np.float32))

    np.testing.assert_array_equal(actual, expected)


def test_set_of_a_basic_index_is_no_scatter(x):
    text = jit(lambda v: v.at[1:, 0].set(1.0)).lower(x).as_text()

    assert "dynamic_update_slice" in text
    assert "scatter" not in text


def test_apply_replaces_elements_by_a_function_of_them(x):
    expected = HOST.copy()
    expected[[0, 2]] = np.sin(expected[[0, 2]])

    actual = x.at[np.array([0, 2])].apply(jnp.sin)

    np.testing.assert_allclose(actual, expected, rtol=1e-6)


@pytest.mark.parametrize(
    "places",
    [
        jnp.array([0, 2, 0]),  # known, and repeated
        (slice(None), np.array([1, 1, -3])),
        (jnp.array([0, 1, -3]), 2),  # repeated, counted from the end
        HOST > 5,
        np.array([], int),
    ],
)
def test_apply_goes_through_the_function_as_often_as_an_element_is_indexed(x, places):
    counts = np.zeros(HOST.shape)
    np.add.at(counts, places, 1)

    eager = x.at[places].apply(lambda v: 2 * v)
    traced = jit(lambda v: v.at[places].apply(lambda v: 2 * v))(x)

    np.testing.assert_array_equal(eager, HOST * 2**counts)
    np.testing.assert_array_equal(traced, HOST * 2**counts)


def test_apply_writes_nothing_out_of_bounds_and_differentiates():
    places = jnp.array([1, 7, 1])

    slope = grad(lambda v: v.at[places].apply(jnp.square).sum())(jnp.array([3.0, 2.0]))

    assert slope.tolist() == [1, 4 * 2**3]


def test_apply_hands_its_function_no_fill_value():
    x, beyond = jnp.array([4.0, 9.0]), jnp.array([1, 7])

    with debug_nans(True):
        made = x.at[beyond].apply(jnp.sqrt, mode="drop", unique_indices=True)

    assert made.tolist() == [4, 3]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("add", [2, 7]), ("subtract", [-1, 7]), ("multiply", [2, 7]), ("max", [1, 7])],
)
def test_an_update_of_integers_by_fractions_is_computed_in_these(name, expected):
    x = jnp.array([1, 7])
    updated = "x.at[...]." + name

    with pytest.warns(FutureWarning, match=re.escape(updated)) as caught:
        made = getattr(x.at[0], name)(
            {"add": 1.9, "subtract": 2.5, "multiply": 2.5, "max": 1.5}[name]
        )

    assert made.dtype == np.int32
    assert made.tolist() == expected
    assert caught[0].filename == __file__


@pytest.mark.parametrize("name", [*UFUNCS, "set", "get"])
def test_shardings_of_results_are_refused(x, name):
    values = () if name == "get" else (1.0,)

    with pytest.raises(ValueError) as raised:
        getattr(x.at[0], name)(*values, out_sharding="rows")

    assert str(raised.value).splitlines()[0] == (
        f"f32[3,4].at[...].{name}: `out_sharding` must be None, as arrays lie on one "
        "device each, got 'rows'."
    )


@pytest.mark.parametrize("name", [*UFUNCS, "set"])
def test_methods_tell_their_keywords(x, name):
    assert str(inspect.signature(getattr(x.at[0], name))) == (
        "(values: Any, *, indices_are_sorted: bool = False, unique_indices: bool = "
        "False, mode: Any = None, out_sharding: None = None, wrap_negative_indices: "
        "bool = True) -> Any"
    )


def test_a_traced_mask_updates_where_it_holds(x):
    expected = np.where(HOST > 5, 0, HOST)

    actual = jit(lambda v: v.at[v > 5].set(0.0))(x)

    np.testing.assert_array_equal(actual, expected)


def test_a_traced_mask_of_leading_axes_adds_rows(x):
    mask = np.array([True, False, True])
    expected = HOST.copy()
    expected[mask] += np.arange(4, dtype=np.float32)

    actual = jit(lambda v, m: v.at[m].add(np.arange(4)))(x, mask)

    np.testing.assert_array_equal(actual, expected)


def test_a_concrete_mask_takes_a_value_for_each_element(x):
    expected = HOST.copy()
    expected[HOST > 9] = [7, 8]

    actual = x.at[HOST > 9].set(np.array([7.0, 8.0], np.float32))

    np.testing.assert_array_equal(actual, expected)


# ---- out of bounds -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({"mode": "clip"}, [8, 0, 8]),
        ({"mode": "fill"}, [np.nan, np.nan, 8]),
        ({"mode": "drop", "fill_value": -1}, [-1, -1, 8]),
        ({}, [8, 0, 8]),
        ({"mode": "clip", "wrap_negative_indices": False}, [8, 0, 0]),
        ({"mode": "fill", "wrap_negative_indices": False}, [np.nan, np.nan, np.nan]),
    ],
)
def test_modes_of_get(x, how, expected):
    index = jnp.asarray(np.array([3, -4, -1]))

    np.testing.assert_array_equal(x.at[index, 0].get(**how), expected)


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ({}, [0, 4, 5]),
        ({"mode": "drop"}, [0, 4, 5]),
        ({"mode": "fill"}, [0, 4, 5]),
        ({"mode": "clip"}, [5, 4, 5]),
        ({"mode": "drop", "wrap_negative_indices": False}, [0, 4, 8]),
    ],
)
def test_modes_of_set(x, how, expected):
    index = jnp.asarray(np.array([3, -4, -1]))

    np.testing.assert_array_equal(x.at[index, 0].set(5.0, **how)[:, 0], expected)


OUTSIDE = np.array([3, -4, -1, 7, -9])
FORMS = {
    "a number": lambda i: i,
    "a number and neighbors": lambda i: (i, slice(1, 3)),
    "a number and steps": lambda i: (i, slice(None, None, -2)),
    "an array": lambda i: i[None],
    "an array and neighbors": lambda i: (i[None], slice(1, 3)),
}
WRITES = {
    "set": lambda old, key, value: old.__setitem__(key, value),
    "add": np.add.at,
    "divide": np.divide.at,
}


def row_of(number, mode, wrap):
    """The row of `HOST` that a number means; the one behind the last for none."""
    number = number + 3 if wrap and number < 0 else number
    if mode == "clip":
        return np.clip(number, 0, 2)
    return np.where((number >= 0) & (number < 3), number, 3)


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("mode", [None, "clip", "fill", "drop"])
@pytest.mark.parametrize("form", FORMS)
def test_what_is_read_out_of_bounds_depends_on_the_mode_alone(x, form, mode, wrap):
    how = {"mode": mode, "wrap_negative_indices": wrap}
    padded = np.vstack([HOST, np.full(4, np.nan, np.float32)])
    rows = [row_of(number, mode or "clip", wrap) for number in OUTSIDE]

    read = jit(lambda v, i: v.at[FORMS[form](i)].get(**how))
    made = [read(x, number) for number in OUTSIDE]

    expected = [padded[FORMS[form](np.asarray(row))] for row in rows]
    np.testing.assert_array_equal(made, expected)


@pytest.mark.parametrize("wrap", [True, False])
@pytest.mark.parametrize("mode", [None, "clip", "fill", "drop"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", WRITES)
def test_what_is_written_out_of_bounds_depends_on_the_mode_alone(
    x, name, form, mode, wrap
):
    how = {"mode": mode, "wrap_negative_indices": wrap}
    expected = np.stack([np.vstack([HOST, np.zeros(4, np.float32)])] * len(OUTSIDE))
    for padded, number in zip(expected, OUTSIDE, strict=True):
        row = np.asarray(row_of(number, mode or "fill", wrap))
        WRITES[name](padded, FORMS[form](row), np.float32(8))

    write = jit(lambda v, i: getattr(v.at[FORMS[form](i)], name)(8.0, **how))
    made = [write(x, number) for number in OUTSIDE]

    np.testing.assert_array_equal(made, expected[:, :3])


@pytest.mark.parametrize("place", [lambda n: n, lambda n: np.array([n])])
def test_known_negative_indices_count_from_the_end_unless_told_otherwise(x, place):
    how = {"wrap_negative_indices": False}

    read = x.at[place(-1)].get(mode="fill", **how)
    written = x.at[place(-1)].set(0.0, mode="drop", **how)

    assert jnp.isnan(read).all()
    np.testing.assert_array_equal(written, HOST)
    with pytest.raises(IndexError, match="index -1 is out of bounds for axis 0"):
        x.at[place(-1)].get(**how)


MASK, COLUMNS = np.array([True, False, True]), np.array([True, True, False, False])


@pytest.mark.parametrize(
    ("key", "how", "promised"),
    [
        (np.array([0, 2]), {}, (False, False)),
        (np.array([0, 2]), {"indices_are_sorted": True}, (True, False)),
        (np.array([0, 2]), {"unique_indices": True}, (False, True)),
        ((MASK, slice(1, 3)), {}, (True, True)),
        ((MASK, COLUMNS), {}, (False, False)),
        ((MASK, np.array([0, 1])), {}, (False, False)),
    ],
)
def test_compilers_are_promised_what_is_known_of_indices(x, key, how, promised):
    made = make_jaxpr(lambda x: [x.at[key].get(**how), x.at[key].add(1.0, **how)])(x)

    uses = [e for e in made.eqns if e.primitive.name in ("gather", "scatter_add")]
    names = ("indices_are_sorted", "unique_indices")
    assert [tuple(use.params[n] for n in names) for use in uses] == [promised] * 2


@pytest.mark.parametrize(
    ("dtype", "filled"),
    [("int32", -(2**31)), ("uint8", 255), ("bool", True)],
)
def test_fill_reads_the_extreme_of_integer_dtypes(dtype, filled):
    x = jnp.asarray(np.zeros(3, dtype))

    assert x.at[7].get(mode="fill").item() == filled


@pytest.mark.parametrize(
    ("dtype", "fill", "filled"),
    [
        ("uint8", -1, 255),
        ("uint8", np.uint8(7), 7),
        ("int32", 2.5, 2),
        ("float16", 1e6, np.inf),
        ("bfloat16", 1 + 2**-9, 1),
    ],
)
def test_fill_values_are_converted_like_elements(dtype, fill, filled):
    x = jnp.zeros(3, dtype)

    assert x.at[7].get(mode="fill", fill_value=fill).item() == filled


@pytest.mark.parametrize("index", [jnp.array([0, 1]), jnp.array([0])[0]])
def test_fill_reads_the_fill_value_from_an_empty_axis(index):
    made = jnp.zeros((0, 2)).at[index].get(mode="fill", fill_value=3)

    np.testing.assert_array_equal(made, np.full((*index.shape, 2), 3.0))


def test_updates_of_an_empty_array_change_nothing():
    x, places = jnp.zeros((0, 2)), jnp.array([0, 0])

    made = [x.at[places].set(1.0), x.at[places].apply(jnp.sin)]

    assert [m.shape for m in made] == [(0, 2)] * 2


def test_a_known_index_out_of_bounds_raises_without_a_mode(x):
    with pytest.raises(
        IndexError, match="index 3 is out of bounds for axis 0 of size 3"
    ):
        x.at[3].set(0.0)


def test_a_traced_update_out_of_bounds_is_dropped(x):
    actual = jit(lambda v, i: v.at[i].set(0.0))(x, 3)

    np.testing.assert_array_equal(actual, HOST)


# ---- dtypes ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array", "value"),
    [
        ("float32", 1),
        ("float32", 1.5),
        ("bfloat16", 1.5),
        ("int8", 3),
        ("float32", np.int32(2)),
        ("int32", np.uint32(2)),
        ("complex64", 1j),
    ],
)
def test_values_that_fit_are_converted_silently(array, value):
    x = jnp.zeros(2, array)
    expected = np.zeros(2, np.dtype(x.dtype))
    expected[1] = value

    actual = x.at[1].set(value)

    assert actual.dtype == x.dtype
    np.testing.assert_array_equal(np.asarray(actual), expected)


@pytest.mark.parametrize(
    ("array", "value", "given"),
    [
        ("int32", 1.5, "f32"),
        ("bool", 1, "i32"),
        ("bfloat16", np.float32(1), "f32"),
        ("int8", np.int32(1), "i32"),
        ("float32", np.complex64(1), "c64"),
    ],
)
def test_values_that_may_not_fit_warn(array, value, given):
    x = jnp.zeros(2, array)

    with pytest.warns(FutureWarning, match=f"values of dtype {given} may lose"):
        actual = x.at[1].set(value)

    assert actual.dtype == x.dtype
    assert np.asarray(actual)[1] == 1


def test_divide_of_integers_gives_floats():
    actual = jnp.asarray(np.array([1, 5])).at[1].divide(2)

    assert actual.tolist() == [1.0, 2.5]


def test_values_may_be_a_list(x):
    assert x.at[0].set([4, 3, 2, 1])[0].tolist() == [4, 3, 2, 1]


# ---- transformations ---------------------------------------------------------------


def test_gradients_of_set_reach_values_and_the_other_elements(x):
    def loss(v, w):
        return (v.at[1].set(w) * HOST).sum()

    dx, dw = grad(loss, argnums=(0, 1))(x, jnp.ones(4))

    expected = HOST.copy()
    expected[1] = 0
    np.testing.assert_array_equal(dx, expected)
    np.testing.assert_array_equal(dw, HOST[1])


def test_gradients_of_add_at_repeated_indices_add_up(x):
    def loss(w):
        return (x.at[REPEATED].add(w[:, None]) * HOST).sum()

    actual = grad(loss)(jnp.ones(3))

    np.testing.assert_array_equal(actual, HOST.sum(1)[REPEATED])


def test_vmap_over_index_and_value_agrees_with_a_loop(x):
    index, values = np.array([0, 2]), np.array([5.0, 6.0], np.float32)

    actual = vmap(lambda i, v: x.at[i].set(v))(index, values)

    expected = np.stack([HOST, HOST])
    expected[0, 0], expected[1, 2] = 5, 6
    np.testing.assert_array_equal(actual, expected)


# ---- errors ------------------------------------------------------------------------


def _message(error):
    lines = str(error.value).split("\n")
    return "\n".join(line for line in lines if not line.startswith("  at "))


def test_values_that_do_not_broadcast_are_named(x):
    with pytest.raises(ValueError) as caught:
        x.at[0].set(np.ones(3, np.float32))

    assert _message(caught) == (
        "f32[3,4].at[...].set: values of shape (3,) don't broadcast to the shape (4,) "
        "of the indexed elements."
    )


@pytest.mark.parametrize("values", [None, "a", {}])
def test_values_that_are_no_numbers_are_named(x, values):
    with pytest.raises(TypeError) as caught:
        x.at[0].add(values)

    assert _message(caught) == (
        "f32[3,4].at[...].add: `values` must be an array, a number or nested lists of "
        f"numbers, got {values!r}."
    )


def test_booleans_are_not_subtracted():
    with pytest.raises(TypeError) as caught:
        jnp.ones(2, bool).at[0].subtract(True)

    assert _message(caught).startswith("scatter_sub: expected a signed integer or ")
    assert "got bool[]." in _message(caught)


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (2j, "gather: `fill_value` must be real for an operand of type f32[3,4], "),
        ("a", "x.at[...].get: `fill_value` must be a concrete scalar, got 'a'."),
        ([1.0], "x.at[...].get: `fill_value` must be a concrete scalar, got [1.0]."),
    ],
)
def test_an_unfit_fill_value_is_named(x, value, problem):
    with pytest.raises((TypeError, ValueError)) as caught:
        x.at[7].get(mode="fill", fill_value=value)

    assert _message(caught).startswith(problem)


def test_an_unknown_mode_is_named(x):
    with pytest.raises(ValueError) as caught:
        x.at[0].get(mode="wrap")

    assert _message(caught) == (
        "`mode` must be 'clip', 'fill', 'drop', 'promise_in_bounds' or a "
        "`lax.GatherScatterMode`, got 'wrap'."
    )


def test_a_mask_of_another_shape_is_named(x):
    with pytest.raises(IndexError) as caught:
        x.at[np.ones((2, 4), bool)].set(0.0)

    assert _message(caught) == (
        "f32[3,4].at[...].set: a boolean index must have the leading sizes (3, 4), got "
        "bool[2,4]."
    )


def test_no_warning_where_nothing_is_lost(x):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        x.at[0].add(1)


@pytest.mark.parametrize("index", [..., slice(None), slice(None, None, -1)], ids=str)
def test_an_update_of_everything_keeps_the_type(x, index):
    assert x.at[index].set(-1.0).weak_type is False
    assert jnp.asarray(1.0).at[...].set(x[0, 0]).weak_type is True

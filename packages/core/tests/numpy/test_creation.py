"""Making arrays: from data, filled, ramps, matrices, grids."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp


@pytest.mark.parametrize(
    ("data", "dtype"),
    [
        ([1, 2], "int32"),
        ([1, 2.5], "float32"),
        ([True, False], "bool"),
        ([np.int8(1), 2], "int8"),
        ([np.float16(1), 2.5], "float16"),
        ([], "float32"),
        ([1j], "complex64"),
        (range(3), "int32"),
        ([[1, 2], [3, 4]], "int32"),
        (np.arange(3.0), "float32"),
    ],
)
def test_array_takes_the_dtype_of_its_elements(data, dtype):
    made = jnp.array(data)

    assert made.dtype == np.dtype(dtype)
    assert not made.weak_type
    np.testing.assert_array_equal(made, np.array(data))


def test_python_scalar_becomes_weakly_typed_unless_a_dtype_is_given():
    assert jnp.array(1.0).weak_type
    assert not jnp.array(1.0, dtype="float32").weak_type
    assert not jnp.array(True).weak_type


def test_array_of_arrays_and_numbers_stacks_them():
    assert jnp.array([jnp.array([1.0, 2.0]), [3, 4]]).tolist() == [[1, 2], [3, 4]]


def test_array_of_traced_values_is_recorded():
    made = dc.jit(lambda x: jnp.array([[x, 1.0], [2.0, x * x]]))(3.0)

    assert made.tolist() == [[3.0, 1.0], [2.0, 9.0]]


def test_changing_the_numpy_source_later_changes_nothing():
    source = np.zeros(3, np.float32)
    made = jnp.asarray(source)

    source[:] = 1

    assert made.tolist() == [0.0, 0.0, 0.0]


def test_asarray_returns_arrays_as_they_are_and_array_copies():
    x = jnp.ones(3)

    assert jnp.asarray(x) is x
    assert jnp.array(x) is not x
    assert jnp.array(x, ndmin=2).shape == (1, 3)


@pytest.mark.parametrize("shape", [(), 3, (2, 0), (2, 3), (200, 200)])
@pytest.mark.parametrize("name", ["zeros", "ones"])
def test_filled_arrays(name, shape):
    np.testing.assert_array_equal(getattr(jnp, name)(shape), getattr(np, name)(shape))


def test_full_broadcasts_its_value_and_keeps_its_dtype():
    assert jnp.full((2, 2), jnp.arange(2)).tolist() == [[0, 1], [0, 1]]
    assert jnp.full(2, 3, "bfloat16").dtype == jnp.bfloat16
    assert jnp.full_like(jnp.arange(3), 2.7).tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    "args", [(5,), (2, 8), (5, 0, -2), (1.0, 2.0, 0.3), (-1,), (0, 40000)]
)
def test_arange_agrees_with_numpy_eagerly_and_recorded(args):
    expected = np.arange(*args)

    np.testing.assert_allclose(jnp.arange(*args), expected, rtol=1e-6)
    np.testing.assert_allclose(dc.jit(lambda: jnp.arange(*args))(), expected, rtol=1e-6)


def test_linspace_agrees_with_numpy():
    start = np.array([0.0, 10.0], np.float32)

    made, step = jnp.linspace(start, 20.0, 5, axis=1, retstep=True)

    np.testing.assert_allclose(made, np.linspace(start, 20.0, 5, axis=1), rtol=1e-6)
    np.testing.assert_allclose(step, [5.0, 2.5])
    assert jnp.linspace(0, 1, 4, endpoint=False).tolist() == [0.0, 0.25, 0.5, 0.75]


def test_logspace_and_geomspace_agree_with_numpy():
    np.testing.assert_allclose(jnp.logspace(0, 2, 3), [1, 10, 100], rtol=1e-5)
    np.testing.assert_allclose(jnp.geomspace(1, 8, 4), [1, 2, 4, 8], rtol=1e-5)


@pytest.mark.parametrize("k", [-1, 0, 2])
def test_matrices_agree_with_numpy(k):
    x = np.arange(12).reshape(3, 4)

    np.testing.assert_array_equal(jnp.eye(3, 4, k), np.eye(3, 4, k))
    np.testing.assert_array_equal(jnp.tri(3, 4, k), np.tri(3, 4, k))
    np.testing.assert_array_equal(jnp.tril(x, k), np.tril(x, k))
    np.testing.assert_array_equal(jnp.triu(x, k), np.triu(x, k))


@pytest.mark.parametrize("options", [{}, {"indexing": "ij"}, {"sparse": True}])
def test_meshgrid_agrees_with_numpy(options):
    axes = np.arange(2), np.arange(3)

    made = jnp.meshgrid(*axes, **options)

    for own, expected in zip(made, np.meshgrid(*axes, **options), strict=True):
        np.testing.assert_array_equal(own, expected)


def test_indices_agree_with_numpy():
    np.testing.assert_array_equal(jnp.indices((2, 3)), np.indices((2, 3)))


def test_astype_truncates_towards_zero():
    assert jnp.array([1.9, -1.9]).astype(int).tolist() == [1, -1]
    assert jnp.array([0.0, 0.5]).astype(bool).tolist() == [False, True]


ERRORS = [
    (
        lambda: jnp.array("text"),
        TypeError,
        "array: `object` must hold numbers, got str 'text'.",
    ),
    (
        lambda: jnp.zeros((2, -1)),
        ValueError,
        "zeros: sizes must not be negative, got (2, -1).",
    ),
    (
        lambda: jnp.zeros(2.5),
        TypeError,
        "zeros: `shape` must be an integer or a sequence of integers, got 2.5.",
    ),
    (
        lambda: jnp.arange(0, 1, 0),
        ValueError,
        "arange: `step` must not be zero.",
    ),
    (
        lambda: jnp.arange(3, dtype=bool),
        TypeError,
        "arange: expected a dtype of numbers, got bool.",
    ),
    (
        lambda: jnp.tril(jnp.ones(3)),
        ValueError,
        "tril: `m` must have at least two axes, got f32[3].",
    ),
    (
        lambda: jnp.meshgrid(jnp.ones(2), indexing="yx"),
        ValueError,
        "meshgrid: `indexing` must be 'xy' or 'ij', got 'yx'.",
    ),
]


def test_astype_gives_an_array_of_that_dtype_itself_unless_a_copy_is_wanted():
    x = jnp.arange(3)

    assert x.astype("int32") is jnp.astype(x, jnp.int32) is x
    copied = x.astype("int32", copy=True)
    assert copied.unsafe_buffer_pointer() != x.unsafe_buffer_pointer()
    assert not jnp.asarray(1.0).astype("float32").weak_type


def test_asarray_without_a_copy_gives_the_array_itself():
    x = jnp.arange(3)

    same = jnp.asarray(x, "int32", copy=False)

    assert same is x
    assert dc.jit(lambda x: jnp.asarray(x, copy=False))(x).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("data", "dtype", "given", "type"),
    [
        ([1, 2], None, "list", "i32[2]"),
        (1.0, None, "float", "~f32[]"),
        (np.ones(2, "float32"), None, "ndarray", "f32[2]"),
        (jnp.ones(2), int, "f32[2]", "i32[2]"),
    ],
)
def test_asarray_refuses_what_takes_a_copy_where_none_may_be_made(
    data, dtype, given, type
):
    with pytest.raises(ValueError) as caught:
        jnp.asarray(data, dtype, copy=False)

    first, _, fix = str(caught.value).split("\n")
    assert first == (
        f"asarray: `copy` is False, but `a`, {given}, must be copied to become {type} "
        f"on {dc.devices()[0]}."
    )
    assert fix == "Allow it with `copy=None`."


@pytest.mark.parametrize(("call", "kind", "problem"), ERRORS)
def test_error_names_function_argument_and_line(call, kind, problem):
    with pytest.raises(kind) as caught:
        call()

    first, place, *_ = str(caught.value).split("\n")
    assert first == problem
    assert "test_creation.py" in place


@pytest.mark.parametrize(
    ("value", "dtype", "kind", "problem"),
    [
        (
            [1, 300],
            "uint8",
            OverflowError,
            "Python integer 300 out of bounds ",
        ),
        (-1, "uint8", OverflowError, "Python integer -1 out of bounds "),
        ([[2**40]], int, OverflowError, "Python integer 1099511627776 out of bounds "),
        ([np.int64(2**40)], "int32", OverflowError, "Python integer 1099511627776 "),
        (np.nan, "int32", ValueError, "cannot convert float NaN to integer"),
        ([0, np.inf], "int32", OverflowError, "cannot convert float infinity to "),
        ([1j], "float32", TypeError, "float() argument must be a string or a real "),
    ],
)
def test_numbers_that_do_not_fit_the_dtype_are_refused(value, dtype, kind, problem):
    short = {"uint8": "u8", "int32": "i32", int: "i32", "float32": "f32"}[dtype]

    with pytest.raises(kind) as caught:
        jnp.array(value, dtype)

    first, *_, fix = str(caught.value).splitlines()
    assert first.startswith(
        f"array: a number can't be an element of dtype {short}: {problem}"
    )
    assert fix == "Give a `dtype` that holds all of them."


def test_integer_that_does_not_fit_is_refused():
    with pytest.raises(OverflowError, match="Python integer 1099511627776"):
        jnp.array(2**40)


def test_whether_an_integer_fits_depends_on_what_it_stands_beside():
    assert jnp.array([2**31, np.uint32(1)]).tolist() == [2**31, 1]
    assert jnp.array([0.5, 2**40]).tolist() == [0.5, 2**40]


def test_sequences_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="sequences side by side must have equal"):
        jnp.array([[1, 2], [3]])


def test_traced_size_is_refused_with_the_argument():
    with pytest.raises(TypeError, match="zeros: `shape`: expected a concrete value"):
        dc.jit(lambda n: jnp.zeros(n))(3)

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core import lax, numpy as jnp

from .test_shape import problem

X = np.float32([[1, 2, 3], [4, 5, 6]])


def test_axis_out_of_range_is_refused():
    with pytest.raises(ValueError) as error:
        lax.reduce_sum(np.zeros((2, 3), "f4"), (2,))

    assert str(error.value).splitlines()[0] == (
        "reduce_sum: `axes` must be between -2 and 1 for an operand with 2 axes, got 2."
    )


def test_index_of_an_empty_axis_is_refused():
    with pytest.raises(ValueError) as error:
        lax.argmax(np.zeros((2, 0), "f4"), 1, "int32")

    assert str(error.value).splitlines()[0] == (
        "argmax: the axis must not be empty, got axis 1 of f32[2,0]."
    )


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
def test_equal_extrema_share_the_derivative(function):
    x = np.float32([1, 1, 1, 1])

    got = dc.grad(lambda x: function(x, (0,)))(x)

    np.testing.assert_array_equal(got, [0.25, 0.25, 0.25, 0.25])


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
@pytest.mark.parametrize("dtype", ["float16", ml_dtypes.bfloat16, "float32", "float64"])
@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_extremum_of_many_elements_with_nan_is_nan(function, dtype, axes):
    # XLA gives reductions of so many elements to another library on CPUs.
    x = np.ones((64, 128), dtype)
    x[5, 7] = np.nan

    with dc.enable_x64(True):
        got = function(x, axes)

    has_nan = np.isnan(x).any(axes)
    np.testing.assert_array_equal(np.isnan(np.float32(got)), has_nan)
    np.testing.assert_array_equal(np.float32(got)[~has_nan], 1)


@pytest.mark.parametrize(
    ("function", "expected"), [(lax.reduce_max, np.inf), (lax.reduce_min, -np.inf)]
)
def test_extremum_of_many_elements_with_both_infinities_is_one(function, expected):
    x = np.ones(4096, np.float32)
    x[[17, 2000]] = np.inf, -np.inf

    assert function(x, (0,)) == expected


@pytest.mark.parametrize("function", [lax.reduce_max, lax.reduce_min])
def test_extremum_with_nan_is_nan(function):
    assert np.isnan(function(np.float32([1, np.nan, 2]), (0,)))


@pytest.mark.parametrize(
    ("dtype", "least", "greatest"),
    [
        ("float32", -np.inf, np.inf),
        ("int8", -128, 127),
        ("uint8", 0, 255),
        ("bool", False, True),
    ],
)
def test_extrema_of_nothing_are_the_limits_of_the_dtype(dtype, least, greatest):
    x = np.zeros(0, dtype)

    assert lax.reduce_max(x, (0,)) == least
    assert lax.reduce_min(x, (0,)) == greatest


def test_complex_extremum_is_lexicographic():
    x = np.complex64([1 + 2j, 1 + 3j, 0 + 9j])

    assert lax.reduce_max(x, (0,)) == 1 + 3j
    assert lax.reduce_min(x, (0,)) == 9j


def test_second_derivative_of_a_product_with_zeros():
    x = np.float32([0.0, 0.0, 2.0])

    got = dc.hessian(lambda x: lax.reduce_prod(x, (0,)))(x)

    np.testing.assert_array_equal(got, [[0, 2, 0], [2, 0, 0], [0, 0, 0]])


def test_reduction_by_a_known_function_is_that_reduction():
    def total(x):
        return lax.reduce(x, np.float32(1), lax.add, (0,))

    x = np.float32([1, 2, 3])

    assert total(x) == 7
    np.testing.assert_array_equal(dc.grad(total)(x), [1, 1, 1])


def test_init_of_another_dtype_is_refused():
    with pytest.raises(TypeError) as error:
        lax.reduce(np.float32([1]), np.int32(0), lax.add, (0,))

    assert problem(error) == (
        "reduce: initial values must have the dtype of their operand, got i32[] for "
        "f32[1].\nConvert it with `.astype(...)` first."
    )


@pytest.mark.parametrize(
    ("args", "kind", "expected"),
    [
        (
            ((), (), lambda a, b: a),
            ValueError,
            "reduce: expected at least one operand, got none.",
        ),
        (
            ((X, X), (0.0, 0.0), lambda a, b: (a[0] + b[0],)),
            ValueError,
            "reduce: `computation` must return a tree like its arguments, "
            "PyTreeDef((*, *)), got PyTreeDef((*,)).",
        ),
        (
            ((X, X), (0.0, 0.0), lambda a, b: (a[0], a[1] > b[1])),
            TypeError,
            "reduce: `computation` must return scalars like its arguments (f32[], "
            "f32[]), got (f32[], bool[]).",
        ),
        (
            ((X, X[0]), (0.0, 0.0), lambda a, b: a),
            ValueError,
            "reduce: operands must have equal shapes, got f32[2,3], f32[3].",
        ),
        (
            (X, np.zeros(1, "f"), lax.add),
            ValueError,
            "reduce: initial values must be scalars, got f32[1] for f32[2,3].",
        ),
        (
            ((X, X), 0.0, lax.add),
            ValueError,
            "reduce: expected a tree of initial values like that of the operands, got "
            "PyTreeDef(*) for PyTreeDef((*, *)).",
        ),
        (
            (np.arange(3), -np.inf, lax.max),
            TypeError,
            "reduce: initial values must have the dtype of their operand, got ~f32[] "
            "for i32[3].\nConvert it with `.astype(...)` first.",
        ),
    ],
)
def test_wrong_arguments_of_a_reduction(args, kind, expected):
    with pytest.raises(kind) as error:
        lax.reduce(*args, (0,))
    assert problem(error) == expected


def test_reductions_of_several_arrays_compose():
    def pair(x):
        def combine(a, b):
            return a[0] * b[0], a[1] + b[1]

        return lax.reduce((x, x), (np.float32(1), np.float32(0)), combine, (0,))

    def total(x):
        product, sum_ = dc.jit(dc.vmap(pair))(x)
        return (product + sum_).sum()

    slope = dc.jit(dc.grad(total))(X)

    others = [[row[i - 2] * row[i - 1] for i in range(3)] for row in X]
    np.testing.assert_allclose(slope, 1 + np.array(others), rtol=1e-6)


@pytest.mark.parametrize("combine", [lax.mul, lambda a, b: a * b * 1])
def test_weak_types_of_a_reduction(combine):
    program = dc.make_jaxpr(lambda x: lax.reduce(x, 1.0, combine, (0,)))

    assert program(lax.full((2,), 1.0)).out_avals[0].weak_type
    assert not program(X[0]).out_avals[0].weak_type


def test_a_function_may_reduce_arrays_of_several_shapes():
    def combine(a, b):
        return a * b * 1

    def total(x):
        return jnp.sum(lax.reduce(x, np.float32(1), combine, (0,)))

    slopes = dc.grad(total)(X), dc.grad(total)(X[:, :2])

    assert [slope.tolist() for slope in slopes] == [
        [[4, 5, 6], [1, 2, 3]],
        [[4, 5], [1, 2]],
    ]


def test_an_operation_whose_result_is_not_used_is_no_reduction():
    def first(a, b):
        lax.add(a, b)
        return a

    assert lax.reduce(np.float32([3]), np.float32(7), first, (0,)) in (3, 7)

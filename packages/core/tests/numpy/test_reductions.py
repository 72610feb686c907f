"""Reductions and cumulative functions against NumPy."""

import ml_dtypes
import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

X = np.array([[3.0, -1.5, 2.0], [0.5, 4.0, -2.0]], np.float32)
WITH_NAN = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]], np.float32)
MASK = np.array([[True, False, True], [False, True, True]])

FUNCTIONS = [
    *("sum", "prod", "mean", "var", "std", "max", "min", "ptp"),
    *("any", "all", "count_nonzero", "median"),
]
OPTIONS = [{}, {"axis": 0}, {"axis": (0, 1)}, {"axis": -1, "keepdims": True}]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_reduction_agrees_with_numpy(name, options):
    expected = getattr(np, name)(X, **options)

    made = getattr(jnp, name)(X, **options)

    np.testing.assert_allclose(made, expected, rtol=1e-6)
    assert made.shape == np.shape(expected)


@pytest.mark.parametrize("name", ["argmax", "argmin"])
@pytest.mark.parametrize("options", [{}, {"axis": 1}, {"axis": 0, "keepdims": True}])
def test_place_of_extreme_agrees_with_numpy(name, options):
    made = getattr(jnp, name)(X, **options)

    np.testing.assert_array_equal(made, getattr(np, name)(X, **options))


@pytest.mark.parametrize(
    "name", ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanmedian"]
)
@pytest.mark.filterwarnings("ignore")
def test_nan_variant_leaves_nan_out(name):
    expected = getattr(np, name)(WITH_NAN, axis=1)

    made = getattr(jnp, name)(WITH_NAN, axis=1)

    np.testing.assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "any", "all"])
def test_where_selects_what_takes_part(name):
    expected = getattr(np, name)(X, axis=1, where=MASK)

    made = getattr(jnp, name)(X, axis=1, where=MASK)

    np.testing.assert_allclose(made, expected, rtol=1e-6)


@pytest.mark.parametrize("dtype", ["int8", "bfloat16"])
def test_extremes_with_a_mask_keep_the_dtype(dtype):
    x = jnp.array([1, 2, 3], dtype)

    made = jnp.max(x, initial=0, where=np.array([True, True, False]))

    assert (float(made), made.dtype) == (2.0, x.dtype)
    assert jnp.nanmin(x).dtype == x.dtype


def test_initial_takes_part_once():
    assert jnp.sum(X, axis=1, initial=10).tolist() == [13.5, 12.5]
    assert jnp.max(X, axis=1, initial=3.5).tolist() == [3.5, 4.0]
    assert jnp.max(np.zeros((0,), np.float32), initial=-1.0).tolist() == -1.0


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_cumulative_function_agrees_with_numpy(name, axis):
    made = getattr(jnp, name)(X, axis=axis)

    np.testing.assert_allclose(made, getattr(np, name)(X, axis=axis), rtol=1e-6)


def test_cumulative_sum_can_begin_with_nothing():
    assert jnp.cumulative_sum(np.arange(3), include_initial=True).tolist() == [
        0,
        0,
        1,
        3,
    ]


@pytest.mark.parametrize("method", ["linear", "lower", "higher", "midpoint", "nearest"])
def test_quantile_agrees_with_numpy(method):
    q = np.array([0.0, 0.3, 0.9], np.float32)

    made = jnp.quantile(X, q, axis=1, method=method)

    np.testing.assert_allclose(
        made, np.quantile(X, q, axis=1, method=method), rtol=1e-5, atol=1e-6
    )


def test_percentile_is_quantile_in_hundredths():
    np.testing.assert_allclose(jnp.percentile(X, 30), np.percentile(X, 30), rtol=1e-6)


def test_only_one_method_takes_weights_and_they_must_fit():
    with pytest.raises(ValueError) as method:
        jnp.quantile(X, 0.5, weights=X)
    with pytest.raises(ValueError) as shape:
        jnp.percentile(X, 50, 1, method="inverted_cdf", weights=X[:, :1])

    assert str(method.value).splitlines()[0] == (
        "quantile: only the method 'inverted_cdf' takes weights, got 'linear'."
    )
    assert str(shape.value).splitlines()[0] == (
        "percentile: `weights` must have the shape of `a`, or that of the one axis in "
        "`axis`, got f32[2,1] for f32[2,3] and axes (1,)."
    )


def test_quantile_of_nan_is_nan():
    assert np.isnan(jnp.quantile(WITH_NAN, 0.5, axis=1)).all()


def test_average_weighs_along_one_axis():
    weights = np.array([1.0, 2.0, 3.0], np.float32)

    made, total = jnp.average(X, axis=1, weights=weights, returned=True)

    np.testing.assert_allclose(made, np.average(X, axis=1, weights=weights), rtol=1e-6)
    assert total.tolist() == [6.0, 6.0]


def test_diff_agrees_with_numpy():
    x = np.array([1, 4, 9, 16])

    np.testing.assert_array_equal(jnp.diff(x, n=2), np.diff(x, n=2))
    np.testing.assert_array_equal(jnp.diff(x, prepend=0), np.diff(x, prepend=0))


def test_trapezoid_agrees_with_numpy():
    x = np.array([0.0, 1.0, 3.0], np.float32)

    np.testing.assert_allclose(jnp.trapezoid(X, x), np.trapezoid(X, x), rtol=1e-6)


def test_sixteen_bit_sum_is_accumulated_in_single_precision():
    # In bfloat16 itself the sum would stop growing at 256.
    x = np.ones((1000,), ml_dtypes.bfloat16)

    assert float(jnp.sum(x)) == 1000.0
    assert jnp.sum(x).dtype == ml_dtypes.bfloat16


def test_mean_is_a_sum_and_a_quotient():
    text = str(dc.make_jaxpr(lambda x: jnp.mean(x, axis=1))(X))

    assert text.count(" = ") == 2
    assert "reduce_sum[axes=(1,)]" in text
    assert "div" in text


def test_variance_of_one_element_with_ddof_is_nan():
    assert np.isnan(jnp.var(np.ones(1, np.float32), ddof=1))


def test_gradient_of_variance_agrees_with_its_formula():
    made = dc.grad(lambda x: jnp.var(x))(X)

    np.testing.assert_allclose(made, 2 * (X - X.mean()) / X.size, rtol=1e-5, atol=1e-6)


ERRORS = [
    (
        lambda: jnp.sum([1, 2]),
        TypeError,
        "sum: `a` must be an array or a scalar, got list.",
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.sum(jnp.ones((2, 3)), axis=2),
        ValueError,
        "sum: `axis` must be between -2 and 1 for an array with 2 axes, got 2.",
        "",
    ),
    (
        lambda: jnp.mean(jnp.ones((2, 3)), axis=(0, 0)),
        ValueError,
        "mean: `axis` names an axis twice: (0, 0).",
        "",
    ),
    (
        lambda: jnp.max(jnp.zeros((0, 2)), axis=0),
        ValueError,
        "max: no elements to reduce in f32[0,2] over axes (0,).",
        "Give `initial`, the result for no elements.",
    ),
    (
        lambda: jnp.min(jnp.ones(2), where=np.array([True, False])),
        ValueError,
        "min: `where` may leave no elements, and those have no min.",
        "Give `initial`, the result for no elements.",
    ),
    (
        lambda: jnp.sum(jnp.ones(2), where=np.array([1, 0])),
        TypeError,
        "sum: `where` must be boolean, got i32[2].",
        "Compare it with something, for example `where != 0`.",
    ),
    (
        lambda: jnp.argmax(jnp.zeros((0,))),
        ValueError,
        "argmax: no elements along axis 0 of f32[0].",
        "",
    ),
]


@pytest.mark.parametrize(("call", "kind", "problem", "fix"), ERRORS)
def test_error_names_function_argument_line_and_fix(call, kind, problem, fix):
    with pytest.raises(kind) as caught:
        call()

    first, place, *rest = str(caught.value).split("\n")
    assert first == problem
    assert "test_reductions.py" in place
    assert "\n".join(rest) == fix


def test_out_is_refused():
    message = (
        "sum: `out` is not supported, because arrays never change. Use the result "
        "instead."
    )

    with pytest.raises(NotImplementedError) as caught:
        jnp.sum(jnp.ones(2), out=jnp.ones(()))

    assert str(caught.value) == message

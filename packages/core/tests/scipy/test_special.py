"""Special functions against SciPy."""

import inspect
import re

import numpy as np
import pytest
import scipy.special

import dolmen.core as dc
from dolmen.core.scipy import special

TOLERANCE = {"float32": 2e-5, "float64": 1e-12}
# Name -> arguments; each broadcasts against the others.
POINTS = [0.2, 0.9, 2.5, 7.0]
COLUMN = [[0.4], [3.0]]
ROWS = {
    "beta": (POINTS, COLUMN),
    "betainc": (POINTS, COLUMN, 0.3),
    "betaln": (POINTS, COLUMN),
    "digamma": (POINTS,),
    "erf": (POINTS,),
    "erfc": ([-2.0, -0.3, 0.2, 3.0],),
    "erfinv": ([-0.9, 0.1, 0.5, 0.99],),
    "expit": ([-7.0, -0.5, 0.3, 9.0],),
    "gammainc": (POINTS, COLUMN),
    "gammaincc": (POINTS, COLUMN),
    "gammaln": ([-2.5, -0.5, 0.3, 4.5],),
    "gammasgn": ([-2.5, -0.5, 0.3, 4.5],),
    "i0": ([-3.0, -0.5, 2.0, 9.0],),
    "i0e": ([-3.0, -0.5, 2.0, 9.0],),
    "i1": ([-3.0, -0.5, 2.0, 9.0],),
    "i1e": ([-3.0, -0.5, 2.0, 9.0],),
    "logit": ([0.05, 0.3, 0.75, 0.9],),
    "polygamma": ([[1], [2]], POINTS),
    "entr": (POINTS,),
    "kl_div": (POINTS, COLUMN),
    "rel_entr": (POINTS, COLUMN),
    "xlog1py": (POINTS, COLUMN),
    "xlogy": (POINTS, COLUMN),
}
FIXED = {"betainc": 2, "gammainc": 1, "gammaincc": 1, "polygamma": 1}


def cast(args, dtype):
    return [np.asarray(arg, dtype) for arg in args]


def of_rows(rows):
    return pytest.mark.parametrize("name", sorted(rows))


@of_rows(ROWS)
@pytest.mark.parametrize("dtype", TOLERANCE)
def test_values_agree_with_scipy(name, dtype):
    args = cast(ROWS[name], dtype)

    with dc.enable_x64(True):
        got = getattr(special, name)(*args)

    wide = [arg.astype(float) for arg in args]
    limit = TOLERANCE[dtype]
    expected = getattr(scipy.special, name)(*wide)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, limit, limit)


@of_rows(ROWS)
def test_gradients_agree_with_differences_under_jit_and_vmap(name):
    function, oracle = getattr(special, name), getattr(scipy.special, name)
    args = [arg.ravel() for arg in np.broadcast_arrays(*cast(ROWS[name], float))]
    index, h = FIXED.get(name, 0), 1e-5

    with dc.enable_x64(True):
        got = dc.jit(dc.vmap(dc.grad(function, index)))(*args)

    ahead, back = [list(args), list(args)]
    ahead[index], back[index] = args[index] + h, args[index] - h
    expected = (oracle(*ahead) - oracle(*back)) / (2 * h)
    np.testing.assert_allclose(got, expected, 1e-6, 1e-7)


@of_rows(ROWS)
def test_arguments_have_the_names_of_jax(name):
    expected = {"polygamma": ["n", "x"], "beta": ["a", "b"], "betaln": ["a", "b"]}
    expected |= {"gammainc": ["a", "x"], "gammaincc": ["a", "x"]}
    expected |= {"kl_div": ["p", "q"], "rel_entr": ["p", "q"]}
    expected |= {"xlogy": ["x", "y"], "xlog1py": ["x", "y"]}
    expected["betainc"] = ["a", "b", "x"]

    parameters = list(inspect.signature(getattr(special, name)).parameters)

    assert parameters == expected.get(name, ["x"])


def test_gamma_has_the_limits_of_scipy_at_its_poles():
    x = np.array([0.0, -0.0, -1.0, -2.0, np.nan, np.inf], np.float32)

    np.testing.assert_array_equal(
        special.gamma(x), [np.inf, -np.inf] + [np.nan] * 3 + [np.inf]
    )
    np.testing.assert_array_equal(special.gammasgn(x), [1, -1] + [np.nan] * 3 + [1])


@pytest.mark.parametrize("name", ["xlogy", "xlog1py", "rel_entr", "kl_div"])
def test_products_with_logarithms_have_the_limits_of_scipy(name):
    edges = np.array([0.0, -1.0, -2.0, 1.0, np.inf, np.nan], np.float32)
    x, y = np.array([[0.0], [1.0], [-1.0], [np.nan]], np.float32), edges

    got = getattr(special, name)(x, y)

    expected = getattr(scipy.special, name)(x, y)
    np.testing.assert_allclose(got, expected, 1e-6)


def test_entropy_is_minus_infinity_for_negative_numbers():
    x = np.array([-1.0, 0.0, np.nan], np.float32)

    np.testing.assert_array_equal(special.entr(x), [-np.inf, 0, np.nan])


def test_the_derivative_of_xlogy_by_a_factor_of_zero_is_the_logarithm():
    assert dc.grad(special.xlogy)(0.0, 1.0) == 0.0
    np.testing.assert_allclose(dc.grad(special.xlogy)(0.0, 2.0), np.log(2), 1e-6)
    np.testing.assert_allclose(dc.grad(special.xlog1py)(0.0, 1.0), np.log(2), 1e-6)


def test_integers_are_taken_as_floating_point():
    assert special.gammaln(np.arange(1, 4)).dtype == np.float32
    assert special.expit(0).weak_type


def test_text_is_no_array():
    with pytest.raises(TypeError) as error:
        special.erf("one")

    assert re.sub(r"\n  at .*", "", str(error.value)) == (
        "erf: `x` must be an array or a scalar, got str 'one'."
    )

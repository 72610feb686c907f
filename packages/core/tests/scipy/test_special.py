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


def message_of(call, *args, **kwargs):
    """The message of the error that a call raises, without the user's line."""
    with pytest.raises((TypeError, ValueError)) as error:
        call(*args, **kwargs)
    return type(error.value), re.sub(r"\n  at .*", "", str(error.value))


@pytest.mark.parametrize("name", ["dawsn", "exp1", "expi", "fresnel", "sici", "spence"])
def test_complex_numbers_are_refused_where_only_real_ones_are_meant(name):
    assert message_of(getattr(special, name), np.ones(2, np.complex64)) == (
        TypeError,
        f"{name}: arguments must be real, got complex64.",
    )


def test_the_order_of_an_exponential_integral_has_no_derivative():
    assert message_of(dc.grad(special.expn), 2.0, 1.5) == (
        ValueError,
        "expn: the derivative by `n` is not implemented.\n"
        "Stop the gradient of `n` with `lax.stop_gradient`.",
    )


def test_orders_of_bessel_functions_are_not_negative():
    assert message_of(special.bessel_jn, 1.0, v=-1) == (
        ValueError,
        "bessel_jn: `v` must not be negative, got -1.",
    )


def test_degrees_of_spherical_harmonics_are_integers():
    assert message_of(special.sph_harm_y, np.ones(2, np.float32), 1, 0.5, 0.5) == (
        TypeError,
        "sph_harm_y: `n` must be of integers, got f32[2].",
    )


def test_spherical_harmonics_differentiate_by_transformations_only():
    with pytest.raises(NotImplementedError) as error:
        special.sph_harm_y(1, 1, 0.5, 0.5, 1)

    assert str(error.value) == (
        "sph_harm_y: `diff_n` must be None. Differentiate by the angles with `jvp` or "
        "`grad`."
    )


def test_a_traced_degree_needs_its_maximum():
    def harmonic(n):
        return special.sph_harm_y(n, 1, 0.5, 0.5, n_max=2)

    n = np.array([1, 2])

    np.testing.assert_allclose(dc.jit(harmonic)(n), harmonic(n), 1e-6)
    with pytest.raises(TypeError, match="`n`, unless `n_max` is given"):
        dc.jit(lambda n: special.sph_harm_y(n, 1, 0.5, 0.5))(n)


@pytest.mark.parametrize("name", ["gamma", "erfcx", "expi"])
def test_half_precision_is_computed_in_single_and_rounded_once(name):
    x = np.array([0.3, 1.5, 4.5], np.float16)
    function = getattr(special, name)

    np.testing.assert_array_equal(
        function(x), np.asarray(function(x.astype(np.float32))).astype(np.float16)
    )


def test_results_of_formulas_are_strongly_typed():
    assert not special.gamma(2.5).weak_type
    assert special.factorial(3).weak_type
    assert special.loggamma(2.5).weak_type
    assert dc.make_jaxpr(special.ndtri)(0.5).out_avals[0].weak_type is False


def test_gamma_of_small_integers_is_exact():
    n = np.arange(1, 14, dtype=np.float32)

    np.testing.assert_array_equal(special.gamma(n), scipy.special.gamma(n))


def test_derivatives_of_the_faddeeva_function_are_those_of_its_equation():
    z = np.array([0.5 + 0.5j, -2 + 8j, 1 - 1j])

    with dc.enable_x64(True):
        slope = dc.vmap(dc.grad(special.wofz, holomorphic=True))(z)

    expected = 2j / np.sqrt(np.pi) - 2 * z * scipy.special.wofz(z)
    np.testing.assert_allclose(slope, expected, 1e-12)


def test_derivatives_of_the_loggamma_function_are_digamma_in_the_plane():
    z = np.array([0.5 + 0.5j, 1.1 + 0j, 2.2 - 0.1j, -3.5 + 0.2j, 12 - 9j])

    with dc.enable_x64(True):
        slope = dc.vmap(dc.grad(special.loggamma, holomorphic=True))(z)

    np.testing.assert_allclose(slope, scipy.special.digamma(z), 1e-12)


def test_second_derivatives_keep_their_digits_far_out():
    with dc.enable_x64(True):
        slope = dc.grad(special.erfcx)(1e7)
        second = dc.jit(dc.grad(dc.grad(special.expi)))(2.0)

    np.testing.assert_allclose(slope, -1 / (np.sqrt(np.pi) * 1e14), 1e-12)
    np.testing.assert_allclose(second, np.exp(2.0) / 4, 1e-14)


def test_owens_function_keeps_its_digits_where_it_is_tiny():
    h, a = np.array([5.0, 30.0]), np.array([0.3, 0.5])

    with dc.enable_x64(True):
        got = special.owens_t(h, a)

    np.testing.assert_allclose(got, scipy.special.owens_t(h, a), 1e-13)


def test_expi_keeps_its_digits_around_its_zero():
    x = np.array([0.3725, 0.37250741, 0.3725075])

    with dc.enable_x64(True):
        got = special.expi(x)

    # By its series in decimals of 50 digits; SciPy has 8 digits there.
    expected = [
        -2.8874183188745963e-05,
        -3.0443730423541984e-09,
        3.4761501692152855e-07,
    ]
    np.testing.assert_allclose(got, expected, 2e-14)

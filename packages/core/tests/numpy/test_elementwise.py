"""Elementwise functions: values against NumPy, under each way of running them."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp

REALS = np.array([-2.5, -1.0, -0.0, 0.0, 0.5, 1.5, np.inf, -np.inf, np.nan], np.float32)
POSITIVE = np.array([0.25, 1.0, 3.5], np.float32)
UNIT = np.array([-0.9, 0.0, 0.5], np.float32)
INTEGERS = np.array([-7, -1, 0, 2, 5], np.int32)
ABOVE_ONE = np.array([1.0, 1.5, 4.0], np.float32)

UNARY = [
    *[(name, REALS) for name in ("exp", "exp2", "expm1", "sin", "cos", "tan", "tanh")],
    *[
        (name, REALS)
        for name in ("arctan", "sinh", "cosh", "arcsinh", "cbrt", "square")
    ],
    *[(name, POSITIVE) for name in ("log", "log1p", "log2", "log10", "sqrt")],
    *[(name, UNIT) for name in ("arcsin", "arccos", "arctanh", "sinc")],
    ("arccosh", ABOVE_ONE),
    *[(name, REALS) for name in ("negative", "positive", "absolute", "fabs", "sign")],
    *[(name, REALS) for name in ("signbit", "floor", "ceil", "trunc", "rint", "round")],
    *[(name, REALS) for name in ("isnan", "isinf", "isfinite", "isposinf", "isneginf")],
    *[(name, REALS) for name in ("degrees", "radians", "nan_to_num", "logical_not")],
    *[(name, POSITIVE) for name in ("reciprocal", "real", "imag", "conjugate")],
    *[(name, INTEGERS) for name in ("bitwise_not", "absolute", "sign", "negative")],
]

BINARY = [
    *[(name, REALS) for name in ("add", "subtract", "multiply", "divide", "maximum")],
    *[(name, REALS) for name in ("minimum", "fmax", "fmin", "copysign", "heaviside")],
    *[(name, REALS) for name in ("equal", "not_equal", "less", "less_equal")],
    *[(name, REALS) for name in ("greater", "greater_equal", "logical_and")],
    *[(name, REALS) for name in ("logical_or", "logical_xor", "arctan2")],
    *[(name, POSITIVE) for name in ("power", "hypot", "logaddexp", "logaddexp2")],
    *[(name, POSITIVE) for name in ("floor_divide", "remainder", "fmod")],
    *[(name, INTEGERS) for name in ("add", "multiply", "bitwise_and", "bitwise_or")],
    *[(name, INTEGERS) for name in ("bitwise_xor", "maximum")],
]


@pytest.mark.parametrize(("name", "x"), UNARY)
def test_unary_function_agrees_with_numpy(name, x):
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x)

    made = getattr(jnp, name)(x)

    np.testing.assert_allclose(made, expected, rtol=2e-6, atol=1e-6)
    assert np.asarray(made).dtype == expected.dtype


@pytest.mark.parametrize(("name", "x"), BINARY)
def test_binary_function_agrees_with_numpy(name, x):
    with np.errstate(all="ignore"):
        expected = getattr(np, name)(x[:, None], x)

    made = getattr(jnp, name)(x[:, None], x)

    np.testing.assert_allclose(made, expected, rtol=2e-6, atol=1e-6)
    assert np.asarray(made).dtype == expected.dtype


@pytest.mark.parametrize("name", ["floor_divide", "remainder", "fmod"])
@pytest.mark.parametrize("dtype", [np.int32, np.float32])
def test_remainders_follow_numpy_for_all_signs(name, dtype):
    x = np.arange(-7, 8).astype(dtype)[:, None]
    y = np.array([-3, -2, 1, 2, 5], dtype)

    made = getattr(jnp, name)(x, y)

    np.testing.assert_array_equal(made, getattr(np, name)(x, y))


def test_float_remainder_by_zero_is_nan_and_quotient_infinite():
    x = np.array([1.0, -1.0, 0.0], np.float32)

    quotient, remainder = jnp.divmod(x, np.float32(0))

    np.testing.assert_array_equal(quotient, [np.inf, -np.inf, np.nan])
    assert np.isnan(remainder).all()


def test_hypot_does_not_overflow():
    made = jnp.hypot(jnp.float32(3e30), jnp.float32(4e30))

    np.testing.assert_allclose(made, 5e30, rtol=1e-6)


def test_logaddexp_of_infinities_is_the_larger_one():
    made = jnp.logaddexp(np.float32([-np.inf, np.inf]), np.float32([-np.inf, np.inf]))

    np.testing.assert_array_equal(made, [-np.inf, np.inf])


@pytest.mark.parametrize("exponent", [-2, -1, 0, 1, 2, 3, 7])
def test_power_by_python_integer_agrees_with_numpy(exponent):
    x = np.array([-1.5, 0.5, 2.0], np.float32)

    np.testing.assert_allclose(jnp.power(x, exponent), x**exponent, rtol=1e-6)


def test_power_of_integer_arrays_wraps_like_numpy():
    x = np.array([-3, -1, 0, 1, 2, 3], np.int32)[:, None]
    y = np.array([0, 1, 2, 31, 65], np.int32)

    np.testing.assert_array_equal(jnp.power(x, y), x**y)


def test_power_by_small_integer_is_one_equation():
    program = dc.make_jaxpr(lambda x: x**3)(np.float32(2))

    assert "integer_pow[y=3]" in str(program)


def test_scalar_operand_needs_no_broadcast_and_no_conversion():
    text = str(dc.make_jaxpr(lambda x: (x + 1) * 2.5)(np.zeros((2, 3), np.float32)))

    assert "broadcast_in_dim" not in text
    assert "convert_element_type" not in text


def test_clip_limits_on_either_side_or_both():
    x = np.arange(5)

    np.testing.assert_array_equal(jnp.clip(x, 1, 3), [1, 1, 2, 3, 3])
    np.testing.assert_array_equal(jnp.clip(x, max=2), [0, 1, 2, 2, 2])
    np.testing.assert_array_equal(jnp.clip(x, min=2), [2, 2, 2, 3, 4])


def test_where_broadcasts_all_three_operands():
    condition = np.array([[True], [False]])

    made = jnp.where(condition, np.arange(3), 0.5)

    np.testing.assert_array_equal(made, np.where(condition, np.arange(3), 0.5))


def test_where_with_scalar_cases_takes_the_shape_of_the_condition():
    made = jnp.where(np.array([True, False]), 1, 2)

    assert made.tolist() == [1, 2]
    assert made.weak_type


@pytest.mark.parametrize("decimals", [3, 2, 0, -1])
def test_round_to_decimals(decimals):
    x = np.array([125.256, -23.5, 2.5, 0.125, -np.pi / 2], np.float32)

    np.testing.assert_array_equal(jnp.round(x, decimals), np.round(x, decimals))
    assert jnp.round(2.5, decimals).weak_type


def test_complex_parts_and_angle():
    z = np.array([1 + 2j, -3j], np.complex64)

    np.testing.assert_array_equal(jnp.real(z), z.real)
    np.testing.assert_array_equal(jnp.imag(z), z.imag)
    np.testing.assert_array_equal(jnp.conj(z), z.conj())
    np.testing.assert_allclose(jnp.angle(z, deg=True), np.angle(z, deg=True), rtol=1e-6)


def test_isclose_treats_infinities_and_nan():
    a = np.array([1.0, np.inf, np.nan, 1.0], np.float32)
    b = np.array([1.000001, np.inf, np.nan, np.inf], np.float32)

    assert jnp.isclose(a, b).tolist() == [True, True, False, False]
    assert jnp.isclose(a, b, equal_nan=True).tolist() == [True, True, True, False]


def test_functions_give_the_same_under_jit_and_vmap():
    x = np.array([[0.5, -1.5], [2.0, 3.0]], np.float32)

    def f(x):
        return jnp.where(x > 0, jnp.log1p(jnp.abs(x)), x // 2) ** 2

    expected = f(x)

    np.testing.assert_allclose(dc.jit(f)(x), expected, rtol=1e-6)
    np.testing.assert_allclose(dc.vmap(f)(x), expected, rtol=1e-6)


def test_gradient_of_where_is_that_of_the_chosen_operand():
    x = np.array([-2.0, 3.0], np.float32)

    gradient = dc.grad(lambda x: jnp.where(x > 0, x**2, -x).sum())(x)

    assert gradient.tolist() == [-1.0, 6.0]


ERRORS = [
    (
        lambda: jnp.add([1.0], 2.0),
        TypeError,
        "add: `x` must be an array or a scalar, got list.",
        "Convert it with `jnp.array(...)` first.",
    ),
    (
        lambda: jnp.sin("a"),
        TypeError,
        "sin: `x` must be an array or a scalar, got str 'a'.",
        "",
    ),
    (
        lambda: jnp.add(jnp.ones((4, 3)), jnp.ones(2)),
        ValueError,
        "add: operands don't broadcast: f32[4,3], f32[2] (3 != 2 in axis -1).",
        "Sizes of an axis, counted from the last, must be equal or 1; insert axes with "
        "`x[:, None]` or `expand_dims`.",
    ),
    (
        lambda: jnp.power(jnp.arange(3), -1),
        TypeError,
        "power: integers have no negative powers, got i32[3] to the power -1.",
        "Convert the base to floating point, or write a floating-point exponent.",
    ),
    (
        lambda: jnp.remainder(1j, 2),
        TypeError,
        "remainder: complex numbers have no remainder, got ~c64[] and ~c64[].",
        "",
    ),
    (
        lambda: jnp.where(True, 1),
        ValueError,
        "where: expected both `x` and `y`, or neither; got only `x`.",
        "",
    ),
]


@pytest.mark.parametrize(("call", "kind", "problem", "fix"), ERRORS)
def test_error_names_function_argument_line_and_fix(call, kind, problem, fix):
    with pytest.raises(kind) as caught:
        call()

    first, place, *rest = str(caught.value).split("\n")
    assert first == problem
    assert "test_elementwise.py" in place
    assert "\n".join(rest) == fix


@pytest.mark.parametrize("name", ["log2", "log10"])
def test_logarithms_of_complex_zeros_and_infinities_have_their_angles(name):
    parts = [0.0, -0.0, 1.0, -2.0, np.inf, -np.inf]
    x = np.array([complex(a, b) for a in parts for b in parts], np.complex64)

    made = np.asarray(getattr(jnp, name)(x))

    with np.errstate(divide="ignore"):
        expected = getattr(np, name)(x)
    np.testing.assert_allclose(made.real, expected.real, rtol=1e-6)
    np.testing.assert_allclose(made.imag, expected.imag, rtol=1e-6)


@pytest.mark.parametrize("staged", [False, True])
def test_arguments_are_passed_by_position_or_name(staged):
    product = dc.jit(lambda a, b: jnp.matmul(a, b=b)) if staged else jnp.matmul
    a = np.float32([[1, 2], [3, 4]])

    got = product(b=a, a=a.T)

    np.testing.assert_array_equal(got, a.T @ a)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: jnp.add(1),
            "add() missing 1 required positional argument: 'y'",
        ),
        (
            lambda: jnp.sin(1, 2),
            "sin() takes 1 positional argument but 2 were given",
        ),
        (
            lambda: jnp.sin(x=1),
            "sin() got some positional-only arguments passed as keyword arguments: 'x'",
        ),
        (
            lambda: jnp.matmul(1),
            "matmul() missing 1 required positional argument: 'b'",
        ),
    ],
)
def test_missing_and_surplus_arguments_are_named(call, message):
    with pytest.raises(TypeError) as error:
        call()

    assert str(error.value) == message

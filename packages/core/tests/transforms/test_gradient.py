"""`grad`, Jacobians and Hessians: their arguments and conventions."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.dtypes import float0

HERE = __file__
Z = np.complex64(1 + 2j)


def problem_of(error, call):
    """The message of an error without the user's line, which is in this file."""
    with pytest.raises(error) as caught:
        call()
    lines = str(caught.value).splitlines()
    places = [line for line in lines if line.startswith("  at ")]
    assert all(place.startswith(f"  at {HERE}:") for place in places)
    assert places
    return "\n".join(line for line in lines if line not in places)


class TestArgnums:
    @pytest.mark.parametrize(
        ("argnums", "expected"),
        [(0, 9.0), (1, 12.0), (-1, 12.0), ((1, 0), (12.0, 9.0)), ([0], (9.0,))],
    )
    def test_positions(self, argnums, expected):
        assert dc.grad(lambda x, y: x * y * y, argnums)(2.0, 3.0) == expected

    def test_negative_positions_count_from_the_last(self):
        def f(x, y, z):
            return x + 10.0 * y + 100.0 * z

        assert dc.grad(f, (-1, -3))(1.0, 1.0, 1.0) == (100.0, 1.0)

    def test_keyword_arguments_are_constants(self):
        assert dc.grad(lambda x, *, y: x * y)(2.0, y=3.0) == 3.0

    @pytest.mark.parametrize("transform", [dc.grad, dc.jacfwd, dc.jacrev])
    def test_no_such_argument(self, transform):
        name = transform.__name__

        assert problem_of(TypeError, lambda: transform(jnp.sin, 2)(1.0)) == (
            f"{name} of sin: argnums=2 asks for positional argument 2, but the call "
            "has 1.\nPass the differentiated arguments by position."
        )

    def test_no_integers_or_the_same_one_twice(self):
        assert problem_of(TypeError, lambda: dc.grad(jnp.sin, "x")) == (
            "grad of sin: expected `argnums` to be an integer or a sequence of "
            "integers, got 'x'."
        )
        assert problem_of(TypeError, lambda: dc.grad(jnp.sin, (0, 0))) == (
            "grad of sin: `argnums` names an argument twice: (0, 0)."
        )

    def test_paths_count_the_arguments_of_the_call(self):
        def f(x, tree):
            return x * tree["n"]

        assert problem_of(TypeError, lambda: dc.grad(f, 1)(1.0, {"n": 2})) == (
            "grad of f: expected floating-point leaves in the differentiated "
            "arguments, got\n  args[1]['n']: ~i32[]\nConvert them with "
            "`.astype(...)`, choose other `argnums`, or pass `allow_int=True` to get "
            "`float0` gradients for integers."
        )


class TestIntegers:
    def test_their_gradient_has_dtype_float0(self):
        got = dc.grad(lambda t: t["a"] * t["n"], allow_int=True)({"a": 2.0, "n": 3})

        assert got["a"] == 3.0
        assert got["n"].dtype == float0

    def test_their_jacobian_is_integer_zeros(self):
        jac = dc.jacrev(lambda x, n: x * n, (0, 1), allow_int=True)(
            jnp.ones(2), jnp.arange(2)
        )

        np.testing.assert_array_equal(jac[0], [[0.0, 0.0], [0.0, 1.0]])
        np.testing.assert_array_equal(jac[1], [[0, 0], [0, 0]])
        assert jac[1].dtype == np.int32

    def test_integer_results_have_a_zero_jacobian_in_forward_mode(self):
        jac = dc.jacfwd(lambda x: (x, jnp.round(x).astype(int)))(jnp.ones(2))

        np.testing.assert_array_equal(jac[0], np.eye(2))
        np.testing.assert_array_equal(jac[1], np.zeros((2, 2)))

    def test_integer_results_are_refused_in_reverse_mode(self):
        def f(x):
            return {"n": jnp.round(x).astype(int), "x": x}

        assert problem_of(TypeError, lambda: dc.jacrev(f)(1.0)) == (
            "jacrev of f: expected the function to return real floating-point arrays, "
            "got\n  result['n']: i32[]\nConvert them with `.astype(...)`, or return "
            "them with `has_aux`."
        )


class TestComplex:
    def test_the_gradient_of_a_real_function_of_a_complex_argument(self):
        # f(x + iy) = x^2 + 3 x y: df/dx - i df/dy.
        got = dc.grad(lambda z: jnp.real(z) ** 2 + 3 * jnp.real(z) * jnp.imag(z))(Z)

        np.testing.assert_allclose(got, (2 * 1 + 3 * 2) - 1j * 3, rtol=1e-6)

    def test_the_gradient_of_a_holomorphic_function_is_its_derivative(self):
        got = dc.grad(lambda z: z**3, holomorphic=True)(Z)

        np.testing.assert_allclose(got, 3 * Z**2, rtol=1e-6)

    @pytest.mark.parametrize("jacobian", [dc.jacfwd, dc.jacrev, dc.jacobian])
    def test_the_jacobian_of_a_holomorphic_function(self, jacobian):
        z = np.array([Z, 1j], "complex64")

        got = jacobian(lambda z: z**3, holomorphic=True)(z)

        np.testing.assert_allclose(got, np.diag(3 * z**2), rtol=1e-6)

    def test_the_hessian_of_a_holomorphic_function(self):
        z = np.array([Z, 1j], "complex64")

        got = dc.hessian(lambda z: (z**3).sum(), holomorphic=True)(z)

        np.testing.assert_allclose(got, np.diag(6 * z), rtol=1e-6)

    def test_jacfwd_of_a_complex_result(self):
        assert dc.jacfwd(lambda x: x * 1j)(2.0) == 1j

    @pytest.mark.parametrize(
        ("call", "expected"),
        [
            (
                lambda: dc.grad(lambda z: z)(Z),
                "grad of <lambda>: expected the function to return a real "
                "floating-point scalar, got c64[].\nConvert the result to a "
                "floating-point dtype.",
            ),
            (
                lambda: dc.jacrev(lambda z: z)(Z),
                "jacrev of <lambda>: expected the function to return real "
                "floating-point arrays, got\n  result: c64[]\nConvert them with "
                "`.astype(...)`, or return them with `has_aux`.",
            ),
            (
                lambda: dc.jacfwd(lambda z: z)(Z),
                "jacfwd of <lambda>: expected floating-point leaves in the "
                "differentiated arguments, got\n  args[0]: c64[]\nPass "
                "`holomorphic=True` if the function is, or use `jacrev`.",
            ),
            (
                lambda: dc.grad(lambda z: z, holomorphic=True)(1.0),
                "grad of <lambda>: expected complex leaves in the differentiated "
                "arguments, got\n  args[0]: ~f32[]\nConvert them to a complex dtype, "
                "or leave `holomorphic` out.",
            ),
            (
                lambda: dc.jacfwd(jnp.abs, holomorphic=True)(Z),
                "jacfwd of absolute: expected the function to return complex arrays, "
                "got\n  result: f32[]\nConvert them with `.astype(...)`, or return "
                "them with `has_aux`.",
            ),
        ],
        ids=[
            "grad out",
            "jacrev out",
            "jacfwd in",
            "holomorphic in",
            "holomorphic out",
        ],
    )
    def test_what_is_refused(self, call, expected):
        assert problem_of(TypeError, call) == expected


class TestAuxiliaryValues:
    def test_are_passed_through(self):
        def f(x):
            return (x**2).sum(), {"x": 2 * x, "label": "a"}

        grads, aux = dc.grad(f, has_aux=True)(jnp.ones(2))
        (value, again), _ = dc.value_and_grad(f, has_aux=True)(jnp.ones(2))

        assert grads.tolist() == aux["x"].tolist() == again["x"].tolist() == [2.0, 2.0]
        assert (value, aux["label"]) == (2.0, "a")

    @pytest.mark.parametrize("jacobian", [dc.jacfwd, dc.jacrev])
    def test_of_jacobians(self, jacobian):
        jac, aux = jacobian(lambda x: (x**2, 3 * x), has_aux=True)(jnp.arange(2.0))

        np.testing.assert_array_equal(jac, np.diag([0.0, 2.0]))
        np.testing.assert_array_equal(aux, [0.0, 3.0])

    def test_of_hessians(self):
        def f(x):
            return (x**3).sum(), 3 * x

        hess, aux = dc.hessian(f, has_aux=True)(jnp.arange(2.0))

        np.testing.assert_array_equal(hess, np.diag([0.0, 6.0]))
        np.testing.assert_array_equal(aux, [0.0, 3.0])

    def test_no_pair(self):
        got = problem_of(
            TypeError, lambda: dc.grad(lambda x: (x, x, x), has_aux=True)(1.0)
        )

        assert got == (
            "grad of <lambda>: with `has_aux` the function must return a pair "
            "`(result, aux)`, got tuple of 3.\nReturn a pair, or leave `has_aux` out."
        )


def test_jacobians_of_arguments_of_several_dtypes():
    def f(a, b):
        return a * b.astype(jnp.float32)

    forward = dc.jacfwd(f, (0, 1))(jnp.ones(2), np.float16(3.0))
    reverse = dc.jacrev(f, (0, 1))(jnp.ones(2), np.float16(3.0))

    np.testing.assert_array_equal(forward[0], 3 * np.eye(2))
    np.testing.assert_array_equal(reverse[0], 3 * np.eye(2))
    np.testing.assert_array_equal(forward[1], [1.0, 1.0])
    np.testing.assert_array_equal(reverse[1], [1.0, 1.0])
    assert (forward[1].dtype, reverse[1].dtype) == (np.float32, np.float16)


def test_a_hessian_of_trees_and_several_arguments():
    got = dc.hessian(lambda t, b: t["a"] ** 2 * b, (0, 1))({"a": 2.0}, 3.0)

    assert got == ({"a": ({"a": 6.0}, 4.0)}, ({"a": 4.0}, 0.0))


@pytest.mark.parametrize("x", [2.0, np.float32(2.0), np.ones((), "f")])
def test_gradients_are_arrays_even_of_the_identity(x):
    assert isinstance(dc.grad(lambda x: x)(x), dc.Array)


def test_a_function_that_is_none():
    assert problem_of(TypeError, lambda: dc.grad(3)) == (
        "grad: expected a function, got 3."
    )

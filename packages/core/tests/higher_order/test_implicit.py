"""Derivatives of solutions and roots: `custom_linear_solve`, `custom_root`."""

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

HERE = __file__
A = np.array([[4.0, 1.0], [2.0, 3.0]], "f")
B = np.array([1.0, 2.0], "f")


def inverse(a):
    (p, q), (r, s) = a
    return jnp.array([[s, -q], [-r, p]]) / (p * s - q * r)


def matrix_of(linear):
    """The matrix of a linear map of two numbers."""
    return jnp.stack([linear(jnp.array([1.0, 0.0])), linear(jnp.array([0.0, 1.0]))], 1)


def by_inverse(linear, b):
    """A solver that knows its equation from calling `linear` alone."""
    return lax.stop_gradient(inverse(matrix_of(linear)) @ b)


def solved(a, b):
    return lax.custom_linear_solve(
        lambda x: a @ x, b, by_inverse, transpose_solve=by_inverse
    )


def exact(a, b):
    return inverse(a) @ b


WRAPS = {
    "plain": lambda f: f,
    "jit": dc.jit,
    "checkpoint": dc.checkpoint,
    "scan": lambda f: (
        lambda a, b: lax.scan(lambda c, _: (c, f(a, b)), 0.0, None, length=1)[1][0]
    ),
    "vmap": lambda f: lambda a, b: dc.vmap(f)(a[None], b[None])[0],
    "vmap of b": lambda f: lambda a, b: dc.vmap(f, (None, 0))(a, b[None])[0],
    "vmap of a": lambda f: lambda a, b: dc.vmap(f, (0, None))(a[None], b)[0],
}


@pytest.mark.parametrize("wrap", WRAPS)
class TestLinearSolve:
    def test_value(self, wrap):
        np.testing.assert_allclose(WRAPS[wrap](solved)(A, B), exact(A, B), rtol=1e-5)

    def test_jvp_with_respect_to_matrix_and_right_hand_side(self, wrap):
        tangents = np.array([[1.0, -1.0], [0.5, 2.0]], "f"), np.array([3.0, 1.0], "f")

        got = dc.jvp(WRAPS[wrap](solved), (A, B), tangents)

        expected = dc.jvp(exact, (A, B), tangents)
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-5)
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-4)

    def test_jacrev_solves_the_transposed_equation(self, wrap):
        got = dc.jacrev(WRAPS[wrap](solved), (0, 1))(A, B)

        expected = dc.jacrev(exact, (0, 1))(A, B)
        np.testing.assert_allclose(got[0], expected[0], rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(got[1], expected[1], rtol=1e-4)

    def test_second_derivatives(self, wrap):
        def loss(f):
            return lambda b: (WRAPS[wrap](f)(A * b[0], b) ** 2).sum()

        got = dc.jit(dc.hessian(loss(solved)))(B)

        expected = dc.jit(dc.hessian(loss(exact)))(B)
        np.testing.assert_allclose(got, expected, rtol=1e-3)


def symmetric(a, b, **options):
    return lax.custom_linear_solve(
        lambda x: a * x, b, lambda f, b: b / f(1.0), **options
    )


def test_a_symmetric_map_needs_one_solver():
    assert dc.grad(lambda b: symmetric(2.0, b, symmetric=True))(6.0) == 0.5
    assert dc.grad(lambda a: symmetric(a, 6.0, symmetric=True))(2.0) == -1.5


def test_reverse_mode_without_a_transposed_solver():
    with pytest.raises(TypeError) as caught:
        dc.grad(lambda b: symmetric(2.0, b))(6.0)

    assert str(caught.value).splitlines()[::2] == [
        "reverse-mode differentiation of linear_solve: needs a solver of the "
        "transposed equation.",
        "Pass `transpose_solve`, or `symmetric=True` if the map is symmetric.",
    ]


def test_the_auxiliary_value_of_a_solver_is_passed_through():
    def f(b):
        return lax.custom_linear_solve(
            lambda x: 2.0 * x, b, lambda f, b: (b / 2.0, {"n": 3}), None, True, True
        )

    (_, aux), gradient = dc.value_and_grad(f, has_aux=True)(6.0)

    assert (aux, gradient) == ({"n": 3}, 0.5)
    assert dc.jit(f)(6.0) == (3.0, {"n": 3})
    assert dc.vmap(f)(jnp.ones(2))[1]["n"].tolist() == [3, 3]


def test_a_right_hand_side_may_be_a_tree():
    def f(b):
        return lax.custom_linear_solve(
            lambda x: {"p": 2.0 * x["p"], "q": x["p"] + x["q"]},
            b,
            lambda f, b: {"p": b["p"] / 2.0, "q": b["q"] - b["p"] / 2.0},
            lambda f, b: {"p": (b["p"] - b["q"]) / 2.0, "q": b["q"]},
        )

    got = dc.grad(lambda b: f(b)["q"])({"p": 1.0, "q": 1.0})

    assert got == {"p": -0.5, "q": 1.0}


def problem_of(error, call):
    """The message of an error without the user's line, which is in this file."""
    with pytest.raises(error) as caught:
        call()
    lines = str(caught.value).splitlines()
    places = [line for line in lines if line.startswith("  at ")]
    assert all(place.startswith(f"  at {HERE}:") for place in places)
    assert places
    return "\n".join(line for line in lines if line not in places)


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
class TestWhatSolversMustReturn:
    def test_of_a_map_with_another_tree(self, wrap):
        def call():
            wrap(
                lambda b: lax.custom_linear_solve(lambda x: (x,), b, lambda f, b: f(b))
            )(B)

        assert problem_of(TypeError, call) == (
            "custom_linear_solve: `matvec` must return the tree of `b` PyTreeDef(*), "
            "got PyTreeDef((*,))."
        )

    def test_of_a_solution_with_another_shape(self, wrap):
        def call():
            wrap(
                lambda b: lax.custom_linear_solve(
                    lambda x: x, {"b": b}, lambda f, b: {"b": b["b"][0]}
                )
            )(B)

        assert problem_of(ValueError, call) == (
            "custom_linear_solve: `solve` must return arrays with the shapes and "
            "dtypes of `b`, but\n  b['b'] is f32[2], the result f32[]"
        )

    def test_of_a_solver_without_its_auxiliary_value(self, wrap):
        def call():
            wrap(
                lambda b: lax.custom_root(
                    lambda x: x, b, lambda f, b: b, lambda g, y: y, has_aux=True
                )
            )(B)

        assert problem_of(TypeError, call) == (
            "custom_root: with `has_aux`, `solve` must return a pair `(solution, aux)`,"
            " got PyTreeDef(*)."
        )


def newton(f, x):
    """A solver that can't be differentiated in reverse mode."""
    return lax.while_loop(
        lambda x: jnp.abs(f(x)) > 1e-5, lambda x: x - f(x) / dc.grad(f)(x), x
    )


def square_root(a):
    return lax.custom_root(
        lambda x: x**2 - a, jnp.ones_like(a), newton, lambda g, y: y / g(1.0)
    )


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit], ids=["eager", "jit"])
class TestRoot:
    def test_its_derivatives_follow_from_the_equation(self, wrap):
        f = wrap(square_root)

        np.testing.assert_allclose(f(4.0), 2.0, rtol=1e-5)
        np.testing.assert_allclose(dc.grad(f)(4.0), 0.25, rtol=1e-5)
        np.testing.assert_allclose(dc.jvp(f, (4.0,), (2.0,))[1], 0.5, rtol=1e-5)
        np.testing.assert_allclose(dc.grad(dc.grad(f))(4.0), -1 / 32, rtol=1e-4)
        np.testing.assert_allclose(dc.hessian(f)(4.0), -1 / 32, rtol=1e-4)

    def test_under_vmap_and_scan(self, wrap):
        f = wrap(square_root)
        a = jnp.array([1.0, 4.0])

        def total(a):
            return lax.scan(lambda c, x: (c + f(x), None), 0.0, a)[0]

        np.testing.assert_allclose(dc.vmap(dc.grad(f))(a), [0.5, 0.25], rtol=1e-5)
        np.testing.assert_allclose(
            dc.grad(lambda a: dc.vmap(f)(a).sum())(a), [0.5, 0.25], rtol=1e-5
        )
        np.testing.assert_allclose(dc.grad(total)(a), [0.5, 0.25], rtol=1e-5)

    def test_of_a_system_with_trees_and_an_auxiliary_value(self, wrap):
        def roots(a, b):
            def f(x):
                return {"p": x["p"] * 2.0 - a, "q": x["q"] - x["p"] * b}

            def solve(f, x):
                return {"p": a / 2.0, "q": b * a / 2.0}, {"steps": 7}

            def tangent_solve(g, y):
                return {"p": y["p"] / 2.0, "q": y["q"] + b * y["p"] / 2.0}

            guess = {"p": 0.0, "q": 0.0}
            return lax.custom_root(f, guess, solve, tangent_solve, has_aux=True)

        (q, aux), grads = dc.value_and_grad(
            wrap(lambda a, b: (roots(a, b)[0]["q"], roots(a, b)[1])), (0, 1), True
        )(3.0, 5.0)

        assert (q, aux, grads) == (7.5, {"steps": 7}, (2.5, 1.5))

    def test_nothing_depends_on_the_guess(self, wrap):
        def f(guess):
            return lax.custom_root(
                lambda x: x**2 - 4.0, guess, newton, lambda g, y: y / g(1.0)
            )

        assert dc.grad(wrap(f))(1.0) == 0.0

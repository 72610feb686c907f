"""`custom_gradient`, `closure_convert`, `linear_call`, `stop_gradient`."""

from functools import partial

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.custom_derivatives import linear_call

HERE = __file__


def problem_of(error, call):
    """The message of an error without the user's line, which is in this file."""
    with pytest.raises(error) as caught:
        call()
    lines = str(caught.value).splitlines()
    places = [line for line in lines if line.startswith("  at ")]
    assert all(place.startswith(f"  at {HERE}:") for place in places)
    assert places
    return "\n".join(line for line in lines if line not in places)


@dc.custom_gradient
def product(x, y=7.0):
    shared = jnp.sin(x)
    return x * y, lambda ct: (3.0 * ct * y * shared, ct * x)


class TestCustomGradient:
    @pytest.mark.parametrize("wrap", [lambda f: f, dc.jit, dc.checkpoint])
    def test_the_rule_shares_what_the_function_computed(self, wrap):
        dx, dy = dc.grad(wrap(product), (0, 1))(1.0, 2.0)

        np.testing.assert_allclose(dx, 6.0 * np.sin(1.0), rtol=1e-6)
        assert dy == 1.0

    def test_defaults_and_keywords(self):
        assert product(2.0) == 14.0
        assert product(y=3.0, x=2.0) == 6.0
        np.testing.assert_allclose(dc.grad(product)(1.0), 21.0 * np.sin(1.0), rtol=1e-6)

    def test_second_derivatives_go_through_the_rule(self):
        got = dc.grad(dc.grad(product))(1.0, 2.0)

        np.testing.assert_allclose(got, 6.0 * np.cos(1.0), rtol=1e-6)

    def test_vmap_and_scan(self):
        x = jnp.arange(3.0)
        expected = 6.0 * np.sin(np.arange(3.0))

        def total(x):
            return lax.scan(lambda c, x: (c + product(x, 2.0), None), 0.0, x)[0]

        np.testing.assert_allclose(
            dc.vmap(dc.grad(product), (0, None))(x, 2.0), expected, rtol=1e-6
        )
        np.testing.assert_allclose(dc.grad(total)(x), expected, rtol=1e-6)

    def test_trees_and_a_bare_cotangent(self):
        @dc.custom_gradient
        def f(tree):
            return {"out": tree["a"] ** 2}, lambda ct: {"a": 10.0 * ct["out"]}

        assert dc.grad(lambda t: f(t)["out"])({"a": 3.0}) == {"a": 10.0}

    def test_no_pair(self):
        assert problem_of(TypeError, lambda: dc.custom_gradient(jnp.sin)(0.0)) == (
            "custom_gradient of sin: expected the function to return a pair of its "
            "value and a function of a cotangent, got Array(0., dtype=float32, "
            "weak_type=True)."
        )


@partial(dc.custom_vjp, nondiff_argnums=(0,))
def root_of_square(objective, x, *hoisted):
    return objective(x, *hoisted)


def forward(objective, x, *hoisted):
    return root_of_square(objective, x, *hoisted), (x, hoisted)


def backward(objective, residuals, ct):
    _, hoisted = residuals
    return (5.0 * ct, *(7.0 * ct * h for h in hoisted))


root_of_square.defvjp(forward, backward)


class TestClosureConvert:
    def test_values_being_differentiated_become_arguments(self):
        def f(y):
            converted, hoisted = dc.closure_convert(lambda x: x * y, 1.0)
            return root_of_square(converted, 2.0, *hoisted)

        assert dc.grad(f)(3.0) == 21.0
        assert dc.grad(dc.jit(f))(3.0) == 21.0
        assert dc.vmap(dc.grad(f))(jnp.array([3.0]))[0] == 21.0

    def test_constants_and_integers_stay(self):
        constants = np.arange(3.0, dtype="f")

        def f(y, n):
            converted, hoisted = dc.closure_convert(
                lambda x: (x * y * constants, n), 1.0
            )
            assert len(hoisted) == 1
            return converted(2.0, *hoisted)

        out, n = dc.jit(f)(3.0, 4)

        assert (out.tolist(), n) == ([0.0, 6.0, 12.0], 4)

    def test_other_arguments_than_the_examples(self):
        converted, hoisted = dc.closure_convert(lambda x: x, 1.0)

        assert hoisted == []
        assert problem_of(TypeError, lambda: converted({"a": 1.0})) == (
            "<lambda> with its closure converted: expected arguments with the tree "
            "PyTreeDef((*,)), then 0 hoisted values; got PyTreeDef(({'a': *},))."
        )


def scaled(r, x):
    """x * r, whose transpose pretends to be 10 * r * ct."""
    return linear_call(lambda r, x: r * x, lambda r, ct: 10.0 * r * ct, r, x)


class TestLinearCall:
    def test_value_and_forward_mode_use_the_function(self):
        assert scaled(2.0, 3.0) == 6.0
        assert dc.jit(scaled)(2.0, 3.0) == 6.0
        assert dc.jvp(scaled, (2.0, 3.0), (1.0, 10.0)) == (6.0, 3.0 + 20.0)

    @pytest.mark.parametrize("wrap", [lambda f: f, dc.jit, dc.checkpoint])
    def test_reverse_mode_uses_the_transpose(self, wrap):
        assert dc.grad(wrap(scaled), 1)(2.0, 3.0) == 20.0
        assert dc.grad(wrap(scaled), 0)(2.0, 3.0) == 3.0
        assert dc.grad(dc.grad(wrap(scaled), 1), 0)(2.0, 3.0) == 10.0

    def test_transposing_twice_gives_the_function_again(self):
        def transposed(f):
            return lambda ct: dc.linear_transpose(f, 1.0)(ct)[0]

        once = transposed(lambda x: scaled(2.0, x))

        assert once(1.0) == 20.0
        assert transposed(once)(1.0) == 2.0
        assert transposed(transposed(once))(1.0) == 20.0

    def test_vmap(self):
        r, x = jnp.array([1.0, 2.0]), jnp.array([3.0, 4.0])

        for axes in ((0, 0), (None, 0), (0, None)):
            args = [v if a == 0 else v[0] for v, a in zip((r, x), axes, strict=True)]
            expected = args[0] * args[1]
            got = dc.vmap(scaled, axes)(*args)
            grads = dc.vmap(dc.grad(scaled, 1), axes)(*args)
            summed = dc.grad(lambda r, x, a: dc.vmap(scaled, a)(r, x).sum(), 1)

            np.testing.assert_array_equal(got, expected)
            np.testing.assert_array_equal(grads, 10 * args[0] * np.ones(2))
            np.testing.assert_array_equal(
                np.sum(dc.jit(summed, static_argnums=2)(*args, axes)),
                np.sum(10 * args[0] * np.ones(2)),
            )

    def test_trees_and_closures(self):
        def f(x, y):
            out = linear_call(
                lambda r, x: {"s": y * x[0] + r["a"] * x[1]},
                lambda r, ct: (y * ct["s"], r["a"] * ct["s"]),
                {"a": 3.0},
                x,
            )
            return out["s"]

        assert dc.jit(f)((1.0, 2.0), 5.0) == 11.0
        assert dc.jit(dc.grad(f))((1.0, 2.0), 5.0) == (5.0, 3.0)
        assert dc.grad(f, 1)((1.0, 2.0), 5.0) == 1.0

    def test_a_transpose_that_does_not_fit(self):
        def call(back):
            return lambda: dc.jit(
                lambda x: linear_call(lambda r, x: {"a": x}, back, (), x)
            )(1.0)

        def whole(r, ct):
            return ct

        def wide(r, ct):
            return jnp.ones(3)

        assert problem_of(TypeError, call(whole)) == (
            "linear_call: the transpose whole must return the tree of `linear_args` "
            "PyTreeDef(*), got PyTreeDef({'a': *})."
        )
        assert problem_of(ValueError, call(wide)) == (
            "linear_call: the transpose wide must return arrays like `linear_args`, "
            "got f32[3] for ~f32[]."
        )


def test_stop_gradient_of_trees_and_integers():
    tree = {"a": 2.0, "n": 3, "none": None}

    def f(x):
        stopped = lax.stop_gradient({"a": x, "n": 3})
        return x * stopped["a"] * stopped["n"]

    assert lax.stop_gradient(tree) == tree
    assert dc.grad(f)(2.0) == 6.0
    assert dc.jvp(lax.stop_gradient, (1.0,), (1.0,)) == (1.0, 0.0)
    assert dc.vmap(dc.grad(f))(jnp.array([2.0]))[0] == 6.0

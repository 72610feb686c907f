"""`jvp`, `linearize`, `vjp` and `linear_transpose`: values, trees, what they refuse."""

import copy

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, random
from dolmen.core.dtypes import float0

NO_TANGENT = np.zeros((), float0)
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


def scaled(tree, n):
    """A function of a tree with an integer, whose result has one too."""
    return {"out": tree["w"] * n, "n": n}


TREE = {"w": np.array([1.0, 2.0], "f")}
TANGENT = {"w": np.array([1.0, 10.0], "f")}


class TestForward:
    def test_jvp_of_trees_with_integers(self):
        value, tangent = dc.jvp(scaled, (TREE, 3), (TANGENT, NO_TANGENT))

        assert value["out"].tolist() == [3.0, 6.0]
        assert value["n"] == 3
        assert tangent["out"].tolist() == [3.0, 30.0]
        assert tangent["n"].dtype == float0

    def test_linearize_of_trees_with_integers(self):
        value, push = dc.linearize(scaled, TREE, 3)
        tangent = push(TANGENT, NO_TANGENT)

        assert value["out"].tolist() == [3.0, 6.0]
        assert tangent["out"].tolist() == [3.0, 30.0]
        assert tangent["n"].dtype == float0

    def test_linearize_gives_zeros_for_a_result_that_does_not_vary(self):
        _, push = dc.linearize(lambda x: (x, jnp.ones(2)), 1.0)

        assert push(3.0)[0] == 3.0
        assert push(3.0)[1].tolist() == [0.0, 0.0]

    @pytest.mark.parametrize("transform", ["jvp", "linearize"])
    def test_the_auxiliary_value_is_passed_through(self, transform):
        def f(x):
            return x * x, {"aux": 2.0 * x, "label": "a"}

        *_, aux = {
            "jvp": lambda: dc.jvp(f, (3.0,), (1.0,), has_aux=True),
            "linearize": lambda: dc.linearize(f, 3.0, has_aux=True),
        }[transform]()

        assert aux == {"aux": 6.0, "label": "a"}

    def test_a_python_float_is_a_tangent_of_any_width(self):
        _, tangent = dc.jvp(lambda x: 2 * x, (np.float16(1.0),), (3.0,))

        assert tangent == 6.0
        assert tangent.dtype == np.float16

    def test_tangents_of_another_dtype_or_shape_are_listed_by_path(self):
        def pushed(*tangents):
            return lambda: dc.jvp(scaled, (TREE, 3), tangents)

        kinds = problem_of(TypeError, pushed({"w": np.arange(2)}, 0))
        shapes = problem_of(ValueError, pushed({"w": np.ones(3, "f")}, NO_TANGENT))

        expected = (
            "jvp of scaled: expected tangents with the shapes and dtypes of their "
            "primals, `float0` for integers, got\n"
        )
        assert kinds == (
            f"{expected}  tangents[0]['w']: i32[2], expected f32[2]\n"
            "  tangents[1]: ~i32[], expected float0[]"
        )
        assert shapes == f"{expected}  tangents[0]['w']: f32[3], expected f32[2]"

    def test_tangents_of_another_tree(self):
        _, push = dc.linearize(scaled, TREE, 3)

        assert problem_of(TypeError, lambda: push(TANGENT)) == (
            "linearize of scaled: expected tangents with the tree PyTreeDef(({'w': *}, "
            "*)), that of the primals, got PyTreeDef(({'w': *},))."
        )

    def test_jvp_takes_tuples(self):
        assert problem_of(TypeError, lambda: dc.jvp(jnp.sin, np.ones(2), (1.0,))) == (
            "jvp of sin: expected `primals` to be a tuple or list, one entry for each "
            "argument, got ndarray.\nWrite `(primal,)` for a function of one argument."
        )


class TestBackward:
    def test_vjp_of_trees_with_integers(self):
        _, pull = dc.vjp(scaled, TREE, 3)
        tree, n = pull({"out": np.array([1.0, 10.0], "f"), "n": NO_TANGENT})

        assert tree["w"].tolist() == [3.0, 30.0]
        assert n.dtype == float0

    def test_the_auxiliary_value_is_passed_through(self):
        _, pull, aux = dc.vjp(lambda x: (x * x, {"a": 2.0 * x}), 3.0, has_aux=True)

        assert pull(1.0) == (6.0,)
        assert aux == {"a": 6.0}

    def test_cotangents_may_be_python_floats_and_gradients_are_arrays(self):
        (ct,) = dc.vjp(lambda x: x, np.float16(1.0))[1](2.0)

        assert isinstance(ct, dc.Array)
        assert ct.dtype == np.float16

    def test_a_result_that_is_returned_twice_adds_its_cotangents(self):
        def twice(x):
            y = jnp.sin(x)
            return y, y

        assert dc.vjp(twice, 0.0)[1]((1.0, 2.0)) == (3.0,)

    def test_an_argument_that_is_returned_adds_its_cotangent(self):
        assert dc.vjp(lambda x: (x, 2.0 * x), 5.0)[1]((1.0, 10.0)) == (21.0,)

    def test_random_keys_have_derivatives_of_float0(self):
        keys = random.split(random.key(0))

        def f(keys, x):
            return random.normal(keys[0]) * x, keys[1]

        normal, nothing = random.normal(keys[0]), np.zeros((), float0)
        _, tangent = dc.jvp(f, (keys, 1.0), (np.zeros(2, float0), 1.0))
        _, pull = dc.vjp(f, keys, 1.0)
        _, push = dc.linearize(f, keys, 1.0)
        grads = dc.grad(lambda k, x: f(k, x)[0], (0, 1), allow_int=True)(keys, 1.0)

        assert tangent[0] == push(np.zeros(2, float0), 1.0)[0] == normal
        assert (tangent[1].shape, tangent[1].dtype) == ((), float0)
        assert pull((1.0, nothing))[1] == pull((1.0, keys[1]))[1] == grads[1] == normal
        assert (grads[0].shape, grads[0].dtype) == ((2,), float0)
        assert (pull((1.0, nothing))[0].shape) == (2,)

    def test_a_random_key_is_no_tangent(self):
        key = random.key(0)

        def call():
            dc.jvp(lambda key, x: x, (key, 1.0), (key, 1.0))

        assert problem_of(TypeError, call) == (
            "jvp of <lambda>: expected tangents with the shapes and dtypes of their "
            "primals, `float0` for integers, got\n"
            "  tangents[0]: KeyArray, expected float0[]"
        )

    def test_cotangents_that_are_not_like_the_result_are_listed_by_path(self):
        _, pull = dc.vjp(scaled, TREE, 3)
        integers = {"out": np.arange(2), "n": NO_TANGENT}

        assert problem_of(ValueError, lambda: pull(integers)) == (
            "vjp of scaled: expected a cotangent with the shapes and dtypes of the "
            "function's result, got\n  cotangent['out']: i32[2], expected f32[2]"
        )
        assert problem_of(ValueError, lambda: pull(1.0)) == (
            "vjp of scaled: expected a cotangent with the tree PyTreeDef({'n': *, "
            "'out': *}), that of the function's result, got PyTreeDef(*)."
        )
        assert problem_of(TypeError, lambda: pull(1.0, 2.0)) == (
            "vjp of scaled: expected one cotangent, with the tree PyTreeDef({'n': *, "
            "'out': *}) of the function's result, got 2."
        )

    def test_reduce_axes_is_refused(self):
        call = lambda: dc.vjp(jnp.sin, 1.0, reduce_axes=("i",))  # noqa: E731

        assert problem_of(NotImplementedError, call) == (
            "vjp: `reduce_axes` is not supported, got ('i',).\n"
            "Leave it out, and sum over the axes with `lax.psum`."
        )


class TestTheResultIsAPytree:
    def test_its_leaves_are_the_residuals_that_the_result_needs(self):
        def f(x):
            jnp.sin(jnp.exp(x))  # not needed
            y = jnp.cos(x)
            return y * y * 3.0

        _, pull = dc.vjp(f, 1.0)
        _, push = dc.linearize(f, 1.0)

        (sin, cos) = sorted(dc.tree.leaves(pull))
        np.testing.assert_allclose([-sin, cos], [np.sin(1.0), np.cos(1.0)], rtol=1e-6)
        assert len(dc.tree.leaves(push)) == 2

    def test_jitted_functions_return_it(self):
        y, pull = dc.jit(lambda x: dc.vjp(jnp.sin, x))(1.0)
        _, push = dc.jit(lambda x: dc.linearize(jnp.sin, x))(1.0)

        np.testing.assert_allclose(y, np.sin(1.0), rtol=1e-6)
        np.testing.assert_allclose(pull(2.0)[0], 2 * np.cos(1.0), rtol=1e-6)
        np.testing.assert_allclose(push(2.0), 2 * np.cos(1.0), rtol=1e-6)

    def test_jitted_functions_take_it(self):
        traces = []

        @dc.jit
        def apply(pull, ct):
            traces.append(pull)
            return pull(ct)

        forward = dc.jit(lambda x: dc.vjp(jnp.sin, x)[1])

        got = [apply(forward(x), 1.0)[0] for x in (0.0, 1.0)]

        np.testing.assert_allclose(got, np.cos([0.0, 1.0]), rtol=1e-6)
        assert len(traces) == 1

    def test_it_can_be_jitted_mapped_and_batched(self):
        _, pull = dc.vjp(lambda x: x * jnp.cos(x), 1.0)
        expected = np.cos(1.0) - np.sin(1.0)

        doubled = dc.tree.map(lambda x: 2.0 * x, dc.vjp(jnp.sin, 1.0)[1])

        np.testing.assert_allclose(dc.jit(pull)(1.0)[0], expected, rtol=1e-6)
        np.testing.assert_allclose(
            dc.vmap(pull)(jnp.arange(3.0))[0], expected * np.arange(3.0), rtol=1e-6
        )
        np.testing.assert_allclose(doubled(1.0)[0], 2 * np.cos(1.0), rtol=1e-6)

    def test_it_can_be_copied(self):
        _, pull = dc.vjp(jnp.sin, 0.0)

        assert copy.deepcopy(pull)(2.0) == pull(2.0)

    def test_scans_and_custom_rules_leave_residuals_too(self):
        @dc.custom_vjp
        def f(x):
            return x * x

        f.defvjp(lambda x: (f(x), x), lambda x, ct: (3.0 * x * ct,))

        def total(xs):
            return lax.scan(lambda c, x: (c * x, None), 1.0, xs)[0] + f(xs[0])

        _, pull = dc.jit(lambda x: dc.vjp(total, x))(jnp.array([2.0, 3.0]))

        assert dc.jit(lambda p: p(1.0))(pull)[0].tolist() == [3.0 + 6.0, 2.0]

    def test_the_derivative_of_a_derivative(self):
        def inner(x):
            return dc.vjp(lambda y: y**3, x)[1](1.0)[0]

        assert dc.grad(inner)(2.0) == 12.0
        assert dc.jit(dc.grad(dc.jit(inner)))(2.0) == 12.0

    def test_its_name(self):
        _, pull = dc.vjp(jnp.sin, 1.0)
        _, push = dc.linearize(jnp.sin, 1.0)

        assert repr(pull) == "<vjp of sin, 1 residuals>"
        assert repr(push) == "<jvp of sin, 1 residuals>"


class TestForwardAndBackwardAsFunctions:
    @pytest.mark.parametrize("jitted", [False, True])
    def test_they_agree_with_grad(self, jitted):
        def f(x, w):
            return jnp.tanh(x @ w)

        x, w = jnp.ones((2, 3)), jnp.full(3, 0.1)

        fwd, bwd = dc.fwd_and_bwd(f, (0, 1), jitted=jitted)
        y, residuals = fwd(x, w)
        dx, dw = bwd(residuals, jnp.ones(2))

        np.testing.assert_allclose(y, np.tanh([0.3, 0.3]), rtol=1e-6)
        ex, ew = dc.grad(lambda x, w: f(x, w).sum(), (0, 1))(x, w)
        np.testing.assert_allclose(dx, ex, rtol=1e-6)
        np.testing.assert_allclose(dw, ew, rtol=1e-6)

    def test_each_is_traced_once(self):
        traces = []

        def f(x):
            traces.append(x)
            return jnp.sin(x)

        fwd, bwd = dc.fwd_and_bwd(f, 0)
        got = [bwd(fwd(x)[1], 1.0) for x in (0.0, 1.0, 2.0)]

        np.testing.assert_allclose(got, np.cos([0.0, 1.0, 2.0]), rtol=1e-6)
        assert len(traces) == 1

    def test_auxiliary_values_and_negative_numbers(self):
        fwd, bwd = dc.fwd_and_bwd(lambda x, y: (x * y, x), -1, has_aux=True)

        value, residuals, aux = fwd(2.0, 3.0)

        assert (value, aux, bwd(residuals, 10.0)) == (6.0, 2.0, 20.0)


class TestLinearTranspose:
    @pytest.mark.parametrize(
        "f",
        [
            lambda x: 2.0 * x,
            dc.jit(lambda x: 2.0 * x),
            lambda x: lax.fori_loop(0, 2, lambda i, c: c + x, 0.0 * x),
            lambda x: lax.cond(True, lambda x: 2.0 * x, lambda x: x, x),
            dc.checkpoint(lambda x: 2.0 * x),
            lambda x: lax.scan(lambda c, _: (c + x, None), jnp.zeros(2), None, 2)[0],
            lambda x: x + x + 1.0,
        ],
        ids=["plain", "jit", "fori", "cond", "checkpoint", "scan", "affine"],
    )
    def test_of(self, f):
        (got,) = dc.linear_transpose(f, jnp.zeros(2))(jnp.array([1.0, 3.0]))

        assert got.tolist() == [2.0, 6.0]

    def test_of_a_loop_whose_result_that_varies_is_not_used(self):
        def f(x):
            carry, _ = lax.scan(
                lambda c, _: ((c[0] + x, c[1] * 2.0), None), (x, 1.0), None, 2
            )
            return carry[1]

        assert dc.linear_transpose(f, 1.0)(5.0) == (0.0,)
        assert dc.linear_transpose(dc.jit(f), 1.0)(5.0) == (0.0,)

    def test_of_trees_python_numbers_and_integers(self):
        got = dc.linear_transpose(lambda t, n: 3 * t["a"] - 2 * n, {"a": 1}, 1)(5)

        assert got == ({"a": 15}, -10)

    def test_of_a_complex_function_conjugates_nothing(self):
        (got,) = dc.linear_transpose(lambda z: 2j * z, np.complex64(0))(
            np.complex64(1 + 1j)
        )

        assert got == -2 + 2j

    def test_a_function_that_is_not_linear(self):
        product = problem_of(
            TypeError, lambda: dc.linear_transpose(lambda x: x * x, 1.0)(1.0)
        )
        sine = problem_of(
            NotImplementedError, lambda: dc.linear_transpose(jnp.sin, 1.0)(1.0)
        )

        assert product == (
            "transpose: expected a function that is linear in its arguments, but it "
            "multiplies two values f32[] that both depend on them.\n"
            "Differentiate it with `grad`, `vjp` or `linearize` instead."
        )
        assert sine == (
            "transpose: expected a function that is linear in its arguments, but sin "
            "has no transpose.\nDifferentiate it with `grad`, `vjp` or `linearize` "
            "instead. For an operation that is linear, define `Sin.transpose` in "
            "module dolmen.core._ops._transcendental."
        )


# ---- weak types ----------------------------------------------------------------------

DERIVATIVES = {
    "grad": dc.grad(lambda x: x**2),
    "grad of a constant": dc.grad(lambda x: 3.0),
    "value_and_grad": lambda x: dc.value_and_grad(lambda x: x**2)(x)[1],
    "vjp": lambda x: dc.vjp(lambda x: x**2, x)[1](jnp.ones_like(x))[0],
    "jvp": lambda x: dc.jvp(lambda x: x**2, (x,), (jnp.ones_like(x),))[1],
    "linearize": lambda x: dc.linearize(lambda x: x**2, x)[1](jnp.ones_like(x)),
    "linear_transpose": lambda x: dc.linear_transpose(lambda x: 2 * x, x)(x)[0],
    "jacfwd": dc.jacfwd(lambda x: x**2),
    "jacrev": dc.jacrev(lambda x: x**2),
    "hessian": dc.hessian(lambda x: x**3),
    "grad of grad": dc.grad(dc.grad(lambda x: x**3)),
    "jit of grad": dc.jit(dc.grad(lambda x: x**2)),
    "grad of jit": dc.grad(dc.jit(lambda x: x**2)),
    "vmap of grad": lambda x: dc.vmap(dc.grad(lambda x: x**2))(jnp.broadcast_to(x, 2)),
}


@pytest.mark.parametrize("derivative", DERIVATIVES)
def test_derivatives_are_weak_where_their_primal_is(derivative):
    f = DERIVATIVES[derivative]

    assert f(2.0).weak_type
    assert not f(jnp.float32(2)).weak_type
    np.testing.assert_array_equal(f(2.0), f(jnp.float32(2)))

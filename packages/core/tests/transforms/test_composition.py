"""Transformations compose: whatever the nesting, values and derivatives agree."""

import math

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax

X = np.linspace(0.3, 1.4, 4).astype(np.float32)


def smooth(x):
    """An elementwise function with a known derivative."""
    return jnp.sin(x) * jnp.exp(-x)


def smooth_derivative(x):
    return np.exp(-x) * (np.cos(x) - np.sin(x))


def smooth_second(x):
    return -2.0 * np.exp(-x) * np.cos(x)


def looped(x):
    """`smooth`, reached through a scan of one step."""
    return lax.scan(lambda c, _: (smooth(c), None), x, None, length=1)[0]


def branched(x):
    """`smooth`, reached through a cond."""
    return lax.cond(True, smooth, lambda x: x, x)


VARIANTS = {
    "plain": smooth,
    "jit": dc.jit(smooth),
    "scan": looped,
    "jit of scan": dc.jit(looped),
    "cond": branched,
    "checkpoint": dc.checkpoint(smooth),
    "jit of checkpoint": dc.jit(dc.checkpoint(smooth)),
    "fori": lambda x: lax.fori_loop(0, 1, lambda i, c: smooth(c), x),
    "nested jit": dc.jit(lambda x: dc.jit(smooth)(x)),
}


@pytest.mark.parametrize("name", VARIANTS)
class TestEachVariant:
    def test_grad_of_sum_of_vmap(self, name):
        f = VARIANTS[name]

        got = dc.grad(lambda x: dc.vmap(f)(x).sum())(X)

        np.testing.assert_allclose(got, smooth_derivative(X), rtol=1e-5)

    def test_vmap_of_grad(self, name):
        f = VARIANTS[name]

        got = dc.vmap(dc.grad(f))(X)

        np.testing.assert_allclose(got, smooth_derivative(X), rtol=1e-5)

    def test_jit_of_vmap_of_grad(self, name):
        f = VARIANTS[name]

        got = dc.jit(dc.vmap(dc.grad(f)))(X)

        np.testing.assert_allclose(got, smooth_derivative(X), rtol=1e-5)

    def test_jvp(self, name):
        f = VARIANTS[name]

        value, tangent = dc.jvp(f, (X,), (np.full_like(X, 2.0),))

        np.testing.assert_allclose(value, np.sin(X) * np.exp(-X), rtol=1e-5)
        np.testing.assert_allclose(tangent, 2 * smooth_derivative(X), rtol=1e-5)

    def test_linearize_agrees_with_jvp(self, name):
        f = VARIANTS[name]

        _, push = dc.linearize(f, X)

        np.testing.assert_allclose(
            push(np.ones_like(X)), smooth_derivative(X), rtol=1e-5
        )

    @pytest.mark.parametrize(
        "second",
        [
            lambda f: dc.grad(dc.grad(f)),
            lambda f: dc.jit(dc.grad(dc.jit(dc.grad(f)))),
            lambda f: dc.hessian(f),
            lambda f: dc.jacfwd(dc.jacfwd(f)),
            lambda f: lambda x: dc.jvp(dc.grad(f), (x,), (np.float32(1.0),))[1],
            lambda f: dc.grad(lambda x: dc.jvp(f, (x,), (np.float32(1.0),))[1]),
        ],
        ids=["grad-grad", "jit", "hessian", "fwd-fwd", "fwd-rev", "rev-fwd"],
    )
    def test_second_derivative(self, name, second):
        got = second(VARIANTS[name])(X[0])

        np.testing.assert_allclose(got, smooth_second(X[0]), rtol=1e-4)


def test_grad_of_vmap_of_jit_of_scan_agrees_with_finite_differences():
    def f(w, xs):
        def step(c, x):
            c = jnp.tanh(c * w + x)
            return c, c * c

        c, ys = lax.scan(step, jnp.zeros_like(w), xs)
        return ys.sum() + c

    def total(w):
        return dc.vmap(dc.jit(f), in_axes=(0, None))(w, np.arange(3.0)).sum()

    with dc.enable_x64():
        w = np.array([0.5, -0.7])
        step = 1e-6
        want = [
            (float(total(w + step * e)) - float(total(w - step * e))) / (2 * step)
            for e in np.eye(2)
        ]
        got = dc.grad(total)(w)

    np.testing.assert_allclose(got, want, rtol=1e-7)


def test_eager_grad_sees_concrete_values_in_python_control_flow():
    def f(x):
        while x < 10.0:
            x = x * 2.0
        return x if x > 0 else -x

    assert float(dc.grad(f)(3.0)) == 4.0


def test_hessian_of_a_quadratic_is_its_matrix():
    a = np.array([[2.0, 1.0], [1.0, 3.0]], np.float32)

    got = dc.hessian(lambda x: 0.5 * x @ a @ x)(np.ones(2, np.float32))

    np.testing.assert_allclose(got, a, rtol=1e-6)


def test_jacobians_of_trees_agree():
    def f(p):
        return {"y": jnp.outer(p["a"], p["b"]), "z": p["a"].sum()}

    p = {"a": np.arange(2, dtype=np.float32), "b": np.arange(3, dtype=np.float32)}

    forward, reverse = dc.jacfwd(f)(p), dc.jacrev(f)(p)

    assert forward["y"]["b"].shape == (2, 3, 3)
    for got, want in zip(dc.tree.leaves(forward), dc.tree.leaves(reverse), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-6)


def test_grad_with_aux_argnums_and_trees():
    def f(p, n, q):
        value = (p["w"] * q).sum() * n
        return value, {"value": value}

    (value, aux), (gp, gq) = dc.value_and_grad(f, argnums=(0, 2), has_aux=True)(
        {"w": X}, 2, 3.0
    )

    assert float(value) == float(aux["value"])
    np.testing.assert_allclose(gp["w"], np.full(4, 6.0), rtol=1e-6)
    np.testing.assert_allclose(gq, 2 * X.sum(), rtol=1e-6)


def test_vjp_may_be_called_several_times():
    _, pull = dc.vjp(jnp.sin, X)

    np.testing.assert_allclose(pull(np.ones(4, np.float32))[0], np.cos(X), rtol=1e-6)
    np.testing.assert_allclose(
        pull(np.full(4, 2.0, np.float32))[0], 2 * np.cos(X), rtol=1e-6
    )


def test_gradient_of_an_unused_argument_is_zero():
    got = dc.grad(lambda a, b: a * 1.0, argnums=1)(2.0, X)

    np.testing.assert_array_equal(got, np.zeros(4))


def test_linear_transpose_of_a_matrix_product():
    a = np.arange(6, dtype=np.float32).reshape(2, 3)

    (got,) = dc.linear_transpose(lambda x: a @ x, dc.ShapeDtypeStruct((3,), "float32"))(
        np.ones(2, np.float32)
    )

    np.testing.assert_allclose(got, a.sum(0))


def test_vmap_axes_in_and_out():
    x = np.arange(24, dtype=np.float32).reshape(2, 3, 4)

    got = dc.vmap(lambda a, b: a + b, in_axes=(1, None), out_axes=-1)(x, np.float32(1))

    np.testing.assert_array_equal(got, np.moveaxis(x, 1, -1) + 1)


def test_vmap_over_a_tree_with_axes_per_leaf():
    tree = {"a": np.ones((3, 2), np.float32), "b": np.arange(2, dtype=np.float32)}

    got = dc.vmap(lambda t: (t["a"] * t["b"]).sum(), in_axes=({"a": 0, "b": None},))(
        tree
    )

    np.testing.assert_array_equal(got, [1.0, 1.0, 1.0])


def test_vmap_of_while_stops_each_lane_by_itself():
    x = np.array([1.0, 3.0, 50.0], np.float32)

    got = dc.vmap(lambda x: lax.while_loop(lambda c: c < 10, lambda c: c * 2, x))(x)

    np.testing.assert_array_equal(got, [16.0, 12.0, 50.0])


def test_closure_over_a_traced_value_is_differentiated():
    def f(x):
        inner = dc.jit(lambda y: y * x)
        return lax.scan(lambda c, _: (inner(c), None), x, None, length=2)[0]

    assert math.isclose(float(dc.grad(f)(2.0)), 12.0, rel_tol=1e-6)


def test_scan_grad_with_reverse_and_unroll_agrees():
    def f(w, reverse, unroll):
        return lax.scan(
            lambda c, x: (jnp.tanh(c * w + x), c * x),
            0.1,
            X,
            reverse=reverse,
            unroll=unroll,
        )[1].sum()

    want = dc.grad(f)(0.7, True, 1)
    np.testing.assert_allclose(dc.grad(f)(0.7, True, 2), want, rtol=1e-6)
    np.testing.assert_allclose(dc.grad(f)(0.7, True, True), want, rtol=1e-6)


def test_batched_predicate_and_its_gradient_select_per_lane():
    x = np.array([1.0, -2.0, 3.0], np.float32)

    def f(x):
        return lax.cond(x > 0, lambda x: x * x, lambda x: -3.0 * x, x)

    np.testing.assert_allclose(dc.vmap(f)(x), [1.0, 6.0, 9.0])
    np.testing.assert_allclose(dc.vmap(dc.grad(f))(x), [2.0, -3.0, 6.0])


def test_of_tanh_only_the_result_is_kept():
    """`1 - tanh(x)**2` is computed again in the backward pass."""
    from dolmen.core._ops._transcendental import Tanh
    from dolmen.core._transforms._linearize import linearization

    x = dc.typeof(jnp.ones(3))

    split = linearization(Tanh(), (x,), (True,))

    assert split.num_residuals == 1
    assert split.primal.outputs[0] is split.primal.outputs[1]

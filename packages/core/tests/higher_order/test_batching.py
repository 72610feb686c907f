"""`custom_vmap`, `sequential_vmap` and `associative_scan`."""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.custom_batching import custom_vmap, sequential_vmap

X = np.arange(1.0, 4.0, dtype=np.float32)


def weighted():
    """A product whose rule multiplies by ten, so that one sees where it was used."""
    calls = []

    @custom_vmap
    def f(x, w):
        return {"y": x * w["a"]}

    @f.def_vmap
    def rule(axis_size, in_batched, x, w):
        calls.append((axis_size, in_batched))
        return {"y": 10.0 * x * w["a"]}, {"y": any((in_batched[0], in_batched[1]["a"]))}

    return f, calls


class TestCustomVmap:
    def test_the_rule_sees_what_is_batched_along_the_first_axis(self):
        f, calls = weighted()

        got = dc.vmap(f, in_axes=(1, None), out_axes=1)(np.stack([X, X], 1), {"a": X})

        np.testing.assert_allclose(got["y"], 10 * np.stack([X * X] * 2, 1))
        assert calls == [(2, [True, {"a": False}])]

    def test_without_a_batch_the_function_runs(self):
        f, calls = weighted()

        got = dc.jit(f)(2.0, w={"a": 3.0})

        assert float(got["y"]) == 6.0
        assert calls == []

    @pytest.mark.parametrize(
        "wrapped",
        [
            lambda f: dc.jit(dc.vmap(f, (0, None))),
            lambda f: dc.vmap(dc.jit(f), (0, None)),
            lambda f: dc.vmap(
                lambda x, w: lax.cond(True, f, lambda x, w: {"y": x}, x, w), (0, None)
            ),
            lambda f: dc.vmap(
                lambda x, w: lax.scan(lambda c, _: (c, f(x, w)), 0, None, length=1)[1],
                (0, None),
            ),
        ],
        ids=["jit outside", "jit inside", "cond", "scan"],
    )
    def test_the_rule_applies_inside_other_programs(self, wrapped):
        f, _ = weighted()

        got = wrapped(f)(X, {"a": 2.0})["y"]

        np.testing.assert_allclose(np.ravel(got), 20 * X)

    def test_derivatives_of_a_batch_are_those_of_the_rule(self):
        f, _ = weighted()

        def total(x, w):
            return dc.vmap(f, (0, None))(x, {"a": w})["y"].sum()

        by_x, by_w = dc.grad(total, (0, 1))(X, 2.0)

        np.testing.assert_allclose(by_x, np.full(3, 20.0))
        np.testing.assert_allclose(by_w, 10 * X.sum())

    def test_a_batch_of_forward_derivatives_uses_the_derivative_of_the_rule(self):
        f, calls = weighted()

        def one(x, w):
            return dc.jvp(lambda w: f(x, {"a": w})["y"], (w,), (1.0,))

        value, tangent = dc.vmap(one, (0, None))(X, 2.0)

        np.testing.assert_allclose(value, 20 * X)
        np.testing.assert_allclose(tangent, 10 * X)
        assert calls == [(3, [True, {"a": False}])]

    def test_a_primal_is_a_batch_for_the_rule_if_only_its_tangent_is_one(self):
        f, calls = weighted()

        def one(tangent):
            return dc.jvp(lambda x: f(x, {"a": 2.0})["y"], (3.0,), (tangent,))

        value, tangent = dc.vmap(one)(X)

        np.testing.assert_allclose(value, np.full(3, 60.0))
        np.testing.assert_allclose(tangent, 20 * X)
        assert calls == [(3, [True, {"a": False}])]

    def test_a_batch_of_gradients_is_that_of_the_function(self):
        f, _ = weighted()

        got = dc.vmap(dc.grad(lambda x: f(x, {"a": 2.0})["y"]))(X)

        np.testing.assert_allclose(got, np.full(3, 2.0))

    def test_a_rule_may_be_batched_again(self):
        f, calls = weighted()

        got = dc.vmap(dc.vmap(f, (0, None)), (None, 0))(X, {"a": X[:2]})

        np.testing.assert_allclose(got["y"], 10 * np.outer(X[:2], X))
        assert [size for size, _ in calls] == [3]


def function(x):
    return x


def with_rule(rule):
    made = custom_vmap(function)
    made.def_vmap(rule)
    return made


def text_of(call):
    with pytest.raises((TypeError, ValueError, AttributeError)) as caught:
        call()
    text = re.sub(r"\n  at .*?:\d+ in .*", "", str(caught.value))
    text = re.sub(r"(is|made) at \S*?:\d+", r"\1 at HERE", text)
    return f"{type(caught.value).__name__}: {text}"


def closing_over(y):
    f = custom_vmap(lambda x: x + y)
    f.def_vmap(lambda n, b, x: (x, True))
    return f(1.0)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: custom_vmap(function)(1.0),
            "AttributeError: custom_vmap function: it has no rule yet.\n"
            "Define one with `@function.def_vmap`.",
        ),
        (
            lambda: dc.vmap(with_rule(lambda n, b, x: x))(X),
            "TypeError: custom_vmap of function: the rule must return a pair `(out, "
            "out_batched)`, got ndarray.",
        ),
        (
            lambda: dc.vmap(with_rule(lambda n, b, x: (x, (True, True))))(X),
            "ValueError: custom_vmap of function: the results of the rule and "
            "`out_batched` must have the tree of the function's result, PyTreeDef(*); "
            "got PyTreeDef(*) and PyTreeDef((*, *)).",
        ),
        (
            lambda: dc.vmap(with_rule(lambda n, b, x: (x, False)))(X),
            "TypeError: custom_vmap of function: the results of the rule must have the "
            "types of the function's results, with the batch axis in front where "
            "`out_batched` says so, but\n  result: expected f32[], got f32[3]",
        ),
        (
            lambda: dc.vmap(closing_over)(X),
            "ValueError: custom_vmap of <lambda>: the function closes over a value "
            "that differs across the batch, which its rule does not get.\n"
            "Pass the value as an argument.",
        ),
        (
            lambda: lax.associative_scan(jnp.add, {"a": X, "b": X[:2]}),
            "ValueError: associative_scan of add: arrays must be equally long along "
            "axis 0, got\n  elems['a']: f32[3]\n  elems['b']: f32[2]",
        ),
        (
            lambda: lax.associative_scan(lambda a, b: a[:, :1], np.ones((5, 2), "f4")),
            "TypeError: associative_scan of <lambda>: elems and result must have equal "
            "types, but\n  elems is f32[2,2], result is f32[2,1]\n"
            "  <lambda> is at HERE\n"
            "Make the function return what it takes, elementwise.",
        ),
        (
            lambda: lax.associative_scan(3, X),
            "TypeError: associative_scan: expected a function as `fn`, got int: 3.",
        ),
    ],
)
def test_errors(call, expected):
    assert text_of(call) == expected


class TestSequentialVmap:
    def test_each_lane_takes_its_branch_alone(self):
        seen = []

        @sequential_vmap
        def f(x, w):
            def loud(x):
                dc.debug.callback(lambda v: seen.append(float(v)), x)
                return x * w

            return lax.cond(x > 1.5, loud, lambda x: -x, x)

        got = dc.jit(dc.vmap(f, (0, None)))(X, 2.0)
        dc.effects_barrier()

        assert got.tolist() == [-1.0, 4.0, 6.0]
        assert seen == [2.0, 3.0]
        text = dc.jit(dc.vmap(f, (0, None))).lower(X, 2.0).as_text()
        assert "stablehlo.case" in text

    def test_gradient_of_a_batch(self):
        f = sequential_vmap(lambda x, w: jnp.sin(x) * w)

        got = dc.grad(lambda w: dc.vmap(f, (0, None))(X, w).sum())(2.0)

        np.testing.assert_allclose(got, np.sin(X).sum(), rtol=1e-6)


class TestAssociativeScan:
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("length", [0, 1, 2, 3, 6, 7])
    def test_of_matrices_agrees_with_a_loop(self, length, reverse):
        m = np.random.default_rng(0).normal(size=(length, 2, 2)).astype(np.float32)

        got = lax.associative_scan(jnp.matmul, m, reverse=reverse)

        order = range(length)[:: -1 if reverse else 1]
        want, running = np.zeros_like(m), np.eye(2, dtype=np.float32)
        for i in order:
            running = running @ m[i]
            want[i] = running
        np.testing.assert_allclose(got, want, rtol=1e-4, atol=1e-5)

    def test_of_a_tree_along_another_axis(self):
        def compose(f, g):
            return {"a": f["a"] * g["a"], "b": (f["b"][0] * g["a"] + g["b"][0],)}

        a = np.arange(1.0, 11.0, dtype=np.float32).reshape(2, 5)
        b = a[::-1].copy()

        got = lax.associative_scan(compose, {"a": a, "b": (b,)}, axis=-1)

        value, want = np.zeros(2), []
        for i in range(5):
            value = value * a[:, i] + b[:, i]
            want.append(value)
        np.testing.assert_allclose(got["b"][0], np.stack(want, 1), rtol=1e-6)
        np.testing.assert_allclose(got["a"], np.cumprod(a, 1), rtol=1e-6)

    def test_gradient_and_vmap(self):
        def total(x):
            return lax.associative_scan(jnp.multiply, x)[-1]

        got = dc.vmap(dc.grad(total))(np.stack([X, 2 * X]))

        want = np.stack([6.0 / X, 48.0 / (2 * X)])
        np.testing.assert_allclose(got, want, rtol=1e-5)

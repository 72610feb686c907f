"""`scan`, `map`, `while_loop`, `fori_loop`, `cond`, `switch`, `platform_dependent`.

The oracles are Python loops and NumPy.
"""

import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax
from dolmen.core.experimental import io_callback

XS = np.linspace(-1.0, 1.0, 10).reshape(5, 2).astype(np.float32)


def step(carry, x):
    carry = 0.5 * carry + x
    return carry, carry * x


def looped(carry, xs, *, reverse=False):
    ys = [None] * len(xs)
    for i in range(len(xs))[:: -1 if reverse else 1]:
        carry, ys[i] = step(carry, xs[i])
    return carry, np.stack(ys)


class TestScan:
    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("unroll", [1, 2, 3, 5, 7, 0, True, False])
    def test_agrees_with_a_loop_however_it_is_unrolled(self, unroll, reverse):
        def run(xs):
            return lax.scan(step, xs[0] * 0, xs, reverse=reverse, unroll=unroll)

        def total(xs):
            return sum(x.sum() for x in run(xs))

        carry, ys = run(XS)
        gradient = dc.grad(total)(XS)

        want_carry, want_ys = looped(XS[0] * 0, XS, reverse=reverse)
        np.testing.assert_allclose(carry, want_carry, rtol=1e-6)
        np.testing.assert_allclose(ys, want_ys, rtol=1e-6)
        plain = dc.grad(
            lambda xs: sum(map(jnp.sum, lax.scan(step, 0 * xs[0], xs, reverse=reverse)))
        )
        np.testing.assert_allclose(gradient, plain(XS), rtol=1e-6)

    def test_unrolling_leaves_a_shorter_loop(self):
        def text(unroll):
            run = dc.jit(lambda xs: lax.scan(step, xs[0], xs, unroll=unroll))
            return run.lower(XS).as_text()

        counts = [text(u).count("stablehlo.dynamic_update_slice") for u in (1, 2, True)]

        # Two steps in the loop and one after it; all five without a loop.
        assert counts == [1, 3, 5]
        assert [text(u).count("stablehlo.while") for u in (1, 2, True)] == [1, 1, 0]

    def test_without_steps_gives_the_carry_back(self):
        carry, ys = dc.jit(lambda c: lax.scan(step, c, jnp.zeros((0, 2))))(XS[0])

        np.testing.assert_array_equal(carry, XS[0])
        assert ys.shape == (0, 2)

    def test_transpose_where_the_carry_starts_from_a_constant(self):
        def running_sum(x):
            return lax.scan(lambda c, row: (c + row, 2.0 * c), jnp.zeros(2), x)

        (got,) = dc.linear_transpose(running_sum, XS)((np.ones(2, np.float32), XS))

        _, pull = dc.vjp(running_sum, XS)
        want = np.stack([1 + 2 * XS[i + 1 :].sum(0) for i in range(5)])
        np.testing.assert_allclose(got, want, rtol=1e-6)
        np.testing.assert_allclose(
            pull((np.ones(2, np.float32), XS))[0], want, rtol=1e-6
        )

    def test_settles_a_weak_carry_over_several_steps(self):
        def f(c, _):
            return (c[1], c[2], jnp.float16(1)), None

        carry, _ = lax.scan(f, (0, 1, 2), None, length=1)

        assert [c.dtype for c in carry] == [np.float16] * 3

    def test_a_batched_carry_may_become_the_same_for_all_lanes(self):
        def f(x, rows):
            return lax.scan(lambda c, row: (row[0], c), x, rows)

        carry, ys = dc.vmap(f, (0, None))(XS[:, 0], XS[:3])

        np.testing.assert_array_equal(carry, np.full(5, XS[2, 0]))
        want = np.stack([XS[:, 0], np.full(5, XS[0, 0]), np.full(5, XS[1, 0])], 1)
        np.testing.assert_array_equal(ys, want)

    def test_batch_axes_may_be_anywhere(self):
        def f(c, xs, w):
            return lax.scan(lambda c, x: (c * w + x, c.sum()), c, xs)

        c, w = XS[:3, :].copy(), np.float32([2.0, 3.0])
        xs = np.arange(12, dtype=np.float32).reshape(2, 3, 2)
        carry, ys = dc.vmap(f, (1, 2, 0), (1, -1))(c, xs, w)

        for lane in range(2):
            want = c[:, lane]
            for step in range(2):
                np.testing.assert_allclose(ys[step, lane], want.sum(), rtol=1e-6)
                want = want * w[lane] + xs[step, :, lane]
            np.testing.assert_allclose(carry[:, lane], want, rtol=1e-6)

    def test_split_transpose_is_accepted(self):
        carry, _ = lax.scan(step, XS[0], XS, _split_transpose=True)

        np.testing.assert_allclose(carry, looped(XS[0], XS)[0], rtol=1e-6)


class TestMap:
    @pytest.mark.parametrize("batch_size", [None, 0, 1, 2, 3, 5, 9])
    def test_of_trees_in_batches_agrees_with_a_loop(self, batch_size):
        tree = {"a": XS, "b": (np.arange(5),)}

        got = lax.map(
            lambda t: {"s": t["a"].sum() + t["b"][0], "a": t["a"]},
            tree,
            batch_size=batch_size,
        )

        np.testing.assert_allclose(got["s"], XS.sum(1) + np.arange(5), rtol=1e-6)
        np.testing.assert_array_equal(got["a"], XS)

    def test_of_nothing(self):
        got = lax.map(lambda x: (x, x.sum()), jnp.ones((0, 3)), batch_size=2)

        assert [x.shape for x in got] == [(0, 3), (0,)]


class TestWhile:
    def test_jvp_agrees_with_the_loop_written_out(self):
        def run(x, limit):
            return lax.while_loop(
                lambda c: c[0] < limit, lambda c: (c[0] + 1, c[1] * x), (0.0, x)
            )[1]

        value, tangent = dc.jvp(run, (3.0, 2.5), (1.0, 1.0))

        assert (float(value), float(tangent)) == (81.0, 108.0)

    def test_a_carry_that_starts_from_a_constant_gets_tangents_and_lanes(self):
        def run(x):
            return lax.while_loop(
                lambda c: c[0] < 3, lambda c: (c[0] + 1, c[2], c[2] + x), (0, 0.0, 0.0)
            )[1]

        value, tangent = dc.jvp(dc.vmap(run), (XS[0],), (np.ones(2, np.float32),))

        np.testing.assert_allclose(value, 2 * XS[0], rtol=1e-6)
        np.testing.assert_array_equal(tangent, [2.0, 2.0])

    def test_reverse_mode_passes_by_a_loop_that_only_decides_on_a_value(self):
        def run(x):
            steps = lax.while_loop(lambda n: n < x, lambda n: n + 1, 0)
            return x * steps

        assert float(dc.grad(run)(2.5)) == 3.0

    def test_lanes_stop_one_by_one(self):
        def run(x, limit):
            return lax.while_loop(
                lambda c: (c[0] < limit).all(), lambda c: (c[0] * 2, c[1] + 1), (x, 0)
            )

        x, limit = np.array([1.0, 3.0, 50.0], np.float32), 40.0
        value, steps = dc.vmap(run, (0, None))(x, limit)
        all_values = dc.vmap(run, (None, 0))(1.0, np.array([3.0, 9.0]))[0]

        np.testing.assert_array_equal(value, [64.0, 48.0, 50.0])
        np.testing.assert_array_equal(steps, [6, 4, 0])
        np.testing.assert_array_equal(all_values, [4.0, 16.0])

    def test_a_condition_that_is_shared_by_lanes_stays_a_scalar(self):
        text = (
            dc.jit(
                dc.vmap(
                    lambda x: lax.while_loop(
                        lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * 2), (0, x)
                    )
                )
            )
            .lower(XS)
            .as_text()
        )

        assert "stablehlo.select" not in text

    def test_a_loop_without_carry_runs_until_its_effect_ends_it(self):
        left = iter([True, True, True, False])

        def run():
            more = dc.ShapeDtypeStruct((), bool)
            lax.while_loop(
                lambda c: io_callback(lambda: np.asarray(next(left)), more),
                lambda c: c,
                (),
            )

        dc.jit(run)()
        dc.effects_barrier()

        assert next(left, "all asked") == "all asked"

    def test_settles_a_weak_carry(self):
        got = lax.while_loop(lambda c: c < 3, lambda c: c + jnp.float16(1.5), 1)

        assert got.dtype == np.float16
        assert float(got) == 4.0


class TestFori:
    @pytest.mark.parametrize("unroll", [None, 1, 2, True])
    def test_reverse_mode_through_known_bounds(self, unroll):
        def run(x):
            return lax.fori_loop(1, 4, lambda i, c: c * x * i, 1.0, unroll=unroll)

        value, gradient = dc.value_and_grad(run)(2.0)

        assert (float(value), float(gradient)) == (48.0, 72.0)

    def test_traced_bounds(self):
        run = dc.jit(lambda a, b: lax.fori_loop(a, b, lambda i, c: c + i, 0))

        assert [int(run(2, 5)), int(run(5, 2)), int(run(-2, 1))] == [9, 0, -3]

    def test_a_weak_bound_gives_way(self):
        run = dc.jit(lambda n: lax.fori_loop(0, n, lambda i, c: i, np.int8(0)))

        assert run(np.int8(3)).dtype == np.int8
        assert int(run(np.int8(3))) == 2

    def test_lanes_with_bounds_of_their_own(self):
        got = dc.vmap(lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0))(
            np.array([0, 3, 5])
        )

        assert got.tolist() == [0, 3, 10]


class TestCond:
    def test_forms_of_older_programs(self):
        got = [
            lax.cond(True, lambda x: x, lambda x: -x, operand=3),
            lax.cond(False, lambda x: 1, lambda x: 2, operand=None),
            lax.cond(False, 1.0, lambda x: x + 1, 2.0, lambda x: x * 3),
            lax.switch(1, [lambda x: x, lambda x: x + 1], operand=5),
        ]

        assert [float(x) for x in got] == [3.0, 2.0, 6.0, 6.0]

    def test_results_may_differ_in_weakness(self):
        got = dc.jit(lambda p: lax.cond(p, lambda: 1.0, lambda: jnp.float32(2)))(True)

        assert not got.weak_type

    @pytest.mark.parametrize("number", [0.0, 2, -1.5, np.int8(0)])
    def test_predicates_may_be_numbers(self, number):
        got = dc.jit(lambda p: lax.cond(p, lambda: 1, lambda: 0))(number)

        assert int(got) == bool(number)

    def test_large_indices_are_clamped_before_they_are_narrowed(self):
        with dc.enable_x64():
            got = lax.switch(np.int64(2**32), [lambda: 0, lambda: 1, lambda: 2])

        assert int(got) == 2

    def test_linear_transpose(self):
        def f(p, x):
            return lax.cond(p, lambda x: 2.0 * x, lambda x: jnp.flip(x), x)

        for p, want in ((True, 2 * XS[0]), (False, XS[0][::-1])):
            (got,) = dc.linear_transpose(lambda x, p=p: f(p, x), XS[0])(XS[0])
            np.testing.assert_allclose(got, want)

    @pytest.mark.parametrize("p", [0, 1, 2])
    def test_gradient_where_branches_keep_several_values_of_one_type(self, p):
        branches = [
            lambda x, y: jnp.sin(x) * jnp.exp(y),
            lambda x, y: x,
            lambda x, y: jnp.cos(x * y) * jnp.tanh(x),
        ]

        got = dc.grad(lambda x, y: lax.switch(p, branches, x, y), (0, 1))(0.7, -0.4)

        want = dc.grad(branches[p], (0, 1))(0.7, -0.4)
        np.testing.assert_allclose(got, want, rtol=1e-6)

    @pytest.mark.parametrize(
        ("p", "slope", "values"), [(True, 1.0, [5.0, 3.0]), (False, 12.0, [19.0, 3.0])]
    )
    def test_a_branch_that_ignores_its_operand_has_a_zero_derivative(
        self, p, slope, values
    ):
        def f(x):
            both = lax.cond(p, lambda x: (x, 1.0), lambda x: (1.0, x * x), x)
            return both[0] + 2.0 * both[1]

        tangent = dc.jvp(dc.jit(f), (3.0,), (1.0,))[1]
        gradient = dc.grad(dc.jit(f))(3.0)
        lanes = dc.vmap(f)(np.array([3.0, 1.0], np.float32))

        assert float(tangent) == float(gradient) == slope
        assert lanes.tolist() == values

    def test_each_lane_takes_the_result_of_its_branch(self):
        def f(i, x):
            return lax.switch(i, [jnp.sin, lambda x: x * x, jnp.exp], x)

        x = XS[:, 0]
        i = np.array([0, 1, 2, 7, -3])
        value, tangent = dc.jvp(lambda x: dc.vmap(f)(i, x), (x,), (np.ones_like(x),))

        pick = np.clip(i, 0, 2)
        values = np.stack([np.sin(x), x * x, np.exp(x)])[pick, np.arange(5)]
        slopes = np.stack([np.cos(x), 2 * x, np.exp(x)])[pick, np.arange(5)]
        np.testing.assert_allclose(value, values, rtol=1e-6)
        np.testing.assert_allclose(tangent, slopes, rtol=1e-6)


class TestEffectsOfLanes:
    """Under `vmap` what a lane does not run has no effects."""

    def run(self, function, x):
        seen = []

        def note(value, name):
            dc.debug.callback(lambda v: seen.append((name, float(v))), value)

        result = dc.jit(dc.vmap(lambda x: function(x, note)))(x)
        dc.effects_barrier()
        return np.asarray(result), sorted(seen)

    def test_branches(self):
        def f(x, note):
            def double(x):
                note(x, "double")
                return 2 * x

            def negate(x):
                note(x, "negate")
                return -x

            return lax.cond(x > 1, double, negate, x)

        result, seen = self.run(f, np.arange(4.0, dtype=np.float32))

        assert result.tolist() == [-0.0, -1.0, 4.0, 6.0]
        assert seen == [("double", 2), ("double", 3), ("negate", 0), ("negate", 1)]

    @pytest.mark.parametrize("wrap", [dc.jit, dc.checkpoint, lambda f: f])
    def test_calls_and_loops_inside_branches(self, wrap):
        def f(x, note):
            @wrap
            def twice(x):
                def body(c, _):
                    note(c, "step")
                    return c + 1, None

                return lax.scan(body, x, None, length=2)[0]

            return lax.cond(x > 1, twice, lambda x: x, x)

        result, seen = self.run(f, np.arange(3.0, dtype=np.float32))

        assert result.tolist() == [0.0, 1.0, 4.0]
        assert seen == [("step", 2), ("step", 3)]

    def test_bodies_and_conditions_of_loops(self):
        def f(x, note):
            def condition(c):
                note(c, "condition")
                return c < 2

            def body(c):
                note(c, "body")
                return c + 1

            return lax.while_loop(condition, body, x)

        result, seen = self.run(f, np.array([1, 2], np.int32))

        assert result.tolist() == [2, 2]
        assert seen == [
            ("body", 1),
            ("condition", 1),
            ("condition", 2),
            ("condition", 2),
        ]

    def test_a_lane_that_is_done_is_not_asked_again(self):
        asked = []

        def is_done(c):
            asked.append(int(c))
            return np.asarray(c >= 2)

        def f(x):
            done = dc.ShapeDtypeStruct((), bool)
            return lax.while_loop(
                lambda c: ~io_callback(is_done, done, c), lambda c: c + 1, x
            )

        got = dc.vmap(f)(np.array([0, 2, 5]))
        dc.effects_barrier()

        assert got.tolist() == [2, 2, 5]
        assert sorted(asked) == [0, 1, 2, 2, 5]

    @pytest.mark.parametrize("wrap", [dc.jit, lambda f: f])
    def test_what_is_not_an_effect_stays_vectorised(self, wrap):
        def f(x, w):
            @wrap
            def one(x):
                y = jnp.sin(w @ x)
                dc.debug.callback(lambda v: None, y)
                return y

            def only_an_effect(x):
                dc.debug.callback(lambda v: None, x)
                return x

            return lax.cond(x[0] > 0, one, only_an_effect, x)

        text = dc.jit(dc.vmap(f, (0, None))).lower(XS, np.eye(2, dtype="f4")).as_text()

        assert re.findall("stablehlo.sine %.* : tensor<(.*)xf32>", text) == ["2x5"]


class TestWithoutJit:
    """Under `disable_jit` control flow is Python's, on values one can look at."""

    def test_bodies_see_concrete_values(self):
        seen = []

        def note(name, value):
            seen.append((name, float(value)))
            return value

        with dc.disable_jit():
            lax.scan(lambda c, x: (note("scan", c + x), c), 0.0, np.arange(2.0))
            lax.while_loop(lambda c: note("test", c) < 1, lambda c: c + 1, 0)
            lax.fori_loop(3, 5, lambda i, c: note("fori", i), 0)
            lax.cond(True, lambda: note("cond", 1), lambda: note("other", 1))
            lax.switch(9, [lambda: note("other", 1), lambda: note("switch", 1)])
            lax.map(lambda x: note("map", x), np.arange(2.0))

        assert seen == [
            ("scan", 0.0),
            ("scan", 1.0),
            ("test", 0.0),
            ("test", 1.0),
            ("fori", 3.0),
            ("fori", 4.0),
            ("cond", 1.0),
            ("switch", 1.0),
            ("map", 0.0),
            ("map", 1.0),
        ]

    @pytest.mark.parametrize("reverse", [False, True])
    def test_scan_gives_the_same(self, reverse):
        def run(xs):
            return lax.scan(step, xs[0], xs, reverse=reverse)

        with dc.disable_jit():
            got = run(XS)
            tangent = dc.jvp(lambda xs: run(xs)[1], (XS,), (XS,))[1]
            gradient = dc.grad(lambda xs: run(xs)[0].sum())(XS)

        for a, b in zip(got, run(XS), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-6)
        np.testing.assert_allclose(
            tangent, dc.jvp(lambda xs: run(xs)[1], (XS,), (XS,))[1], rtol=1e-5
        )
        np.testing.assert_allclose(
            gradient, dc.grad(lambda xs: run(xs)[0].sum())(XS), rtol=1e-6
        )

    def test_lanes_with_conditions_of_their_own_still_work(self):
        def f(x):
            y = lax.while_loop(lambda c: c < 4, lambda c: c * 2, x)
            return lax.cond(x > 2, lambda y: y, lambda y: -y, y)

        with dc.disable_jit():
            got = dc.vmap(f)(np.arange(1, 6))

        assert got.tolist() == [-4, -4, 6, 4, 5]

    def test_a_scan_without_steps_has_results(self):
        with dc.disable_jit():
            carry, ys = lax.scan(step, XS[0], XS[:0])

        np.testing.assert_array_equal(carry, XS[0])
        assert ys.shape == (0, 2)


class TestPlatformDependent:
    def test_the_function_for_the_platform_is_called(self):
        def f(x):
            return lax.platform_dependent(
                x, cpu=jnp.sin, tpu=jnp.cos, default=lambda x: x
            )

        def otherwise(x):
            return lax.platform_dependent(x, tpu=jnp.cos, default=lambda x: 3.0 * x)

        np.testing.assert_allclose(f(1.0), np.sin(1.0), rtol=1e-6)
        np.testing.assert_allclose(
            dc.vmap(dc.grad(f))(XS[:, 0]), np.cos(XS[:, 0]), rtol=1e-6
        )
        assert float(dc.jit(dc.grad(otherwise))(1.0)) == 3.0

    def test_only_that_function_is_lowered(self):
        def f(x):
            return lax.platform_dependent(x, cpu=jnp.sin, gpu=jnp.cos)

        text = dc.jit(f).lower(1.0).as_text()

        assert "stablehlo.sine" in text
        assert "stablehlo.cosine" not in text
        assert "stablehlo.case" not in text


def body_of_another_tree(c, _):
    return (c[0], {"b": c[1]}), None


def text_of(call):
    with pytest.raises((TypeError, ValueError, NotImplementedError)) as caught:
        call()
    text = re.sub(r"\n  at .*?:\d+ in .*", "", str(caught.value))
    text = re.sub(r"(is|made) at \S*?:\d+", r"\1 at HERE", text)
    return f"{type(caught.value).__name__}: {text}"


def identity(x):
    return x


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (
            lambda: lax.scan(body_of_another_tree, (1.0, [2.0]), None, length=2),
            "TypeError: scan of body_of_another_tree: init and carry must have the "
            "same tree, but\n"
            "  init[1] is a list with the entries [0], carry[1] is a dict with the "
            "entries ['b']\n"
            "  body_of_another_tree is at HERE\n"
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        ),
        (
            lambda: lax.scan(identity, 1.0, XS),
            "TypeError: identity() takes 1 positional argument but 2 were given",
        ),
        (
            lambda: lax.scan(lambda c, x: c, 1.0, XS),
            "TypeError: scan of <lambda>: expected the function to return a pair "
            "`(carry, y)`, got an array.\n"
            "Return `(carry, None)` when there is nothing to stack.",
        ),
        (
            lambda: lax.scan(step, 1.0, XS, unroll=-1),
            "ValueError: scan of step: expected `unroll` to be a boolean or a positive "
            "integer, got -1.",
        ),
        (
            lambda: lax.scan(step, 1.0, None, length=2.5),
            "TypeError: scan of step: expected an integer as `length`, got 2.5.",
        ),
        (
            lambda: lax.scan(step, 1.0, None),
            "ValueError: scan of step: neither `xs` nor `length` says how many steps.\n"
            "Pass `length=`.",
        ),
        (
            lambda: lax.scan(step, {"a": "text"}, XS),
            "TypeError: scan of step: expected arrays or Python numbers as leaves of "
            "the arguments, got\n  init['a']: str 'text'\n"
            "Pass such values as static arguments, or close over them.",
        ),
        (
            lambda: lax.scan(3, 1.0, XS),
            "TypeError: scan: expected a function as `f`, got int: 3.",
        ),
        (
            lambda: lax.map(identity, None),
            "ValueError: map of identity: neither `xs` nor `length` says how many "
            "steps.\nPass `length=`.",
        ),
        (
            lambda: lax.map(identity, XS, batch_size=-2),
            "ValueError: map of identity: expected `batch_size` to be a positive "
            "integer or None, got -2.",
        ),
        (
            lambda: lax.while_loop(lambda c: c, identity, 1.0),
            "TypeError: while_loop of <lambda>: expected the condition to return a "
            "boolean scalar, got ~f32[].\n"
            "Compare with something, or reduce with `.any()` or `.all()`.",
        ),
        (
            lambda: lax.while_loop(lambda c: (True,), identity, 1.0),
            "TypeError: while_loop of <lambda>: expected the condition to return a "
            "boolean scalar, got (bool[],).\n"
            "Compare with something, or reduce with `.any()` or `.all()`.",
        ),
        (
            lambda: lax.while_loop(lambda c: True, lambda c: c[:1], XS),
            "TypeError: while_loop of <lambda>: init_val and carry must have equal "
            "types, but\n  init_val is f32[5,2], carry is f32[1,2] (made at HERE)\n"
            "  <lambda> is at HERE\n"
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        ),
        (
            lambda: lax.fori_loop(0, 3, lambda i, c: {"a": c}, 1.0),
            "TypeError: fori_loop of <lambda>: init_val and carry must have the same "
            "tree, but\n  init_val is an array, carry is a dict with the entries "
            "['a']\n  <lambda> is at HERE\n"
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        ),
        (
            lambda: dc.jit(lambda n: lax.fori_loop(0, n, lambda i, c: c[:1], XS))(3),
            "TypeError: fori_loop of <lambda>: init_val and carry must have equal "
            "types, but\n  init_val is f32[5,2], carry is f32[1,2] (made at HERE)\n"
            "  <lambda> is at HERE\n"
            "Make the function return a carry of the same tree, shapes and dtypes, for "
            "example with `.astype(...)`.",
        ),
        (
            lambda: lax.fori_loop(np.int8(0), np.int32(3), lambda i, c: c, 0),
            "TypeError: fori_loop: `lower` and `upper` must have equal dtypes, got "
            "i8[] and i32[].\nConvert one with `.astype(...)`.",
        ),
        (
            lambda: dc.jit(lambda n: lax.fori_loop(0, n, lambda i, c: c, 0, unroll=2))(
                3
            ),
            "ValueError: fori_loop: `unroll` needs bounds that are known while "
            "tracing.\nLeave it out, or make the bounds Python integers.",
        ),
        (
            lambda: lax.cond(True, lambda: 1, lambda: 2.0),
            "TypeError: cond: true_fun(...) and false_fun(...) must have equal types, "
            "but\n  true_fun(...) is ~i32[], false_fun(...) is ~f32[]\n"
            "  <lambda> is at HERE\n  <lambda> is at HERE\n"
            "Make all branches return the same tree, shapes and dtypes.",
        ),
        (
            lambda: lax.cond(True, 1, 2),
            "TypeError: cond: expected a function as `true_fun`, got int: 1.",
        ),
        (
            lambda: lax.cond("a", identity, identity, 1),
            "TypeError: cond: expected a scalar predicate, got str 'a'.\n"
            "Use `jnp.where` to choose elementwise, or `vmap` the whole `cond`.",
        ),
        (
            lambda: lax.switch(0, [identity, 3], 1.0),
            "TypeError: switch: expected a function as `branches[1]`, got int: 3.",
        ),
        (
            lambda: lax.switch(0, [identity, lambda x: {"a": x}], 1.0),
            "TypeError: switch: branches[0](...) and branches[1](...) must have the "
            "same tree, but\n  branches[0](...) is an array, branches[1](...) is a "
            "dict with the entries ['a']\n"
            "  identity is at HERE\n  <lambda> is at HERE\n"
            "Make all branches return the same tree, shapes and dtypes.",
        ),
        (
            lambda: dc.vmap(
                lambda x: lax.cond(
                    x > 0, lambda: dc.debug.print("a", ordered=True), lambda: None
                )
            )(XS[0]),
            "ValueError: vmap of cond: the elements of a batch have no order in which "
            "ordered effects of the branches could happen.\n"
            "Loop with `lax.map` or `lax.scan`, or pass ordered=False.",
        ),
        (
            lambda: lax.platform_dependent(1.0, tpu=identity),
            "NotImplementedError: platform_dependent: expected a function for the "
            "platform 'cpu', got functions for 'tpu'.\n"
            "Pass `default=` for all other platforms.",
        ),
        (
            lambda: lax.platform_dependent(1.0),
            "ValueError: platform_dependent: expected at least one function.",
        ),
    ],
)
def test_errors(call, expected):
    assert text_of(call) == expected


def test_an_index_between_traced_python_numbers_stays_weak():
    got = dc.jit(lambda n: lax.fori_loop(0, n, lambda i, c: c + i, 0))(5)

    assert (got, got.weak_type) == (10, True)


@pytest.mark.parametrize(
    "call",
    [
        lambda f: lax.fori_loop(0, 3, lambda i, value: f(value), {"a": 1.0}),
        lambda f: dc.jit(lambda n: lax.fori_loop(0, n, lambda i, value: f(value), n))(
            3
        ),
        lambda f: lax.map(lambda value: f(value), XS),
        lambda f: lax.scan(lambda value, _: (f(value), 0), 1.0, None, length=2),
        lambda f: lax.while_loop(lambda c: True, lambda value: f(value), 1),
    ],
    ids=["fori", "traced fori", "map", "scan", "while"],
)
def test_errors_inside_bodies_name_the_parameter(call):
    def fail(value):
        return bool(dc.tree.leaves(value)[0].sum())

    with pytest.raises(dc.errors.TracerBoolConversionError) as caught:
        call(fail)

    assert "the argument `value` of <lambda>" in str(caught.value)

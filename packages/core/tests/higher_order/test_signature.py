"""Which arguments are static or donated, by number and by name."""

import functools
import re
import warnings

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


@pytest.fixture
def traces():
    """A list that a function under test appends to whenever it is traced."""
    return []


# ---- static ------------------------------------------------------------------------


def test_a_number_from_the_end_is_static_for_each_value():
    f = dc.jit(lambda x, n: x * n, static_argnums=-1)

    assert [float(f(2.0, n)) for n in (3, 4, 3)] == [6.0, 8.0, 6.0]


def test_a_number_from_the_end_stays_with_cpp_where_it_means_one_argument():
    f = dc.jit(lambda x, n: x * n, static_argnums=-1)

    for _ in range(3):
        f(2.0, 3)

    assert [row.misses for row in f.cache_report().rows] == [1]


def test_a_number_from_the_end_counts_the_arguments_of_a_call():
    f = dc.jit(lambda x, *rest: x * rest[-1], static_argnums=-1)

    assert [float(f(2.0, 9.0, n)) for n in (3, 4)] == [6.0, 8.0]
    assert float(f(2.0, 5)) == 10.0


def test_a_static_argument_may_be_left_to_its_default(traces):
    f = dc.jit(lambda x, n=3: traces.append(n) or x * n, static_argnames="n")

    assert [float(f(2.0)), float(f(2.0)), float(f(2.0, n=4))] == [6.0, 6.0, 8.0]
    assert traces == [3, 4]


def test_a_static_number_covers_the_same_argument_passed_by_name(traces):
    f = dc.jit(lambda x, kind: traces.append(kind) or x, static_argnums=1)

    f(1.0, "a"), f(1.0, kind="a"), f(1.0, kind="b")

    assert set(traces) == {"a", "b"}


def test_statics_among_the_parameters_of_a_partial(traces):
    def scaled(scale, kind, x):
        traces.append(kind)
        return scale * x

    f = dc.jit(functools.partial(scaled, 2.0), static_argnums=0)

    assert float(f("a", 3.0)) == 6.0
    assert traces == ["a"]


def test_methods_are_jitted_for_each_object(traces):
    class Scaled:
        def __init__(self, scale):
            self.scale = scale

        @functools.partial(dc.jit, static_argnames=("self", "twice"))
        def __call__(self, x, twice=False):
            traces.append(twice)
            return x * self.scale * (2 if twice else 1)

    double, triple = Scaled(2.0), Scaled(3.0)

    got = [double(1.0), triple(1.0), double(1.0, True), double(5.0)]

    assert [float(x) for x in got] == [2.0, 3.0, 4.0, 10.0]
    assert traces == [False, False, True]


def test_a_callable_object_is_jitted():
    class Doubled:
        def __call__(self, x, *, times=2):
            return x * times

    f = dc.jit(Doubled(), static_argnames="times")

    assert [float(f(1.0)), float(f(1.0, times=3))] == [2.0, 3.0]


def test_an_argument_by_any_name_is_static_where_all_names_are_taken(traces):
    f = dc.jit(
        lambda x, **rest: traces.append(rest["mode"]) or x, static_argnames="mode"
    )

    f(1.0, mode="fast")

    assert traces == ["fast"]


def test_numbers_beyond_the_parameters_are_refused():
    got = error_of(lambda: dc.jit(lambda x, y: x, static_argnums=2), ValueError)

    assert got == (
        "jit of <lambda>: static_argnums=2, but the function has 2 positional "
        "parameters.\n  at HERE"
    )


def test_unknown_names_are_refused():
    got = error_of(lambda: dc.jit(lambda x, y: x, donate_argnames="z"), ValueError)

    assert got == (
        "jit of <lambda>: donate_argnames names 'z', but the function has the "
        "parameters (x, y).\n  at HERE"
    )


def test_a_name_among_the_numbers_is_refused():
    got = error_of(lambda: dc.jit(lambda x: x, static_argnums="x"), TypeError)

    assert got == (
        "jit of <lambda>: static_argnums must be an integer or a sequence of integers, "
        "got 'x'.\n  at HERE\n"
        "Arguments are named with static_argnames."
    )


def test_a_number_among_the_names_is_refused():
    got = error_of(lambda: dc.jit(lambda x: x, static_argnames=(0,)), TypeError)

    assert got == (
        "jit of <lambda>: static_argnames must be a name or a sequence of names, got "
        "(0,).\n  at HERE\n"
        "Positions are given with static_argnums."
    )


def test_static_and_donated_at_once_is_refused():
    def make():
        return dc.jit(lambda x, y: x, static_argnums=0, donate_argnames="x")

    assert error_of(make, ValueError) == (
        "jit of <lambda>: 'x' cannot be both static and donated.\n  at HERE\n"
        "A static argument has no buffer to donate: remove it from one."
    )


def test_an_unhashable_static_argument_is_named():
    f = dc.jit(lambda x, sizes: x, static_argnums=1)

    assert error_of(lambda: f.trace(1.0, [1, 2]), ValueError) == (
        "jit of <lambda>: static argument 'sizes' must be hashable, got list: [1, 2].\n"
        "  at HERE\n"
        "Pass a tuple instead of a list, or make the argument dynamic."
    )


def test_arguments_that_are_no_arrays_are_named_with_the_edit():
    def f(x, config, *rest, mode):
        return x

    got = error_of(
        lambda: dc.jit(f, static_argnames="mode")(1.0, {"name": "a"}, mode=1), TypeError
    )

    assert got == (
        "jit of f: expected arrays or Python numbers as leaves of the arguments, got\n"
        "  `config['name']`: str 'a'\n"
        "  at HERE\n"
        "Make them static, `static_argnames=('config', 'mode')`, if they are hashable "
        "and seldom change, or close over them."
    )


def test_surplus_arguments_that_are_no_arrays_have_no_name_to_give():
    got = error_of(lambda: dc.jit(lambda *rest: 1)(1.0, "a"), TypeError)

    assert got == (
        "jit of <lambda>: expected arrays or Python numbers as leaves of the "
        "arguments, got\n"
        "  `rest[1]`: str 'a'\n"
        "  at HERE\n"
        "Pass such values as static arguments, or close over them."
    )


# ---- donation ----------------------------------------------------------------------


def test_a_donated_tree_is_given_away_and_the_rest_is_kept():
    state, batch = {"w": jnp.ones(3), "b": jnp.zeros(2)}, jnp.ones(3)
    step = dc.jit(
        lambda s, x, n: {"w": s["w"] + n * x, "b": s["b"]},
        donate_argnums=0,
        static_argnums=2,
    )

    state2 = step(state, batch, 2)

    assert state["w"].is_deleted()
    assert not batch.is_deleted()
    np.testing.assert_array_equal(state2["w"], [3.0, 3.0, 3.0])


def test_a_donation_nobody_can_use_warns_with_the_argument_path():
    f = dc.jit(lambda params, x: params["w"].sum() + x, donate_argnames="params")

    with pytest.warns(UserWarning, match="donated") as caught:
        f({"w": jnp.ones(3)}, 1.0)

    (warning,) = caught
    assert warning.filename == __file__
    assert re.sub(r"at .*:\d+ in \S+", "at HERE", str(warning.message)) == (
        "jit of <lambda>: no result can reuse the donated `params['w']` f32[3], since "
        "none is left of that shape and dtype.\n"
        "  at HERE\n"
        "Donate only what the function gives back changed."
    )


def test_a_useful_donation_does_not_warn():
    f = dc.jit(lambda x: x + 1.0, donate_argnums=0)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        f(jnp.ones(3))


def test_a_donated_array_tells_which_calls_take_such_arrays():
    @functools.partial(dc.jit, donate_argnames=("state", "x"))
    def give_away(state, x, y):
        return [state[0] + x + y], x

    state, x = [jnp.ones((3, 5, 7))], jnp.ones((3, 5, 7))
    give_away(state, x, 1.0)

    assert error_of(lambda: np.asarray(x), RuntimeError) == (
        "array f32[3,5,7] was deleted or donated: its buffer was freed by `delete()`, "
        "or given to a compiled call (donate_argnums or donate_argnames). Use that "
        "call's result instead, or don't donate this argument. Such arrays are donated "
        "as args[0][0], in the argument `state` of give_away and as args[1], the "
        "argument `x` of give_away."
    )


def test_an_array_donated_and_passed_again_is_refused():
    x = jnp.ones(3)
    f = dc.jit(lambda state, y: state["x"] + y, donate_argnums=0)

    got = error_of(lambda: f({"x": x}, x), ValueError)

    assert got == (
        "jit of <lambda>: `state['x']` and `y` are the same array, and one of them is "
        "donated.\n"
        "  at HERE\n"
        "Pass a copy (`x.copy()`) for one of the arguments."
    )


def test_equal_numpy_arguments_are_no_donation_of_the_same_array():
    x = np.ones(3, np.float32)

    y = dc.jit(lambda a, b: a + b, donate_argnums=0)(x, x)

    np.testing.assert_array_equal(y, [2.0, 2.0, 2.0])

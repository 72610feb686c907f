"""What is said when a traced value outlives its trace."""

import gc
import re
import weakref

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import errors, lax

HISTORY = {}


class Model:
    latest = None

    def __init__(self):
        self.cache = {}


def error_of(call):
    with pytest.raises(errors.UnexpectedTracerError) as caught:
        call()
    text = re.sub(r"at \S*test_leaks\.py:\d+ in ", "at HERE in ", str(caught.value))
    return text.replace(__name__, "test_leaks")


def test_a_value_in_a_global_container():
    def step(x):
        HISTORY["values"] = [0, jnp.sin(x)]
        return x

    dc.jit(step)(1.0)
    got = error_of(lambda: HISTORY["values"][1] + 1)
    HISTORY.clear()

    assert got == (
        "a traced value ~f32[] was used after step had returned, when it no longer "
        "stands for anything.\n"
        "  at HERE in test_a_value_in_a_global_container.<locals>.<lambda>\n"
        "It is the result of sin made at HERE in "
        "test_a_value_in_a_global_container.<locals>.step: "
        '`HISTORY["values"] = [0, jnp.sin(x)]`.\n'
        "It is still held by the global variable `test_leaks.HISTORY['values'][1]`.\n"
        "Return the value from step instead of storing it."
    )


def test_an_argument_in_an_attribute():
    model = Model()

    def step(params):
        model.cache["w"] = params["w"]
        return params

    dc.jit(step)({"w": 1.0})
    got = error_of(lambda: model.cache["w"] + 1)

    assert (
        "It is args[0]['w'], in the argument `params` of step.\n"
        "It is still held by the variable `model.cache['w']` in the closure of "
        "`test_leaks.test_an_argument_in_an_attribute.<locals>." in got
    )


def test_a_value_in_a_class_attribute():
    def step(x):
        Model.latest = x
        return x

    dc.jit(step)(1.0)
    got = error_of(lambda: Model.latest + 1)
    Model.latest = None

    assert "held by the class attribute `test_leaks.Model.latest`.\n" in got


def test_a_value_in_a_local_variable_of_the_caller():
    def use():
        kept = []
        dc.jit(lambda x, out: out.append(x) or x, static_argnums=1)(1.0, Keeper(kept))
        return kept[0] + 1

    class Keeper:
        def __init__(self, kept):
            self.append = kept.append

    got = error_of(use)

    assert "held by the variable `kept[0]` of test_a_value_in_a_local_variable" in got


@pytest.mark.parametrize(
    "apply",
    [
        lambda f: dc.jit(f)(1.0),
        lambda f: dc.grad(f)(1.0),
        lambda f: dc.vmap(f)(np.ones(2, np.float32)),
        lambda f: dc.checkpoint(f)(1.0),
        lambda f: dc.jit(dc.grad(f))(1.0),
        lambda f: dc.jvp(f, (1.0,), (1.0,)),
        lambda f: lax.scan(lambda c, _: (f(c), None), 1.0, None, length=2),
    ],
)
def test_a_variable_of_the_enclosing_function(apply):
    def use():
        last = None

        def step(x):
            nonlocal last
            last = x * 3.0
            return last

        apply(step)
        return last + 1.0

    got = error_of(use)

    here = "test_a_variable_of_the_enclosing_function.<locals>.use"
    assert f"made at HERE in {here}.<locals>.step: `last = x * 3.0`.\n" in got
    assert (
        "held by the variable `last` in the closure of "
        f"`test_leaks.{here}.<locals>.step`.\n" in got
    )


@pytest.mark.parametrize(
    "inner",
    [
        lambda f, x: dc.grad(f)(x),
        lambda f, x: dc.vmap(f)(jnp.stack([x, x])),
        lambda f, x: lax.scan(lambda c, _: (f(c), None), x, None, length=2),
        lambda f, x: dc.checkpoint(f)(x),
        lambda f, x: lax.cond(True, f, f, x),
    ],
)
def test_a_value_of_an_inner_transformation_used_in_the_outer_one(inner):
    def outer(x):
        kept = []

        def remember(y):
            kept.append(y * 2.0)
            return y

        inner(remember, x)
        return kept[0] + x

    got = error_of(lambda: dc.jit(outer)(1.0))

    assert "<locals>.remember: `kept.append(y * 2.0)`.\n" in got
    assert "held by the variable `kept[0]` in the closure of `test_leaks." in got


def test_a_leaked_value_is_no_condition_either():
    kept = []
    dc.jit(lambda x: kept.append(x) or x)(1.0)

    got = error_of(lambda: bool(kept[0]))

    assert got.startswith("a traced value ~f32[] was used after <lambda> had returned")


# ---- checking_leaks ------------------------------------------------------------------


def test_checking_leaks_reports_at_the_end_of_the_trace():
    kept = []

    def step(x):
        kept.append(x + 1.0)
        return x

    with dc.checking_leaks():
        got = error_of(lambda: dc.jit(step)(1.0))

    here = "test_checking_leaks_reports_at_the_end_of_the_trace"
    assert got == (
        "check_tracer_leaks: step has returned, but left a traced value ~f32[] "
        f"behind.\n  at HERE in {here}.<locals>.<lambda>\n"
        f"It is the result of add made at HERE in {here}.<locals>.step: "
        "`kept.append(x + 1.0)`.\n"
        "It is still held by the variable `kept[0]` in the closure of "
        f"`test_leaks.{here}.<locals>.step`.\n"
        "Return the value from step instead of storing it."
    )


@pytest.mark.parametrize(
    "transform",
    [
        dc.grad,
        dc.checkpoint,
        lambda f: lambda x: dc.vmap(f)(np.ones(2, np.float32)),
        lambda f: lambda x: dc.jvp(f, (x,), (1.0,)),
        lambda f: lambda x: dc.vjp(f, x),
        lambda f: lambda x: lax.scan(lambda c, _: (f(c), None), x, None, length=2),
    ],
)
def test_checking_leaks_looks_at_every_transformation(transform):
    kept = []

    with dc.check_tracer_leaks():
        got = error_of(lambda: transform(lambda x: kept.append(x * 2.0) or x)(1.0))

    assert got.startswith("check_tracer_leaks: <lambda> has returned, but left a")


def test_checking_leaks_lets_clean_functions_pass():
    def loss(x):
        return lax.scan(lambda c, _: (jnp.sin(c) * x, c), x, None, length=2)[0]

    with dc.checking_leaks():
        got = dc.jit(dc.vmap(dc.grad(loss)))(np.float32([0.5, 1.0]))

    np.testing.assert_allclose(got, dc.vmap(dc.grad(loss))(np.float32([0.5, 1.0])))


def test_a_traced_program_keeps_nothing_of_the_call_that_made_it():
    class Setting:
        pass

    setting, closed_over = Setting(), Setting()
    alive = weakref.ref(setting), weakref.ref(closed_over)

    def outer(setting, closed_over):
        def inner(x, setting):
            assert closed_over is not setting
            return x * 2.0

        return dc.make_jaxpr(lambda x: dc.jit(inner, static_argnums=1)(x, setting))(1.0)

    program = outer(setting, closed_over)
    del setting, closed_over
    gc.collect()

    assert [reference() for reference in alive] == [None, None]
    assert len(program.eqns) == 1


def test_leaks_pass_unless_they_are_looked_for():
    kept = []

    dc.jit(lambda x: kept.append(x) or x)(1.0)

    assert len(kept) == 1

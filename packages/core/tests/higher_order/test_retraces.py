"""The warning of a function that is traced again and again by accident."""

import functools
import re
import warnings

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config, extend
from dolmen.core.errors import RetraceWarning

SILENCE = "`config.update('warn_retraces', False)` silences this."
ALL = f"The function's `cache_report()` lists all signatures; {SILENCE}"


def ones(*shape):
    return np.ones(shape, np.float32)


def warnings_of(action):
    """Messages of the retrace warnings, with `HERE` for their line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        action()
    return [
        re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(warning.message))
        for warning in caught
        if warning.category is RetraceWarning
    ]


def calls(f, *arguments):
    """Calls `f` with each of the arguments, which are tuples."""

    def action():
        for args in arguments:
            f(*args)

    return action


# ---- one function, many signatures -------------------------------------------------


def test_the_third_retrace_for_the_size_of_a_batch_warns():
    def step(params, batch):
        return params["w"] @ batch["x"]

    got = warnings_of(
        calls(dc.jit(step), *(({"w": ones(3)}, {"x": ones(3, n)}) for n in range(5, 9)))
    )

    assert got == [
        "jit of step: traced and compiled 4 times. Compared with the nearest earlier "
        "signature, `batch['x']` is f32[3,8], was f32[3,7].\n"
        "  at HERE\n"
        f"Pad the arrays to one size, or to a few such as powers of two. {ALL}"
    ]


def test_two_retraces_do_not_warn():
    f = dc.jit(lambda x: x)

    assert warnings_of(calls(f, *((ones(n),) for n in (5, 6, 7)))) == []


def test_it_warns_once():
    f = dc.jit(lambda x: x)

    assert len(warnings_of(calls(f, *((ones(n),) for n in range(5, 15))))) == 1


def test_arguments_that_grow_together_have_one_cause():
    f = dc.jit(lambda x, y: x)

    (got,) = warnings_of(calls(f, *((ones(n, 2), ones(n)) for n in range(5, 9))))

    assert "`x` is f32[8,2], was f32[7,2] and `y` is f32[8], was f32[7]." in got


def test_a_number_that_is_static_warns():
    f = dc.jit(lambda x, n: x, static_argnames="n")

    (got,) = warnings_of(calls(f, *((1.0, n) for n in range(4))))

    assert got == (
        "jit of <lambda>: traced and compiled 4 times. Compared with the nearest "
        "earlier signature, static `n` is 3, was 2.\n"
        "  at HERE\n"
        f"Make `n` an array argument instead of a static one. {ALL}"
    )


def test_a_static_object_that_is_made_anew_warns():
    class Config:
        def __repr__(self):
            return "Config()"

    f = dc.jit(lambda config, x: x, static_argnums=0)

    (got,) = warnings_of(calls(f, *((Config(), 1.0) for _ in range(4))))

    assert got == (
        "jit of <lambda>: traced and compiled 4 times. Compared with the nearest "
        "earlier signature, static `config` is Config(), was Config().\n"
        "  at HERE\n"
        "Make the object passed as `config` once, outside the loop, or give its class "
        f"`__eq__` and `__hash__`. {ALL}"
    )


def test_a_list_that_grows_warns():
    f = dc.jit(lambda xs: xs)

    (got,) = warnings_of(calls(f, *(([1.0] * n,) for n in range(1, 5))))

    assert got == (
        "jit of <lambda>: traced and compiled 4 times. Compared with the nearest "
        "earlier signature, `xs[3]` ~f32[] is new.\n"
        "  at HERE\n"
        f"Keep the containers of the arguments the same, with arrays that grow. {ALL}"
    )


def test_weak_types_that_come_and_go_warn():
    f = dc.jit(lambda x, y: x)
    weak, strong = 1.0, np.float32(1)

    (got,) = warnings_of(
        calls(f, (weak, weak), (weak, strong), (strong, weak), (strong, strong))
    )

    assert got.endswith(
        "Pass arrays instead of Python numbers (`jnp.float32(x)`), or always one. "
        + ALL
    )


def test_layers_of_several_shapes_do_not_warn():
    f = dc.jit(lambda w: w * 2.0)
    shapes = [(7, 5), (5, 6), (6, 3), (3, 11), (11, 9)]

    assert warnings_of(calls(f, *((ones(*shape),) for shape in shapes))) == []


def test_layers_described_by_two_static_numbers_do_not_warn():
    f = dc.jit(lambda n, m: jnp.ones((n, m)), static_argnums=(0, 1))

    assert warnings_of(calls(f, (7, 5), (5, 6), (6, 3), (3, 11), (11, 9))) == []


def test_static_words_and_flags_do_not_warn():
    f = dc.jit(lambda x, kind, flag: x, static_argnums=(1, 2))
    arguments = [(1.0, kind, flag) for kind in "abcd" for flag in (True, False)]

    assert warnings_of(calls(f, *arguments)) == []


def test_a_method_of_several_objects_does_not_warn():
    class Layer:
        @functools.partial(dc.jit, static_argnums=0)
        def apply(self, x):
            return x * 2.0

    layers = [Layer() for _ in range(6)]

    assert warnings_of(lambda: [layer.apply(1.0) for layer in layers]) == []


def test_several_dtypes_do_not_warn():
    f = dc.jit(lambda x: x)
    dtypes = (np.float32, np.int32, np.int8, np.uint8, np.float16)

    assert warnings_of(calls(f, *((np.ones(2, d),) for d in dtypes))) == []


def test_buckets_do_not_warn():
    f = dc.jit(lambda x: x)

    assert warnings_of(calls(f, *((ones(2**n),) for n in range(1, 7)))) == []


@pytest.fixture
def switched_off():
    config.update("warn_retraces", False)
    yield
    config.update("warn_retraces", True)


def test_a_setting_switches_it_off(switched_off):
    f = dc.jit(lambda x: x)

    assert warnings_of(calls(f, *((ones(n),) for n in range(5, 15)))) == []


def test_array_functions_do_not_warn():
    def action():
        for n in range(21, 26):
            jnp.sin(ones(n))
            dc.eval_shape(jnp.sin, ones(n))

    assert warnings_of(action) == []


def test_functions_of_the_packages_do_not_warn():
    def leafwise(x):
        return x

    leafwise.__module__ = "dolmen.optim._engine"

    sizes = calls(dc.jit(leafwise), *((ones(n),) for n in range(5, 15)))

    assert warnings_of(sizes) == []


def test_the_warning_names_the_users_line():
    f = dc.jit(lambda x: x)

    with pytest.warns(RetraceWarning) as caught:
        calls(f, *((ones(n),) for n in range(5, 9)))()

    assert caught[0].filename == __file__


# ---- many functions of the same code -----------------------------------------------

ANEW = (
    "jit of <lambda>: the same code was traced 4 times for the same types of "
    "arguments, each time as a new function object.\n"
    "  at HERE\n"
    f"Define the function and call `jit` once, outside the loop. {SILENCE}"
)


def test_a_function_made_anew_in_a_loop_warns():
    def action():
        for _ in range(6):
            dc.jit(lambda x: x * 2.0)(1.0)

    assert warnings_of(action) == [ANEW]


def test_so_does_one_that_is_transformed():
    def action():
        for _ in range(6):
            dc.jit(dc.grad(lambda x: x * 2.0))(1.0)

    assert warnings_of(action) == [ANEW]


def test_so_does_a_function_that_is_transformed_anew():
    def loss(x):
        return x * 2.0

    def action():
        for _ in range(6):
            dc.jit(dc.value_and_grad(loss, argnums=0))(1.0)

    assert warnings_of(action) == [ANEW.replace("<lambda>", "loss")]


def test_derivatives_by_different_arguments_do_not_warn():
    def loss(a, b, c, d, e):
        return a * b * c * d * e

    def action():
        for argnums in range(5):
            dc.jit(dc.grad(loss, argnums))(1.0, 1.0, 1.0, 1.0, 1.0)

    assert warnings_of(action) == []


def test_so_does_a_helper_that_is_called_in_a_loop():
    def helper(x):
        return dc.jit(lambda x: x * 2.0)(x)

    def action():
        while float(helper(1.0)) and len(done) < 6:
            done.append(1)

    done = []

    assert warnings_of(action) == [ANEW]


def by_closure(rate):
    return lambda x: x * rate


def by_default(rate):
    return lambda x, rate=rate: x * rate


def by_partial(rate):
    return functools.partial(lambda x, rate: x * rate, rate=rate)


@pytest.mark.parametrize("make", [by_closure, by_default, by_partial])
def test_a_number_that_the_function_is_made_of_is_named(make):
    def action():
        for rate in (0.1, 0.2, 0.3, 0.4):
            dc.jit(make(rate))(np.float32(1))

    assert warnings_of(action) == [
        "jit of <lambda>: the same code was traced 4 times for the same types of "
        "arguments, each time with another 'rate'.\n"
        "  at HERE\n"
        f"Pass 'rate' as an argument, and call `jit` once, outside the loop. {SILENCE}"
    ]


def test_a_function_that_holds_the_current_trace_is_compared_too():
    """An object without attributes of its own."""
    trace = extend.core.take_current_trace()

    def action():
        for _ in range(6):
            dc.jit(lambda x, trace=trace: x)(1.0)

    assert warnings_of(action) == [ANEW]


def test_functions_of_different_objects_do_not_warn():
    tables = [jnp.ones(2) for _ in range(6)]

    def action():
        for table in tables:
            dc.jit(functools.partial(jnp.add, table))(1.0)

    assert warnings_of(action) == []


def test_containers_that_hold_something_else_do_not_warn():
    """One that is freed and made anew can have the place of the last one, too."""
    options = {"names": ["C"]}

    def action():
        for name in "CFAKCF":
            options["names"][0] = name
            dc.jit(lambda x: (options, x * 2.0)[1])(1.0)

    assert warnings_of(action) == []


def test_different_arguments_of_jit_do_not_warn():
    def action():
        for options in ({}, {"inline": True}, {"keep_unused": True}, {}):
            dc.jit(lambda x: x, **options)(1.0)

    assert warnings_of(action) == []


def repeated(times):
    """Calls itself; there is no loop."""
    dc.jit(lambda x: x * 2.0)(1.0)
    if times:
        repeated(times - 1)


def test_without_a_loop_nothing_is_said():
    """A test that is run for several parameters, for example."""
    assert warnings_of(lambda: repeated(6)) == []

"""Prints, logs and callbacks from programs."""

import logging
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax, random


def test_print_under_jit_scan_vmap_and_grad(capfd):
    def f(x):
        dc.debug.print("x={x:.1f} y={}", 7, x=x)
        return x * x

    dc.block_until_ready(
        (
            dc.jit(f)(1.0),
            dc.vmap(f)(jnp.array([2.0, 3.0])),
            dc.jit(dc.grad(f))(4.0),
            lax.scan(lambda c, _: (f(c), None), 5.0, None, length=1)[0],
        )
    )
    dc.effects_barrier()

    lines = sorted(capfd.readouterr().out.splitlines())
    assert lines == [f"x={v:.1f} y=7" for v in (1, 2, 3, 4, 5)]


def test_print_formats_trees_keys_and_values_that_are_no_arrays(capfd):
    def f(tree, key):
        dc.debug.print("{0[a]} {1} {name!r:>6} {2}", tree, key, None, name="w")

    dc.jit(f)({"a": jnp.arange(2)}, random.key(7))
    dc.effects_barrier()

    words = np.asarray(random.key_data(random.key(7)))
    out = capfd.readouterr().out
    assert out.startswith("[0 1] ")
    assert str(words) in out
    assert out.endswith("   'w' None\n")


def test_options_given_first_leave_their_names_to_the_values(capfd):
    dc.debug.print(ordered=True)("{ordered} {partitioned}", ordered=1, partitioned=2)
    seen = []
    dc.debug.callback(ordered=True)(
        lambda ordered: seen.append(int(ordered)), ordered=3
    )

    assert capfd.readouterr().out == "1 2\n"
    assert seen == [3]


def test_options_given_first_order_the_effect():
    def f(x):
        dc.debug.print(ordered=True)("{}", x)
        dc.debug.callback(ordered=True)(print, x)
        dc.debug.log(ordered=True)("{}", x)

    program = dc.make_jaxpr(f)(1.0).jaxpr

    assert program.effects == {"ordered debug"}
    assert program.effects == {dc.debug.OrderedDebugEffect()}
    unordered = dc.make_jaxpr(lambda x: dc.debug.print("{}", x))(1.0).jaxpr
    assert unordered.effects == {dc.debug.DebugEffect()}


def test_log_makes_a_record_of_the_users_line(caplog):
    def f(x):
        dc.debug.log("x = {x}", x=x)
        return x

    with caplog.at_level(logging.INFO, logger="dolmen.core.debug"):
        dc.jit(f)(2.0)
        dc.effects_barrier()

    (record,) = caplog.records
    assert record.getMessage() == "x = 2.0"
    assert record.levelno == logging.INFO
    assert record.pathname == __file__
    assert record.lineno == f.__code__.co_firstlineno + 1
    assert record.funcName == "f"


def test_log_below_the_level_of_the_logger_says_nothing(caplog):
    with caplog.at_level(logging.WARNING, logger="dolmen.core.debug"):
        dc.debug.log("x = {}", 1.0)

    assert caplog.records == []


def test_a_callback_gets_arrays_in_their_trees_and_other_values_as_they_are():
    seen = []
    marker = object()

    def note(*args, **kwargs):
        seen.append((args, kwargs))

    def f(x):
        dc.debug.callback(
            lambda *a, **k: seen.append((a, k)), {"x": x}, marker, s="text"
        )

    dc.jit(f)(np.array([1, 2], np.int32))
    dc.effects_barrier()

    (((tree, other), keywords),) = seen
    assert isinstance(tree["x"], np.ndarray)
    np.testing.assert_array_equal(tree["x"], [1, 2])
    assert other is marker
    assert keywords == {"s": "text"}


def test_vmap_calls_for_each_element_with_what_the_batch_shares():
    seen = []
    f = dc.vmap(
        lambda x, y: dc.debug.callback(
            lambda x, y: seen.append((x.shape, int(y))), x, y
        ),
        in_axes=(1, None),
    )
    f(jnp.ones((2, 3)), 5)

    assert seen == [((2,), 5)] * 3


# ---- errors --------------------------------------------------------------------------


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    # The user's line moves with this file; everything else is pinned.
    assert f"{__file__}:" in str(caught.value)
    return re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))


def test_values_that_a_format_lacks_are_an_error_while_tracing():
    got = error_of(
        lambda: dc.jit(lambda x: dc.debug.print("{} {} {y.shape}", x))(1.0), ValueError
    )

    assert got == (
        "debug.print: the format '{} {} {y.shape}' asks for positional value 1, 'y', "
        "but no such value was given.\n  at HERE"
    )


def test_values_without_a_field_are_an_error():
    x = 1.0
    got = error_of(lambda: dc.debug.log(f"x = {x}", x, y=x), ValueError)

    assert got == (
        "debug.log: the format 'x = 1.0' has no field for positional value 0, 'y'.\n"
        "  at HERE\n"
        "Give the format as a plain string with fields, not as an f-string."
    )


def test_the_check_of_the_format_can_be_skipped(capfd):
    dc.debug.print("x", 1.0, skip_format_check=True)

    assert capfd.readouterr().out == "x\n"


def test_a_format_that_is_no_string_is_an_error():
    got = error_of(lambda: dc.debug.print(1.0), TypeError)

    assert got == (
        "debug.print: expected a format string, got float 1.0.\n  at HERE\n"
        'Write `debug.print("{}", x)`.'
    )


def test_a_callback_that_is_no_function_is_an_error():
    got = error_of(lambda: dc.debug.callback(1.0), TypeError)

    assert got == "debug.callback: expected a function, got float 1.0.\n  at HERE"

"""Breakpoints: where they stop, what their prompt shows and does."""

import bdb
import io
import re

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import lax


class Prompt:
    """Types commands at a breakpoint and keeps what it answers."""

    def __init__(self, *commands):
        self.options = {
            "stdin": io.StringIO("".join(f"{c}\n" for c in commands)),
            "stdout": io.StringIO(),
        }

    @property
    def answers(self):
        """One answer for each command, the line it stopped at first."""
        return re.split(r"\(ddb\) ", self.options["stdout"].getvalue())


def inner(y, prompt, **options):
    z = {"double": y * 2, "name": "inner"}
    dc.debug.breakpoint(**prompt.options, **options)
    return z["double"]


def outer(x, prompt, **options):
    w = x + 1
    return inner(w, prompt, **options)


def number(answer):
    """The value in `Array(1., dtype=float32)` or `1.0`."""
    return float(re.search(r"[\d.]+", answer)[0])


STOP = f"{__file__}({inner.__code__.co_firstlineno + 2})inner()"
CALL = f"{__file__}({outer.__code__.co_firstlineno + 2})outer()"
AT_STOP = f"> {STOP}\n-> dc.debug.breakpoint(**prompt.options, **options)\n"
AT_CALL = f"> {CALL}\n-> return inner(w, prompt, **options)\n"


@pytest.mark.parametrize(
    "run",
    [
        lambda f: f(3.0),
        lambda f: dc.jit(f)(3.0),
        lambda f: dc.grad(f)(3.0),
        lambda f: dc.jit(dc.grad(f))(3.0),
        lambda f: dc.vmap(f)(jnp.array([3.0])),
        lambda f: dc.jit(dc.vmap(dc.grad(f)))(jnp.array([3.0])),
        lambda f: lax.scan(lambda c, x: (c, f(x)), 0.0, jnp.array([3.0])),
        lambda f: dc.jit(lambda x: lax.cond(x > 0, f, lambda x: x, x))(3.0),
        lambda f: dc.jit(dc.checkpoint(f))(3.0),
    ],
)
def test_values_of_every_frame_are_shown_under_every_transformation(run):
    prompt = Prompt("p z['double']", "p y + 1", "up", "p x", "c")

    dc.block_until_ready(run(lambda x: outer(x, prompt)))

    shown = re.sub(
        r"Array\((.*), dtype=float32\)", r"\1", "(ddb) ".join(prompt.answers)
    )
    answers = shown.split("(ddb) ")
    assert answers[0] == AT_STOP
    assert [float(a) for a in (answers[1], answers[2], answers[4])] == [8.0, 5.0, 3.0]
    assert answers[3] == AT_CALL
    assert answers[5:] == [""]


def test_it_stops_for_each_element_of_a_batch_and_each_step_of_a_loop():
    batch = Prompt("p y", "c", "p y", "c")
    dc.jit(dc.vmap(lambda x: outer(x, batch)))(jnp.array([1.0, 2.0]))
    loop = Prompt("p y", "c", "p y", "c")
    lax.scan(lambda x, _: (outer(x, loop, ordered=True), None), 1.0, length=2)

    two, three, five = (f"Array({v}., dtype=float32)\n" for v in (2, 3, 5))
    assert batch.answers[1:] == [two, AT_STOP, three, ""]
    assert loop.answers[1:] == [two, AT_STOP, five, ""]


def test_moving_along_the_stack_stops_at_its_ends():
    prompt = Prompt("d", "u", "u", "bt", "d", "c")

    outer(1.0, prompt, num_frames=2)

    assert prompt.answers[1:] == [
        "*** Newest frame\n",
        AT_CALL,
        "*** Oldest frame\n",
        AT_CALL + AT_STOP.replace("> ", "  ", 1),
        AT_STOP,
        "",
    ]


def test_statements_run_in_the_frame_and_their_variables_stay():
    prompt = Prompt(
        "total = y + z['double']",
        "total",
        "!print('name:', z['name'])",
        "[k for k in z if z['name'] == 'inner']",
        "pp {'y': y}",
        "jnp.ones(2) * y",
    )

    dc.jit(lambda x: outer(x, prompt))(1.0)

    assert prompt.answers[1:] == [
        "",
        "Array(6., dtype=float32)\n",
        "name: inner\n",
        "['double', 'name']\n",
        "{'y': Array(2., dtype=float32)}\n",
        "Array([2., 2.], dtype=float32)\n",
        "\n",
    ]


def test_what_goes_wrong_at_the_prompt_is_one_line():
    prompt = Prompt("p missing", "1 +", "for i in z:", "y.nothing", "", "c")

    outer(1.0, prompt)

    assert prompt.answers[1:] == [
        "*** NameError: name 'missing' is not defined\n",
        "*** SyntaxError: invalid syntax (<ddb>, line 1)\n",
        "*** SyntaxError: the statement is not complete\n",
        "*** AttributeError: 'float' object has no attribute 'nothing'\n",
        "",
        "",
    ]


def test_list_marks_the_current_line():
    prompt = Prompt("l")

    outer(1.0, prompt)

    first = inner.__code__.co_firstlineno
    listed = prompt.answers[1].splitlines()
    assert f'{first + 1:4}        z = {{"double": y * 2' in prompt.answers[1]
    marked = [row for row in listed if "->" in row]
    assert marked == [
        f"{first + 2:4} ->     dc.debug.breakpoint(**prompt.options, **options)"
    ]


def test_help_explains_the_commands():
    prompt = Prompt("help up", "help")

    outer(1.0, prompt)

    assert prompt.answers[1] == "u(p): go to the frame that called this one.\n"
    assert "Undocumented" not in prompt.answers[2]
    assert "continue" in prompt.answers[2]


@pytest.mark.parametrize("wrap", [lambda f: f, dc.jit])
def test_quit_ends_the_program_with_an_error(wrap):
    with pytest.raises(bdb.BdbQuit):
        wrap(lambda x: outer(x, Prompt("q")))(1.0)


def test_frames_of_libraries_are_shown_on_request():
    def functions(**options):
        prompt = Prompt("bt")
        dc.jit(lambda x: outer(x, prompt, **options))(1.0)
        return re.findall(r"\)(\S+)\(\)\n", prompt.answers[1])

    assert functions(num_frames=3) == ["<lambda>", "outer", "inner"]
    shown = functions(filter_frames=False, num_frames=6)
    assert shown[-2:] == ["outer", "inner"]
    assert set(shown) - set(functions())


def test_a_breakpoint_with_a_token_stops_when_it_is_known():
    prompt = Prompt("p y", "c", "p y")

    def f(x):
        y = jnp.sin(x)
        return dc.debug.breakpoint(token={"y": y}, **prompt.options)["y"] * 2

    value, gradient = dc.jit(dc.value_and_grad(f))(0.0)

    assert float(value) == 0.0
    assert float(gradient) == 2.0
    assert prompt.answers[1] == "Array(0., dtype=float32)\n"


def test_a_breakpoint_whose_token_nobody_needs_is_dropped():
    prompt = Prompt("c")

    def f(x):
        dc.debug.breakpoint(token=x, **prompt.options)
        return x

    dc.jit(f)(1.0)

    assert prompt.answers == [""]


def test_values_that_are_no_trees_are_shown_as_they_are():
    prompt = Prompt("p mixed", "p nothing", "p keep")

    def f(x):
        mixed = {1: "a", "b": x}  # keys that can't be sorted
        nothing, keep = None, np.arange(2)
        dc.debug.breakpoint(**prompt.options)
        return x, mixed["b"], nothing, keep

    f(1.0)

    assert prompt.answers[1:4] == ["{1: 'a', 'b': 1.0}\n", "None\n", "array([0, 1])\n"]


def error_of(call, cls):
    with pytest.raises(cls) as caught:
        call()
    return re.sub(r"\n  at .*?:\d+ in .*", "\n  at HERE", str(caught.value))


def test_wrong_options_are_errors():
    assert error_of(lambda: dc.debug.breakpoint(backend="web"), ValueError) == (
        "debug.breakpoint: expected `backend` to be one of 'cli', got 'web'.\n  at HERE"
    )
    assert error_of(lambda: dc.debug.breakpoint(num_frames=0), ValueError) == (
        "debug.breakpoint: expected `num_frames` to be at least 1, got 0.\n  at HERE"
    )

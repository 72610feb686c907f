"""What an error for lack of memory says; real ones in a process of their own."""

import os
import subprocess
import sys

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core._backend import JaxRuntimeError
from dolmen.core._higher_order._out_of_memory import memory_report

SCRIPT = """
import numpy as np
import dolmen.core as dc, dolmen.core.numpy as jnp
from dolmen.core._backend import JaxRuntimeError

weights = jnp.ones((512, 512))
parts = [jnp.zeros((256, 256)), jnp.zeros((256, 256))]

def step(x):
    square = jnp.outer(x, x)
    return jnp.sort(square, 0)[0, 0]  # what no compiler fuses

def too_wide():
    # Whether a call or the wait for its result raises is a race.
    jnp.zeros((1 << 45,)).block_until_ready()

def needs_temporaries():
    dc.jit(step)(jnp.ones(1 << 22)).block_until_ready()

grow = dc.jit(lambda x, n: jnp.broadcast_to(x * 2.0, (n, x.size)), static_argnames="n")
grow(jnp.ones(1 << 21), n=2)

def fails_later():
    big = grow(jnp.ones(1 << 21), n=1 << 23)
    try:
        return float(big[0, 0])
    finally:
        held.append(big)  # it has no memory, so the next report leaves it out

held = []

for fail in (too_wide, needs_temporaries, fails_later, too_wide):
    try:
        fail()
    except JaxRuntimeError as error:
        print(error, end="\\0")
"""
ARRAYS = (
    "  1 MiB: f32[512,512] made at script.py:6 in <module>: "
    "`weights = jnp.ones((512, 512))`\n"
    "  512 KiB: 2 x f32[256,256] made at script.py:7 in <module>: "
    "`parts = [jnp.zeros((256, 256)), jnp.zeros((256, 256))]`\n"
)


@pytest.fixture(scope="module")
def messages(tmp_path_factory):
    """What the three failures of the script say."""
    directory = tmp_path_factory.mktemp("memory")
    script = directory / "script.py"
    script.write_text(SCRIPT)
    environment = os.environ | {
        "DOLMEN_ENABLE_COMPILATION_CACHE": "0",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.replace(f"{directory}{os.sep}", "").split("\0")


def test_an_array_that_does_not_fit(messages):
    assert (
        "Out of memory allocating 140737488355328 bytes.\nLive arrays: " in messages[0]
    )
    assert "128 TiB of results" in messages[0]


def test_the_program_that_asks_is_shown_by_line(messages):
    assert (
        "Out of memory allocating 70368744177664 bytes.\nLive arrays: " in messages[1]
    )
    assert ARRAYS in messages[1]
    assert messages[1].endswith(
        "Of the compiled programs, step has a buffer of this size: 16 MiB of "
        "arguments, 4 B of results, 64 TiB of temporaries.\n"
        "At its peak, before the compiler fuses operations, it keeps:\n"
        "  192 TiB made at script.py:10 in step: `square = jnp.outer(x, x)`"
    )


def test_a_failure_that_shows_when_the_value_is_needed(messages):
    assert "Out of memory allocating 70368744177664 bytes." in messages[2]
    assert (
        "Without memory: 64 TiB: f32[8388608,2097152] made at script.py:24 in "
        "fails_later: `big = grow(jnp.ones(1 << 21), n=1 << 23)`\nLive arrays: "
        in messages[2]
    )
    assert "Of the compiled programs, <lambda> has a buffer of this size" in messages[2]


def test_other_errors_of_the_runtime_stay_as_they_are():
    assert str(JaxRuntimeError("INTERNAL: something")) == "INTERNAL: something"


def test_the_report_is_made_once(monkeypatch):
    from dolmen.core._higher_order import _out_of_memory

    error = JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 7 bytes.")
    first = str(error)
    monkeypatch.setattr(_out_of_memory, "memory_report", lambda text: "another")

    assert str(error) == first
    assert first.startswith("RESOURCE_EXHAUSTED: Out of memory allocating 7 bytes.\n")


def test_without_a_matching_program_the_largest_is_shown():
    import dolmen.core as dc
    import dolmen.core.numpy as jnp

    def largest(x):
        return jnp.outer(x, x)

    dc.jit(largest)(jnp.ones(2000))

    got = memory_report("RESOURCE_EXHAUSTED: Out of memory allocating 7 bytes.")

    assert " needs most memory: " in got
    assert got.count("Of the compiled programs, ") == 1


def test_a_failure_that_names_no_size():
    text = "RESOURCE_EXHAUSTED: out of handles"

    assert memory_report(text).startswith(text + "\n")
    assert "has a buffer of this size" not in memory_report(text)


def test_an_array_that_failed_takes_no_memory(messages):
    again = messages[3]

    assert "Without memory: 64 TiB: f32[8388608,2097152] made at script.py:24" in again
    assert ARRAYS in again
    assert "64 TiB" not in again.split("Live arrays")[1].split("Of the compiled")[0]


@pytest.mark.parametrize(
    "make",
    [
        lambda: jnp.ones((10**10, 10**10)),
        lambda: jnp.ones(10**30),
        lambda: jnp.broadcast_to(jnp.ones(1), (2**33, 2**33)),
        lambda: dc.jit(lambda x: jnp.tile(x, 10**20))(jnp.ones(3)),
    ],
)
def test_more_elements_than_can_be_addressed(make):
    with pytest.raises(
        ValueError, match=r"an array of the shape .* has .*e\+.* elements, and no more"
    ):
        make()

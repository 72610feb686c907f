"""Tracebacks without our frames."""

import os
import subprocess
import sys
import textwrap
import traceback

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config


@pytest.fixture
def filtering():
    """Sets the filtering for one test."""
    before = config.traceback_filtering
    yield lambda mode: config.update("traceback_filtering", mode)
    config.update("traceback_filtering", before)


def wrong(x):
    return jnp.matmul(x, jnp.ones((3, 4)))


def of_dolmen(raised):
    """Our frames in the traceback of a caught error, from the outermost inwards."""
    return [
        frame
        for frame, _ in traceback.walk_tb(raised.value.__traceback__)
        if frame.f_globals["__name__"].startswith("dolmen.")
    ]


def test_frames_below_a_compiled_call_are_removed(filtering):
    filtering("remove_frames")

    with pytest.raises(ValueError) as raised:
        dc.jit(dc.grad(lambda x: wrong(x).sum()))(jnp.ones((2, 2)))

    names = [frame.f_code.co_name for frame in of_dolmen(raised)]
    assert names == []
    assert raised.traceback[-1].name == "wrong"


def test_all_frames_stay_when_filtering_is_off(filtering):
    filtering("off")

    with pytest.raises(ValueError) as raised:
        dc.jit(wrong)(jnp.ones((2, 2)))

    assert len(of_dolmen(raised)) > 5


def test_frames_can_be_marked_instead(filtering):
    filtering("tracebackhide")

    with pytest.raises(ValueError) as raised:
        dc.jit(wrong)(jnp.ones((2, 2)))

    marked = [f.f_locals.get("__tracebackhide__", False) for f in of_dolmen(raised)]
    assert len(marked) > 5
    assert all(marked)


SCRIPT = """
    import threading
    import dolmen.core as dc, dolmen.core.numpy as jnp

    def wrong(x):
        try:
            jnp.ones(2) + jnp.ones(3)
        except ValueError as error:
            raise TypeError("second") from error

    def run():
        dc.jit(dc.grad(wrong))(jnp.ones(2))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    run()
"""


def printed(**environment):
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(SCRIPT)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=120,
    ).stderr


def test_printed_tracebacks_show_the_users_frames_only():
    text = printed()

    assert "dolmen/core" not in text
    assert text.count("in wrong") == 4 + 2  # frames, and where messages say so
    assert text.count("TypeError: second") == 2
    assert text.splitlines()[-1] == (
        "(Frames of Dolmen are left out; the environment variable "
        "DOLMEN_TRACEBACK_FILTERING=off shows them.)"
    )


def test_printed_tracebacks_show_all_frames_on_request():
    text = printed(DOLMEN_TRACEBACK_FILTERING="off")

    assert "dolmen/core" in text
    assert "left out" not in text

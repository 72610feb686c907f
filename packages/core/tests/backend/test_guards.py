"""Guards over copies between host and devices, and over late deletion."""

import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import config

HOST = np.ones(3, np.float32)


@pytest.fixture
def double():
    f = dc.jit(lambda x: x * 2)
    f(HOST)
    return f


def refused(copy):
    with pytest.raises(dc._backend.JaxRuntimeError) as raised:
        copy()
    return str(raised.value).partition(":")[2].partition(":")[0].strip()


def test_implicit_copies_to_the_device_can_be_disallowed(double):
    x = jnp.ones(3)

    with dc.transfer_guard("disallow"):
        words = [
            refused(lambda: double(HOST)),
            refused(lambda: x + 1.0),
            refused(lambda: jnp.asarray(HOST)),
            refused(lambda: dc.jit(lambda x: x - 1)(HOST)),
        ]
        explicit = double(dc.device_put(HOST))

    assert words == ["Disallowed host-to-device transfer"] * 4
    np.testing.assert_array_equal(explicit, [2, 2, 2])
    np.testing.assert_array_equal(double(HOST), [2, 2, 2])


def test_explicit_copies_can_be_disallowed_too():
    with dc.transfer_guard_host_to_device("disallow_explicit"):
        word = refused(lambda: dc.device_put(HOST))

    assert word == "Disallowed host-to-device transfer"


def test_a_guard_of_one_direction_leaves_the_others(double):
    with dc.transfer_guard_device_to_device("disallow"):
        result = double(HOST)

    np.testing.assert_array_equal(result, [2, 2, 2])


def test_the_inner_guard_holds(double):
    with dc.transfer_guard("disallow"), dc.transfer_guard("allow"):
        result = double(HOST)

    np.testing.assert_array_equal(result, [2, 2, 2])


def test_none_in_a_block_means_the_default_whatever_the_process_says(double):
    config.update("transfer_guard", "disallow")
    with dc.transfer_guard(None):
        allowed = double(HOST)
    word = refused(lambda: double(HOST))
    config.update("transfer_guard", None)

    assert word == "Disallowed host-to-device transfer"
    np.testing.assert_array_equal(allowed, [2, 2, 2])


def test_the_guard_of_the_process_sets_all_three_directions(double):
    names = [
        f"transfer_guard_{direction}"
        for direction in ("host_to_device", "device_to_device", "device_to_host")
    ]

    config.update("transfer_guard", "disallow")
    held = [config.read(name) for name in names]
    word = refused(lambda: double(HOST))
    config.update("transfer_guard", None)

    assert held == ["disallow"] * 3
    assert word == "Disallowed host-to-device transfer"
    np.testing.assert_array_equal(double(HOST), [2, 2, 2])


def test_an_unknown_level_is_an_error_that_lists_the_levels():
    with pytest.raises(ValueError) as raised, dc.transfer_guard("forbid"):
        pass

    lines = str(raised.value).splitlines()
    assert lines[0] == (
        "transfer_guard: expected 'allow', 'log', 'disallow', "
        "'log_explicit', 'disallow_explicit' or None, got 'forbid'."
    )


def test_copies_and_late_deletions_are_logged_in_a_process_of_their_own():
    code = """
        import gc
        import dolmen.core as dc, dolmen.core.numpy as jnp
        first, second = dc.devices()
        x = dc.device_put(jnp.ones(3), first)
        with dc.transfer_guard("disallow_explicit"):
            try:
                dc.device_put(x, second)
            except RuntimeError as error:
                print(error)
        with dc.array_garbage_collection_guard("log"):
            cycle = [jnp.ones(7)]
            cycle.append(cycle)
            del cycle
            gc.collect()
    """

    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={**os.environ, "DOLMEN_NUM_CPU_DEVICES": "2"},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 0, done.stderr
    assert "Disallowed device-to-device transfer" in done.stdout
    assert "was deleted by the Python garbage collector" in done.stderr

"""Arrays to devices and back."""

import os
import re
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import random
from dolmen.core.sharding import SingleDeviceSharding


def error_of(call, kind):
    """The message of the error that `call` raises, with `HERE` for its line."""
    with pytest.raises(kind) as caught:
        call()
    return re.sub(r"  at .*:\d+ in \S+", "  at HERE", str(caught.value))


@pytest.fixture
def device():
    return dc.devices()[0]


def test_a_tree_of_devices_is_a_prefix(device):
    x = {"a": [np.ones(2), 1.0], "b": jnp.ones(3)}

    y = dc.device_put(x, {"a": SingleDeviceSharding(device), "b": None})

    assert [leaf.committed for leaf in dc.tree.leaves(y)] == [True, True, False]


def test_random_keys_are_put(device):
    key = dc.device_put(random.key(3), device)

    np.testing.assert_array_equal(random.key_data(key), random.key_data(random.key(3)))


def test_an_array_in_place_is_the_result_unless_it_may_not_be():
    x = jnp.ones(3)

    same, copied = dc.device_put(x), dc.device_put(x, may_alias=False)

    assert same is x
    assert copied.unsafe_buffer_pointer() != x.unsafe_buffer_pointer()
    np.testing.assert_array_equal(copied, x)


def test_what_is_committed_shares_its_buffer_unless_it_may_not(device):
    x = jnp.ones(3)

    shared, copied = (dc.device_put(x, device, may_alias=a) for a in (None, False))

    assert shared.committed
    assert shared.unsafe_buffer_pointer() == x.unsafe_buffer_pointer()
    assert copied.unsafe_buffer_pointer() != x.unsafe_buffer_pointer()


def test_donated_arrays_are_deleted_where_they_came_from():
    program = """
        import dolmen.core as dc, dolmen.core.numpy as jnp
        x, y, z = jnp.ones(3), jnp.ones(3), jnp.ones(3)
        a, b = dc.device_put((x, y), dc.devices()[1], donate=(True, False))
        c = dc.device_put(z, dc.devices()[0], donate=True)
        print(x.is_deleted(), y.is_deleted(), z.is_deleted())
        print(a.device, b.device, c.device, a.tolist(), c.tolist())
        add = dc.jit(lambda x, y: x + y, device=dc.devices()[1])
        print(add(b, z).device, add(z, z).device, add(z, z).committed)
    """

    out = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        env=os.environ | {"DOLMEN_NUM_CPU_DEVICES": "2"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert out.stdout.splitlines() == [
        "True False False",
        "cpu:1 cpu:1 cpu:0 [1.0, 1.0, 1.0] [1.0, 1.0, 1.0]",
        "cpu:1 cpu:1 True",
    ]


def test_inside_a_trace_it_changes_nothing(device):
    f = dc.grad(lambda x: dc.device_put(x, device, may_alias=False) ** 2)

    assert float(dc.jit(f)(3.0)) == 6.0


def test_something_else_than_a_device_is_refused():
    assert error_of(lambda: dc.device_put([1.0], ["cpu"]), TypeError) == (
        "device_put: device[0] must be a device, a sharding or None, got "
        "'cpu'.\n"
        "  at HERE\n"
        "Devices are those of `dolmen.core.devices()`; shardings are made by "
        "`NamedSharding(mesh, PartitionSpec(...))`."
    )


def test_a_tree_of_devices_that_does_not_fit_is_refused(device):
    got = error_of(lambda: dc.device_put([1.0], [device, device]), ValueError)

    assert got.startswith(
        "device_put: device: expected a value, None or a container with the entries "
        "[0], got a container with the entries [0], [1]."
    )


def test_leaves_that_are_no_arrays_are_named():
    assert error_of(lambda: dc.device_put({"a": "b"}), TypeError) == (
        "device_put: expected arrays, got\n  x['a']: str 'b'\n  at HERE"
    )


def test_values_come_back_as_numpy_arrays():
    got = dc.device_get({"a": jnp.ones(2), "b": 3})

    assert type(got["a"]) is np.ndarray
    assert got["b"] == 3

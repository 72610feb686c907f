"""Meshes, specifications and shardings as values."""

import pickle
import threading

import numpy as np
import pytest

import dolmen.core as dc
from dolmen.core.sharding import (
    AxisType,
    Mesh,
    NamedSharding,
    PartitionSpec as P,
    SingleDeviceSharding,
    get_mesh,
    set_mesh,
)


def test_a_mesh_names_the_axes_of_an_array_of_devices(mesh):
    assert mesh.shape == {"x": 4, "y": 2}
    assert mesh.axis_names == ("x", "y")
    assert mesh.axis_sizes == (4, 2)
    assert mesh.axis_types == (AxisType.Auto,) * 2
    assert mesh.size == 8
    assert not mesh.empty
    assert not mesh.is_multi_process
    assert mesh.device_ids.tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert mesh.local_devices == dc.devices()[:8]
    assert repr(mesh) == "Mesh('x': 4, 'y': 2)"


def test_equal_meshes_are_one_object(mesh):
    devices = np.array(dc.devices()[:8]).reshape(4, 2)

    assert Mesh(devices, ("x", "y")) is mesh
    assert Mesh(devices, ("x", "z")) is not mesh
    assert Mesh(devices.T, ("x", "y")) is not mesh
    assert pickle.loads(pickle.dumps(mesh)) is mesh


def test_devices_of_a_mesh_cannot_be_changed(mesh):
    with pytest.raises(ValueError, match="read-only"):
        mesh.devices[0, 0] = None


@pytest.mark.parametrize(
    ("make", "kind", "text"),
    [
        (
            lambda: Mesh([1], "x"),
            TypeError,
            "Mesh: expected an array of devices, got 1 in it. Devices are those of "
            "`dolmen.core.devices()`.",
        ),
        (
            lambda: Mesh(dc.devices()[:2], ("x", "y")),
            ValueError,
            "Mesh: expected a name for each of the 1 axes of `devices` (2,), got "
            "('x', 'y').",
        ),
        (
            lambda: Mesh(dc.devices()[:1] * 2, "x"),
            ValueError,
            "Mesh: a device comes twice in [CpuDevice(id=0), CpuDevice(id=0)].",
        ),
        (
            lambda: Mesh([dc.devices()[:2]], ("x", "x")),
            ValueError,
            "Mesh: axis_names must differ, got ('x', 'x').",
        ),
        (
            lambda: Mesh(dc.devices()[:2], (3,)),
            TypeError,
            "Mesh: axis_names must be strings, got (3,).",
        ),
        (
            lambda: Mesh(dc.devices()[:2], "x", "Explicit"),
            ValueError,
            "Mesh: axis_types must be AxisType.Auto for each axis or None, got "
            "'Explicit'.",
        ),
        (
            lambda: P(3),
            TypeError,
            "PartitionSpec: expected for each axis a name, a tuple of names, None or "
            "UNCONSTRAINED, got 3.",
        ),
        (
            lambda: P("x", ("y", "x")),
            ValueError,
            "PartitionSpec: 'x' is given twice in ('x', ('y', 'x')); an axis of a mesh "
            "can split one axis of an array.",
        ),
        (
            lambda: NamedSharding(dc.make_mesh((2,), "x"), P("z")),
            ValueError,
            "NamedSharding: P('z') names the axis 'z', but the axes of the mesh are "
            "'x'.",
        ),
        (
            lambda: NamedSharding(dc.make_mesh((2,), "x"), ("x",)),
            TypeError,
            "NamedSharding: spec must be a PartitionSpec, got ('x',). Write "
            "`PartitionSpec('name', None)`.",
        ),
    ],
)
def test_what_is_no_mesh_or_specification_is_refused(make, kind, text):
    with pytest.raises(kind) as caught:
        make()

    assert str(caught.value) == text


def test_make_mesh_says_how_many_devices_are_missing():
    with pytest.raises(ValueError, match=r"axes of \(64, 2\) are 128 devices, got 8"):
        dc.make_mesh((64, 2), ("x", "y"))
    with pytest.raises(ValueError, match=r"axes of \(2,\) are 2 devices, got 3"):
        dc.make_mesh((2,), ("x",), devices=dc.devices()[:3])


def test_make_mesh_takes_the_given_devices_in_their_order():
    mesh = dc.make_mesh((2,), ("x",), devices=dc.devices()[5:3:-1])

    assert mesh.device_ids.tolist() == [5, 4]


def test_specifications_are_values():
    assert P("x", None) == P("x", None) != P("x")
    assert P(("x",), ()) == P("x", None)
    assert hash(P("x")) == hash(P("x"))
    assert P("x") + P(None, "y") == P("x", None, "y")
    assert [*P("x", None)] == ["x", None]
    assert P.__radd__(P("y"), ("x", None)) == P("x", None, "y")
    assert (len(P("x")), P("x", "y")[1]) == (1, "y")
    assert pickle.loads(pickle.dumps(P(P.UNCONSTRAINED, "x"))) == P(
        P.UNCONSTRAINED, "x"
    )
    assert repr(P(P.UNCONSTRAINED, ("x", "y"))) == "P(UNCONSTRAINED, ('x', 'y'))"
    with pytest.raises(AttributeError, match="can't be changed"):
        P("x")._parts = ()


def test_shardings_know_what_each_device_holds(over):
    sharding = over(None, "x")

    held = sharding.devices_indices_map((2, 8))

    assert held[dc.devices()[0]] == (slice(None), slice(0, 2))
    assert held[dc.devices()[1]] == (slice(None), slice(0, 2))
    assert held[dc.devices()[7]] == (slice(None), slice(6, 8))
    assert sharding.shard_shape((2, 8)) == (2, 2)
    assert sharding.addressable_devices == set(dc.devices())
    assert sharding.num_devices == 8
    assert sharding.memory_kind == "device"


def test_the_first_of_several_names_varies_slowest(over):
    held = over(("y", "x")).devices_indices_map((8,))

    assert [held[d][0].start for d in dc.devices()] == [0, 4, 1, 5, 2, 6, 3, 7]


def test_shardings_that_place_arrays_alike_are_equivalent(over, mesh):
    other = dc.make_mesh((8,), ("z",))

    assert over("x").is_equivalent_to(over("x", None), 2)
    assert not over("x").is_equivalent_to(over("y"), 2)
    assert over(("x", "y")).is_equivalent_to(NamedSharding(other, P("z")), 1)
    assert not over().is_equivalent_to(SingleDeviceSharding(dc.devices()[0]), 1)


def test_shardings_are_pickled_and_updated(over):
    sharding = over("x", None)

    assert pickle.loads(pickle.dumps(sharding)) == sharding
    assert sharding.update(spec=P("y")) == over("y")
    with pytest.raises(TypeError, match="expected mesh, spec or memory_kind"):
        sharding.update(parts=1)


def test_set_mesh_holds_for_a_block_or_for_good(mesh):
    other = dc.make_mesh((2,), ("z",))
    assert get_mesh() is None
    with set_mesh(mesh) as entered:
        assert get_mesh() is mesh is entered
        with other:
            assert get_mesh() is other
        assert get_mesh() is mesh
    assert get_mesh() is None
    set_mesh(mesh)
    assert get_mesh() is mesh
    set_mesh(None)
    assert get_mesh() is None


def test_the_current_mesh_is_that_of_the_thread(mesh):
    seen = []
    with set_mesh(mesh):
        thread = threading.Thread(target=lambda: seen.append(get_mesh()))
        thread.start()
        thread.join()

    assert seen == [None]

"""Systems of devices without a plugin: those of this process, and what is refused.

Devices that aren't there need the plugins; `accelerator_tests/` compiles for them.
"""

import pytest

import dolmen.core as dc
from dolmen.core._backend import _plugins, _topologies
from dolmen.core.experimental import topologies


def test_the_attached_system_is_that_of_the_process():
    topology = topologies.get_attached_topology()

    assert topology.devices == dc.devices()
    assert topologies.get_attached_topology("cpu") == topology
    with pytest.raises(RuntimeError, match=r"^devices: `backend` 'tpu' is not in use"):
        topologies.get_attached_topology("tpu")


def test_meshes_of_a_system():
    system = topologies.TopologyDescription(dc.devices()[:1])

    mesh = topologies.make_mesh(system, (1, 1), ("x", "y"), contiguous_submeshes=True)

    assert mesh.axis_names == ("x", "y")
    assert mesh.devices.tolist() == [[dc.devices()[0]]]
    expected = r"^make_mesh: a mesh of \(2,\) has 2 devices, the system has 1"
    with pytest.raises(ValueError, match=expected):
        topologies.make_mesh(system, (2,), ("x",))


@pytest.mark.parametrize(
    ("name", "platform", "options", "expected"),
    [
        ("", "tpu", {}, "`topology_name` must say which TPUs, as in 'v5e:2x2'"),
        ("h101", "cuda", {}, "must be one of a100, h100, h200, b200, .*, got 'h101'"),
        ("h100:x", "gpu", {}, "as in 'h100:8', got 'h100:x'"),
        ("h100", None, {}, "`platform` must be 'tpu' or 'cuda', got None"),
    ],
)
def test_names_of_systems(name, platform, options, expected):
    with pytest.raises(ValueError, match=rf"^get_topology_desc: .*{expected}"):
        topologies.get_topology_desc(name, platform, **options)


@pytest.mark.parametrize(("name", "platform"), [("v5e:2x2", "tpu"), ("h100", "cuda")])
def test_a_plugin_that_is_missing(monkeypatch, name, platform):
    monkeypatch.setattr(_plugins, "_tpu_library", lambda: None)
    monkeypatch.setattr(_plugins, "_cuda_library", lambda: None)

    with pytest.raises(RuntimeError, match=rf"platform '{platform}': no PJRT plugin"):
        topologies.get_topology_desc(name, platform)


@pytest.mark.parametrize("model", _topologies.GPUS)
def test_descriptions_of_gpus_are_complete(model):
    text = _topologies.GPUS[model].target_config()

    assert text.count("{") == text.count("}")
    assert "None" not in text
    assert not _topologies.is_described(dc.devices()[0])

"""Systems by name, and what can't be done without them."""

import pytest

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core.experimental import topologies
from dolmen.core.sharding import NamedSharding, PartitionSpec as P


@pytest.mark.parametrize(
    ("name", "platform", "count", "kind"),
    [
        ("v5e:2x4", "tpu", 8, "TPU v5 lite"),
        ("v5p:2x2x1", "tpu", 4, "TPU v5"),
        ("v6e:2x2", "tpu", 4, "TPU v6 lite"),
        ("a100", "cuda", 1, "NVIDIA A100-SXM4-80GB"),
        ("h100:8", "cuda", 8, "NVIDIA H100 80GB HBM3"),
        ("h200:2", "gpu", 2, "NVIDIA H200"),
        ("b200", "cuda", 1, "NVIDIA B200"),
    ],
)
def test_systems_have_devices_and_compilers(name, platform, count, kind):
    topology = topologies.get_topology_desc(name, platform)
    mesh = topologies.make_mesh(topology, (count,), ("x",))
    x = dc.ShapeDtypeStruct((16, 256), "bfloat16", sharding=NamedSharding(mesh, P("x")))

    program = dc.jit(lambda x: jnp.tanh(x) @ x.T).lower(x).compile()

    assert [device.device_kind for device in topology.devices] == [kind] * count
    assert program.cost_analysis()["flops"] > 0


def test_options_describe_further_systems():
    topology = topologies.get_topology_desc("h100", "cuda", topology="1x2x4")

    assert len(topology.devices) == 8
    assert {device.process_index for device in topology.devices} == {0, 1}


def test_chips_that_are_neighbors_in_a_mesh_are_linked():
    topology = topologies.get_topology_desc("v5e:4x4", "tpu")

    mesh = topologies.make_mesh(topology, (4, 4), ("x", "y"))

    for line in [*mesh.devices, *mesh.devices.T]:
        places = [device.coords for device in line]
        assert (
            len({x for x, _, _ in places}) == 1 or len({y for _, y, _ in places}) == 1
        )


@pytest.mark.parametrize(
    ("name", "platform", "expected"),
    [
        ("v7x", "tpu", "there is no system 'v7x': INVALID_ARGUMENT: Your TPU topology"),
        ("", "tpu", "`topology_name` must say which TPUs, as in 'v5e:2x2'"),
        ("h101", "cuda", "must be one of a100, h100, h200, b200, .*, got 'h101'"),
        ("h100:many", "cuda", "as in 'h100:8', got 'h100:many'"),
        ("8", "cpu", "`platform` must be 'tpu' or 'cuda', got 'cpu'"),
    ],
)
def test_there_is_no_such_system(name, platform, expected):
    with pytest.raises(ValueError, match=rf"^get_topology_desc: .*{expected}"):
        topologies.get_topology_desc(name, platform)


def test_what_is_not_there_neither_computes_nor_stores(device):
    program = dc.jit(jnp.sin, device=device).lower(jnp.ones(3)).compile()

    for use in (
        lambda: program(jnp.ones(3)),
        lambda: dc.device_put(jnp.ones(3), device),
        lambda: dc.device_put(1.0, device),
        lambda: dc.jit(jnp.sin, device=device)(jnp.ones(3)),
    ):
        with pytest.raises(ValueError, match=r"is described, not there: it can't hold"):
            use()


def test_a_program_without_arguments_can_not_run_either(device):
    program = dc.jit(lambda: jnp.ones(3), device=device).lower().compile()

    with pytest.raises(RuntimeError, match=r"which isn't there to run it"):
        program()


def test_a_program_lowered_for_another_platform(device, platform):
    lowered = (
        dc.jit(jnp.sin, device=device)
        .trace(jnp.ones(3))
        .lower(lowering_platforms=("cpu",))
    )

    with pytest.raises(ValueError, match=f"lowered for cpu, but .* are of {platform}"):
        lowered.compile()

"""Compilation for accelerators that aren't there, from a description of them.

The compilers for TPUs and GPUs come with the plugins and need no hardware. What they
say about a program can be had on any machine: whether it compiles, how it is divided
over devices, how much memory each needs, how many operations it takes.
"""

import dataclasses
import math
from collections.abc import Sequence
from typing import Any

from .._backend import (
    GPUS,
    Device,
    JaxRuntimeError,
    Mesh,
    arranged,
    described_devices,
    devices as all_devices,
)
from .._ir import as_integers, value_error

__all__ = [
    "Device",
    "TopologyDescription",
    "get_attached_topology",
    "get_topology_desc",
    "make_mesh",
]
__dir__ = __all__.copy


@dataclasses.dataclass(frozen=True)
class TopologyDescription:
    """A system of devices.

    Attributes:
        devices: described ones have all attributes but no memory and no queue.
    """

    devices: list[Device]


def get_attached_topology(platform: str | None = None) -> TopologyDescription:
    """The devices of this process and of those it works with.

    Args:
        platform: by default the one in use.

    Raises:
        RuntimeError: the platform is not in use.

    Example:
        >>> from dolmen.core.experimental import topologies
        >>> topologies.get_attached_topology().devices[0].platform
        'cpu'
    """
    return TopologyDescription(all_devices(platform))


def get_topology_desc(
    topology_name: str = "", platform: str | None = None, **kwargs: Any
) -> TopologyDescription:
    """Devices by the name of their system.

    Needs the plugin of the platform (`stack[tpu]`, `stack[cuda13]` or `stack[cuda12]`)
    but not the hardware.

    Args:
        topology_name: of TPUs the generation and the grid of chips: `v5e:2x4`,
            `v6e:16x16`, `v5p:2x2x1`. Of GPUs the model, with the number of them in one
            machine if it is not one: `a100`, `h100:8`, `h200`, `b200`.
        platform: `tpu` or `cuda`.
        **kwargs: options of the plugin. For GPUs `target_config`, XLA's text form of
            `GpuTargetConfigProto`, describes another model, and `topology` says how
            many: slices, machines of each, devices of each, as in `1x2x8`.

    Raises:
        ValueError: another platform, or no such system.
        RuntimeError: the plugin is not installed.

    Example:
        How a product is divided over four chips, and what each needs::

            topology = topologies.get_topology_desc("v5e:2x2", "tpu")
            mesh = topologies.make_mesh(topology, (4,), ("x",))
            rows = NamedSharding(mesh, PartitionSpec("x"))
            x = dc.ShapeDtypeStruct((4096, 4096), "bfloat16", sharding=rows)
            compiled = dc.jit(lambda x: x @ x).lower(x).compile()
            print(compiled.memory_analysis())
    """
    where = "get_topology_desc"
    if platform not in ("tpu", "cuda", "gpu"):
        raise value_error(
            f"{where}: `platform` must be 'tpu' or 'cuda', got {platform!r}.",
            "The CPU needs no description: `get_attached_topology()`.",
        )
    platform = "cuda" if platform == "gpu" else platform
    if platform == "cuda" and "target_config" not in kwargs:
        model, colon, count = topology_name.partition(":")
        if model not in GPUS or (colon and not count.isdecimal()):
            raise value_error(
                f"{where}: `topology_name` must be one of {', '.join(GPUS)}, with a "
                "colon and the number of devices if it is not one, as in 'h100:8', got "
                f"{topology_name!r}.",
                "Describe other models with `target_config`.",
            )
    elif platform == "tpu" and not topology_name:
        raise value_error(
            f"{where}: `topology_name` must say which TPUs, as in 'v5e:2x2'.",
        )
    try:
        return TopologyDescription(described_devices(platform, topology_name, kwargs))
    except JaxRuntimeError as error:
        reason = str(error).splitlines()[0]
        raise value_error(
            f"{where}: there is no system {topology_name!r}: {reason}",
            "Write the generation and the grid of chips, as in 'v5e:2x4' or "
            "'v5p:2x2x1'.",
        ) from None


def make_mesh(
    topo: TopologyDescription,
    mesh_shape: Sequence[int],
    axis_names: Sequence[Any],
    *,
    contiguous_submeshes: bool = False,
) -> Mesh:
    """A mesh of the devices of a system, so that neighbors in it are linked.

    Args:
        topo: the system.
        mesh_shape: sizes of the axes, whose product is the number of devices.
        axis_names: a name for each axis.
        contiguous_submeshes: accepted, as JAX does; it changes nothing.

    Raises:
        ValueError: the shape is for another number of devices, or names don't fit.

    Example:
        >>> from dolmen.core.experimental import topologies
        >>> here = topologies.get_attached_topology()
        >>> one = topologies.TopologyDescription(here.devices[:1])
        >>> topologies.make_mesh(one, (1, 1), ("x", "y")).shape
        {'x': 1, 'y': 1}
    """
    sizes = as_integers("make_mesh", "mesh_shape", mesh_shape)
    if (count := math.prod(sizes)) != len(topo.devices):
        raise value_error(
            f"make_mesh: a mesh of {sizes} has {count} devices, the system has "
            f"{len(topo.devices)}.",
        )
    return Mesh(arranged(topo.devices, sizes), tuple(axis_names))

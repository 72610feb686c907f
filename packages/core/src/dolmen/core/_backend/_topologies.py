"""Devices that aren't there: descriptions of accelerators, to compile for them.

The compilers in the plugins need no hardware, only to be told what it is like.
"""

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

import jaxlib._jax as _jax

from . import _plugins


@dataclasses.dataclass(frozen=True)
class _Gpu:
    """What the compiler asks about a GPU; sizes in bytes, from the maker's data sheets.

    Attributes:
        title: as the driver calls it.
        capability: the compute capability, major and minor.
        cores: streaming multiprocessors.
        fpus: units for 32-bit numbers of each.
        shared: memory shared inside of each.
        cache: the second level's size.
        clock: in GHz.
        bandwidth: of the memory, in bytes per second.
        memory: its size.
        accelerated: whether code may use what only this capability has (`sm_90a`).
    """

    title: str
    capability: tuple[int, int]
    cores: int
    fpus: int
    shared: int
    cache: int
    clock: float
    bandwidth: int
    memory: int
    accelerated: bool = True

    def target_config(self) -> str:
        """The text form of XLA's message `GpuTargetConfigProto`."""
        major, minor = self.capability
        suffix = "a" if self.accelerated else ""
        feature = "ACCELERATED_FEATURES" if self.accelerated else "NONE"
        # The system keeps 1 KiB of the shared memory for each block.
        return f"""
            gpu_device_info {{
              threads_per_block_limit: 1024 threads_per_warp: 32
              threads_per_core_limit: 2048
              block_dim_limit_x: 2147483647 block_dim_limit_y: 65535
              block_dim_limit_z: 65535
              thread_dim_limit_x: 1024 thread_dim_limit_y: 1024 thread_dim_limit_z: 64
              registers_per_core_limit: 65536 registers_per_block_limit: 65536
              shared_memory_per_block: 49152 shared_memory_per_core: {self.shared}
              shared_memory_per_block_optin: {self.shared - 1024}
              core_count: {self.cores} fpus_per_core: {self.fpus}
              clock_rate_ghz: {self.clock} l2_cache_size: {self.cache}
              memory_bandwidth: {self.bandwidth} device_memory_size: {self.memory}
              cuda_compute_capability {{
                major: {major} minor: {minor} feature_extension: {feature}
              }}
              platform_version: "Compute Capability {major}.{minor}{suffix}"
              device_vendor: "NVIDIA Corporation" device_address_bits: 64
              name: "{self.title}" dnn_version: "9.12.0" driver_version: "13.0.0"
              runtime_version: "13.0.0" compile_time_toolkit_version: "13.0.0"
            }}
            platform_name: "CUDA"
            dnn_version_info {{ major: 9 minor: 12 patch: 0 }}
            device_description_str: "{self.title}"
        """


_KIB, _MIB, _GB = 2**10, 2**20, 10**9

GPUS: Mapping[str, _Gpu] = {
    "a100": _Gpu(
        "NVIDIA A100-SXM4-80GB",
        capability=(8, 0),
        cores=108,
        fpus=64,
        shared=164 * _KIB,
        cache=40 * _MIB,
        clock=1.41,
        bandwidth=2039 * _GB,
        memory=81_156 * _MIB,
        accelerated=False,
    ),
    "h100": _Gpu(
        "NVIDIA H100 80GB HBM3",
        capability=(9, 0),
        cores=132,
        fpus=128,
        shared=228 * _KIB,
        cache=50 * _MIB,
        clock=1.98,
        bandwidth=3352 * _GB,
        memory=81_008 * _MIB,
    ),
    "h200": _Gpu(
        "NVIDIA H200",
        capability=(9, 0),
        cores=132,
        fpus=128,
        shared=228 * _KIB,
        cache=50 * _MIB,
        clock=1.98,
        bandwidth=4800 * _GB,
        memory=144_384 * _MIB,
    ),
    "b200": _Gpu(
        "NVIDIA B200",
        capability=(10, 0),
        cores=148,
        fpus=128,
        shared=228 * _KIB,
        cache=126 * _MIB,
        clock=1.965,
        bandwidth=7672 * _GB,
        memory=182_642 * _MIB,
    ),
}


def described_devices(
    platform: str, name: str, options: Mapping[str, Any]
) -> list[Any]:
    """The devices of a described system, for which programs can be compiled.

    Args:
        platform: `tpu` or `cuda`.
        name: as the plugin calls the system; of GPUs a key of `GPUS`, with the number
            of devices behind a colon if it is not one, or nothing if `options` have a
            `target_config`.
        options: further ones of the plugin.

    Raises:
        RuntimeError: no plugin for the platform is installed.
        JaxRuntimeError: there is no such system.
    """
    given = dict(options)
    if platform == "tpu":
        _stay_alone()
    elif "target_config" not in given:
        model, _, count = name.partition(":")
        given["target_config"] = GPUS[model].target_config()
        given.setdefault("topology", f"1x1x{count or 1}")
        name = ""
    plugin = _plugins.load(platform)
    topology = _jax.get_default_c_api_topology(plugin, name, given)
    return list(topology._make_compile_only_devices())


def _stay_alone() -> None:
    """Keep libtpu from asking its surroundings, where there is no TPU, what they are.

    It would look for a metadata server, and for a lock that keeps two processes from
    using the same chips.
    """
    if "tpu" in _plugins.available():
        return
    for variable, value in {
        "TPU_SKIP_MDS_QUERY": "1",
        "TPU_ACCELERATOR_TYPE": "v5litepod-1",  # spares a warning; the name decides
        "TPU_WORKER_HOSTNAMES": "localhost",
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",
    }.items():
        os.environ.setdefault(variable, value)


def is_described(device: Any) -> bool:
    """Whether a device isn't there, but described."""
    return isinstance(device.client, _jax.CompileOnlyPyClient)

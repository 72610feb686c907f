"""The PJRT client of this process, its devices, and compilation for them."""

import functools
import hashlib
import os
import pathlib
import platform
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jaxlib._jax as _jax
import numpy as np
from jaxlib import xla_client
from jaxlib.version import __version__ as jaxlib_version

from . import _distributed, _flags, _lapack, _topologies
from ._mesh import device_list

Device: TypeAlias = _jax.Device
JaxRuntimeError = _jax.JaxRuntimeError

_lock = threading.Lock()
_client: Any = None
_on_client: list[Callable[[], None]] = []


def _num_cpu_devices() -> int:
    chosen = _flags.NUM_CPU_DEVICES.value
    if chosen is not None:
        return chosen
    for flag in os.environ.get("XLA_FLAGS", "").split():
        name, _, value = flag.partition("=")
        if name == "--xla_force_host_platform_device_count":
            return int(value)
    return 1


def when_client_starts(action: Callable[[], None]) -> None:
    """Run `action` once, as soon as the client exists."""
    _on_client.append(action)
    if _client is not None:
        action()


def client() -> Any:
    """The client of the default platform, made at first use."""
    global _client
    if _client is None:
        with _lock:
            if _client is None:
                made = _make_client()
                _client = made
                _flags.CLIENT.started = True
                for action in _on_client:
                    action()
    return _client


def _make_client() -> Any:
    from . import _plugins

    platforms = _flags.PLATFORMS.value or _flags.PLATFORM_NAME.value
    for name in platforms.split(",") if platforms else _plugins.available():
        if name != "cpu":
            return _plugins.make_client(name)
        break
    here = _distributed.MEMBERSHIP
    return xla_client.make_cpu_client(
        asynchronous=_flags.CPU_ENABLE_ASYNC_DISPATCH.value,
        distributed_client=here.client,
        node_id=here.process_id,
        num_nodes=here.num_processes,
        collectives=_distributed.collectives_of_cpu(),
        num_devices=_num_cpu_devices(),
    )


_memory_report: Callable[[str], str] | None = None


def explain_out_of_memory(report: Callable[[str], str]) -> None:
    """Let `report` complete the text of errors of the runtime for lack of memory."""
    global _memory_report
    _memory_report = report


def _text_of_error(error: Any) -> str:
    """The runtime's text; `str` of its errors, wherever C++ raises them."""
    text = RuntimeError.__str__(error)
    lacks_memory = text.startswith("RESOURCE_EXHAUSTED") or "Out of memory" in text
    if _memory_report is None or not lacks_memory:
        return text
    # Later, when somebody reads the message again, other arrays are alive.
    if "report" not in vars(error):
        error.report = _memory_report(text)
    return error.report


JaxRuntimeError.__str__ = _text_of_error


def default_device() -> Device:
    """The device that uncommitted arrays live on.

    Raises:
        RuntimeError: the setting `default_device` names a platform without devices.
    """
    chosen = _flags.DEFAULT_DEVICE.value
    if chosen is None:
        return _first_device()
    return _first_of(chosen) if isinstance(chosen, str) else chosen


@functools.cache
def _first_device() -> Device:
    return client().local_devices()[0]


def _first_of(platform: str) -> Device:
    names = {"cuda": "gpu"}
    for device in client().local_devices():
        if device.platform == names.get(platform, platform):
            return device
    raise RuntimeError(
        f"default_device: there is no device of platform {platform!r}; the devices are "
        f"those of {client().platform!r}."
    )


def lowering_platform(device: Device | None = None) -> str:
    """What programs for a device are lowered for: `cpu`, `cuda`, `rocm` or `tpu`.

    Args:
        device: by default those of this process.
    """
    owner = client() if device is None else device.client
    if owner.platform != "gpu":
        return owner.platform
    return "rocm" if "rocm" in owner.platform_version.lower() else "cuda"


def approx_top_k_size(
    size: int, ndim: int, k: int, recall_target: float, size_override: int
) -> int:
    """To how many elements an axis is narrowed down that holds `k` wanted ones."""
    made, _ = _jax.approx_top_k_reduction_output_size(
        size, ndim, k, recall_target, False, size_override
    )
    return made


def compile_options(
    devices: Sequence[Device],
    overrides: Sequence[tuple[str, Any]] = (),
    *,
    has_calls: bool = False,
) -> Any:
    """Options for one program that runs on all of `devices` at once.

    Args:
        overrides: names and values of options of XLA.
        has_calls: the module keeps calls of functions that are called several times.
    """
    options = xla_client.CompileOptions()
    options.env_option_overrides = list(overrides)
    options.num_replicas = 1
    options.num_partitions = len(devices)
    ids = np.array([[device.id for device in devices]])
    assignment = xla_client.DeviceAssignment.create(ids)
    options.device_assignment = assignment
    build = options.executable_build_options
    build.num_replicas = 1
    build.num_partitions = len(devices)
    build.device_assignment = assignment
    if len(devices) > 1:
        build.use_spmd_partitioning = build.use_shardy_partitioner = True
        build.allow_spmd_sharding_propagation_to_output = [True]
    _apply_settings(build)
    return _flattening_late(options) if has_calls else options


# XLA's CPU compiler gives every call its own copy of the function, by default before it
# optimizes anything. This option has it optimize the function once and copy the result.
_FLATTEN_LATE = ("xla_cpu_flatten_after_fusion", "true")


def _flattening_late(options: Any) -> Any:
    """`options` with `_FLATTEN_LATE`.

    It is one of the "backend extra options", a map that Python can't reach. But fields
    of a serialized message may be repeated and are merged, so the entry is appended.
    """
    _ = options.executable_build_options.debug_options  # brings in the defaults
    entry = b"".join(_field(i, v.encode()) for i, v in enumerate(_FLATTEN_LATE, 1))
    # CompileOptions.executable_build_options.debug_options.xla_backend_extra_options
    extra = _field(3, _field(3, _field(500, entry)))
    return type(options).ParseFromString(options.SerializeAsString() + extra)


def _field(number: int, content: bytes) -> bytes:
    """A length-delimited field of a serialized Protocol Buffers message."""
    return _varint(number << 3 | 2) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 127:
        encoded.append(value & 127 | 128)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


# XLA's numbers of the levels of effort.
_EFFORTS = {"UNKNOWN": 0, "O0": 9, "O1": 19, "O2": 29, "O3": 39}


def _apply_settings(build: Any) -> None:
    """What the settings of the table ask of the compiler."""
    build.optimization_level = _EFFORTS[_flags.OPTIMIZATION_LEVEL.value]
    build.memory_fitting_level = _EFFORTS[_flags.MEMORY_FITTING_LEVEL.value]
    _set_effort(build, _flags.EXEC_TIME_OPTIMIZATION_EFFORT, "optimization_level")
    _set_effort(build, _flags.MEMORY_FITTING_EFFORT, "memory_fitting_level")
    debug = build.debug_options
    if _flags.DISABLE_MOST_OPTIMIZATIONS.value:
        debug.xla_backend_optimization_level = 0
        debug.xla_llvm_disable_expensive_passes = True
        debug.xla_test_all_input_layouts = False
    if not _flags.COMPILER_ENABLE_REMAT_PASS.value:
        debug.xla_disable_hlo_passes = "rematerialization"


def _set_effort(build: Any, flag: Any, successor: str) -> None:
    """Ask for an effort as a number, which newer versions of jaxlib know no more.

    Raises:
        RuntimeError: it is set, and this jaxlib has only its successor.
    """
    if flag.value == flag.default:
        return
    if not hasattr(build, flag.name):
        raise RuntimeError(
            f"{flag.name}: this version of jaxlib has replaced it. Set `{successor}`, "
            "from 'O0' to 'O3', instead."
        )
    setattr(build, flag.name, flag.value)


def compile_and_load(
    module: Any,
    devices: tuple[Device, ...],
    options: Any,
    host_callbacks: Sequence[Any] = (),
) -> Any:
    """Compile an MLIR module for `devices` and load it there, unless they aren't there.

    Raises:
        NotImplementedError: it calls Python, and the devices aren't there.
    """
    where = device_list(devices)
    if _topologies.is_described(devices[0]):
        if host_callbacks:
            raise NotImplementedError(
                "programs that call Python functions can't be compiled for devices "
                "that aren't there. Leave callbacks and prints out."
            )
        return devices[0].client.compile(module, where, options)
    if host_callbacks:
        return client().compile_and_load(module, where, options, list(host_callbacks))
    return client().compile_and_load(module, where, options)


def deserialize_executable(
    data: bytes, devices: tuple[Device, ...], options: Any
) -> Any:
    """Load an executable that `serialize_executable` wrote."""
    _lapack.provide_targets(data)
    return client().deserialize_executable(data, device_list(devices), options)


def serialize_executable(executable: Any) -> bytes:
    """Bytes from which the same platform can load `executable` again."""
    return executable.serialize()


def platform_fingerprint(device: Device) -> dict[str, str]:
    """What compiled code depends on besides the program: platform and versions."""
    found = {
        "platform": device.platform,
        "platform version": device.client.platform_version,
        "device": device.device_kind,
        "jaxlib version": f"{jaxlib_version} ({xla_client._version})",
    }
    if device.platform == "cpu":
        found["processor"] = _processor()
    return found


@functools.cache
def _processor() -> str:
    """CPU code is compiled for this processor's instruction set."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    for line in lines:
        if line.startswith(("flags", "Features")):
            return f"instruction set {hashlib.sha256(line.encode()).hexdigest()[:16]}"
    return platform.processor()


def hlo_computation(module: Any) -> Any:
    """An MLIR module of StableHLO as an XLA computation."""
    return _jax.mlir.mlir_module_to_xla_computation(
        str(module), use_tuple_args=False, return_tuple=False
    )


def hlo_text(module: Any) -> str:
    """An MLIR module of StableHLO as HLO text."""
    return hlo_computation(module).get_hlo_module().to_string()


def hlo_cost(module: Any) -> dict[str, float]:
    """The compiler's estimate for an MLIR module before optimization."""
    return _cost_of(hlo_computation(module).get_hlo_module())


def executable_cost(executable: Any) -> dict[str, float]:
    """The compiler's estimate for a compiled program."""
    try:
        return executable.cost_analysis()
    except JaxRuntimeError as error:
        if "UNIMPLEMENTED" not in str(error):
            raise
    # The plugin for GPUs has none for devices that aren't there.
    (module,) = executable.hlo_modules()
    return _cost_of(module)


def _cost_of(hlo: Any) -> dict[str, float]:
    return dict(_jax.hlo_module_cost_analysis(client(), hlo))

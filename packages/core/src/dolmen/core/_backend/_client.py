"""The PJRT client of this process, its devices, and compilation for them."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jaxlib._jax as _jax
import numpy as np
from jaxlib import xla_client

from . import _flags

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

    platforms = _flags.PLATFORMS.value
    for platform in platforms.split(",") if platforms else _plugins.available():
        if platform != "cpu":
            return _plugins.make_client(platform)
        break
    return xla_client.make_cpu_client(num_devices=_num_cpu_devices())


def devices() -> list[Device]:
    """All devices of the default client."""
    return list(client().devices())


@functools.cache
def default_device() -> Device:
    """The device that uncommitted arrays live on."""
    return client().local_devices()[0]


@functools.cache
def _device_list(device: Device) -> Any:
    return _jax.DeviceList((device,))


def compile_options(device: Device) -> Any:
    """Options for one program on one device."""
    options = xla_client.CompileOptions()
    options.num_replicas = 1
    options.num_partitions = 1
    assignment = xla_client.DeviceAssignment.create(np.array([[device.id]]))
    options.device_assignment = assignment
    build = options.executable_build_options
    build.num_replicas = 1
    build.num_partitions = 1
    build.device_assignment = assignment
    return options


def compile_and_load(
    module: Any, device: Device, options: Any, host_callbacks: Sequence[Any] = ()
) -> Any:
    """Compile an MLIR module for `device` and load it there."""
    if host_callbacks:
        return client().compile_and_load(
            module, _device_list(device), options, list(host_callbacks)
        )
    return client().compile_and_load(module, _device_list(device), options)


def deserialize_executable(data: bytes, device: Device, options: Any) -> Any:
    """Load an executable that `serialize_executable` wrote."""
    return client().deserialize_executable(data, _device_list(device), options)


def serialize_executable(executable: Any) -> bytes:
    """Bytes from which the same platform can load `executable` again."""
    return executable.serialize()


def platform_fingerprint() -> str:
    """What compiled code depends on besides the program: platform and versions."""
    made = client()
    return "|".join((made.platform, made.platform_version, str(xla_client._version)))

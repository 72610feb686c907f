"""The PJRT client of this process, its devices, and compilation for them."""

import functools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import jaxlib._jax as _jax
import numpy as np
from jaxlib import xla_client

Device: TypeAlias = _jax.Device
JaxRuntimeError = _jax.JaxRuntimeError

_lock = threading.Lock()
_client: Any = None
_requested_cpu_devices: int | None = None
_on_client: list[Callable[[], None]] = []


def set_num_cpu_devices(count: int) -> None:
    """Choose how many CPU devices the client will offer.

    Raises:
        RuntimeError: the client exists already, so its devices can't change.
        ValueError: `count` is below one.
    """
    global _requested_cpu_devices
    if count < 1:
        raise ValueError(f"num_cpu_devices: expected at least 1, got {count}.")
    if _client is not None:
        raise RuntimeError(
            "num_cpu_devices: the CPU client is running already. Set it before the "
            "first array is made, or with the environment variable "
            "DOLMEN_NUM_CPU_DEVICES."
        )
    _requested_cpu_devices = count


def _num_cpu_devices() -> int:
    if _requested_cpu_devices is not None:
        return _requested_cpu_devices
    text = os.environ.get("DOLMEN_NUM_CPU_DEVICES", "")
    if text:
        if not text.isdigit() or int(text) < 1:
            raise ValueError(
                "environment variable DOLMEN_NUM_CPU_DEVICES: expected a whole number "
                f"of at least 1, got {text!r}."
            )
        return int(text)
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
                for action in _on_client:
                    action()
    return _client


def _make_client() -> Any:
    platforms = os.environ.get("DOLMEN_PLATFORMS", "")
    from . import _plugins

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

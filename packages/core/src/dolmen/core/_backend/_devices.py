"""What there is: devices, processes, live arrays.

Functions with an argument `backend` take the name of a platform; there is one client,
so it only checks that the platform is the one in use.
"""

import os
import platform as _platform
import sys
from typing import Any

from . import _client
from ._client import Device


def default_backend() -> str:
    """Name of the platform computations run on: `cpu`, `gpu` or `tpu`."""
    return _client.client().platform


def _of(function: str, backend: str | None) -> Any:
    """The client of a platform.

    Raises:
        RuntimeError: it is not the platform in use.
    """
    client = _client.client()
    known = {client.platform, "cuda"} if client.platform == "gpu" else {client.platform}
    if backend is not None and backend not in known:
        raise RuntimeError(
            f"{function}: `backend` {backend!r} is not in use, {client.platform!r} is. "
            "Choose the platform before the first array is made, with "
            "`config.update('platforms', ...)` or the environment variable "
            "DOLMEN_PLATFORMS."
        )
    return client


def devices(backend: str | None = None) -> list[Device]:
    """All devices, those of other processes included.

    Args:
        backend: name of a platform; by default the one in use.

    Raises:
        RuntimeError: `backend` is not in use.

    Example:
        >>> import dolmen.core as dc
        >>> dc.devices("cpu")[0].platform
        'cpu'
    """
    return list(_of("devices", backend).devices())


def local_devices(
    process_index: int | None = None,
    backend: str | None = None,
    host_id: int | None = None,
) -> list[Device]:
    """The devices of one process.

    Args:
        process_index: which process; by default this one.
        backend: name of a platform; by default the one in use.
        host_id: an older name of `process_index`.

    Raises:
        RuntimeError: `backend` is not in use.
        ValueError: there is no such process, or it is given under both names.
    """
    client = _of("local_devices", backend)
    if host_id is not None:
        if process_index is not None:
            raise ValueError(
                "local_devices: `host_id` is an older name of `process_index`; give "
                "one of them."
            )
        process_index = host_id
    if process_index is None:
        return list(client.local_devices())
    found = [d for d in client.devices() if d.process_index == process_index]
    if not found:
        known = process_indices(backend)
        raise ValueError(
            f"local_devices: `process_index` must be one of {known}, got "
            f"{process_index!r}."
        )
    return found


def device_count(backend: str | None = None) -> int:
    """How many devices there are, those of other processes included.

    Raises:
        RuntimeError: `backend` is not in use.
    """
    return int(_of("device_count", backend).device_count())


def local_device_count(backend: str | None = None) -> int:
    """How many devices this process has.

    Raises:
        RuntimeError: `backend` is not in use.
    """
    return int(_of("local_device_count", backend).local_device_count())


def process_index(backend: str | None = None) -> int:
    """Number of this process among those that compute together; 0 when alone.

    Raises:
        RuntimeError: `backend` is not in use.
    """
    return int(_of("process_index", backend).process_index())


def process_indices(backend: str | None = None) -> list[int]:
    """Numbers of all processes that compute together.

    Raises:
        RuntimeError: `backend` is not in use.
    """
    found = _of("process_indices", backend).devices()
    return sorted({device.process_index for device in found})


def process_count(backend: str | None = None) -> int:
    """How many processes compute together.

    Raises:
        RuntimeError: `backend` is not in use.
    """
    return len(process_indices(backend))


def live_arrays(platform: str | None = None) -> list[Any]:
    """All arrays whose buffers are held on devices.

    Args:
        platform: name of a platform; by default the one in use.

    Raises:
        RuntimeError: `platform` is not in use.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> x = jnp.ones(3)
        >>> any(array is x for array in dc.live_arrays())
        True
    """
    return list(_of("live_arrays", platform).live_arrays())


def print_environment_info(return_string: bool = False) -> str | None:
    """Print what a bug report needs: versions, devices, machine, settings.

    Args:
        return_string: return the text instead of printing it.
    """
    client = _client.client()
    packages = ("dolmen-core", "jaxlib", "numpy", "ml_dtypes")
    lines = [f"{name}: {_version(name)}" for name in packages]
    lines += [
        f"python: {sys.version}",
        f"platform: {client.platform} ({' '.join(client.platform_version.split())})",
        f"devices: {client.device_count()}, of this process "
        f"{', '.join(str(device) for device in client.local_devices())}",
        f"processes: {process_count()}",
        f"machine: {' '.join(_platform.uname())}",
        *(
            f"{name}={value}"
            for name, value in sorted(os.environ.items())
            if name.startswith(("DOLMEN_", "XLA_"))
        ),
    ]
    text = "\n".join(lines)
    if return_string:
        return text
    print(text)  # noqa: T201 - to print is what it is for
    return None


def _version(package: str) -> str:
    import importlib.metadata  # slow, and only reports want it

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed as a package"

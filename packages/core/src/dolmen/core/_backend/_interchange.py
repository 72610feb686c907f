"""DLPack: an array's buffer handed to another library, and one taken from there."""

from typing import Any

import jaxlib._jax as _jax
import numpy as np

from . import _flags, _stubs
from ._arrays import host_value, put
from ._client import client

# What the protocol calls kinds of devices.
_CPU, _CUDA, _ROCM = 1, 2, 10


def dlpack_device(array: Any) -> tuple[int, int]:
    """Where the protocol says the array is: kind of device, and its number.

    Raises:
        BufferError: the protocol has no such device.
    """
    if len(array.devices()) > 1:
        raise BufferError(
            f"__dlpack__: {array.aval!r} is spread over {len(array.devices())} "
            "devices, but DLPack knows one. Hand over a part, "
            "`x.addressable_shards[0].data`, or move it to one with `device_put`."
        )
    [device] = array.devices()
    if device.platform == "cpu":
        return _CPU, 0
    if device.platform == "gpu":
        kind = _ROCM if "rocm" in client().platform_version else _CUDA
        return kind, device.local_hardware_id
    raise BufferError(f"__dlpack__: DLPack knows no device like {device}.")


def device_of_dlpack(kind: int, number: int) -> Any:
    """The device of the default client that the protocol means, None if there is none.

    Host memory belongs to any CPU device: the first one.
    """
    for device in client().local_devices():
        if device.platform != ("cpu" if kind == _CPU else "gpu"):
            continue
        if kind == _CPU or device.local_hardware_id == number:
            return device
    return None


def export_dlpack(
    array: Any, stream: int | None, max_version: tuple[int, int] | None, copied: bool
) -> Any:
    """A capsule that lends the array's buffer.

    Args:
        array: stays alive as long as the capsule's consumer needs it.
        stream: of the consumer, on a GPU: it waits there for the array.
        max_version: the newest layout of the capsule that the consumer knows.
        copied: whether the buffer is the consumer's alone.
    """
    if hasattr(_jax, "dlpack_version"):  # jaxlib 0.12: versioned capsules
        return _jax.buffer_to_dlpack_managed_tensor(array, stream, max_version, copied)
    return _jax.buffer_to_dlpack_managed_tensor(array, stream=stream)


def _lent(exporter: Any, **options: Any) -> Any:
    """The capsule of the newest layout that both sides know."""
    newest = getattr(_jax, "dlpack_version", None)
    if newest is not None:
        try:
            return exporter.__dlpack__(max_version=newest, **options)
        except TypeError:  # written before capsules had versions
            pass
    return exporter.__dlpack__(**options)


def import_dlpack(exporter: Any, device: Any, copy: bool | None) -> Any:
    """An array on the buffer that an object lends, in the dtype it has there.

    Compiled programs expect row-major elements: others are arranged anew on the host.

    Args:
        exporter: has `__dlpack__`.
        device: where the buffer is.
        copy: None: only where the buffer can't be used as it is.

    Raises:
        JaxRuntimeError: the elements are not compact, or `copy` is False and the
            buffer is not aligned.
        BufferError: `copy` is False and the elements are not row-major.
    """
    if device.platform == "gpu":
        stream = device.get_stream_for_external_ready_events()
        capsule = _lent(exporter, stream=stream)
    else:
        stream = None
        try:
            capsule = _lent(exporter)
        except (
            BufferError
        ):  # such as of a read-only buffer, which the capsule can't say
            if copy is False:
                raise
            capsule = _lent(exporter, copy=True)
    # The buffer may be of a 64-bit dtype while arrays elsewhere are not.
    previous = _flags.X64.swap_local(True)
    try:
        with _stubs.lookups():
            made = _jax.dlpack_managed_tensor_to_buffer(capsule, device, stream, copy)
        layout = client().get_default_layout(made.dtype, made.shape, device)
        if made._pjrt_layout == layout:
            return made
        if copy is False:
            raise BufferError("the elements are not in row-major order")
        return put(np.ascontiguousarray(host_value(made)), made.aval, device, True)
    finally:
        _flags.X64.swap_local(previous)

"""What other libraries and the runtime ask of arrays: buffers, devices, shards.

A traced value answers with the array behind it, as under an eager `grad`, or with an
error where there is none.
"""

from collections.abc import Callable
from typing import Any

from .. import _backend, dlpack as _dlpack
from .._higher_order import device_put
from .._ir import message, value_error
from .._tracing import Tracer, device_array, not_concrete
from . import _creation
from ._array_like import Array
from ._promotion import bits


def _concrete_array(x: Any, call: str) -> Any:
    """The array on a device behind `x`.

    Raises:
        ConcretizationTypeError: there is none yet.
    """
    if not isinstance(x, Tracer):
        return x
    known = x.concrete()
    if known is None:
        raise not_concrete(x, "array", call)
    return device_array(known)


# Host memory, as the DLPack protocol counts devices.
_HOST = (1, 0)

# ---- buffers -----------------------------------------------------------------------


def dlpack(
    self: Any,
    *,
    stream: int | None = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[int, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule that lends the buffer, for `from_dlpack` of another library.

    Args:
        stream: of the consumer, on a GPU.
        max_version: the newest layout of the capsule that the consumer knows.
        dl_device: where the consumer wants the buffer: where it is, or host memory.
        copy: True: lend a copy, which the consumer may change; False: never copy.

    Raises:
        BufferError: the dtype or the device is none of the protocol's, or `copy` is
            False and `dl_device` is another device.
        ValueError: a `stream` is given for an array in host memory.
    """
    array = _concrete_array(self, "__dlpack__()")
    _backend.check_alive(array)
    if bits(array.dtype) < 8:
        raise BufferError(
            message(
                f"__dlpack__: DLPack has no dtype for {array.aval!r}.",
                "Convert the array first, for example with `.astype('float32')`.",
            )
        )
    own = _backend.dlpack_device(array)
    wanted = own if dl_device is None else tuple(dl_device)
    if wanted != own:
        if wanted != _HOST or copy is False:
            raise BufferError(
                message(
                    f"__dlpack__: `dl_device` must be the array's own device {own}, or "
                    f"{_HOST} with a copy, got {wanted}.",
                    "Move the array first, with `device_put`.",
                )
            )
        array = _backend.move(array, _backend.devices("cpu")[0])
    elif copy:
        array = _creation.copy(array)
    if stream is not None and wanted == _HOST:
        raise value_error(
            f"__dlpack__: `stream` must be None for host memory, got {stream!r}."
        )
    copied = bool(copy) or wanted != own
    return _backend.export_dlpack(array, stream, max_version, copied)


def from_dlpack(x: Any, /, *, device: Any = None, copy: bool | None = None) -> Array:
    """An array on the buffer of another library's array; see `dlpack.from_dlpack`.

    Example:
        >>> import numpy as np
        >>> import dolmen.core.numpy as jnp
        >>> jnp.from_dlpack(np.arange(3, dtype=np.int32))
        Array([0, 1, 2], dtype=int32)
    """
    return _dlpack.from_dlpack(x, device=device, copy=copy)


def dlpack_device(self: Any) -> tuple[int, int]:
    """Kind and number of the device, as the DLPack protocol counts them."""
    return _backend.dlpack_device(_concrete_array(self, "__dlpack_device__()"))


# ---- devices -----------------------------------------------------------------------


def to_device(self: Any, device: Any, *, stream: None = None) -> Any:
    """The array on a device, committed to it.

    Args:
        device: a `Device` or single-device `Sharding`.
        stream: for the array API standard's sake: None.

    Raises:
        TypeError: `device` is none.
        ValueError: a `stream` is given.
    """
    if stream is not None:
        raise value_error(
            f"to_device: `stream` is not supported, got {stream!r}.",
            "Leave it out: transfers are ordered by the runtime.",
        )
    return device_put(self, device)


def _device(self: Any) -> Any:
    """Where the array is; None if it is traced: wherever the program will run.

    None is also what functions take for "where the computation takes place", so what
    asks an array for its device and makes another one there works while tracing too.
    """
    known = self.concrete()
    return None if known is None else device_array(known).device


_METHODS = """
addressable_data clone copy_to_host_async delete devices is_deleted is_ready
on_device_size_in_bytes platform unsafe_buffer_pointer
"""
_PROPERTIES = """
addressable_shards committed global_shards is_fully_addressable is_fully_replicated
"""


def _forwarded_method(name: str) -> Callable[..., Any]:
    def method(self: Any, *args: Any) -> Any:
        return getattr(_concrete_array(self, f"{name}()"), name)(*args)

    method.__name__ = name
    return method


def _forwarded_property(name: str) -> property:
    return property(lambda self: getattr(_concrete_array(self, name), name))


def install() -> None:
    """Give arrays and tracers these methods, once."""
    # What is assigned below no checker knows of.
    array: Any = _backend.ArrayImpl
    traced: Any = Tracer
    for cls in (array, traced):
        cls.__dlpack__ = dlpack
        cls.__dlpack_device__ = dlpack_device
        cls.to_device = to_device
    traced.device = property(_device)
    for name in _METHODS.split():
        setattr(Tracer, name, _forwarded_method(name))
    for name in _PROPERTIES.split():
        setattr(Tracer, name, _forwarded_property(name))

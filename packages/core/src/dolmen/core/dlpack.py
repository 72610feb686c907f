"""Arrays shared with other libraries, without a copy where that can be."""

from typing import Any

import numpy as np

from . import lax
from ._backend import (
    Array,
    JaxRuntimeError,
    device_of_dlpack,
    import_dlpack,
    move,
)
from ._higher_order import jit_when_eager
from ._ir import dtypes, type_error, value_error
from ._ir._dtypes import bfloat16
from ._tracing import device_of

_NAMES = """
bool int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64
complex128
"""
SUPPORTED_DTYPES = frozenset({bfloat16, *(np.dtype(name) for name in _NAMES.split())})

__all__ = ["SUPPORTED_DTYPES", "from_dlpack", "is_supported_dtype"]
__dir__ = __all__.copy


def is_supported_dtype(dtype: Any) -> bool:
    """Whether arrays of a dtype can be shared with every library.

    8-bit floats, which few know, are shared too.

    Raises:
        TypeError: `dtype` is no dtype.

    Example:
        >>> from dolmen.core import dlpack
        >>> dlpack.is_supported_dtype("float32"), dlpack.is_supported_dtype("int4")
        (True, False)
    """
    return (
        dtypes.as_dtype(dtype, function="is_supported_dtype", wanted=False)
        in SUPPORTED_DTYPES
    )


def from_dlpack(
    external_array: Any, device: Any = None, copy: bool | None = None
) -> Array:
    """An array on the buffer of another library's array.

    On a CPU the buffer is shared if it begins at a multiple of 64 bytes, as PyTorch's
    do, and copied otherwise. Nobody may write to a shared buffer any more: arrays never
    change, and compiled programs rely on it.

    Args:
        external_array: has the methods `__dlpack__` and `__dlpack_device__`.
        device: a `Device` or single-device `Sharding`; by default where the buffer is.
        copy: True: always copy; False: never; None: only where sharing is impossible.

    Returns:
        An array of the shape and dtype of `external_array`. Without 64-bit types, wide
        elements are converted to 32 bits, which takes a copy.

    Raises:
        TypeError: `external_array` lacks the methods, or `device` is none.
        ValueError: the buffer is on a device that this process does not use; its
            elements are not compact; or `copy` is False and sharing is impossible.

    Example:
        >>> import numpy as np
        >>> from dolmen.core import dlpack
        >>> dlpack.from_dlpack(np.arange(3, dtype=np.float32))
        Array([0., 1., 2.], dtype=float32)
    """
    if not hasattr(external_array, "__dlpack__") or not hasattr(
        external_array, "__dlpack_device__"
    ):
        raise type_error(
            "from_dlpack: `external_array` must have the methods __dlpack__ and "
            f"__dlpack_device__, got {type(external_array).__name__}."
        )
    kind, number = external_array.__dlpack_device__()
    source = device_of_dlpack(int(kind), number)
    if source is None:
        raise value_error(
            f"from_dlpack: the buffer is on the device of kind {int(kind)} and number "
            f"{number}, which this process does not use.",
            "Move the array to one of `dolmen.core.devices()` with its own library.",
        )
    target = device_of(device, "from_dlpack: `device`") or source
    try:
        made = import_dlpack(external_array, source, copy)
    except (BufferError, JaxRuntimeError) as error:
        raise value_error(
            f"from_dlpack: the buffer can't be used: {error}",
            "Allow a copy with `copy=None`; if the elements are not compact, make them "
            "so first, such as with `numpy.ascontiguousarray`.",
        ) from None
    dtype = dtypes.canonical(made.dtype)
    if copy is False and (dtype != made.dtype or target != source):
        wanted = "of 32-bit elements" if dtype != made.dtype else f"on {target}"
        raise value_error(
            f"from_dlpack: `copy` is False, but an array {wanted} takes a copy of the "
            f"buffer of {made.dtype.name} on {source}.",
            "Allow it with `copy=None`, or enable 64-bit types if it is those.",
        )
    if dtype != made.dtype:
        made = lax.convert_element_type(made, dtype)
    if copy:
        # jaxlib shares an aligned buffer all the same. The caller may change it as soon
        # as it has the copy, so that must be finished.
        made = _copied(made).block_until_ready()
    return made if target == source else move(made, target)


@jit_when_eager()
def _copied(x: Array) -> Array:
    return x

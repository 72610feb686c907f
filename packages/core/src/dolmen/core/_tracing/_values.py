"""What counts as an array, and its type."""

from typing import Any

import numpy as np

from .. import _backend
from .._ir import ArrayType, array_type, dtypes, message, type_error
from ._mesh_context import as_sharding
from ._trace import Tracer

_SCALARS = (bool, int, float, complex)
_ARRAYS = (_backend.ArrayImpl, Tracer, np.ndarray, np.generic, *_SCALARS)


def typeof(value: Any) -> ArrayType:
    """Type of an array, a NumPy array or a Python scalar (weak).

    Raises:
        TypeError: `value` is nothing array-like.
        OverflowError: a Python integer does not fit the default integer dtype.
    """
    cls = type(value)
    if cls is _backend.ArrayImpl:
        return value.aval
    if isinstance(value, Tracer):
        return value.type
    if cls in _SCALARS:
        return _scalar_type(value)
    if isinstance(value, np.ndarray | np.generic):
        return _numpy_type(value)
    if isinstance(value, _SCALARS):
        return _scalar_type(value)
    if hasattr(value, "__jax_array__"):
        return typeof(value.__jax_array__())
    raise TypeError(
        message(
            f"expected an array, a NumPy array or a Python scalar, got {cls.__name__}: "
            f"{value!r:.80}.",
            getattr(value, "array_advice", "Convert it with `jnp.asarray(...)` first."),
        )
    )


def is_array_like(value: Any) -> bool:
    """Whether `typeof` knows `value`."""
    return isinstance(value, _ARRAYS) or hasattr(value, "__jax_array__")


def _scalar_type(value: Any) -> ArrayType:
    dtype = dtypes.scalar_dtype(value)
    if isinstance(value, int) and not isinstance(value, bool):
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise OverflowError(
                message(
                    f"Python integer {value} does not fit {dtype.name}.",
                    "Give it a wider dtype (`jnp.uint32(...)`), or enable 64-bit types "
                    "with `config.update('enable_x64', True)`.",
                )
            )
    return array_type((), dtype, not isinstance(value, bool))


def _numpy_type(value: Any) -> ArrayType:
    dtype = value.dtype
    if not dtype.isnative:
        dtype = dtype.newbyteorder("=")
    if not dtypes.kind(dtype) and dtype != dtypes.float0:
        raise TypeError(
            message(
                f"arrays can't hold NumPy dtype {value.dtype}; expected a boolean, "
                "integer, floating-point or complex dtype.",
                "Convert the array first, for example with `.astype(numpy.float32)`.",
            )
        )
    return array_type(value.shape, dtypes.canonical(dtype))


def as_array(value: Any) -> Any:
    """`value` as something `bind` takes: unwraps objects with `__jax_array__`."""
    if hasattr(value, "__jax_array__"):
        return value.__jax_array__()
    return value


def concrete(value: Any) -> Any:
    """The value behind `value` when it is known now, else None."""
    return value.concrete() if isinstance(value, Tracer) else value


def device_of(place: Any, argument: str = "`device`") -> Any:
    """The place that a user names: a device, or a sharding over several; None if None.

    Raises:
        TypeError: `place` is none of these.
        ValueError: it is a `PartitionSpec`, and there is no current mesh.
    """
    if isinstance(place, _backend.PartitionSpec):
        return as_sharding(place, argument)
    if isinstance(place, _backend.SingleDeviceSharding):
        return place._device
    if place is None or isinstance(place, _backend.Device | _backend.NamedSharding):
        return place
    raise type_error(
        f"{argument} must be a device, a sharding or None, got {place!r:.60}.",
        "Devices are those of `dolmen.core.devices()`; shardings are made by "
        "`NamedSharding(mesh, PartitionSpec(...))`.",
    )


def device_array(value: Any, type: ArrayType | None = None, device: Any = None) -> Any:
    """`value` as an array on a device, or laid out by a sharding.

    Arrays already there pass through.
    """
    if device is not None:
        device = device_of(device)
    if isinstance(value, _backend.ArrayImpl):
        return value if device is None else _backend.move(value, device)
    value = as_array(value)
    if isinstance(value, _backend.ArrayImpl | Tracer):
        return value
    made = typeof(value) if type is None else type
    host = np.asarray(value, made.dtype)
    return _backend.put(host, made, device, committed=device is not None)


def placed(value: Any, sharding: Any) -> Any:
    """`value` as an array laid out by `sharding`, as a compiled program wants it."""
    value = as_array(value)
    if not isinstance(value, _backend.ArrayImpl):
        type = typeof(value)
        return _backend.put(np.asarray(value, type.dtype), type, sharding)
    here = value._sharding
    if here is sharding or here == sharding:
        return value
    return _backend.move(value, sharding)

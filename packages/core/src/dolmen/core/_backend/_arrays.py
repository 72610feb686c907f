"""The C++ array class: how values get in, out and described.

Array methods that compute (operators, `sum`, indexing, ...) are installed by
`dolmen.core.numpy`; here are only those that need the runtime.
"""

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import jaxlib._jax as _jax
import numpy as np
from jaxlib import xla_client

from . import _client, _flags, _stubs, _tokens
from ._shards import shards

assert _flags.X64 is not None  # the C++ states must exist before any array does

if TYPE_CHECKING:
    from ._array_stub import Array as Array

    class ArrayImpl(Array):
        """An array on a device."""
else:
    Array = _jax.Array
    ArrayImpl = _jax.ArrayImpl
Sharding = _jax.Sharding
SingleDeviceSharding = _jax.SingleDeviceSharding

_COPY_DURING_CALL = _jax.HostBufferSemantics.IMMUTABLE_ONLY_DURING_CALL

_type_factory: Callable[[tuple[int, ...], np.dtype], Any] | None = None


def set_type_factory(factory: Callable[[tuple[int, ...], np.dtype], Any]) -> None:
    """Tell C++ how to describe arrays that it makes by itself."""
    global _type_factory
    _type_factory = factory


def _described(shape: Sequence[int], dtype: Any, weak_type: bool = False) -> Any:
    assert _type_factory is not None, "the type factory is set when _ir is imported"
    return _type_factory(tuple(shape), np.dtype(dtype))


@functools.cache
def device_sharding(device: Any, memory_kind: str | None = None) -> Any:
    """The one sharding object for a single device (C++ compares by identity)."""
    return SingleDeviceSharding(device, memory_kind=memory_kind)


_stubs.provide("jax.core", ShapedArray=_described)
_stubs.provide(
    "jax._src.sharding_impls",
    make_single_device_sharding=lambda device, memory_kind=None: device_sharding(
        device, memory_kind
    ),
)
_stubs.provide("jax._src.named_sharding", check_pspec=lambda mesh, spec: None)


def put(value: np.ndarray, type: Any, device: Any = None, committed: bool = False):
    """Copy a NumPy array to `device`.

    The copy is complete as far as the caller can see: changing `value` afterwards
    never changes the result.
    """
    where = _client.default_device() if device is None else device
    return _jax.batched_device_put(
        type,
        device_sharding(where),
        [value],
        [where],
        committed,
        host_buffer_semantics=_COPY_DURING_CALL,
    )


@contextlib.contextmanager
def explicit_transfers() -> Iterator[None]:
    """Tell C++'s guards that the user asked for the copies in this block."""
    state = _jax.guard_lib.thread_local_state()
    before = state.explicit_device_put, state.explicit_device_get
    state.explicit_device_put = state.explicit_device_get = True
    try:
        yield
    finally:
        state.explicit_device_put, state.explicit_device_get = before


def move(array: Any, device: Any) -> Any:
    """`array` on `device`, committed to it."""
    if array.sharding == device_sharding(device) and array._committed:
        return array
    return _jax.batched_device_put(
        array.aval, device_sharding(device), [array], [device], True
    )


def with_type(array: Any, type: Any) -> Any:
    """The same buffer under another type of equal shape and dtype (weak or not)."""
    return array._rewrap_with_aval_and_sharding(type, array._sharding)


def host_value(array: Any) -> np.ndarray:
    """The value as a read-only NumPy array, fetched once and kept.

    Raises:
        RuntimeError: the array was deleted, or donated to a compiled call.
        JaxRuntimeError: the computation failed.
    """
    check_alive(array)
    if array._npy_value is None:
        array.block_until_ready()  # jaxlib aborts if the computation has failed
        value, _ = array._single_device_array_to_np_array_did_copy()
        value.flags.writeable = False
        array._npy_value = value
    return array._npy_value


_donors: Callable[[Any], list[str]] | None = None


def set_donors(find: Callable[[Any], list[str]]) -> None:
    """Tell messages how to find the arguments that arrays of a type are donated as."""
    global _donors
    _donors = find


def check_alive(array: Any) -> None:
    """Refuse an array whose buffer is gone.

    Raises:
        RuntimeError: it was deleted, or donated to a compiled call.
    """
    if array.is_deleted():
        donors = _donors(array.aval) if _donors is not None else []
        raise RuntimeError(
            f"array {array.aval!r} was deleted or donated: its buffer was freed by "
            "`delete()`, or given to a compiled call (donate_argnums or "
            "donate_argnames). Use that call's result instead, or don't donate this "
            "argument."
            + (f" Such arrays are donated as {' and as '.join(donors)}." * bool(donors))
        )


@functools.cache
def _result_handler(type: Any, sharding: Any, committed: bool) -> Any:
    try:
        return _jax.array_result_handler(type, sharding, committed, True)
    except TypeError:  # jaxlib 0.12 has no _skip_checks
        return _jax.array_result_handler(type, sharding, committed)


def execute(
    executable: Any,
    arrays: Sequence[Any],
    types: Sequence[Any],
    device: Any,
    *,
    committed: bool,
    calls_host: bool = False,
) -> list[Any]:
    """Run a loaded executable on arrays that live on its device.

    Args:
        committed: whether the results stay on the device when mixed with others.
        calls_host: whether it calls Python functions. It then starts when its
            arguments are ready, and in this thread: a callback may itself compute, so
            it must not hold one of the threads that the runtime computes with.
    """
    sharding = device_sharding(device)
    handlers = [_result_handler(type, sharding, committed) for type in types]
    try:
        if calls_host:
            _jax.batched_block_until_ready(list(arrays))
        results = executable.execute_sharded(arrays, with_tokens=calls_host)
    except _client.JaxRuntimeError:
        for array in arrays:
            check_alive(array)
        raise
    if calls_host:
        _tokens.remember(device, results.consume_token())
    return results.consume_with_handlers(handlers)


def _hlo_sharding(self: Any, ndim: int) -> Any:
    return xla_client.HloSharding.replicate()


def _sharding_repr(self: Any) -> str:
    kind = f", memory_kind={self._memory_kind}" * (self._memory_kind is not None)
    return f"SingleDeviceSharding(device={self._device!r}{kind})"


def _to_numpy(self: Any, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
    value = host_value(self)
    if dtype is not None and value.dtype != dtype:
        if copy is False:
            raise ValueError(
                f"numpy.asarray(copy=False): {self.aval!r} must be copied to become "
                f"{np.dtype(dtype).name}."
            )
        return value.astype(dtype)
    return value.copy() if copy else value


def _devices(self: Any) -> set[Any]:
    """The devices that hold the array."""
    return {self._sharding._device}


def _addressable_data(self: Any, index: int) -> Any:
    """The part that a device of this process holds, by the number of the device."""
    return shards(self)[index].data


def _copy_to_host_async(self: Any) -> None:
    """Start to fetch the value; `numpy.asarray` then finds it on its way or there."""
    check_alive(self)
    if self._npy_value is None:
        self._copy_single_device_array_to_host_async()


def install() -> None:
    """Add the runtime properties to the C++ classes, once."""
    array: Any = ArrayImpl  # What is assigned here no checker knows of.
    SingleDeviceSharding._to_xla_hlo_sharding = _hlo_sharding
    SingleDeviceSharding.memory_kind = property(lambda self: self._memory_kind)
    SingleDeviceSharding.device_set = property(lambda self: {self._device})
    SingleDeviceSharding.__repr__ = _sharding_repr
    array._check_and_rearrange = lambda self, arrays, sharding, aval: arrays
    array.shape = property(lambda self: self.aval.shape)
    array.dtype = property(lambda self: self.aval.dtype)
    array.weak_type = property(lambda self: self.aval.weak_type)
    array.ndim = property(lambda self: len(self.aval.shape))
    array.size = property(lambda self: self.aval.size)
    array.nbytes = property(lambda self: self.aval.nbytes)
    array.itemsize = property(lambda self: self.aval.dtype.itemsize)
    array.sharding = property(lambda self: self._sharding)
    array.device = property(lambda self: self._sharding._device)
    array.devices = _devices
    array.addressable_data = _addressable_data
    array.addressable_shards = property(shards)
    array.global_shards = property(shards)
    array.is_fully_addressable = property(lambda self: True)
    array.is_fully_replicated = property(lambda self: True)
    array.copy_to_host_async = _copy_to_host_async
    array.committed = property(lambda self: self._committed)
    array.__array__ = _to_numpy
    array.__hash__ = None
    _client.when_client_starts(_prime_lookups)


def _prime_lookups() -> None:
    """Let C++ cache what it looks up only once, while the stand-ins are there."""
    first = put(np.zeros((), np.float32), _described((), np.float32))
    with _stubs.lookups():
        made = first._arrays[0]
    assert made.aval is not None, "jaxlib found no type for an array of its own"

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

from . import _client, _flags, _shardings, _stubs, _tokens, _topologies
from ._shardings import Sharding, SingleDeviceSharding, device_sharding
from ._shards import global_shards, part_arrays, shards

assert _flags.X64 is not None  # the C++ states must exist before any array does

if TYPE_CHECKING:
    from ._array_stub import Array as Array

    class ArrayImpl(Array):
        """An array on a device."""
else:
    Array = _jax.Array
    ArrayImpl = _jax.ArrayImpl

_COPY_DURING_CALL = _jax.HostBufferSemantics.IMMUTABLE_ONLY_DURING_CALL

_type_factory: Callable[[tuple[int, ...], np.dtype], Any] | None = None


def set_type_factory(factory: Callable[[tuple[int, ...], np.dtype], Any]) -> None:
    """Tell C++ how to describe arrays that it makes by itself."""
    global _type_factory
    _type_factory = factory


def _described(shape: Sequence[int], dtype: Any, weak_type: bool = False) -> Any:
    assert _type_factory is not None, "the type factory is set when _ir is imported"
    return _type_factory(tuple(shape), np.dtype(dtype))


_stubs.provide("jax.core", ShapedArray=_described)


def _sharding_at(place: Any) -> Any:
    """The sharding that a place stands for: a device, or a sharding itself."""
    return place if isinstance(place, Sharding) else device_sharding(place)


def put(value: np.ndarray, type: Any, place: Any = None, committed: bool = False):
    """Copy a NumPy array to a device, or its parts to the devices of a sharding.

    The copy is complete as far as the caller can see: changing `value` afterwards
    never changes the result.

    Raises:
        ValueError: the sharding does not split an axis evenly, or the devices are
            described ones.
    """
    if place is None:
        sharding = _sharding_at(_client.default_device())
    else:
        sharding = _sharding_at(place)
        _check_there(sharding)
    if not isinstance(sharding, SingleDeviceSharding):
        parts = put_parts(sharding, value.shape, value.__getitem__, committed)
        return assemble(type, sharding, parts, committed)
    return _jax.batched_device_put(
        type,
        sharding,
        [value],
        [sharding._device],
        committed,
        host_buffer_semantics=_COPY_DURING_CALL,
    )


def put_parts(
    sharding: Any,
    shape: tuple[int, ...],
    part_at: Callable[[tuple[slice, ...]], Any],
    committed: bool = True,
) -> list[Any]:
    """The parts of an array, copied to the devices of this process, in their order.

    C++ copies while it is called to a single device only, so each part is an array.

    Args:
        part_at: gives the part at an index as a NumPy array; asked once for each.

    Raises:
        ValueError: the sharding does not split an axis evenly.
    """
    known: dict[Any, np.ndarray] = {}
    made = []
    for device, index in sharding.addressable_devices_indices_map(shape).items():
        key = _shardings.key_of(index)
        if key not in known:
            known[key] = np.asarray(part_at(index), order="C")
        part = known[key]
        made.append(put(part, _described(part.shape, part.dtype), device, committed))
    return made


def assemble(
    type: Any, sharding: Any, parts: Sequence[Any], committed: bool = True
) -> Any:
    """The array whose parts these are, on the devices of the sharding, in order."""
    devices = [part._sharding._device for part in parts]
    return _jax.batched_device_put(type, sharding, list(parts), devices, committed)


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


def move(array: Any, place: Any) -> Any:
    """`array` on a device, or laid out by a sharding, and committed to it.

    Raises:
        ValueError: the sharding does not split an axis evenly, or the devices are
            described ones.
        RuntimeError: another process holds a part of the array.
    """
    wanted, held = _sharding_at(place), array._sharding
    if held == wanted and array._committed:
        return array
    _check_there(wanted)
    devices = list(wanted._internal_device_list.addressable_device_list)
    if _shardings.is_fully_replicated(held) and _shardings.is_fully_replicated(wanted):
        here = part_arrays(array)[0]
        return _jax.batched_device_put(
            array.aval, wanted, [here] * len(devices), devices, True
        )
    if _shardings.is_equivalent(held, wanted, array.ndim):
        return array._rewrap_with_aval_and_sharding(array.aval, wanted)
    return put(host_value(array), array.aval, wanted, committed=True)


def _check_there(sharding: Any) -> None:
    device = _shardings.devices_of(sharding)[0]
    if _topologies.is_described(device):
        raise ValueError(
            f"{device} is described, not there: it can't hold arrays. Compile for it "
            "with `jit(f).lower(...).compile()`, from `ShapeDtypeStruct`s, and put "
            "arrays on `devices()`."
        )


def with_type(array: Any, type: Any) -> Any:
    """The same buffer under another type of equal shape and dtype (weak or not)."""
    return array._rewrap_with_aval_and_sharding(type, array._sharding)


def host_value(array: Any) -> np.ndarray:
    """The value as a read-only NumPy array, fetched once and kept.

    Raises:
        RuntimeError: the array was deleted, or donated to a compiled call, or another
            process holds a part of it.
        JaxRuntimeError: the computation failed.
    """
    check_alive(array)
    if array._npy_value is None:
        array.block_until_ready()  # jaxlib aborts if the computation has failed
        if isinstance(array._sharding, SingleDeviceSharding):
            value, _ = array._single_device_array_to_np_array_did_copy()
        else:
            value = _joined(array)
        value.flags.writeable = False
        array._npy_value = value
    return array._npy_value


def _joined(array: Any) -> np.ndarray:
    """The value of an array on several devices."""
    sharding = array._sharding
    if _shardings.is_fully_replicated(sharding):
        value, _ = part_arrays(array)[0]._single_device_array_to_np_array_did_copy()
        return value
    if not _shardings.is_fully_addressable(sharding):
        raise RuntimeError(
            f"array {array.aval!r} with {sharding!r}: other processes hold parts of "
            "it. Look at this process's `addressable_shards`, or lay it out with "
            "`PartitionSpec()` first."
        )
    value = np.empty(array.shape, array.dtype)
    for shard in shards(array):
        if shard.replica_id == 0:
            value[shard.index] = host_value(shard.data)
    return value


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
    shardings: Sequence[Any],
    *,
    committed: bool,
    calls_host: bool = False,
    device: Any = None,
) -> list[Any]:
    """Run a loaded executable on arrays that live on its devices.

    Args:
        shardings: how the results are laid out.
        committed: whether the results stay on the device when mixed with others.
        calls_host: whether it calls Python functions. It then starts when its
            arguments are ready, and in this thread: a callback may itself compute, so
            it must not hold one of the threads that the runtime computes with.
        device: the one that calls them.
    """
    handlers = [
        _result_handler(type, sharding, committed)
        for type, sharding in zip(types, shardings, strict=True)
    ]
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
    return self._sharding.device_set


def _device(self: Any) -> Any:
    """The device that holds the array; its sharding, if there are several."""
    sharding = self._sharding
    single = isinstance(sharding, SingleDeviceSharding)
    return sharding._device if single else sharding


def _addressable_data(self: Any, index: int) -> Any:
    """The part that a device of this process holds, by the number of the device."""
    return shards(self)[index].data


def _copy_to_host_async(self: Any) -> None:
    """Start to fetch the value; `numpy.asarray` then finds it on its way or there."""
    check_alive(self)
    if self._npy_value is None:
        for part in part_arrays(self):
            part._copy_single_device_array_to_host_async()


def install() -> None:
    """Add the runtime properties to the C++ classes, once."""
    array: Any = ArrayImpl  # What is assigned here no checker knows of.
    _shardings.install()
    array._check_and_rearrange = lambda self, arrays, sharding, aval: arrays
    array.shape = property(lambda self: self.aval.shape)
    array.dtype = property(lambda self: self.aval.dtype)
    array.weak_type = property(lambda self: self.aval.weak_type)
    array.ndim = property(lambda self: len(self.aval.shape))
    array.size = property(lambda self: self.aval.size)
    array.nbytes = property(lambda self: self.aval.nbytes)
    array.itemsize = property(lambda self: self.aval.dtype.itemsize)
    array.sharding = property(lambda self: self._sharding)
    array.device = property(_device)
    array.devices = _devices
    array.addressable_data = _addressable_data
    array.addressable_shards = property(shards)
    array.global_shards = property(global_shards)
    array.is_fully_addressable = property(
        lambda self: _shardings.is_fully_addressable(self._sharding)
    )
    array.is_fully_replicated = property(
        lambda self: _shardings.is_fully_replicated(self._sharding)
    )
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

"""Meshes, and arrays made part by part on the devices of one."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import _backend
from .._backend import ArrayImpl, AxisType, Mesh
from .._ir import array_type, as_integers, dtypes, type_error, value_error
from .._tracing import as_array, as_sharding, typeof


def make_mesh(
    axis_shapes: Sequence[int],
    axis_names: Sequence[str],
    axis_types: Sequence[AxisType] | None = None,
    *,
    devices: Sequence[Any] | None = None,
) -> Mesh:
    """A mesh of devices with axes of these sizes and names.

    On TPUs, devices are ordered by how they are linked where the sizes allow it
    (`experimental.mesh_utils.create_device_mesh`).

    Args:
        axis_shapes: sizes of the axes; their product is the number of devices.
        axis_names: their names.
        axis_types: `AxisType.Auto` for each axis, or None; there are no other ones.
        devices: those to take; by default the first of `dolmen.core.devices()`.

    Raises:
        ValueError: there are fewer devices than wanted, or `devices` has another number
            of them.

    Example:
        >>> import dolmen.core as dc
        >>> dc.make_mesh((1, 1), ("data", "model"))
        Mesh('data': 1, 'model': 1)
    """
    sizes = as_integers("make_mesh", "axis_shapes", axis_shapes)
    if any(size < 1 for size in sizes):
        raise value_error(f"make_mesh: `axis_shapes` must be positive, got {sizes}.")
    wanted = math.prod(sizes)
    known = _backend.devices() if devices is None else list(devices)
    if wanted > len(known) or (devices is not None and wanted != len(known)):
        raise value_error(
            f"make_mesh: axes of {sizes} are {wanted} devices, got {len(known)}.",
            "On the CPU, `config.update('num_cpu_devices', n)` before the first array "
            "makes n of them.",
        )
    chosen = _backend.arranged(known[:wanted], sizes)
    return Mesh(chosen, tuple(axis_names), axis_types)


def make_array_from_callback(
    shape: Sequence[int],
    sharding: Any,
    data_callback: Callable[[tuple[slice, ...]], Any],
    dtype: Any = None,
) -> Any:
    """An array whose parts a function gives, one for each device of this process.

    Args:
        shape: of the whole array.
        sharding: how it is laid out.
        data_callback: gets the index of a part, one slice for each axis, and returns
            the part. It is called once for each different part.
        dtype: of the array; None for that of the first part.

    Raises:
        ValueError: a part has another shape than its index, or an axis can't be split
            evenly.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> rows = dc.NamedSharding(dc.make_mesh((1,), ("data",)), dc.P("data"))
        >>> table = np.arange(4.0)
        >>> dc.make_array_from_callback((4,), rows, lambda index: table[index])
        Array([0., 1., 2., 3.], dtype=float32)
    """
    sizes = tuple(int(size) for size in shape)
    placed = as_sharding(sharding, "make_array_from_callback: sharding")
    wanted = None if dtype is None else _dtype("make_array_from_callback", dtype)
    part_shape = placed.shard_shape(sizes)

    def part_at(index: tuple[slice, ...]) -> np.ndarray:
        nonlocal wanted
        value = as_array(data_callback(index))
        wanted = wanted or typeof(value).dtype
        part = np.asarray(value).astype(wanted, copy=False)
        if part.shape != part_shape:
            raise value_error(
                f"make_array_from_callback: data_callback({index!r}) must return a "
                f"part of shape {part_shape}, got {part.shape}.",
            )
        return part

    parts = _backend.put_parts(placed, sizes, part_at)
    return _backend.assemble(array_type(sizes, parts[0].dtype), placed, parts)


def make_array_from_process_local_data(
    sharding: Any, local_data: Any, global_shape: Sequence[int] | None = None
) -> Any:
    """An array from the part of its data that this process has.

    Args:
        sharding: how the array is laid out.
        local_data: what the devices of this process hold together, as a NumPy array.
        global_shape: shape of the whole array. By default every axis that is split over
            processes has as many elements for each as `local_data`.

    Raises:
        ValueError: `local_data` does not have the shape of what this process's devices
            hold together.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> rows = dc.NamedSharding(dc.make_mesh((1,), ("data",)), dc.P("data"))
        >>> dc.make_array_from_process_local_data(rows, np.zeros((2, 3))).shape
        (2, 3)
    """
    function = "make_array_from_process_local_data"
    placed = as_sharding(sharding, f"{function}: sharding")
    local = np.asarray(local_data)
    if global_shape is None:
        sizes = _global_shape(placed, local.shape)
    else:
        sizes = tuple(int(size) for size in global_shape)
    spans = _spans(placed.addressable_devices_indices_map(sizes).values(), sizes)
    held = tuple(stop - start for start, stop in spans)
    if local.shape == sizes:  # every process may have all of it
        spans, held = [(0, size) for size in sizes], sizes
    if local.shape != held:
        raise value_error(
            f"{function}: the devices of this process hold a part of shape {held} of "
            f"an array of {sizes}, got local_data of {local.shape}.",
        )

    def part(index: tuple[slice, ...]) -> np.ndarray:
        inside = [
            s if s.start is None else slice(s.start - start, s.stop - start)
            for s, (start, _) in zip(index, spans, strict=True)
        ]
        return local[tuple(inside)]

    return make_array_from_callback(sizes, placed, part, typeof(local).dtype)


def _spans(indices: Any, shape: tuple[int, ...]) -> list[tuple[int, int]]:
    """From where to where parts reach together, in each axis."""
    bounds = [
        [(part.start or 0, size if part.stop is None else part.stop) for part in parts]
        for parts, size in zip(zip(*indices, strict=True), shape, strict=True)
    ]
    return [(min(b)[0], max(stop for _, stop in b)) for b in bounds]


def _global_shape(sharding: Any, local: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of the whole array, of which this process has a part of shape `local`."""
    counts = tuple(_backend.parts_of_axes(sharding, len(local)))
    # An index map of one element for each part says which parts are this process's.
    here = _spans(sharding.addressable_devices_indices_map(counts).values(), counts)
    return tuple(
        size * count // (stop - start)
        for size, count, (start, stop) in zip(local, counts, here, strict=True)
    )


def make_array_from_single_device_arrays(
    shape: Sequence[int],
    sharding: Any,
    arrays: Sequence[Any],
    *,
    dtype: Any = None,
) -> Any:
    """An array whose parts are there already; nothing is copied.

    Args:
        shape: of the whole array.
        sharding: how it is laid out.
        arrays: the parts on the devices of this process, in any order.
        dtype: of the array, wanted if this process has no part.

    Raises:
        TypeError: an entry is no array on a single device.
        ValueError: a part is missing, is on a device where none is expected, or has
            another shape or dtype.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> rows = dc.NamedSharding(dc.make_mesh((1,), ("data",)), dc.P("data"))
        >>> dc.make_array_from_single_device_arrays((2,), rows, [jnp.ones(2)])
        Array([1., 1.], dtype=float32)
    """
    function = "make_array_from_single_device_arrays"
    sizes = tuple(int(size) for size in shape)
    placed = as_sharding(sharding, f"{function}: sharding")
    for index, part in enumerate(arrays):
        single = isinstance(part, ArrayImpl) and len(part.devices()) == 1
        if not single:
            raise type_error(
                f"{function}: arrays[{index}] must be an array on a single device, got "
                f"{part!r:.60}.",
            )
    by_device = {next(iter(part.devices())): part for part in arrays}
    wanted = placed.addressable_devices_indices_map(sizes)
    if set(by_device) != set(wanted) or len(by_device) != len(arrays):
        raise value_error(
            f"{function}: expected a part on each of the devices "
            f"{', '.join(map(str, wanted))}, got parts on "
            f"{', '.join(str(part.device) for part in arrays)}.",
        )
    parts = [by_device[device] for device in wanted]
    made = parts[0].dtype if dtype is None else _dtype(function, dtype)
    part_shape = placed.shard_shape(sizes)
    for part in parts:
        if part.shape != part_shape or part.dtype != made:
            raise value_error(
                f"{function}: expected parts of shape {part_shape} and dtype {made}, "
                f"got one of {part.shape} and {part.dtype} on {part.device}.",
            )
    return _backend.assemble(array_type(sizes, made), placed, parts)


def _dtype(function: str, dtype: Any) -> Any:
    return dtypes.canonical(dtypes.as_dtype(dtype, function=function))

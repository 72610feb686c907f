"""Arrays of devices for meshes, ordered by how the devices are linked."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .._backend import arranged, axes_of_grid, devices as all_devices, on_grid
from .._ir import value_error

__all__ = ["create_device_mesh", "create_hybrid_device_mesh"]
__dir__ = __all__.copy


def create_device_mesh(
    mesh_shape: Sequence[int],
    devices: Sequence[Any] | None = None,
    *,
    contiguous_submeshes: bool = False,
    allow_split_physical_axes: bool = False,
) -> np.ndarray:
    """Devices for a mesh of this shape, as `make_mesh` orders them.

    On TPUs an axis of the mesh is made of whole axes of the grid that the chips sit on,
    so that its neighbors are linked; the largest axis gets the most.

    Args:
        mesh_shape: sizes of the axes.
        devices: those to order, by default all.
        contiguous_submeshes: accepted, as JAX does; it changes nothing.
        allow_split_physical_axes: take the order of the grid if no axes of it make up
            the shape.

    Returns:
        An array of devices of the shape.

    Raises:
        ValueError: the shape is for another number of devices.
        NotImplementedError: no axes of the grid make up the shape.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.experimental import mesh_utils
        >>> first = dc.devices()[:1]
        >>> mesh_utils.create_device_mesh((1, 1), first).shape
        (1, 1)
    """
    chosen = list(all_devices() if devices is None else devices)
    sizes = tuple(int(size) for size in mesh_shape)
    if math.prod(sizes) != len(chosen):
        raise value_error(
            f"create_device_mesh: a mesh of {sizes} has {math.prod(sizes)} devices, "
            f"got {len(chosen)}."
        )
    grid = on_grid(chosen)
    splits = grid is not None and axes_of_grid(grid.shape, sizes) is None
    if splits and not allow_split_physical_axes:
        assert grid is not None, "a grid is split"
        raise NotImplementedError(
            f"create_device_mesh: no axes of the grid {grid.shape} of chips make up a "
            f"mesh of {sizes}.\nChoose sizes that are products of those of the grid, "
            "or pass `allow_split_physical_axes=True`."
        )
    return arranged(chosen, sizes)


def create_hybrid_device_mesh(
    mesh_shape: Sequence[int],
    dcn_mesh_shape: Sequence[int],
    devices: Sequence[Any] | None = None,
    *,
    process_is_granule: bool = False,
    should_sort_granules_by_key: bool = True,
    allow_split_physical_axes: bool = False,
) -> np.ndarray:
    """Devices of several groups, fast links within each and slow ones between them.

    Args:
        mesh_shape: sizes of the mesh within a group.
        dcn_mesh_shape: sizes of the mesh of groups, for the same axes.
        devices: those to order, by default all.
        process_is_granule: a group is what a process has, rather than a slice.
        should_sort_granules_by_key: order groups by their number; otherwise as they
            come.
        allow_split_physical_axes: as in `create_device_mesh`.

    Returns:
        An array of devices; each size is the product of both. Along an axis the devices
        of a group stand together.

    Raises:
        ValueError: the shapes are of other numbers of axes, groups or devices.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.experimental import mesh_utils
        >>> first = dc.devices()[:1]
        >>> mesh_utils.create_hybrid_device_mesh((1, 1), (1, 1), first).shape
        (1, 1)
    """
    if len(mesh_shape) != len(dcn_mesh_shape):
        raise value_error(
            "create_hybrid_device_mesh: `mesh_shape` and `dcn_mesh_shape` must have as "
            f"many axes, got {tuple(mesh_shape)} and {tuple(dcn_mesh_shape)}."
        )
    chosen = list(all_devices() if devices is None else devices)
    number: Callable[[Any], Any] = (
        (lambda device: device.process_index)
        if process_is_granule
        else (lambda device: getattr(device, "slice_index", 0))
    )
    groups: dict[Any, list[Any]] = {}
    for device in chosen:
        groups.setdefault(number(device), []).append(device)
    keys = sorted(groups) if should_sort_granules_by_key else list(groups)
    if math.prod(dcn_mesh_shape) != len(keys):
        kind = "processes" if process_is_granule else "slices"
        raise value_error(
            f"create_hybrid_device_mesh: `dcn_mesh_shape` {tuple(dcn_mesh_shape)} is "
            f"{math.prod(dcn_mesh_shape)} groups, but there are {len(keys)} {kind}.",
            ""
            if process_is_granule
            else "Pass `process_is_granule=True` to make a group of each process.",
        )
    inner = [
        create_device_mesh(
            mesh_shape,
            groups[key],
            allow_split_physical_axes=allow_split_physical_axes,
        )
        for key in keys
    ]
    # Axes: those of the groups, then those within; then pairwise joined.
    whole = np.stack(inner).reshape(*dcn_mesh_shape, *mesh_shape)
    count = len(mesh_shape)
    order = [axis for pair in range(count) for axis in (pair, count + pair)]
    sizes = [a * b for a, b in zip(dcn_mesh_shape, mesh_shape, strict=True)]
    return whole.transpose(order).reshape(sizes)

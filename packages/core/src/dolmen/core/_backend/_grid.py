"""Which device goes where in a mesh: neighbors in it are to be neighbors on the wires.

Chips of a TPU sit on a grid of up to three axes, with fast links along them. An axis of
a mesh that is made of whole axes of the grid has these links to itself.
"""

import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np


def arranged(devices: Sequence[Any], sizes: Sequence[int]) -> np.ndarray:
    """Devices as an array of these sizes, whose product is their number.

    Those that don't say where they sit keep their order, as do those of a grid whose
    axes can't make up the sizes.
    """
    grid = on_grid(devices)
    if grid is None:
        flat = np.empty(len(devices), object)
        flat[:] = list(devices)
        return flat.reshape(tuple(sizes))
    axes = axes_of_grid(grid.shape, sizes)
    if axes is None:
        return grid.reshape(tuple(sizes))
    order = [axis for group in axes for axis in group]
    rest = [axis for axis in range(grid.ndim) if axis not in order]
    return grid.transpose(order + rest).reshape(tuple(sizes))


def on_grid(devices: Sequence[Any]) -> np.ndarray | None:
    """Devices where they sit; None if they don't say, or fill no block of the grid."""
    if not all(hasattr(device, "coords") for device in devices):
        return None
    places = np.array(
        [(*device.coords, getattr(device, "core_on_chip", 0)) for device in devices]
    )
    places -= places.min(0)
    shape = tuple(places.max(0) + 1)
    if math.prod(shape) != len(devices) or len(np.unique(places, axis=0)) < len(places):
        return None
    grid = np.empty(shape, object)
    for device, place in zip(devices, places, strict=True):
        grid[tuple(place)] = device
    return grid


def axes_of_grid(
    grid: Sequence[int], sizes: Sequence[int]
) -> list[tuple[int, ...]] | None:
    """For each size the axes of the grid that make it up; None if none do.

    The largest size is served first, and gets as many axes as it can: each has links of
    its own.
    """
    found: list[tuple[int, ...]] = [() for _ in sizes]
    wanted = sorted(range(len(sizes)), key=lambda index: -sizes[index])

    def assign(position: int, free: tuple[int, ...]) -> bool:
        if position == len(wanted):
            return all(grid[axis] == 1 for axis in free)
        index = wanted[position]
        for group in _groups(grid, free, sizes[index]):
            found[index] = group
            if assign(position + 1, tuple(a for a in free if a not in group)):
                return True
        return False

    return found if assign(0, tuple(range(len(grid)))) else None


def _groups(
    grid: Sequence[int], free: Sequence[int], size: int
) -> Iterator[tuple[int, ...]]:
    """Axes, each longer than one, that are `size` together; the most axes first."""
    longer = [axis for axis in free if grid[axis] > 1]
    for count in range(len(longer), -1, -1):
        for group in itertools.combinations(longer, count):
            if math.prod(grid[axis] for axis in group) == size:
                yield group

"""Programs that each device runs by itself, on its own part of the arrays.

Inside, the compiler divides nothing along the *manual* axes of the mesh; devices
exchange values where the program says so (`psum` and the like).
"""

import dataclasses
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from .._backend import PartitionSpec, _mlir as mlir


@dataclasses.dataclass(frozen=True)
class Manual:
    """Along which axes of a mesh devices run by themselves, where something is lowered.

    Attributes:
        mesh: the mesh.
        axes: its manual axes.
        devices: those of the whole program, in the order of their numbers in it.
    """

    mesh: Any
    axes: frozenset[str]
    devices: tuple[Any, ...]

    @property
    def is_full(self) -> bool:
        """Whether all axes are manual."""
        return self.axes.issuperset(self.mesh.axis_names)

    def size(self, names: Collection[str]) -> int:
        """How many devices there are along these axes together."""
        return math.prod(self.mesh.shape[name] for name in names)

    def numbers(self) -> np.ndarray:
        """The number that each device of the mesh has in the program."""
        number = {device: index for index, device in enumerate(self.devices)}
        flat = [number[device] for device in self.mesh.devices.flat]
        return np.array(flat, np.int64).reshape(self.mesh.devices.shape)

    def groups(self, names: Sequence[str]) -> np.ndarray:
        """Numbers of devices that differ along these axes only, a row for each group.

        In a row the first axis varies slowest.
        """
        axes = [self.mesh.axis_names.index(name) for name in names]
        rest = [axis for axis in range(len(self.mesh.axis_names)) if axis not in axes]
        return self.numbers().transpose(*rest, *axes).reshape(-1, self.size(names))


def open_elsewhere(spec: Any, ndim: int) -> Any:
    """`spec` with the axes it leaves whole left to the compiler."""
    parts = [*spec, *[None] * (ndim - len(spec))]
    free = PartitionSpec.UNCONSTRAINED
    return PartitionSpec(*[free if part is None else part for part in parts])


def manual_axes_attribute(names: Sequence[str]) -> Any:
    """The names of axes as the dialect writes them."""
    quoted = ", ".join(f'"{name}"' for name in names)
    return mlir.sharding(f"#sdy<manual_axes{{{quoted}}}>")

"""Programs that each device runs by itself, on its own part of the arrays.

Inside, the compiler divides nothing along the *manual* axes of the mesh; devices
exchange values where the program says so (`psum` and the like).
"""

import dataclasses
import functools
import math
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from ._partition import numbers_of


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

    @functools.cached_property
    def numbers(self) -> np.ndarray:
        """The number that each device of the mesh has in the program."""
        flat = numbers_of(self.mesh, self.devices)
        return np.array(flat, np.int64).reshape(self.mesh.devices.shape)

    def groups(self, names: Sequence[str]) -> np.ndarray:
        """Numbers of devices that differ along these axes only, a row for each group.

        In a row the first axis varies slowest.
        """
        axes = [self.mesh.axis_names.index(name) for name in names]
        rest = [axis for axis in range(len(self.mesh.axis_names)) if axis not in axes]
        return self.numbers.transpose(*rest, *axes).reshape(-1, self.size(names))

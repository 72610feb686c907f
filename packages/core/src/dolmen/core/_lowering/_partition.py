"""Programs that run on several devices at once, each on its part of the arrays.

The compiler (Shardy, in XLA) splits a program. It is told over which mesh, how
arguments are laid out, and how results and values inside are where somebody said it
(`out_shardings`, `with_sharding_constraint`); it decides on the rest and inserts the
communication.
"""

import dataclasses
from collections.abc import Sequence
from typing import Any

from .. import _backend
from .._backend import _mlir as mlir
from .._ir import ArrayType


@dataclasses.dataclass(frozen=True)
class Partition:
    """How a program is laid out over devices.

    Attributes:
        mesh: of the devices, numbered in its order; shardings that the compiler chooses
            are expressed with it.
        inputs: a sharding for each input.
        outputs: a sharding for each output; None leaves it to the compiler.
    """

    mesh: _backend.Mesh
    inputs: tuple[Any, ...]
    outputs: tuple[Any, ...]

    @property
    def devices(self) -> tuple[Any, ...]:
        """In the order in which the program numbers them."""
        return tuple(self.mesh.devices.flat)

    def of_outputs(self, loaded: Any, ranks: Sequence[int]) -> tuple[Any, ...]:
        """A sharding for each output of a compiled program.

        Raises:
            NotImplementedError: the compiler chose one that a mesh in the order of the
                devices can't express.
        """
        if all(map(_is_settled, self.outputs)):
            return self.outputs
        chosen = loaded.get_output_shardings()
        found = []
        for index, (given, ndim) in enumerate(zip(self.outputs, ranks, strict=True)):
            if _is_settled(given):
                found.append(given)
                continue
            hlo = None if chosen is None else _backend.hlo_sharding_of(chosen[index])
            found.append(self._named(hlo, ndim))
        return tuple(found)

    def _named(self, hlo: Any, ndim: int) -> Any:
        if hlo is None:
            return _backend.whole_on(self.mesh)
        found = _backend.named_sharding(self.mesh, hlo, ndim)
        if found is None:
            found = _backend.grid_sharding(self.devices, hlo, ndim)
        if found is None:
            raise NotImplementedError(
                f"the compiler laid a result out as {hlo}, which no sharding over "
                f"{self.mesh!r} is. Give `out_shardings`."
            )
        return found


def _is_settled(sharding: Any) -> bool:
    return sharding is not None and not _backend.is_open(sharding)


def sharding_attribute(mesh_name: str, spec: Any, ndim: int) -> Any:
    """A specification over the mesh of that name in the module."""
    return mlir.sharding(f"#sdy.sharding{_over_mesh(mesh_name, spec, ndim)}")


def sharding_per_value(mesh_name: str, values: Sequence[tuple[Any, ArrayType]]) -> Any:
    """Specifications of several values over the mesh of that name."""
    each = [_over_mesh(mesh_name, spec, type.ndim) for spec, type in values]
    return mlir.sharding(f"#sdy.sharding_per_value<[{', '.join(each)}]>")


def _over_mesh(mesh_name: str, spec: Any, ndim: int) -> str:
    parts = []
    for part in (*spec, *[None] * (ndim - len(spec))):
        free = part is _backend.PartitionSpec.UNCONSTRAINED
        listed = ", ".join(map(_quoted, _backend.axes_of_part(part)))
        parts.append("{?}" if free else f"{{{listed}}}")
    return f"<@{mesh_name}, [{', '.join(parts)}]>"


def mesh_attribute(mesh: Any, devices: Sequence[Any]) -> Any:
    """A mesh of devices, by their numbers in the program."""
    axes = ", ".join(f"{_quoted(name)}={size}" for name, size in mesh.shape_tuple)
    order = numbers_of(mesh, devices)
    in_order = order == list(range(len(devices)))
    ids = "" if in_order else f", device_ids={order}"
    return mlir.sharding(f"#sdy.mesh<[{axes}]{ids}>")


def numbers_of(mesh: Any, devices: Sequence[Any]) -> list[int]:
    """The number in the program of each device of a mesh, in the order of the mesh."""
    number = {device: index for index, device in enumerate(devices)}
    return [number[device] for device in mesh.devices.flat]


def open_elsewhere(spec: Any, ndim: int) -> Any:
    """`spec` with the axes it leaves whole left to the compiler."""
    free = _backend.PartitionSpec.UNCONSTRAINED
    parts = [*spec, *[None] * (ndim - len(spec))]
    return _backend.PartitionSpec(*[free if part is None else part for part in parts])


def manual_axes_attribute(names: Sequence[str]) -> Any:
    """The names of axes as the dialect writes them."""
    return mlir.sharding(f"#sdy<manual_axes{{{', '.join(map(_quoted, names))}}}>")


def _quoted(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

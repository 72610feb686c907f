"""Training on several devices, each of which takes a part of every batch.

All devices hold the parameters. Each holds, and updates, only its part of the
optimizer's moments. The program is the one for a single device: where its arrays are is
all that it is told, and the compiler adds the sums over devices.
"""

from typing import Any

import dolmen.core as dc
from dolmen.core.sharding import Mesh, NamedSharding, PartitionSpec as P

from .config import UsageError


class Layout:
    """Where the arrays of a run are.

    Args:
        count: how many devices it takes.

    Attributes:
        mesh: of the devices, with the axis ``data``; None if it is one.

    Raises:
        UsageError: there are fewer devices.
    """

    def __init__(self, count: int) -> None:
        self.mesh: Mesh | None = None
        if count > 1:
            self.mesh = _mesh(count)

    def whole(self, values: Any) -> Any:
        """A tree of arrays, all of it on every device."""
        return self._put(values, P())

    def split(self, batch: Any) -> Any:
        """A batch, the same number of its rows on every device."""
        return self._put(batch, P("data"))

    def _put(self, values: Any, spec: P) -> Any:
        if self.mesh is None:
            return values
        return dc.device_put(values, NamedSharding(self.mesh, spec))


def _mesh(count: int) -> Mesh:
    if dc.config.num_cpu_devices is None:
        # Processors are as many devices as one says, before the first array.
        dc.config.update("num_cpu_devices", count)
    if len(dc.devices()) < count:
        raise UsageError(
            f"--devices: expected at most {len(dc.devices())}, as many as there are, "
            f"got {count}."
        )
    return dc.make_mesh((count,), ("data",))

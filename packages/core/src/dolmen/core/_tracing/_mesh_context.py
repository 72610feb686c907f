"""The mesh of the code that runs: what a `PartitionSpec` alone is about."""

from typing import Any

from .. import _backend
from .._backend import Mesh, flags
from .._ir import message, type_error


def get_mesh() -> Mesh | None:
    """The mesh that `set_mesh` or a `with mesh:` block has made the current one.

    Example:
        >>> import dolmen.core as dc
        >>> from dolmen.core.sharding import get_mesh, set_mesh
        >>> with set_mesh(dc.make_mesh((1,), ("data",))):
        ...     get_mesh()
        Mesh('data': 1)
    """
    return flags.current_mesh()


class set_mesh:
    """Make a mesh the current one of this thread, for good or for a `with` block.

    Then `PartitionSpec` alone is enough where a sharding is wanted.

    Args:
        mesh: a `Mesh`; None for none.

    Raises:
        TypeError: it is none.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> mesh = dc.make_mesh((1,), ("data",))
        >>> with dc.set_mesh(mesh):
        ...     dc.device_put(jnp.zeros(4), dc.P("data")).sharding.spec
        P('data')
    """

    def __init__(self, mesh: Mesh | None) -> None:
        if mesh is not None and not isinstance(mesh, Mesh):
            raise type_error(f"set_mesh: expected a Mesh or None, got {mesh!r:.60}.")
        self._mesh = mesh
        self._before = flags.swap_mesh(mesh)

    def __enter__(self) -> Mesh | None:
        return self._mesh

    def __exit__(self, *_: Any) -> None:
        flags.swap_mesh(self._before)


def as_sharding(given: Any, what: str) -> Any:
    """The sharding that a user means: itself, or a `PartitionSpec` over this mesh.

    Args:
        what: function and argument, for messages.

    Raises:
        TypeError: it is none.
        ValueError: it is a specification, and there is no current mesh; or the mesh
            has not the axes that it names.
    """
    if isinstance(given, _backend.Sharding):
        return given
    if isinstance(given, _backend.Device):
        return _backend.device_sharding(given)
    if not isinstance(given, _backend.PartitionSpec):
        raise type_error(
            f"{what} must be a sharding, a PartitionSpec or None, got {given!r:.80}.",
            "Write `NamedSharding(mesh, PartitionSpec(...))` for several devices, "
            "`SingleDeviceSharding(device)` for one.",
        )
    mesh = get_mesh()
    if mesh is None:
        raise ValueError(
            message(
                f"{what} is {given!r}, but there is no current mesh that it is about.",
                "Write `NamedSharding(mesh, spec)`, or put the call in a "
                "`with set_mesh(mesh):` block.",
            )
        )
    try:
        return _backend.NamedSharding(mesh, given)
    except ValueError as error:
        raise ValueError(message(f"{what}: {error}")) from None

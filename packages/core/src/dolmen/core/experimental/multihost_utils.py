"""What programs of several processes need besides: agreeing, gathering, waiting.

Every process has to call each function, with the same trees of the same types. In a
process that is alone they work too.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .._backend import (
    Mesh,
    NamedSharding,
    PartitionSpec,
    local_devices,
    part_of,
    process_count,
    process_index,
    whole_of,
)
from .._higher_order import (
    jit,
    make_array_from_process_local_data,
    make_array_from_single_device_arrays,
)
from .._ir import message, type_error, value_error
from .._ops._reductions import reduce_or, reduce_sum
from .._settings import enable_x64
from .._transforms._trees import flatten, flatten_with_path, path_text, spread_prefix

__all__ = [
    "assert_equal",
    "broadcast_one_to_all",
    "global_array_to_host_local_array",
    "host_local_array_to_global_array",
    "process_allgather",
    "sync_global_devices",
]
__dir__ = __all__.copy

_MAX_NAME = 256


def process_allgather(in_tree: Any, tiled: bool = False) -> Any:
    """The values of all processes, in each of them.

    Args:
        in_tree: arrays of this process; or arrays over the devices of all processes,
            which are gathered as they are and need `tiled`.
        tiled: join along the first axis instead of making a new one.

    Returns:
        NumPy arrays with a row for each process, or joined.

    Raises:
        ValueError: an array of all processes is given without `tiled`.

    Example:
        >>> import numpy as np
        >>> from dolmen.core.experimental import multihost_utils
        >>> multihost_utils.process_allgather(np.array([1, 2]))
        array([[1, 2]])
    """
    leaves, tree = flatten(in_tree)
    return tree.unflatten([_gathered(leaf, tiled) for leaf in leaves])


def _gathered(leaf: Any, tiled: bool) -> np.ndarray:
    if not getattr(leaf, "is_fully_addressable", True):
        if not tiled:
            raise value_error(
                f"process_allgather: {leaf!r} is one array of all processes, so that "
                "there is nothing to stack.",
                "Pass `tiled=True` to get it whole.",
            )
        return np.asarray(_replicated(leaf, leaf.sharding.mesh))
    mine = np.asarray(leaf)
    if not tiled or mine.ndim == 0:
        mine = mine[None]
    with enable_x64(True):  # whatever the host has goes through unchanged
        return np.asarray(_replicated(_row_of_all(mine), _mesh_of_processes()))


def _mesh_of_processes() -> Mesh:
    """A row of devices for each process."""
    rows = [local_devices(process) for process in range(process_count())]
    size = min(map(len, rows))
    grid = np.array([row[:size] for row in rows], object)
    return Mesh(grid, ("process", "device"))


def _row_of_all(mine: np.ndarray) -> Any:
    """The arrays of all processes, joined along the first axis."""
    sharding = NamedSharding(_mesh_of_processes(), PartitionSpec("process"))
    shape = (process_count() * mine.shape[0], *mine.shape[1:])
    return make_array_from_process_local_data(sharding, mine, shape)


def _replicated(array: Any, mesh: Mesh) -> Any:
    return jit(lambda x: x, out_shardings=NamedSharding(mesh, PartitionSpec()))(array)


def broadcast_one_to_all(in_tree: Any, is_source: bool | None = None) -> Any:
    """The values of one process, in all of them.

    Args:
        in_tree: arrays. Those of other processes only say shapes and dtypes.
        is_source: whether this process is the one; by default the first is.

    Returns:
        NumPy arrays.

    Example:
        >>> import numpy as np
        >>> from dolmen.core.experimental import multihost_utils
        >>> multihost_utils.broadcast_one_to_all(np.array([1, 2]))
        array([1, 2])
    """
    sends = process_index() == 0 if is_source is None else is_source
    leaves, tree = flatten(in_tree)

    def sent(leaf: Any) -> np.ndarray:
        mine = np.asarray(leaf)
        add = reduce_or if mine.dtype == bool else reduce_sum
        whole = NamedSharding(_mesh_of_processes(), PartitionSpec())
        with enable_x64(True):
            rows = _row_of_all((mine if sends else np.zeros_like(mine))[None])
            return np.asarray(jit(lambda x: add(x, (0,)), out_shardings=whole)(rows))

    return tree.unflatten([sent(leaf) for leaf in leaves])


def sync_global_devices(name: str) -> None:
    """Wait until all processes have called this.

    Args:
        name: of the place in the program.

    Raises:
        RuntimeError: they are at different places.

    Example:
        >>> from dolmen.core.experimental import multihost_utils
        >>> multihost_utils.sync_global_devices("the end of the epoch")
    """
    encoded = name.encode()[:_MAX_NAME]
    padded = np.zeros(_MAX_NAME, np.uint8)
    padded[: len(encoded)] = np.frombuffer(encoded, np.uint8)
    names = [
        bytes(row).rstrip(b"\0").decode(errors="replace")
        for row in process_allgather(padded)
    ]
    if len(set(names)) > 1:
        places = "\n".join(f"  process {i}: {text!r}" for i, text in enumerate(names))
        raise RuntimeError(
            message(
                "sync_global_devices: the processes wait for each other at different "
                f"places of the program:\n{places}",
                "Have all of them run the same program, with the same decisions.",
            )
        )


def assert_equal(in_tree: Any, fail_message: str = "") -> None:
    """Raise unless all processes have the same values.

    Args:
        in_tree: arrays of this process.
        fail_message: what the error begins with.

    Raises:
        AssertionError: they differ; the message says where.

    Example:
        >>> from dolmen.core.experimental import multihost_utils
        >>> multihost_utils.assert_equal({"step": 3})
    """
    first = flatten(broadcast_one_to_all(in_tree))[0]
    pairs = zip(flatten_with_path(in_tree)[0], first, strict=True)
    different = [
        f"  in_tree{path_text(path)}: {np.asarray(leaf)!r} here, {expected!r} there"
        for (path, leaf), expected in pairs
        if not np.array_equal(np.asarray(leaf), expected, equal_nan=_may_be_nan(leaf))
    ]
    # All have to know, so that all raise.
    found = process_allgather(np.int32(len(different)))
    if not found.any():
        return
    where = ", ".join(map(str, np.flatnonzero(found)))
    begin = fail_message or "assert_equal: the processes have different values."
    raise AssertionError(
        "\n".join([f"{begin} Those of process 0 differ in: {where}.", *different])
    )


def _may_be_nan(leaf: Any) -> bool:
    return np.asarray(leaf).dtype.kind in "fc"


def host_local_array_to_global_array(
    local_inputs: Any, global_mesh: Mesh, pspecs: Any
) -> Any:
    """Arrays of all processes, from the parts that each has.

    Args:
        local_inputs: what the devices of this process hold together, as arrays.
        global_mesh: the mesh of all processes' devices.
        pspecs: a `PartitionSpec` for each array, or a tree of them, a prefix.

    Returns:
        Arrays over the mesh.

    Raises:
        ValueError: a part has a shape that doesn't fit.

    Example:
        >>> import dolmen.core as dc, numpy as np
        >>> from dolmen.core.experimental import multihost_utils
        >>> mesh = dc.make_mesh((1,), ("data",))
        >>> multihost_utils.host_local_array_to_global_array(
        ...     np.arange(4.0), mesh, dc.P("data")).sharding.spec
        P('data')
    """
    leaves, tree = flatten(local_inputs)
    specs = _specs("host_local_array_to_global_array", pspecs, local_inputs)
    return tree.unflatten(
        [
            make_array_from_process_local_data(NamedSharding(global_mesh, spec), leaf)
            for leaf, spec in zip(leaves, specs, strict=True)
        ]
    )


def global_array_to_host_local_array(
    global_inputs: Any, global_mesh: Mesh, pspecs: Any
) -> Any:
    """What this process has of arrays of all processes, as arrays of its own.

    Args:
        global_inputs: arrays over the mesh.
        global_mesh: the mesh of all processes' devices.
        pspecs: a `PartitionSpec` for each array, or a tree of them, a prefix: how it is
            laid out, before and after.

    Returns:
        Arrays over the part of the mesh that this process has.

    Raises:
        ValueError: this process's devices form no block of the mesh.

    Example:
        >>> import dolmen.core as dc, dolmen.core.numpy as jnp
        >>> from dolmen.core.experimental import multihost_utils
        >>> mesh = dc.make_mesh((1,), ("data",))
        >>> x = dc.device_put(jnp.arange(4.0), dc.NamedSharding(mesh, dc.P("data")))
        >>> multihost_utils.global_array_to_host_local_array(x, mesh, dc.P("data"))
        Array([0., 1., 2., 3.], dtype=float32)
    """
    leaves, tree = flatten(global_inputs)
    specs = _specs("global_array_to_host_local_array", pspecs, global_inputs)
    mesh = _local_part(global_mesh)

    def local(leaf: Any, spec: Any) -> Any:
        wanted = NamedSharding(global_mesh, spec)
        if not leaf.sharding.is_equivalent_to(wanted, leaf.ndim):
            leaf = jit(lambda x: x, out_shardings=wanted)(leaf)
        here = NamedSharding(mesh, spec)
        shape = whole_of(here, part_of(wanted, leaf.shape))
        shards = [shard.data for shard in leaf.addressable_shards]
        return make_array_from_single_device_arrays(shape, here, shards)

    return tree.unflatten(
        [local(leaf, spec) for leaf, spec in zip(leaves, specs, strict=True)]
    )


def _local_part(mesh: Mesh) -> Mesh:
    """The block of a mesh that this process has."""
    mine = set(mesh.local_devices)
    here = np.array([device in mine for device in mesh.devices.flat])
    places = np.nonzero(here.reshape(mesh.devices.shape))
    block = mesh.devices[np.ix_(*map(np.unique, places))]
    if block.size != here.sum():
        raise value_error(
            f"global_array_to_host_local_array: this process's devices form no block "
            f"of {mesh!r}.",
            "Order the devices of the mesh by process.",
        )
    return Mesh(block, mesh.axis_names)


def _specs(function: str, specs: Any, full: Any) -> Sequence[Any]:
    spread = spread_prefix(
        specs, full, f"{function}: pspecs", name="pspecs", leaf="a PartitionSpec"
    )
    for place, spec in spread:
        if not isinstance(spec, PartitionSpec):
            raise type_error(
                f"{function}: {place} must be a PartitionSpec, got {spec!r:.60}."
            )
    return [spec for _, spec in spread]

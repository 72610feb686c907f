"""Several processes, on one machine or many, as one system.

Each process calls `initialize` before it uses a device. Then `devices()` are those of
all of them, a mesh may span them, and the same program, run by every process, computes
together. `experimental.multihost_utils` has what such programs need besides.

Example of a program that two processes run, each with its own ``process_id``::

    import dolmen.core as dc
    dc.distributed.initialize("10.0.0.1:1234", num_processes=2, process_id=0)
    mesh = dc.make_mesh((dc.device_count(),), ("data",))
"""

from collections.abc import Sequence

from ._backend import (
    JaxRuntimeError,
    _clusters as clusters,
    _distributed as membership,
    flags,
)
from ._ir import message, value_error

__all__ = ["initialize", "is_initialized", "shutdown"]
__dir__ = __all__.copy


def initialize(
    coordinator_address: str | None = None,
    num_processes: int | None = None,
    process_id: int | None = None,
    local_device_ids: int | Sequence[int] | None = None,
    cluster_detection_method: str | None = None,
    initialization_timeout: int = 300,
    heartbeat_timeout_seconds: int = 100,
    shutdown_timeout_seconds: int = 300,
    coordinator_bind_address: str | None = None,
    slice_index: int | None = None,
    partition_index: int | None = None,
) -> None:
    """Make this process one of several.

    What is not given is looked for: in the environment variables
    `DOLMEN_COORDINATOR_ADDRESS`, `DOLMEN_NUM_PROCESSES`, `DOLMEN_PROCESS_ID` and
    `DOLMEN_LOCAL_DEVICE_IDS`, then in those that Slurm, Open MPI's ``mpirun`` and GKE
    on hosts of TPUs set.

    Args:
        coordinator_address: ``host:port`` of the first process, which all can reach.
        num_processes: how many processes there are.
        process_id: the number of this one, from 0.
        local_device_ids: which of this machine's accelerators it takes; by default all,
            or under Slurm and Open MPI one for each process of the machine.
        cluster_detection_method: where to look: `"slurm"`, `"ompi"`, `"tpu"`,
            `"mpi4py"` (which starts MPI), or `"deactivate"`. By default the first
            three.
        initialization_timeout: how long to wait for the others, in seconds.
        heartbeat_timeout_seconds: after how long without a sign of life a process
            counts as dead. Then all end.
        shutdown_timeout_seconds: how long to wait for the others at the end.
        coordinator_bind_address: where the first process listens, by default at the
            port of the coordinator on all addresses.
        slice_index: must be None.
        partition_index: must be None.

    Raises:
        RuntimeError: it was called before, or after a device was used; or nothing
            listens at the address. (If some processes don't come in time, XLA ends the
            others and says on standard error which are missing.)
        ValueError: an argument is missing and nothing says what it is, or is wrong.
    """
    if is_initialized():
        raise RuntimeError(
            message(
                "distributed.initialize: this process is already number "
                f"{membership.MEMBERSHIP.process_id} of "
                f"{membership.MEMBERSHIP.num_processes}.",
                "Call it once, at the start of the program.",
            )
        )
    if flags.CLIENT.started:
        raise RuntimeError(
            message(
                "distributed.initialize: it is too late, the devices of this process "
                "alone are in use already.",
                "Call it before anything that makes an array or asks for devices.",
            )
        )
    for name, given in {"slice": slice_index, "partition": partition_index}.items():
        if given is not None:
            raise NotImplementedError(
                f"distributed.initialize: expected {name}_index=None, got {given!r}: "
                f"systems of several {name}s are not supported."
            )
    place = _place(
        clusters.Place(
            coordinator_address,
            num_processes,
            process_id,
            (local_device_ids,)
            if isinstance(local_device_ids, int)
            else None
            if local_device_ids is None
            else tuple(local_device_ids),
        ),
        cluster_detection_method,
    )
    address, count, number, ids = place
    assert address is not None, "`_place` fills it in"
    assert count is not None, "`_place` fills it in"
    assert number is not None, "`_place` fills it in"
    port = address.rpartition(":")[2]
    if not port.isdigit():
        raise value_error(
            f"distributed.initialize: expected `coordinator_address` to be host:port, "
            f"got {address!r}."
        )
    if not 0 <= number < count:
        raise value_error(
            f"distributed.initialize: `process_id` must be between 0 and {count - 1}, "
            f"got {number}, of {count} processes."
        )
    try:
        membership.join(
            address,
            coordinator_bind_address or f"[::]:{port}",
            count,
            number,
            ids,
            initialization_timeout=initialization_timeout,
            heartbeat_timeout=heartbeat_timeout_seconds,
            shutdown_timeout=shutdown_timeout_seconds,
        )
    except (JaxRuntimeError, TimeoutError) as error:
        problem = str(error).splitlines()[0]
    else:
        return
    raise RuntimeError(
        message(
            f"distributed.initialize: process {number} of {count} waited "
            f"{initialization_timeout} s for the others at {address}: {problem}.",
            "Do all processes run, with the same address and number of processes and "
            "each with its own `process_id`, and can they reach that address?",
        )
    )


def _place(given: clusters.Place, method: str | None) -> clusters.Place:
    """What was given, completed by what the environment says.

    Raises:
        ValueError: something is missing, or `method` is unknown.
    """
    known = (*clusters.METHODS, "deactivate", None)
    if method not in known:
        raise value_error(
            "distributed.initialize: `cluster_detection_method` must be one of "
            f"{', '.join(map(repr, known))}, got {method!r}."
        )
    place = _completed(given, clusters.from_variables())
    if method != "deactivate" and None in place[:3]:
        place = _completed(place, clusters.detect(method))
    if place.num_processes == 1 and place.process_id is None:
        place = place._replace(process_id=0)
    names = ("coordinator_address", "num_processes", "process_id")
    missing = [name for name, value in zip(names, place, strict=False) if value is None]
    if missing:
        raise value_error(
            f"distributed.initialize: {', '.join(f'`{name}`' for name in missing)} "
            "must be given: neither the environment variables "
            f"{', '.join(f'DOLMEN_{name.upper()}' for name in missing)} nor those of "
            "Slurm, Open MPI or TPU hosts say what it is.",
            "Pass the address of the first process, how many there are, and the number "
            "of this one.",
        )
    return place


def _completed(place: clusters.Place, other: clusters.Place) -> clusters.Place:
    missing = {
        name: value
        for name, value in other._asdict().items()
        if getattr(place, name) is None
    }
    return place._replace(**missing)


def is_initialized() -> bool:
    """Whether this process is one of several.

    Example:
        >>> import dolmen.core as dc
        >>> dc.distributed.is_initialized()
        False
    """
    return membership.MEMBERSHIP.client is not None


def shutdown() -> None:
    """Leave the others, and wait until all have; the end of a process does so too.

    Raises:
        RuntimeError: the others didn't come in time.
    """
    try:
        membership.leave()
    except JaxRuntimeError as error:
        problem = str(error).splitlines()[0]
    else:
        return
    raise RuntimeError(
        message(
            f"distributed.shutdown: the others didn't leave in time: {problem}",
            "Have every process come here, also after an error.",
        )
    )

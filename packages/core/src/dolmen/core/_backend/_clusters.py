"""What the environment says about the processes that belong together."""

import importlib
import os
import re
from collections.abc import Callable
from typing import Any, NamedTuple


class Place(NamedTuple):
    """A process among others; None is what the environment does not say."""

    address: str | None = None
    num_processes: int | None = None
    process_id: int | None = None
    local_device_ids: tuple[int, ...] | None = None


def from_variables() -> Place:
    """What somebody has set for Dolmen."""
    ids = os.environ.get("DOLMEN_LOCAL_DEVICE_IDS")
    return Place(
        os.environ.get("DOLMEN_COORDINATOR_ADDRESS"),
        _number("DOLMEN_NUM_PROCESSES"),
        _number("DOLMEN_PROCESS_ID"),
        tuple(map(int, ids.split(","))) if ids else None,
    )


def _slurm() -> Place | None:
    """One process for each task of a Slurm job step."""
    variables = os.environ
    if not {"SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS"} <= variables.keys():
        return None
    if "SLURM_PROCID" not in variables:
        return None
    host = _first_host(variables["SLURM_STEP_NODELIST"])
    alone = _tasks_on_this_node() == 1
    mine = None if alone else (_number("SLURM_LOCALID") or 0,)
    return Place(
        f"{host}:{_port_of(variables['SLURM_JOB_ID'])}",
        _number("SLURM_NTASKS"),
        _number("SLURM_PROCID"),
        mine,
    )


def _tasks_on_this_node() -> int:
    """From a text as ``2(x3),1``: two tasks on each of three nodes, one on the next."""
    text = os.environ.get("SLURM_STEP_TASKS_PER_NODE", "1")
    counts: list[int] = []
    for count, times in re.findall(r"(\d+)(?:\(x(\d+)\))?", text):
        counts += [int(count)] * int(times or 1)
    node = _number("SLURM_NODEID") or 0
    return counts[node] if node < len(counts) else 1


def _first_host(nodes: str) -> str:
    """The first of a list of hosts as Slurm shortens it: ``gpu[03-05,9],login``."""
    prefix, bracket, rest = re.split(r"(\[|,|$)", nodes, maxsplit=1)
    if bracket != "[":
        return prefix
    return prefix + re.split(r"[-,\]]", rest, maxsplit=1)[0]


def _port_of(job: str) -> int:
    """A port that all processes of a job arrive at, above those in common use."""
    return 61440 + int(re.sub(r"\D", "", job) or 0) % 4096


def _open_mpi() -> Place | None:
    """One process for each rank that ``mpirun`` of Open MPI starts."""
    variables = os.environ
    if "OMPI_COMM_WORLD_SIZE" not in variables:
        return None
    names = ("OMPI_MCA_orte_hnp_uri", "PMIX_SERVER_URI2")
    uri = next((variables[name] for name in names if variables.get(name)), "")
    host = re.search(r"tcp\d?://\[?([0-9.:a-fA-F]+?)\]?[,:]\d*", uri)
    job = re.match(r"\d+", uri)
    local = _number("OMPI_COMM_WORLD_LOCAL_SIZE") or 1
    return Place(
        f"{host[1]}:{_port_of(job[0] if job else '0')}" if host else None,
        _number("OMPI_COMM_WORLD_SIZE"),
        _number("OMPI_COMM_WORLD_RANK"),
        (_number("OMPI_COMM_WORLD_LOCAL_RANK") or 0,) if local > 1 else None,
    )


def _tpu_hosts() -> Place | None:
    """One process on each host of a TPU slice, as GKE describes it."""
    names = os.environ.get("TPU_WORKER_HOSTNAMES", "")
    worker = _number("TPU_WORKER_ID")
    if worker is None or "," not in names:
        return None
    hosts = names.split(",")
    return Place(f"{hosts[0].strip()}:{_port_of('8476')}", len(hosts), worker)


def _mpi4py() -> Place | None:
    """What MPI itself says; only if asked for, since it starts MPI."""
    mpi: Any = importlib.import_module("mpi4py.MPI")
    world = mpi.COMM_WORLD
    rank, size = world.Get_rank(), world.Get_size()
    host = mpi.Get_processor_name() if rank == 0 else None
    address = world.bcast(f"{host}:{_port_of(str(os.getpid()))}" if host else None, 0)
    node = world.Split_type(mpi.COMM_TYPE_SHARED)
    mine = (node.Get_rank(),) if node.Get_size() > 1 else None
    return Place(address, size, rank, mine)


METHODS: dict[str, Callable[[], Place | None]] = {
    "slurm": _slurm,
    "ompi": _open_mpi,
    "tpu": _tpu_hosts,
    "mpi4py": _mpi4py,
}
BY_ITSELF = ("slurm", "ompi", "tpu")


def detect(method: str | None) -> Place:
    """What the environment says.

    Args:
        method: one of `METHODS`; None for the first of `BY_ITSELF` that finds anything.
    """
    for name in (method,) if method else BY_ITSELF:
        found = METHODS[name]()
        if found is not None:
            return found
    return Place()


def _number(variable: str) -> int | None:
    text = os.environ.get(variable, "")
    return int(text) if text.strip().isdigit() else None

"""What the environment says about processes that belong together."""

import sys
import types

import pytest

from dolmen.core._backend import _clusters as clusters

SLURM = {
    "SLURM_JOB_ID": "4097",
    "SLURM_STEP_NODELIST": "gpu[03-05,9],login1",
    "SLURM_NTASKS": "7",
    "SLURM_PROCID": "4",
    "SLURM_LOCALID": "0",
    "SLURM_NODEID": "2",
    "SLURM_STEP_TASKS_PER_NODE": "2(x2),3",
}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch):
    for name in (*SLURM, "TPU_WORKER_ID", "TPU_WORKER_HOSTNAMES"):
        monkeypatch.delenv(name, raising=False)


def with_variables(monkeypatch, **variables):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)


def test_nothing(monkeypatch):
    assert clusters.detect(None) == clusters.Place()
    assert clusters.from_variables() == clusters.Place()


def test_variables_of_our_own(monkeypatch):
    with_variables(
        monkeypatch,
        DOLMEN_COORDINATOR_ADDRESS="a:1",
        DOLMEN_NUM_PROCESSES="3",
        DOLMEN_PROCESS_ID="2",
        DOLMEN_LOCAL_DEVICE_IDS="0,1",
    )
    assert clusters.from_variables() == clusters.Place("a:1", 3, 2, (0, 1))


def test_slurm(monkeypatch):
    with_variables(monkeypatch, **SLURM)
    assert clusters.detect(None) == clusters.Place("gpu03:61441", 7, 4, (0,))

    # One task on the node takes all of its devices.
    with_variables(monkeypatch, SLURM_STEP_TASKS_PER_NODE="1(x3)")
    assert clusters.detect("slurm").local_device_ids is None


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("node[1-3]", "node1"),
        ("node[007,9]", "node007"),
        ("a-b[12-13],c", "a-b12"),
    ],
)
def test_lists_of_hosts(nodes, first):
    assert clusters._first_host(nodes) == first


@pytest.mark.parametrize(
    ("name", "uri"),
    [
        ("OMPI_MCA_orte_hnp_uri", "1531576320.0;tcp://10.96.0.1,10.148.0.1:34911"),
        ("PMIX_SERVER_URI2", "1531576320.0;tcp4://10.96.0.1:34911"),
    ],
)
def test_open_mpi(monkeypatch, name, uri):
    with_variables(
        monkeypatch,
        OMPI_COMM_WORLD_SIZE="4",
        OMPI_COMM_WORLD_RANK="3",
        OMPI_COMM_WORLD_LOCAL_RANK="1",
        OMPI_COMM_WORLD_LOCAL_SIZE="2",
        **{name: uri},
    )
    port = 61440 + 1531576320 % 4096
    assert clusters.detect(None) == clusters.Place(f"10.96.0.1:{port}", 4, 3, (1,))


def test_hosts_of_a_tpu(monkeypatch):
    with_variables(
        monkeypatch, TPU_WORKER_ID="1", TPU_WORKER_HOSTNAMES="t-0.svc, t-1.svc"
    )
    place = clusters.detect(None)
    assert place.address.startswith("t-0.svc:")
    assert place[1:] == (2, 1, None)


def test_mpi4py(monkeypatch):
    class World:
        def Get_rank(self):
            return 0

        def Get_size(self):
            return 2

        def bcast(self, value, root):
            return value

        def Split_type(self, kind):
            return self

    mpi = types.ModuleType("mpi4py.MPI")
    mpi.COMM_WORLD, mpi.COMM_TYPE_SHARED = World(), 0
    mpi.Get_processor_name = lambda: "host"
    monkeypatch.setitem(sys.modules, "mpi4py", types.ModuleType("mpi4py"))
    monkeypatch.setitem(sys.modules, "mpi4py.MPI", mpi)

    place = clusters.detect("mpi4py")
    assert place.address.startswith("host:")
    assert place[1:] == (2, 0, (0,))

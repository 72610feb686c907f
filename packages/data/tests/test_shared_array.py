import gc
import os
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest

from dolmen.data import _shared_array, python
from dolmen.data.multiprocessing import SharedMemoryArray, SharedMemoryArrayMetadata


@pytest.fixture
def array():
    made = SharedMemoryArray((2, 3), np.int32)
    made.unlink_on_del()
    made[:] = np.arange(6).reshape(2, 3)
    return made


def test_both_modules_have_the_same_array():
    assert python.SharedMemoryArray is SharedMemoryArray


def test_metadata_and_pickles_open_the_same_memory(array):
    opened = SharedMemoryArray.from_metadata(array.metadata)
    unpickled = pickle.loads(pickle.dumps(array))

    opened[0, 0] = 7
    unpickled[1, 2] = 8

    assert array.tolist() == [[7, 1, 2], [3, 4, 8]]
    assert array.metadata == SharedMemoryArrayMetadata(
        array.shm.name, (2, 3), np.dtype(np.int32)
    )


def test_another_process_opens_the_array(array):
    code = (
        "import pickle, sys\n"
        "from multiprocessing import resource_tracker\n"
        "array = pickle.load(sys.stdin.buffer)\n"
        "array *= 2\n"
        # Not of the same family of processes: its tracker would give the memory back.
        "resource_tracker.unregister(array.shm._name, 'shared_memory')\n"
    )

    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(array), check=True)

    assert array.tolist() == [[0, 2, 4], [6, 8, 10]]


def test_memory_is_given_back_after_the_last_view(array):
    made = SharedMemoryArray(4, np.uint8)
    metadata = made.metadata
    made.unlink_on_del()
    part = np.asarray(made)[1:]

    del made
    gc.collect()
    part[:] = 5
    opened = SharedMemoryArray.from_metadata(metadata).tolist()
    del part
    gc.collect()

    assert opened == [0, 5, 5, 5]
    with pytest.raises(FileNotFoundError):
        SharedMemoryArray.from_metadata(metadata)


def test_memory_stays_until_it_is_unlinked():
    metadata = SharedMemoryArray(3).metadata
    gc.collect()

    kept = SharedMemoryArray.from_metadata(metadata).tolist()
    metadata.close_and_unlink_shm()

    assert kept == [0.0, 0.0, 0.0]
    with pytest.raises(FileNotFoundError):
        metadata.close_and_unlink_shm()


def test_a_killed_program_leaves_no_memory():
    code = (
        "import os, signal\n"
        "from dolmen.data.multiprocessing import SharedMemoryArray\n"
        "print(SharedMemoryArray(3).metadata.name, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )

    # The pipe of errors is closed when the tracker has ended too.
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    with pytest.raises(FileNotFoundError):
        SharedMemoryArray.from_metadata(
            SharedMemoryArrayMetadata(ended.stdout.strip(), (3,), float)
        )


KILLED_WHEN_IT_MAKES_MEMORY = """
import os, signal
from multiprocessing import shared_memory
from dolmen.data import SharedMemoryDataSource
from dolmen.data.multiprocessing import SharedMemoryArray

class Killed(shared_memory.SharedMemory):
    def __init__(self, name=None, create=False, size=0):
        # The moment after which Python would tell the tracker.
        descriptor = shared_memory._posixshmem.shm_open(
            "/" + name, os.O_CREAT | os.O_EXCL | os.O_RDWR, mode=0o600
        )
        print(name, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

shared_memory.SharedMemory = Killed
{make}
"""


@pytest.mark.parametrize(
    "make", ["SharedMemoryArray(3)", "SharedMemoryDataSource([3])"]
)
def test_a_program_killed_when_it_makes_memory_leaves_none(make):
    code = KILLED_WHEN_IT_MAKES_MEMORY.format(make=make)

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    name = ended.stdout.strip()
    assert name.startswith("dolmen-")
    with pytest.raises(FileNotFoundError):
        SharedMemoryArray.from_metadata(SharedMemoryArrayMetadata(name, (3,), float))


def made_in_worker(number):
    made = SharedMemoryArray(1000, np.int64)
    made[:] = number
    return made


MAKES_ARRAYS_IN_WORKERS = """
import gc
from test_shared_array import made_in_worker
from dolmen.data import MapDataset, MultiprocessingOptions, SharedMemoryDataSource

numbers = SharedMemoryDataSource(list(range(20)))
ds = MapDataset.source(numbers).map(made_in_worker).to_iter_dataset()
for epoch in range(2):
    with iter(ds.mp_prefetch(MultiprocessingOptions(num_workers=2))) as iterator:
        arrays = list(iterator)
    # The workers are gone, their memory is not.
    print([int(array[0]) for array in arrays] == list(range(20)))
    for array in arrays:
        array.unlink_on_del()
    del array, arrays
"""


def test_memory_outlives_the_workers_that_made_or_opened_it():
    """Also where the workers are the first to use any: none warns of a leak."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}

    ended = subprocess.run(
        [sys.executable, "-c", MAKES_ARRAYS_IN_WORKERS],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert (ended.stdout, ended.stderr) == ("True\nTrue\n", "")


@pytest.fixture
def deletion(monkeypatch):
    """Lets the test enable deletion in threads, and waits for them at its end."""
    monkeypatch.setattr(_shared_array, "_deletion", None)
    yield
    _shared_array._deletion._threads.shutdown()


def exists(metadata):
    try:
        SharedMemoryArray.from_metadata(metadata)
    except FileNotFoundError:
        return False
    return True


def make_and_delete():
    made = SharedMemoryArray(3)
    made.unlink_on_del()
    return made.metadata


def wait_until_gone(metadata):
    deadline = time.monotonic() + 5
    while exists(metadata):
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_threads_give_memory_back(deletion):
    SharedMemoryArray.enable_async_del(num_threads=2, max_outstanding_requests=5)

    for metadata in [make_and_delete() for _ in range(20)]:
        wait_until_gone(metadata)


def test_what_threads_have_no_room_for_is_given_back_at_once(deletion, monkeypatch):
    go_on = threading.Event()
    unlink = _shared_array._unlink
    monkeypatch.setattr(
        _shared_array, "_unlink", lambda memory: go_on.wait(5) and unlink(memory)
    )
    SharedMemoryArray.enable_async_del(max_outstanding_requests=1)
    SharedMemoryArray.enable_async_del(max_outstanding_requests=100)  # has no effect

    later = make_and_delete()
    monkeypatch.setattr(_shared_array, "_unlink", unlink)
    at_once = make_and_delete()

    assert exists(later)
    assert not exists(at_once)
    go_on.set()
    wait_until_gone(later)


def test_a_program_that_deletes_in_threads_ends_and_leaves_nothing():
    code = (
        "from dolmen.data.multiprocessing import SharedMemoryArray\n"
        "SharedMemoryArray.enable_async_del()\n"
        "gone, stays = SharedMemoryArray(3), SharedMemoryArray(3)\n"
        "gone.unlink_on_del(); stays.unlink_on_del()\n"
        "print(stays.metadata.name)\n"
        "del gone\n"
    )

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ended.stderr == ""
    assert not exists(SharedMemoryArrayMetadata(ended.stdout.strip(), (3,), float))


def test_numbers_of_threads_and_requests_are_checked():
    with pytest.raises(ValueError) as caught:
        SharedMemoryArray.enable_async_del(num_threads=0)

    assert str(caught.value) == (
        "SharedMemoryArray.enable_async_del: `num_threads` must be at least 1, got 0."
    )


def test_results_and_parts_are_ordinary_when_they_leave(array):
    assert type(array + 1) is np.ndarray
    assert type(array.sum()) is np.int64
    assert array.copy().shm is None
    part = pickle.loads(pickle.dumps(array[1:]))
    assert type(part) is np.ndarray
    assert part.tolist() == [[3, 4, 5]]
    with pytest.raises(ValueError) as caught:
        _ = array.T.metadata
    assert str(caught.value) == (
        "SharedMemoryArray.metadata: expected an array that begins where its shared "
        "memory does, in C order, got a copy or a view of another kind. Take the "
        "metadata of the array that it was made of."
    )


def test_empty_arrays_are_arrays_too():
    empty = SharedMemoryArray((0, 3))
    empty.unlink_on_del()

    assert SharedMemoryArray.from_metadata(empty.metadata).shape == (0, 3)


def test_objects_are_refused():
    with pytest.raises(TypeError) as caught:
        SharedMemoryArray(2, object)
    assert str(caught.value) == (
        "SharedMemoryArray: `dtype` must not hold Python objects, which lie in the "
        "memory of one process, got object."
    )

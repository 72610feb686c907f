import gc
import pickle
import subprocess
import sys

import numpy as np
import pytest

from dolmen.data import python
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

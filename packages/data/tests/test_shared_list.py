import pickle
import subprocess
import sys
from multiprocessing import shared_memory

import pytest

from dolmen.data import MapDataset, SharedMemoryDataSource

ELEMENTS = [1, -2.5, True, None, "text", b"bytes"]


def test_elements_come_back_also_by_name_and_pickled():
    source = SharedMemoryDataSource(ELEMENTS)
    by_name = SharedMemoryDataSource(name=source.shm.name)
    pickled = pickle.loads(pickle.dumps(source))

    assert [repr(e) for e in source] == [repr(e) for e in ELEMENTS]
    assert MapDataset.source(source)[4] == "text"
    assert [by_name[i] for i in range(6)] == ELEMENTS
    assert pickled[4] == "text"
    assert repr(source) == "SharedMemoryDataSource(6)"
    by_name.close()
    pickled.close()
    source.close()
    source.unlink()


def test_memory_is_given_back_with_its_owner():
    source = SharedMemoryDataSource(ELEMENTS)
    name = source.shm.name

    del source

    with pytest.raises(FileNotFoundError):
        shared_memory.SharedMemory(name=name)


def test_a_program_that_ends_leaves_no_memory_and_no_warning():
    code = (
        "from dolmen.data import SharedMemoryDataSource as S\n"
        "source = S([1, 2]); print(source.shm.name)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr == ""
    with pytest.raises(FileNotFoundError):
        shared_memory.SharedMemory(name=done.stdout.strip())


def test_what_would_be_lost_is_refused():
    for element in (b"ends\0", "ends\0"):
        with pytest.raises(ValueError) as error:
            SharedMemoryDataSource([1, element])

        assert str(error.value) == (
            "SharedMemoryDataSource: element 1 ends in a zero, which would be lost. "
            "Add a byte of your own behind it."
        )
    with pytest.raises(TypeError) as missing:
        SharedMemoryDataSource()
    assert str(missing.value) == (
        "SharedMemoryDataSource: expected `elements` or `name`, got neither."
    )

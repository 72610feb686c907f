"""Programs killed at random moments read on exactly, and leave nothing behind.

The session ``kills`` does the same a thousand times.
"""

import collections
import json
import os
import subprocess
import sys

import pytest
from killed_pipelines import KINDS, Kind
from killing import Launcher, Tally, kill_again_and_again, orphaned_memory

KILLS = 2


@pytest.fixture(scope="module")
def launcher():
    with Launcher() as launcher:
        yield launcher


@pytest.mark.parametrize("name", KINDS)
def test_killed_programs_read_on_exactly_and_leave_nothing(name, launcher):
    tally = kill_again_and_again(launcher, name, KILLS)

    assert tally.faults == {}
    assert tally.kills == KILLS
    assert tally.batches > 0


# ---- What counts as a fault ----

EXPECTED = [[0, "aa", [1, 2]], [1, "bb", [0, 3]]]
OF_FOUR = Kind(list, collections.Counter(range(4)), [])


@pytest.fixture
def faults(tmp_path):
    """A function from lines of a log to the faults that are found in them."""

    def faults(*lines, state="{}", errors=""):
        (tmp_path / "log").write_text("".join(json.dumps(x) + "\n" for x in lines))
        (tmp_path / "state").write_text(state)
        (tmp_path / "errors").write_text(errors)
        tally = Tally()
        tally.read(tmp_path, EXPECTED, OF_FOUR)
        return tally.faults

    return faults


def test_a_repeated_batch_is_no_fault(faults):
    assert faults(*EXPECTED) == {}
    assert faults(EXPECTED[0], *EXPECTED) == {}


def test_lost_changed_and_swapped_batches_are_faults(faults):
    first, second = EXPECTED

    assert faults(first) == {"different": 1, "miscounted": 2}
    assert faults(first, [1, "cc", [0, 3]]) == {"different": 1}
    assert faults(first, [1, "cc", [3, 3]]) == {"different": 1, "miscounted": 2}
    assert faults([0, *second[1:]], [1, *first[1:]]) == {"different": 2}
    assert faults(first, [1, "cc", [0, 3]], second) == {"different": 1}
    assert faults(*EXPECTED, [2, "dd", [1]]) == {"different": 1, "miscounted": 1}


def test_long_states_and_tracebacks_are_faults(faults):
    assert faults(*EXPECTED, state="x" * 203) == {"longest_state": 3}
    assert faults(*EXPECTED, errors="Traceback of") == {"errors": ["Traceback of"]}


LEAVES_BOTH = """
import os, signal, subprocess, sys
from multiprocessing import shared_memory, resource_tracker
memory = shared_memory.SharedMemory(f"dolmen-{os.getpid()}-test", create=True, size=8)
resource_tracker.unregister(memory._name, "shared_memory")
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("ready", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_and_memory_that_stay_are_found():
    tally, before = Tally(), orphaned_memory()
    program = subprocess.Popen(
        [sys.executable, "-c", LEAVES_BOTH],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    with program:
        assert program.stdout.readline() == b"ready\n"
        program.wait()

        tally.bury(program.pid, before)

    assert tally.faults == {"processes_left": 1, "memory_left": 1}
    assert f"dolmen-{program.pid}-test" not in os.listdir("/dev/shm")

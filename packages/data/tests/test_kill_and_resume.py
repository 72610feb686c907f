import pathlib
import random
import subprocess
import sys
import time

import pytest

PROGRAM = pathlib.Path(__file__).with_name("killed_program.py")
KILLS = 3


def start(name, threads, directory, workers=0):
    arguments = [name, str(threads), directory, str(workers)]
    return subprocess.Popen([sys.executable, PROGRAM, *arguments])


def is_running(process):
    try:
        state = pathlib.Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
    return state.rpartition(")")[2].split()[0] != "Z"


def family_of(process):
    """The processes below a process, at any depth."""
    lists = pathlib.Path(f"/proc/{process}/task").glob("*/children")
    children = [int(child) for list_ in lists for child in list_.read_text().split()]
    return children + [x for child in children for x in family_of(child)]


def batches_in(directory):
    """(step, digest) of every batch that was read, repeated ones included."""
    log = directory / "log"
    lines = log.read_text().splitlines() if log.exists() else []
    return [tuple(line.split()) for line in lines]


def kill_while_reading(program, directory, delay):
    """Kills a running program some time after it has read another batch."""
    before = len(batches_in(directory))
    while len(batches_in(directory)) == before and program.poll() is None:
        time.sleep(0.001)
    time.sleep(delay)
    program.kill()
    program.wait()


@pytest.mark.parametrize("name", ["language_model", "augmented", "filtered"])
def test_a_killed_program_reads_on_exactly(name, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    moments = random.Random(name)

    assert start(name, 0, whole).wait() == 0
    expected = batches_in(whole)
    for kill in range(KILLS):  # each time with another number of threads
        program = start(name, kill, killed)
        kill_while_reading(program, killed, moments.uniform(0, 0.05))
    before_the_last_run = len(batches_in(killed))
    assert start(name, 1, killed).wait() == 0

    assert 0 < before_the_last_run < len(expected)
    assert set(batches_in(killed)) == set(expected)
    assert len(batches_in(killed)) <= len(expected) + KILLS


@pytest.mark.parametrize("name", ["augmented", "filtered"])
def test_a_killed_program_with_workers_reads_on_and_leaves_no_process(name, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    whole.mkdir()
    killed.mkdir()
    moments = random.Random(name)
    left = []

    assert start(name, 0, whole).wait() == 0
    expected = batches_in(whole)
    for workers in (1, 3):
        program = start(name, 0, killed, workers)
        while not batches_in(killed) and program.poll() is None:
            time.sleep(0.001)
        left += family_of(program.pid)
        kill_while_reading(program, killed, moments.uniform(0, 0.05))
    assert start(name, 1, killed, 2).wait() == 0

    assert len(left) >= 2
    assert set(batches_in(killed)) == set(expected)
    assert len(batches_in(killed)) <= len(expected) + 2
    assert not any(map(is_running, left))

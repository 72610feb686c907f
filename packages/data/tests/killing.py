"""Kills programs that read pipelines, lets them read on, and checks what they read."""

import collections
import dataclasses
import itertools
import json
import os
import random
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import killed_program
from killed_pipelines import KINDS, Kind, Speed

SECONDS_TO_END = 1.0  # for what a killed program leaves behind
SECONDS_OF_A_STEP = 60.0  # at most, of a program that does not hang
LONGEST_STATE = 200  # bytes
KILLS_IN_ONE_READING = 8  # of all data, about


# ---- Processes ----


def stat_of(process: int) -> list[str]:
    """State, parent, group, session and more of a process; nothing if it is gone."""
    try:
        stat = Path(f"/proc/{process}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return []
    return stat.rpartition(")")[2].split()


def is_running(process: int) -> bool:
    return stat_of(process)[:1] not in ([], ["Z"])


def family_of(program: int) -> dict[int, int]:
    """Running processes of a program that leads a session, and their parents.

    Orphans too: they change the parent, but not the session.
    """
    family = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            state, parent, _, session, *_ = stat_of(int(entry)) or ["Z", 0, 0, 0]
            if int(session) == program and state != "Z":
                family[int(entry)] = int(parent)
    return family


def orphaned_memory() -> set[str]:
    """Names of shared memory whose maker runs no more.

    Memory without a name ends with the last process that uses it.
    """
    names = [name for name in os.listdir("/dev/shm") if name.startswith("dolmen-")]
    return {name for name in names if not is_running(int(name.split("-")[1]))}


# ---- Programs ----


class Launcher:
    """Starts programs, one after another. Use it in a ``with`` statement."""

    def __enter__(self) -> "Launcher":
        self._channel, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            self._server = subprocess.Popen(
                [sys.executable, killed_program.__file__, str(theirs.fileno())],
                env=os.environ
                | {
                    "PYTHONPATH": os.pathsep.join(sys.path),
                    "OPENBLAS_NUM_THREADS": "1",  # threads, where programs are forked
                },
                pass_fds=[theirs.fileno()],
            )
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._server.wait()

    def start(self, kind: str, speed: Speed, directory: Path, files: Path) -> "Program":
        """Starts a program that reads a pipeline on, from the state in `directory`.

        Args:
            kind: name of the pipeline.
            speed: how it is read.
            directory: of log, state and errors.
            files: directory of the files that the pipeline reads.
        """
        request = {
            "kind": kind,
            "speed": dataclasses.asdict(speed),
            "directory": str(directory),
            "files": str(files),
        }
        told, tells = os.pipe()
        with open(directory / "errors", "ab") as errors:
            message = json.dumps(request).encode()
            socket.send_fds(self._channel, [message], [tells, errors.fileno()])
        os.close(tells)
        return Program(self.receive(), told, self)

    def receive(self) -> int:
        """What the server tells of a program: its process or its exit status."""
        return int(self._channel.recv(100))

    def wait(self) -> int:
        """Waits until the program has ended; returns its exit status."""
        self._channel.send(b"w")
        return self.receive()


class Program:
    """A running program."""

    def __init__(self, process: int, told: int, launcher: Launcher):
        self.process = process
        self._told = told
        self._launcher = launcher

    def wait_for(self, moment: str, times: int = 1) -> None:
        """Waits until it has told of a moment so many times, or has ended.

        Raises:
            TimeoutError: it hangs; it is killed then.
        """
        seen = 0
        while seen < times and (letter := self._hear()):
            seen += letter == killed_program.MOMENTS[moment]

    def _hear(self) -> bytes:
        """The next letter that it tells, none at its end."""
        if not select.select([self._told], [], [], SECONDS_OF_A_STEP)[0]:
            self.kill("program")
            self.wait()
            raise TimeoutError(f"nothing was heard for {SECONDS_OF_A_STEP} s")
        return os.read(self._told, 1)

    def kill(self, victim: str) -> bool:
        """Kills the program, a worker or the nursery; returns whether there was one."""
        family = family_of(self.process)
        nurseries = [x for x in family.values() if family.get(x) == self.process]
        workers = [x for x in family if family[x] in nurseries]
        all_victims = {
            "program": [self.process],
            "nursery": nurseries,
            "worker": workers,
        }
        victims = all_victims[victim][:1]
        for process in victims:
            os.kill(process, signal.SIGKILL)
        return bool(victims)

    def wait(self) -> int:
        """Waits until the program has ended; returns its exit status."""
        status = self._launcher.wait()
        os.close(self._told)
        return status


# ---- Deaths ----


@dataclass(frozen=True)
class Death:
    """What to kill: so long after a program has told of a moment so many times."""

    moment: str
    times: int
    seconds: float
    victim: str = "program"  # or "worker" or "nursery", and the program soon after


def deaths(seed: str, batches: int, kills: int, has_workers: bool) -> Iterator[Death]:
    """Random deaths, of which about so many come before the data end."""
    rng = random.Random(seed)
    moments = list(killed_program.MOMENTS)
    steps = max(1, round(2 * batches / (kills + 1)))
    victims = ["program", "program", "program", "worker", "nursery"]
    while True:
        moment = rng.choice(moments)
        is_of_steps = moments.index(moment) >= moments.index("asked")
        yield Death(
            moment,
            times=rng.randint(1, steps) if is_of_steps else 1,
            # Starting workers takes longest; all else is over in an instant.
            seconds=rng.choice([0, 0.001, 0.01, 0.3]) * rng.random(),
            victim=rng.choice(victims if has_workers else ["program"]),
        )


# ---- Many lives ----


@dataclass
class Tally:
    """What came of killing programs.

    Attributes:
        kills: of programs that had not ended by themselves.
        workers_killed: programs of which a worker, or the parent of all, was killed.
        batches: that were read and compared, repeated ones included.
        repeated: that were read again after a kill.
        different: that differed from those of an undisturbed program.
        miscounted: records not seen exactly as often as in every epoch.
        processes_left: a second after the death of their program.
        memory_left: names of shared memory left then.
        seconds: the longest time until all processes of a program had ended.
        longest_state: bytes of JSON.
    """

    kills: int = 0
    workers_killed: int = 0
    batches: int = 0
    repeated: int = 0
    different: int = 0
    miscounted: int = 0
    processes_left: int = 0
    memory_left: int = 0
    seconds: float = 0.0
    longest_state: int = 0
    errors: list[str] = field(default_factory=list)

    @property
    def faults(self) -> dict[str, object]:
        """What must not be, and was."""
        found = {
            "different": self.different,
            "miscounted": self.miscounted,
            "processes_left": self.processes_left,
            "memory_left": self.memory_left,
            "errors": self.errors,
            "longest_state": max(0, self.longest_state - LONGEST_STATE),
        }
        return {what: value for what, value in found.items() if value}

    def add(self, other: "Tally") -> None:
        """Adds what came of other kills."""
        for name, value in vars(other).items():
            is_greatest = name in ("seconds", "longest_state")
            both = getattr(self, name), value
            setattr(self, name, max(both) if is_greatest else both[0] + both[1])

    def read(self, directory: Path, expected: Sequence[list], kind: Kind) -> None:
        """Compares what was read with what an undisturbed program reads."""
        log, errors = (directory / name for name in ("log", "errors"))
        if "Traceback" in errors.read_text():
            self.errors.append(errors.read_text())
        self.longest_state = max(
            self.longest_state, (directory / "state").stat().st_size
        )
        lines = [json.loads(line) for line in log.read_text().splitlines()]
        by_step = {line[0]: line for line in lines}
        self.batches += len(lines)
        self.repeated += len(lines) - len(by_step)
        wanted = {line[0]: line for line in expected}
        self.different += sum(wanted.get(line[0]) != line for line in lines)
        self.different += len(wanted.keys() - by_step.keys())
        seen = collections.Counter(x for _, _, ids in by_step.values() for x in ids)
        seen.subtract(kind.seen)
        self.miscounted += sum(count != 0 for count in seen.values())

    def see_die(self, program: Program, death: Death | None, directory: Path) -> bool:
        """Kills a program when it is time; returns whether it ended before."""
        memory = orphaned_memory()
        if death is not None:
            program.wait_for(death.moment, death.times)
            time.sleep(death.seconds)
            if program.kill(death.victim) and death.victim != "program":
                self.workers_killed += 1
                program.wait_for("saved", 2)  # if it gets so far
                program.kill("program")
        program.wait_for("saved", sys.maxsize)  # to its end, or tells that it hangs
        status = program.wait()
        self.bury(program.process, memory)
        self.kills += status == -signal.SIGKILL
        if status not in (0, -signal.SIGKILL, killed_program.WORKER_DIED):
            errors = (directory / "errors").read_text()
            raise RuntimeError(f"a program ended with exit status {status}: {errors}")
        return status == 0

    def bury(self, program: int, memory_before: set[str]) -> None:
        """Waits for the end of all that belonged to a dead program."""
        died = time.monotonic()
        family = family_of(program).keys()
        memory = orphaned_memory() - memory_before
        while (family or memory) and time.monotonic() < died + SECONDS_TO_END:
            time.sleep(0.005)
            family = {process for process in family if is_running(process)}
            memory &= orphaned_memory()
        self.seconds = max(self.seconds, time.monotonic() - died)
        self.processes_left += len(family)
        self.memory_left += len(memory)
        for process in family:
            os.kill(process, signal.SIGKILL)
        for name in memory:
            Path("/dev/shm", name).unlink()


def undisturbed(kind: Kind, files: Path) -> list[list]:
    """What a program reads that is not killed, as it logs it."""
    iterators = kind.iterators(Speed(), files)
    try:
        return list(killed_program.batches(iterators))
    finally:
        for iterator in iterators:
            iterator.close()


def kill_again_and_again(
    launcher: Launcher, name: str, kills: int, seed: int = 0
) -> Tally:
    """Kills programs that read a pipeline, until so many have been killed.

    A killed program is followed by one that reads on where it was, at another speed;
    one that came to its end, by one that begins anew.
    """
    kind, tally = KINDS[name], Tally()
    has_workers = any(speed.workers for speed in kind.speeds)
    speeds = itertools.cycle(kind.speeds)
    with tempfile.TemporaryDirectory() as files:
        expected = undisturbed(kind, Path(files))
        in_one_reading = min(kills, KILLS_IN_ONE_READING)
        planned = deaths(f"{name} {seed}", len(expected), in_one_reading, has_workers)
        while tally.kills < kills:
            with tempfile.TemporaryDirectory() as directory:
                is_done = False
                while not is_done:
                    death = next(planned) if tally.kills < kills else None
                    program = launcher.start(
                        name, next(speeds), Path(directory), Path(files)
                    )
                    is_done = tally.see_die(program, death, Path(directory))
                tally.read(Path(directory), expected, kind)
    return tally

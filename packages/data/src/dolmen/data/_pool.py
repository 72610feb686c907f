"""A program's side of its worker processes: gives them tasks, takes what they made.

A task is a range of candidates. It goes to the worker that has the fewest, with a slot
for the result, and results are taken by number. A worker holds nothing that a task
depends on, so one that dies is replaced by another, which is given the same tasks.
"""

import collections
import contextlib
import logging
import multiprocessing.connection
import multiprocessing.spawn
import os
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from multiprocessing import resource_tracker

from . import _nursery, _shipping, _worker
from ._errors import WorkerDiedError
from ._read_ahead import Made
from ._slots import Slots, open_nameless

_LOG = logging.getLogger("dolmen.data")
# What the reader may hold before results are copied out of their slots: the element
# that it is at, and the one before, which may still be on its way to a device.
_SLOTS_FOR_READER = 2
_DEATHS_OF_ONE_TASK = 3
_SECONDS_TO_REPORT = 5.0
_SECONDS_TO_END = 2.0
# A worker that imports JAX or Dolmen must not take memory of the program's accelerator.
_NO_ACCELERATOR = {"JAX_PLATFORMS": "cpu", "DOLMEN_PLATFORMS": "cpu"}


@dataclass(frozen=True)
class Task:
    """Candidates of a stream to make, and where to put them."""

    number: int
    slot: int
    stream: int
    start: int
    stop: int

    def pack(self) -> bytes:
        """The message to a worker."""
        return _worker.TASK.pack(
            self.number, self.slot, self.stream, self.start, self.stop
        )


@dataclass(eq=False)
class _Worker:
    socket: socket.socket
    tasks: collections.deque[Task] = field(default_factory=collections.deque)
    process: int | None = None  # until the nursery tells
    seconds: float = 0.0
    tasks_done: int = 0
    death: str | None = None  # if it has not been replaced


@dataclass(frozen=True)
class Result:
    """What came of a task."""

    task: Task
    size: int
    seconds: float


class Pool:
    """Worker processes and their tasks.

    Args:
        work: streams of candidates with numbers, and a function to call first.
        num_workers: how many processes.
        most_tasks: how many results may wait to be taken, or be in the making.
        restart: start a worker again that has died, rather than raise.
        name_candidate: says which record a candidate of a stream is made of.

    Raises:
        TypeError: `work` can't be pickled.
    """

    def __init__(
        self,
        work: _worker.Work,
        *,
        num_workers: int,
        most_tasks: int,
        restart: bool,
        name_candidate: Callable[[int, int], str],
    ):
        self._restart = restart
        self._name_candidate = name_candidate
        self._owner = os.getpid()
        self._begun = time.monotonic()
        self._next_number = 0
        self._results: dict[int, Result] = {}
        self._unwanted: set[int] = set()
        self._lost: dict[int, str] = {}  # tasks of the dead, and how they died
        self._deaths: collections.Counter[int | None] = collections.Counter()
        self._exit_codes: dict[int, int] = {}
        num_slots = most_tasks + _SLOTS_FOR_READER
        # All others are for tasks, so that there is one for each that may be sent.
        self._free = collections.deque(range(num_slots))
        self._held: set[int] = set()
        with contextlib.ExitStack() as resources:
            descriptor = open_nameless()
            resources.callback(os.close, descriptor)
            self._slots = Slots(descriptor, num_slots)
            self._selector = resources.enter_context(selectors.DefaultSelector())
            self._channel, self._nursery = _start_nursery(work, num_workers, descriptor)
            resources.enter_context(self._channel)
            self._selector.register(self._channel, selectors.EVENT_READ)
            self._workers = [self._start(number) for number in range(num_workers)]
            self._resources = resources.pop_all()

    def send(self, stream: int, start: int, stop: int) -> int:
        """Gives a task to the worker that has the fewest; returns its number."""
        self._receive(0)
        while not self._free:  # until workers are through with what is unwanted
            self._receive()
        slot = self._free.popleft()
        task = Task(self._next_number, slot, stream, start, stop)
        self._next_number += 1
        alive = [worker for worker in self._workers if worker.death is None]
        self._give(min(alive or self._workers, key=lambda x: len(x.tasks)), task)
        return task.number

    def take(self, number: int) -> tuple[Made, float]:
        """The elements of a task, once they are made, and how long that took.

        They lie in the task's slot for as long as anything refers to them, or are
        copied, when the reader already holds as many slots as it may.

        Raises:
            WorkerDiedError: a worker ended that was not told to.
        """
        while number not in self._results:
            if number in self._lost:
                raise WorkerDiedError(self._lost[number])
            self._receive()
        result = self._results.pop(number)
        slot = result.task.slot
        if len(self._held) < _SLOTS_FOR_READER:
            self._held.add(slot)

            def release(
                held: set[int] = self._held, free: collections.deque[int] = self._free
            ) -> None:
                held.discard(slot)
                free.append(slot)

            made = self._slots.read(slot, result.size, release)
        else:
            made = self._slots.read(slot, result.size)
            self._free.append(slot)
        return made, result.seconds

    def forget(self, numbers: Iterable[int]) -> None:
        """Lets go of tasks that were sent and not taken."""
        for number in numbers:
            if number in self._results:
                self._free.append(self._results.pop(number).task.slot)
            elif self._lost.pop(number, None) is None:
                self._unwanted.add(number)

    def close(self) -> None:
        """Ends all workers. May be called twice, and by the end of the program."""
        if os.getpid() != self._owner:  # a copy, in a process that was forked
            return
        for worker in self._workers:
            worker.socket.close()
        self._resources.close()
        try:
            self._nursery.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._nursery.kill()
            self._nursery.wait()

    def profile(self) -> list[str]:
        """What each worker has done so far."""
        elapsed = time.monotonic() - self._begun
        return [
            f"worker {number}: {worker.tasks_done} tasks, at work "
            f"{worker.seconds:.3f} s of {elapsed:.3f} s"
            for number, worker in enumerate(self._workers)
        ]

    # ---- Messages ----

    def _receive(self, timeout: float | None = None) -> None:
        """Takes the messages that are there, waiting for at least one."""
        ready = [key.data for key, _ in self._selector.select(timeout)]
        # The nursery first, as whoever hears of a death takes its message too.
        if None in ready:
            self._hear_nursery()
        for worker in filter(None, ready):
            self._hear_worker(worker)

    def _give(self, worker: _Worker, task: Task) -> None:
        if worker.death is not None:
            self._lose(task, worker.death)
            return
        worker.tasks.append(task)
        # If it has died, that is heard of later, and the task goes to another.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.socket.send(task.pack())

    def _lose(self, task: Task, death: str) -> None:
        if task.number in self._unwanted:
            self._unwanted.remove(task.number)
        else:
            self._lost[task.number] = death
        self._free.append(task.slot)

    def _hear_worker(self, worker: _Worker) -> None:
        message = _nursery.receive(worker.socket, _worker.RESULT.size)
        if not message:
            self._bury(worker)
            return
        number, size, nanoseconds = _worker.RESULT.unpack(message)
        task = worker.tasks.popleft()
        assert task.number == number, (task, number)
        worker.seconds += nanoseconds / 1e9
        worker.tasks_done += 1
        if number in self._unwanted:
            self._unwanted.remove(number)
            self._free.append(task.slot)
        else:
            self._results[number] = Result(task, size, nanoseconds / 1e9)

    def _hear_nursery(self) -> None:
        message = _nursery.receive(self._channel, _nursery.REPORT.size)
        if not message:
            raise WorkerDiedError(
                "mp_prefetch: the process that starts the workers (process "
                f"{self._nursery.pid}) {_describe_exit(self._nursery.wait())}, and "
                "they ended with it."
            )
        report, process, number = _nursery.REPORT.unpack(message)
        if report == _nursery.STARTED:
            self._workers[number].process = process
        else:
            self._exit_codes[process] = number

    # ---- Life and death ----

    def _start(self, number: int) -> _Worker:
        ours, theirs = socket.socketpair()
        with theirs, contextlib.suppress(BrokenPipeError):  # then the channel ends too
            message = _nursery.START.pack(number)
            socket.send_fds(self._channel, [message], [theirs.fileno()])
        self._selector.register(ours, selectors.EVENT_READ, worker := _Worker(ours))
        return worker

    def _bury(self, dead: _Worker) -> None:
        """Gives the tasks of a worker that has died to another, or to nobody."""
        self._selector.unregister(dead.socket)
        dead.socket.close()
        number = self._workers.index(dead)
        told = (
            f"mp_prefetch: worker {number} {self._how_it_ended(dead)} while it "
            f"{self._what_it_did(dead)}."
        )
        cause = dead.tasks[0].number if dead.tasks else None
        self._deaths[cause] += 1
        if not self._restart:
            dead.death = (
                f'{told} With `on_worker_death="restart"`, one of the '
                "`MultiprocessingOptions`, another takes its place."
            )
        elif self._deaths[cause] == _DEATHS_OF_ONE_TASK:
            dead.death = f"{told} It is the {_DEATHS_OF_ONE_TASK}rd to die there."
        else:
            _LOG.warning("%s Another takes its place.", told)
            self._workers[number] = self._start(number)
        for task in dead.tasks:
            self._give(self._workers[number], task)

    def _how_it_ended(self, dead: _Worker) -> str:
        # Its process is known by then: the nursery told when it had started.
        while dead.process not in self._exit_codes:
            if not multiprocessing.connection.wait([self._channel], _SECONDS_TO_REPORT):
                return "ended"
            self._hear_nursery()
        code = self._exit_codes.pop(dead.process)
        return f"(process {dead.process}) {_describe_exit(code)}"

    def _what_it_did(self, dead: _Worker) -> str:
        if not dead.tasks:
            return "had nothing to do"
        task = dead.tasks[0]
        others = task.stop - task.start - 1
        more = f" and {others} more" if others else ""
        return f"made {self._name_candidate(task.stream, task.start)}{more}"


def _describe_exit(code: int) -> str:
    if code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name
    hint = ", as the system does when memory runs out," if name == "SIGKILL" else ""
    return f"was killed by {name}{hint}"


def _interpreter_flags() -> list[str]:
    # Private, but what `multiprocessing` itself starts processes with.
    return subprocess._args_from_interpreter_flags()  # pyright: ignore[reportAttributeAccessIssue]


# The nursery, until it watches the program itself: what it imports takes a while, in
# which it must not outlive the program.
_NURSERY = """\
import os, signal, sys
def end_with_program(*_):
    if os.getppid() != {program}:
        os._exit(1)
signal.signal(signal.SIGALRM, end_with_program)
signal.setitimer(signal.ITIMER_REAL, 0.05, 0.05)
sys.path[:] = {path}
from dolmen.data import _worker
_worker.main{arguments}
"""


def _start_nursery(
    work: _worker.Work, num_workers: int, slots: int
) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """Starts the process that starts workers; returns the channel to it, and itself."""
    # Shared by all processes of a program: it gives memory with a name back when the
    # last of them is gone. A worker's own would do that when the worker is gone.
    tracker = resource_tracker.getfd()
    assert tracker is not None  # it runs now
    pipeline = open_nameless()
    ours, theirs = socket.socketpair()
    try:
        sent = Slots(pipeline, 2)
        prepared = _shipping.dump(_shipping.preparation())
        sizes = (
            sent.write(_worker.PREPARATION, prepared),
            sent.write(_worker.PIPELINE, _shipping.dump_pipeline(work)),
        )
        program = os.getpid()
        channel = theirs.fileno()
        nursery = subprocess.Popen(
            [
                os.fsdecode(multiprocessing.spawn.get_executable()),
                *_interpreter_flags(),
                "-c",
                _NURSERY.format(
                    program=program,
                    path=[*map(str, sys.path)],
                    arguments=(
                        *(channel, program, tracker),
                        *(num_workers, slots, pipeline, sizes),
                    ),
                ),
            ],
            env=os.environ | _NO_ACCELERATOR,
            stdin=subprocess.DEVNULL,
            pass_fds=(channel, tracker, slots, pipeline),
        )
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
        os.close(pipeline)
    return ours, nursery

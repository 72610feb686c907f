"""What a worker process does: it makes the elements it is told to, task by task.

It keeps nothing between tasks that the next one depends on.
"""

import os
import socket
import struct
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import resource_tracker
from typing import Any

from . import _nursery, _shipping
from ._candidates import Candidates
from ._read_ahead import Made
from ._slots import Slots
from ._stages import Stage

TASK = struct.Struct("<qqqqq")  # number, slot, stream, candidates from, to
RESULT = struct.Struct("<qqq")  # number, bytes in the slot, nanoseconds
# The slots that a pipeline is sent in.
PREPARATION, PIPELINE = 0, 1

# The streams of elements that workers make, and what each worker calls first.
Work = tuple[tuple[Stage, ...], Callable[[int, int], None] | None]


def main(
    channel: int,
    program: int,
    tracker: int,
    num_workers: int,
    slots: int,
    pipeline: int,
    sizes: tuple[int, int],
) -> None:
    """Becomes the nursery, and in its children the workers.

    Args:
        channel: descriptor of the nursery's socket.
        program: process id of the program that iterates.
        tracker: descriptor of the pipe to the tracker of shared memory.
        num_workers: how many workers there are.
        slots: descriptor of the slots for elements.
        pipeline: descriptor of the slots with preparation and pipeline.
        sizes: how many bytes they take.
    """
    # As processes that `multiprocessing` starts are told of it.
    shared: Any = resource_tracker._resource_tracker
    shared._fd = tracker
    worker, tasks = _nursery.raise_workers(socket.socket(fileno=channel), program)
    place = f"In worker {worker} (process {os.getpid()})"
    try:
        streams, worker_init_fn = _load(Slots(pipeline, is_private=True), sizes)
        if worker_init_fn is not None:
            worker_init_fn(worker, num_workers)
        make = _Maker(streams, place)
    except BaseException as error:  # noqa: BLE001 - the program raises it
        make = _Failed(_shipping.sendable(error, place))
    _serve(tasks, make, Slots(slots))
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(0)  # what the nursery wanted to do at exit is not for its children


def _load(slots: Slots, sizes: tuple[int, int]) -> Work:
    load = _shipping.loader(slots.read(PREPARATION, sizes[PREPARATION]))
    # The arrays of sources stay where they are, seen by all workers.
    return slots.read(PIPELINE, sizes[PIPELINE], release=lambda: None, load=load)


@dataclass(frozen=True)
class _Failed:
    """Stands in for a worker that could not begin."""

    error: BaseException

    def __call__(self, *_: int) -> Made:
        return Made([], self.error)


class _Maker:
    """Makes the elements of streams by number."""

    def __init__(self, streams: Sequence[Stage], place: str):
        self._streams = [Candidates(stage) for stage in streams]
        self._place = place

    def __call__(self, stream: int, start: int, stop: int) -> Made:
        """The elements of some candidates, each with the position after it."""
        elements = []
        try:
            for element in self._streams[stream].between(start, stop):
                elements.append(element)
        except BaseException as error:  # noqa: BLE001 - the program raises it
            return Made(elements, _shipping.sendable(error, self._place))
        return Made(elements)


def _serve(tasks: socket.socket, make: Callable[..., Made], slots: Slots) -> None:
    """Does tasks until there are no more."""
    while message := _nursery.receive(tasks, TASK.size):
        begun = time.perf_counter_ns()
        number, slot, *candidates = TASK.unpack(message)
        size = _write(slots, slot, make(*candidates))
        nanoseconds = time.perf_counter_ns() - begun
        try:
            tasks.send(RESULT.pack(number, size, nanoseconds))
        except (BrokenPipeError, ConnectionResetError):
            return


def _write(slots: Slots, slot: int, made: Made) -> int:
    try:
        pickled = _shipping.dump(made)
    except Exception:  # noqa: BLE001 - any, as users' classes pickle themselves
        pickled = _shipping.dump(_until_unsendable(made))
    return slots.write(slot, pickled)


def _until_unsendable(made: Made) -> Made:
    """The elements before the first that can't be pickled, and an error for that."""
    for number, (element, _) in enumerate(made.elements):
        try:
            _shipping.dump(element)
        except Exception as error:  # noqa: BLE001 - as above
            reason = TypeError(
                "mp_prefetch: an element of type "
                f"{type(element).__name__} can't be sent from a worker process: "
                f"{error}. Make it an array, a container of arrays or another object "
                "that can be pickled, or make it after `mp_prefetch`."
            )
            return Made(made.elements[:number], reason)
    raise AssertionError(made)

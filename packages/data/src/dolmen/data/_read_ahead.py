"""Threads that make elements ahead of the reader, without changing any of them.

The unit of work is a range of positions. Threads take the next range, whoever is
free, and leave the result under its number; the reader takes results by number.
So the number of threads decides when an element is made, never which.
"""

import atexit
import threading
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

MakeElements = Callable[[range], Sequence[Any]]


@dataclass(frozen=True)
class Made:
    """Elements from the start of a range, and what stopped it before its end."""

    elements: Sequence[Any]
    error: BaseException | None = None


def make(make_elements: MakeElements, positions: range) -> Made:
    """Makes a range of elements; those before a failing one are not lost."""
    try:
        return Made(make_elements(positions))
    except Exception as error:  # noqa: BLE001 - the reader raises it in its turn
        if len(positions) == 1:
            return Made([], error)
    elements = []
    for position in positions:
        one = make(make_elements, range(position, position + 1))
        if one.error is not None:
            return Made(elements, one.error)
        elements.extend(one.elements)
    return Made(elements)


class ReadAhead:
    """Makes the elements of `positions` in threads, `width` at a time.

    At most `depth` ranges are made before the reader asks for them. After an error
    no further range is begun. The threads hold this object but not its reader, so
    a forgotten reader can be collected, which then ends them with `close`.
    """

    def __init__(
        self,
        make_elements: MakeElements,
        positions: range,
        *,
        width: int,
        depth: int,
        num_threads: int,
    ):
        self._make_elements = make_elements
        self._positions = positions
        self._width = width
        self._depth = depth
        self._made: dict[int, Made] = {}
        self._started = 0  # ranges that a thread has taken on
        self._wanted = 0  # the range that the reader asks for next
        self._is_ending = False  # no further range is begun
        self._is_closed = False  # and no range that was made is kept
        # Reentrant, as `close` may run in the middle of any of our own statements
        # when the garbage collector finds the reader.
        lock = threading.RLock()
        self._has_room = threading.Condition(lock)
        self._is_made = threading.Condition(lock)
        self._threads = [
            threading.Thread(target=self._work, name=f"dolmen-data-{i}", daemon=True)
            for i in range(num_threads)
        ]

    def start(self) -> None:
        """Starts the threads. Arrange for `close` before."""
        _running.add(self)
        for thread in self._threads:
            thread.start()

    def take(self) -> Made:
        """The next range's elements, once they are made."""
        with self._is_made:
            number = self._wanted
            self._wanted += 1
            self._has_room.notify()
            while number not in self._made:
                if self._is_closed:  # by the end of the program
                    raise RuntimeError("ReadAhead: closed while it was read from")
                self._is_made.wait()
            return self._made.pop(number)

    def close(self) -> None:
        """Tells the threads to end after what they are doing."""
        with self._has_room:
            self._is_ending = self._is_closed = True
            self._made.clear()
            self._has_room.notify_all()
            self._is_made.notify_all()

    def join(self, timeout: float | None = None) -> None:
        """Waits for the threads to end, each for at most `timeout` seconds."""
        for thread in self._threads:
            # Not all have started if the user interrupted `start`.
            if thread.ident and thread is not threading.current_thread():
                thread.join(timeout)

    def _work(self) -> None:
        while (number := self._claim()) is not None:
            start = number * self._width
            part = self._positions[start : start + self._width]
            try:
                made = make(self._make_elements, part)
            except BaseException as error:  # noqa: BLE001 - the reader raises it
                made = Made([], error)
            with self._is_made:
                if made.error is not None:
                    self._is_ending = True
                    self._has_room.notify_all()
                if not self._is_closed:
                    self._made[number] = made
                self._is_made.notify()

    def _claim(self) -> int | None:
        """The number of the next range to make; None when there is none."""
        with self._has_room:
            while not self._is_done() and self._started >= self._wanted + self._depth:
                self._has_room.wait()
            if self._is_done():
                return None
            self._started += 1
            if self._is_done():  # the threads that still wait are to end too
                self._has_room.notify_all()
            return self._started - 1

    def _is_done(self) -> bool:
        is_exhausted = self._started * self._width >= len(self._positions)
        return self._is_ending or is_exhausted


_running: "weakref.WeakSet[ReadAhead]" = weakref.WeakSet()
# A thread that hangs for longer than this must not keep the program from ending.
_SECONDS_AT_EXIT = 5.0


@atexit.register
def _end_threads() -> None:
    """Waits for all threads: one that returns from C++ to no Python aborts."""
    running = list(_running)
    for read_ahead in running:
        read_ahead.close()
    deadline = time.monotonic() + _SECONDS_AT_EXIT
    for read_ahead in running:
        read_ahead.join(max(0.0, deadline - time.monotonic()))

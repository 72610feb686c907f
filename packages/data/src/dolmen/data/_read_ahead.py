"""Threads that make elements ahead of the reader, without changing any of them.

The unit of work is a range of positions. Threads take the next range, whoever is
free, and leave the result under its number; the reader takes results by number.
So the number of threads decides when an element is made, never which; and so does the
size of ranges, which follows from how long they take.
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


class Pace:
    """How many elements are made together: as many as take about so long.

    Args:
        least: to begin with, and always.
        most: never more than these.
        seconds: from half of it to double is near enough.
    """

    def __init__(self, least: int, most: int, seconds: float = 0.04):
        self.width = self._least = least
        self._most = most
        self._seconds = seconds

    def adapt(self, count: int, seconds: float) -> None:
        """Takes account of how long it took to make some elements together."""
        # Those that were begun at another width would change it twice.
        if count == self.width:
            if seconds < self._seconds / 2:
                self.width = min(2 * count, self._most)
            elif seconds > 2 * self._seconds:
                self.width = max(self._least, count // 2)


class ReadAhead:
    """Makes the elements of `positions` in threads, in ranges.

    After an error no further range is begun. The threads hold this object but not its
    reader, so a forgotten reader can be collected, which then ends them with `close`.

    Args:
        make_elements: of a range of positions.
        positions: of all elements.
        buffer: how many elements are made before they are given out. Those that the
            reader has taken count as given out when it takes the next; the first of
            them at once.
        num_threads: how many threads.
        pace: says how many elements a range has. The buffer should have room for one
            range more than there are threads.
    """

    def __init__(
        self,
        make_elements: MakeElements,
        positions: range,
        *,
        buffer: int,
        num_threads: int,
        pace: Pace | None = None,
    ):
        self._make_elements = make_elements
        self._positions = positions
        self._buffer = buffer
        self._pace = Pace(1, 1) if pace is None else pace
        # By number, with the count of elements up to its end.
        self._made: dict[int, tuple[Made, int]] = {}
        self._started = 0  # ranges that a thread has taken on
        self._begun = 0  # elements of theirs
        self._wanted = 0  # the range that the reader asks for next
        self._taken = 0  # elements of all ranges that it has taken
        self._used = 0  # but for the last of them
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

    def start_for(self, reader: object) -> None:
        """Starts the threads, which end at the latest when the reader is garbage."""
        self._finalizer = weakref.finalize(reader, self.close)
        self.start()

    def end(self) -> None:
        """Ends the threads of a reader, and waits for them."""
        self._finalizer()
        self.join()

    def start(self) -> None:
        """Starts the threads. Arrange for `close` before, as `start_for` does."""
        _running.add(self)
        for thread in self._threads:
            thread.start()

    def take(self) -> Made:
        """The next range's elements, once they are made."""
        with self._is_made:
            number = self._wanted
            self._wanted += 1
            self._used = self._taken
            self._has_room.notify_all()
            while number not in self._made:
                if self._is_closed:  # by the end of the program
                    raise RuntimeError("ReadAhead: closed while it was read from")
                self._is_made.wait()
            made, self._taken = self._made.pop(number)
            return made

    @property
    def stop(self) -> int:
        """The position after the range that was taken last."""
        return self._positions.start + self._taken

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
        while (claimed := self._claim()) is not None:
            number, places = claimed
            begun = time.perf_counter()
            try:
                made = make(self._make_elements, self._positions[places])
            except BaseException as error:  # noqa: BLE001 - the reader raises it
                made = Made([], error)
            seconds = time.perf_counter() - begun
            with self._is_made:
                self._pace.adapt(places.stop - places.start, seconds)
                if made.error is not None:
                    self._is_ending = True
                    self._has_room.notify_all()
                if not self._is_closed:
                    self._made[number] = made, places.stop
                self._is_made.notify()

    def _claim(self) -> tuple[int, slice] | None:
        """The next range to make and its number; None when there is none."""
        with self._has_room:
            while not self._is_done() and not self._has_room_for(self._pace.width):
                self._has_room.wait()
            if self._is_done():
                return None
            number, start = self._started, self._begun
            self._started += 1
            self._begun = min(start + self._pace.width, len(self._positions))
            if self._is_done():  # the threads that still wait are to end too
                self._has_room.notify_all()
            return number, slice(start, self._begun)

    def _has_room_for(self, width: int) -> bool:
        if self._started < self._wanted:  # the reader waits
            return True
        given = self._used + (self._wanted > 0)
        return self._begun + width <= given + self._buffer

    def _is_done(self) -> bool:
        return self._is_ending or self._begun >= len(self._positions)


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

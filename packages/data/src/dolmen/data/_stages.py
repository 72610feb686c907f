"""Stages of a pipeline over elements in order, after planning by index has ended.

A stage is a description; `open` gives a cursor that runs. The position of a cursor
is a handful of integers: where the indexed part stands, and the counts of the
stages that count elements. Nothing that was read ahead is part of it.
"""

import abc
import collections
import functools
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._errors import blame
from ._numbering import Numbering, Position
from ._operations import Operation
from ._options import ReadOptions
from ._read_ahead import Made, Pace, ReadAhead, make
from ._streams import RecordStreams
from ._transforms import batched, function_name
from ._tree import map_leaves, stack

# Elements are made together until about so many source records are touched: from
# there on the fixed costs of calling Python no longer matter; and, if that takes next
# to no time, those of reading from several large files don't either.
_RECORDS_AT_ONCE = 256
_QUICK_RECORDS_AT_ONCE = 2048


class Cursor(abc.ABC):
    """A running stage."""

    @abc.abstractmethod
    def next(self) -> Any:
        """The next element; raises StopIteration after the last."""

    @abc.abstractmethod
    def position(self) -> Position:
        """Where the cursor stands: after the element that `next` gave last."""

    @abc.abstractmethod
    def seek(self, position: Sequence[int]) -> None:
        """Goes to a position."""

    @abc.abstractmethod
    def origin(self, position: Position) -> str:
        """Names the element that was the last before a position."""

    @abc.abstractmethod
    def close(self) -> None:
        """Ends all threads. May be called twice."""

    @abc.abstractmethod
    def start(self) -> None:
        """Starts to read ahead, where there is something to read ahead."""


@dataclass(frozen=True, eq=False)
class Stage(abc.ABC):
    """One step of a pipeline over elements in order."""

    @property
    @abc.abstractmethod
    def depth(self) -> int:
        """Number of operations and stages below."""

    @property
    @abc.abstractmethod
    def default_seed(self) -> int | None:
        """Seed of the random stages above."""

    @abc.abstractmethod
    def describe_all(self) -> list[str]:
        """The calls that made the pipeline, without those that change speed only."""

    def numbering(self) -> Numbering | None:
        """The numbers of all candidates, if their places are known beforehand."""
        return None

    @abc.abstractmethod
    def open(self) -> Cursor:
        """A cursor before the first element."""


@dataclass(frozen=True, eq=False)
class Planned(Stage):
    """The elements of an indexed pipeline, by position."""

    operation: Operation
    options: ReadOptions
    allow_nones: bool

    @property
    def depth(self) -> int:
        return self.operation.depth

    @property
    def default_seed(self) -> int | None:
        return self.operation.default_seed

    def describe_all(self) -> list[str]:
        nones = ["allow_nones"] if self.allow_nones else []
        return self.operation.describe_all() + nones

    def numbering(self) -> Numbering:
        is_gapless = self.allow_nones or not self.operation.drops_records
        return Numbering(self.operation.length, is_gapless, lambda number: (number,))

    def open(self) -> "PlannedCursor":
        return PlannedCursor(self)


class PlannedCursor(Cursor):
    def __init__(self, stage: Planned):
        operation, options = stage.operation, stage.options
        self._fetch = functools.partial(_fetch_rows, operation)
        self._operation = operation
        self._length = operation.length
        self._allow_nones = stage.allow_nones
        self._num_threads = options.num_threads
        self._buffer = options.prefetch_buffer_size
        self._pace = plan_reading(options, operation.source_records)
        self._next = 0
        self._ready: collections.deque[Any] = collections.deque()
        self._error: BaseException | None = None
        self._read_ahead: ReadAhead | None = None

    def next(self) -> Any:
        while True:
            while not self._ready:
                self._refill()
            element = self._ready.popleft()
            self._next += 1
            if element is not None or self._allow_nones:
                return element

    def position(self) -> Position:
        return (self._next,)

    def seek(self, position: Sequence[int]) -> None:
        (number,) = position
        if number > self._length:
            raise ValueError(
                f"set_state: step {number} lies beyond the end, the pipeline has "
                f"{self._length} elements."
            )
        self.close()
        self._next = number

    def limit(self, stop: int, width: int) -> None:
        """From now on ends at `stop`, and makes `width` elements together."""
        self._length, self._pace = stop, Pace(width, width)

    def origin(self, position: Position) -> str:
        return self._operation.origin(position[0] - 1)

    def close(self) -> None:
        self._ready.clear()
        self._error = None
        if self._read_ahead is not None:
            self._read_ahead.end()
            self._read_ahead = None

    def start(self) -> None:
        if self._num_threads and self._read_ahead is None:
            self._read_ahead = ReadAhead(
                self._fetch,
                range(self._next, self._length),
                buffer=self._buffer,
                num_threads=self._num_threads,
                pace=self._pace,
            )
            self._read_ahead.start_for(self)

    def _refill(self) -> None:
        if self._error is not None:
            raise self._error
        if self._next >= self._length:
            raise StopIteration
        made = self._make_next()
        self._ready.extend(made.elements)
        self._error = made.error

    def _make_next(self) -> Made:
        if self._num_threads:
            self.start()
            assert self._read_ahead is not None
            return self._read_ahead.take()
        stop = min(self._next + self._pace.width, self._length)
        begun = time.perf_counter()
        made = make(self._fetch, range(self._next, stop))
        self._pace.adapt(stop - self._next, time.perf_counter() - begun)
        return made


def _fetch_rows(operation: Operation, positions: range) -> list[Any]:
    return operation.fetch(np.arange(positions.start, positions.stop)).rows()


def plan_reading(options: ReadOptions, source_records: int) -> Pace:
    """How many elements are made together.

    The buffer must have room for those in the reader's hands, and as many for each
    thread.
    """
    room = options.prefetch_buffer_size // (options.num_threads + 1)
    least, most = (
        max(1, min(records // source_records, room))
        for records in (_RECORDS_AT_ONCE, _QUICK_RECORDS_AT_ONCE)
    )
    return Pace(least, most)


@dataclass(frozen=True, eq=False)
class OneParent(Stage):
    """A stage above another one."""

    parent: Stage

    @property
    def depth(self) -> int:
        return self.parent.depth + 1

    @property
    def default_seed(self) -> int | None:
        return self.parent.default_seed

    def describe_all(self) -> list[str]:
        return [*self.parent.describe_all(), self.describe()]

    @abc.abstractmethod
    def describe(self) -> str:
        """The call that made this stage."""


class OneParentCursor(Cursor):
    """A cursor that keeps nothing of its own between elements."""

    def __init__(self, parent: Cursor):
        self._parent = parent

    @property
    def parent(self) -> Cursor:
        """The cursor that this one reads from."""
        return self._parent

    def position(self) -> Position:
        return self._parent.position()

    def seek(self, position: Sequence[int]) -> None:
        self._parent.seek(position)

    def origin(self, position: Position) -> str:
        return self._parent.origin(position)

    def close(self) -> None:
        self._parent.close()

    def start(self) -> None:
        self._parent.start()


@dataclass(frozen=True, eq=False)
class Seed(OneParent):
    """Sets the seed of the random stages above."""

    seed: int

    @property
    def default_seed(self) -> int:
        return self.seed

    def numbering(self) -> Numbering | None:
        return self.parent.numbering()

    def describe(self) -> str:
        return f"seed({self.seed})"

    def open(self) -> Cursor:
        return self.parent.open()


@dataclass(frozen=True, eq=False)
class Map(OneParent):
    """A function of one element."""

    function: Callable[[Any], Any]
    name: str

    def numbering(self) -> Numbering | None:
        return self.parent.numbering()

    def describe(self) -> str:
        return f"map({self.name})"

    def open(self) -> Cursor:
        function = self.function
        if isinstance(function, batched):
            function = functools.partial(_call_on_one, function)
        return MapCursor(self.parent.open(), function, self.describe())


def _call_on_one(function: batched, element: Any) -> Any:
    return map_leaves(lambda leaf: leaf[0], function(stack([element])))


class MapCursor(OneParentCursor):
    def __init__(self, parent: Cursor, function: Callable[[Any], Any], culprit: str):
        super().__init__(parent)
        self._function = function
        self._culprit = culprit

    def next(self) -> Any:
        element = self._parent.next()
        return _call(self._function, self._culprit, self._parent, element)


@dataclass(frozen=True, eq=False)
class Filter(OneParent):
    """Only the elements that a function wants."""

    function: Callable[[Any], bool]
    name: str

    def numbering(self) -> Numbering | None:
        numbering = self.parent.numbering()
        return numbering and replace(numbering, is_gapless=False)

    def describe(self) -> str:
        return f"filter({self.name})"

    def open(self) -> Cursor:
        return FilterCursor(self.parent.open(), self.function, self.describe())


class FilterCursor(MapCursor):
    def next(self) -> Any:
        while True:
            element = self._parent.next()
            if _call(self._function, self._culprit, self._parent, element):
                return element


@dataclass(frozen=True, eq=False)
class MapWithIndex(OneParent):
    """A function of the number of an element and the element."""

    function: Callable[[int, Any], Any]
    name: str

    def numbering(self) -> Numbering | None:
        return _count_on(self.parent.numbering())

    def describe(self) -> str:
        return f"map_with_index({self.name})"

    def open(self) -> Cursor:
        return CountingCursor(self.parent.open(), self.function, self.describe())


class CountingCursor(OneParentCursor):
    """Calls a function with the count of elements so far and the element."""

    def __init__(
        self, parent: Cursor, function: Callable[[int, Any], Any], culprit: str
    ):
        super().__init__(parent)
        self._function = function
        self._culprit = culprit
        self._count = 0

    def next(self) -> Any:
        element = self._parent.next()
        function = functools.partial(self._function, self._count)
        result = _call(function, self._culprit, self._parent, element)
        self._count += 1
        return result

    def position(self) -> Position:
        return (*self._parent.position(), self._count)

    def seek(self, position: Sequence[int]) -> None:
        *below, self._count = position
        self._parent.seek(below)

    def origin(self, position: Position) -> str:
        return self._parent.origin(position[:-1])


def _count_on(numbering: Numbering | None) -> Numbering | None:
    """With the count of a stage that counts; unknown where filters make gaps."""
    if numbering is None or not numbering.is_gapless:
        return None
    below = numbering.position_before
    return replace(numbering, position_before=lambda number: (*below(number), number))


@dataclass(frozen=True, eq=False)
class RandomMap(OneParent):
    """A function of an element and of random numbers that belong to its number."""

    function: Callable[[Any, np.random.Generator], Any]
    name: str
    seed: int
    explicit: bool

    def numbering(self) -> Numbering | None:
        return _count_on(self.parent.numbering())

    def describe(self) -> str:
        seed = f", {self.seed}" if self.explicit else ""
        return f"random_map({self.name}{seed})"

    def open(self) -> Cursor:
        streams = RecordStreams(self.seed, self.depth)

        def call(count: int, element: Any) -> Any:
            return self.function(element, streams.at(0, count))

        return CountingCursor(self.parent.open(), call, self.describe())


@dataclass(frozen=True, eq=False)
class Batch(OneParent):
    """Consecutive elements as one."""

    size: int
    drop_remainder: bool
    function: Callable[[Sequence[Any]], Any] | None

    def describe(self) -> str:
        options = ", drop_remainder=True" if self.drop_remainder else ""
        if self.function is not None:
            options += f", {function_name(self.function)}"
        return f"batch({self.size}{options})"

    def numbering(self) -> Numbering | None:
        below = self.parent.numbering()
        if below is None or not below.is_gapless:
            return None
        full, rest = divmod(below.count, self.size)

        def position_before(number: int) -> Position:
            return below.position_before(min(number * self.size, below.count))

        count = full if self.drop_remainder or not rest else full + 1
        return Numbering(count, True, position_before)

    def open(self) -> Cursor:
        return BatchCursor(self.parent.open(), self)


class BatchCursor(OneParentCursor):
    def __init__(self, parent: Cursor, stage: Batch):
        super().__init__(parent)
        self._stage = stage

    def origin(self, position: Position) -> str:
        return f"the batch that ends with {self._parent.origin(position)}"

    def next(self) -> Any:
        elements = []
        for _ in range(self._stage.size):
            try:
                elements.append(self._parent.next())
            except StopIteration:
                if self._stage.drop_remainder or not elements:
                    raise
                break
        if self._stage.function is None:
            return stack(elements)
        culprit = self._stage.describe()
        return _call(self._stage.function, culprit, self, elements)


@dataclass(frozen=True, eq=False)
class SpeedOnly(OneParent):
    """A stage that decides who makes the elements below, and changes none."""

    @property
    def depth(self) -> int:
        # Random numbers depend on the depth.
        return self.parent.depth

    def numbering(self) -> Numbering | None:
        return self.parent.numbering()

    def describe_all(self) -> list[str]:
        return self.parent.describe_all()


@dataclass(frozen=True, eq=False)
class Prefetch(SpeedOnly):
    """Runs everything below in a thread of its own."""

    buffer_size: int

    def describe(self) -> str:
        return f"prefetch({self.buffer_size})"

    def open(self) -> Cursor:
        return PrefetchCursor(self.parent.open(), self.buffer_size)


class PrefetchCursor(OneParentCursor):
    """Each element travels with the position after it."""

    def __init__(self, parent: Cursor, buffer_size: int):
        super().__init__(parent)
        self._buffer_size = buffer_size
        self._position = parent.position()
        self._read_ahead: ReadAhead | None = None

    def next(self) -> Any:
        self.start()
        assert self._read_ahead is not None
        made = self._read_ahead.take()
        if made.error is not None:
            self._stop()
            raise made.error
        ((element, self._position),) = made.elements
        return element

    def position(self) -> Position:
        return self._position

    def seek(self, position: Sequence[int]) -> None:
        self._stop()
        self._parent.seek(position)
        self._position = self._parent.position()

    def close(self) -> None:
        self._stop()
        self._parent.close()

    def start(self) -> None:
        if self._read_ahead is None:
            self._read_ahead = ReadAhead(
                functools.partial(_next_with_position, self._parent),
                range(sys.maxsize),
                buffer=self._buffer_size,
                num_threads=1,
            )
            self._read_ahead.start_for(self)

    def _stop(self) -> None:
        if self._read_ahead is not None:
            self._read_ahead.end()
            self._read_ahead = None


def _next_with_position(cursor: Cursor, _: range) -> list[tuple[Any, Position]]:
    return [(cursor.next(), cursor.position())]


def _call(
    function: Callable[[Any], Any], culprit: str, below: Cursor, element: Any
) -> Any:
    try:
        return function(element)
    except Exception as error:  # noqa: BLE001 - `blame` raises it again
        blame(error, culprit, below.origin(below.position()))

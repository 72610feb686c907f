"""Operations on indexed records: a pipeline is a chain of them, planned by index.

An operation answers one question: which records stand at these *positions*?
Positions run on beyond the length of an operation: position ``p`` is record
``p % length`` of epoch ``p // length``. The epoch is handed down to the source
inside the position, so that every operation finds there what depends on it (the
order of a shuffle, the random numbers of a map). No operation has any state.
"""

import abc
import functools
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import _sources
from ._block import Block, Columns, Rows
from ._errors import blame
from ._permutation import EpochOrders
from ._streams import RecordStreams, shuffle_key
from ._transforms import batched, function_name
from ._tree import leaves_with_paths, outline_leaf


@dataclass(frozen=True, eq=False)
class Operation(abc.ABC):
    """One step of a pipeline over indexed records."""

    @property
    @abc.abstractmethod
    def parents(self) -> tuple["Operation", ...]:
        """The operations this one reads from."""

    @functools.cached_property
    def length(self) -> int:
        """Number of records in one epoch."""
        return self.count()

    @abc.abstractmethod
    def count(self) -> int:
        """What `length` remembers."""

    @abc.abstractmethod
    def fetch(self, positions: np.ndarray) -> Block:
        """The records at int64 positions, none of them negative."""

    @abc.abstractmethod
    def below(self, positions: np.ndarray) -> "list[Below]":
        """What the records at positions are made of, without reading any."""

    @abc.abstractmethod
    def describe(self) -> str:
        """The call that made this operation, in short."""

    @abc.abstractmethod
    def origin(self, position: int) -> str:
        """Says which record of which source stands at a position."""

    @functools.cached_property
    def depth(self) -> int:
        """Number of operations below: what tells the random ones apart."""
        return 1 + max((parent.depth for parent in self.parents), default=-1)

    @property
    def default_seed(self) -> int | None:
        """Seed of the random operations above this one."""
        return self.parents[0].default_seed if self.parents else None

    @property
    def source_records(self) -> int:
        """How many records of the sources one record is made of, at most."""
        return self.parents[0].source_records if self.parents else 1

    @property
    def drops_records(self) -> bool:
        """Whether a filter stands below."""
        return any(parent.drops_records for parent in self.parents)

    @property
    def calls_one_by_one(self) -> bool:
        """Whether it calls Python once for every record."""
        return False

    def describe_all(self) -> list[str]:
        """Descriptions of all operations, from the source."""
        below = [line for parent in self.parents for line in parent.describe_all()]
        return [*below, self.describe()]


@dataclass(frozen=True)
class Below:
    """Records of one operation that records of another are made of.

    Attributes:
        operation: the one below.
        positions: int64 positions there, in the order of the records above.
    """

    operation: Operation
    positions: np.ndarray


@dataclass(frozen=True, eq=False)
class Source(Operation):
    """Records of a random-access object."""

    source: Any

    @property
    def parents(self) -> tuple[Operation, ...]:
        return ()

    @property
    def drops_records(self) -> bool:
        return getattr(self.source, "may_skip", False)

    @property
    def calls_one_by_one(self) -> bool:
        return not _sources.reads_many(self.source)

    def count(self) -> int:
        return len(self.source)

    def fetch(self, positions: np.ndarray) -> Block:
        records = positions % self.length
        if not _sources.reads_many(self.source):
            read_one = self.source.__getitem__
            return Rows(call_each(self, read_one, records.tolist(), positions))
        try:
            return _sources.read_many(self.source, records)
        except Exception as error:  # noqa: BLE001 - `blame` raises it again
            blame(error, self.describe(), _name_records(records))

    def below(self, positions: np.ndarray) -> list[Below]:
        return []

    def describe(self) -> str:
        return f"source({_sources.describe(self.source)})"

    def origin(self, position: int) -> str:
        return f"record {position % self.length} of {self.describe()}"


@dataclass(frozen=True, eq=False)
class OneParent(Operation):
    """An operation on one other; by default it keeps positions as they are."""

    parent: Operation

    @property
    def parents(self) -> tuple[Operation, ...]:
        return (self.parent,)

    def count(self) -> int:
        return self.parent.length

    def down(self, positions: np.ndarray) -> np.ndarray:
        """Where in the parent the records at positions stand."""
        return positions

    def fetch(self, positions: np.ndarray) -> Block:
        return self.parent.fetch(self.down(positions))

    def below(self, positions: np.ndarray) -> list[Below]:
        return [Below(self.parent, self.down(positions))]

    def origin(self, position: int) -> str:
        (below,) = self.down(np.array([position])).tolist()
        return self.parent.origin(below)


@dataclass(frozen=True, eq=False)
class Seed(OneParent):
    """Sets the seed of the random operations above."""

    seed: int

    @property
    def default_seed(self) -> int:
        return self.seed

    def describe(self) -> str:
        return f"seed({self.seed})"


@dataclass(frozen=True, eq=False)
class Shuffle(OneParent):
    """Another order in every epoch, over all records."""

    seed: int
    explicit: bool

    def down(self, positions: np.ndarray) -> np.ndarray:
        epochs, places = np.divmod(positions, self.length)
        first = int(epochs[0])
        if (epochs == first).all():
            return self._shuffled(first, places)
        records = np.empty_like(positions)
        for epoch in np.unique(epochs).tolist():
            chosen = epochs == epoch
            records[chosen] = self._shuffled(epoch, places[chosen])
        return records

    def describe(self) -> str:
        return f"shuffle({self.seed})" if self.explicit else "shuffle"

    @functools.cached_property
    def _orders(self) -> EpochOrders:
        key_of_epoch = functools.partial(shuffle_key, self.seed, self.depth)
        return EpochOrders(self.length, key_of_epoch)

    def _shuffled(self, epoch: int, places: np.ndarray) -> np.ndarray:
        """Positions of the parent, in the same epoch."""
        return self._orders(epoch, places) + epoch * self.length


@dataclass(frozen=True, eq=False)
class Slice(OneParent):
    """Every ``step``-th record from ``start``."""

    chosen: range

    def count(self) -> int:
        return len(self.chosen)

    def down(self, positions: np.ndarray) -> np.ndarray:
        epochs, places = np.divmod(positions, self.length)
        records = self.chosen.start + places * self.chosen.step
        return records + epochs * self.parent.length

    def describe(self) -> str:
        start, stop, step = self.chosen.start, self.chosen.stop, self.chosen.step
        return (
            f"slice({start}:{stop}:{step})" if step != 1 else f"slice({start}:{stop})"
        )


@dataclass(frozen=True, eq=False)
class Repeat(OneParent):
    """Several epochs in a row, or as many as are asked for."""

    epochs: int | None
    reseed: bool

    def count(self) -> int:
        if self.epochs is None:
            return sys.maxsize if self.parent.length else 0
        return self.parent.length * self.epochs

    def down(self, positions: np.ndarray) -> np.ndarray:
        return positions if self.reseed else positions % self.parent.length

    def describe(self) -> str:
        count = [] if self.epochs is None else [str(self.epochs)]
        options = [] if self.reseed else ["reseed_each_epoch=False"]
        arguments = ", ".join(count + options)
        return f"repeat({arguments})" if arguments else "repeat"

    def origin(self, position: int) -> str:
        if not self.reseed:
            position %= self.parent.length
        return self.parent.origin(position)


@dataclass(frozen=True, eq=False)
class Map(OneParent):
    """A function of one record."""

    function: Callable[[Any], Any]
    name: str

    @property
    def calls_one_by_one(self) -> bool:
        return not isinstance(self.function, batched)

    def fetch(self, positions: np.ndarray) -> Block:
        block = self.parent.fetch(positions)
        if isinstance(self.function, batched):
            return self._call_batched(self.function, block, positions)
        return Rows(call_each(self, self.function, block.rows(), positions))

    def describe(self) -> str:
        return f"map({self.name})"

    def _call_batched(
        self, function: batched, block: Block, positions: np.ndarray
    ) -> Block:
        if self.drops_records:
            rows = block.rows()
            kept = [i for i, row in enumerate(rows) if row is not None]
            if not kept:
                return block
            some = Rows([rows[i] for i in kept])
            results = self._call_batched_on_all(function, some, positions[kept]).rows()
            for i, result in zip(kept, results, strict=True):
                rows[i] = result
            return Rows(rows)
        return self._call_batched_on_all(function, block, positions)

    def _call_batched_on_all(
        self, function: batched, block: Block, positions: np.ndarray
    ) -> Block:
        stacked = block.stacked()
        try:
            result = function(stacked)
        except Exception as error:  # noqa: BLE001 - `blame` raises it again
            blame(error, self.describe(), _name_origins(self, positions))
        return Columns(_checked_rows(self, result, len(positions)), len(positions))


@dataclass(frozen=True, eq=False)
class MapWithIndex(OneParent):
    """A function of a position and its record."""

    function: Callable[[int, Any], Any]
    name: str

    @property
    def calls_one_by_one(self) -> bool:
        return True

    def fetch(self, positions: np.ndarray) -> Block:
        rows = self.parent.fetch(positions).rows()
        indices = iter(positions.tolist())
        # `call_each` skips dropped records, but their positions count.
        kept = (i for i, row in zip(indices, rows, strict=True) if row is not None)

        def call(row: Any) -> Any:
            return self.function(next(kept), row)

        return Rows(call_each(self, call, rows, positions))

    def describe(self) -> str:
        return f"map_with_index({self.name})"


@dataclass(frozen=True, eq=False)
class RandomMap(OneParent):
    """A function of a record and of random numbers that belong to it."""

    function: Callable[[Any, np.random.Generator], Any]
    name: str
    seed: int
    explicit: bool

    @property
    def calls_one_by_one(self) -> bool:
        return True

    def fetch(self, positions: np.ndarray) -> Block:
        rows = self.parent.fetch(positions).rows()
        streams = RecordStreams(self.seed, self.depth)
        epochs, places = (part.tolist() for part in np.divmod(positions, self.length))
        triples = zip(epochs, places, rows, strict=True)
        kept = ((epoch, place) for epoch, place, row in triples if row is not None)

        def call(row: Any) -> Any:
            return self.function(row, streams.at(*next(kept)))

        return Rows(call_each(self, call, rows, positions))

    def describe(self) -> str:
        seed = f", {self.seed}" if self.explicit else ""
        return f"random_map({self.name}{seed})"


@dataclass(frozen=True, eq=False)
class Filter(OneParent):
    """Puts ``None`` in the place of records that are not wanted."""

    function: Callable[[Any], bool]
    name: str

    @property
    def drops_records(self) -> bool:
        return True

    @property
    def calls_one_by_one(self) -> bool:
        return True

    def fetch(self, positions: np.ndarray) -> Block:
        rows = self.parent.fetch(positions).rows()
        wanted = call_each(self, self.function, rows, positions)
        pairs = zip(rows, wanted, strict=True)
        return Rows([row if keep else None for row, keep in pairs])

    def describe(self) -> str:
        return f"filter({self.name})"


@dataclass(frozen=True, eq=False)
class Batch(OneParent):
    """Consecutive records as one; the last of an epoch may be smaller."""

    size: int
    drop_remainder: bool
    function: Callable[[Sequence[Any]], Any] | None

    def count(self) -> int:
        full, rest = divmod(self.parent.length, self.size)
        return full if self.drop_remainder or not rest else full + 1

    @property
    def source_records(self) -> int:
        return self.size * self.parent.source_records

    def fetch(self, positions: np.ndarray) -> Block:
        records, sizes = self._records(positions)
        block = self.parent.fetch(records)
        if self.function is None:
            return block.split(sizes)
        rows = iter(block.rows())
        groups = [[next(rows) for _ in range(size)] for size in sizes]
        return Rows(call_each(self, self.function, groups, positions))

    def describe(self) -> str:
        options = ", drop_remainder=True" if self.drop_remainder else ""
        if self.function is not None:
            options += f", {function_name(self.function)}"
        return f"batch({self.size}{options})"

    def below(self, positions: np.ndarray) -> list[Below]:
        return [Below(self.parent, self._records(positions)[0])]

    def origin(self, position: int) -> str:
        start, stop = self._span(position)
        return f"{stop - start} records from {self.parent.origin(start)}"

    def _records(self, positions: np.ndarray) -> tuple[np.ndarray, list[int]]:
        """Positions of the parent for some batches, and how many are of each."""
        spans = [self._span(position) for position in positions.tolist()]
        records = np.concatenate([np.arange(*span) for span in spans])
        return records, [stop - start for start, stop in spans]

    def _span(self, position: int) -> tuple[int, int]:
        """Positions of the parent from start to stop; never across epochs."""
        epoch, place = divmod(position, self.length)
        first = epoch * self.parent.length
        start = place * self.size
        return first + start, first + min(start + self.size, self.parent.length)


def element_at(operation: Operation, position: int) -> Any:
    """The one record at a position."""
    (row,) = operation.fetch(np.array([position])).rows()
    return row


def call_each(
    operation: Operation,
    function: Callable[[Any], Any],
    rows: Sequence[Any],
    positions: np.ndarray,
) -> list[Any]:
    """Calls `function` on every record that no filter has dropped."""
    results = []
    try:
        for row in rows:
            results.append(None if row is None else function(row))
    except Exception as error:  # noqa: BLE001 - `blame` raises it again
        record = operation.origin(int(positions[len(results)]))
        blame(error, operation.describe(), record)
    return results


def _checked_rows(operation: Operation, result: Any, size: int) -> Any:
    leaves = leaves_with_paths(result, "result")
    wrong = [
        f"  {path}: {outline_leaf(leaf)}"
        for path, leaf in leaves
        if not isinstance(leaf, np.ndarray) or leaf.shape[:1] != (size,)
    ]
    if wrong:
        raise ValueError(
            f"{operation.describe()}: a `batched` function must return arrays with "
            f"one row for each of the {size} records it got:\n" + "\n".join(wrong)
        )
    return result


def _name_origins(operation: Operation, positions: np.ndarray) -> str:
    first = operation.origin(int(positions[0]))
    others = len(positions) - 1
    return f"{first} and {others} more" if others else first


def _name_records(records: np.ndarray) -> str:
    if len(records) == 1:
        return f"record {records[0]}"
    listed = ", ".join(map(str, records[:4].tolist()))
    dots = ", ..." if len(records) > 4 else ""
    return f"one of the {len(records)} records {listed}{dots}"

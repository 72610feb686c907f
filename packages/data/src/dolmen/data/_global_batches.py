"""The rows of global batches that one host makes.

A batch of the pipeline is the batch of all hosts together. Host ``h`` of ``n`` makes a
range of its rows that follow one another, so that joining the hosts' parts in their
order gives the batch, whatever their number.
"""

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import _operations, _stages
from ._combinations import Selection
from ._operations import Operation, Repeat, Seed, Shuffle, Slice
from ._sharding import ShardOptions
from ._tree import stack
from ._window_shuffle import WindowShuffle

# They choose among batches and leave each as it is.
_CHOOSING = (Seed, Shuffle, Slice, Repeat, WindowShuffle)


@dataclass(frozen=True, eq=False)
class PartOfBatch(_operations.Batch):
    """A range of the rows of every batch."""

    shard: ShardOptions

    def _span(self, position: int) -> tuple[int, int]:
        start, stop = super()._span(position)
        rows = self.shard.records_of(stop - start)
        return start + rows.start, start + rows.stop


@dataclass(frozen=True, eq=False)
class PartOfBatchStage(_stages.Batch):
    """A range of the rows of every batch, of a pipeline whose elements come in order.

    Elements have to be made to be counted, so every host makes all of them.
    """

    shard: ShardOptions

    def open(self) -> _stages.Cursor:
        function = stack if self.function is None else self.function

        def combine(elements: Sequence[Any]) -> Any:
            rows = self.shard.records_of(len(elements))
            return function(elements[rows.start : rows.stop])

        whole = _stages.Batch(self.parent, self.size, self.drop_remainder, combine)
        return _stages.BatchCursor(self.parent.open(), whole)


def part_of(stage: _stages.Stage, shard: ShardOptions) -> _stages.Stage:
    """The pipeline with only the host's rows of every batch.

    Raises:
        ValueError: its elements are no batches, or a batch has fewer rows than hosts.
    """
    if shard.shard_count == 1:
        return stage
    if isinstance(stage, _stages.Planned):
        operation = _part_of_operation(stage.operation, shard)
        return dataclasses.replace(stage, operation=operation)
    if isinstance(stage, _stages.Batch):
        if stage.size < shard.shard_count or not stage.drop_remainder:
            raise ValueError(
                f"loader: {stage.describe()} may end with a batch of fewer rows than "
                f"the {shard.shard_count} hosts. Pass `drop_remainder=True` to `batch`."
            )
        fields = {f.name: getattr(stage, f.name) for f in dataclasses.fields(stage)}
        return PartOfBatchStage(**fields, shard=shard)
    if isinstance(stage, _stages.Prefetch | _stages.Seed):
        return dataclasses.replace(stage, parent=part_of(stage.parent, shard))
    raise _no_batches(stage.describe_all()[-1])


def _part_of_operation(operation: Operation, shard: ShardOptions) -> Operation:
    if isinstance(operation, _operations.Batch):
        return _part_of_batch(operation, shard)
    if isinstance(operation, _CHOOSING):
        parent = _part_of_operation(operation.parent, shard)
        return dataclasses.replace(operation, parent=parent)
    if isinstance(operation, Selection):
        parts = tuple(_part_of_operation(part, shard) for part in operation.parts)
        return dataclasses.replace(operation, parts=parts)
    raise _no_batches(operation.describe())


def _part_of_batch(batch: _operations.Batch, shard: ShardOptions) -> PartOfBatch:
    length = batch.parent.length
    has_rest = not batch.drop_remainder and length < sys.maxsize
    smallest = (length % batch.size if has_rest else 0) or batch.size
    if smallest < shard.shard_count:
        raise ValueError(
            f"loader: {batch.describe()} gives a batch of {smallest} rows, fewer than "
            f"the {shard.shard_count} hosts. Pass `drop_remainder=True` to `batch`, or "
            "call `repeat` before it."
        )
    fields = {f.name: getattr(batch, f.name) for f in dataclasses.fields(batch)}
    return PartOfBatch(**fields, shard=shard)


def _no_batches(last: str) -> ValueError:
    return ValueError(
        f"loader: several hosts share the rows of batches, but {last} comes after "
        "`batch` or there is none. Call `batch` last: functions of single records, or "
        "those marked with `batched`, belong before it."
    )

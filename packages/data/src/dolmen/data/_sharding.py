"""Which part of the records a process reads."""

from dataclasses import dataclass

from ._arguments import at_least
from ._frameworks import array_library


@dataclass(frozen=True)
class ShardOptions:
    """One of several disjoint parts of all records.

    Part ``i`` of ``n`` holds consecutive records; without `drop_remainder` the
    first parts hold one more where the number of records does not divide evenly.

    Attributes:
        shard_index: which part.
        shard_count: number of parts.
        drop_remainder: leave out records so that all parts are of equal size.

    Raises:
        ValueError: `shard_index` is not in ``range(shard_count)``.

    Example:
        >>> [ShardOptions(i, 3).records_of(8) for i in range(3)]
        [range(0, 3), range(3, 6), range(6, 8)]
    """

    shard_index: int
    shard_count: int
    drop_remainder: bool = False

    def __post_init__(self) -> None:
        """Checks the numbers."""
        at_least("ShardOptions", "shard_count", self.shard_count, 1)
        at_least("ShardOptions", "shard_index", self.shard_index, 0)
        if self.shard_index >= self.shard_count:
            raise ValueError(
                f"ShardOptions: `shard_index` must be below `shard_count`, got "
                f"{self.shard_index} of {self.shard_count}."
            )

    def records_of(self, num_records: int) -> range:
        """The records of this part, of `num_records` in all."""
        even, rest = divmod(num_records, self.shard_count)
        if self.drop_remainder:
            rest = 0
        start = self.shard_index * even + min(self.shard_index, rest)
        return range(start, start + even + (self.shard_index < rest))


class NoSharding(ShardOptions):
    """All records in one part."""

    def __init__(self) -> None:
        super().__init__(shard_index=0, shard_count=1)


class ShardByJaxProcess(ShardOptions):
    """The part of this process among those that `dolmen.core` runs in.

    Args:
        drop_remainder: leave out records so that all parts are of equal size.

    Raises:
        RuntimeError: the program has not imported `dolmen.core`.
    """

    def __init__(self, drop_remainder: bool = False):
        library = array_library("ShardByJaxProcess")
        super().__init__(
            shard_index=library.process_index(),
            shard_count=library.process_count(),
            drop_remainder=drop_remainder,
        )

"""What a sampler says of a record, and the record with it."""

import dataclasses
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


@dataclasses.dataclass(slots=True)
class RecordMetadata:
    """What a sampler says of one record.

    Attributes:
        index: its place in the order of all records, over all epochs and shards.
        record_key: its number in the source.
        rng: its random numbers.

    Example:
        >>> RecordMetadata(index=3, record_key=7).remove_record_key()
        RecordMetadata(index=3, record_key=None, rng=None)
    """

    index: int
    record_key: int | None = None
    rng: np.random.Generator | None = None

    def remove_record_key(self) -> "RecordMetadata":
        """The same without `record_key`: for what is no single record any more."""
        return dataclasses.replace(self, record_key=None)


@dataclasses.dataclass(slots=True)
class Record(Generic[T]):
    """Data with what its sampler said of it."""

    metadata: RecordMetadata
    data: T


# Names of features that Grain's index datasets add to records.
INDEX = "_index"
RECORD_KEY = "_record_key"
DATASET_INDEX = "_dataset_index"
EPOCH = "_epoch"
SEED = "_seed"
RECORD = "_record"
META_FEATURES = frozenset({INDEX, RECORD_KEY, DATASET_INDEX, EPOCH, SEED, RECORD})

"""A pipeline in one call."""

from collections.abc import Sequence
from typing import Any

from ._data_loader import DataLoader
from ._options import ReadOptions
from ._samplers import IndexSampler
from ._sharding import ShardOptions
from ._sources import as_source
from ._transforms import Batch, Transformation


def load(
    source: Any,
    *,
    num_epochs: int | None = None,
    shuffle: bool = False,
    seed: int | None = None,
    shard_options: ShardOptions | None = None,
    transformations: Sequence[Transformation] = (),
    batch_size: int | None = None,
    drop_remainder: bool = False,
    worker_count: int | None = 0,
    read_options: ReadOptions | None = None,
) -> DataLoader[Any]:
    """A `DataLoader` over the records of a source, by index.

    Args:
        source: anything with ``__len__`` and ``__getitem__``.
        num_epochs: how many; None for as many as are asked for.
        shuffle: another random order in every epoch.
        seed: for shuffling and for random maps.
        shard_options: the part to read; everything if None.
        transformations: instances of the classes in `dolmen.data.transforms`.
        batch_size: elements per batch; None for no batches.
        drop_remainder: leave out a last batch that is smaller.
        worker_count: processes that make elements; 0 for this one.
        read_options: threads and buffer; they change speed only.

    Raises:
        ValueError: a number is out of range, or shuffling lacks a seed.

    Example:
        >>> list(load([1, 2, 3], num_epochs=1, batch_size=2))
        [array([1, 2]), array([3])]
    """
    as_source(source)  # or tells what it lacks
    sampler = IndexSampler(
        len(source),
        shard_options=shard_options,
        shuffle=shuffle,
        num_epochs=num_epochs,
        seed=seed,
    )
    batch = [] if batch_size is None else [Batch(batch_size, drop_remainder)]
    return DataLoader(
        data_source=source,
        sampler=sampler,
        operations=[*transformations, *batch],
        worker_count=worker_count,
        read_options=read_options,
    )

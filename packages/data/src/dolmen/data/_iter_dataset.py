"""Datasets of elements in order."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import numpy as np

from . import _stages
from ._arguments import at_least, checked_seed, needed_seed, resolve
from ._device_stage import on_device
from ._frameworks import process_index_and_count
from ._global_batches import part_of
from ._iterator import DatasetIterator
from ._loader import Loader
from ._options import MultiprocessingOptions
from ._sharding import ShardOptions
from ._transforms import (
    Batch,
    Filter,
    Map,
    MapWithIndex,
    RandomMap,
    Transformation,
    function_name,
)

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")


class IterDataset(Iterable[T], Generic[T]):
    """A pipeline whose elements come in order, made by `MapDataset.to_iter_dataset`.

    It can do what an index can not plan: drop elements for good. Each method
    returns a new dataset. A dataset may be iterated over any number of times.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.range(10).to_iter_dataset().filter(lambda x: x % 3 == 0)
        >>> list(ds.batch(2))
        [array([0, 3]), array([6, 9])]
    """

    def __init__(self, stage: _stages.Stage):
        self._stage = stage

    def __iter__(self) -> DatasetIterator[T]:
        """An iterator before the first element."""
        return DatasetIterator(self._stage)

    def __repr__(self) -> str:
        """The calls that made the pipeline."""
        return f"IterDataset({' > '.join(self._stage.describe_all())})"

    def seed(self, seed: int) -> "IterDataset[T]":
        """Sets the seed of the random operations that follow.

        Args:
            seed: an integer in ``range(2**64)``.
        """
        seed = checked_seed("IterDataset.seed", seed)
        return IterDataset(_stages.Seed(self._stage, seed))

    def map(self, transform: Map | Callable[[T], S]) -> "IterDataset[S]":
        """Applies a function to every element.

        Args:
            transform: a function of one element, or a `transforms.Map`.
        """
        function = resolve("IterDataset.map", transform, Map, "map")
        return IterDataset(_stages.Map(self._stage, function, function_name(transform)))

    def map_with_index(
        self, transform: MapWithIndex | Callable[[int, T], S]
    ) -> "IterDataset[S]":
        """Applies a function to the number of every element and the element.

        Args:
            transform: a function ``(index, element)``, or a
                `transforms.MapWithIndex`. Numbers count from 0 what arrives here.
        """
        function = resolve(
            "IterDataset.map_with_index", transform, MapWithIndex, "map_with_index"
        )
        name = function_name(transform)
        return IterDataset(_stages.MapWithIndex(self._stage, function, name))

    def random_map(
        self,
        transform: RandomMap | Callable[[T, np.random.Generator], S],
        *,
        seed: int | None = None,
    ) -> "IterDataset[S]":
        """Applies a function to every element and random numbers of its own.

        Args:
            transform: a function ``(element, rng)``, or a `transforms.RandomMap`.
                `rng` depends on the seed and on the number of the element that
                arrives here; it is valid during the call.
            seed: instead of the one set by `seed`.

        Raises:
            ValueError: there is no seed.
        """
        call = "IterDataset.random_map"
        function = resolve(call, transform, RandomMap, "random_map")
        chosen = needed_seed(call, seed, self._stage.default_seed)
        name = function_name(transform)
        return IterDataset(
            _stages.RandomMap(self._stage, function, name, chosen, seed is not None)
        )

    def filter(self, transform: Filter | Callable[[T], bool]) -> "IterDataset[T]":
        """Keeps the elements for which a function is true.

        Args:
            transform: a function of one element, or a `transforms.Filter`.
        """
        function = resolve("IterDataset.filter", transform, Filter, "filter")
        name = function_name(transform)
        return IterDataset(_stages.Filter(self._stage, function, name))

    def batch(
        self,
        batch_size: int,
        *,
        drop_remainder: bool = False,
        batch_fn: Callable[[Sequence[T]], Any] | None = None,
    ) -> "IterDataset[Any]":
        """Makes one element of `batch_size` consecutive ones.

        Args:
            batch_size: elements per batch.
            drop_remainder: leave out a last batch that is smaller.
            batch_fn: makes a batch of a list of elements; by default they are
                stacked, leaf by leaf, along a new leading axis.
        """
        size = at_least("IterDataset.batch", "batch_size", batch_size, 1)
        return IterDataset(_stages.Batch(self._stage, size, drop_remainder, batch_fn))

    def prefetch(self, buffer_size: int = 2) -> "IterDataset[T]":
        """Makes elements in a thread of their own, ahead of their use.

        Changes neither elements nor states. Use it after the last slow stage, and
        `ReadOptions` for more threads over the indexed part.

        Args:
            buffer_size: elements that may be made before they are asked for.
        """
        size = at_least("IterDataset.prefetch", "buffer_size", buffer_size, 1)
        return IterDataset(_stages.Prefetch(self._stage, size))

    def loader(
        self,
        *,
        step: int = 0,
        state: dict[str, Any] | None = None,
        shard_options: ShardOptions | None = None,
        workers: int = 0,
        device: Any = None,
    ) -> Loader[T]:
        """Iterates over this host's rows of the batches; see `MapDataset.loader`.

        Where filters come before `batch`, every host makes all elements, because only
        so it knows which are its own.

        Args:
            step: the batch to begin with.
            state: of any host's loader over the same pipeline, instead of `step`.
            shard_options: which host this is, of how many; as `dolmen.core` says if the
                program has imported it, else the only one.
            workers: processes that make batches.
            device: a device or sharding to put batches on.

        Raises:
            ValueError: the pipeline does not end with batches, or one could have fewer
                rows than there are hosts.
        """
        if shard_options is None:
            shard_options = ShardOptions(*process_index_and_count())
        dataset: IterDataset[T] = IterDataset(part_of(self._stage, shard_options))
        if workers:
            options = MultiprocessingOptions(num_workers=workers)
            dataset = dataset.mp_prefetch(options)
        stage = dataset._stage
        if device is not None:
            stage = on_device(stage, device, 2, 2)
        return Loader(stage, step=step, state=state)

    def apply(
        self, transformations: Transformation | Sequence[Transformation]
    ) -> "IterDataset[Any]":
        """Applies one transformation object or several, in order.

        Args:
            transformations: instances of the classes in `dolmen.data.transforms`.
        """
        dataset: IterDataset[Any] = self
        for transform in as_sequence(transformations):
            dataset = apply_one(dataset, transform)
        return dataset

    def pipe(
        self,
        func: Callable[Concatenate["IterDataset[T]", P], S],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> S:
        """Calls ``func(self, *args, **kwargs)``: functions read as methods."""
        return func(self, *args, **kwargs)


def as_sequence(
    transformations: Transformation | Sequence[Transformation],
) -> Sequence[Transformation]:
    """One transformation as a sequence of one."""
    if isinstance(transformations, Transformation):
        return [transformations]
    return transformations


def apply_one(dataset: Any, transform: Transformation) -> Any:
    """Calls the method of the dataset that a transformation object stands for."""
    match transform:
        case Map():
            return dataset.map(transform)
        case MapWithIndex():
            return dataset.map_with_index(transform)
        case RandomMap():
            return dataset.random_map(transform)
        case Filter():
            return dataset.filter(transform)
        case Batch(size, drop_remainder, batch_fn):
            return dataset.batch(size, drop_remainder=drop_remainder, batch_fn=batch_fn)
    raise TypeError(
        "apply: expected instances of the classes in `dolmen.data.transforms`, got "
        f"{type(transform).__name__}."
    )

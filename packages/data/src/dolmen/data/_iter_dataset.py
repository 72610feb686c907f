"""Datasets of elements in order."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

import numpy as np

from . import (
    _flat_map,
    _interleaving,
    _mp_prefetch,
    _rebatch,
    _repetition,
    _stages,
    _window_shuffle,
)
from ._arguments import (
    at_least,
    check_kind,
    checked_datasets,
    checked_seed,
    needed_seed,
    refuse_sequential_slice,
    resolve,
)
from ._custom import CustomStage, as_parents, check_defined
from ._device_stage import on_device
from ._frameworks import process_index_and_count
from ._global_batches import part_of
from ._iterator import DatasetIterator
from ._loader import Loader
from ._options import MultiprocessingOptions, usable_cpus
from ._proportions import Lengths, Unit, Weights, named, proportions_of
from ._sharding import ShardOptions
from ._transforms import (
    Batch,
    Filter,
    FlatMap,
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

    A class of your own derives from this one, hands the datasets that it reads from to
    ``super().__init__`` and defines ``__iter__``, which gives a `DatasetIterator`.

    Example:
        >>> from dolmen.data import MapDataset
        >>> ds = MapDataset.range(10).to_iter_dataset().filter(lambda x: x % 3 == 0)
        >>> list(ds.batch(2))
        [array([0, 3]), array([6, 9])]
    """

    def __init__(
        self,
        parents: "IterDataset[Any] | Sequence[IterDataset[Any]] | _stages.Stage" = (),
    ):
        self._parents: tuple[Any, ...] | None = None
        if isinstance(parents, _stages.Stage):
            self._stage = parents
            return
        name = type(self).__name__
        check_defined(self, IterDataset, ["__iter__"])
        self._parents = as_parents(name, IterDataset, parents)
        inputs = tuple(parent._stage for parent in self._parents)
        self._stage = CustomStage(name, inputs, self.__iter__)

    @property
    def parents(self) -> "Sequence[Any]":
        """The datasets that this one is made of."""
        if self._parents is not None:
            return self._parents
        stage = self._stage
        parents = getattr(stage, "parts", (getattr(stage, "parent", None),))
        return [IterDataset(parent) for parent in parents if parent is not None]

    @property
    def _parent(self) -> "Any":
        """The only dataset that this one is made of: for classes of your own."""
        (parent,) = self.parents
        return parent

    @staticmethod
    def mix(
        datasets: "Sequence[IterDataset[S]] | Mapping[str, IterDataset[S]]",
        weights: Weights | None = None,
        *,
        unit: Unit = "examples",
        lengths: Lengths | None = None,
        phases: Sequence[tuple[int, Weights]] | None = None,
    ) -> "IterDataset[S]":
        """Takes elements of several datasets in turn, each as often as its weight says.

        The proportions hold at any moment, as with `MapDataset.mix`. The mixture ends
        when a dataset has nothing left in its turn.

        Args:
            datasets: at least one, in a sequence or by name.
            weights: one positive number for each, by the same names if these have
                names; None for equal ones.
            unit: what weights count; see `MapDataset.mix`, also for what follows.
            lengths: tokens of an example of each dataset, for weights by tokens.
            phases: weights that change, instead of `weights`.

        Raises:
            TypeError: an argument is of the wrong kind.
            ValueError: weights are missing, not positive, or of other names.

        Example:
            >>> from dolmen.data import MapDataset
            >>> odd = MapDataset.range(10).to_iter_dataset().filter(lambda x: x % 2)
            >>> zeros = MapDataset.source([0, 0, 0, 0]).to_iter_dataset()
            >>> parts, weights = {"x": odd, "0": zeros}, {"x": 2, "0": 1}
            >>> list(IterDataset.mix(parts, weights))
            [1, 0, 3, 5, 0, 7, 9, 0]
        """
        call = "IterDataset.mix"
        names, listed = named(datasets)
        parts = _stages_of(call, listed)
        proportions = proportions_of(
            call,
            names,
            len(parts),
            weights=weights,
            unit=unit,
            lengths=lengths,
            phases=phases,
        )
        return IterDataset(_interleaving.Mix(parts, proportions))

    @staticmethod
    def zip(
        datasets: "Sequence[IterDataset[Any]]", *, strict: bool = True
    ) -> "IterDataset[tuple[Any, ...]]":
        """Tuples of one element of each dataset.

        Args:
            datasets: at least one.
            strict: raise ValueError where one ends before another; otherwise the
                result ends with the shortest.

        Raises:
            TypeError: `datasets` holds something else.
            ValueError: there is none.

        Example:
            >>> from dolmen.data import MapDataset
            >>> letters = MapDataset.source("abc").to_iter_dataset()
            >>> numbers = MapDataset.range(3).to_iter_dataset()
            >>> list(IterDataset.zip([letters, numbers]))
            [('a', 0), ('b', 1), ('c', 2)]
        """
        parts = _stages_of("IterDataset.zip", datasets)
        return IterDataset(_interleaving.Zip(parts, strict))

    @staticmethod
    def concatenate(datasets: "Sequence[IterDataset[S]]") -> "IterDataset[S]":
        """Puts datasets one after another.

        Args:
            datasets: at least one.

        Example:
            >>> from dolmen.data import MapDataset
            >>> parts = [MapDataset.range(n).to_iter_dataset() for n in (2, 3)]
            >>> list(IterDataset.concatenate(parts))
            [0, 1, 0, 1, 2]
        """
        stages = _stages_of("IterDataset.concatenate", datasets)
        given = _interleaving.GivenStages(stages)
        options = _interleaving.InterleaveOptions()
        return IterDataset(_interleaving.Interleave(given, None, 1, options))

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

    def flat_map(
        self, transform: FlatMap | Callable[[T], Sequence[S]]
    ) -> "IterDataset[S]":
        """Makes several elements of each.

        Args:
            transform: a function of one element, or a `transforms.FlatMap`.

        Example:
            >>> from dolmen.data import MapDataset
            >>> ds = MapDataset.source(["ab", "", "c"]).to_iter_dataset()
            >>> list(ds.flat_map(list))
            ['a', 'b', 'c']
        """
        function = resolve("IterDataset.flat_map", transform, FlatMap, "flat_map")
        most = getattr(transform, "max_fan_out", None)
        name = function_name(transform)
        return IterDataset(_flat_map.FlatMapStage(self._stage, function, name, most))

    def rebatch(
        self, batch_size: int, *, drop_remainder: bool = False
    ) -> "IterDataset[T]":
        """Makes batches of another size of elements that are batches.

        Args:
            batch_size: rows per batch. The elements are trees of arrays with leading
                axes of one size, which may differ from element to element.
            drop_remainder: leave out a last batch that is smaller.

        Example:
            >>> from dolmen.data import MapDataset
            >>> list(MapDataset.range(5).batch(3).to_iter_dataset().rebatch(2))
            [array([0, 1]), array([2, 3]), array([4])]
        """
        size = at_least("IterDataset.rebatch", "batch_size", batch_size, 1)
        return IterDataset(_rebatch.Rebatch(self._stage, size, drop_remainder))

    def window_shuffle(
        self, window_size: int, *, seed: int | None = None
    ) -> "IterDataset[T]":
        """Reads windows of elements and gives each in a random order.

        To go to a state, the elements of its window are read again.

        Args:
            window_size: elements in a window, all in memory at once.
            seed: instead of the one set by `seed`.

        Raises:
            ValueError: `window_size` is below 1, or there is no seed.

        Example:
            >>> from dolmen.data import MapDataset
            >>> ds = MapDataset.range(6).to_iter_dataset().window_shuffle(3, seed=0)
            >>> elements = list(ds)
            >>> sorted(elements[:3]), sorted(elements[3:])
            ([0, 1, 2], [3, 4, 5])
        """
        call = "IterDataset.window_shuffle"
        size = at_least(call, "window_size", window_size, 1)
        chosen = needed_seed(call, seed, self._stage.default_seed)
        explicit = seed is not None
        return IterDataset(
            _window_shuffle.WindowShuffleStage(self._stage, size, chosen, explicit)
        )

    def limit(self, count: int) -> "IterDataset[T]":
        """The first `count` elements.

        Example:
            >>> from dolmen.data import MapDataset
            >>> list(MapDataset.range(9).to_iter_dataset().limit(2))
            [0, 1]
        """
        count = at_least("IterDataset.limit", "count", count, 1)
        return IterDataset(_repetition.Limit(self._stage, count))

    def repeat(self, num_epochs: int | None = None) -> "IterDataset[T]":
        """Gives the same elements several times.

        Every time they come in the same order and with the same random numbers;
        `MapDataset.repeat` makes epochs that differ.

        Args:
            num_epochs: how often; None for as often as is asked for.

        Example:
            >>> from dolmen.data import MapDataset
            >>> list(MapDataset.range(2).to_iter_dataset().repeat(2))
            [0, 1, 0, 1]
        """
        if num_epochs is not None:
            num_epochs = at_least("IterDataset.repeat", "num_epochs", num_epochs, 1)
        return IterDataset(_repetition.Repeat(self._stage, num_epochs))

    def cache(self) -> "IterDataset[T]":
        """Keeps every element in memory once it is made, for as long as the dataset.

        All iterators over it share what is kept, and what is given out are the very
        same objects: do not change them in place. A state says nothing of what is
        kept, so it can be restored anywhere.

        Example:
            >>> from dolmen.data import MapDataset
            >>> ds = MapDataset.range(2).to_iter_dataset().map(print).cache()
            >>> list(ds) == list(ds)
            0
            1
            True
        """
        return IterDataset(_repetition.Cache(self._stage))

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
        check_kind("loader", "shard_options", shard_options, ShardOptions)
        dataset: IterDataset[T] = IterDataset(part_of(self._stage, shard_options))
        if workers:
            options = MultiprocessingOptions(num_workers=workers)
            dataset = dataset.mp_prefetch(options)
        stage = dataset._stage
        if device is not None:
            stage = on_device(stage, device, 2, 2)
        return Loader(stage, step=step, state=state)

    def mp_prefetch(
        self,
        options: MultiprocessingOptions | None = None,
        worker_init_fn: Callable[[int, int], None] | None = None,
        sequential_slice: bool = False,
    ) -> "IterDataset[T]":
        """Makes elements in worker processes, ahead of their use.

        Changes neither elements nor states, whatever the number of workers. They make
        the part of the pipeline whose elements have places that are known beforehand:
        all of it without filters, and with filters up to the first operation that must
        see what they leave in order, such as `batch`. From there on a thread of the
        program does the rest, functions included, since only who has seen all elements
        knows which come next. So put what costs most before such a `batch`, or drop
        elements by `MapDataset.filter` and `to_iter_dataset` with nothing but `map`
        after it.

        Workers are new processes, that import the modules in which functions are
        defined. In a program it takes ``if __name__ == "__main__":`` around what is
        not to be run again. They use JAX on the CPU only. Arrays come from them in
        shared memory and are not copied, unless more than two elements are kept.

        Args:
            options: how many workers; as many as there are processors, but at most
                10, if None.
            worker_init_fn: called first in each worker, with its number and the number
                of workers.
            sequential_slice: False. Grain's true gives every worker a part of the
                source, which makes the order depend on the number of workers. Workers
                always read consecutive records together where the order of the pipeline
                is consecutive.

        Raises:
            ValueError: `sequential_slice` is true.
            TypeError: when elements are asked for, a part of the pipeline can't be
                pickled.
            WorkerDiedError: when elements are asked for, a worker was killed.

        Example:
            >>> from dolmen.data import MapDataset, MultiprocessingOptions
            >>> ds = MapDataset.range(6).map(abs).batch(3).to_iter_dataset()
            >>> list(ds.mp_prefetch(MultiprocessingOptions(num_workers=2)))
            [array([0, 1, 2]), array([3, 4, 5])]
        """
        call = "IterDataset.mp_prefetch"
        refuse_sequential_slice(call, sequential_slice)
        if options is None:
            options = MultiprocessingOptions(num_workers=min(10, usable_cpus()))
        check_kind(call, "options", options, MultiprocessingOptions)
        if not options.num_workers:
            return self
        return IterDataset(
            _mp_prefetch.MpPrefetch(self._stage, options, worker_init_fn)
        )

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


def _stages_of(call: str, datasets: Iterable[Any]) -> tuple[_stages.Stage, ...]:
    given = checked_datasets(call, datasets, IterDataset)
    return tuple(dataset._stage for dataset in given)


def as_sequence(
    transformations: Transformation | Sequence[Transformation],
) -> Sequence[Transformation]:
    """One transformation as a sequence of one."""
    is_one = isinstance(transformations, Transformation)
    if is_one or not isinstance(transformations, Iterable):
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
        case FlatMap():
            return dataset.flat_map(transform)
        case Batch(size, drop_remainder, batch_fn):
            return dataset.batch(size, drop_remainder=drop_remainder, batch_fn=batch_fn)
    raise TypeError(
        "apply: expected instances of the classes in `dolmen.data.transforms`, got "
        f"{type(transform).__name__}."
    )

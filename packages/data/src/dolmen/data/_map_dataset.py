"""Datasets of elements by index."""

import builtins
import itertools
import operator
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

import numpy as np

from . import (
    _audit,
    _combinations,
    _flat_map,
    _operations,
    _packed_rows,
    _planned_packing,
    _provenance,
    _stages,
    _window_shuffle,
)
from ._arguments import (
    at_least,
    check_kind,
    checked_datasets,
    checked_seed,
    needed_seed,
    resolve,
)
from ._audit import Audit
from ._custom import CustomOperation, as_parents, check_defined
from ._iter_dataset import IterDataset, apply_one, as_sequence
from ._iterator import DatasetIterator
from ._loader import Loader
from ._options import ReadOptions
from ._proportions import Lengths, Unit, Weights, named, proportions_of
from ._provenance import Origins
from ._report import Report
from ._sharding import ShardOptions
from ._sources import RandomAccessDataSource, RangeDataSource, as_source
from ._transforms import (
    DatasetSelectionMap,
    Filter,
    FlatMap,
    Map,
    MapWithIndex,
    RandomMap,
    Transformation,
    function_name,
)
from ._tree import outline_leaf

T = TypeVar("T")
S = TypeVar("S")
P = ParamSpec("P")
_Operation = _operations.Operation


class MapDataset(Iterable[T], Generic[T]):
    """A pipeline whose elements are made by index, in any order.

    Each method returns a new dataset. Nothing is read before an element is asked
    for, and every element is a pure function of pipeline, seed and index, so it can
    be made again at any time, by any thread.

    Indices from ``len(dataset)`` on belong to the next epochs, in which shuffles
    and random maps differ.

    A class of your own derives from this one, hands the datasets that it reads from to
    ``super().__init__`` and defines ``__len__`` and ``__getitem__``, which also gets
    indices of later epochs.

    Example:
        >>> ds = MapDataset.range(5).seed(0).shuffle().map(lambda x: 10 * x)
        >>> sorted(ds)
        [0, 10, 20, 30, 40]
        >>> ds[2] == list(ds)[2]
        True
        >>> len(ds.repeat(3).batch(4))
        4
    """

    def __init__(
        self,
        parents: "MapDataset[Any] | Sequence[MapDataset[Any]] | _Operation" = (),
    ):
        self._parents: tuple[MapDataset[Any], ...] | None = None
        if isinstance(parents, _operations.Operation):
            self._operation = parents
            return
        name = type(self).__name__
        check_defined(self, MapDataset, ["__len__", "__getitem__"])
        self._parents = as_parents(name, MapDataset, parents)
        inputs = tuple(parent._operation for parent in self._parents)
        self._operation = CustomOperation(name, inputs, self.__len__, self.__getitem__)

    @property
    def parents(self) -> "Sequence[MapDataset[Any]]":
        """The datasets that this one is made of."""
        if self._parents is not None:
            return self._parents
        return [MapDataset(operation) for operation in self._operation.parents]

    @property
    def _parent(self) -> "MapDataset[Any]":
        """The only dataset that this one is made of: for classes of your own."""
        (parent,) = self.parents
        return parent

    @staticmethod
    def source(source: RandomAccessDataSource[S] | Any) -> "MapDataset[S]":
        """The records of a random-access object.

        Args:
            source: anything with ``__len__`` and ``__getitem__``; an array or a
                dictionary of arrays is one record per slice of the leading axis.
                See `dolmen.data.sources` for files.

        Raises:
            TypeError: `source` lacks one of the methods.

        Example:
            >>> list(MapDataset.source(["a", "b"]))
            ['a', 'b']
        """
        return MapDataset(_operations.Source(as_source(source)))

    @staticmethod
    def range(start: int, stop: int | None = None, step: int = 1) -> "MapDataset[int]":
        """The integers of Python's ``range``.

        Example:
            >>> list(MapDataset.range(2, 10, 3))
            [2, 5, 8]
        """
        if stop is None:
            start, stop = 0, start
        return MapDataset(_operations.Source(RangeDataSource(start, stop, step)))

    @staticmethod
    def mix(
        datasets: "Sequence[MapDataset[S]] | Mapping[str, MapDataset[S]]",
        weights: Weights | None = None,
        *,
        unit: Unit = "examples",
        lengths: Lengths | None = None,
        phases: Sequence[tuple[int, Weights]] | None = None,
    ) -> "MapDataset[S]":
        """Takes elements of several datasets in turn, each as often as its weight says.

        The proportions hold at any moment, not only on average: among the first ``n``
        elements, those of a dataset with the share ``w`` of all weights are
        ``n * w`` but for less than one of two or three datasets, and less than two of
        more. Every dataset is read in its own order and counts on through its epochs.

        The length is that at which the first dataset has been read once; repeat the
        datasets before if they are to be read more often. Random operations keep the
        seeds that they have.

        Args:
            datasets: at least one, none of them empty, in a sequence or by name.
                Shuffle them before they are mixed, as shuffling the mixture loses the
                proportions.
            weights: one positive number for each, by the same names if these have
                names; None for equal ones.
            unit: what weights count. With "tokens", a dataset of long examples gives
                fewer of them: in whole epochs, tokens have the proportions of the
                weights; before, as nearly as lengths are spread evenly.
            lengths: for weights by tokens: of each dataset, how many tokens an example
                has on average, or an array of the sizes of all.
            phases: weights that change, instead of `weights`: pairs of the index of the
                mixture's element from which on they count, and the weights. The first
                begins at 0. A dataset whose weight is 0 rests, and goes on where it was
                when it gets one again. Elements before the index of a phase do not
                depend on it, so it may be added while training goes on.

        Raises:
            TypeError: an argument is of the wrong kind.
            ValueError: a dataset is empty, weights are missing or not positive, or
                `phases` do not follow one another.

        Example:
            >>> letters, digits = MapDataset.source("abcd"), MapDataset.range(10)
            >>> list(MapDataset.mix([letters, digits]))
            ['a', 0, 'b', 1, 'c', 2, 'd', 3]
            >>> list(MapDataset.mix([letters, digits], [1, 2]))
            [0, 'a', 1, 2, 'b', 3, 4, 'c', 5, 6, 'd', 7]
            >>> phases = [(0, [1, 0]), (3, [1, 2])]
            >>> list(MapDataset.mix([letters, digits], phases=phases))
            ['a', 'b', 'c', 0, 'd', 1]
            >>> texts = {"long": MapDataset.source(["xxx"] * 9), "short": letters}
            >>> weights, lengths = {"long": 1, "short": 1}, {"long": 3, "short": 1}
            >>> mixed = MapDataset.mix(texts, weights, unit="tokens", lengths=lengths)
            >>> "".join(mixed).count("x")
            3
        """
        call = "MapDataset.mix"
        names, listed = named(datasets)
        parts = _operations_of(call, listed)
        for number, part in enumerate(parts):
            if not part.length:
                raise ValueError(
                    f"{call}: no dataset may be empty, `datasets[{number}]` is: "
                    f"{' > '.join(part.describe_all())}."
                )
        proportions = proportions_of(
            call,
            names,
            len(parts),
            weights=weights,
            unit=unit,
            lengths=lengths,
            phases=phases,
        )
        return MapDataset(_combinations.Mixture(parts, proportions))

    @staticmethod
    def concatenate(datasets: Sequence["MapDataset[S]"]) -> "MapDataset[S]":
        """Puts datasets one after another.

        An epoch of the result holds the same epoch of each.

        Args:
            datasets: at least one; none but the last may be endless.

        Raises:
            TypeError: `datasets` holds something else.
            ValueError: there is none, or one that is endless stands before others.

        Example:
            >>> list(MapDataset.concatenate([MapDataset.range(2), MapDataset.range(3)]))
            [0, 1, 0, 1, 2]
        """
        call = "MapDataset.concatenate"
        parts = _operations_of(call, datasets)
        for number, part in enumerate(parts[:-1]):
            if part.length == sys.maxsize:
                raise ValueError(
                    f"{call}: `datasets[{number}]` is endless, so those that follow "
                    "would never be read. Give `repeat` a number of epochs, or call it "
                    "on the result."
                )
        return MapDataset(_combinations.Concatenation(parts))

    @staticmethod
    def select_from_datasets(
        datasets: Sequence["MapDataset[S]"], selection_map: DatasetSelectionMap
    ) -> "MapDataset[S]":
        """Takes elements of several datasets by a table.

        `transforms.DatasetSelectionMap` shows one.

        Args:
            datasets: at least one.
            selection_map: for every index of the result, the number of a dataset and
                an index in it. Each epoch of the result is this selection of the same
                epoch of the datasets.

        Raises:
            TypeError: an argument is of the wrong kind.
            ValueError: there is no dataset.
        """
        call = "MapDataset.select_from_datasets"
        parts = _operations_of(call, datasets)
        if not isinstance(selection_map, DatasetSelectionMap):
            raise TypeError(
                f"{call}: `selection_map` must be a `transforms.DatasetSelectionMap`, "
                f"got {type(selection_map).__name__}."
            )
        name = function_name(selection_map)
        return MapDataset(_combinations.TableSelection(parts, selection_map, name))

    @staticmethod
    def zip(datasets: Sequence["MapDataset[Any]"]) -> "MapDataset[tuple[Any, ...]]":
        """Tuples of one element of each dataset.

        Where a filter dropped an element of one, the tuple is dropped.

        Args:
            datasets: at least one, all of the same length.

        Raises:
            TypeError: `datasets` holds something else.
            ValueError: there is none, or lengths differ.

        Example:
            >>> list(MapDataset.zip([MapDataset.source("ab"), MapDataset.range(2)]))
            [('a', 0), ('b', 1)]
        """
        call = "MapDataset.zip"
        parts = _operations_of(call, datasets)
        lengths = [part.length for part in parts]
        if len(set(lengths)) > 1:
            raise ValueError(
                f"{call}: datasets must be of equal length, got {lengths}. Cut them "
                "with `slice`, or `repeat` the shorter ones."
            )
        return MapDataset(_combinations.Zip(parts))

    def __len__(self) -> int:
        """Number of elements in one epoch, those that a filter drops included."""
        return self._operation.length

    @overload
    def __getitem__(self, index: builtins.slice) -> "MapDataset[T]": ...
    @overload
    def __getitem__(self, index: int) -> T: ...
    def __getitem__(self, index: int | builtins.slice) -> "MapDataset[T] | T":
        """The element at an index, or the dataset of a slice.

        Negative indices count from the end; those from ``len(self)`` on belong to
        the next epochs. Where a filter dropped the element, the result is None.
        """
        if isinstance(index, builtins.slice):
            return self.slice(index)
        position = operator.index(index)
        if not len(self):
            raise IndexError(
                f"MapDataset: index {position} is out of range, the dataset has no "
                "elements."
            )
        if position < 0:
            position %= len(self)
        return _operations.element_at(self._operation, position)

    def __iter__(self) -> DatasetIterator[T]:
        """Iterates over one epoch in the caller's thread, without dropped elements."""
        return iter(self.to_iter_dataset(ReadOptions(0, 0)))

    def __repr__(self) -> str:
        """The calls that made the pipeline."""
        return f"MapDataset({' > '.join(self._operation.describe_all())})"

    def seed(self, seed: int) -> "MapDataset[T]":
        """Sets the seed of the random operations that follow.

        Each of them draws other numbers, even with the same seed.

        Args:
            seed: an integer in ``range(2**64)``.
        """
        seed = checked_seed("MapDataset.seed", seed)
        return MapDataset(_operations.Seed(self._operation, seed))

    def shuffle(self, seed: int | None = None) -> "MapDataset[T]":
        """Puts all elements in a random order, another one in each epoch.

        The order is a keyed permutation: it takes no memory, and any part of it is
        known at once.

        Args:
            seed: instead of the one set by `seed`.

        Raises:
            ValueError: there is no seed.

        Example:
            >>> ds = MapDataset.range(1_000_000).shuffle(seed=7)
            >>> sorted(ds[:100]) == sorted(set(ds[:100]))
            True
        """
        chosen = needed_seed("MapDataset.shuffle", seed, self._operation.default_seed)
        explicit = seed is not None
        return MapDataset(_operations.Shuffle(self._operation, chosen, explicit))

    def window_shuffle(
        self, window_size: int, *, seed: int | None = None
    ) -> "MapDataset[T]":
        """Puts the elements of every window of consecutive ones in a random order.

        Elements stay near their neighbors, which suits storage that is slow at random
        access. Windows and epochs have orders of their own.

        Args:
            window_size: elements in a window; the last of an epoch may have fewer.
            seed: instead of the one set by `seed`.

        Raises:
            ValueError: `window_size` is below 1, or there is no seed.

        Example:
            >>> ds = MapDataset.range(6).window_shuffle(3, seed=0)
            >>> sorted(ds[:3]), sorted(ds[3:])
            ([0, 1, 2], [3, 4, 5])
        """
        call = "MapDataset.window_shuffle"
        size = at_least(call, "window_size", window_size, 1)
        chosen = needed_seed(call, seed, self._operation.default_seed)
        explicit = seed is not None
        return MapDataset(
            _window_shuffle.WindowShuffle(self._operation, size, chosen, explicit)
        )

    def map(self, transform: Map | Callable[[T], S]) -> "MapDataset[S]":
        """Applies a function to every element.

        Args:
            transform: a function of one element, a `transforms.Map`, or a function
                of many marked with `batched`.

        Example:
            >>> list(MapDataset.range(4).map(lambda x: x * x))
            [0, 1, 4, 9]
        """
        function = resolve("MapDataset.map", transform, Map, "map")
        name = function_name(transform)
        return MapDataset(_operations.Map(self._operation, function, name))

    def map_with_index(
        self, transform: MapWithIndex | Callable[[int, T], S]
    ) -> "MapDataset[S]":
        """Applies a function to the index of every element and the element.

        Args:
            transform: a function ``(index, element)``, or a
                `transforms.MapWithIndex`. The index counts on through the epochs.

        Example:
            >>> list(MapDataset.source("ab").map_with_index(lambda i, c: (i, c)))
            [(0, 'a'), (1, 'b')]
        """
        function = resolve(
            "MapDataset.map_with_index", transform, MapWithIndex, "map_with_index"
        )
        name = function_name(transform)
        return MapDataset(_operations.MapWithIndex(self._operation, function, name))

    def random_map(
        self,
        transform: RandomMap | Callable[[T, np.random.Generator], S],
        *,
        seed: int | None = None,
    ) -> "MapDataset[S]":
        """Applies a function to every element and random numbers of its own.

        Args:
            transform: a function ``(element, rng)``, or a `transforms.RandomMap`.
                `rng` depends on seed, epoch and index only; it is valid during the
                call.
            seed: instead of the one set by `seed`.

        Raises:
            ValueError: there is no seed.

        Example:
            >>> def jitter(x, rng):
            ...     return x + rng.random()
            >>> ds = MapDataset.range(3).seed(1).random_map(jitter)
            >>> list(ds) == list(ds)
            True
        """
        call = "MapDataset.random_map"
        function = resolve(call, transform, RandomMap, "random_map")
        chosen = needed_seed(call, seed, self._operation.default_seed)
        name = function_name(transform)
        explicit = seed is not None
        return MapDataset(
            _operations.RandomMap(self._operation, function, name, chosen, explicit)
        )

    def filter(self, transform: Filter | Callable[[T], bool]) -> "MapDataset[T]":
        """Drops the elements for which a function is false.

        Indices stay as they are: a dropped element is None, and iteration passes
        over it. Functions that follow are not called for it.

        Args:
            transform: a function of one element, or a `transforms.Filter`.

        Example:
            >>> ds = MapDataset.range(6).filter(lambda x: x % 2 == 0)
            >>> len(ds), ds[1], list(ds)
            (6, None, [0, 2, 4])
        """
        function = resolve("MapDataset.filter", transform, Filter, "filter")
        name = function_name(transform)
        return MapDataset(_operations.Filter(self._operation, function, name))

    def flat_map(
        self,
        transform: FlatMap | Callable[[T], Sequence[S]],
        *,
        max_fan_out: int | None = None,
    ) -> "MapDataset[S]":
        """Makes several elements of each.

        Each element gets room for `max_fan_out` of them, so that indices are known
        beforehand. Places that stay empty are None, as after `filter`.

        Args:
            transform: a function of one element, or a `transforms.FlatMap`.
            max_fan_out: how many it makes of one at most; with a
                `transforms.FlatMap`, instead of its own.

        Raises:
            ValueError: `max_fan_out` is missing or below 1; when an element is read, it
                was split into more.

        Example:
            >>> ds = MapDataset.source(["ab", "c"]).flat_map(list, max_fan_out=2)
            >>> len(ds), ds[3], list(ds)
            (4, None, ['a', 'b', 'c'])
        """
        call = "MapDataset.flat_map"
        function = resolve(call, transform, FlatMap, "flat_map")
        if max_fan_out is None:
            max_fan_out = getattr(transform, "max_fan_out", None)
        if max_fan_out is None:
            raise ValueError(
                f"{call}: `max_fan_out` is needed, so that indices are known before "
                "anything is read. Say how many elements are made of one at most, or "
                "call `to_iter_dataset()` before."
            )
        most = at_least(call, "max_fan_out", max_fan_out, 1)
        name = function_name(transform)
        return MapDataset(_flat_map.FlatMap(self._operation, function, name, most))

    def pack(
        self,
        length_struct: Mapping[str, int],
        *,
        lengths: np.ndarray | Sequence[int],
        meta_features: Sequence[str] = (),
        padding_struct: Mapping[str, Any] | None = None,
        max_sequences_per_bin: int | None = None,
        window_size: int = 65536,
    ) -> "MapDataset[dict[str, Any]]":
        """Packs whole examples into rows, which stay known by index.

        Which examples make which row is planned from their sizes alone, without reading
        any, when the length or an element is first asked for: about a second for a
        million examples, and 8 bytes for each and for each row. Examples are put, the
        largest first, into the fullest row that has room, so that hardly anything is
        wasted.

        Rows hold the same examples in every epoch: shuffle them afterwards.
        `experimental.FirstFitPackIterDataset` tells what stands in a row.

        Args:
            length_struct: of each feature, how many entries a row has room for: the
                same for all of them. Others are left out.
            lengths: for each index of this dataset, the size of all its features.
            meta_features: features without segment ids and positions. Those that
                `length_struct` does not name are given as lists.
            padding_struct: of features, what rows are filled up with instead of 0.
            max_sequences_per_bin: examples in a row at most.
            window_size: consecutive examples that are packed together.

        Raises:
            TypeError: an argument is of the wrong kind.
            ValueError: `lengths` does not fit, or examples are shuffled or filtered
                before; when elements are read, `lengths` was wrong.

        Example:
            >>> texts = [{"x": np.full(n, n)} for n in (3, 4, 2, 1)]
            >>> ds = MapDataset.source(texts)
            >>> rows = ds.pack({"x": 5}, lengths=[3, 4, 2, 1])
            >>> for row in rows:
            ...     print(row["x"], row["x_segment_ids"])
            [4 4 4 4 1] [1 1 1 1 2]
            [3 3 3 2 2] [1 1 1 2 2]
        """
        call = "MapDataset.pack"
        layout = _packed_rows.RowLayout(
            _packed_rows.checked_lengths(call, length_struct),
            frozenset(meta_features),
            padding=_packed_rows.checked_struct(
                call, "padding_struct", padding_struct, length_struct
            ),
        )
        most = max_sequences_per_bin
        if most is not None:
            most = at_least(call, "max_sequences_per_bin", most, 1)
        window = at_least(call, "window_size", window_size, 1)
        sizes = self._checked_sizes(call, lengths, layout)
        return MapDataset(
            _planned_packing.PackedPlan(self._operation, layout, sizes, most, window)
        )

    def _checked_sizes(
        self, call: str, lengths: Any, layout: _packed_rows.RowLayout
    ) -> np.ndarray:
        """The sizes of all examples, which a plan can be made of."""
        if self._operation.drops_records:
            raise ValueError(
                f"{call}: `pack` can not follow `filter`, because it plans with all "
                "examples. Filter the source before, or pack in order with "
                "`experimental.BestFitPackIterDataset`."
            )
        for shuffle in _planned_packing.shuffles_below(self._operation):
            raise ValueError(
                f"{call}: rows are the same in every epoch, so `pack` can not follow "
                f"`{shuffle}`. Shuffle the rows afterwards."
            )
        (most, *others) = {*layout.lengths.values()}
        if others:
            raise ValueError(
                f"{call}: features must have rows of equal length, got "
                f"{dict(layout.lengths)}. Pack in order with "
                "`experimental.BestFitPackIterDataset`."
            )
        sizes = np.asarray(lengths)
        if not sizes.size:  # an empty list is one of integers too
            sizes = sizes.astype(np.int64)
        if sizes.shape != (len(self),) or sizes.dtype.kind not in "iu":
            raise ValueError(
                f"{call}: `lengths` must be {len(self)} integers, one for each "
                f"example, got {outline_leaf(sizes)}."
            )
        sizes = sizes.astype(np.int64)
        wrong = np.flatnonzero((sizes < 0) | (sizes > most))
        if wrong.size:
            raise ValueError(
                f"{call}: `lengths` must be from 0 to {most}, the length of a row, got "
                f"{sizes[wrong[0]]} at {wrong[0]}. Cut examples short before."
            )
        return sizes

    def batch(
        self,
        batch_size: int,
        *,
        drop_remainder: bool = False,
        batch_fn: Callable[[Sequence[T]], Any] | None = None,
    ) -> "MapDataset[Any]":
        """Makes one element of `batch_size` consecutive ones.

        Each epoch is batched by itself; with `repeat` before, all of them together.

        Args:
            batch_size: elements per batch.
            drop_remainder: leave out a last batch that is smaller.
            batch_fn: makes a batch of a list of elements; by default they are
                stacked, leaf by leaf, along a new leading axis.

        Raises:
            ValueError: `batch_size` is below 1, or a filter stands before.

        Example:
            >>> list(MapDataset.range(5).batch(2))
            [array([0, 1]), array([2, 3]), array([4])]
        """
        size = at_least("MapDataset.batch", "batch_size", batch_size, 1)
        if self._operation.drops_records:
            raise ValueError(
                "MapDataset.batch: `batch` can not follow `filter` or a source that "
                "skips, because a dropped element keeps its index. Call "
                "`to_iter_dataset()` between them."
            )
        return MapDataset(
            _operations.Batch(self._operation, size, drop_remainder, batch_fn)
        )

    def repeat(
        self, num_epochs: int | None = None, *, reseed_each_epoch: bool = True
    ) -> "MapDataset[T]":
        """Puts several epochs in a row.

        Args:
            num_epochs: how many; None for as many as are asked for.
            reseed_each_epoch: make each epoch's shuffles and random maps differ.

        Example:
            >>> list(MapDataset.range(2).repeat(3))
            [0, 1, 0, 1, 0, 1]
        """
        if num_epochs is not None:
            num_epochs = at_least("MapDataset.repeat", "num_epochs", num_epochs, 1)
        return MapDataset(
            _operations.Repeat(self._operation, num_epochs, reseed_each_epoch)
        )

    def slice(self, sl: builtins.slice) -> "MapDataset[T]":
        """The elements of a slice, as ``dataset[sl]``.

        Example:
            >>> list(MapDataset.range(10)[1::4])
            [1, 5, 9]
        """
        chosen = builtins.range(len(self))[sl]
        return MapDataset(_operations.Slice(self._operation, chosen))

    def to_iter_dataset(
        self, read_options: ReadOptions | None = None, *, allow_nones: bool = False
    ) -> IterDataset[T]:
        """The elements in order, made ahead of their use.

        Args:
            read_options: threads and buffer; they change speed only.
            allow_nones: give None for dropped elements instead of passing over them.

        Example:
            >>> ds = MapDataset.range(100).batch(2)
            >>> next(iter(ds.to_iter_dataset(ReadOptions(num_threads=2))))
            array([0, 1])
        """
        options = ReadOptions() if read_options is None else read_options
        call = "MapDataset.to_iter_dataset"
        check_kind(call, "read_options", options, ReadOptions)
        return IterDataset(_stages.Planned(self._operation, options, allow_nones))

    def loader(
        self,
        *,
        step: int = 0,
        state: dict[str, Any] | None = None,
        shard_options: ShardOptions | None = None,
        threads: int = 2,
        ahead: int = 4,
        workers: int = 0,
        device: Any = None,
    ) -> Loader[T]:
        """Iterates over this host's rows of global batches.

        The batches of the pipeline are those of all hosts together. A host makes a
        range of consecutive rows of each, as even as possible, so that the hosts' parts
        in their order are the batch. Neither order nor random numbers know of hosts,
        threads or workers: training goes on with the same batches on other hosts.

        Args:
            step: the batch to begin with.
            state: of any host's loader over the same pipeline, instead of `step`.
            shard_options: which host this is, of how many; as `dolmen.core` says if the
                program has imported it, else the only one.
            threads: that make batches; 0 makes them in the caller's thread.
            ahead: batches that may be made before they are asked for.
            workers: processes that make batches.
            device: a device or sharding to put batches on.

        Returns:
            An iterator, to be used in a ``with`` statement. Its `state` is the same on
            all hosts, and its `report` shows where the time goes.

        Raises:
            ValueError: several hosts, and the pipeline does not end with batches or one
                could have fewer rows than there are hosts.

        Example:
            >>> from dolmen.data.sharding import ShardOptions
            >>> ds = MapDataset.range(8).seed(0).shuffle().repeat().batch(4)
            >>> with ds.loader(step=2, shard_options=ShardOptions(1, 2)) as loader:
            ...     part = next(loader)
            >>> part.tolist() == ds[2][2:].tolist()
            True
        """
        options = ReadOptions(num_threads=threads, prefetch_buffer_size=ahead)
        return self.to_iter_dataset(options).loader(
            step=step,
            state=state,
            shard_options=shard_options,
            workers=workers,
            device=device,
        )

    def why(self, step: int, row: int | None = None) -> Origins:
        """Tells what an element is made of, without reading anything.

        Args:
            step: index of the element.
            row: of a batch; all rows if None.

        Returns:
            The records with their files and bytes, where they stood in every operation,
            and the keys of their random numbers; print it.

        Raises:
            ValueError: there is no such row.

        Example:
            >>> ds = MapDataset.range(5).seed(0).shuffle().batch(2)
            >>> ds.why(1, row=0)[0].record == ds[1][0]
            np.True_
        """
        return _provenance.why(self._operation, step, row)

    def audit(self, epochs: int = 1) -> Audit:
        """Counts how often every record comes, without reading any.

        An endless `repeat` is cut short after `epochs`. Filters are taken to keep all.

        Args:
            epochs: how many to look at. Each takes about 0.2 microseconds per record
                and 4 bytes of memory.

        Returns:
            Counts for every source; print it. ``is_exact`` says whether every record
            comes exactly once per epoch.

        Raises:
            ValueError: the dataset has no end, and no `repeat`.

        Example:
            >>> ds = MapDataset.range(10).shuffle(0).repeat().batch(4)
            >>> print(ds.audit(epochs=2))
            5 elements in 2 epochs: exactly once per epoch
              source(range(0, 10)): 10 records, each 2 times
        """
        return _audit.audit(self._operation, epochs)

    def report(self, steps: int = 100) -> Report:
        """Makes some elements in the caller's thread and tells where the time goes.

        Args:
            steps: how many; fewer if the dataset ends before.

        Returns:
            A tree with microseconds per record, the bottleneck and advice; print it.
            For a pipeline that is being trained on see `Loader.report`.
        """
        with self.loader(
            threads=0, ahead=0, shard_options=ShardOptions(0, 1)
        ) as loader:
            for _ in itertools.islice(loader, at_least("report", "steps", steps, 1)):
                pass
            return loader.report()

    def apply(
        self, transformations: Transformation | Sequence[Transformation]
    ) -> "MapDataset[Any]":
        """Applies one transformation object or several, in order.

        Args:
            transformations: instances of the classes in `dolmen.data.transforms`.
        """
        dataset: MapDataset[Any] = self
        for transform in as_sequence(transformations):
            dataset = apply_one(dataset, transform)
        return dataset

    def pipe(
        self,
        func: Callable[Concatenate["MapDataset[T]", P], S],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> S:
        """Calls ``func(self, *args, **kwargs)``: functions read as methods."""
        return func(self, *args, **kwargs)


def _operations_of(
    call: str, datasets: Iterable[Any]
) -> tuple[_operations.Operation, ...]:
    given = checked_datasets(call, datasets, MapDataset)
    return tuple(dataset._operation for dataset in given)

"""Combinations and regroupings under the names that Grain has for them."""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from ._arguments import TO_ITER, at_least, check_kind
from ._interleaving import GivenStages, Interleave, InterleaveOptions, Stages
from ._iter_dataset import IterDataset
from ._map_dataset import MapDataset
from ._stages import Stage
from ._transforms import FlatMap, Transformation
from ._tree import map_leaves, outline_leaf, stack

T = TypeVar("T")
S = TypeVar("S")


class ZipMapDataset(MapDataset[tuple[Any, ...]]):
    """`MapDataset.zip` as a class."""

    def __init__(self, parents: Sequence[MapDataset[Any]]):
        super().__init__(MapDataset.zip(parents)._operation)


class ZipIterDataset(IterDataset[tuple[Any, ...]]):
    """`IterDataset.zip` as a class."""

    def __init__(self, parents: Sequence[IterDataset[Any]], *, strict: bool = True):
        super().__init__(IterDataset.zip(parents, strict=strict)._stage)


class FlatMapMapDataset(MapDataset[Any]):
    """`MapDataset.flat_map` as a class."""

    def __init__(self, parent: MapDataset[Any], transform: FlatMap):
        super().__init__(parent.flat_map(transform)._operation)


class FlatMapIterDataset(IterDataset[Any]):
    """`IterDataset.flat_map` as a class."""

    def __init__(self, parent: IterDataset[Any], transform: FlatMap):
        super().__init__(parent.flat_map(transform)._stage)


class WindowShuffleMapDataset(MapDataset[T]):
    """`MapDataset.window_shuffle` as a class."""

    def __init__(self, parent: MapDataset[T], *, window_size: int, seed: int):
        super().__init__(parent.window_shuffle(window_size, seed=seed)._operation)


class WindowShuffleIterDataset(IterDataset[T]):
    """`IterDataset.window_shuffle` as a class."""

    def __init__(self, parent: IterDataset[T], *, window_size: int, seed: int):
        super().__init__(parent.window_shuffle(window_size, seed=seed)._stage)


class LimitIterDataset(IterDataset[T]):
    """`IterDataset.limit` as a class."""

    def __init__(self, parent: IterDataset[T], count: int):
        super().__init__(parent.limit(count)._stage)


class RepeatIterDataset(IterDataset[T]):
    """`IterDataset.repeat` as a class."""

    def __init__(self, parent: IterDataset[T], num_epochs: int | None = None):
        super().__init__(parent.repeat(num_epochs)._stage)


class RebatchIterDataset(IterDataset[T]):
    """`IterDataset.rebatch` as a class."""

    def __init__(
        self, parent: IterDataset[T], batch_size: int, drop_remainder: bool = False
    ):
        rebatched = parent.rebatch(batch_size, drop_remainder=drop_remainder)
        super().__init__(rebatched._stage)


class CacheIterDataset(IterDataset[T]):
    """`IterDataset.cache` as a class."""

    def __init__(self, parent: IterDataset[T]):
        super().__init__(parent.cache()._stage)


class ThreadPrefetchIterDataset(IterDataset[T]):
    """`IterDataset.prefetch` as a class.

    Args:
        parent: what to make ahead of its use, in a thread.
        prefetch_buffer_size: elements that may be made before they are asked for; 0
            makes each in the caller's thread when it is asked for.

    Raises:
        TypeError: `prefetch_buffer_size` is not an integer.
        ValueError: it is negative.

    Example:
        >>> ds = MapDataset.range(3).to_iter_dataset()
        >>> list(ThreadPrefetchIterDataset(ds, prefetch_buffer_size=2))
        [0, 1, 2]
    """

    def __init__(self, parent: IterDataset[T], *, prefetch_buffer_size: int):
        call, argument = "ThreadPrefetchIterDataset", "prefetch_buffer_size"
        check_kind(call, "parent", parent, IterDataset, TO_ITER)
        size = at_least(call, argument, prefetch_buffer_size, 0)
        ahead = parent.prefetch(size) if size else parent
        super().__init__(ahead._stage)


class InterleaveIterDataset(IterDataset[T]):
    """Reads several datasets at once and takes their elements in turn.

    `cycle_length` datasets have a slot each, and the slots are visited in turn. A slot
    whose dataset has ended is passed over once, then takes the next dataset.

    Args:
        datasets: datasets of either kind, in a sequence or made by a `MapDataset`, as
            of names of files.
        cycle_length: how many are read at once; 1 reads one after another.
        num_make_iter_threads: threads that open datasets before they are needed; 0
            opens them in the caller's thread.
        make_iter_buffer_size: how many are opened before they are needed.
        iter_buffer_size: elements of each that are read ahead, in a thread for each;
            0 reads in the caller's thread.

    The last three change speed only.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: a number is too small.

    Example:
        >>> parts = [MapDataset.range(10 * n, 11 * n) for n in (2, 1, 3)]
        >>> list(InterleaveIterDataset(parts, cycle_length=2))
        [20, 10, 21, 30, 31, 32]
    """

    def __init__(
        self,
        datasets: "Sequence[IterDataset[T] | MapDataset[T]] | MapDataset[Any]",
        *,
        cycle_length: int,
        num_make_iter_threads: int = 1,
        make_iter_buffer_size: int = 1,
        iter_buffer_size: int = 1,
    ):
        call = "InterleaveIterDataset"
        slots = at_least(call, "cycle_length", cycle_length, 1)
        threads = at_least(call, "num_make_iter_threads", num_make_iter_threads, 0)
        least = 1 if threads else 0
        options = InterleaveOptions(
            num_opening_threads=threads,
            opened_ahead=at_least(
                call, "make_iter_buffer_size", make_iter_buffer_size, least
            ),
            buffer_size=at_least(call, "iter_buffer_size", iter_buffer_size, 0),
        )
        stages: Stages
        if isinstance(datasets, MapDataset):
            maker = datasets._operation
            stages = _MadeStages(datasets)
        else:
            maker = None
            stages = GivenStages(
                [_stage_of(dataset, n) for n, dataset in enumerate(datasets)]
            )
        super().__init__(Interleave(stages, maker, slots, options))


class _MadeStages:
    """Stages of datasets that an indexed pipeline makes."""

    def __init__(self, datasets: MapDataset[Any]):
        self._datasets = datasets

    def __len__(self) -> int:
        return len(self._datasets)

    def __getitem__(self, number: int, /) -> Stage:
        dataset = self._datasets[number]
        if dataset is None:  # dropped by a filter
            dataset = MapDataset.range(0)
        return _stage_of(dataset, number)

    def describe(self) -> str:
        return " > ".join(self._datasets._operation.describe_all())


def _stage_of(dataset: Any, number: int) -> Stage:
    if isinstance(dataset, MapDataset):
        dataset = dataset.to_iter_dataset()
    if not isinstance(dataset, IterDataset):
        raise TypeError(
            f"InterleaveIterDataset: `datasets[{number}]` must be a MapDataset or an "
            f"IterDataset, got {type(dataset).__name__}."
        )
    return dataset._stage


def apply_transformations(
    ds: Any, transformations: Transformation | Sequence[Transformation]
) -> Any:
    """The method `apply` of a dataset as a function.

    Args:
        ds: a `MapDataset` or an `IterDataset`.
        transformations: one or several, in order.

    Example:
        >>> from dolmen.data import transforms
        >>> list(apply_transformations(MapDataset.range(3), transforms.Batch(2)))
        [array([0, 1]), array([2])]
    """
    return ds.apply(transformations)


def batch_and_pad(values: Sequence[Any], *, batch_size: int, pad_value: Any = 0) -> Any:
    """Stacks elements and fills the batch up to its full size.

    Made to be the `batch_fn` of `batch`, so that the last batch is as large as others.

    Args:
        values: elements, at least one and at most `batch_size`.
        batch_size: size of the leading axis of the result.
        pad_value: what all leaves are filled up with.

    Raises:
        ValueError: there are too few or too many values, they can not be stacked, or
            `pad_value` is none of the values that a leaf can have.

    Example:
        >>> import functools
        >>> fill = functools.partial(batch_and_pad, batch_size=3)
        >>> list(MapDataset.range(1, 5).batch(3, batch_fn=fill))
        [array([1, 2, 3]), array([4, 0, 0])]
    """
    missing = batch_size - len(values)
    if not values or missing < 0:
        raise ValueError(
            f"batch_and_pad: `values` must hold 1 to {batch_size} elements, got "
            f"{len(values)}."
        )
    batch = stack(values)
    if not missing:
        return batch
    return map_leaves(lambda leaf: _padded(leaf, missing, pad_value), batch)


def _padded(leaf: np.ndarray, missing: int, pad_value: Any) -> np.ndarray:
    value = np.asarray(pad_value, None if leaf.dtype != object else object)
    if leaf.dtype.kind != "U":  # text takes the room that it needs
        with np.errstate(invalid="ignore"):
            cast = value.astype(leaf.dtype)
        if not np.all((cast == value) | (value != value)):
            raise ValueError(
                f"batch_and_pad: `pad_value` {pad_value!r} is no value of "
                f"{outline_leaf(leaf)}."
            )
        value = cast
    padding = np.full((missing, *leaf.shape[1:]), value)
    return np.concatenate([leaf, padding])

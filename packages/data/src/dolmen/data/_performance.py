"""Numbers of workers and sizes of buffers that fit into a given memory."""

import itertools
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._arguments import TO_ITER, at_least, check_kind
from ._candidates import bare
from ._iter_dataset import IterDataset
from ._iterator import DatasetIterator
from ._options import MultiprocessingOptions, ReadOptions, usable_cpus
from ._parts import parts_of
from ._stages import Planned, Stage
from ._tree import leaves_with_paths

_MOST_BUFFERED = 1000
_MEBIBYTE = 2**20


@dataclass
class PerformanceConfig:
    """Options that change the speed of a pipeline.

    Attributes:
        multiprocessing_options: for `IterDataset.mp_prefetch`.
        read_options: for `MapDataset.to_iter_dataset`.
    """

    multiprocessing_options: MultiprocessingOptions | None = None
    read_options: ReadOptions | None = None


def pick_performance_config(
    ds: IterDataset[Any],
    *,
    ram_budget_mb: int | None,
    max_workers: int | None,
    max_buffer_size: int | None,
    samples_to_check: int = 5,
) -> PerformanceConfig:
    """Makes a few elements and chooses as many workers and buffers as memory allows.

    There is one worker for each element that fits into the memory, and one place in a
    buffer for each element of the indexed part of the pipeline that does.

    Args:
        ds: the dataset.
        ram_budget_mb: memory in units of ``2**20`` bytes, for workers and for buffers
            each; None for any amount.
        max_workers: at most so many; as many as there are processors if None.
        max_buffer_size: at most so many elements; 1000 if None.
        samples_to_check: how many elements to make; fewer if the dataset ends before.

    Raises:
        TypeError: `ds` is no IterDataset, or a number is not an integer.
        ValueError: a number is too small, or not even one element fits.

    Example:
        >>> from dolmen.data import MapDataset
        >>> batches = MapDataset.source(np.zeros(2**20, np.uint8)).batch(2**19)
        >>> config = pick_performance_config(
        ...     batches.to_iter_dataset(),
        ...     ram_budget_mb=2,
        ...     max_workers=8,
        ...     max_buffer_size=None,
        ... )
        >>> config.multiprocessing_options.num_workers
        4
        >>> config.read_options.prefetch_buffer_size
        4
    """
    call = "pick_performance_config"
    check_kind(call, "ds", ds, IterDataset, TO_ITER)
    count = at_least(call, "samples_to_check", samples_to_check, 1)
    most_workers, most_buffered = (
        default if given is None else at_least(call, name, given, 1)
        for name, given, default in (
            ("max_workers", max_workers, usable_cpus()),
            ("max_buffer_size", max_buffer_size, _MOST_BUFFERED),
        )
    )
    if ram_budget_mb is None:
        num_workers, buffer_size = most_workers, most_buffered
    else:
        budget = _MEBIBYTE * at_least(call, "ram_budget_mb", ram_budget_mb, 1)
        stage = bare(ds._stage)  # no thread is to make more than is asked for
        planned = list(_planned_below(stage))
        num_workers = min(most_workers, _fitting(budget, [stage], count))
        buffer_size = min(most_buffered, _fitting(budget, planned, count))
    return PerformanceConfig(
        multiprocessing_options=MultiprocessingOptions(num_workers=num_workers),
        read_options=ReadOptions(
            num_threads=min(ReadOptions().num_threads, buffer_size),
            prefetch_buffer_size=buffer_size,
        ),
    )


def _planned_below(stage: Stage) -> Iterator[Stage]:
    """The indexed parts of a pipeline."""
    if isinstance(stage, Planned):
        yield stage
    for part in parts_of(stage, Stage):
        yield from _planned_below(part)


def _fitting(budget: int, stages: Sequence[Stage], count: int) -> int:
    """How many elements of each stage fit into so many bytes together."""
    each = -(-count // max(1, len(stages)))
    sizes = [size for stage in stages for size in _first_sizes(stage, each)]
    if not sizes:
        return sys.maxsize
    bytes_of_one = sum(sizes) / len(sizes) * len(stages)
    fitting = int(budget / max(1.0, bytes_of_one))
    if not fitting:
        raise ValueError(
            "pick_performance_config: `ram_budget_mb` must leave room for one element "
            f"at least, which takes {bytes_of_one / _MEBIBYTE:.1f} MiB, got "
            f"{budget // _MEBIBYTE}."
        )
    return fitting


def _first_sizes(stage: Stage, count: int) -> list[int]:
    with DatasetIterator(stage) as iterator:
        return [_bytes_of(element) for element in itertools.islice(iterator, count)]


def _bytes_of(element: Any) -> int:
    return sum(
        leaf.nbytes if isinstance(leaf, np.ndarray) else sys.getsizeof(leaf)
        for _, leaf in leaves_with_paths(element)
    )

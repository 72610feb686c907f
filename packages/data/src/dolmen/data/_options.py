"""Options that change the speed of a pipeline and nothing else."""

import os
from dataclasses import dataclass
from typing import Literal, get_args

from ._arguments import at_least


@dataclass(frozen=True)
class ReadOptions:
    """How elements are made ahead of their use. Changes speed, never elements.

    Attributes:
        num_threads: threads that make elements; 0 makes them in the caller's
            thread. More than one helps where functions release Python's lock, as
            reading files, decompressing and large NumPy operations do.
        prefetch_buffer_size: elements (batches, after `batch`) that may be made
            before they are asked for; 0 makes each element when it is asked for.
            Elements that take little time are made several together, which costs
            much less for each, even without threads: batches of ArrayRecord files
            half of what they cost one by one.

    Raises:
        TypeError: an option is not an integer.
        ValueError: an option is negative, or threads have no buffer.

    Example:
        >>> ReadOptions(num_threads=4, prefetch_buffer_size=32)
        ReadOptions(num_threads=4, prefetch_buffer_size=32)
    """

    num_threads: int = 2
    prefetch_buffer_size: int = 16

    def __post_init__(self) -> None:
        """Checks the options."""
        at_least("ReadOptions", "num_threads", self.num_threads, 0)
        at_least("ReadOptions", "prefetch_buffer_size", self.prefetch_buffer_size, 0)
        if self.num_threads and not self.prefetch_buffer_size:
            raise ValueError(
                f"ReadOptions: {self.num_threads} threads need a "
                "`prefetch_buffer_size` of at least 1, got 0. For no reading ahead "
                "set `num_threads=0` too."
            )


OnWorkerDeath = Literal["raise", "restart"]


@dataclass(frozen=True)
class MultiprocessingOptions:
    """How many processes make elements. Changes speed, never elements.

    Attributes:
        num_workers: worker processes; 0 makes all in the program's own.
        per_worker_buffer_size: elements (batches, after `batch`) that each worker may
            have made beside the one that it is at. Elements smaller than a batch are
            made and counted many at a time.
        enable_profiling: log, when an iterator is closed, what each worker did: to
            the logger ``dolmen.data``, at level INFO.
        on_worker_death: what to do when a worker is killed, as the system does when
            memory runs out: ``"raise"`` a `WorkerDiedError`, or ``"restart"`` it,
            log a warning and make again what it was at. A task that three workers die
            of is an error in any case.

    Raises:
        TypeError: a number is not an integer.
        ValueError: `num_workers` is negative, `per_worker_buffer_size` is below 1 or
            `on_worker_death` is none of the two.

    Example:
        >>> options = MultiprocessingOptions(num_workers=4, on_worker_death="restart")
        >>> options.per_worker_buffer_size
        1
    """

    num_workers: int = 0
    per_worker_buffer_size: int = 1
    enable_profiling: bool = False
    on_worker_death: OnWorkerDeath = "raise"

    def __post_init__(self) -> None:
        """Checks the options."""
        name = "MultiprocessingOptions"
        at_least(name, "num_workers", self.num_workers, 0)
        at_least(name, "per_worker_buffer_size", self.per_worker_buffer_size, 1)
        choices = get_args(OnWorkerDeath)
        if self.on_worker_death not in choices:
            raise ValueError(
                f"{name}: `on_worker_death` must be one of {choices}, got "
                f"{self.on_worker_death!r}."
            )


def usable_cpus() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

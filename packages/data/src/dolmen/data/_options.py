"""Options that change the speed of a pipeline and nothing else."""

from dataclasses import dataclass

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
            Many small elements made together cost much less each, even without
            threads.

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

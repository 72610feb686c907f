"""An iterator that can tell where its time goes."""

from typing import Any, TypeVar

from ._iterator import DatasetIterator
from ._measure import measured
from ._report import Report, Stopwatch
from ._stages import Stage

T = TypeVar("T")


class Loader(DatasetIterator[T]):
    """Iterates over the rows of global batches that this host makes; see `loader`."""

    def __init__(
        self,
        stage: Stage,
        *,
        step: int = 0,
        state: dict[str, Any] | None = None,
    ):
        timed, self._clock = measured(stage)
        super().__init__(timed)
        self._stopwatch = Stopwatch()
        if state is not None:
            if step:
                raise ValueError("loader: expected `step` or `state`, got both.")
            self.set_state(state)
        elif step:
            self.set_state({"step": step})

    @property
    def step(self) -> int:
        """Number of batches before the next one, from the start of the pipeline."""
        return self.get_state()["step"]

    def state(self) -> dict[str, Any]:
        """The position, as `get_state`: the same on all hosts."""
        return self.get_state()

    def __next__(self) -> T:
        """The next batch."""
        begin = self._stopwatch.begin()
        is_element = False
        try:
            element = super().__next__()
            is_element = True
            return element
        finally:
            self._stopwatch.end(begin, is_element)

    def report(self) -> Report:
        """Where the time went so far; print it.

        Returns:
            A tree of the pipeline with microseconds per record, waits and the
            bottleneck, and advice. It can be saved as a web page and as a trace.
        """
        return self._stopwatch.report(self._clock)

"""Where the time of a pipeline goes, and what to do about it."""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ._measure import Call, Clock

# The trainer may wait for this share of its time before there is anything to advise.
_WORTH_ADVICE = 0.05
# A part that works on a processor for less than this share of its time waits for files.
_WAITING = 0.5
# Lowest cost per record at which a call of Python per record is worth mentioning.
_SMALL_CALL = 20.0


@dataclass(frozen=True)
class Part:
    """One operation or stage of the pipeline.

    Attributes:
        name: as it is described.
        depth: how many parts it is below the last one.
        elements: what it gave.
        self_us: microseconds that it took by itself, for each record of the sources.
        busy_us: those of them in which a processor worked.
        waited_us: microseconds that it waited for threads below, for each record.
        share: of the time that all parts took by themselves.
        is_one_by_one: it calls Python once for every record.
    """

    name: str
    depth: int
    elements: int
    self_us: float
    busy_us: float
    waited_us: float
    share: float
    is_one_by_one: bool


@dataclass(frozen=True)
class Ingredient:
    """What one dataset of a mixture gave.

    Attributes:
        name: of the dataset, else where its records come from.
        elements: how many came from it.
        share: of all elements of the mixture.
        token_share: of all tokens, by the lengths that the mixture was given; None
            without lengths.
    """

    name: str
    elements: int
    share: float
    token_share: float | None


@dataclass(frozen=True)
class MixtureReport:
    """What the datasets of a mixture gave: print it.

    Attributes:
        name: the mixture, as it is described.
        ingredients: one for each dataset.
    """

    name: str
    ingredients: tuple[Ingredient, ...]

    def __str__(self) -> str:
        """In one line."""
        parts = []
        for part in self.ingredients:
            text = f"{part.share:.1%} {part.name}"
            if part.token_share is not None:
                text += f" ({part.token_share:.1%} of tokens)"
            parts.append(text)
        return f"{self.name} gave {', '.join(parts)}"


@dataclass(frozen=True)
class Report:
    """Where the time of a pipeline went; `str` gives it as text.

    Attributes:
        steps: elements given out.
        records: records read of the sources.
        seconds: from the first element to the last.
        waited: seconds of these in which whoever uses the elements waited.
        parts: the pipeline from its last part down to the sources.
        calls: the last calls of all parts.
        mixtures: what the datasets of every mixture gave.
    """

    steps: int
    records: int
    seconds: float
    waited: float
    parts: tuple[Part, ...]
    calls: tuple[Call, ...]
    mixtures: tuple[MixtureReport, ...] = ()

    @property
    def bottleneck(self) -> Part:
        """The part that took the most time by itself."""
        return max(self.parts, key=lambda part: part.self_us)

    @property
    def share_waited(self) -> float:
        """Share of the time in which whoever uses the elements waited."""
        return self.waited / self.seconds if self.seconds else 0.0

    @property
    def advice(self) -> str:
        """What would help most."""
        part = self.bottleneck
        if not self.steps:
            return "No element was made: there is nothing to tell."
        if self.share_waited < _WORTH_ADVICE:
            return "Elements were there when they were asked for: nothing to gain."
        if part.waited_us > part.self_us:
            return (
                f"{part.name} waits for other processes: give it more of them, or see "
                "what they do by the `report` of the dataset, which makes all itself."
            )
        if part.self_us and part.busy_us / part.self_us < _WAITING:
            return (
                f"{part.name} mostly waits, for files or for its turn on a processor: "
                "let more threads wait at once, with a larger `num_threads`."
            )
        if part.is_one_by_one and part.name.startswith("source"):
            return (
                f"{part.name} reads one record at a time: give it `__getitems__` or "
                "`gather` (see `RandomAccessDataSource`)."
            )
        if part.is_one_by_one and part.self_us < _SMALL_CALL:
            return (
                f"{part.name} is small but called for every record: write it for many "
                "records at once and mark it with `batched`."
            )
        return (
            f"{part.name} keeps a processor busy: share it out among processes with "
            "`mp_prefetch`, or do its work once and store the result."
        )

    def __str__(self) -> str:
        """A tree with a line for each part, and advice."""
        rate = self.records / self.seconds if self.seconds else 0.0
        width = max(2 * part.depth + len(part.name) for part in self.parts)
        lines = [
            f"{self.steps} elements of {self.records} records in {self.seconds:.2f} s: "
            f"{rate:,.0f} records/s; waited for {self.share_waited:.0%} of the time",
            f"{'':{width}}  us/record  share  waits",
        ]
        for part in self.parts:
            name = "  " * part.depth + part.name
            mark = "  <- bottleneck" if part is self.bottleneck else ""
            waits = f"{part.waited_us:6.2f}" if part.waited_us else "     -"
            lines.append(
                f"{name:{width}}  {part.self_us:9.2f}  {part.share:5.0%} {waits}{mark}"
            )
        return "\n".join([*lines, *map(str, self.mixtures), self.advice])

    def to_html(self) -> str:
        """A page that needs nothing but itself."""
        from ._report_pages import to_html

        return to_html(self)

    def save_html(self, path: str | os.PathLike[str]) -> None:
        """Writes the page to a file."""
        with open(path, "w", encoding="utf-8") as file:
            file.write(self.to_html())

    def to_chrome_trace(self) -> dict[str, Any]:
        """The last calls, for ``chrome://tracing`` and Perfetto."""
        from ._report_pages import to_chrome_trace

        return to_chrome_trace(self)

    def save_chrome_trace(self, path: str | os.PathLike[str]) -> None:
        """Writes the last calls to a JSON file."""
        import json

        with open(path, "w", encoding="utf-8") as file:
            json.dump(self.to_chrome_trace(), file)


class Stopwatch:
    """How long whoever uses an iterator waits, and how long it goes on by itself."""

    def __init__(self) -> None:
        self.steps = 0
        self.waited = 0
        self._first: int | None = None
        self._last = 0

    def begin(self) -> int:
        """The time at which an element is asked for."""
        now = time.perf_counter_ns()
        self._first = now if self._first is None else self._first
        return now

    def end(self, begin: int, is_element: bool) -> None:
        """An element that was asked for at `begin` is there, or the end is."""
        self._last = time.perf_counter_ns()
        self.waited += self._last - begin
        self.steps += is_element

    def report(self, clock: Clock) -> Report:
        """What the clocks of the pipeline say."""
        seconds = (self._last - (self._first or self._last)) / 1e9
        records = sum(leaf.elements for leaf in _leaves(clock))
        rows = list(_rows(clock, 0))
        total = sum(own for _, _, own, _, _ in rows) or 1
        per = 1000 * max(records, 1)
        parts = tuple(
            Part(
                name=part.name,
                depth=depth,
                elements=part.elements,
                self_us=own / per,
                busy_us=busy / per,
                waited_us=waits / per,
                share=own / total,
                is_one_by_one=part.is_one_by_one,
            )
            for part, depth, own, busy, waits in rows
        )
        calls = tuple(clock.kept.last)
        mixtures = tuple(_mixtures(clock))
        return Report(
            self.steps, records, seconds, self.waited / 1e9, parts, calls, mixtures
        )


def _mixtures(clock: Clock) -> Iterator[MixtureReport]:
    proportions = clock.proportions
    if proportions is not None and clock.elements:
        names = proportions.names or [_origin(part).name for part in clock.below]
        counts = [part.elements for part in clock.below]
        tokens: list[float] = []
        if proportions.lengths is not None:
            pairs = zip(counts, proportions.lengths, strict=True)
            tokens = [count * length for count, length in pairs]
        yield MixtureReport(
            clock.name,
            tuple(
                Ingredient(
                    name=name,
                    elements=count,
                    share=count / sum(counts),
                    token_share=tokens[part] / sum(tokens) if tokens else None,
                )
                for part, (name, count) in enumerate(zip(names, counts, strict=True))
            ),
        )
    for below in clock.below:
        yield from _mixtures(below)


def _origin(clock: Clock) -> Clock:
    """Where the elements of a part come from: its source, or what combines others."""
    while len(clock.below) == 1:
        (clock,) = clock.below
    return clock


def _rows(clock: Clock, depth: int) -> Any:
    """Each part with what it took by itself: wall, busy and waiting nanoseconds."""
    if clock.is_ahead:
        yield clock, depth, clock.busy, clock.busy, max(clock.wall - clock.busy, 0)
    else:
        own = max(clock.wall - sum(below.wall for below in clock.below), 0)
        busy = max(clock.busy - sum(below.busy for below in clock.below), 0)
        yield clock, depth, own, min(busy, own), 0
    for below in clock.below:
        yield from _rows(below, depth + 1)


def _leaves(clock: Clock) -> list[Clock]:
    if not clock.below:
        return [clock]
    return [leaf for below in clock.below for leaf in _leaves(below)]

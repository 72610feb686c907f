"""A proof that every record comes as often as it should, on indices alone."""

import dataclasses
import sys
from dataclasses import dataclass

import numpy as np

from ._arguments import at_least
from ._flat_map import FlatMap
from ._operations import Operation, Repeat
from ._parts import with_parts

# Positions that are looked at together.
_AT_ONCE = 1 << 14
_EXAMPLES = 5


@dataclass(frozen=True)
class SourceAudit:
    """How often the records of one source come.

    Attributes:
        source: the source, in short.
        records: how many it has.
        reads: how many come in all.
        least: how often the rarest record comes.
        most: how often the most frequent record comes.
        missing: how many never come.
        examples: a few records that never come or come too often.
    """

    source: str
    records: int
    reads: int
    least: int
    most: int
    missing: int
    examples: tuple[int, ...]

    def __str__(self) -> str:
        """In one line."""
        times = (
            f"{self.least}"
            if self.least == self.most
            else (f"{self.least} to {self.most}")
        )
        text = f"{self.source}: {self.records} records, each {times} times"
        if self.examples:
            listed = ", ".join(map(str, self.examples))
            text += f"; {self.missing} never; for example {listed}"
        return text


@dataclass(frozen=True)
class Audit:
    """How often the records of all sources come.

    Attributes:
        epochs: how many were looked at.
        elements: how many elements these are.
        sources: one entry for each source.
    """

    epochs: int
    elements: int
    sources: tuple[SourceAudit, ...]

    @property
    def is_exact(self) -> bool:
        """Whether every record of every source comes exactly once per epoch."""
        return all(s.least == s.most == self.epochs for s in self.sources)

    def __str__(self) -> str:
        """One line for each source."""
        verdict = "exactly once per epoch" if self.is_exact else "NOT once per epoch"
        head = f"{self.elements} elements in {self.epochs} epochs: {verdict}"
        return "\n".join([head, *(f"  {source}" for source in self.sources)])


def audit(operation: Operation, epochs: int) -> Audit:
    """Counts the records that the elements of some epochs are made of."""
    epochs = at_least("audit", "epochs", epochs, 1)
    top = _of_epochs(operation, epochs)
    if top.length >= sys.maxsize:
        raise ValueError(
            "audit: the dataset has no end, and no `repeat` that could be cut short."
        )
    counts: dict[Operation, np.ndarray] = {}
    for start in range(0, top.length, _AT_ONCE):
        _count(top, np.arange(start, min(start + _AT_ONCE, top.length)), counts)
    sources = tuple(_sum_up(source, n, epochs) for source, n in counts.items())
    return Audit(epochs, top.length, sources)


def _of_epochs(operation: Operation, epochs: int) -> Operation:
    """The operation with as many epochs: endless repetitions are cut short."""
    cut = _cut_short(operation, epochs)
    if cut is not operation or epochs == 1:
        return cut
    return Repeat(operation, epochs, reseed=True)


def _cut_short(operation: Operation, epochs: int) -> Operation:
    if isinstance(operation, Repeat) and operation.epochs is None:
        return dataclasses.replace(operation, epochs=epochs)
    return with_parts(operation, Operation, lambda part: _cut_short(part, epochs))


def _count(
    operation: Operation, positions: np.ndarray, counts: dict[Operation, np.ndarray]
) -> None:
    if isinstance(operation, FlatMap):
        # Every record has several places; it is counted at the first of them.
        positions = positions[positions % operation.most == 0]
    if not len(positions):
        return
    belows = operation.below(positions)
    if not belows:
        if operation not in counts:
            counts[operation] = np.zeros(operation.length, np.int32)
        np.add.at(counts[operation], positions % operation.length, 1)
    for below in belows:
        _count(below.operation, below.positions, counts)


def _sum_up(source: Operation, counts: np.ndarray, epochs: int) -> SourceAudit:
    wrong = np.flatnonzero(counts != epochs)[:_EXAMPLES].tolist()
    return SourceAudit(
        source=source.describe(),
        records=source.length,
        reads=int(counts.sum()),
        least=int(counts.min()),
        most=int(counts.max()),
        missing=int((counts == 0).sum()),
        examples=tuple(wrong),
    )

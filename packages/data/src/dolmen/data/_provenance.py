"""What an element is made of: which records of which files, by which way.

Positions say it all, so nothing is read to answer.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ._arguments import at_least
from ._operations import Operation, RandomMap


@dataclass(frozen=True)
class RandomKey:
    """Where the random numbers of a `random_map` come from.

    Attributes:
        name: the operation.
        seed: its seed.
        epoch: the epoch of the record.
        index: the place of the record in that epoch, where the operation stands.
    """

    name: str
    seed: int
    epoch: int
    index: int

    def __str__(self) -> str:
        """In one line."""
        return f"{self.name}: seed {self.seed}, epoch {self.epoch}, index {self.index}"


@dataclass(frozen=True)
class Origin:
    """A record that an element is made of.

    Attributes:
        source: the source, in short.
        record: its number in the source.
        epoch: how often the source was gone through before.
        file: the file it lies in; None if the source has none.
        number: its number in the file.
        offset: its first byte in the file; None if that is not known.
        way: from the element down to the source, where it stood in every operation.
        random: the random numbers that were drawn for it.
    """

    source: str
    record: int
    epoch: int
    file: str | None = None
    number: int | None = None
    offset: int | None = None
    way: tuple[tuple[str, int], ...] = ()
    random: tuple[RandomKey, ...] = ()

    def __str__(self) -> str:
        """In a few lines."""
        lines = [f"record {self.record} of {self.source}, epoch {self.epoch}"]
        if self.file is not None:
            byte = "" if self.offset is None else f", at byte {self.offset}"
            lines.append(f"  in {self.file}: record {self.number}{byte}")
        lines += [f"  random numbers of {key}" for key in self.random]
        steps = " < ".join(f"{name} {position}" for name, position in self.way)
        return "\n".join([*lines, f"  by way of {steps}"])


class Origins(tuple[Origin, ...]):
    """Records that an element is made of; prints as text."""

    def __str__(self) -> str:
        """One paragraph for each."""
        return "\n".join(map(str, self))


def why(operation: Operation, step: int, row: int | None) -> Origins:
    """The origins of an element, or of one row of it."""
    call = "why"
    step = at_least(call, "step", step, 0)
    row = None if row is None else at_least(call, "row", row, 0)
    if not operation.length:
        raise ValueError(f"{call}: the dataset has no elements.")
    return Origins(_trace(operation, step, row, Origin("", 0, 0)))


def _trace(
    operation: Operation, position: int, row: int | None, so_far: Origin
) -> list[Origin]:
    way = (*so_far.way, (operation.describe(), position))
    origin = replace(so_far, way=way)
    epoch, index = divmod(position, operation.length)
    belows = operation.below(np.array([position]))
    if not belows:
        source = getattr(operation, "source", None)
        return [_at_source(source, origin, epoch, index)]
    if isinstance(operation, RandomMap):
        key = RandomKey(operation.describe(), operation.seed, epoch, index)
        origin = replace(origin, random=(*origin.random, key))
    found: list[Origin] = []
    for below in belows:
        positions = below.positions.tolist()
        if row is not None and len(positions) > 1:
            if row >= len(positions):
                raise ValueError(
                    f"why: `row` must be below {len(positions)}, the size of element "
                    f"{position} of {operation.describe()}, got {row}."
                )
            # Rows are counted in the uppermost batch.
            found += _trace(below.operation, positions[row], None, origin)
            continue
        for place in positions:
            found += _trace(below.operation, place, row, origin)
    return found


def _at_source(source: Any, so_far: Origin, epoch: int, record: int) -> Origin:
    name, _ = so_far.way[-1]
    origin = replace(so_far, source=name, record=record, epoch=epoch)
    if not hasattr(source, "origin"):
        return origin
    file, number, offset = source.origin(record)
    return replace(origin, file=file, number=number, offset=offset)

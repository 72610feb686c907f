"""Functions that make several elements of one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ._block import Block, Rows
from ._errors import blame
from ._groups import Grouping
from ._operations import OneParent, call_each
from ._stages import Cursor

Split = Callable[[Any], Sequence[Any]]


@dataclass(frozen=True, eq=False)
class FlatMap(OneParent):
    """Room for `most` records in the place of each; what is not needed stays empty."""

    function: Split
    name: str
    most: int

    @property
    def drops_records(self) -> bool:
        return True

    @property
    def calls_one_by_one(self) -> bool:
        return True

    def count(self) -> int:
        return self.parent.length * self.most

    def down(self, positions: np.ndarray) -> np.ndarray:
        return positions // self.most

    def fetch(self, positions: np.ndarray) -> Block:
        once, back = np.unique(self.down(positions), return_inverse=True)
        rows = self.parent.fetch(once).rows()
        made = call_each(self, self._split, rows, once * self.most)
        pairs = zip(back.tolist(), (positions % self.most).tolist(), strict=True)
        return Rows([_part(made[record], part) for record, part in pairs])

    def describe(self) -> str:
        return f"flat_map({self.name}, {self.most})"

    def _split(self, record: Any) -> Sequence[Any]:
        return split(self.function, record, self.most)


def _part(made: Sequence[Any] | None, part: int) -> Any:
    return None if made is None or part >= len(made) else made[part]


@dataclass(frozen=True, eq=False)
class FlatMapStage(Grouping):
    """All elements that a function makes of one, and of the next."""

    function: Split
    name: str
    most: int | None

    def describe(self) -> str:
        most = "" if self.most is None else f", {self.most}"
        return f"flat_map({self.name}{most})"

    def make(self, parent: Cursor, number: int) -> Sequence[Any]:
        element = parent.next()
        try:
            return split(self.function, element, self.most)
        except Exception as error:  # noqa: BLE001 - `blame` raises it again
            blame(error, self.describe(), parent.origin(parent.position()))


def split(function: Split, element: Any, most: int | None) -> Sequence[Any]:
    """What the function makes of an element.

    Raises:
        ValueError: that is more than the pipeline has room for.
    """
    made = list(function(element))
    if most is not None and len(made) > most:
        raise ValueError(
            f"flat_map: an element was split into {len(made)} parts, but "
            f"`max_fan_out` is {most}. Raise it, or split less."
        )
    return made

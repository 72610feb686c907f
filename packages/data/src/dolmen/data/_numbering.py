"""Which elements of a pipeline can be made by number, in any order.

Where the place of every element is known beforehand, processes can share the work
without knowing of each other. *Candidates* are what is numbered: each is an element,
or one that a filter drops.
"""

import bisect
from collections.abc import Callable
from dataclasses import dataclass

Position = tuple[int, ...]


@dataclass(frozen=True)
class Numbering:
    """The candidates of a stage, by number.

    Attributes:
        count: how many candidates there are.
        is_gapless: every candidate is an element.
        position_before: position of a cursor that gives this candidate next.
    """

    count: int
    is_gapless: bool
    position_before: Callable[[int], Position]

    def number_at(self, position: Position) -> int | None:
        """The candidate that comes next at a position; None within a candidate."""
        number = bisect.bisect_left(
            range(self.count), position, hi=self.count, key=self.position_before
        )
        return number if self.position_before(number) == position else None

    def position_of_step(self, step: int) -> Position:
        """Position after `step` elements, where there are no gaps.

        Raises:
            ValueError: there are not so many.
        """
        if step > self.count:
            raise ValueError(
                f"set_state: step {step} lies beyond the end, the pipeline has "
                f"{self.count} elements."
            )
        return self.position_before(step)

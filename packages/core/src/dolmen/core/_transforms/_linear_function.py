"""Derivatives as values: functions that `vjp` and `linearize` return, and pytrees.

The leaves of such a function are its residuals, so it can be a result and an argument
of jitted functions. All the rest is fixed, and the same object for whatever a compiled
program returns: what takes it as an argument compiles once.
"""

import copy
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from .._backend import pytree
from ._tape import TapeEntry, pull_back, push_forward
from ._transpose import accumulate

_CONSTANTS = (bool, int, float, complex, np.generic)


class ClosedTape:
    """A tape without values: its entries name them by numbers.

    Attributes:
        outs: the number of each result, None for one that does not vary.
    """

    __slots__ = ("_count", "_entries", "outs")

    def __init__(
        self, entries: list[tuple[Any, ...]], count: int, outs: list[int | None]
    ) -> None:
        self._entries = entries
        self._count = count
        self.outs = outs

    def pull(self, residuals: Sequence[Any], cts: Sequence[Any]) -> list[Any]:
        """Cotangents of the inputs, None where none arrives."""
        arrived: dict[Any, Any] = {}
        for out, ct in zip(self.outs, cts, strict=True):
            if out is not None and ct is not None:
                accumulate(arrived, out, ct)
        found = pull_back(self._tape(residuals), arrived)
        return [found.get(number) for number in range(self._count)]

    def push(self, residuals: Sequence[Any], tangents: Sequence[Any]) -> list[Any]:
        """Tangents of the results, None where there is none."""
        found = push_forward(self._tape(residuals), dict(enumerate(tangents)))
        return [None if out is None else found[out] for out in self.outs]

    def _tape(self, residuals: Sequence[Any]) -> list[TapeEntry]:
        return [
            TapeEntry(
                linear,
                [residuals[x] if is_leaf else x for is_leaf, x in kept],
                ins,
                outs,
                frame,
            )
            for linear, kept, ins, outs, frame in self._entries
        ]


def close_tape(
    tape: Sequence[TapeEntry], inputs: Sequence[Any], results: Sequence[Any]
) -> tuple[ClosedTape, list[Any]]:
    """Separate what a tape needs to be played from the values it kept.

    Args:
        inputs: keys of the inputs.
        results: keys of the results, None for one that does not vary.

    Returns:
        The tape, and the residuals of the entries that results depend on.
    """
    wanted = set(results)
    needed = []
    for entry in reversed(tape):
        if not wanted.isdisjoint(entry.outs):
            wanted.update(entry.ins)
            needed.append(entry)
    numbers = {key: number for number, key in enumerate(inputs)}
    places: dict[int, int] = {}
    residuals: list[Any] = []

    def placed(value: Any) -> tuple[bool, Any]:
        if isinstance(value, _CONSTANTS):
            return False, value
        if id(value) not in places:
            places[id(value)] = len(residuals)
            residuals.append(value)
        return True, places[id(value)]

    entries = []
    for entry in reversed(needed):
        for out in entry.outs:
            numbers[out] = len(numbers)
        entries.append(
            (
                entry.linear,
                [placed(value) for value in entry.residuals],
                [numbers[key] for key in entry.ins],
                [numbers[key] for key in entry.outs],
                entry.frame,
            )
        )
    outs = [numbers.get(key) for key in results]
    return ClosedTape(entries, len(inputs), outs), residuals


class LinearFunction:
    """A linear function: what `vjp` and `linearize` return, a pytree of residuals."""

    def __init__(
        self, name: str, apply: Callable[..., Any], residuals: Sequence[Any]
    ) -> None:
        self.__name__ = name
        self._apply = apply
        self._residuals = tuple(residuals)

    def __call__(self, *args: Any) -> Any:
        """Apply it."""
        return self._apply(self._residuals, *args)

    def __deepcopy__(self, memo: dict[int, Any]) -> "LinearFunction":
        residuals = copy.deepcopy(self._residuals, memo)
        return LinearFunction(self.__name__, self._apply, residuals)

    def __repr__(self) -> str:
        return f"<{self.__name__}, {len(self._residuals)} residuals>"

    def flat(self) -> tuple[tuple[Any, ...], tuple[str, Callable[..., Any]]]:
        """Residuals, and what is fixed."""
        return self._residuals, (self.__name__, self._apply)


def _filled(fixed: Any, residuals: Iterable[Any]) -> LinearFunction:
    name, apply = fixed
    return LinearFunction(name, apply, tuple(residuals))


pytree.register_node(LinearFunction, LinearFunction.flat, _filled)

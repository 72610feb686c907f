"""How much of each part there is in a mixture, from which place on."""

import functools
import math
import numbers
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np

from ._arguments import at_least
from ._schedule import Schedule

Unit = Literal["examples", "tokens"]
# One number for each dataset, by their names if they have any.
Weights = Sequence[float] | Mapping[str, float]
Lengths = Sequence[float | np.ndarray] | Mapping[str, float | np.ndarray]

# Shares have this sum where the weights are no simple fractions. Products of two
# numbers of that size must fit into 63 bits.
_FINEST_WHOLE = 2**30
# Of floating-point weights that are meant as simple fractions, such as 0.7 and 0.3.
_SIMPLE_DENOMINATOR = 1000
_MEANT_WITHIN = Fraction(1, 10**12)


@dataclass(frozen=True)
class Phase:
    """Whole shares of all parts, from a place on; 0 for what is not read."""

    start: int
    shares: tuple[int, ...]


@dataclass(frozen=True)
class Proportions:
    """The phases of a mixture.

    Every phase is a `Schedule` of its own, and each part reads on where it was: so the
    part of any place, and the number of records that it gave before, are known at once.

    Attributes:
        phases: at least one, the first of them from 0 on.
        names: of the parts, if they have any.
        lengths: tokens of a record of each part, on average, if shares were made of
            weights by tokens.
    """

    phases: tuple[Phase, ...]
    names: tuple[str, ...] | None = None
    lengths: tuple[float, ...] | None = None

    def choose(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place, the part and how many of its records come before.

        Args:
            places: int64, not negative.
        """
        phases = np.searchsorted(self._starts, places, side="right") - 1
        found = np.unique(phases).tolist()
        if len(found) == 1:
            return self._choose_in(found[0], places)
        parts, counts = np.empty_like(places), np.empty_like(places)
        for phase in found:
            here = phases == phase
            parts[here], counts[here] = self._choose_in(phase, places[here])
        return parts, counts

    def counts(self, place: int) -> list[int]:
        """How many of the first `place` records each part gives."""
        phase = int(np.searchsorted(self._starts, place, side="right")) - 1
        within = self._schedules[phase].counts(place - self.phases[phase].start)
        return [a + b for a, b in zip(self._before[phase], within, strict=True)]

    def end_of(self, part: int, length: int) -> int:
        """How many records there are while a part has not given more than its own."""
        if length == sys.maxsize:
            return length
        last = len(self.phases) - 1
        for number, phase in enumerate(self.phases):
            share = phase.shares[part]
            left = length - int(self._before[number][part])
            if not share:
                continue
            by_share = left * sum(phase.shares) // share
            by_place = self._schedules[number].place_of(part, left)
            end = phase.start + min(by_share, by_place)
            if number == last or end < self.phases[number + 1].start:
                return end
        return sys.maxsize

    def describe(self) -> str:
        """The arguments of the mixture that change its elements."""
        first, *others = (self._describe_shares(phase.shares) for phase in self.phases)
        starts = (phase.start for phase in self.phases[1:])
        later = (f"from {n} {text}" for n, text in zip(starts, others, strict=True))
        return "; ".join([first, *later])

    def _describe_shares(self, shares: tuple[int, ...]) -> str:
        if self.names is None:
            return ":".join(map(str, shares))
        pairs = zip(self.names, shares, strict=True)
        return ", ".join(f"{name}: {share}" for name, share in pairs)

    def _choose_in(
        self, phase: int, places: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        start = self.phases[phase].start
        parts, counts = self._schedules[phase].choose(places - start)
        return parts, counts + self._before[phase][parts]

    @functools.cached_property
    def _starts(self) -> np.ndarray:
        return np.array([phase.start for phase in self.phases])

    @functools.cached_property
    def _schedules(self) -> list[Schedule]:
        return [Schedule(phase.shares) for phase in self.phases]

    @functools.cached_property
    def _before(self) -> np.ndarray:
        """[phases, parts]: how many records each part gives before each phase."""
        given = [
            schedule.counts(int(size))
            for schedule, size in zip(
                self._schedules[:-1], np.diff(self._starts), strict=True
            )
        ]
        none = [0] * len(self.phases[0].shares)
        return np.cumsum(np.array([none, *given], np.int64), axis=0)


def named(datasets: Any) -> tuple[tuple[str, ...] | None, Any]:
    """Names of datasets, if they have any, and the datasets in their order."""
    if isinstance(datasets, Mapping):
        return tuple(datasets), list(datasets.values())
    return None, datasets


def proportions_of(
    call: str,
    names: tuple[str, ...] | None,
    number: int,
    *,
    weights: Weights | None,
    unit: Unit,
    lengths: Lengths | None,
    phases: Sequence[tuple[int, Weights]] | None,
) -> Proportions:
    """The proportions that a mixture of so many datasets was asked for.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: an argument is missing, or not what a mixture can be made of.
    """
    if unit not in get_args(Unit):
        raise ValueError(
            f"{call}: `unit` must be one of {get_args(Unit)}, got {unit!r}."
        )
    if unit == "tokens" and lengths is None:
        raise ValueError(
            f'{call}: `unit="tokens"` needs `lengths`, got none: the tokens of an '
            "example of each dataset, on average, or of all of its examples."
        )
    if unit == "examples" and lengths is not None:
        raise ValueError(
            f"{call}: `lengths` are for weights by tokens, got them with "
            '`unit="examples"`. Pass `unit="tokens"`, or leave them out.'
        )
    means = None
    if lengths is not None:
        listed = _in_order(call, "lengths", names, number, lengths)
        means = tuple(_mean(call, n, given) for n, given in enumerate(listed))
    if phases is None:
        shares = _shares(call, "weights", names, number, weights, means)
        made = (Phase(0, shares),)
    elif weights is None:
        made = _phases(call, names, number, phases, means)
    else:
        raise ValueError(
            f"{call}: expected `weights` or `phases`, got both. The weights of the "
            "beginning are those of the phase from 0 on."
        )
    return Proportions(
        made,
        names,
        None if means is None else tuple(map(float, means)),
    )


def _phases(
    call: str,
    names: Sequence[str] | None,
    number: int,
    phases: Any,
    means: Sequence[Fraction] | None,
) -> tuple[Phase, ...]:
    pairs = list(phases) if isinstance(phases, Iterable) else [phases]
    if not pairs or not all(isinstance(p, Sequence) and len(p) == 2 for p in pairs):
        raise TypeError(
            f"{call}: `phases` must be pairs of an index and weights, such as "
            f"[(0, [0.7, 0.3]), (50_000, [0.5, 0.5])], got {phases!r}."
        )
    made = []
    for place, (start, weights) in enumerate(pairs):
        start = at_least(call, f"phases[{place}][0]", start, 0)
        argument = f"phases[{place}][1]"
        shares = _shares(
            call, argument, names, number, weights, means, may_be_zero=True
        )
        made.append(Phase(start, shares))
    starts = [phase.start for phase in made]
    if starts[0] or starts != sorted(set(starts)):
        raise ValueError(
            f"{call}: `phases` must begin at 0 and follow one another, got phases from "
            f"{', '.join(map(str, starts))} on."
        )
    for part in range(number):
        if not any(phase.shares[part] for phase in made):
            name = repr(names[part]) if names else part
            raise ValueError(
                f"{call}: every dataset must have a weight in one of the `phases`, "
                f"dataset {name} has none. Leave it out."
            )
    return tuple(made)


def _shares(
    call: str,
    argument: str,
    names: Sequence[str] | None,
    number: int,
    weights: Any,
    means: Sequence[Fraction] | None,
    *,
    may_be_zero: bool = False,
) -> tuple[int, ...]:
    """Shares of examples for weights of examples or of tokens."""
    if weights is None:
        listed = [1] * number
    else:
        listed = _in_order(call, argument, names, number, weights)
    _check_weights(call, argument, listed, may_be_zero=may_be_zero)
    if means is not None:
        listed = [Fraction(w) / mean for w, mean in zip(listed, means, strict=True)]
    return shares_of(listed)


def _in_order(
    call: str, argument: str, names: Sequence[str] | None, number: int, given: Any
) -> list[Any]:
    """One value for each dataset, in their order."""
    if isinstance(given, Mapping) and names is None:
        raise TypeError(
            f"{call}: `{argument}` has names, but `datasets` has none. Give both in "
            "the same form."
        )
    if names is not None:
        if not isinstance(given, Mapping) or given.keys() != set(names):
            got = list(given) if isinstance(given, Mapping) else given
            raise ValueError(
                f"{call}: `{argument}` must have the names of `datasets`, "
                f"{list(names)}, got {got}."
            )
        return [given[name] for name in names]
    listed = list(given) if isinstance(given, Iterable) else [given]
    if len(listed) != number:
        raise ValueError(
            f"{call}: `{argument}` must hold one number for each of the {number} "
            f"datasets, got {len(listed)}."
        )
    return listed


def _mean(call: str, number: int, given: Any) -> Fraction:
    """Tokens of an example, of an average or of all sizes."""
    sizes = np.asarray(given)
    is_number = sizes.dtype.kind in "iuf" and sizes.ndim < 2 and sizes.size
    values = sizes.ravel().tolist() if is_number else [math.nan]
    total = math.fsum(values)
    if not (math.isfinite(total) and total > 0 and min(values) >= 0):
        raise ValueError(
            f"{call}: `lengths` must hold the tokens of an example of each dataset, a "
            "positive number, or those of all of its examples, got "
            f"{_outline(given)} for dataset {number}."
        )
    return Fraction(total) / len(values)


def _outline(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"{given.dtype.name}[{','.join(map(str, given.shape))}]"
    return repr(given)


def _check_weights(
    call: str, argument: str, weights: Sequence[Any], *, may_be_zero: bool = False
) -> None:
    """Refuses weights that no shares can be made of.

    Raises:
        TypeError: one is no number.
        ValueError: one is negative, zero where that may not be, or not finite.
    """
    given = list(weights)
    if not all(isinstance(weight, numbers.Real) for weight in given):
        raise TypeError(f"{call}: `{argument}` must be real numbers, got {given}.")
    are_finite = all(math.isfinite(weight) for weight in given)
    if may_be_zero:
        if not are_finite or min(given) < 0 or not any(given):
            raise ValueError(
                f"{call}: `{argument}` must be finite and not negative, and one of "
                f"them positive, got {given}."
            )
    elif not are_finite or not all(weight > 0 for weight in given):
        raise ValueError(
            f"{call}: `{argument}` must be positive and finite, got {given}. Leave out "
            "a dataset that is not to be read."
        )


def shares_of(weights: Sequence[Any]) -> tuple[int, ...]:
    """Weights as whole numbers in the same proportions; zero stays zero.

    Exact where the weights are simple fractions of their sum; otherwise parts of
    ``2**30``, at least one for each that is not zero.
    """
    total = sum(map(Fraction, weights))
    exact = [Fraction(weight) / total for weight in weights]
    simple = [share.limit_denominator(_SIMPLE_DENOMINATOR) for share in exact]
    whole = math.lcm(*(share.denominator for share in simple))
    is_meant = all(
        bool(s) == bool(e) and abs(s - e) <= _MEANT_WITHIN
        for s, e in zip(simple, exact, strict=True)
    )
    if is_meant and whole <= _FINEST_WHOLE:
        return tuple(int(share * whole) for share in simple)
    finest = _FINEST_WHOLE - len(weights)  # room for those that are rounded up to one
    return tuple(max(1, round(share * finest)) if share else 0 for share in exact)

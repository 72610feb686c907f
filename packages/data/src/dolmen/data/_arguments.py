"""Checks of the arguments of public calls."""

import operator
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

T = TypeVar("T")


def at_least(call: str, argument: str, value: Any, least: int) -> int:
    """The value as an ``int`` that is `least` or more."""
    number = _integer(call, argument, value)
    if number < least:
        raise ValueError(
            f"{call}: `{argument}` must be at least {least}, got {number}."
        )
    return number


def checked_seed(call: str, seed: Any) -> int:
    """The seed as an ``int`` of at most 64 bits."""
    number = _integer(call, "seed", seed)
    if not 0 <= number < 2**64:
        raise ValueError(f"{call}: `seed` must be in range(2**64), got {number}.")
    return number


def needed_seed(call: str, seed: int | None, default: int | None) -> int:
    """The seed given to a random operation, else the pipeline's."""
    if seed is not None:
        return checked_seed(call, seed)
    if default is None:
        raise ValueError(
            f"{call}: a random operation needs a seed, got none. Call `.seed(...)` "
            "on the dataset before it, or pass `seed`."
        )
    return default


def check_kind(
    call: str, argument: str, value: Any, kind: type, hint: str = ""
) -> None:
    """Refuses an argument of another class.

    Raises:
        TypeError: it is one.
    """
    if not isinstance(value, kind):
        raise TypeError(
            f"{call}: `{argument}` must be of type {kind.__name__}, got "
            f"{type(value).__name__}.{hint and ' '}{hint}"
        )


TO_ITER = "Call `to_iter_dataset()` on a MapDataset."


def checked_datasets(call: str, datasets: Iterable[Any], kind: type[T]) -> list[T]:
    """At least one dataset of one kind, in a list."""
    given = list(datasets)
    if not given:
        raise ValueError(f"{call}: `datasets` must hold at least one, got none.")
    for number, dataset in enumerate(given):
        if not isinstance(dataset, kind):
            raise TypeError(
                f"{call}: `datasets[{number}]` must be of type {kind.__name__}, got "
                f"{type(dataset).__name__}."
            )
    return given


def resolve(call: str, transform: Any, kind: type, method: str) -> Callable[..., Any]:
    """The function that a transformation object or a plain function stands for."""
    if isinstance(transform, kind):
        return getattr(transform, method)
    if not callable(transform):
        raise TypeError(
            f"{call}: `transform` must be a function or a "
            f"`transforms.{kind.__name__}`, got {type(transform).__name__}."
        )
    return transform


def refuse_sequential_slice(call: str, sequential_slice: bool) -> None:
    """Refuses an order that would depend on who makes the elements.

    Raises:
        ValueError: it is asked for.
    """
    if sequential_slice:
        raise ValueError(
            f"{call}: `sequential_slice` must be False, got {sequential_slice!r}: with "
            "a part of the source for each worker, their number would decide the order "
            "of elements. Leave it out: consecutive records are read together anyway. "
            "To read several parts at once, in an order that you choose, use "
            "`experimental.InterleaveIterDataset` over slices."
        )


def _integer(call: str, argument: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise TypeError(
            f"{call}: `{argument}` must be an integer, got "
            f"{type(value).__name__} {value!r}."
        ) from None

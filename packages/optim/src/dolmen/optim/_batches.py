"""Leaves that are alike go through one compiled call together, a batch at a time."""

from collections.abc import Hashable, Iterable, Iterator

# How many leaves one call takes. Each size is traced and compiled apart, so there are
# few; one call for all leaves would be another program for each number of layers.
_SIZES = (16, 4, 1)


def batches(kinds: Iterable[Hashable]) -> Iterator[list[int]]:
    """Indices of equal elements of `kinds`, in batches of a few sizes."""
    alike: dict[Hashable, list[int]] = {}
    for i, kind in enumerate(kinds):
        alike.setdefault(kind, []).append(i)
    for indices in alike.values():
        done = 0
        for size in _SIZES:
            while len(indices) - done >= size:
                yield indices[done : done + size]
                done += size

"""Bins that examples are put into by their sizes."""

from collections.abc import Sequence

import numpy as np

_FULL = np.iinfo(np.int64).max


class Bins:
    """A number of open bins, each with room for all features of its examples.

    Args:
        count: of bins.
        lengths: room of a bin, for each feature.
        alignments: of each feature, what the place of every example is a multiple of.
        is_best_fit: choose the bin that is left with the least room; otherwise the
            first that has room.
        most: examples in a bin; None for any number.
    """

    def __init__(
        self,
        count: int,
        lengths: Sequence[int],
        alignments: Sequence[int],
        *,
        is_best_fit: bool,
        most: int | None,
    ):
        self._room = np.tile(np.array(lengths, np.int64)[:, None], count)
        self._examples = np.zeros(count, np.int64)
        self._alignments = None
        if any(alignment > 1 for alignment in alignments):
            self._alignments = np.array(alignments, np.int64)[:, None]
        self._is_best_fit = is_best_fit
        self._most = most

    def place(self, sizes: Sequence[int]) -> int | None:
        """Puts an example into a bin; None if there is no room in any."""
        sizes_column = np.array(sizes, np.int64)[:, None]
        left = self._room - sizes_column
        tightest = left.min(axis=0) if len(left) > 1 else left[0]
        fits = tightest >= 0
        if self._most is not None:
            fits &= self._examples < self._most
        if self._is_best_fit:
            total = left.sum(axis=0) if len(left) > 1 else left[0]
            chosen = int(np.where(fits, total, _FULL).argmin())
        else:
            chosen = int(fits.argmax())
        if not fits[chosen]:
            return None
        if self._alignments is not None:
            sizes_column = -(-sizes_column // self._alignments) * self._alignments
        self._room[:, chosen] -= sizes_column[:, 0]
        self._examples[chosen] += 1
        return chosen

"""Keyed permutations of ``range(size)`` that need no memory per record.

A Feistel network on the grid ``rows x columns``, the smallest near-square grid
with at least `size` cells (Black and Rogaway, 2002, "Ciphers with Arbitrary
Finite Domains"). The few values that land beyond `size` walk on along their
cycle until they come back, which keeps the map a permutation.
"""

import hashlib
import math
from collections.abc import Callable

import numpy as np

# Rounds after which none of our tests tells the result from a uniform choice.
# Small grids mix slowly, because a round can move a value to few places only.
_ROUNDS = 8
_ROUNDS_WHEN_SMALL = 32
_SMALL = 4096

_WORD = (1 << 64) - 1
# Multipliers of SplitMix64 (Steele, Lea and Flood, 2014).
_MULTIPLIER_1 = 0x9E3779B97F4A7C15
_MULTIPLIER_2 = 0xBF58476D1CE4E5B9


class Permutation:
    """A permutation of ``range(size)`` chosen by a key.

    Calling it permutes an array of positions at once, at about 0.1 microseconds
    each for a few thousand positions; `one` is quicker for a single position.
    """

    __slots__ = ("_columns", "_keys", "_rows", "_size")

    def __init__(self, size: int, key: bytes):
        self._size = size
        self._rows = math.isqrt(max(size - 1, 0)) + 1
        self._columns = -(-size // self._rows)
        rounds = _ROUNDS_WHEN_SMALL if size < _SMALL else _ROUNDS
        self._keys = _round_keys(key, rounds)

    def __call__(self, positions: np.ndarray) -> np.ndarray:
        """Permutes int64 positions, each in ``range(size)``."""
        values = self._encrypt(positions.astype(np.uint64))
        size = np.uint64(self._size)
        while True:
            outside = np.flatnonzero(values >= size)
            if not outside.size:
                return values.astype(np.int64)
            values[outside] = self._encrypt(values[outside])

    def one(self, position: int) -> int:
        """Permutes one position."""
        value = self._encrypt_one(position)
        while value >= self._size:
            value = self._encrypt_one(value)
        return value

    def _encrypt(self, values: np.ndarray) -> np.ndarray:
        rows, columns = np.uint64(self._rows), np.uint64(self._columns)
        row, column = np.divmod(values, columns)
        for row_key, column_key in self._keys:
            # Below twice the modulus, so one wrapping subtraction reduces: where
            # it would go negative it wraps to a huge value and loses the minimum.
            row += _hash(column, row_key, self._rows)
            np.minimum(row, row - rows, out=row)
            column += _hash(row, column_key, self._columns)
            np.minimum(column, column - columns, out=column)
        row *= columns
        row += column
        return row

    def _encrypt_one(self, value: int) -> int:
        row, column = divmod(value, self._columns)
        for row_key, column_key in self._keys:
            row = (row + _hash_one(column, row_key, self._rows)) % self._rows
            column = (column + _hash_one(row, column_key, self._columns)) % (
                self._columns
            )
        return row * self._columns + column


# Permuting 4096 positions at once costs hardly more than permuting 256.
_BLOCK = 4096
# Up to this many, Python permutes positions faster than NumPy does.
_FEW = 8


class EpochOrders:
    """The order of every epoch, each a permutation with a key of its own.

    Remembers one block of one order, because positions are mostly asked for in
    sequence. That changes speed only; threads may share an instance.
    """

    def __init__(self, size: int, key_of_epoch: Callable[[int], bytes]):
        self._size = size
        self._key_of_epoch = key_of_epoch
        self._last = -1
        self._known: tuple[tuple[int, int], np.ndarray] | None = None

    def __call__(self, epoch: int, positions: np.ndarray) -> np.ndarray:
        """Permutes int64 positions, each in ``range(size)``."""
        low, high = int(positions.min()), int(positions.max())
        block = low // _BLOCK
        if block != high // _BLOCK:
            return self._permute(epoch, positions)
        known = self._known  # read once: another thread may replace it
        if known is None or known[0] != (epoch, block):
            # A whole block pays only if reading goes on from near by.
            is_near = abs(low - self._last) <= _BLOCK // 2
            self._last = high
            if not is_near:
                return self._permute(epoch, positions)
            start = block * _BLOCK
            whole = np.arange(start, min(start + _BLOCK, self._size))
            known = (epoch, block), self._permute(epoch, whole)
            self._known = known
        return known[1][positions - block * _BLOCK]

    def _permute(self, epoch: int, positions: np.ndarray) -> np.ndarray:
        permutation = Permutation(self._size, self._key_of_epoch(epoch))
        if len(positions) > _FEW:
            return permutation(positions)
        return np.array([permutation.one(p) for p in positions.tolist()], np.int64)


def _round_keys(key: bytes, rounds: int) -> list[tuple[int, int]]:
    """One (row, column) pair of 64-bit keys for every two rounds."""
    digests = (
        hashlib.blake2b(i.to_bytes(8, "little"), key=key, digest_size=64).digest()
        for i in range(-(-rounds // 8))
    )
    words = np.frombuffer(b"".join(digests), "<u8").tolist()[:rounds]
    return list(zip(words[::2], words[1::2], strict=True))


def _hash(values: np.ndarray, key: int, bound: int) -> np.ndarray:
    """Hashes uint64 values to ``range(bound)``."""
    hashed = values + np.uint64(key)
    hashed *= np.uint64(_MULTIPLIER_1)
    hashed ^= hashed >> np.uint64(29)
    hashed *= np.uint64(_MULTIPLIER_2)
    # The high bits are the well mixed ones: scale them to the bound (Lemire,
    # 2019) after making room for the product in 64 bits.
    room = bound.bit_length()
    hashed >>= np.uint64(room)
    hashed *= np.uint64(bound)
    hashed >>= np.uint64(64 - room)
    return hashed


def _hash_one(value: int, key: int, bound: int) -> int:
    """What `_hash` gives for one value."""
    hashed = (value + key) * _MULTIPLIER_1 & _WORD
    hashed ^= hashed >> 29
    hashed = hashed * _MULTIPLIER_2 & _WORD
    room = bound.bit_length()
    return (hashed >> room) * bound >> (64 - room)

"""Where randomness comes from: keys by (seed, operation), streams by record.

Nothing here depends on threads, on the order of execution or on what was drawn
before, so any element can be made again at any time.
"""

import hashlib
from collections.abc import Sequence

import numpy as np


def shuffle_key(seed: int, operation: int, epoch: int) -> bytes:
    """Key of the order of one epoch; epochs, seeds and operations are independent."""
    return _digest(b"dolmen.data.shuffle", seed, operation, epoch, size=32)


def combined_seed(seeds: Sequence[int | None]) -> int | None:
    """Seed of the operations above several pipelines; None if none of them has one."""
    given = [(i, seed) for i, seed in enumerate(seeds) if seed is not None]
    if not given:
        return None
    numbers = [number for pair in given for number in pair]
    digest = _digest(b"dolmen.data.combined", *numbers, size=8)
    return int.from_bytes(digest, "little")


class RecordStreams:
    """One independent stream of random numbers per (epoch, record).

    The streams are blocks of one Philox generator: the key is a hash of the seed
    and the operation, the upper half of the counter holds record and epoch.
    """

    def __init__(self, seed: int, operation: int):
        digest = _digest(b"dolmen.data.random_map", seed, operation, size=16)
        self._key = np.frombuffer(digest, "<u8").astype(np.uint64)
        self._bits = np.random.Philox(key=self._key)
        self._generator = np.random.Generator(self._bits)

    def at(self, epoch: int, record: int) -> np.random.Generator:
        """The generator of one record, valid until the next call.

        One generator moves from record to record, because making a new one costs
        ten times as much. Each thread therefore needs streams of its own.
        """
        self._bits.state = {
            "bit_generator": "Philox",
            "state": {
                "counter": np.array([0, 0, record, epoch], np.uint64),
                "key": self._key,
            },
            "buffer": np.zeros(4, np.uint64),
            "buffer_pos": 4,
            "has_uint32": 0,
            "uinteger": 0,
        }
        return self._generator


def _digest(purpose: bytes, *numbers: int, size: int) -> bytes:
    # Fixed-width fields: no two different tuples hash the same bytes.
    data = b"".join(number.to_bytes(8, "little") for number in numbers)
    return hashlib.blake2b(data, digest_size=size, key=purpose).digest()

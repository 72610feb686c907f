"""Random bits from the backend's own generator."""

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, array_type, dtypes, type_error
from .._lowering import mlir
from .._tracing import bind, typeof
from ._shape import as_sizes


class RandomAlgorithm(enum.IntEnum):
    """Generators of `rng_bit_generator`.

    Attributes:
        RNG_DEFAULT: whatever is fastest on the backend; differs between backends.
        RNG_THREE_FRY: Threefry, the same everywhere.
        RNG_PHILOX: Philox, the same everywhere.
    """

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2


_NAMES = {0: "DEFAULT", 1: "THREE_FRY", 2: "PHILOX"}

# Number of words in the state of each generator, in uint32 and in uint64.
_STATE_SIZES = {0: ((4, 6), (2, 3)), 1: ((4,), (2,)), 2: ((4, 6), (2, 3))}


def rng_bit_generator(
    key: Any,
    shape: Sequence[int],
    dtype: Any = np.uint32,
    algorithm: RandomAlgorithm = RandomAlgorithm.RNG_DEFAULT,
) -> tuple[Any, Any]:
    """Uniformly random bits, and the state to go on from.

    Args:
        key: the state, ``uint32[4]`` or ``uint64[2]`` (6 and 3 words also work for
            Philox).
        shape: shape of the bits.
        dtype: unsigned integers of 8 to 64 bits.
        algorithm: the generator.

    Returns:
        The new state, like `key`, and the bits, an array of shape `shape`. The bits
        depend on key, shape and dtype together: a part of a larger draw is not a smaller
        draw. Under `vmap` they are those of one draw for the whole batch from the first
        of the batched keys.

    Raises:
        TypeError: `key` or `dtype` has the wrong dtype or shape.
    """
    made = dtypes.as_dtype(dtype, function="rng_bit_generator")
    primitive = RngBitGenerator(as_sizes(shape), made, int(algorithm))
    state, bits = bind(primitive, key)
    return state, bits


class RngBitGenerator(Primitive):
    """New state and random bits of a generator."""

    multiple_results = True

    shape: tuple[int, ...]
    dtype: np.dtype
    algorithm: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (key,) = arg_types
        words32, words64 = _STATE_SIZES[self.algorithm]
        words = {np.dtype("uint32"): words32, np.dtype("uint64"): words64}
        if key.ndim != 1 or key.shape[0] not in words.get(key.dtype, ()):
            raise type_error(
                "rng_bit_generator: `key` must be uint32[4] or uint64[2], got "
                f"{key!r}."
            )
        if dtypes.kind(self.dtype) != "u" or self.dtype.itemsize * 8 < 8:
            raise type_error(
                "rng_bit_generator: `dtype` must be an unsigned integer dtype, got "
                f"{dtypes.short_name(self.dtype)}."
            )
        return [key, array_type(self.shape, self.dtype)]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise AssertionError(f"keys have no tangents, got {tangents}")

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        raise NotImplementedError(
            "rng_bit_generator: vmap over keys would change the bits of each; draw for "
            "the whole batch from one key, or use `random.bits` with a threefry key."
        )

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        name = _NAMES[self.algorithm]
        return builder.emit(
            "rng_bit_generator", args, rng_algorithm=mlir.rng_algorithm(name)
        )


__all__ = ["RandomAlgorithm", "rng_bit_generator", "typeof"]

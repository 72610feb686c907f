"""Generators: how keys are made, divided, and turned into bits.

A generator sees keys as plain words, an array ``[*key_shape]`` of ``uint32``.
"""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
from .._backend import flags
from .._ir import message
from .._tracing import typeof
from ._threefry import counters, threefry_2x32

UINT_DTYPES = {n: np.dtype(f"uint{n}") for n in (8, 16, 32, 64)}
_UINT32 = UINT_DTYPES[32]


@dataclasses.dataclass(frozen=True, eq=False)
class Generator:
    """A family of random streams, one for each key.

    Attributes:
        name: what `impl` arguments call it.
        tag: what the dtype of its keys prints.
        key_shape: shape of the words of one key.
        seed: from a ``uint32[2]``, the words of a 64-bit seed, to a key.
        split: from a key and a shape to keys of that shape.
        fold_in: from a key and a ``uint32`` scalar to a key.
        bits: from a key, a shape and a number of bits to unsigned integers.
    """

    name: str
    tag: str
    key_shape: tuple[int, ...]
    seed: Callable[[Any], Any]
    split: Callable[[Any, tuple[int, ...]], Any]
    fold_in: Callable[[Any, Any], Any]
    bits: Callable[[Any, tuple[int, ...], int], Any]

    def __repr__(self) -> str:
        return f"Generator({self.name!r})"


def resolve_generator(function: str, impl: Any) -> Generator:
    """The generator that an `impl` argument names; None stands for the default.

    Raises:
        TypeError: `impl` is neither a name, a key dtype nor a generator.
        ValueError: no generator has this name.
    """
    if impl is None:
        return GENERATORS[flags.DEFAULT_PRNG_IMPL.value]
    if isinstance(impl, Generator):
        return impl
    if isinstance(getattr(impl, "generator", None), Generator):  # a key dtype
        return impl.generator
    if not isinstance(impl, str):
        raise TypeError(
            message(
                f"{function}: `impl` must be the name of a generator or the dtype of "
                f"keys, got {type(impl).__name__}."
            )
        )
    if impl not in GENERATORS:
        known = ", ".join(map(repr, GENERATORS))
        raise ValueError(
            message(f"{function}: `impl` must be one of {known}, got {impl!r}.")
        )
    return GENERATORS[impl]


# ---- threefry2x32 ------------------------------------------------------------------


def words_of(key: Any) -> list[Any]:
    """The words of a key of one axis, as scalars."""
    count = typeof(key).shape[0]
    return [lax.index_in_dim(key, i, 0, keepdims=False) for i in range(count)]


def stack_words(words: Any) -> Any:
    """Words as a new last axis; the inverse of `words_of`."""
    axis = typeof(words[0]).ndim
    return lax.concatenate([lax.expand_dims(word, (axis,)) for word in words], axis)


def _threefry_split(key: Any, shape: tuple[int, ...]) -> Any:
    if flags.THREEFRY_PARTITIONABLE.value:
        return stack_words(threefry_2x32(*words_of(key), *counters(shape)))
    return lax.reshape(_threefry_ramp(key, 2 * math.prod(shape)), (*shape, 2))


def _threefry_fold_in(key: Any, data: Any) -> Any:
    first, second = words_of(key)
    return stack_words(threefry_2x32(first, second, np.uint32(0), data))


def _threefry_bits(key: Any, shape: tuple[int, ...], width: int) -> Any:
    if not flags.THREEFRY_PARTITIONABLE.value:
        return _threefry_bits_in_sequence(key, shape, width)
    high, low = threefry_2x32(*words_of(key), *counters(shape))
    if width < 64:
        return lax.convert_element_type(lax.bitwise_xor(high, low), UINT_DTYPES[width])
    return _joined(high, low)


def _joined(high: Any, low: Any) -> Any:
    """64-bit numbers of their 32-bit halves."""
    wide = UINT_DTYPES[64]
    high = lax.convert_element_type(high, wide)
    low = lax.convert_element_type(low, wide)
    return lax.bitwise_or(lax.shift_left(high, np.uint64(32)), low)


# The older way, by the setting `threefry_partitionable`: the counters are one sequence,
# whose halves are encrypted together, so that an element depends on how many there are.

_MAX_RAMP = 2**32 - 1


def _threefry_ramp(key: Any, size: int) -> Any:
    """`size` random words: the sequence of the counters 0, 1, ..., encrypted."""
    half = -(-size // 2)
    high = lax.iota(_UINT32, half)
    low = lax.add(high, np.uint32(half))
    if size % 2:  # the last counter has no partner: zero stands in
        low = lax.slice_in_dim(low, 0, half - 1)
        low = lax.pad(low, np.uint32(0), [(0, 1, 0)])
    first, second = words_of(key)
    words = lax.concatenate(threefry_2x32(first, second, high, low), 0)
    return lax.slice_in_dim(words, 0, size)


def _threefry_words(key: Any, size: int) -> Any:
    blocks, rest = divmod(size, _MAX_RAMP)
    if not blocks:
        return _threefry_ramp(key, rest)
    keys = _threefry_split(key, (blocks + 1,))
    parts = [
        _threefry_ramp(lax.index_in_dim(keys, i, 0, keepdims=False), length)
        for i, length in enumerate([_MAX_RAMP] * blocks + [rest])
    ]
    return lax.concatenate(parts, 0)


def _threefry_bits_in_sequence(key: Any, shape: tuple[int, ...], width: int) -> Any:
    size = math.prod(shape)
    words = _threefry_words(key, -(-size * width // 32))
    if width == 64:
        high, low = lax.split(words, (size, size))
        return lax.reshape(_joined(high, low), shape)
    if width < 32:  # every word holds several numbers, the first in its lowest bits
        columns = [
            lax.shift_right_logical(words, np.uint32(shift))
            for shift in range(0, 32, width)
        ]
        words = lax.reshape(stack_words(columns), (typeof(words).size * len(columns),))
        words = lax.convert_element_type(
            lax.bitwise_and(words, np.uint32(2**width - 1)), UINT_DTYPES[width]
        )
    return lax.reshape(lax.slice_in_dim(words, 0, size), shape)


THREEFRY = Generator(
    name="threefry2x32",
    tag="fry",
    key_shape=(2,),
    seed=lambda words: words,
    split=_threefry_split,
    fold_in=_threefry_fold_in,
    bits=_threefry_bits,
)


# ---- rbg: the backend's own generator ----------------------------------------------


def _rbg_seed(words: Any) -> Any:
    return lax.concatenate([words, words], 0)


def _halves(key: Any) -> tuple[Any, Any]:
    return lax.slice_in_dim(key, 0, 2), lax.slice_in_dim(key, 2, 4)


def _rbg_split(key: Any, shape: tuple[int, ...]) -> Any:
    halves = [_threefry_split(half, shape) for half in _halves(key)]
    return lax.concatenate(halves, len(shape))


def _rbg_fold_in(key: Any, data: Any) -> Any:
    return lax.concatenate([_threefry_fold_in(half, data) for half in _halves(key)], 0)


def _rbg_bits(key: Any, shape: tuple[int, ...], width: int) -> Any:
    return lax.rng_bit_generator(key, shape, UINT_DTYPES[width])[1]


RBG = Generator(
    name="rbg",
    tag="rbg",
    key_shape=(4,),
    seed=_rbg_seed,
    split=_rbg_split,
    fold_in=_rbg_fold_in,
    bits=_rbg_bits,
)

# Cheaper keys of keys, from the backend's generator too: ten of its numbers stand in
# for a hash, without proof that the streams are independent.

_HASH_ROUNDS = 10


def _unsafe_rbg_split(key: Any, shape: tuple[int, ...]) -> Any:
    count = math.prod(shape)
    _, words = lax.rng_bit_generator(key, (_HASH_ROUNDS * count, 4), _UINT32)
    chosen = lax.slice_in_dim(words, 0, _HASH_ROUNDS * count, _HASH_ROUNDS)
    return lax.reshape(chosen, (*shape, 4))


def _unsafe_rbg_fold_in(key: Any, data: Any) -> Any:
    words = stack_words([np.uint32(0), data])
    _, bits = lax.rng_bit_generator(_rbg_seed(words), (_HASH_ROUNDS, 4), _UINT32)
    last = lax.index_in_dim(bits, _HASH_ROUNDS - 1, 0, keepdims=False)
    return lax.bitwise_xor(key, last)


UNSAFE_RBG = Generator(
    name="unsafe_rbg",
    tag="urbg",
    key_shape=(4,),
    seed=_rbg_seed,
    split=_unsafe_rbg_split,
    fold_in=_unsafe_rbg_fold_in,
    bits=_rbg_bits,
)

GENERATORS = {made.name: made for made in (THREEFRY, RBG, UNSAFE_RBG)}


__all__ = [
    "GENERATORS",
    "RBG",
    "THREEFRY",
    "UNSAFE_RBG",
    "Generator",
    "resolve_generator",
]

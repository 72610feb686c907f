"""Generators: how keys are made, divided, and turned into bits.

A generator sees keys as plain words, an array ``[*key_shape]`` of ``uint32``.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import lax
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
        return THREEFRY
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
    return stack_words(threefry_2x32(*words_of(key), *counters(shape)))


def _threefry_fold_in(key: Any, data: Any) -> Any:
    first, second = words_of(key)
    return stack_words(threefry_2x32(first, second, np.uint32(0), data))


def _threefry_bits(key: Any, shape: tuple[int, ...], width: int) -> Any:
    high, low = threefry_2x32(*words_of(key), *counters(shape))
    if width < 64:
        return lax.convert_element_type(lax.bitwise_xor(high, low), UINT_DTYPES[width])
    wide = UINT_DTYPES[64]
    high = lax.convert_element_type(high, wide)
    low = lax.convert_element_type(low, wide)
    return lax.bitwise_or(lax.shift_left(high, np.uint64(32)), low)


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

GENERATORS = {generator.name: generator for generator in (THREEFRY, RBG)}


__all__ = ["GENERATORS", "RBG", "THREEFRY", "Generator", "resolve_generator"]

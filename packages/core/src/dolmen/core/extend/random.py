"""The generators of random numbers, below their keys.

Generators (`threefry_prng_impl` and others) are what `impl` arguments take.
"""

from typing import Any

import numpy as np

from .. import numpy as jnp, random
from .._ir import type_error, value_error
from .._transforms import vmap
from ..numpy._array_like import Array, ArrayLike
from ..numpy._promotion import type_of
from ..random._generators import RBG, THREEFRY, UNSAFE_RBG
from ..random._threefry import threefry_2x32 as _encrypted

__all__ = [
    "random_seed",
    "rbg_prng_impl",
    "threefry_2x32",
    "threefry_prng_impl",
    "unsafe_rbg_prng_impl",
]
__dir__ = __all__.copy

threefry_prng_impl, rbg_prng_impl, unsafe_rbg_prng_impl = THREEFRY, RBG, UNSAFE_RBG


def random_seed(seeds: ArrayLike, impl: Any) -> random.KeyArray:
    """Keys out of integers; `random.key` for arrays of them.

    Args:
        seeds: integers.
        impl: a generator, or its name.

    Returns:
        A key array of the shape of `seeds`.

    Raises:
        TypeError: the seeds are no integers.
        ValueError: no generator has this name.

    Example:
        >>> import numpy as np
        >>> from dolmen.core.extend.random import random_seed, threefry_prng_impl
        >>> random_seed(np.array([3, 4]), threefry_prng_impl).shape
        (2,)
    """
    shape = type_of("random_seed", "seeds", seeds).shape
    if not shape:
        return random.key(seeds, impl=impl)
    keys = vmap(lambda seed: random.key(seed, impl=impl))(jnp.ravel(seeds))
    return keys.reshape(shape)


def threefry_2x32(keypair: Any, count: ArrayLike) -> Array:
    """Counters encrypted under a key by the cipher Threefry 2x32.

    The first half of the counters, in row-major order, are the high words, the second
    half the low ones. If their number is odd, a zero completes them.

    Args:
        keypair: ``uint32[2]``, or two words.
        count: ``uint32``, any shape.

    Returns:
        ``uint32`` of the shape of `count`.

    Raises:
        TypeError: the arguments are not ``uint32``.
        ValueError: the key has not two words.

    Example:
        >>> import numpy as np
        >>> from dolmen.core.extend.random import threefry_2x32
        >>> key = np.array([1, 2], np.uint32)
        >>> threefry_2x32(key, np.arange(3, dtype=np.uint32))
        Array([4128513521, 2271449651, 2345921600], dtype=uint32)
    """
    words = list(keypair)
    if len(words) != 2:
        raise value_error(
            f"threefry_2x32: `keypair` must be two words, got {len(words)}."
        )
    types = [type_of("threefry_2x32", "keypair", word) for word in words]
    types.append(type_of("threefry_2x32", "count", count))
    if any(type.dtype != np.uint32 for type in types):
        listed = ", ".join(map(repr, types))
        raise type_error(f"threefry_2x32: expected uint32 arguments, got {listed}.")
    flat = jnp.ravel(count)
    padded = jnp.pad(flat, (0, flat.size % 2))
    made = jnp.concatenate(_encrypted(*words, *jnp.split(padded, 2)))
    return made[: flat.size].reshape(types[-1].shape)

"""Random keys and numbers for every leaf."""

from collections.abc import Callable
from typing import Any

import dolmen.core.numpy as jnp
from dolmen.core import dtypes, random, tree as trees, typeof


def tree_split_key_like(rng_key: Any, target_tree: Any) -> Any:
    """A key for each leaf.

    Example:
        >>> from dolmen.core import random
        >>> keys = tree_split_key_like(random.key(0), {"a": 1.0, "b": 2.0})
        >>> sorted(keys), keys["a"].shape
        (['a', 'b'], ())
    """
    structure = trees.structure(target_tree)
    return structure.unflatten(list(random.split(rng_key, structure.num_leaves)))


def tree_random_like(
    rng_key: Any,
    target_tree: Any,
    sampler: Callable[..., Any] = random.normal,
    dtype: Any = None,
) -> Any:
    """Random numbers in the shapes of the leaves.

    Args:
        rng_key: a key.
        target_tree: of arrays.
        sampler: from key, shape and dtype to an array, such as `random.normal`.
        dtype: of the numbers; by default those of the leaves.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import random
        >>> noise = tree_random_like(random.key(0), {"a": jnp.zeros((2, 3))})
        >>> noise["a"].shape
        (2, 3)
    """
    keys = tree_split_key_like(rng_key, target_tree)
    return trees.map(
        lambda leaf, key: sampler(key, jnp.shape(leaf), dtype or typeof(leaf).dtype),
        target_tree,
        keys,
    )


def tree_unwrap_random_key_data(input_tree: Any) -> Any:
    """Keys replaced by their words, integers that can be compared and stored.

    Example:
        >>> from dolmen.core import random
        >>> tree_unwrap_random_key_data({"key": random.key(3), "step": 7})
        {'key': Array([0, 3], dtype=uint32), 'step': 7}
    """

    def unwrap(leaf: Any) -> Any:
        dtype = getattr(leaf, "dtype", None)
        is_key = dtype is not None and jnp.issubdtype(dtype, dtypes.prng_key)
        return random.key_data(leaf) if is_key else leaf

    return trees.map(unwrap, input_tree)

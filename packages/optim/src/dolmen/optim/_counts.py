"""Counting steps without overflow."""

from typing import Any

import dolmen.core.numpy as jnp


def zero_count() -> Any:
    """The count before the first step."""
    return jnp.zeros((), jnp.int32)


def safe_increment(count: Any) -> Any:
    """The next count; the largest number of the dtype stays what it is.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> safe_increment(jnp.int32(4))
        Array(5, dtype=int32)
        >>> safe_increment(jnp.int32(2**31 - 1))
        Array(2147483647, dtype=int32)
    """
    count = jnp.asarray(count)
    if jnp.issubdtype(count.dtype, jnp.floating):
        most = jnp.finfo(count.dtype).max
    else:
        most = jnp.iinfo(count.dtype).max
    limit = jnp.asarray(most, count.dtype)
    one = jnp.asarray(1, count.dtype)
    return jnp.where(count < limit, count + one, limit)


# From when counts were int32 only.
safe_int32_increment = safe_increment

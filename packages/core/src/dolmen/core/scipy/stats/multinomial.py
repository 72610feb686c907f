"""The multinomial distribution: how often each outcome occurs in `n` trials.

Example:
    >>> import dolmen.core.numpy as jnp
    >>> from dolmen.core.scipy.stats import multinomial
    >>> p = jnp.array([0.25, 0.25, 0.5])
    >>> multinomial.pmf(jnp.array([1, 1, 2]), 4, p).round(4)
    Array(0.1875, dtype=float32)
"""

import math
from typing import Any

from ... import numpy as jnp
from ..._ir import dtypes, value_error
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._promotion import type_of
from ...numpy.linalg._systems import alike
from ._poisson import log_poisson

__all__ = ["logpmf", "pmf"]
__dir__ = __all__.copy


def logpmf(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Array:
    """Logarithm of the probability of counts in the multinomial distribution.

    Args:
        x: integers ``[..., k]``, how often each outcome occurred.
        n: integers ``[...]``, numbers of trials.
        p: probabilities ``[..., k]``, which sum to 1; that is not checked.

    Returns:
        A floating-point array of the broadcast leading shape: ``-inf`` where counts are
        negative or don't sum to `n`.

    Raises:
        ValueError: `x` or `n` are no integers, or the shapes don't fit.
    """
    function = "multinomial.logpmf"
    types = [
        type_of(function, name, value) for name, value in (("x", x), ("n", n), ("p", p))
    ]
    if any(dtypes.kind(type.dtype) not in "iub" for type in types[:2]):
        raise value_error(
            f"{function}: `x` and `n` must be integers: `x` is {types[0]!r}, `n` is "
            f"{types[1]!r}."
        )
    if not types[0].ndim or not types[2].ndim:
        raise value_error(
            f"{function}: `x` and `p` must have an axis of outcomes: `x` is "
            f"{types[0]!r}, `p` is {types[2]!r}."
        )
    return _logpmf(x, n, p)


def pmf(x: ArrayLike, n: ArrayLike, p: ArrayLike) -> Array:
    """Probability of counts in the multinomial distribution; see `logpmf`.

    Args:
        x: integers ``[..., k]``, how often each outcome occurred.
        n: integers ``[...]``, numbers of trials.
        p: probabilities ``[..., k]``.

    Returns:
        A floating-point array of the broadcast leading shape.

    Raises:
        ValueError: `x` or `n` are no integers, or the shapes don't fit.
    """
    return jnp.exp(logpmf(x, n, p))


@jit_when_eager(name="logpmf")
def _logpmf(x: Any, n: Any, p: Any) -> Any:
    possible = (jnp.sum(x, axis=-1) == n) & jnp.all(jnp.asarray(x) >= 0, axis=-1)
    x, n, p = alike("multinomial.logpmf", x, n, p)
    # Poisson's counts, given their sum. The last term is zero if `p` sums to 1.
    counts = jnp.where(possible[..., None], x, 0)
    parts = jnp.sum(log_poisson(counts, n[..., None] * p), axis=-1)
    made = parts - log_poisson(n, n) + n * (jnp.sum(p, axis=-1) - 1)
    return jnp.where(possible, made, -math.inf)

"""Bernoulli's numbers."""

import math
import operator
from fractions import Fraction

import numpy as np

from ... import numpy as jnp
from ..._ir import dtypes, value_error
from ...numpy._array_like import Array


def bernoulli(n: int) -> Array:
    """Bernoulli's numbers ``B_0`` to ``B_n``, with ``B_1 = -1/2``.

    Args:
        n: a nonnegative integer.

    Returns:
        ``[n + 1]``, in the default floating-point dtype; computed exactly and rounded
        once. Numbers that are too large become infinite.

    Raises:
        ValueError: `n` is negative.

    Example:
        >>> from dolmen.core.scipy import special
        >>> special.bernoulli(1)
        Array([ 1. , -0.5], dtype=float32)
    """
    last = operator.index(n)
    if last < 0:
        raise value_error(f"bernoulli: `n` must not be negative, got {last}.")
    values = [_as_float(x) for x in bernoulli_numbers(last)]
    return jnp.asarray(np.array(values), dtypes.default(np.dtype("float64")))


def bernoulli_numbers(last: int) -> list[Fraction]:
    """Bernoulli's numbers up to an index, by the triangle of Akiyama and Tanigawa."""
    row: list[Fraction] = []
    numbers = []
    for m in range(last + 1):
        row.append(Fraction(1, m + 1))
        for j in range(m, 0, -1):
            row[j - 1] = j * (row[j - 1] - row[j])
        numbers.append(row[0])
    if last:
        numbers[1] = -numbers[1]
    return numbers


def _as_float(x: Fraction) -> float:
    try:
        return float(x)
    except OverflowError:
        return math.copysign(math.inf, x)

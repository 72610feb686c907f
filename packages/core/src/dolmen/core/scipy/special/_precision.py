"""What the functions computed from formulas share: dtypes, and sums of powers.

Half precision is computed in single, and results are strongly typed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ... import lax, numpy as jnp
from ..._ir import type_error
from ..._tracing import typeof
from ...numpy._promotion import promote_args_inexact


def of_reals(
    name: str, function: Callable[..., Any], *args: Any, wide: bool = False
) -> Any:
    """`function` of real `args`, promoted to one dtype; computed in float32 at least.

    Results have that dtype, or with `wide` the one they were computed in.

    Raises:
        TypeError: an argument is complex.
    """
    promoted = promote_args_inexact(name, *args)
    dtype = typeof(promoted[0]).dtype
    if jnp.issubdtype(dtype, np.complexfloating):
        raise type_error(f"{name}: arguments must be real, got {dtype}.")
    results = function(*(widened(x) for x in promoted))
    if wide:
        return results
    if isinstance(results, tuple):
        return tuple(lax.convert_element_type(r, dtype) for r in results)
    return lax.convert_element_type(results, dtype)


def widened(x: Any) -> Any:
    """`x` strongly typed, half precision as float32."""
    dtype = typeof(x).dtype
    return lax.convert_element_type(x, np.float32 if dtype.itemsize < 4 else dtype)


def epsilon(x: Any) -> float:
    """Distance from 1 to the next number of the dtype of `x`."""
    return float(jnp.finfo(x.dtype).eps)


def polynomial(coefficients: Sequence[float], x: Any) -> Any:
    """The sum of ``coefficients[k] * x**k`` by Horner's rule."""
    total = jnp.full_like(x, coefficients[-1])
    for coefficient in coefficients[-2::-1]:
        total = total * x + coefficient
    return total


def ratio(coefficients: Sequence[Sequence[float]], x: Any) -> Any:
    """The quotient of two polynomials."""
    above, below = coefficients
    return polynomial(above, x) / polynomial(below, x)

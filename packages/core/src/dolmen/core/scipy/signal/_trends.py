"""Signals without their trend."""

import itertools
from collections.abc import Sequence
from typing import Any

from ... import numpy as jnp
from ..._ir import value_error
from ..._tracing import typeof
from ...numpy._array_like import Array, ArrayLike
from ...numpy._eager import jit_when_eager
from ...numpy._manipulation import as_array, as_axis, as_shape
from ...numpy._promotion import convert, to_inexact, type_of


def detrend(
    data: ArrayLike,
    axis: int = -1,
    type: str = "linear",
    bp: int | Sequence[int] = 0,
    overwrite_data: None = None,
) -> Array:
    """A signal less the straight line, or the constant, that is nearest to it.

    Args:
        data: an array of numbers; integers are taken as floating point.
        axis: of time.
        type: "linear" subtracts the line of least squares, "constant" the mean.
        bp: for "linear", where new lines begin.
        overwrite_data: must be None.

    Returns:
        An array in the shape of `data`.

    Raises:
        NotImplementedError: `overwrite_data` is given.
        TypeError: `bp` holds no integers.
        ValueError: there is no such `axis` or `type`, or `bp` is beyond the data.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import signal
        >>> signal.detrend(jnp.array([1.0, 3.0, 2.0]), type="constant").tolist()
        [-1.0, 1.0, 0.0]
    """
    if overwrite_data is not None:
        raise NotImplementedError(
            "detrend: `overwrite_data` is not supported; arrays never change."
        )
    given = type_of("detrend", "data", data)
    place = as_axis("detrend", axis, given.ndim)
    if type not in ("linear", "constant"):
        raise value_error(
            f"detrend: `type` must be 'linear' or 'constant', got {type!r}."
        )
    size = given.shape[place]
    breaks = as_shape("detrend", bp, "bp")
    if any(not 0 <= at <= size for at in breaks):
        raise value_error(
            f"detrend: `bp` must be between 0 and {size}, the size of axis {place}, "
            f"got {breaks}."
        )
    ends = tuple(sorted({0, size, *breaks})) if type == "linear" else (0, size)
    return _detrended(data, axis=place, line=type == "linear", ends=ends)


@jit_when_eager(static_argnames=("axis", "line", "ends"))
def _detrended(data: Any, *, axis: int, line: bool, ends: tuple[int, ...]) -> Any:
    dtype = to_inexact(typeof(data).dtype)
    x = jnp.moveaxis(as_array(convert(data, dtype)), axis, -1)
    pieces = [x[..., i:j] for i, j in itertools.pairwise(ends)]
    made = [_centered(piece, line) for piece in pieces] or [x]
    return jnp.moveaxis(jnp.concatenate(made, -1), -1, axis)


def _centered(x: Any, line: bool) -> Any:
    x = x - x.mean(-1, keepdims=True)
    size = typeof(x).shape[-1]
    if not line or size < 2:
        return x
    # Times between -1 and 1 whose mean is 0: slope and mean don't depend on each other.
    time = jnp.linspace(-1, 1, size, dtype=x.real.dtype)
    return x - (x * time).sum(-1, keepdims=True) / (time**2).sum() * time

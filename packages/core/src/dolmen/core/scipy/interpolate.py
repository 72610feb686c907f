"""Functions sampled on a grid, interpolated between its points."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from .. import numpy as jnp, tree_util
from .._ir import dtypes, type_error, value_error
from .._tracing import concrete, typeof
from ..numpy._array_like import Array, ArrayLike
from ..numpy._eager import jit_when_eager
from ..numpy._manipulation import as_array
from ..numpy._promotion import convert, to_inexact, type_of

__all__ = ["RegularGridInterpolator"]
__dir__ = __all__.copy

_METHODS = ("linear", "nearest")


class RegularGridInterpolator:
    """Interpolates values on a rectangular grid, whose lines may have any distances.

    It is a pytree of `grid`, `values` and `fill_value`: functions under `jit`, `vmap`
    and `grad` take it as an argument.

    Attributes:
        grid: for each axis, where its points are.
        values: the values there.
        fill_value: for places outside of the grid; None extrapolates.
        method: "linear" or "nearest".
        bounds_error: False.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy.interpolate import RegularGridInterpolator
        >>> x = jnp.array([0.0, 2.0])
        >>> f = RegularGridInterpolator((x, x), jnp.array([[0.0, 1.0], [2.0, 3.0]]))
        >>> f(jnp.array([[1.0, 0.0], [1.0, 2.0], [3.0, 0.0]])).tolist()
        [1.0, 2.0, nan]
    """

    def __init__(
        self,
        points: Sequence[ArrayLike],
        values: ArrayLike,
        method: str = "linear",
        bounds_error: bool = False,
        fill_value: ArrayLike | None = np.nan,
    ) -> None:
        """An interpolator.

        Args:
            points: for each axis ascending real numbers.
            values: ``[len(points[0]), len(points[1]), ..., *values]``; integers are
                taken as floating point.
            method: "linear", or "nearest" (of two equally near points, the lower one).
            bounds_error: False; values can't be checked while tracing.
            fill_value: for places outside of the grid; None extrapolates.

        Raises:
            NotImplementedError: `bounds_error` is true.
            TypeError: an argument is no array, or `points` are complex.
            ValueError: there is no such `method`, `points` are not ascending or don't
                fit `values`, or `fill_value` is complex and `values` are not.
        """
        _check_method(method)
        if bounds_error:
            raise NotImplementedError(
                f"{_NAME}: `bounds_error=True` is not supported: values can't be "
                "checked while tracing."
            )
        type = type_of(_NAME, "values", values)
        grid = tuple(points)
        if len(grid) > type.ndim:
            raise value_error(
                f"{_NAME}: `points` must not have more entries than `values` axes: "
                f"{len(grid)} > {type.ndim}."
            )
        for axis, line in enumerate(grid):
            _check_line(axis, line, type.shape[axis])
        if fill_value is not None:
            filling = type_of(_NAME, "fill_value", fill_value)
            is_complex = [dtypes.kind(t.dtype) == "c" for t in (filling, type)]
            if is_complex == [True, False]:
                raise value_error(
                    f"{_NAME}: `fill_value` must be real as `values` are, got "
                    f"{filling!r}."
                )
        self.method = method
        self.bounds_error = bounds_error
        self.fill_value = None if fill_value is None else jnp.asarray(fill_value)
        self.grid = tuple(jnp.asarray(line) for line in grid)
        self.values = jnp.asarray(values)

    def __call__(self, xi: Any, method: str | None = None) -> Array:
        """The values at places.

        Args:
            xi: ``[..., len(grid)]`` real numbers, or a tuple of an array for each axis,
                which broadcast.
            method: instead of the attribute.

        Returns:
            An array of shape ``[..., *values]``; NaN where a place is NaN.

        Raises:
            TypeError: `xi` is neither array nor tuple.
            ValueError: there is no such `method`, or `xi` doesn't fit the grid.
        """
        method = self.method if method is None else method
        _check_method(method)
        if isinstance(xi, tuple):
            for index, part in enumerate(xi):
                type_of(_NAME, f"xi[{index}]", part)
            places = jnp.stack(jnp.broadcast_arrays(*xi), -1)
        else:
            type_of(_NAME, "xi", xi)
            places = as_array(xi)
        count = len(self.grid)
        found = typeof(places)
        if found.ndim == 1 and found.size % max(count, 1) == 0:
            places = places.reshape(-1, count)
        elif not found.ndim or found.shape[-1] != count:
            raise value_error(
                f"{_NAME}: `xi` must have {count} coordinates along its last axis, got "
                f"{found!r}."
            )
        return _interpolated(
            self.grid, self.values, self.fill_value, places, method=method
        )

    def _flatten(self) -> tuple[Any, Any]:
        leaves = self.grid, self.values, self.fill_value
        return leaves, (self.method, self.bounds_error)

    @classmethod
    def _unflatten(cls, fixed: Any, leaves: Any) -> "RegularGridInterpolator":
        made = object.__new__(cls)
        made.grid, made.values, made.fill_value = leaves
        made.method, made.bounds_error = fixed
        return made


tree_util.register_pytree_node(
    RegularGridInterpolator,
    RegularGridInterpolator._flatten,
    RegularGridInterpolator._unflatten,
)

_NAME = "RegularGridInterpolator"


def _check_method(method: Any) -> None:
    if method not in _METHODS:
        raise value_error(
            f"{_NAME}: `method` must be 'linear' or 'nearest', got {method!r}."
        )


def _check_line(axis: int, line: Any, size: int) -> None:
    type = type_of(_NAME, f"points[{axis}]", line)
    if dtypes.kind(type.dtype) == "c":
        raise type_error(f"{_NAME}: `points[{axis}]` must be real, got {type!r}.")
    if type.shape != (size,) or not size:
        raise value_error(
            f"{_NAME}: `points[{axis}]` must have one axis of as many elements as "
            f"`values` has along axis {axis}, {size}, at least 1; got {type!r}."
        )
    known = concrete(line)
    if known is not None and not is_ascending(known):
        raise value_error(f"{_NAME}: `points[{axis}]` must be strictly ascending.")


def is_ascending(values: Any) -> bool:
    """Whether each of some known numbers is greater than the one before."""
    values = np.asarray(values)
    return bool((values[1:] > values[:-1]).all())


@jit_when_eager(static_argnames=("method",))
def _interpolated(
    grid: tuple[Any, ...], values: Any, fill_value: Any, places: Any, *, method: str
) -> Any:
    values = as_array(convert(values, to_inexact(typeof(values).dtype)))
    places = convert(places, to_inexact(typeof(places).dtype))
    trailing = (1,) * (typeof(values).ndim - len(grid))
    neighbors: list[Any] = []
    is_outside: Any = False
    for axis, line in enumerate(grid):
        place = places[..., axis]
        low, high, share = _between(line, place)
        if method == "nearest":
            neighbors.append([(jnp.where(share <= 0.5, low, high), None)])
        else:
            neighbors.append([(low, 1 - share), (high, share)])
        is_outside = is_outside | (place < line[0]) | (place > line[-1])
    total: Any = None
    for corner in itertools.product(*neighbors):
        part = values.at[tuple(index for index, _ in corner)].get(
            mode="promise_in_bounds", wrap_negative_indices=False
        )
        for _, weight in corner:
            if weight is not None:
                part = part * weight.reshape(*weight.shape, *trailing)
        total = part if total is None else total + part
    shape = (*typeof(places).shape[:-1], *trailing)
    if fill_value is not None:
        total = jnp.where(is_outside.reshape(shape), fill_value, total)
    is_nan = jnp.isnan(places).any(-1).reshape(shape)
    return jnp.where(is_nan, np.nan, total)


def _between(line: Any, place: Any) -> tuple[Any, Any, Any]:
    """Indices of the points that a place is between, and how far it is from the lower.

    The distance is measured in that of the points; outside it is below 0 or above 1.
    """
    last = typeof(line).shape[0] - 1
    low = (jnp.searchsorted(line, place, side="right") - 1).clip(0, max(last - 1, 0))
    high = jnp.minimum(low + 1, last)
    width = jnp.where(low == high, 1, line[high] - line[low])
    return low, high, (place - line[low]) / width

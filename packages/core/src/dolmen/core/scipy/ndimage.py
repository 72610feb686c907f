"""Images sampled between their pixels."""

import functools
import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from .. import lax, numpy as jnp
from .._ir import dtypes, type_error, value_error
from .._tracing import typeof
from ..numpy._array_like import Array, ArrayLike
from ..numpy._eager import jit_when_eager
from ..numpy._manipulation import as_array
from ..numpy._promotion import broadcast_shape, convert, to_inexact, type_of

__all__ = ["map_coordinates"]
__dir__ = __all__.copy


def map_coordinates(
    input: ArrayLike,
    coordinates: Sequence[ArrayLike] | ArrayLike,
    order: int,
    mode: str = "constant",
    cval: ArrayLike = 0.0,
) -> Array:
    """Elements of an array at places between its indices.

    Args:
        input: an array of any dtype.
        coordinates: for each axis of `input` an array of real numbers, the places along
            it; they broadcast. Or one array with these along its first axis.
        order: 0 takes the nearest element, 1 interpolates linearly; others are not
            supported.
        mode: how `input` goes on outside: "constant" by `cval`, "nearest" by its last
            elements, "wrap" periodically, "mirror" mirrored at the last elements,
            "reflect" mirrored at their outer edges. What SciPy calls "grid-constant"
            and "grid-wrap" is "constant" and "wrap" here.
        cval: a number, taken in the dtype of `input`.

    Returns:
        An array of the coordinates' shape in the dtype of `input`; for integers rounded
        to the nearest, halves away from zero.

    Raises:
        NotImplementedError: another `order` or `mode`.
        TypeError: a coordinate is complex, or an argument no array.
        ValueError: there are not as many coordinates as axes, they don't broadcast,
            `cval` does not fit, or `input` is empty.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core.scipy import ndimage
        >>> x = jnp.array([10.0, 20.0, 40.0])
        >>> ndimage.map_coordinates(x, [jnp.array([0.5, 2.0])], order=1).tolist()
        [15.0, 40.0]
    """
    function = "map_coordinates"
    type = type_of(function, "input", input)
    if operator.index(order) not in (0, 1):
        raise NotImplementedError(f"{function}: only `order` 0 and 1 are supported.")
    if mode not in _INSIDE:
        known = ", ".join(map(repr, _INSIDE))
        raise NotImplementedError(
            f"{function}: `mode` must be one of {known}, got {mode!r}."
        )
    filling = type_of(function, "cval", cval)
    is_complex = [dtypes.kind(t.dtype) == "c" for t in (filling, type)]
    if filling.ndim or is_complex == [True, False]:
        raise value_error(
            f"{function}: `cval` must be a number, real for real `input`, got "
            f"{filling!r}."
        )
    if isinstance(coordinates, Sequence):
        types = [
            type_of(function, f"coordinates[{index}]", entry)
            for index, entry in enumerate(coordinates)
        ]
        coordinates, count = list(coordinates), len(types)
    else:
        types = [type_of(function, "coordinates", coordinates)]
        count = types[0].shape[0] if types[0].ndim else 0
    if count != type.ndim:
        raise value_error(
            f"{function}: `coordinates` must have an entry for each of {type.ndim} "
            f"axes of `input`, got {count}."
        )
    for found in types:
        if dtypes.kind(found.dtype) == "c":
            raise type_error(f"{function}: `coordinates` must be real, got {found!r}.")
    if types:
        broadcast_shape(function, types)
    if 0 in type.shape:
        raise value_error(f"{function}: `input` must not be empty, got {type!r}.")
    return _map_coordinates(
        input, coordinates, cval, order=operator.index(order), mode=mode
    )


@jit_when_eager(static_argnames=("order", "mode"), name="map_coordinates")
def _map_coordinates(
    input: Any, coordinates: Any, cval: Any, *, order: int, mode: str
) -> Any:
    input = as_array(input)
    type = typeof(input)
    cval = convert(cval, type.dtype)
    # For each axis: index and weight of the elements that a place lies between.
    neighbors = []
    for axis in range(type.ndim):
        entry = coordinates[axis]
        place = as_array(convert(entry, to_inexact(typeof(entry).dtype)))
        low = jnp.floor(place) if order else _rounded(place)
        index = convert(low, np.dtype("int32"))
        share = place - low
        neighbors.append(
            [(index, 1 - share), (index + 1, share)] if order else [(index, None)]
        )
    total: Any = None
    for corner in itertools.product(*neighbors):
        indices = jnp.broadcast_arrays(*(index for index, _ in corner))
        pairs = list(zip(indices, type.shape, strict=True))
        inside = tuple(_INSIDE[mode](index, size) for index, size in pairs)
        element = input.at[inside].get(
            mode="promise_in_bounds", wrap_negative_indices=False
        )
        if mode == "constant":
            for index, size in pairs:
                element = jnp.where((index >= 0) & (index < size), element, cval)
        weights = [weight for _, weight in corner if weight is not None]
        part = functools.reduce(operator.mul, weights, element)
        total = part if total is None else total + part
    if dtypes.kind(type.dtype) in "iu" and dtypes.is_inexact(typeof(total).dtype):
        total = _rounded(total)
    return convert(total, type.dtype)


def _rounded(x: Any) -> Any:
    return lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO)


# ---- the index inside that stands for one outside ----------------------------------


def _clip(index: Any, size: int) -> Any:
    return index.clip(0, size - 1)


def _wrap(index: Any, size: int) -> Any:
    return index % size


def _mirror(index: Any, size: int) -> Any:
    period = max(2 * (size - 1), 1)
    index = index % period
    return jnp.minimum(index, period - index)


def _reflect(index: Any, size: int) -> Any:
    index = index % (2 * size)
    return jnp.minimum(index, 2 * size - 1 - index)


_INSIDE: dict[str, Callable[[Any, int], Any]] = {
    "constant": _clip,
    "nearest": _clip,
    "wrap": _wrap,
    "mirror": _mirror,
    "reflect": _reflect,
}

"""Arguments that sampling functions share: one key, a shape, a dtype, parameters."""

from typing import Any

import numpy as np

from .. import lax
from .._ir import dtypes, type_error, value_error
from .._tracing import as_array, key_uses_are_checked, typeof, use_key
from ._keys import KeyArray, as_shape as as_shape, open_key

_KINDS = {
    "u": "an unsigned integer",
    "iu": "an integer",
    "f": "a floating-point",
    "fc": "a floating-point or complex",
    "iufc": "a number",
}


def single_key(function: str, key: Any, out_sharding: Any) -> KeyArray:
    """The key argument of a sampling function.

    Raises:
        NotImplementedError: an output sharding is wanted.
    """
    if out_sharding is not None:
        raise NotImplementedError(
            f"{function}: `out_sharding` is not supported yet. Constrain the result's "
            "sharding instead."
        )
    if key.__class__ is KeyArray and not key.ndim:
        one, typed = key, True
    else:
        one, typed = open_key(function, key)
    if typed and key_uses_are_checked():
        use_key(one._base, f"random.{function}")
    return one


def sampled_dtype(function: str, dtype: Any, kinds: str) -> np.dtype:
    """The dtype argument of a sampling function; None stands for `float`.

    Raises:
        TypeError: it is not of one of `kinds`.
    """
    made = dtypes.as_dtype(float if dtype is None else dtype, function=function)
    if dtypes.kind(made) not in kinds:
        raise type_error(
            f"{function}: `dtype` must be {_KINDS[kinds]} dtype, got "
            f"{dtypes.short_name(made)}."
        )
    return made


def parameter_shape(function: str, shape: Any, **parameters: Any) -> tuple[int, ...]:
    """Shape of a sample whose parameters are arrays; by default the one they give.

    Raises:
        ValueError: the parameters do not broadcast to it.
    """
    shapes = [typeof(value).shape for value in parameters.values()]
    if shape is None:
        try:
            return lax.broadcast_shapes(*shapes)
        except ValueError:
            raise _mismatch(function, None, parameters) from None
    sizes = as_shape(function, shape)
    for own in shapes:
        fits = len(own) <= len(sizes) and all(
            a in (1, b) for a, b in zip(reversed(own), reversed(sizes), strict=False)
        )
        if not fits:
            raise _mismatch(function, sizes, parameters)
    return sizes


def _mismatch(function: str, shape: Any, parameters: dict[str, Any]) -> ValueError:
    listed = ", ".join(f"`{k}` is {typeof(v)!r}" for k, v in parameters.items())
    target = "each other" if shape is None else f"`shape` {shape}"
    return value_error(
        f"{function}: parameters must broadcast to {target}: {listed}.",
        "Give `shape` the shape of the whole result, parameters included.",
    )


def convert(x: Any, dtype: np.dtype) -> Any:
    """`x` as exactly `dtype`; constants stay constants."""
    if isinstance(x, bool | int | float | complex | np.generic):
        return np.asarray(x).astype(dtype)[()]
    return lax.convert_element_type(as_array(x), dtype)


def stretch(x: Any, shape: tuple[int, ...]) -> Any:
    """`x` broadcast to `shape`; scalars stay, for operations stretch them."""
    own = typeof(x).shape
    if not own or own == shape:
        return x
    return lax.broadcast_in_dim(x, shape, range(len(shape) - len(own), len(shape)))


def whole(x: Any, shape: tuple[int, ...], dtype: np.dtype) -> Any:
    """`x` as exactly `dtype`, of exactly `shape`."""
    made = convert(x, dtype)
    own = typeof(made).shape
    if own == shape:
        return made
    return lax.broadcast_in_dim(made, shape, range(len(shape) - len(own), len(shape)))

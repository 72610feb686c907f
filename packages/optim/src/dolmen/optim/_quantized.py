"""Optimizer state in 8 bits.

Moments take twice the memory of the parameters, but need few digits and much range.
Here an array is cut into blocks; each keeps its largest magnitude in float32, and each
element one byte: a code ``k`` that stands for ``(k / 127)²`` of it with a sign, or for
``(k / 255)⁴`` where there are no signs. So the codes are dense near zero, where most
elements lie. Powers are chosen so that a step, which divides by the root of the second
moment, sees about the same from both.

Codes are rounded at random, right on average. Rounded to nearest, an average that moves
by a thousandth in each step would never move. What is positive never becomes zero, or
steps would divide by it.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import dolmen.core as dc
import dolmen.core.numpy as jnp
from dolmen.core import extend, random, tree, tree_util, typeof

from ._transformation import (
    GradientTransformation,
    GradientTransformationExtraArgs,
    with_extra_args_support,
)

_BLOCK = 256


@tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class QuantizedArray:
    """A real array with a byte for each element; see `quantized`.

    Attributes:
        codes: ``[blocks, 256]``, int8 with signs, uint8 without; padded with zeros.
        largest: ``[blocks]`` float32, the largest magnitude of each block.
        shape: of the array.
        dtype: of the array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.core import random
        >>> small = optim.quantized(jnp.asarray([4.0, -1.0, 0.0]), random.key(0))
        >>> small.codes.shape, small.shape
        ((1, 256), (3,))
    """

    codes: Any
    largest: Any
    shape: tuple[int, ...] = tree.static()
    dtype: Any = tree.static()  # noqa: RUF009 - likewise


def quantized(x: Any, key: Any, *, non_negative: bool = False) -> QuantizedArray:
    """An array in 8 bits for each element, rounded at random.

    The mean over many keys is `x`.

    Args:
        x: real floating-point array.
        key: random key.
        non_negative: no element is negative, which leaves more codes for each.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.core import random
        >>> x = jnp.asarray([4.0, -1.0, 0.0])
        >>> [round(float(y), 1) for y in
        ...  optim.dequantized(optim.quantized(x, random.key(0)))]
        [4.0, -1.0, 0.0]

    Source: Dettmers et al. (2021), arXiv:2110.02861, for blocks and a code that is
    dense near zero; theirs is another, rounded to nearest.
    """
    x = jnp.asarray(x)
    codes, largest = _encoded(x, key, non_negative)
    return QuantizedArray(codes, largest, x.shape, x.dtype)


def dequantized(x: QuantizedArray) -> Any:
    """The array that a `QuantizedArray` stands for.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> from dolmen.core import random
        >>> optim.dequantized(optim.quantized(jnp.zeros(3), random.key(0)))
        Array([0., 0., 0.], dtype=float32)
    """
    return _decoded(x.codes, x.largest, x.shape, x.dtype)


@functools.partial(dc.jit, static_argnums=2)
def _encoded(x: Any, key: Any, non_negative: bool) -> tuple[Any, Any]:
    steps, power = _code(non_negative)
    flat = x.astype("float32").ravel()
    blocks = jnp.pad(flat, (0, -flat.size % _BLOCK)).reshape(-1, _BLOCK)
    largest = jnp.max(jnp.abs(blocks), 1)
    part = jnp.abs(blocks) / jnp.where(largest == 0, 1, largest)[:, None]
    below = jnp.minimum(jnp.floor(steps * part ** (1 / power)), steps)
    low, high = (below / steps) ** power, ((below + 1) / steps) ** power
    rounds_up = random.uniform(key, part.shape) * (high - low) < part - low
    code = jnp.minimum(below + rounds_up, steps)
    if non_negative:
        return jnp.where(part > 0, jnp.maximum(code, 1), 0).astype("uint8"), largest
    return (jnp.sign(blocks) * code).astype("int8"), largest


@functools.partial(dc.jit, static_argnums=(2, 3))
def _decoded(codes: Any, largest: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    steps, power = _code(codes.dtype == "uint8")
    code = codes.astype("float32")
    part = jnp.sign(code) * (jnp.abs(code) / steps) ** power
    values = (part * largest[:, None]).ravel()[: math.prod(shape)]
    return values.reshape(shape).astype(dtype)


def _code(non_negative: bool) -> tuple[int, int]:
    """Steps between zero and the largest magnitude, and their power."""
    return (255, 4) if non_negative else (127, 2)


class QuantizedState(NamedTuple):
    """State of `with_8bit_state`.

    Attributes:
        rng_key: for the next step.
        inner_state: of the optimizer, with a `QuantizedArray` for each large array.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = optim.with_8bit_state(optim.sgd(0.1, momentum=0.9))
        >>> state = optimizer.init({"w": jnp.zeros((64, 64)), "b": jnp.zeros(64)})
        >>> state.inner_state[0].trace["w"].codes.dtype
        dtype('int8')
        >>> state.inner_state[0].trace["b"].dtype
        dtype('float32')
    """

    rng_key: Any
    inner_state: Any


def with_8bit_state(
    inner: GradientTransformation,
    *,
    min_size: int = 4096,
    non_negative: Sequence[str] = ("nu", "nu_max", "sum_of_squares", "e_g", "e_x"),
    key: Any = 0,
) -> GradientTransformationExtraArgs:
    """Keeps the large arrays of an optimizer's state in 8 bits between steps.

    AdamW's state takes a quarter of the bytes. Every step unpacks the arrays, updates
    them in their own dtype, and packs them again, rounding at random.

    Args:
        inner: the optimizer.
        min_size: arrays with fewer elements stay as they are, as do integers and
            complex numbers.
        non_negative: names of the state's fields that are never negative, such as the
            second moment of `adam`. Of others too, which are then kept less exactly,
            nothing is lost by leaving them out.
        key: random key for the rounding, or an integer to make one of.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen import optim
        >>> optimizer = with_8bit_state(optim.adamw(1e-3))
        >>> params = jnp.ones((64, 64))
        >>> state = optimizer.init(params)
        >>> updates, state = optimizer.update(params, state, params)
        >>> state.inner_state[0].nu.codes.dtype
        dtype('uint8')

    Source: Dettmers et al. (2021), arXiv:2110.02861; see `quantized`.
    """
    inner = with_extra_args_support(inner)
    first_key = random.key(key) if isinstance(key, int) else key
    names = frozenset(non_negative)

    def packed(key: Any, state: Any) -> QuantizedState:
        leaves, structure = tree_util.tree_flatten_with_path(state)
        next_key, *keys = random.split(key, 1 + len(leaves))
        small = [
            quantized(leaf, own, non_negative=not names.isdisjoint(_fields(path)))
            if _is_large(leaf, min_size)
            else leaf
            for own, (path, leaf) in zip(keys, leaves, strict=True)
        ]
        return QuantizedState(next_key, structure.unflatten(small))

    def init(params: Any) -> QuantizedState:
        return packed(first_key, inner.init(params))

    def update(
        updates: Any, state: QuantizedState, params: Any = None, **extra_args: Any
    ) -> tuple[Any, QuantizedState]:
        if not isinstance(state, QuantizedState):
            raise TypeError(
                extend.error_message(
                    "with_8bit_state: `state` must be a QuantizedState, got "
                    f"{type(state).__name__}.",
                    "Make it with the `init` of this very transformation.",
                )
            )
        inner_state = tree.map(_unpacked, state.inner_state, is_leaf=_is_quantized)
        updates, inner_state = inner.update(updates, inner_state, params, **extra_args)
        return updates, packed(state.rng_key, inner_state)

    return GradientTransformationExtraArgs(init, update)


def _unpacked(leaf: Any) -> Any:
    return dequantized(leaf) if _is_quantized(leaf) else leaf


def _is_quantized(leaf: Any) -> bool:
    return isinstance(leaf, QuantizedArray)


def _is_large(leaf: Any, min_size: int) -> bool:
    type = typeof(leaf)
    return type.size >= min_size and jnp.issubdtype(type.dtype, jnp.floating)


def _fields(path: Sequence[Any]) -> set[str]:
    return {key.name for key in path if isinstance(key, tree_util.GetAttrKey)}

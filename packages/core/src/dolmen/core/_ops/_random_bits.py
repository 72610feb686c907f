"""Random bits from the backend's own generator."""

import enum
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import (
    ArrayType,
    Primitive,
    array_type,
    as_integers,
    dtypes,
    type_error,
    value_error,
)
from .._lowering import mlir
from .._tracing import bind
from ._shape import batch_size, broadcast_in_dim, move_axis, sharding_error


class RandomAlgorithm(enum.IntEnum):
    """Generators of `rng_bit_generator`.

    Attributes:
        RNG_DEFAULT: whatever is fastest on the backend; differs between backends.
        RNG_THREE_FRY: Threefry, the same everywhere.
        RNG_PHILOX: Philox, the same everywhere.
    """

    RNG_DEFAULT = 0
    RNG_THREE_FRY = 1
    RNG_PHILOX = 2


_NAMES = {0: "DEFAULT", 1: "THREE_FRY", 2: "PHILOX"}

_UINT32, _UINT64 = np.dtype(np.uint32), np.dtype(np.uint64)


def rng_bit_generator(
    key: Any,
    shape: Sequence[int],
    dtype: Any = np.uint32,
    algorithm: RandomAlgorithm = RandomAlgorithm.RNG_DEFAULT,
    *,
    out_sharding: None = None,
) -> tuple[Any, Any]:
    """Uniformly random bits, and the state to go on from.

    Args:
        key: the state, ``uint32[4]`` or ``uint64[2]``.
        shape: shape of the bits.
        dtype: unsigned integers of 8 to 64 bits.
        algorithm: the generator.
        out_sharding: must be None.

    Returns:
        The new state, like `key`, and the bits, an array of shape `shape`. The bits
        depend on key, shape and dtype together: a part of a larger draw is not a
        smaller draw. Under `vmap` each key draws for itself, one after the other.

    Raises:
        TypeError: `key` or `dtype` has the wrong dtype or shape.

    Example:
        >>> import dolmen.core.numpy as jnp
        >>> from dolmen.core import lax
        >>> key, bits = lax.rng_bit_generator(jnp.array([0, 0, 0, 1], "uint32"), (3,))
        >>> bits.shape, bits.dtype
        ((3,), dtype('uint32'))
    """
    if out_sharding is not None:
        raise sharding_error("rng_bit_generator", "out_sharding", out_sharding)
    made = dtypes.as_dtype(dtype, function="rng_bit_generator")
    primitive = RngBitGenerator(
        as_integers("rng_bit_generator", "shape", shape), made, int(algorithm)
    )
    state, bits = bind(primitive, key)
    return state, bits


class RngBitGenerator(Primitive):
    """New state and random bits of a generator, for each key of a batch.

    The words of the key are its last axis.
    """

    multiple_results = True

    shape: tuple[int, ...]
    dtype: np.dtype
    algorithm: int

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        (key,) = arg_types
        if not key.ndim or (key.dtype, key.shape[-1]) not in (
            (_UINT32, 4),
            (_UINT64, 2),
        ):
            raise type_error(
                f"rng_bit_generator: `key` must be u32[4] or u64[2], got {key!r}."
            )
        if dtypes.kind(self.dtype) != "u":
            raise type_error(
                "rng_bit_generator: `dtype` must be an unsigned integer dtype, got "
                f"{dtypes.short_name(self.dtype)}."
            )
        return [key, array_type(key.shape[:-1] + self.shape, self.dtype)]

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        (key,), (axis,) = args, axes
        return bind(self, move_axis(key, axis, 0)), [0, 0]

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        (key,) = args
        (key_type,) = builder.in_types
        if key_type.ndim == 1:
            return self._draw(builder, key, builder.out_types)
        return self._draw_each(builder, key, key_type)

    def _draw(self, builder: Any, key: Any, types: Sequence[ArrayType]) -> list[Any]:
        # The generators count in 64-bit words.
        key_type, bits_type = types
        wide, pairs = array_type((2,), _UINT64), array_type((2, 2), _UINT32)
        if key_type.dtype == _UINT32:
            key = builder.emit("reshape", (key,), (pairs,))
            key = builder.emit("bitcast_convert", (key,), (wide,))
        algorithm = mlir.rng_algorithm(_NAMES[self.algorithm])
        state, bits = builder.emit(
            "rng_bit_generator", (key,), (wide, bits_type), rng_algorithm=algorithm
        )
        if key_type.dtype == _UINT32:
            state = builder.emit("bitcast_convert", (state,), (pairs,))
            state = builder.emit("reshape", (state,), (key_type,))
        return [state, bits]

    def _draw_each(self, builder: Any, keys: Any, type: ArrayType) -> Any:
        """A loop over the keys that fills two arrays, the states and the bits."""
        count, words = math.prod(type.shape[:-1]), type.shape[-1]
        index = array_type((), np.dtype(np.int32))
        results = list(builder.out_types)
        flat = [
            array_type((count, words), type.dtype),
            array_type((count, *self.shape), self.dtype),
        ]
        one = [t.with_shape(t.shape[1:]) for t in flat]

        def place(i: Any, t: ArrayType) -> list[Any]:
            return [i, *[builder.constant(0, index)] * (t.ndim - 1)]

        def goes_on(i: Any, states: Any, bits: Any) -> list[Any]:
            limit = builder.constant(count, index)
            return [builder.compare("LT", i, limit, index, "SIGNED")]

        def step(i: Any, *filled: Any) -> list[Any]:
            key = builder.emit(
                "dynamic_slice",
                (filled[0], *place(i, flat[0])),
                (flat[0].with_shape((1, words)),),
                slice_sizes=mlir.int_array((1, words)),
            )
            key = builder.emit("reshape", (key,), (one[0],))
            made = []
            for old, new, t in zip(
                filled, self._draw(builder, key, one), flat, strict=True
            ):
                row = t.with_shape((1, *t.shape[1:]))
                new = builder.emit("reshape", (new,), (row,))
                made.append(
                    builder.emit("dynamic_update_slice", (old, new, *place(i, t)), (t,))
                )
            following = builder.emit("add", (i, builder.constant(1, index)), (index,))
            return [following, *made]

        types = [index, *flat]
        start = [
            builder.constant(0, index),
            builder.emit("reshape", (keys,), (flat[0],)),
            builder.constant(0, flat[1]),
        ]
        _, *drawn = builder.emit(
            "while", start, types, regions=[(types, goes_on), (types, step)]
        )
        return [
            builder.emit("reshape", (value,), (t,))
            for value, t in zip(drawn, results, strict=True)
        ]


_DRAWN = frozenset(
    (
        np.dtype(np.float16),
        dtypes.bfloat16,
        np.dtype(np.float32),
        np.dtype(np.float64),
        np.dtype(np.int32),
        np.dtype(np.int64),
        _UINT32,
        _UINT64,
    )
)


def rng_uniform(a: Any, b: Any, shape: Sequence[int]) -> Any:
    """Uniformly random numbers out of a generator with hidden state.

    Every run gives other numbers, and no seed repeats them: prefer
    `dolmen.core.random.uniform`.

    Args:
        a: scalar lower bound: floating point of 16 to 64 bits, or an integer of 32 or
            64 bits.
        b: scalar upper bound of the dtype of `a`; excluded, but for rounding.
        shape: shape of the result.

    Returns:
        An array of shape `shape` and the dtype of the bounds. There is no derivative.

    Raises:
        TypeError: there is no generator for the dtype.
        ValueError: the dtypes of the bounds differ, or they are no scalars.

    Example:
        >>> from dolmen.core import lax
        >>> lax.rng_uniform(3, 4, (2,)).tolist()
        [3, 3]
    """
    return bind(RngUniform(as_integers("rng_uniform", "shape", shape)), a, b)


class RngUniform(Primitive):
    """Uniformly random numbers between two scalars."""

    shape: tuple[int, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> ArrayType:
        a, b = arg_types
        if a.dtype != b.dtype or a.shape or b.shape:
            raise value_error(
                "rng_uniform: bounds must be scalars of equal dtypes, got "
                f"{a!r} and {b!r}."
            )
        if a.dtype not in _DRAWN:
            raise type_error(
                "rng_uniform: bounds must be floating point of 16 to 64 bits or "
                f"integers of 32 or 64 bits, got {a!r}."
            )
        return array_type(self.shape, a.dtype, a.weak_type and b.weak_type)

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        """There is none: the numbers are drawn again with every run."""
        raise type_error(
            "rng_uniform: numbers out of hidden state have no derivative.",
            "Draw with `dolmen.core.random.uniform`, and scale the result.",
        )

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        """Numbers of one interval for the whole batch, moved into that of each lane."""
        from ._arithmetic import add, mul, rem, sub

        shape = (batch_size(args, axes), *self.shape)
        a, b = (
            broadcast_in_dim(x, shape, () if axis is None else (0,))
            for x, axis in zip(args, axes, strict=True)
        )
        dtype = a.dtype
        is_float = dtypes.kind(dtype) == "f"
        top = np.asarray(1 if is_float else np.iinfo(dtype).max, dtype)
        drawn = bind(RngUniform(shape), np.zeros((), dtype), top)
        width = sub(b, a)
        return add(a, (mul if is_float else rem)(drawn, width)), 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        sizes = np.asarray(self.shape, np.int64)
        (out,) = builder.out_types
        shape = builder.constant(sizes, array_type(sizes.shape, sizes.dtype))
        made = builder.emit(
            "rng", (*args, shape), (out,), rng_distribution=mlir.rng_distribution()
        )
        return builder.whole(made)  # one of several devices draws for all

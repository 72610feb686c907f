"""Threefry 2x32: from a key and a counter, 64 bits that look random.

Twenty rounds of add, rotate and xor encrypt the counter under the key, which is
injected again after every fourth round. Equal keys and counters give equal bits on
every backend.

Source: Salmon, Moraes, Dror and Shaw (2011), "Parallel random numbers: as easy as 1,
2, 3", doi:10.1145/2063384.2063405.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from .._ir import ArrayType, Primitive, array_type, type_error
from .._lowering import mlir
from .._ops._elementwise import align_batch, common_shape, stretched
from .._tracing import bind

_UINT32 = np.dtype(np.uint32)
_UINT64 = np.dtype(np.uint64)
_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = 0x1BD11BDA


def threefry_2x32(k1: Any, k2: Any, x1: Any, x2: Any) -> Sequence[Any]:
    """The two encrypted words of counters under a key.

    Args:
        k1: first word of the key, ``uint32``.
        k2: second word of the key.
        x1: high words of the counters.
        x2: low words of the counters.

    Returns:
        Two arrays of the common shape of the arguments; those without axes stretch.
    """
    return bind(Threefry2x32(), k1, k2, x1, x2)


class Threefry2x32(Primitive):
    """Counters ``(x1, x2)`` encrypted under keys ``(k1, k2)``, elementwise."""

    multiple_results = True

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        if any(type.dtype != _UINT32 for type in arg_types):
            listed = ", ".join(map(repr, arg_types))
            raise type_error(f"threefry_2x32: expected uint32 arguments, got {listed}.")
        out = array_type(common_shape("threefry_2x32", arg_types), _UINT32)
        return [out, out]

    def jvp(self, primals: Sequence[Any], tangents: Sequence[Any]) -> Any:
        raise AssertionError("integers have no tangents")

    def batch(self, args: Sequence[Any], axes: Sequence[int | None]) -> Any:
        aligned, axis = align_batch(args, axes)
        return bind(self, *aligned), [axis, axis]

    def cost(self, arg_types: Sequence[ArrayType]) -> Any:
        return 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        # Unrolled: XLA fuses the rounds into one pass over memory, where a loop would
        # read and write every word five times (10 times slower for 10**6 words on CPU).
        type = builder.out_types[0]
        rounds = _Rounds(builder, type)
        k1, k2, x1, x2 = stretched(builder, args)
        keys = [k1, k2, rounds.xor(rounds.xor(k1, k2), rounds.constant(_PARITY))]
        x1, x2 = rounds.add(x1, k1), rounds.add(x2, k2)
        for step in range(5):
            for distance in _ROTATIONS[step % 2]:
                x1 = rounds.add(x1, x2)
                x2 = rounds.xor(x1, rounds.rotate(x2, distance))
            x1 = rounds.add(x1, keys[(step + 1) % 3])
            injected = rounds.add(keys[(step + 2) % 3], rounds.constant(step + 1))
            x2 = rounds.add(x2, injected)
        return [x1, x2]


class _Rounds:
    """The operations of the cipher on words of one type."""

    def __init__(self, builder: Any, type: ArrayType) -> None:
        self._builder = builder
        self._types = (type,)
        self._shape = type.shape

    def constant(self, value: int) -> Any:
        scalar = self._builder.scalar(value, _UINT32)
        return self._builder.stretch(scalar, self._shape) if self._shape else scalar

    def add(self, a: Any, b: Any) -> Any:
        return self._builder.emit("add", (a, b), self._types)

    def xor(self, a: Any, b: Any) -> Any:
        return self._builder.emit("xor", (a, b), self._types)

    def rotate(self, word: Any, distance: int) -> Any:
        high = self._emit("shift_left", word, self.constant(distance))
        low = self._emit("shift_right_logical", word, self.constant(32 - distance))
        return self._emit("or", high, low)

    def _emit(self, operation: str, a: Any, b: Any) -> Any:
        return self._builder.emit(operation, (a, b), self._types)


def counters(shape: tuple[int, ...]) -> Sequence[Any]:
    """High and low words of the row-major position of each element of `shape`."""
    return bind(Counters(shape))


class Counters(Primitive):
    """Positions in `shape` as two 32-bit words."""

    multiple_results = True

    shape: tuple[int, ...]

    def infer_type(self, arg_types: Sequence[ArrayType]) -> Sequence[ArrayType]:
        out = array_type(self.shape, _UINT32)
        return [out, out]

    def cost(self, arg_types: Sequence[ArrayType]) -> Any:
        return 0

    def lower(self, builder: Any, args: Sequence[Any]) -> Any:
        words = tuple(builder.out_types)
        size = math.prod(self.shape)
        if size <= 2**32:  # the usual case: the high words are zero
            zero = builder.scalar(0, _UINT32)
            low = self._positions(builder, _UINT32)
            return [builder.stretch(zero, self.shape) if self.shape else zero, low]
        wide = (array_type(self.shape, _UINT64),)
        position = self._positions(builder, _UINT64)
        distance = builder.stretch(builder.scalar(32, _UINT64), self.shape)
        high = builder.emit("shift_right_logical", (position, distance), wide)
        return [builder.convert(high, words[0]), builder.convert(position, words[1])]

    def _positions(self, builder: Any, dtype: np.dtype) -> Any:
        # A sum over the axes rather than one reshaped ramp, so that a partitioner sees
        # that every part can count for itself.
        type = array_type(self.shape, dtype)
        total = None
        stride = 1
        for axis in reversed(range(len(self.shape))):
            part = builder.emit("iota", (), (type,), iota_dimension=mlir.integer(axis))
            if stride != 1:
                scale = builder.stretch(builder.scalar(stride, dtype), self.shape)
                part = builder.emit("multiply", (part, scale), (type,))
            total = (
                part if total is None else builder.emit("add", (total, part), (type,))
            )
            stride *= self.shape[axis]
        return builder.scalar(0, dtype) if total is None else total

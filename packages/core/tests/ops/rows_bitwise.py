"""Rows of `_ops/_bitwise.py`."""

import numpy as np

from dolmen.core._ops import _bitwise as ops

from .rows import SHAPES, Row, booleans, integers

DTYPES = ("int32", "uint8", "int64")


def rows(primitive, function, oracle, count):
    return [
        Row(primitive, function, oracle, integers(0, 127, count), SHAPES, DTYPES),
        Row(primitive, function, oracle, booleans(count), SHAPES, label="bool"),
    ]


def number_and_distance(rng, shape):
    return [
        np.asarray(rng.integers(-100, 100, shape)),
        np.asarray(rng.integers(0, 7, shape)),
    ]


def logical_shift(x, y):
    return (x.view(np.uint32) >> y.view(np.uint32)).view(np.int32)


def whole_range(rng, shape):
    return [np.asarray(rng.integers(-(2**63), 2**63 - 1, shape)) for _ in range(2)]


def high_half(x, y):
    """The exact product as Python has it."""
    bits = 8 * x.dtype.itemsize
    pairs = zip(x.flat, y.flat, strict=True)
    made = [int(a) * int(b) >> bits for a, b in pairs]
    return np.asarray(made, x.dtype).reshape(x.shape)


def leading_zeros(x):
    return np.vectorize(lambda n: 32 - (int(n) % 2**32).bit_length(), otypes=["i4"])(x)


ROWS = [
    *rows(ops.And, ops.bitwise_and, np.bitwise_and, 2),
    *rows(ops.Or, ops.bitwise_or, np.bitwise_or, 2),
    *rows(ops.Xor, ops.bitwise_xor, np.bitwise_xor, 2),
    *rows(ops.Not, ops.bitwise_not, np.bitwise_not, 1),
    Row(
        ops.ShiftLeft,
        ops.shift_left,
        np.left_shift,
        number_and_distance,
        SHAPES,
        ("int32", "int64"),
    ),
    Row(
        ops.ShiftRightArithmetic,
        ops.shift_right_arithmetic,
        np.right_shift,
        number_and_distance,
        SHAPES,
        ("int32", "int64"),
    ),
    Row(
        ops.ShiftRightLogical,
        ops.shift_right_logical,
        logical_shift,
        number_and_distance,
        SHAPES,
        ("int32",),
    ),
    Row(
        ops.PopulationCount,
        ops.population_count,
        np.bitwise_count,
        integers(0, 127),
        SHAPES,
        DTYPES,
    ),
    Row(
        ops.CountLeadingZeros,
        ops.clz,
        leading_zeros,
        integers(-2, 127 * 2**20),
        SHAPES,
        ("int32",),
    ),
    Row(
        ops.Mulhi,
        ops.mulhi,
        high_half,
        whole_range,
        SHAPES,
        ("int64", "uint64", "int32", "uint32", "int8", "uint8"),
    ),
]

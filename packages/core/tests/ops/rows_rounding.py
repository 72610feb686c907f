"""Rows of `_ops/_rounding.py`."""

import numpy as np

from dolmen.core._ops import _rounding as ops

from .rows import FLOATS, SHAPES, Row, uniform


def away_from_zero(x):
    return np.sign(x) * np.floor(np.abs(x) + 0.5)


def halves(rng, shape):
    return [np.asarray(rng.integers(-9, 9, shape) / 2)]


def to_even(x):
    return ops.round(x, ops.RoundingMethod.TO_NEAREST_EVEN)


ROWS = [
    Row(ops.Floor, ops.floor, np.floor, uniform(-4, 4), SHAPES, FLOATS, flat=(0,)),
    Row(ops.Ceil, ops.ceil, np.ceil, uniform(-4, 4), SHAPES, FLOATS, flat=(0,)),
    Row(
        ops.Round,
        ops.round,
        away_from_zero,
        halves,
        SHAPES,
        FLOATS,
        flat=(0,),
        label="away",
    ),
    Row(ops.Round, to_even, np.round, halves, SHAPES, FLOATS, flat=(0,), label="even"),
]

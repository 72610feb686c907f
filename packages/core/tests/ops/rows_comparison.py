"""Rows of `_ops/_comparison.py`."""

import numpy as np

from dolmen.core._ops import _comparison as ops

from .rows import FLOATS, INTEGERS, SHAPES, Row, disc, integers


def small_numbers(rng, shape):
    """Halves, NaN and infinities, so that many pairs are equal."""
    values = np.array([-1.5, -0.5, 0.0, -0.0, 1.0, np.nan, np.inf, -np.inf])
    return [np.asarray(rng.choice(values, shape)) for _ in range(2)]


def equal_or_not(rng, shape):
    (x,) = disc(1)(rng, shape)
    return [x, np.where(rng.random(shape) < 0.5, x, x.conj())]


def one_number(rng, shape):
    return small_numbers(rng, shape)[:1]


def rows(primitive, function, oracle):
    return [
        Row(primitive, function, oracle, small_numbers, SHAPES, FLOATS, flat=(0, 1)),
        Row(
            primitive,
            function,
            oracle,
            integers(0, 3, 2),
            SHAPES,
            INTEGERS,
            label="int",
        ),
    ]


ROWS = [
    *rows(ops.Eq, ops.eq, np.equal),
    Row(ops.Eq, ops.eq, np.equal, equal_or_not, dtypes=("complex64",), label="complex"),
    *rows(ops.Ne, ops.ne, np.not_equal),
    Row(
        ops.Ne,
        ops.ne,
        np.not_equal,
        equal_or_not,
        dtypes=("complex64",),
        label="complex",
    ),
    *rows(ops.Lt, ops.lt, np.less),
    *rows(ops.Le, ops.le, np.less_equal),
    *rows(ops.Gt, ops.gt, np.greater),
    *rows(ops.Ge, ops.ge, np.greater_equal),
    Row(
        ops.IsFinite, ops.is_finite, np.isfinite, one_number, SHAPES, FLOATS, flat=(0,)
    ),
]

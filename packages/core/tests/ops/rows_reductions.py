"""Rows of `_ops/_reductions.py`."""

import functools

import numpy as np

from dolmen.core._ops import _extrema as extrema, _reductions as ops

from .rows import (
    COMPLEX,
    FLOATS,
    INTEGERS,
    Row,
    booleans,
    disc,
    distinct,
    integers,
    uniform,
)

AXES = (0, 2)
SHAPES = ((2, 3, 2), (2, 0, 3), (3, 2, 2))


def rows(primitive, function, oracle, draw, dtypes, smooth=(), label="", shapes=SHAPES):
    return [
        Row(
            primitive,
            functools.partial(function, axes=axes),
            functools.partial(oracle, axis=axes),
            draw,
            shapes,
            dtypes,
            smooth,
            slack=4.0,  # one rounding for each element
            label=f"{label}{axes}",
        )
        for axes in (AXES, (1,), ())
    ]


def with_zeros(rng, shape):
    """No zero, one and two in a product, where derivatives differ."""
    values = rng.uniform(0.5, 2, shape)
    values[0, 0, 0] = 0
    values[1, :, 0] = 0
    return [values]


def repeated(rng, shape):
    return [np.asarray(rng.integers(0, 3, shape), float)]


def with_nan(rng, shape):
    values = rng.integers(0, 3, shape).astype(float)
    return [np.where(rng.random(shape) < 0.3, np.nan, values)]


def argument(primitive, function, oracle, draw, dtypes, label, flat=()):
    return [
        Row(
            primitive,
            functools.partial(function, axis=axis, index_dtype="int32"),
            functools.partial(oracle, axis=axis),
            draw,
            ((2, 3, 2), (2, 3, 0), (3, 2, 2)),
            dtypes,
            label=f"{label}{axis}",
            flat=flat,
        )
        for axis in (0, 1)
    ]


FULL = ((2, 3, 2), (3, 2, 2))

ROWS = [
    *rows(ops.ReduceSum, ops.reduce_sum, np.sum, uniform(-3, 3), FLOATS, (0,)),
    *rows(ops.ReduceSum, ops.reduce_sum, np.sum, disc(1), COMPLEX, (0,), "complex"),
    *rows(ops.ReduceSum, ops.reduce_sum, np.sum, integers(0, 9), ("int32",), (), "int"),
    *rows(ops.ReduceMax, ops.reduce_max, np.max, distinct, FLOATS, (0,), "", FULL),
    *rows(
        ops.ReduceMax, ops.reduce_max, np.max, integers(0, 9), INTEGERS, (), "int", FULL
    ),
    *rows(ops.ReduceMax, ops.reduce_max, np.any, booleans(), ("float32",), (), "bool"),
    *rows(ops.ReduceMin, ops.reduce_min, np.min, distinct, FLOATS, (0,), "", FULL),
    *rows(
        ops.ReduceMin, ops.reduce_min, np.min, integers(0, 9), INTEGERS, (), "int", FULL
    ),
    *rows(ops.ReduceProd, ops.reduce_prod, np.prod, uniform(0.5, 2), FLOATS, (0,)),
    *rows(
        ops.ReduceProd,
        ops.reduce_prod,
        np.prod,
        with_zeros,
        ("float32",),
        (0,),
        "zeros",
        FULL,
    ),
    *rows(ops.ReduceProd, ops.reduce_prod, np.prod, disc(1), COMPLEX, (0,), "complex"),
    *rows(ops.ReduceAnd, ops.reduce_and, np.all, booleans(), ("float32",), (), "bool"),
    *rows(
        ops.ReduceAnd,
        ops.reduce_and,
        np.bitwise_and.reduce,
        integers(0, 99),
        INTEGERS,
    ),
    *rows(ops.ReduceOr, ops.reduce_or, np.any, booleans(), ("float32",), (), "bool"),
    *rows(ops.ReduceOr, ops.reduce_or, np.bitwise_or.reduce, integers(0, 99), INTEGERS),
    *rows(
        ops.ReduceXor, ops.reduce_xor, np.bitwise_xor.reduce, integers(0, 99), INTEGERS
    ),
    *argument(extrema.Argmax, extrema.argmax, np.argmax, repeated, FLOATS, "", (0,)),
    *argument(extrema.Argmax, extrema.argmax, np.argmax, with_nan, ("float32",), "nan"),
    *argument(
        extrema.Argmax, extrema.argmax, np.argmax, integers(0, 3), INTEGERS, "int"
    ),
    *argument(
        extrema.Argmax, extrema.argmax, np.argmax, booleans(), ("float32",), "bool"
    ),
    *argument(extrema.Argmin, extrema.argmin, np.argmin, repeated, FLOATS, "", (0,)),
    *argument(extrema.Argmin, extrema.argmin, np.argmin, with_nan, ("float32",), "nan"),
]

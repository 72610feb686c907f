"""Rows of `_ops/_sort.py`."""

import functools

import numpy as np

from dolmen.core._ops import _approximate_top_k as approximate, _sort as ops

from .rows import FLOATS, INTEGERS, Row, disc, distinct, integers


def rows(draw, dtypes, smooth=(), label=""):
    return [
        Row(
            ops.Sort,
            functools.partial(ops.sort, dimension=axis),
            functools.partial(np.sort, axis=axis),
            draw,
            ((2, 0), (3,), (3, 4)) if axis else ((2, 0), (3,), (4, 3)),
            dtypes,
            smooth,
            label=f"{label}{axis}",
        )
        for axis in (0, -1)
    ]


def with_nan(rng, shape):
    values = rng.choice([np.nan, -np.inf, np.inf, 0.0, 1.0, -2.5], shape)
    return [np.asarray(values)]


def keys_and_values(rng, shape):
    return [
        np.asarray(rng.integers(0, 2, shape), np.int32),
        np.asarray(rng.integers(0, 2, shape), np.int32),
        *distinct(rng, shape),
    ]


def by_two_keys(first, second, values):
    return ops.sort((first, second, values), 0, num_keys=2)


def lexsorted(first, second, values):
    order = np.lexsort((second, first), axis=0)
    return [np.take_along_axis(x, order, 0) for x in (first, second, values)]


def key_and_value(rng, shape):
    return [np.asarray(rng.integers(0, 3, shape), np.int32), *distinct(rng, shape)]


def argsorted(keys, values):
    order = np.argsort(keys, -1, stable=True)
    return [np.take_along_axis(x, order, -1) for x in (keys, values)]


def largest(x, axis):
    order = np.argsort(-x.astype(float), axis, stable=True)
    indices = np.take(order, range(2), axis).astype(np.int32)
    return [np.take_along_axis(x, indices, axis), indices]


def smallest(x, axis):
    values, indices = largest(-x, axis)
    return [-values, indices]


ROWS = [
    *rows(distinct, FLOATS, (0,)),
    *rows(with_nan, ("float32",), (), "nan"),
    *rows(integers(0, 5), INTEGERS, (), "int"),
    *rows(disc(1), ("complex64",), (), "complex"),
    Row(
        ops.Sort,
        by_two_keys,
        lexsorted,
        keys_and_values,
        ((7, 2),),
        smooth=(2,),
        label="2",
    ),
    Row(
        ops.Sort,
        ops.sort_key_val,
        argsorted,
        key_and_value,
        smooth=(1,),
        label="key_val",
    ),
    *[
        Row(
            ops.TopK,
            functools.partial(ops.top_k, k=2, axis=axis),
            functools.partial(largest, axis=axis),
            distinct,
            ((3, 4),),
            FLOATS,
            (0,),
            label=str(axis),
        )
        for axis in (-1, 0)
    ],
    Row(
        ops.TopK,
        functools.partial(ops.top_k, k=2),
        functools.partial(largest, axis=-1),
        integers(0, 3),
        ((3, 4),),
        ("int32",),
        label="int",
    ),
    *[
        Row(
            approximate.ApproxTopK,
            functools.partial(function, k=2, reduction_dimension=axis),
            functools.partial(oracle, axis=axis),
            distinct,
            ((3, 4),),
            FLOATS,
            (0,),
            label=f"{function.__name__} {axis}",
        )
        for function, oracle in (
            (approximate.approx_max_k, largest),
            (approximate.approx_min_k, smallest),
        )
        for axis in (-1, 0)
    ],
]

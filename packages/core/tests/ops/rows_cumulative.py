"""Rows of `_ops/_cumulative.py`."""

import functools

import numpy as np

from dolmen.core._ops import _cumulative as ops

from .rows import COMPLEX, FLOATS, Row, disc, distinct, integers, uniform

# Short (passes that double), longer than a loop without blocks, empty, typical.
SHAPES = ((2, 70, 2), (1, 1, 3), (2, 0, 2), (2, 10, 1), (2, 4, 2))


def rows(primitive, function, oracle, draw, dtypes, smooth=(), slack=1.0, label=""):
    def backwards(x):
        return np.flip(oracle(np.flip(x, 1), axis=1), 1)

    return [
        Row(
            primitive,
            functools.partial(function, axis=1, reverse=reverse),
            backwards if reverse else functools.partial(oracle, axis=1),
            draw,
            SHAPES,
            dtypes,
            smooth,
            slack,
            label + ("reverse" if reverse else ""),
        )
        for reverse in (False, True)
    ]


def near_one(rng, shape):
    return [np.asarray(rng.uniform(0.8, 1.2, shape))]


def with_zeros(rng, shape):
    values = rng.uniform(0.8, 1.2, shape)
    return [np.where(rng.random(shape) < 0.3, 0.0, values)]


def solve_recurrence(a, b, reverse):
    if reverse:
        return np.flip(solve_recurrence(np.flip(a, 1), np.flip(b, 1), False), 1)
    h = np.zeros_like(b)
    for i in range(b.shape[1]):
        h[:, i] = b[:, i] + (a[:, i] * h[:, i - 1] if i else 0)
    return h


def decays_and_inputs(rng, shape):
    return [
        np.asarray(rng.uniform(-0.9, 0.9, shape)),
        np.asarray(rng.normal(size=shape)),
    ]


def recurrence(reverse):
    return Row(
        ops.LinearRecurrence,
        functools.partial(ops.linear_recurrence, axis=1, reverse=reverse),
        functools.partial(solve_recurrence, reverse=reverse),
        decays_and_inputs,
        SHAPES,
        FLOATS,
        (0, 1),
        10.0,  # the sum is taken in another order
        "reverse" if reverse else "",
    )


# Slack: sums and products of up to 70 elements in another order.
ROWS = [
    *rows(ops.Cumsum, ops.cumsum, np.cumsum, uniform(-1, 1), FLOATS, (0,), 10.0),
    *rows(ops.Cumsum, ops.cumsum, np.cumsum, disc(1), COMPLEX, (0,), 10.0, "complex"),
    *rows(ops.Cumsum, ops.cumsum, np.cumsum, integers(0, 2), ("int32",), label="int"),
    *rows(ops.Cumprod, ops.cumprod, np.cumprod, near_one, FLOATS, (0,), 10.0),
    *rows(
        ops.Cumprod, ops.cumprod, np.cumprod, with_zeros, FLOATS, (0,), 10.0, "zeros"
    ),
    *rows(ops.Cummax, ops.cummax, np.maximum.accumulate, distinct, FLOATS, (0,)),
    *rows(
        ops.Cummax,
        ops.cummax,
        np.maximum.accumulate,
        integers(0, 99),
        ("int32",),
        label="int",
    ),
    *rows(ops.Cummin, ops.cummin, np.minimum.accumulate, distinct, FLOATS, (0,)),
    *rows(
        ops.Cumlogsumexp,
        ops.cumlogsumexp,
        np.logaddexp.accumulate,
        uniform(-3, 3),
        FLOATS,
        (0,),
        10.0,
    ),
    recurrence(False),
    recurrence(True),
]

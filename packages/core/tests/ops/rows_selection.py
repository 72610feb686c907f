"""Rows of `_ops/_selection.py`."""

import numpy as np

from dolmen.core._ops import _selection as ops

from .rows import COMPLEX, FLOATS, SHAPES, Row, disc, uniform


def flags_and_cases(rng, shape):
    return [rng.random(shape) < 0.5, *uniform(-3, 3, 2)(rng, shape)]


def flag_and_cases(rng, shape):
    return [np.asarray(rng.random() < 0.5), *uniform(-3, 3, 2)(rng, shape)]


def flags_and_complex_cases(rng, shape):
    return [rng.random(shape) < 0.5, *disc(1, 2)(rng, shape)]


def indices_and_cases(rng, shape):
    indices = np.asarray(rng.integers(-1, 5, shape), np.int32)
    return [indices, *uniform(-3, 3, 4)(rng, shape)]


def flags_and_scalars(rng, shape):
    return [rng.random(shape) < 0.5, *uniform(-3, 3, 2)(rng, ())]


def nearest_case(which, *cases):
    return np.choose(np.clip(which, 0, len(cases) - 1), cases)


def numbers_and_bounds(rng, shape):
    low = np.asarray(rng.uniform(-2, 0, shape))
    return [low, np.asarray(rng.uniform(-3, 3, shape)), low + 1.5]


def number_and_scalar_bounds(rng, shape):
    return [np.asarray(-1.0), np.asarray(rng.uniform(-3, 3, shape)), np.asarray(1.0)]


def crossed_bounds(rng, shape):
    x = np.asarray(rng.uniform(-3, 3, shape))
    return [np.asarray(1.0), x, np.asarray(-1.0)]


def clip(low, x, high):
    return np.minimum(np.maximum(x, low), high)


ROWS = [
    Row(ops.SelectN, ops.select, np.where, flags_and_cases, SHAPES, FLOATS, (1, 2)),
    Row(
        ops.SelectN, ops.select, np.where, flag_and_cases, smooth=(1, 2), label="scalar"
    ),
    Row(
        ops.SelectN,
        ops.select,
        np.where,
        flags_and_complex_cases,
        dtypes=COMPLEX,
        smooth=(1, 2),
        label="complex",
    ),
    Row(
        ops.SelectN,
        ops.select_n,
        nearest_case,
        indices_and_cases,
        ((3,), (4, 5)),
        smooth=(1, 2, 3, 4),
        label="index",
    ),
    Row(
        ops.SelectN,
        ops.choose,
        np.where,
        flags_and_scalars,
        smooth=(1, 2),
        label="stretching",
    ),
    Row(ops.Clamp, ops.clamp, clip, numbers_and_bounds, SHAPES, FLOATS, (0, 1, 2)),
    Row(
        ops.Clamp,
        ops.clamp,
        clip,
        number_and_scalar_bounds,
        smooth=(0, 1, 2),
        label="scalar",
    ),
    Row(ops.Clamp, ops.clamp, clip, crossed_bounds, smooth=(0, 1, 2), label="crossed"),
]

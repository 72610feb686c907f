"""Rows of `_ops/_reduce.py`."""

import numpy as np

from dolmen.core._ops import _arithmetic, _comparison, _reduce as ops, _selection

from .rows import Row, uniform


def disguised_sum(x):
    def combine(a, b):
        return _arithmetic.add(a, _arithmetic.mul(b, np.asarray(1, x.dtype)))

    return ops.reduce(x, np.asarray(0, x.dtype), combine, (1,))


def first_of_largest(a, b):
    (x, i), (y, j) = a, b
    wins = _comparison.ge(x, y)
    return _selection.select(wins, x, y), _selection.select(wins, i, j)


def value_and_payload(x, payload):
    inits = np.asarray(-np.inf, x.dtype), np.asarray(0, payload.dtype)
    return ops.reduce((x, payload), inits, first_of_largest, (0,))


def largest_and_payload(x, payload):
    where = np.argmax(x, 0)[None]
    return [np.take_along_axis(a, where, 0)[0] for a in (x, payload)]


ROWS = [
    Row(ops.Reduce, disguised_sum, lambda x: np.sum(x, 1), uniform(-1, 1), slack=3.0),
    Row(
        ops.Reduce, value_and_payload, largest_and_payload, uniform(-1, 1, 2), label="2"
    ),
]
